"""Expressions: built in Python, written as text, read back as the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import Expression, LeadStatus, Money, field
from crmkit.core.expression_text import LONGEST_TEXT, parse_expression
from crmkit.core.expressions import Test, Verb, paths_in
from crmkit.errors import RejectedError

VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["and", "OR", "in", "empty", "-30d", "a..b", "a.", ".a", 'say "hi"', "back\\slash", "\\'", "O'Brien"]
    ),
    st.integers(),
    st.booleans(),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.just(Money("12.50", "EUR")),
    st.sampled_from(list(LeadStatus)),
)
PATHS = st.one_of(st.sampled_from(["status", "account.name", "badge_scan.booth", "is", "not"]), st.text(max_size=8))


@st.composite
def a_test(draw: st.DrawFn) -> Expression:
    path = field(draw(PATHS))
    one = draw(VALUES)
    choices: list[Expression] = [
        path == one,
        path != one,
        path < one,
        path <= one,
        path > one,
        path >= one,
        path.contains(one),
        path.has(one),
        path.is_empty(),
        ~path.is_empty(),
        path.between(one, draw(VALUES)),
        path.in_(draw(st.lists(VALUES, max_size=3))),
        ~path.in_([one, None]),
    ]
    return choices[draw(st.integers(0, len(choices) - 1))]


EXPRESSIONS = st.recursive(
    a_test(),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_an_expression_is_read_back_from_its_text(expression: Expression) -> None:
    assert parse_expression(str(expression)) == expression


@given(st.text(max_size=40) | st.text(alphabet="ab=<>!~()\"'\\., -orndti", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        read = parse_expression(text)
    except RejectedError:
        return

    assert parse_expression(str(read)) == read


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("status = new", field("status") == "new"),
        ("status=new AND score>=50", (field("status") == LeadStatus.NEW) & (field("score") >= 50)),
        ("a = 1 or b = 2 and c = 3", (field("a") == 1) | ((field("b") == 2) & (field("c") == 3))),
        ("(a = 1 or b = 2) and c = 3", ((field("a") == 1) | (field("b") == 2)) & (field("c") == 3)),
        ("not a = 1 and b = 2", (field("a") != 1) & (field("b") == 2)),
        ("not (a = 1 and b = 2)", ~((field("a") == 1) & (field("b") == 2))),
        ("company = 'Hospy Médias'", field("company") == "Hospy Médias"),
        ('company = "say \\"hi\\""', field("company") == 'say "hi"'),
        ("name !~ hospy", ~field("name").contains("hospy")),
        ("tags has vip", field("tags").has("vip")),
        ("email is empty", field("email") == None),  # noqa: E711  # it is the language
        ("email is not empty", ~field("email").is_empty()),
        ("status in (new, contacted)", field("status").in_(["new", "contacted"])),
        ("status not in ()", ~field("status").in_([])),
        ("score in 10..20", field("score").between(10, 20)),
        ("closed_on in 2026-01-01..2026-01-31", field("closed_on").between(date(2026, 1, 1), date(2026, 1, 31))),
        ("price < 10.50", field("price") < Decimal("10.50")),
        ("amount > '12.50 EUR'", field("amount") > Money("12.5", "EUR")),
        ("active = yes", field("active") == True),  # noqa: E712  # likewise
        ("at > 2026-01-31T09:30:00.000000Z", field("at") > datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("created_at > -30d", field("created_at") > "-30d"),
        ('"not" = "and"', field("not") == "and"),
        ("account.parent.name = x", field("account.parent.name") == "x"),
    ],
)
def test_text_and_python_say_the_same(text: str, expression: Expression) -> None:
    assert parse_expression(text) == expression


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at character 1 of the condition: expected the name of a field, found the end"),
        ("status", "at character 7 of the condition: expected a comparison such as = or ~, “in” or “is empty”"),
        ("status = = x", "at character 10 of the condition: expected a value for status, found “=”"),
        ("status = new score > 5", "at character 14 of the condition: expected “and”, “or” or the end, found “score”"),
        ("(a = 1", "at character 7 of the condition: expected “)”, “and” or “or”, found the end"),
        ("a in (1, 2", "expected “,” or “)”, found the end"),
        ("a in 1", "expected “..” and the end of the range"),
        ("a is full", "at character 6 of the condition: expected “empty” or “not empty”, found “full”"),
        ("a not = 1", "expected “in”, found “=”"),
        ("a = 'b", "at character 5 of the condition: this quote is not closed"),
        ("a = b!", "at character 6 of the condition: '!' must be in quotes"),
        ("a = and", "expected a value for a, found “and”"),
        ("(" * 40 + "a = 1" + ")" * 40, "nested more than 30 deep"),
        ("not " * 40 + "a = 1", "nested more than 30 deep"),
        ("a" * (LONGEST_TEXT + 1), "at most 10000 are read"),
    ],
)
def test_an_error_says_where_it_is_and_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_expression(text)

    assert reason in str(caught.value)


def test_a_value_of_several_words_is_hinted_at() -> None:
    with pytest.raises(RejectedError) as caught:
        parse_expression("company = Hospy Médias")

    assert "goes in quotes" in caught.value.hint


def test_brackets_that_mean_nothing_leave_no_trace() -> None:
    a, b, c = field("a") == 1, field("b") == 2, field("c") == 3

    assert (a & b) & c == a & (b & c) == parse_expression("(a = 1 and (b = 2 and ((c = 3))))")
    assert str((a | b) | c) == "a = 1 or b = 2 or c = 3"


def test_none_among_several_values_stands_for_empty() -> None:
    assert field("a").in_([1, None]) == field("a").in_([1]) | field("a").is_empty()


def test_an_expression_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="& for and"):
        (field("a") == 1) and (field("b") == 2)  # building it is what is tried
    with pytest.raises(TypeError, match="between"):
        1 < field("a") < 5  # noqa: B015  # likewise


def test_a_field_is_compared_with_values_only() -> None:
    with pytest.raises(TypeError, match=r"\.in_\(\[\.\.\.\]\)"):
        field("a") == [1, 2]  # noqa: B015  # building it is what is tried
    with pytest.raises(TypeError, match="with a object"):
        field("a") < object()  # noqa: B015  # likewise
    with pytest.raises(TypeError):
        hash(field("a"))


def test_the_fields_of_an_expression_are_known() -> None:
    assert paths_in(parse_expression("a = 1 and not (b.c is empty or a > 2)")) == {"a", "b.c"}


def test_a_test_holds_text_only() -> None:
    assert (field("score") >= 50) == Test("score", Verb.AT_LEAST, ("50",))
