"""Where a deal has been, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from crmkit.core.deal import StageChange
from crmkit.core.pipeline import Stage, StageKind
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError

__all__ = ["StageStay", "stage_history"]


@attrs.frozen(kw_only=True)
class StageStay:
    """One stay of a deal in a stage.

    Attributes:
        stage: The stage, perhaps one that was removed since.
        entered_at: When the deal came, in UTC.
        left_at: When it went on, in UTC, or None while it is there.
        by: Who moved it there, or None.
        reason: Why, or None.
    """

    stage: Stage
    entered_at: datetime
    left_at: datetime | None = None
    by: str | None = None
    reason: str | None = None

    def lasted(self, now: datetime) -> timedelta:
        """Return how long the stay was, or is by now; a deal that is closed and stays so takes no more time."""
        if self.left_at is None and self.stage.kind is not StageKind.OPEN:
            return timedelta()
        return (self.left_at or now) - self.entered_at


def stage_history(view: ReadTransaction, schema: Schema, deal_id: str) -> list[StageStay]:
    """Return the stays of a deal, oldest first.

    Their durations add up to the time from its opening to its close, or to now.

    Raises:
        NotFoundError: There is no such deal.
    """
    if not view.get_many("deal", [deal_id]):
        raise NotFoundError("deal", deal_id)
    query = Query(type="stage_change", where=Compare("deal_id", Op.EQ, deal_id), order=(Order("moved_at"),))
    changes: list[StageChange] = schema["stage_change"].load_many(view.find(query))
    rows = view.get_many("stage", sorted({change.to_stage_id for change in changes}))
    stages: dict[str, Stage] = {stage.id: stage for stage in schema["stage"].load_many(rows)}
    ends = [*(change.moved_at for change in changes[1:]), None]
    return [
        StageStay(
            stage=stages[change.to_stage_id],
            entered_at=change.moved_at,
            left_at=left_at,
            by=change.moved_by,
            reason=change.reason,
        )
        for change, left_at in zip(changes, ends, strict=False)
    ]
