"""A deal: an opportunity with an account, on its way through a pipeline."""

from __future__ import annotations

import enum
from datetime import date, datetime

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.records import Record, Stored
from crmkit.core.values.money import Money

__all__ = ["DEAL", "LOST_REASONS", "STAGE_CHANGE", "Deal", "ProbabilitySource", "StageChange"]

LOST_REASONS = ("price", "competitor", "no_budget", "no_decision", "timing", "no_response", "other")
"""Why deals are lost; ``other`` needs a text beside it."""


class ProbabilitySource(enum.Enum):
    """Who says how probable a deal is."""

    STAGE = "stage"
    MANUAL = "manual"
    PLUGIN = "plugin"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Deal(Record):
    """An opportunity with an account.

    The stage decides whether a deal is open, won or lost. The probability is a forecast
    and decides nothing.

    Attributes:
        name: What it is about.
        account_id: With whom, or None while unknown.
        amount: What it is worth, or None while unknown.
        pipeline_id: The pipeline it moves through.
        stage_id: Where in it.
        probability_percent: How likely it is to be won, 0 to 100.
        probability_source: Who said so.
        expected_close_on: When it should be decided, or None.
        closed_at: When it was won or lost, in UTC, or None while it is open.
        lost_reason: One of `LOST_REASONS`; set if and only if it is lost.
        lost_comment: More about why, or None.
    """

    name: str
    account_id: str | None = attrs.field(default=None, metadata=stored(references="account"))
    amount: Money | None = None
    # Not indexed each: a few pipelines and stages hold all deals, so only groups of fields help.
    pipeline_id: str = attrs.field(metadata=stored(references="pipeline", editable=False, indexed=False))
    stage_id: str = attrs.field(metadata=stored(references="stage", editable=False, indexed=False))
    probability_percent: int = attrs.field(metadata=stored(editable=False))  # set_probability sees to its source
    probability_source: ProbabilitySource = attrs.field(
        default=ProbabilitySource.STAGE, metadata=stored(editable=False)
    )
    expected_close_on: date | None = None
    closed_at: datetime | None = attrs.field(default=None, metadata=stored(editable=False))
    lost_reason: str | None = attrs.field(default=None, metadata=stored(editable=False))
    lost_comment: str | None = attrs.field(default=None, metadata=stored(editable=False))
    description: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided."""
        return self.closed_at is None

    @property
    def weighted_amount(self) -> Money | None:
        """The amount times the probability, or None when there is no amount."""
        return None if self.amount is None else self.amount.weighted(self.probability_percent)


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class StageChange(Stored):
    """One step of a deal; never changed, so durations can be derived at any time.

    Attributes:
        deal_id: The deal.
        from_stage_id: Where it came from, or None when it was opened.
        to_stage_id: Where it went.
        moved_at: When, in UTC.
        moved_by: The user who did it, or None.
        reason: Why, or None.
        probability_before: The probability it had, or None when it was opened.
        amount_before: The amount it had, or None.
    """

    deal_id: str = attrs.field(metadata=stored(references="deal"))
    from_stage_id: str | None = attrs.field(default=None, metadata=stored(references="stage"))
    to_stage_id: str = attrs.field(metadata=stored(references="stage"))
    moved_at: datetime
    moved_by: str | None = None
    reason: str | None = None
    probability_before: int | None = None
    amount_before: Money | None = None


DEAL = record_type(
    Deal,
    name="deal",
    together=(
        # What stands in each stage, without reading the deals.
        ("stage_id", "amount_currency", "probability_percent", "closed_at", "pipeline_id", "amount_minor"),
        ("stage_id", "updated_at"),  # the newest of a stage
    ),
    search=("name", "description"),
    made_by="opening it",
)
STAGE_CHANGE = record_type(StageChange, name="stage_change", made_by="moving a deal")
