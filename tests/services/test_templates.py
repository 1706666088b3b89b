"""Message templates: what they refuse, what they escape, what they never read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.errors import RejectedError
from crmkit.services.templates import TEMPLATE_ROOTS, DefaultTemplate, compile_template, default_templates

KNOWN: Mapping[str, object] = {
    "lead": ("first_name", "company", "tags", "badge_scan.booth"),
    "campaign": ("name", "budget", "starts_on"),
    "sender": ("name",),
    "unsubscribe_url": "",
}


def rendered_text(text: str, values: Mapping[str, object] | None = None, *, language: str = "en") -> str:
    return compile_template("", text, language=language).render(values or {}).text


class TestChecking:
    def test_all_problems_of_all_parts_come_together(self) -> None:
        template = compile_template(
            "Hello {{ lead.frist_name }}",
            "Hello\n{% if lead.company %}\n",
            "<p>{{ lead.first_name | upcas }}</p>\n<p>{{ nobody }} {{ lead.company | nope }}</p>",
        )

        with pytest.raises(RejectedError) as caught:
            template.check(KNOWN)

        assert sorted(caught.value.reasons) == [
            "html, line 1: unknown filter 'upcas', did you mean 'upcase'?",
            "html, line 2: unknown filter 'nope'",
            "html, line 2: unknown variable 'nobody'",
            "subject, line 1: unknown variable 'lead.frist_name', did you mean 'lead.first_name'?",
            "text, line 2: expected tag endif, found end of expression",
        ]

    @pytest.mark.parametrize("wrong", ["{{ lead. }}", "{% if %}{% endif %}", "{% if x", "{% nope %}", "{% if x %}"])
    def test_a_syntax_error_names_its_line(self, wrong: str) -> None:
        template = compile_template("", f"one\ntwo\n{wrong} {{{{ x }}}}")

        with pytest.raises(RejectedError, match=r"^text, line 3: "):
            template.check(KNOWN)

    @pytest.mark.parametrize(
        "text",
        [
            "{{ lead.first_name }}{% if lead.company %}{{ lead.badge_scan.booth }}{% endif %}",
            "{% if lead %}{{ lead.tags.size }}{{ lead.tags.first }}{{ lead.tags[0] }}{% endif %}",
            "{% for tag in lead.tags %}{{ forloop.index }}{{ tag }}{% endfor %}",
            "{% assign who = lead.first_name %}{{ who | default: 'you' }}",
            '{{ campaign.budget | money: "EUR" }} {{ campaign.starts_on | datetime: format: "long" }}',
        ],
    )
    def test_what_is_right_is_accepted(self, text: str) -> None:
        compile_template("", text).check(KNOWN)

    def test_the_known_values_may_be_given_as_dotted_paths(self) -> None:
        template = compile_template("", "{{ lead.first_name }}")

        template.check({"lead.first_name"})
        with pytest.raises(RejectedError, match=r"did you mean 'lead\.last_name'"):
            template.check({"lead.last_name"})

    def test_the_variables_of_all_parts_are_listed(self) -> None:
        template = compile_template("{{ campaign.name }}", "{% assign x = lead.company %}{{ x }}", "{{ sender.name }}")

        assert template.variables() == {"campaign.name", "lead.company", "sender.name"}


class TestRendering:
    @pytest.mark.parametrize("hostile", ["{{7*7}}", "{% raw %}", "${7*7}", "<%= 7*7 %>", "{0.__class__}", "{{ lead }}"])
    def test_a_value_is_never_read_as_a_template(self, hostile: str) -> None:
        template = compile_template("{{ lead.first_name }}", "{{ lead.first_name }}", "{{ lead.first_name }}")

        rendered = template.render({"lead": {"first_name": hostile}})

        assert (rendered.subject, rendered.text) == (hostile, hostile)
        assert rendered.html == hostile.replace("<", "&lt;").replace(">", "&gt;")

    def test_only_the_html_part_is_escaped(self) -> None:
        template = compile_template("{{ lead.company }}", "{{ lead.company }}", "<b>{{ lead.company }}</b>")

        rendered = template.render({"lead": {"company": "R&D <Sàrl>"}})

        assert (rendered.subject, rendered.text) == ("R&D <Sàrl>", "R&D <Sàrl>")
        assert rendered.html == "<b>R&amp;D &lt;Sàrl&gt;</b>"

    def test_no_filter_lets_markup_of_a_value_through(self) -> None:
        from crmkit.services._liquid import environment

        hostile, filters = {"lead": {"first_name": "<svg/onload=x>"}}, environment(autoescape=True).filters
        for name in filters:
            for call in (name, f"{name}: 'b'", f"{name}: lead.first_name", f"{name}: 'n', lead.first_name"):
                for left in ("lead.first_name", "'<i>'"):
                    template = compile_template("", "", f"{{{{ {left} | {call} }}}}")
                    try:
                        html = template.render(hostile).html
                    except RejectedError:
                        continue
                    assert "<svg" not in html.lower(), call

    def test_a_missing_value_comes_out_as_nothing(self) -> None:
        text = "[{{ lead.first_name }}{{ sender.name | upcase }}{{ a.b.c | date: '%Y' }}{{ x | money: 'EUR' }}]"

        assert rendered_text(text, {"lead": {"first_name": None}}) == "[]"

    @pytest.mark.parametrize("blank", [None, "", " \n", [], {}])
    @pytest.mark.parametrize(
        "condition", ["lead.x", "lead.x != blank", "blank != lead.x", "lead.x != ''", "lead.x != empty"]
    )
    def test_whatever_is_blank_counts_as_missing_however_one_asks(self, blank: object, condition: str) -> None:
        text = f"{{% if {condition} %}}there{{% else %}}missing{{% endif %}}"

        assert rendered_text(text, {"lead": {"x": blank}}) == "missing"
        assert rendered_text(text, {"lead": {}}) == "missing"
        assert rendered_text(text, {"lead": {"x": "a"}}) == "there"

    def test_a_subject_is_one_line(self) -> None:
        template = compile_template("\nHello {{ lead.first_name }} \n !", "")

        rendered = template.render({"lead": {"first_name": "Jules\r\nBcc: e@x\u2028y"}})

        assert rendered.subject == "Hello Jules Bcc: e@x y !"

    def test_a_no_break_space_in_a_subject_stays(self) -> None:
        assert compile_template("Merci\u00a0!", "").render({}).subject == "Merci\u00a0!"

    def test_many_rows_are_rendered_in_order(self) -> None:
        template = compile_template("", "{{ lead.first_name }}")

        rendered = template.render_many([{"lead": {"first_name": name}} for name in "abc"])

        assert [one.text for one in rendered] == ["a", "b", "c"]

    def test_the_rows_that_fail_are_named(self) -> None:
        template = compile_template("", "{{ n | decimal }}")

        with pytest.raises(RejectedError) as caught:
            template.render_many([{"n": 1}, {"n": "x"}, {"n": "y"}])

        assert [reason[:6] for reason in caught.value.reasons] == ["row 2:", "row 3:"]

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_any_value_comes_out_verbatim_but_for_its_line_ends(self, value: str) -> None:
        rendered = rendered_text("[{{ lead.first_name }}]", {"lead": {"first_name": value}})

        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        assert rendered == (f"[{lines}]" if value.strip() else "[]")


class TestLanguages:
    def test_money_dates_and_numbers_are_written_in_the_manner_of_the_language(self) -> None:
        text = '{{ n | money: "EUR" }} | {{ n | decimal }} | {{ d | datetime: format: "d MMMM y" }}'
        values = {"n": "1234.5", "d": dt.datetime(2026, 3, 4, tzinfo=dt.UTC)}

        assert rendered_text(text, values, language="en") == "€1,234.50 | 1,234.5 | 4 March 2026"
        assert rendered_text(text, values, language="fr") == "1\u202f234,50\u00a0€ | 1\u202f234,5 | 4 mars 2026"

    @pytest.mark.parametrize("text", ["{{ 12 | money }}", "{{ 12 | money: 'XXY' }}"])
    def test_a_currency_is_never_guessed(self, text: str) -> None:
        with pytest.raises(RejectedError, match="say the currency"):
            rendered_text(text)


class TestLimits:
    @pytest.mark.parametrize(
        "text",
        [
            "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
            "{% for a in (1..1500) %}x{% endfor %}{% for a in (1..1500) %}x{% endfor %}",
            "{% for a in (1..99999999999999999999999999) %}x{% endfor %}",
            "{% tablerow a in (1..100000) cols:2 %}x{% endtablerow %}",
            "{{ (1..1000000000) | reverse | join: 'x' }}",
            "{% assign a = 'aaaaaaaaaa' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}",
            "{{ 'aaaaaaaaaa'" + " | replace: 'a', 'aaaaaaaaaa'" * 12 + " }}",
            "{% assign a = 'a' | split: ',' %}{% for i in (1..60) %}{% assign a = a | concat: a %}{% endfor %}{{ a }}",
            "{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
            "{% for i in (1..2000) %}" + "x" * 1_000 + "{% endfor %}",
            "{% if true %}" * 100 + "{% endif %}" * 100,
            "x" * 100_001,
            "{{ '1e999999999' | money: 'EUR' }}",
            "{{ '1e999999999' | round }}",
        ],
    )
    def test_a_template_without_end_is_refused(self, text: str) -> None:
        with pytest.raises(RejectedError):
            rendered_text(text)

    @pytest.mark.parametrize("tag", ["{% include 'x' %}", "{% render '/etc/passwd' %}", "{% extends 'x' %}"])
    def test_no_template_reaches_another_file(self, tag: str) -> None:
        with pytest.raises(RejectedError, match="unexpected tag"):
            rendered_text(tag)

    @pytest.mark.parametrize(
        "text", ["{{ lead.__class__ }}", "{{ lead.first_name.__init__ }}", "{{ lead.keys }}", "{{ lead['__class__'] }}"]
    )
    def test_attributes_of_python_are_out_of_reach(self, text: str) -> None:
        assert rendered_text(text, {"lead": {"first_name": "Jules"}}) == ""

    @pytest.mark.parametrize("text", ["{{ 'now' | date: '%Y' }}", "{{ 'today' | datetime }}"])
    def test_a_template_has_no_clock(self, text: str) -> None:
        with pytest.raises(RejectedError, match="no clock"):
            rendered_text(text)

    def test_a_value_is_escaped_even_where_the_template_would_rather_not(self) -> None:
        with pytest.raises(RejectedError, match="unknown filter 'safe'"):
            compile_template("", "", "{{ lead.first_name | safe }}").check(KNOWN)


class TestTheDefaultTemplates:
    VALUES: Mapping[str, object] = {
        "lead": {"first_name": "Jules", "company": "Hospy Médias"},
        "campaign": {"name": "SantExpo 2026"},
        "sender": {"name": "Anne"},
        "unsubscribe_url": "https://example.com/leave?t=1&a=2",
    }

    def test_there_is_a_thank_you_in_french_and_english(self) -> None:
        assert [(one.key, one.language) for one in default_templates()] == [("thank_you", "fr"), ("thank_you", "en")]

    @pytest.mark.parametrize("default", default_templates(), ids=lambda one: one.language)
    def test_they_check_and_say_everything(self, default: DefaultTemplate) -> None:
        template = compile_template(default.subject, default.text, default.html, language=default.language)

        template.check(self.VALUES)
        rendered = template.render(self.VALUES)

        assert {path.split(".")[0] for path in template.variables()} <= set(TEMPLATE_ROOTS)
        assert "SantExpo 2026" in rendered.subject
        for body in (rendered.text, rendered.html):
            assert all(word in body for word in ("Jules", "Hospy Médias", "SantExpo 2026", "Anne"))
        assert "https://example.com/leave?t=1&a=2" in rendered.text
        assert 'href="https://example.com/leave?t=1&amp;a=2"' in rendered.html

    @pytest.mark.parametrize("default", default_templates(), ids=lambda one: one.language)
    def test_they_read_well_when_nothing_is_known(self, default: DefaultTemplate) -> None:
        rendered = compile_template(default.subject, default.text, default.html).render({})

        for part in (rendered.subject, rendered.text, rendered.html):
            assert not any(gap in part for gap in ("  ", " ,", " .", "{", "http", "href"))
