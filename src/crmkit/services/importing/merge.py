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
        if not had:
            changes[name] = value
        elif name == "tags":
            _put(changes, name, had, tuple(sorted({*had, *value})))
        elif name == "extra":
            _put(changes, name, had, {**had, **value} if overwrite else {**value, **had})
            if not overwrite:
                kept += [_clause(key, value[key], had[key]) for key in value if had.get(key, value[key]) != value[key]]
        elif name == "notes" and join_notes:
            _put(changes, name, had, had if value in had else f"{had}\n{value}")
        elif name in _FIRST_WINS:
            continue
        elif overwrite:
            changes[name] = value
        elif fold(value) != fold(had):
            kept.append(_clause(name, value, had))
    return changes, kept


def _put(changes: dict[str, Any], name: str, had: Any, value: Any) -> None:
    if value != had:
        changes[name] = value


def _clause(name: str, value: str, had: str) -> str:
    return f"{name} {value!r} was not taken over, since it is {had!r}"
