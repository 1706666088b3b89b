"""``crmkit convert``: deals that are there, single fields, plans compared, many leads with their progress."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from tests.cli.conftest import CommandLine, stderr_of

RULE = """
from crmkit import *

@conversion_rule("offers")
def offers(proposal, context):
    yield NameDeal(name=f"Offer for {proposal.lead.company}", reason="that is how we call them")
    yield SetDefault(target=Target.ACCOUNT, field="industry", value="media", reason="most are")

@conversion_rule("sober")
def sober(proposal, context):
    yield NameDeal(name="A deal", reason="no frills")
"""


def test_a_contact_joins_a_deal_that_is_there(shop: CommandLine) -> None:
    shop.run("convert", "Jules", "--deal", "Terminals")

    said = shop.out("convert", "Marie", "--into-deal", "Terminals")

    assert said.startswith("Marie DURAND converted: new contact Marie DURAND, account Hospy Médias, deal Terminals\n")
    with crmkit.open(shop.folder / "crm.db", discover=False) as crm:
        assert crm.deals.count() == 1


def test_a_deal_may_be_named_by_a_rule_and_the_plan_says_who_won(shop: CommandLine) -> None:
    (shop.folder / "rules.py").write_text(RULE, encoding="utf-8")

    text = " ".join(shop.out("--plugin", "rules.py", "convert", "Jules", "--new-deal", "--plan").split())

    assert "new deal name A deal create no frills, instead of rule offers (rule sober)" in text
    assert "deal.name: rule sober wins over rule offers" in text


def test_a_field_is_kept_taken_or_appended_as_it_is_said(shop: CommandLine) -> None:
    shop.run("contact", "add", "first_name=J.", "email=jules@hospy.fr", "city=Paris", "notes=Likes tea")

    shop.run("convert", "Jules", "--field", "contact.city=take", "--field", "contact.first_name=keep")

    card = shop.json("show", "jules@hospy.fr")
    assert (card["record"]["city"], card["record"]["first_name"]) == ("Lyon", "J.")


def test_a_choice_that_is_misspelt_is_an_error_in_two_lines(shop: CommandLine) -> None:
    assert "write it as FIELD=WHAT" in shop.run("convert", "Jules", "--field", "title", code=2).stderr
    assert "say keep, take, append" in shop.run("convert", "Jules", "--field", "contact.title=eat", code=3).stderr


def test_a_plan_is_compared_with_one_that_was_printed_before(shop: CommandLine) -> None:
    (shop.folder / "rules.py").write_text(RULE, encoding="utf-8")
    (shop.folder / "plan.json").write_text(shop.out("convert", "Jules", "--plan", "--json"), encoding="utf-8")

    same = shop.out("convert", "Jules", "--plan", "--compare", "plan.json")
    text = " ".join(shop.out("--plugin", "rules.py", "convert", "Jules", "--plan", "--compare", "plan.json").split())
    facts = shop.json("--plugin", "rules.py", "convert", "Jules", "--plan", "--compare", "plan.json")

    assert "The plan for Jules ETIENNE is the same." in same
    assert "account.industry – media (create: most are (rule offers))" in text
    assert [(each["what"], each["one"], each["other"]) for each in facts["differences"]] == [
        ("account.industry", None, "media")
    ]
    assert shop.json("leads")[0]["status"] == "new"


def test_a_file_that_holds_no_such_plan_is_an_error(shop: CommandLine) -> None:
    (shop.folder / "plan.json").write_text(shop.out("convert", "Jules", "--plan", "--json"), encoding="utf-8")
    (shop.folder / "broken.json").write_text("{", encoding="utf-8")

    assert "it holds no plan for" in shop.run("convert", "Zoé", "--plan", "--compare", "plan.json", code=3).stderr
    assert "it is no JSON" in shop.run("convert", "Zoé", "--plan", "--compare", "broken.json", code=3).stderr
    assert "--compare goes with --plan" in shop.run("convert", "Zoé", "--compare", "plan.json", code=2).stderr


def test_plans_of_merges_are_compared_too(shop: CommandLine) -> None:
    for email, title in (("a@x.example", "PDG"), ("b@x.example", "Directeur")):
        shop.run("contact", "add", "first_name=A", f"email={email}", f"title={title}")
    merge = ("merge", "a@x.example", "b@x.example", "--plan")
    (shop.folder / "plan.json").write_text(shop.out(*merge, "--json"), encoding="utf-8")

    text = " ".join(shop.out(*merge, "--field", "title=b@x.example", "--compare", "plan.json").split())

    assert all(part in text for part in ("PDG (keep: it has a value", "Directeur (overwrite: it was"))
    assert "unmapped.title of A Directeur" in text


def test_each_of_many_leads_has_its_line_and_it_exits_with_3_when_one_is_refused(shop: CommandLine) -> None:
    shop.run("set", "lead", "Zoé", "status=disqualified", "disqualified_reason=spam")

    done = shop.run("convert", "--where", "first_name != ''", code=3)
    again = shop.json("convert", "Jules", "Marie")

    lines = done.stdout.splitlines()
    assert sum(" converted: " in line for line in lines) == 2
    assert "Zoé PETIT: refused" in lines
    assert "  • Zoé PETIT is disqualified (spam); reopen it first" in lines
    assert [each["outcome"] for each in again["result"]] == ["already", "already"]


def test_plans_of_many_leads_say_which_cannot_be_converted(shop: CommandLine) -> None:
    shop.run("set", "lead", "Zoé", "status=disqualified", "disqualified_reason=spam")

    done = shop.run("convert", "Jules", "Zoé", "--plan", code=3)
    facts = shop.json("convert", "Jules", "Zoé", "--plan", code=3)

    assert "Conversion of Jules ETIENNE" in done.stdout
    assert "Zoé PETIT cannot be converted:\n  • Zoé PETIT is disqualified (spam); reopen it first\n" in done.stdout
    assert [sorted(each)[:1] for each in facts] == [["account"], ["lead_id"]]


def test_all_or_nothing_converts_none_when_one_cannot_be(shop: CommandLine) -> None:
    shop.run("set", "lead", "Zoé", "status=disqualified", "disqualified_reason=spam")

    refused = shop.run("convert", "--where", "first_name != ''", "--all-or-nothing", code=3)

    assert "Zoé PETIT is disqualified" in refused.stderr
    assert shop.json("contacts") == []


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_and_nowhere_else(tmp_path: Path, terminal: bool) -> None:  # noqa: FBT001  # a case
    with crmkit.open(tmp_path / "many.db", create=True, discover=False) as crm:
        crm.leads.add_many({"first_name": f"Lead {i}"} for i in range(1100))

    told = stderr_of(tmp_path, "--db", "many.db", "convert", "--where", "first_name != ''", terminal=terminal)

    assert bool(told) is terminal
    assert ("1100/1100" in told.replace(" ", "")) is terminal
