"""A pipeline: the sales process as data."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.records import Record
from crmkit.core.values.money import Money
from crmkit.errors import RejectedError

__all__ = ["PIPELINE", "SALES_PIPELINE", "STAGE", "Forecast", "Pipeline", "Stage", "StageKind", "check_stages"]


class StageKind(enum.Enum):
    """What a deal in a stage is; the only thing that decides it."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Forecast(enum.Enum):
    """Under what a deal is counted in a forecast."""

    OMITTED = "omitted"
    PIPELINE = "pipeline"
    BEST_CASE = "best_case"
    COMMIT = "commit"
    CLOSED = "closed"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Pipeline(Record):
    """A sales process.

    Attributes:
        key: Its stable name, unique among the living.
        title: Its name for people.
        currency: The ISO 4217 code that amounts without one have, or None.
    """

    key: str = attrs.field(metadata=stored(indexed=True))
    title: str
    currency: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.title


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Stage(Record):
    """A step of a pipeline.

    Attributes:
        key: Its stable name, unique in its pipeline.
        title: Its name for people, in English.
        titles: Its names in other languages, by ISO 639-1 code.
        position: Where it stands, from 1.
        kind: What a deal in it is.
        default_probability: How likely a deal is won that enters it, 0 to 100.
        forecast: Under what a deal in it is counted.
        max_days: After how many days without a move a deal in it is stale, or None.
        required_fields: What a deal must have to enter it.
        follows: The keys of the stages it may be entered from; empty means any.
    """

    pipeline_id: str = attrs.field(metadata=stored(references="pipeline"))
    key: str
    title: str
    titles: Mapping[str, str] = attrs.field(factory=dict)
    position: int
    kind: StageKind = StageKind.OPEN
    default_probability: int
    forecast: Forecast = Forecast.PIPELINE
    max_days: int | None = None
    required_fields: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.title


PIPELINE = record_type(Pipeline, name="pipeline", unique=(("key",),), made_by="add_pipeline")
STAGE = record_type(Stage, name="stage", unique=(("pipeline_id", "key"),), made_by="add_stage")

STAGE_IDENTITY = ("pipeline_id", "key", "kind", "position")
"""What a stage keeps for as long as it is there; its deals rely on it."""
_OF_THE_WHOLE = ("default_probability", "forecast", "required_fields", "follows")


def check_stage(new: Mapping[str, object], old: Stage | None) -> list[str]:
    """Return why a plain edit may not change a stage so: only the whole pipeline tells what fits."""
    return [
        f"{name} of a stage is not edited alone; use update_stage"
        for name in (*STAGE_IDENTITY, *_OF_THE_WHOLE)
        if old is not None and new[name] != getattr(old, name)
    ]


def check_pipeline(new: Mapping[str, object], old: Pipeline | None) -> list[str]:
    """Return what is wrong with a pipeline, or with a change of it."""
    problems: list[str] = []
    if old is not None and new["key"] != old.key:
        problems.append("key of a pipeline stays; change its title")
    if new.get("currency"):
        try:
            Money.zero(str(new["currency"]))
        except ValueError as error:
            problems.append(f"currency: {error}")
    return problems


def check_stages(stages: Sequence[Mapping[str, object]]) -> None:
    """Check the stages of a pipeline as a whole.

    Raises:
        RejectedError: With all that is wrong.
    """
    reasons: list[str] = []
    keys = [stage["key"] for stage in stages]
    reasons += [f"the stage {key!r} is there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    for kind in StageKind:
        if not any(stage["kind"] is kind for stage in stages):
            reasons.append(f"a pipeline needs at least one {kind.value} stage")
    for stage in stages:
        certain = {StageKind.WON: 100, StageKind.LOST: 0}.get(stage["kind"])  # type: ignore[call-overload]
        probability = stage["default_probability"]
        if certain is not None and probability != certain:
            reasons.append(f"the probability of {stage['key']} must be {certain}, not {probability}")
        if not isinstance(probability, int) or not 0 <= probability <= 100:  # noqa: PLR2004  # percent
            reasons.append(f"the probability of {stage['key']} must be 0 to 100, not {probability}")
    if reasons:
        raise RejectedError(reasons)


def _stage(
    key: str, title: str, french: str, probability: int, forecast: Forecast, **more: object
) -> dict[str, object]:
    return {
        "key": key,
        "title": title,
        "titles": {"fr": french},
        "kind": StageKind.OPEN,
        "default_probability": probability,
        "forecast": forecast,
        **more,
    }


SALES_PIPELINE: tuple[dict[str, object], ...] = (
    _stage("qualification", "Qualification", "Qualification", 10, Forecast.PIPELINE),
    _stage("needs_analysis", "Needs analysis", "Analyse des besoins", 25, Forecast.PIPELINE),
    _stage("proposal", "Proposal", "Proposition (devis)", 50, Forecast.BEST_CASE, required_fields=("amount",)),
    _stage(
        "negotiation",
        "Negotiation",
        "Négociation",
        80,
        Forecast.COMMIT,
        required_fields=("amount", "expected_close_on"),
    ),
    _stage(
        "closed_won",
        "Closed won",
        "Conclue gagnée",
        100,
        Forecast.CLOSED,
        kind=StageKind.WON,
        required_fields=("account_id", "amount"),
    ),
    _stage("closed_lost", "Closed lost", "Conclue perdue", 0, Forecast.OMITTED, kind=StageKind.LOST),
)
"""The stages of the pipeline every new workspace begins with."""
