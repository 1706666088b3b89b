"""The entries of a deal's history."""

from __future__ import annotations

from typing import Any

from crmkit.core.deal import Deal
from crmkit.core.pipeline import Stage
from crmkit.core.planning import Planning

__all__ = ["note_stage_change"]


def note_stage_change(
    planning: Planning, deal_id: str, before: Deal | None, to_stage: Stage, *, reason: str | None
) -> None:
    """Plan one entry of a deal's history; *before* is None when it is opened."""
    values: dict[str, Any] = {
        "deal_id": deal_id,
        "to_stage_id": to_stage.id,
        "moved_at": planning.at,
        "moved_by": planning.actor,
        "reason": reason,
    }
    if before is not None:
        values |= {
            "from_stage_id": before.stage_id,
            "probability_before": before.probability_percent,
            "amount_before": before.amount,
        }
    planning.create("stage_change", values)
