"""Trying a rule on past leads: as they were, and without writing anything."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from crmkit.core.amendments import Amendment, Choose, NameDeal, SetField, Veto
from crmkit.core.conversion import Proposal, Target
from crmkit.errors import NotFoundError
from crmkit.services.convert import ConversionOptions, convert_lead, convert_leads
from crmkit.services.deals import open_deal
from crmkit.services.edit import update_records
from crmkit.services.try_rule import ValueDifference, try_rule
from crmkit.services.workspace import Workspace
from tests.services.test_convert import jules, with_rules
from tests.services.test_edit import add, dump
from tests.services.test_merge import with_pipeline


def ceo(_proposal: Proposal) -> Iterable[Amendment]:
    yield SetField(target=Target.CONTACT, field="title", value="CEO", reason="they are all")


def test_a_rule_tells_what_it_would_have_changed_field_by_field(workspace: Workspace) -> None:
    lead = jules(workspace)
    convert_lead(workspace, lead)

    trial = try_rule(with_rules(workspace, ceo), "rule-1")

    assert (trial.rule, trial.plugin, trial.tried) == ("rule-1", "acme", 1)
    assert [(each.lead_id, each.without, each.with_rule) for each in trial.leads] == [
        (lead.id, "converted", "converted")
    ]
    assert trial.leads[0].differences == (
        ValueDifference(what="contact.title", without="Directeur", with_rule="CEO"),
        ValueDifference(what="unmapped", without=[], with_rule=["title"]),
    )


def test_a_rule_that_makes_no_difference_names_no_lead(workspace: Workspace) -> None:
    convert_lead(workspace, jules(workspace))

    trial = try_rule(with_rules(workspace, lambda _p: []), "rule-1")

    assert (trial.tried, trial.leads) == (1, ())


def test_a_veto_is_told_with_its_reason(workspace: Workspace) -> None:
    convert_lead(workspace, jules(workspace))

    tried = try_rule(with_rules(workspace, lambda _p: [Veto(reason="a student")]), "rule-1").leads[0]

    assert (tried.without, tried.with_rule, tried.reasons) == ("converted", "refused", ("a student",))


def test_only_the_rule_that_is_tried_is_left_out(workspace: Workspace) -> None:
    ruled = with_rules(workspace, ceo, lambda p: [Veto(reason="no CEO")] if p.with_deal else [])
    convert_lead(ruled, jules(ruled))

    assert [len(try_rule(ruled, name).leads) for name in ("rule-1", "rule-2")] == [1, 0]


def test_a_rule_is_told_whether_a_deal_was_opened(workspace: Workspace) -> None:
    with_pipeline(workspace)
    convert_lead(workspace, jules(workspace), options=ConversionOptions(deal="Screens"))
    ruled = with_rules(workspace, lambda p: [Veto(reason="no deals")] if p.with_deal else [])

    assert len(try_rule(ruled, "rule-1").leads) == 1


def test_a_rule_that_names_deals_is_tried_on_those_that_nobody_named(workspace: Workspace) -> None:
    with_pipeline(workspace)
    convert_lead(workspace, jules(workspace), options=ConversionOptions(deal="Screens"))
    convert_lead(workspace, jules(workspace, email="m@hospy-medias.example"), options=ConversionOptions(deal=True))
    ruled = with_rules(workspace, lambda _p: [NameDeal(name="An offer", reason="our way")])

    [tried] = try_rule(ruled, "rule-1").leads

    assert tried.differences == (ValueDifference(what="deal.name", without="Hospy Médias", with_rule="An offer"),)


def test_a_lead_that_joined_a_deal_is_tried_with_that_deal(workspace: Workspace) -> None:
    with_pipeline(workspace)
    deal = open_deal(workspace, "Screens").value
    convert_lead(workspace, jules(workspace), options=ConversionOptions(into_deal=deal.id))
    seen: list[str] = []

    def look(proposal: Proposal) -> Iterable[Amendment]:
        seen.append(proposal.deal.name if proposal.deal else "none")
        return []

    try_rule(with_rules(workspace, look), "rule-1")

    assert seen == ["Screens"]


def test_leads_and_candidates_are_as_they_were_before_the_conversion(workspace: Workspace) -> None:
    seen: list[tuple[str | None, int, bool]] = []

    def look(proposal: Proposal) -> Iterable[Choose]:
        seen.append((proposal.lead.title, len(proposal.candidates), proposal.contact is None))
        return []

    first = jules(workspace)
    result = convert_lead(workspace, first).value
    assert result.conversion is not None
    update_records(workspace, "contact", [result.conversion.contact_id], {"title": "PDG"})

    try_rule(with_rules(workspace, look), "rule-1")

    assert seen == [("Directeur", 0, True)]


def test_it_writes_nothing(workspace: Workspace) -> None:
    convert_lead(workspace, jules(workspace))
    before = dump(workspace)

    try_rule(with_rules(workspace, ceo), "rule-1")

    assert dump(workspace) == before


def test_the_last_converted_come_first_and_the_limit_holds(workspace: Workspace) -> None:
    leads = [add(workspace, "lead", first_name=name) for name in "ABC"]
    convert_lead(workspace, leads[0])
    convert_leads(workspace, leads[1:])

    trial = try_rule(with_rules(workspace, ceo), "rule-1", limit=2)

    assert (trial.tried, {each.label for each in trial.leads}) == (2, {"B", "C"})


def test_a_rule_that_is_not_there_is_not_found_with_those_that_come_close(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError) as caught:
        try_rule(with_rules(workspace, ceo), "rule-l")

    assert caught.value.suggestions == ("rule-1",)
