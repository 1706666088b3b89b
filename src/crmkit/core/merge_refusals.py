"""What speaks against a merge, whatever rules say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmkit.core.record_type import RecordType
from crmkit.core.spelling import close_to

__all__ = ["merge_refusals"]


def merge_refusals(kind: RecordType, winner: Any, losers: Sequence[Any], chosen: Mapping[str, str]) -> list[str]:
    """Return all that speaks against a merge, each as one clause.

    Args:
        kind: The record type.
        winner: The record that stays.
        losers: Those that become part of it.
        chosen: Attribute to the id of the record whose value is wanted.
    """
    everyone = [winner, *losers]
    reasons = [
        f"the {_noun(kind)} {r.label} is deleted; restore it first" for r in everyone if r.deleted_at is not None
    ]
    if kind.name == "lead":
        reasons += [
            f"{lead.label} is converted and lives on as a contact; merge the contacts instead"
            for lead in everyone
            if lead.conversion_id is not None
        ]
    if kind.name == "deal":
        reasons += [reason for loser in losers for reason in _deal_refusals(winner, loser)]
    ids = {record.id for record in everyone}
    for name, record_id in chosen.items():
        attribute = kind.attribute.get(name)
        if attribute is None:
            close = close_to(name, kind.editable_names)
            reasons.append(f"a {_noun(kind)} has no field {name!r}" + (f"; did you mean {close[0]}?" if close else ""))
        elif not attribute.editable:
            reasons.append(f"{name} of a {_noun(kind)} cannot be chosen")
        if record_id not in ids:
            reasons.append(f"{name} cannot be taken from {record_id}, which is not merged here")
    return reasons


def _deal_refusals(winner: Any, loser: Any) -> list[str]:
    reasons = []
    if winner.account_id and loser.account_id and winner.account_id != loser.account_id:
        reasons.append(f"the deals {winner.label} and {loser.label} are with different accounts; merge these first")
    if _state(winner) != _state(loser):
        reasons.append(
            f"the deal {winner.label} is {_state(winner)} and {loser.label} is {_state(loser)};"
            " only deals that are both open, both won or both lost can be merged"
        )
    return reasons


def _state(deal: Any) -> str:
    if deal.is_open:
        return "open"
    return "lost" if deal.lost_reason else "won"


def _noun(kind: RecordType) -> str:
    return kind.name.replace("_", " ")
