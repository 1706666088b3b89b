"""What a deal must fulfil to enter a stage, and what it is afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crmkit.core.deal import LOST_REASONS, Deal, ProbabilitySource
from crmkit.core.declarations import value_of
from crmkit.core.pipeline import Stage, StageKind

__all__ = ["in_words", "missing_fields", "missing_problems", "move_problems", "moved", "probability_problems"]

_CERTAIN = {StageKind.WON: 100, StageKind.LOST: 0}


def move_problems(
    deal: Deal,
    from_stage: Stage,
    to_stage: Stage,
    stages: Sequence[Stage],
    *,
    reason: str | None = None,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
    last_open: Stage | None = None,
) -> list[str]:
    """Return all that stands against a move, each as one clause.

    Args:
        deal: The deal as it is.
        from_stage: Where it is.
        to_stage: Where it shall go.
        stages: The stages of the deal's pipeline, to name those that may come before.
        reason: Why it is moved; demanded when a closed deal is reopened.
        lost_reason: Why it is lost.
        lost_comment: More about why.
        probability: What somebody says about its chances, in percent, or None.
        last_open: The open stage it was in last, when it is closed: a deal that is
            reopened counts as coming from there.
    """
    if deal.deleted_at is not None:
        return [f"{deal.label} is deleted; restore it first"]
    if from_stage.id == to_stage.id:
        return [f"{deal.label} is already in {to_stage.title}"]
    if to_stage.pipeline_id != deal.pipeline_id:
        return [f"{to_stage.title} is a stage of another pipeline"]  # what it demands says nothing here
    if from_stage.kind is StageKind.OPEN:
        problems = _out_of_order(from_stage, to_stage, stages)
    elif to_stage.kind is StageKind.OPEN:
        problems = [] if reason else [f"{deal.label} is {from_stage.kind.value}; reopening it needs a reason"]
        problems += _out_of_order(last_open or to_stage, to_stage, stages)
    elif to_stage.kind is from_stage.kind:
        problems = []  # it stays as it was closed
    else:
        problems = [f"{deal.label} is already {from_stage.kind.value}; reopen it first"]
    problems += missing_problems(deal, to_stage)
    if to_stage.kind is StageKind.LOST:
        problems += _lost_problems(lost_reason or deal.lost_reason, lost_comment or deal.lost_comment)
    elif lost_reason or lost_comment:
        problems.append(f"only a lost deal has a lost reason, and {to_stage.title} does not lose it")
    if probability is not None:
        problems += probability_problems(to_stage, probability)
    return problems


def moved(
    deal: Deal,
    to_stage: Stage,
    at: datetime,
    *,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
) -> dict[str, Any]:
    """Return the attributes of a deal that a move sets, with their values.

    The probability becomes that of the stage, unless a person or plugin has said
    otherwise or *probability* does. A closed deal that moves to a stage of the same kind
    keeps when and why it was closed.
    """
    values: dict[str, Any] = {
        "stage_id": to_stage.id,
        "probability_percent": to_stage.default_probability,
        "probability_source": ProbabilitySource.STAGE,
        "closed_at": None,
        "lost_reason": None,
        "lost_comment": None,
    }
    if to_stage.kind is not StageKind.OPEN:
        values["probability_percent"] = _CERTAIN[to_stage.kind]
        values["closed_at"] = deal.closed_at or at
        if to_stage.kind is StageKind.LOST:
            values["lost_reason"] = lost_reason or deal.lost_reason
            values["lost_comment"] = lost_comment or deal.lost_comment
    elif probability is not None:
        values |= {"probability_percent": probability, "probability_source": ProbabilitySource.MANUAL}
    elif deal.is_open and deal.probability_source is not ProbabilitySource.STAGE:
        del values["probability_percent"], values["probability_source"]
    return values


def missing_problems(deal: Deal, stage: Stage) -> list[str]:
    """Return what a deal lacks to be in a stage, each as one clause."""
    return [f"{stage.title} needs {in_words(field)}" for field in missing_fields(deal, stage)]


def missing_fields(deal: Deal, stage: Stage) -> list[str]:
    """Return the fields that a deal must have to be in a stage, and has not."""
    return [field for field in stage.required_fields if value_of(deal, field) in (None, "", ())]


def probability_problems(stage: Stage, percent: int) -> list[str]:
    """Return what is wrong with a probability that somebody gives to a deal in a stage."""
    if stage.kind is not StageKind.OPEN:
        return [f"the probability of a {stage.kind.value} deal is {_CERTAIN[stage.kind]} and cannot be set"]
    if not 0 <= percent <= 100:  # noqa: PLR2004  # percent
        return [f"a probability is 0 to 100, not {percent}"]
    return []


def in_words(field: str) -> str:
    """Return what a deal lacks when that field is empty, in words for a person."""
    words = _WORDS.get(field) or field.removesuffix("_id").replace("_", " ")
    if words.endswith("s"):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


_WORDS = {"expected_close_on": "expected close date"}


def _out_of_order(from_stage: Stage, to_stage: Stage, stages: Sequence[Stage]) -> list[str]:
    if not to_stage.follows or from_stage.key in (to_stage.key, *to_stage.follows):
        return []
    titles = {stage.key: stage.title for stage in stages}
    before = " or ".join(titles.get(key, key) for key in to_stage.follows)
    return [f"{to_stage.title} is entered from {before}, not from {from_stage.title}"]


def _lost_problems(reason: str | None, comment: str | None) -> list[str]:
    known = ", ".join(LOST_REASONS)
    if not reason:
        return [f"a lost deal needs a reason: {known}"]
    if reason not in LOST_REASONS:
        return [f"{reason!r} is no reason for losing a deal (possible: {known})"]
    if reason == "other" and not (comment and comment.strip()):
        return ["the reason other needs a comment that says which"]
    return []
