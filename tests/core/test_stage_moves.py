"""What a deal must fulfil to enter a stage, and what it is afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.deal import LOST_REASONS, Deal, ProbabilitySource
from crmkit.core.pipeline import SALES_PIPELINE, Stage, StageKind
from crmkit.core.stage_moves import in_words, move_problems, moved
from crmkit.core.values.money import Money

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 12, tzinfo=UTC)


def a_stage(position: int, values: Any) -> Stage:
    key = values["key"]
    return Stage(
        id=f"stage_{key}", created_at=NOON, updated_at=NOON, pipeline_id="pipeline_1", position=position, **values
    )


STAGES = [a_stage(i, values) for i, values in enumerate(SALES_PIPELINE, 1)]
STAGE = {stage.key: stage for stage in STAGES}


def a_deal(stage: str = "qualification", **values: Any) -> Deal:
    defaults: dict[str, Any] = {
        "id": "deal_1",
        "created_at": NOON,
        "updated_at": NOON,
        "name": "Press room",
        "pipeline_id": "pipeline_1",
        "stage_id": STAGE[stage].id,
        "probability_percent": STAGE[stage].default_probability,
        "closed_at": None if STAGE[stage].kind is StageKind.OPEN else NOON,
    }
    return Deal(**{**defaults, **values})


def problems(deal: Deal, to: Stage | str, **more: Any) -> list[str]:
    here = next(stage for stage in STAGES if stage.id == deal.stage_id)
    return move_problems(deal, here, STAGE[to] if isinstance(to, str) else to, STAGES, **more)


def test_a_deal_that_has_what_the_stage_demands_may_move() -> None:
    deal = a_deal(amount=Money(1200, "EUR"), expected_close_on=date(2026, 3, 1))

    assert problems(deal, "negotiation") == []


def test_all_that_is_missing_is_named_at_once_and_in_words() -> None:
    assert problems(a_deal(), "negotiation") == [
        "Negotiation needs an amount",
        "Negotiation needs an expected close date",
    ]


def test_a_move_to_where_the_deal_is_says_only_that() -> None:
    assert problems(a_deal("proposal"), "proposal") == ["Press room is already in Proposal"]


def test_a_stage_of_another_pipeline_is_refused() -> None:
    elsewhere = a_stage(1, {**SALES_PIPELINE[0], "key": "scoping", "title": "Scoping"})

    assert problems(a_deal(), attrs.evolve(elsewhere, pipeline_id="pipeline_2")) == [
        "Scoping is a stage of another pipeline"
    ]


def test_a_stage_is_entered_only_from_those_it_follows() -> None:
    picky = attrs.evolve(STAGE["needs_analysis"], follows=("proposal", "negotiation"))

    assert problems(a_deal("qualification"), picky) == [
        "Needs analysis is entered from Proposal or Negotiation, not from Qualification"
    ]
    assert problems(a_deal("proposal"), picky) == []


@pytest.mark.parametrize(
    ("reason", "comment", "said"),
    [
        (None, None, "a lost deal needs a reason: price"),
        ("weather", None, "'weather' is no reason for losing a deal"),
        ("other", None, "the reason other needs a comment"),
        ("other", "  ", "the reason other needs a comment"),
    ],
)
def test_losing_needs_a_reason_from_the_list(reason: str | None, comment: str | None, said: str) -> None:
    found = problems(a_deal(), "closed_lost", lost_reason=reason, lost_comment=comment)

    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_reason_for_losing_goes_only_with_losing() -> None:
    deal = a_deal(account_id="account_1", amount=Money(1, "EUR"))

    assert "only a lost deal has a lost reason" in problems(deal, "closed_won", lost_reason="price")[0]


def test_a_closed_deal_must_be_reopened_before_it_is_closed_otherwise() -> None:
    found = problems(a_deal("closed_won"), "closed_lost", lost_reason="price")

    assert found == ["Press room is already won; reopen it first"]


def test_reopening_needs_a_reason_and_keeps_to_the_order_of_stages() -> None:
    lost = a_deal("closed_lost", lost_reason="price", amount=Money(1, "EUR"))
    picky = attrs.evolve(STAGE["proposal"], follows=("needs_analysis",))

    assert problems(lost, "qualification") == ["Press room is lost; reopening it needs a reason"]
    assert problems(lost, "qualification", reason="they called", last_open=STAGE["proposal"]) == []
    assert problems(lost, picky, reason="they called", last_open=picky) == []
    assert problems(lost, picky, reason="they called", last_open=STAGE["qualification"]) == [
        "Proposal is entered from Needs analysis, not from Qualification"
    ]


def test_a_deleted_deal_does_not_move() -> None:
    assert problems(a_deal(deleted_at=NOON), "proposal") == ["Press room is deleted; restore it first"]


def test_a_probability_that_somebody_says_must_be_one() -> None:
    assert problems(a_deal(), "needs_analysis", probability=101) == ["a probability is 0 to 100, not 101"]
    assert problems(a_deal(), "closed_lost", lost_reason="price", probability=5) == [
        "the probability of a lost deal is 0 and cannot be set"
    ]


def test_a_move_takes_the_probability_of_the_stage() -> None:
    values = moved(a_deal(), STAGE["proposal"], LATER)

    assert (values["probability_percent"], values["probability_source"]) == (50, ProbabilitySource.STAGE)


@pytest.mark.parametrize("source", [ProbabilitySource.MANUAL, ProbabilitySource.PLUGIN])
def test_a_move_keeps_the_probability_that_a_person_or_plugin_said(source: ProbabilitySource) -> None:
    values = moved(a_deal(probability_percent=33, probability_source=source), STAGE["proposal"], LATER)

    assert "probability_percent" not in values
    assert "probability_source" not in values


def test_closing_makes_it_certain_whoever_said_otherwise() -> None:
    deal = a_deal(probability_percent=33, probability_source=ProbabilitySource.MANUAL)

    won = moved(deal, STAGE["closed_won"], LATER)
    lost = moved(deal, STAGE["closed_lost"], LATER, lost_reason="price", lost_comment="too dear")

    assert (won["probability_percent"], won["closed_at"], won["lost_reason"]) == (100, LATER, None)
    assert (lost["probability_percent"], lost["closed_at"]) == (0, LATER)
    assert (lost["lost_reason"], lost["lost_comment"]) == ("price", "too dear")


def test_a_reopened_deal_forgets_how_it_was_closed() -> None:
    lost = a_deal("closed_lost", lost_reason="price", lost_comment="too dear", probability_percent=0)

    values = moved(lost, STAGE["proposal"], LATER)

    assert (values["closed_at"], values["lost_reason"], values["lost_comment"]) == (None, None, None)
    assert values["probability_percent"] == 50


def test_a_deal_that_stays_lost_keeps_when_and_why() -> None:
    lost = a_deal("closed_lost", lost_reason="price", lost_comment="too dear")
    other = attrs.evolve(STAGE["closed_lost"], id="stage_lost_again", key="lost_again")

    assert problems(lost, other) == []
    assert moved(lost, other, LATER)["closed_at"] == NOON
    assert moved(lost, other, LATER)["lost_reason"] == "price"


@given(
    start=st.sampled_from([stage for stage in STAGES if stage.kind is StageKind.OPEN]),
    target=st.sampled_from(STAGES),
    source=st.sampled_from(list(ProbabilitySource)),
    percent=st.integers(0, 100),
    lost_reason=st.sampled_from([None, *LOST_REASONS]),
)
def test_whatever_passes_leaves_a_deal_that_makes_sense(
    start: Stage, target: Stage, source: ProbabilitySource, percent: int, lost_reason: str | None
) -> None:
    """A deal is closed when its stage is, has a lost reason when it is lost, and is certain then; and only then."""
    deal = a_deal(start.key, probability_percent=percent, probability_source=source, amount=Money(1, "EUR"))
    if problems(deal, target, lost_reason=lost_reason):
        return

    after = attrs.evolve(deal, **moved(deal, target, LATER, lost_reason=lost_reason))

    assert after.is_open == (target.kind is StageKind.OPEN)
    assert (after.lost_reason is not None) == (target.kind is StageKind.LOST)
    assert after.is_open or after.probability_percent == {StageKind.WON: 100, StageKind.LOST: 0}[target.kind]


def test_fields_are_said_in_words() -> None:
    assert [in_words(name) for name in ("account_id", "amount", "owner_id", "description", "tags")] == [
        "an account",
        "an amount",
        "an owner",
        "a description",
        "tags",
    ]
