"""Duplicates, merging and trying rules on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from tests.cli.conftest import CommandLine

RULE = """
from crmkit import SetField, Target, conversion_rule

@conversion_rule("shout")
def shout(proposal, context):
    yield SetField(target=Target.CONTACT, field="city", value=(proposal.lead.city or "?").upper(), reason="loud")
"""


@pytest.fixture
def twice(shop: CommandLine) -> tuple[CommandLine, str, str]:
    """The shop with a contact that is there twice."""
    with crmkit.open(shop.folder / "crm.db", discover=False) as crm:
        one = crm.contacts.add(first_name="Ada", email="ada@engines.example", title="Countess")
        other = crm.contacts.add(first_name="Ada", email="ada@engines.example", title="Lady", city="London")
        crm.note(other, "Wants to see the engine")
    return shop, one.id, other.id


def test_duplicates_are_listed_with_evidence_and_the_command_to_merge_them(
    twice: tuple[CommandLine, str, str],
) -> None:
    cli, one, other = twice

    out = cli.out("duplicates", "contacts")

    assert out.startswith("Strong: e-mail ada@engines.example")
    assert f"Merge with: crmkit merge {other} {one}" in out
    assert cli.json("duplicates", "contacts", "--where", "city = Paris") == []
    assert [g["strength"] for g in cli.json("duplicates", "contacts")] == ["strong"]
    assert cli.out("duplicates", "accounts") == "No accounts seem to be there twice.\n"


def test_a_plan_shows_each_field_and_does_nothing(twice: tuple[CommandLine, str, str]) -> None:
    cli, one, other = twice

    out = cli.out("merge", one, other, "--plan")

    assert "Merge of Ada into Ada" in out
    assert "(Countess)" in out
    assert "title of Ada: Lady" in out
    assert "Nothing was done yet." in out
    assert cli.json("duplicates", "contacts")


def test_merging_says_what_it_did_and_again_that_it_is_done(twice: tuple[CommandLine, str, str]) -> None:
    cli, one, other = twice

    out = cli.out("merge", one, other)
    again = cli.out("merge", one, other)

    assert out.startswith(f"Merged Ada into the contact Ada ({one}).\nKept with the merge: title: Lady\nUndo with:")
    assert "is part of the contact Ada already" in again
    shown = cli.out("show", other)
    assert "London" in shown
    assert "Wants to see the engine" in shown


def test_a_field_can_be_chosen(twice: tuple[CommandLine, str, str]) -> None:
    cli, one, other = twice

    result = cli.json("merge", one, other, "--field", f"title={other}")["result"]

    assert result["winner"]["title"] == "Lady"
    assert result["merges"][0]["replaced"] == {"title": "Countess"}
    cli.run("merge", one, other, "--field", "title", code=2)


def test_a_dry_run_merges_nothing(twice: tuple[CommandLine, str, str]) -> None:
    cli, one, other = twice

    out = cli.out("merge", one, other, "--dry-run")

    assert "This was a dry run" in out
    assert cli.json("duplicates", "contacts")


def test_a_lead_is_merged_into_a_contact_by_a_conversion(shop: CommandLine) -> None:
    with crmkit.open(shop.folder / "crm.db", discover=False) as crm:
        contact = crm.contacts.add(first_name="Zoé", last_name="PETIT", email="zoe@petit.example").id

    found = shop.out("duplicates", "leads")
    plan = shop.out("merge", contact, "zoe@petit.example", "--plan")
    lead = shop.json("lead", "show", "zoe@petit.example")["record"]["id"]
    done = shop.out("merge", contact, lead)
    again = shop.out("merge", contact, lead)

    assert f"crmkit merge {contact} {lead}" in found
    assert "Conversion of Zoé PETIT" in plan
    assert "is part of the contact Zoé PETIT already" in again
    assert done.startswith(f"Converted Zoé PETIT into the contact Zoé PETIT ({contact}).")


def test_records_that_cannot_be_merged_are_refused_in_two_lines(shop: CommandLine) -> None:
    shop.run("convert", "jules@hospy.fr")

    error = shop.run("merge", "jules@hospy.fr", "marie@hospy.fr", "--kind", "lead", code=3).stderr

    assert "is converted and lives on as a contact" in error


def test_a_rule_is_tried_on_past_leads(shop: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(RULE, encoding="utf-8")
    shop.run("convert", "jules@hospy.fr")

    listed = shop.out("rules", "list", "--plugin", "shout.py")
    out = shop.out("rules", "try", "shout", "--plugin", "shout.py")

    assert "shout" in listed
    assert "LYON" in out
    assert "The rule shout makes a difference for 1 of 1 lead." in out
    assert shop.json("contact", "show", "jules@hospy.fr")["record"]["city"] == "Lyon"
    assert shop.out("rules", "list", "--no-plugins") == "No plugin brings a rule.\n"
    assert "there is no conversion rule 'shuot'" in shop.run("rules", "try", "shuot", code=4).stderr
