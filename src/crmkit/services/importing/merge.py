"""What a row says about somebody who is known: what is filled, joined, overwritten or kept out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crmkit.core.values.text import fold

__all__ = ["merge"]

_FIRST_WINS: Final = frozenset({"source", "source_id", "campaign_id", "owner_id"})
"""Where somebody came from first, and who has taken care since, is not for another row to say."""


def merge(
    old: Mapping[str, Any], new: Mapping[str, Any], *, overwrite: bool, join_notes: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that change, with their values, and what is kept out, as clauses.

    What is empty is filled; tags and ``extra`` are united.

    Args:
        old: The values that are there; empty ones may be missing.
        new: The values of the row, without empty ones.
        overwrite: The row is right where both have a value.
        join_notes: Other notes are written below those that are there.
    """
    changes: dict[str, Any] = {}
    kept: list[str] = []
    for name, value in new.items():
        had = old.get(name)
        if had == value:
            continue
        is_empty = had in (None, "", (), {})
        united = value if is_empty else _united(name, had, value, overwrite=overwrite, join_notes=join_notes)
        if united is not None:
            if united != had:
                changes[name] = united
        elif overwrite and name not in _FIRST_WINS:
            changes[name] = value
        if not overwrite and not is_empty:
            kept += _left_out(name, value, had, joined=united is not None)
    return changes, kept


def _united(name: str, had: Any, value: Any, *, overwrite: bool, join_notes: bool) -> Any:
    """Return both values as one, or None when only one of them can be right."""
    if name == "tags":
        return tuple(sorted({*had, *value}))
    if name == "extra":
        return {**had, **value} if overwrite else {**value, **had}
    if name == "notes" and join_notes:
        return had if value in had else f"{had}\n{value}"
    return None


def _left_out(name: str, value: Any, had: Any, *, joined: bool) -> list[str]:
    if name == "extra":
        return [reason for key in value if key in had for reason in _left_out(key, value[key], had[key], joined=False)]
    if joined or name in _FIRST_WINS or fold(str(value)) == fold(str(had)):
        return []
    return [f"{name} {value!r} was not taken over, since it is {had!r}"]
