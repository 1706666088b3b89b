"""The funnel: each lead counts once, and the steps add up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.activity import ActivityKind
from crmkit.core.message import MessageStatus
from crmkit.core.pipeline import StageKind
from crmkit.core.ports.plugins import Context
from crmkit.errors import NotFoundError
from crmkit.services.activities import log_activity
from crmkit.services.convert import convert_lead
from crmkit.services.deals import lose_deal, open_deal, win_deal
from crmkit.services.edit import add_records, delete_records, update_records
from crmkit.services.funnel import STEPS, Funnel, FunnelStep, funnel
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.deal_world import do, with_sales


@pytest.fixture
def show(workspace: Workspace) -> tuple[Workspace, str]:
    return a_show(workspace)


def a_show(workspace: Workspace) -> tuple[Workspace, str]:
    with_sales(workspace)
    return workspace, add_records(workspace, "campaign", [{"name": "Salon"}]).value[0].id


def a_lead(workspace: Workspace, campaign: str, **values: Any) -> str:
    row = {"first_name": "Jules", "campaign_id": campaign, **values}
    return str(add_records(workspace, "lead", [row]).value[0].id)


def look(workspace: Workspace, campaign: str) -> Funnel:
    with workspace.reading() as view:
        return funnel(Context(view, workspace.schema, at=workspace.clock.now(), actor=None), campaign)


def contact_of(workspace: Workspace, lead: str) -> str:
    conversion = convert_lead(workspace, lead).value.conversion
    assert conversion is not None
    return conversion.contact_id


def thank(workspace: Workspace, lead: str, campaign: str, status: MessageStatus = MessageStatus.SENT) -> None:
    values = {
        "status": status,
        "person_id": lead,
        "campaign_id": campaign,
        "template_key": "thank_you",
        "address": "a@b.example",
        "address_key": "a@b.example",
        "subject": "Thank you",
        "text": "…",
        "message_id": f"{lead}@crm.example",
    }
    do(workspace, lambda planning: planning.create("message", values))


def test_each_lead_counts_at_the_furthest_step_it_has_taken(show: tuple[Workspace, str]) -> None:
    workspace, campaign = show
    captured, thanked, called, qualified, converted, dealt, won = (a_lead(workspace, campaign) for _ in range(7))
    for lead in (thanked, won):
        thank(workspace, lead, campaign)
    thank(workspace, captured, campaign, MessageStatus.QUEUED)
    log_activity(workspace, ActivityKind.CALL, "Hello", about=[called])
    log_activity(workspace, ActivityKind.NOTE, "A note is no contact", about=[captured])
    update_records(workspace, "lead", [qualified], {"status": "qualified"})
    contact_of(workspace, converted)
    open_deal(workspace, "open", contacts=[contact_of(workspace, dealt)], amount="5 EUR")
    add_records(workspace, "account", [{"name": "Hospy"}])
    deal = open_deal(workspace, "won", contacts=[contact_of(workspace, won)], amount="7 EUR").value
    account = add_records(workspace, "account", [{"name": "Médias"}]).value[0]
    update_records(workspace, "deal", [deal], {"account_id": account})
    win_deal(workspace, deal.id)

    told = look(workspace, campaign)

    assert list(told.exclusive.values()) == [1, 1, 1, 1, 1, 1, 1]
    assert list(told.reached.values()) == [7, 6, 5, 4, 3, 2, 1]
    assert (told.mails_sent, told.mails_queued) == (2, 1)
    assert str(told.deals[StageKind.WON].amounts["EUR"]) == "7.00 EUR"
    assert told.time_to_won is not None


def test_a_deal_with_several_of_the_cohort_is_worth_its_amount_once(show: tuple[Workspace, str]) -> None:
    workspace, campaign = show
    contacts = [contact_of(workspace, a_lead(workspace, campaign)) for _ in range(3)]
    deal = open_deal(workspace, "one deal", contacts=contacts, amount="100 EUR").value
    lose_deal(workspace, deal, "price")

    told = look(workspace, campaign)

    assert told.exclusive[FunnelStep.WITH_DEAL] == 3
    assert (told.deals[StageKind.LOST].count, told.lost) == (1, 3)
    assert str(told.deals[StageKind.LOST].amounts["EUR"]) == "100.00 EUR"


def test_an_undone_conversion_and_a_deleted_lead_do_not_count(show: tuple[Workspace, str]) -> None:
    workspace, campaign = show
    lead, gone = a_lead(workspace, campaign), a_lead(workspace, campaign)
    outcome = convert_lead(workspace, lead)
    undo(workspace, str(outcome.operation_id))
    delete_records(workspace, "lead", [gone])

    told = look(workspace, campaign)

    assert (told.cohort, told.exclusive[FunnelStep.CAPTURED]) == (1, 1)


def test_a_contact_put_into_the_campaign_directly_is_shown_apart(show: tuple[Workspace, str]) -> None:
    workspace, campaign = show
    contact_of(workspace, a_lead(workspace, campaign))
    known = add_records(workspace, "contact", [{"first_name": "Ada"}]).value[0]
    add_records(workspace, "campaign_member", [{"campaign_id": campaign, "person_id": known.id}])

    told = look(workspace, campaign)

    assert (told.cohort, told.contacts_apart) == (1, 1)


def test_an_older_deal_of_a_known_contact_is_none_the_campaign_brought(show: tuple[Workspace, str]) -> None:
    workspace, campaign = show
    known = add_records(workspace, "contact", [{"first_name": "Jules", "email": "jules@hospy.example"}]).value[0]
    open_deal(workspace, "older", contacts=[known.id], amount="9 EUR")
    contact_of(workspace, a_lead(workspace, campaign, email="jules@hospy.example"))

    assert look(workspace, campaign).exclusive[FunnelStep.CONVERTED] == 1


def test_an_empty_campaign_adds_up_to_nothing(show: tuple[Workspace, str]) -> None:
    told = look(*show)

    assert (told.cohort, told.share(FunnelStep.WON), told.time_to_won) == (0, 0.0, None)


def test_a_campaign_that_is_not_there_is_not_found(show: tuple[Workspace, str]) -> None:
    with pytest.raises(NotFoundError):
        look(show[0], "campaign_0")


FATES = st.lists(
    st.sets(st.sampled_from(["thank", "call", "qualify", "convert", "deal", "win", "lose", "disqualify"])), max_size=6
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(fates=FATES)
def test_whatever_happens_to_the_leads_it_adds_up(fates: list[set[str]]) -> None:
    workspace, campaign = a_show(open_workspace(MemoryStorage()))
    account = add_records(workspace, "account", [{"name": "Hospy"}]).value[0].id
    expected = []
    for fate in fates:
        lead = a_lead(workspace, campaign)
        expected.append(live(workspace, campaign, lead, account, fate))

    told = look(workspace, campaign)

    assert {step: expected.count(step) for step in STEPS} == dict(told.exclusive)
    assert told.cohort == len(fates)


def live(  # a model, step by step
    workspace: Workspace, campaign: str, lead: str, account: str, fate: set[str]
) -> FunnelStep:
    """Let a lead live through its fate, and say how far it came by a plain model."""
    step = FunnelStep.CAPTURED
    if "thank" in fate:
        thank(workspace, lead, campaign)
        step = FunnelStep.THANKED
    if "call" in fate:
        log_activity(workspace, ActivityKind.CALL, "Hello", about=[lead])
        step = FunnelStep.CONTACTED
    if "disqualify" in fate:
        update_records(workspace, "lead", [lead], {"status": "disqualified", "disqualified_reason": "no"})
        return step
    if "qualify" in fate:
        update_records(workspace, "lead", [lead], {"status": "qualified"})
        step = FunnelStep.QUALIFIED
    if fate.isdisjoint({"convert", "deal", "win", "lose"}):
        return step
    contact = contact_of(workspace, lead)
    for name in fate & {"deal", "lose", "win"}:
        deal = open_deal(workspace, name, account=account, contacts=[contact], amount="3 EUR").value
        if name == "lose":
            lose_deal(workspace, deal, "price")
        if name == "win":
            win_deal(workspace, deal)
    if "win" in fate:
        return FunnelStep.WON
    return FunnelStep.WITH_DEAL if fate & {"deal", "lose"} else FunnelStep.CONVERTED
