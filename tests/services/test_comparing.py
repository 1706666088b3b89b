"""Comparing plans: what one does otherwise than the other, also of one that was printed before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import crmkit
from crmkit import CRM, Context, Drop, Lead, Proposal, SetField, Target, conversion_rule
from crmkit.errors import RejectedError
from crmkit.services.comparing import PlanDifference, compare_plans


def opened(*plugins: Any) -> CRM:
    return crmkit.open("memory:", plugins=plugins, discover=False)


def jules(crm: CRM, **more: Any) -> Lead:
    return crm.leads.add(**{"first_name": "Jules", "email": "jules@hospy.example", "title": "Directeur", **more})


@conversion_rule("chief")
def chief(_proposal: Proposal, _context: Context) -> Iterator[SetField | Drop]:
    yield SetField(target=Target.CONTACT, field="title", value="CEO", reason="all of ours are")
    yield Drop(field="score", reason="it says nothing later")


def test_two_plans_on_the_same_ground_are_the_same() -> None:
    crm = opened()
    lead = jules(crm)

    comparison = crm.plan_conversion(lead).compare(crm.plan_conversion(lead))

    assert not comparison
    assert comparison.differences == ()


def test_it_tells_field_by_field_what_is_done_otherwise_and_why() -> None:
    crm = opened()
    lead = jules(crm, company="Hospy", score=70)
    contact = crm.contacts.add(first_name="Marie", email="m@hospy.example")

    comparison = crm.plan_conversion(lead).compare(
        crm.plan_conversion(lead, contact=contact, deal="Screens", with_account=False)
    )

    told = {each.what: (each.one, each.other) for each in comparison}
    assert told["contact"] == ("a new one", contact.id)
    assert told["account"] == ("a new one", None)
    assert told["deal"] == (None, "a new one")
    assert told["contact.first_name"] == ("Jules", "Marie")
    assert told["unmapped.first_name"] == (None, "Jules")
    assert "unmapped.score" not in told
    by_what = {each.what: each for each in comparison}
    assert by_what["contact.title"] == PlanDifference(
        what="contact.title",
        one="Directeur",
        other="Directeur",
        one_why="create: title of the lead",
        other_why="fill: it was empty, title of the lead",
    )


def test_what_a_rule_changes_names_the_rule() -> None:
    without, with_rule = opened(), opened(chief)
    before = without.plan_conversion(jules(without, score=70))

    after = with_rule.plan_conversion(jules(with_rule, score=70))

    lines = str(before.compare(after)).splitlines()
    assert "contact.title: Directeur (create: title of the lead) → CEO (create: all of ours are (rule chief))" in lines
    assert "unmapped.score: 70 → nothing" in lines
    assert "dropped.score: nothing → chief" in lines


def test_a_plan_that_was_printed_as_json_can_be_compared() -> None:
    crm = opened()
    crm.accounts.add(name="HOSPY SARL")
    lead = jules(crm, company="Hospy", tags=["vip"], source="badge")
    plan = crm.plan_conversion(lead, deal="Screens", deal_values={"amount": "900 EUR"})
    printed = json.loads(json.dumps(plan.as_json()))

    assert plan.compare(printed).differences == ()
    assert [each.what for each in compare_plans(printed, crm.plan_conversion(lead, deal="Terminals"))] == [
        "deal.name",
        "deal.amount",
    ]


def test_plans_of_merges_are_compared_too_also_as_json() -> None:
    crm = opened()
    winner = crm.contacts.add(first_name="Jules", title="PDG", tags=["vip"])
    loser = crm.contacts.add(first_name="Jules", title="Directeur", city="Lyon")
    plan = crm.plan_merge(winner, loser)

    chosen = crm.plan_merge(winner, loser, choose={"title": loser})

    assert plan.compare(json.loads(json.dumps(plan.as_json()))).differences == ()
    assert {each.what: (each.one, each.other) for each in plan.compare(chosen)} == {
        "title": ("PDG", "Directeur"),
        f"unmapped.title of {loser.id}": ("Directeur", None),
    }


def test_what_is_no_plan_or_of_another_kind_is_refused() -> None:
    crm = opened()
    one, other = crm.contacts.add(first_name="A"), crm.contacts.add(first_name="B")
    plan = crm.plan_conversion(jules(crm))

    with pytest.raises(RejectedError, match="this is no plan"):
        plan.compare({"leads": []})
    with pytest.raises(RejectedError, match="a conversion and a merge cannot be compared"):
        compare_plans(plan, crm.plan_merge(one, other))


def test_the_digest_is_that_of_what_is_done_and_on_what_ground() -> None:
    crm = opened()
    lead = jules(crm)
    one, other = crm.plan_conversion(lead), crm.plan_conversion(lead)
    winner, loser = crm.contacts.add(first_name="A"), crm.contacts.add(first_name="B")

    crm.accounts.add(name="Nothing to do with it")

    assert one.digest == other.digest == crm.plan_conversion(lead).digest
    assert crm.plan_conversion(lead, deal="Screens").digest != one.digest
    assert crm.plan_merge(winner, loser).digest == crm.plan_merge(winner, loser).digest
