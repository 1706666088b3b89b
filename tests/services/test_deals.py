"""Deals: opened with people who belong there, moved by one function, closed with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from crmkit.core.deal import Deal, ProbabilitySource
from crmkit.core.ports.plugins import Context, StageMove
from crmkit.core.values.money import Money
from crmkit.errors import (
    ConflictError,
    ContactNotInAccountError,
    MissingFieldsError,
    NotFoundError,
    PluginError,
    RejectedError,
    StageNotInPipelineError,
    VetoedError,
)
from crmkit.services.deals import (
    lose_deal,
    move_deal,
    move_deals,
    open_deal,
    reopen_deal,
    set_probability,
    win_deal,
)
from crmkit.services.edit import update_records
from crmkit.services.pipelines import add_pipeline
from crmkit.services.stages import pipeline_with_stages
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from tests.services.deal_world import add, guarded, load, with_sales
from tests.services.test_edit import dump


@pytest.fixture
def sales(workspace: Workspace) -> Workspace:
    return with_sales(workspace)


def ready(workspace: Workspace, **values: Any) -> Deal:
    """A deal that lacks nothing a stage could demand."""
    account = add(workspace, "account", name="Hospy Médias")
    known = {"account": account, "amount": "12000 EUR", "expected_close_on": "2026-12-31", **values}
    return open_deal(workspace, "40 seats", **known).value


def stage_of(workspace: Workspace, deal: Deal) -> str:
    return str(load(workspace, "stage", deal.stage_id).key)


class Guard:
    """A guard that says the same to every move."""

    name = "four-eyes"

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        self.asked: list[StageMove] = []

    def check(self, move: StageMove, context: Context) -> Iterable[str]:  # part of the protocol
        self.asked.append(move)
        return self.reasons


def test_a_deal_is_not_opened_without_a_name(sales: Workspace) -> None:
    with pytest.raises(RejectedError, match="name is missing"):
        open_deal(sales, " ")


def test_a_deal_begins_in_the_first_open_stage_with_its_probability(sales: Workspace) -> None:
    deal = open_deal(sales, "40 seats").value

    assert stage_of(sales, deal) == "qualification"
    assert (deal.probability_percent, deal.probability_source) == (10, ProbabilitySource.STAGE)
    assert deal.is_open


def test_the_account_of_a_deal_is_that_of_its_contacts(sales: Workspace) -> None:
    account = add(sales, "account", name="Hospy Médias")
    contact = add(sales, "contact", last_name="Etienne", account_id=account)

    deal = open_deal(sales, "40 seats", contacts=[contact], roles={contact: "decision_maker"}).value

    assert deal.account_id == account
    with sales.storage.read() as view:
        links = sales.schema["link"].load_many(
            view.get_many("link", [id_ for _, id_ in view.lookup("link", "from_id", [deal.id])])
        )
    assert [(link.kind, link.to_id, link.role) for link in links] == [("contact", contact, "decision_maker")]


def test_all_that_is_wrong_with_a_new_deal_is_said_at_once(sales: Workspace) -> None:
    account = add(sales, "account", name="Hospy Médias")
    other = add(sales, "account", name="Other")
    stranger = add(sales, "contact", last_name="Durand", account_id=other)
    before = dump(sales)

    with pytest.raises(RejectedError) as caught:
        open_deal(sales, "", account=account, contacts=[stranger], amount="a lot", roles={"contact_9": "x"})

    text = "\n".join(caught.value.reasons)
    assert "Durand is not a contact of Hospy Médias" in text
    assert "contact_9 has a role but is not among the contacts" in text
    assert "amount" in text
    assert "name" in text
    assert dump(sales) == before


def test_a_move_that_lacks_what_the_stage_demands_is_refused_with_all_reasons(sales: Workspace) -> None:
    deal = open_deal(sales, "40 seats").value

    with pytest.raises(RejectedError) as caught:
        move_deal(sales, deal, "negotiation")

    assert caught.value.reasons == ("Negotiation needs an amount", "Negotiation needs an expected close date")
    assert load(sales, "deal", deal.id) == deal


def test_a_move_resets_the_probability_unless_a_person_said_it(sales: Workspace) -> None:
    deal = ready(sales)
    moved = move_deal(sales, deal, "proposal").value
    assert moved.probability_percent == 50

    said = set_probability(sales, moved, 70).value
    kept = move_deal(sales, said, "negotiation").value
    assert (kept.probability_percent, kept.probability_source) == (70, ProbabilitySource.MANUAL)
    back = set_probability(sales, kept, None).value

    assert (back.probability_percent, back.probability_source) == (80, ProbabilitySource.STAGE)


def test_a_probability_is_said_and_never_edited(sales: Workspace) -> None:
    deal = ready(sales)

    for wrong in (500, 70):
        with pytest.raises(RejectedError, match="probability_percent"):
            update_records(sales, "deal", [deal.id], {"probability_percent": wrong})
    for wrong in (-1, 101):
        with pytest.raises(RejectedError, match="0 to 100"):
            set_probability(sales, deal, wrong)

    assert load(sales, "deal", deal.id) == deal


def test_winning_sets_a_hundred_and_the_moment_whatever_was_said(sales: Workspace) -> None:
    deal = set_probability(sales, ready(sales), 5).value

    won = win_deal(sales, deal).value

    assert (won.probability_percent, stage_of(sales, won), won.is_open) == (100, "closed_won", False)
    assert won.closed_at == won.updated_at


def test_losing_needs_a_reason_of_the_list_and_other_needs_words(sales: Workspace) -> None:
    deal = ready(sales)
    with pytest.raises(RejectedError):
        lose_deal(sales, deal, "bad luck")
    with pytest.raises(RejectedError):
        lose_deal(sales, deal, "other")

    lost = lose_deal(sales, deal, "other", "the hospital closed").value

    assert (lost.probability_percent, lost.lost_reason, lost.lost_comment) == (0, "other", "the hospital closed")


def test_a_closed_deal_is_reopened_with_a_reason_where_it_was_and_keeps_its_history(sales: Workspace) -> None:
    deal = move_deal(sales, ready(sales), "proposal").value
    lost = lose_deal(sales, deal, "price").value
    with pytest.raises(RejectedError):
        win_deal(sales, lost)

    again = reopen_deal(sales, lost, reason="they called again").value

    assert (stage_of(sales, again), again.closed_at, again.lost_reason) == ("proposal", None, None)
    steps = [load(sales, "stage", row.to_stage_id).key for row in history(sales, deal)]
    assert steps == ["qualification", "proposal", "closed_lost", "proposal"]


def history(workspace: Workspace, deal: Deal) -> list[Any]:
    with workspace.storage.read() as view:
        ids = [id_ for _, id_ in view.lookup("stage_change", "deal_id", [deal.id])]
        found = workspace.schema["stage_change"].load_many(view.get_many("stage_change", ids))
    return sorted(found, key=lambda change: change.moved_at)


def test_the_history_keeps_what_was_before_each_step(sales: Workspace) -> None:
    deal = move_deal(sales, ready(sales), "proposal", reason="they want it in writing").value

    first, second = history(sales, deal)

    assert first.from_stage_id is None
    assert (second.probability_before, second.amount_before) == (10, Money.from_minor(1_200_000, "EUR"))
    assert (second.reason, second.moved_by) == ("they want it in writing", "Ada")


def test_many_deals_move_together_or_not_at_all(sales: Workspace) -> None:
    good, bad = ready(sales), open_deal(sales, "Nothing known").value
    before = dump(sales)

    with pytest.raises(RejectedError, match="Nothing known: Proposal needs an amount"):
        move_deals(sales, [good, bad], "proposal")

    assert dump(sales) == before


def test_a_deal_that_somebody_changed_meanwhile_is_a_conflict(sales: Workspace) -> None:
    deal = ready(sales)
    move_deal(sales, deal, "proposal")

    with pytest.raises(ConflictError):
        move_deal(sales, deal, "negotiation")


def test_a_stage_that_is_not_there_is_not_found_with_a_suggestion(sales: Workspace) -> None:
    with pytest.raises(NotFoundError) as caught:
        move_deal(sales, ready(sales), "propsal")

    assert "proposal" in caught.value.suggestions


def test_guards_are_asked_on_every_path_and_their_reasons_come_together(sales: Workspace) -> None:
    deal = ready(sales)
    guard = Guard("two of us must agree", "not on a Sunday")
    watched = guarded(sales, guard)

    moves: tuple[Callable[[], object], ...] = (
        lambda: move_deal(watched, deal, "proposal"),
        lambda: win_deal(watched, deal),
        lambda: lose_deal(watched, deal, "price"),
        lambda: open_deal(watched, "Another", amount="1 EUR", stage="proposal"),
    )
    for move in moves:
        with pytest.raises(VetoedError) as caught:
            move()
        assert caught.value.reasons == ("four-eyes: two of us must agree", "four-eyes: not on a Sunday")
        assert (caught.value.plugin, caught.value.rule) == ("strict", "four-eyes")

    assert len(guard.asked) == 4


def test_reasons_of_a_guard_stand_beside_those_of_the_stage(sales: Workspace) -> None:
    watched = guarded(sales, Guard("two of us must agree"))
    deal = open_deal(sales, "40 seats").value

    with pytest.raises(RejectedError) as caught:
        move_deal(watched, deal, "proposal")

    assert caught.value.reasons == ("Proposal needs an amount", "four-eyes: two of us must agree")
    assert not isinstance(caught.value, VetoedError)


def test_a_guard_that_raises_is_named_with_its_deal(sales: Workspace) -> None:
    class Broken(Guard):
        def check(self, move: StageMove, context: Context) -> Iterable[str]:
            raise ZeroDivisionError

    deal = ready(sales)

    with pytest.raises(PluginError) as caught:
        move_deal(guarded(sales, Broken()), deal, "proposal")

    assert (caught.value.plugin, caught.value.record) == ("strict", deal.id)
    assert load(sales, "deal", deal.id) == deal


def test_a_won_deal_is_undone_and_redone(sales: Workspace) -> None:
    deal = ready(sales)
    outcome = win_deal(sales, deal)
    won = outcome.value

    undo(sales, str(outcome.operation_id))
    assert stage_of(sales, load(sales, "deal", deal.id)) == "qualification"
    assert len(history(sales, deal)) == 1
    redo(sales, str(outcome.operation_id))

    again = load(sales, "deal", deal.id)
    assert (again.stage_id, again.closed_at, len(history(sales, deal))) == (won.stage_id, won.closed_at, 2)


def test_a_deal_is_won_whatever_its_probability_says(sales: Workspace) -> None:
    """Stages decide, probabilities only forecast."""
    certain = set_probability(sales, ready(sales), 100).value

    assert certain.is_open
    with sales.storage.read() as view:
        _, stages = pipeline_with_stages(view, sales.schema, None)
    assert next(s for s in stages if s.id == certain.stage_id).kind.value == "open"


def test_each_reason_against_a_deal_has_an_error_of_its_own(sales: Workspace) -> None:
    one, other = (add(sales, "account", name=name) for name in ("One", "Other"))
    contact = add(sales, "contact", first_name="Jules", account_id=one)
    deal = open_deal(sales, "40 seats").value
    foreign = add_pipeline(sales, "partners", "Partners").value[1][0].id

    with pytest.raises(ContactNotInAccountError):
        open_deal(sales, "Offer", account=other, contacts=[contact])
    with pytest.raises(StageNotInPipelineError) as opened:
        open_deal(sales, "Offer", stage=foreign, pipeline="sales")
    with pytest.raises(StageNotInPipelineError) as moved:
        move_deal(sales, deal, foreign)
    with pytest.raises(MissingFieldsError) as missing:
        move_deal(sales, deal, "negotiation")
    with pytest.raises(MissingFieldsError) as missing_at_once:
        open_deal(sales, "Offer", stage="negotiation")

    assert opened.value.reasons == moved.value.reasons
    assert missing.value.fields == ("deal.amount", "deal.expected_close_on")
    assert missing_at_once.value.fields == missing.value.fields


def test_reasons_of_several_kinds_are_a_plain_refusal(sales: Workspace) -> None:
    deal = open_deal(sales, "40 seats").value

    with pytest.raises(RejectedError) as caught:
        lose_deal(sales, deal, "boredom")

    assert type(caught.value) is RejectedError
