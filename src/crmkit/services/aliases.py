"""Aliases: the id of a record that was merged into another one still opens that one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.schema import Schema

__all__ = ["current_id", "current_ids", "merged_into", "why_gone"]


def current_id(view: ReadTransaction, schema: Schema, record_id: str) -> str:
    """Return the id of the record that an id stands for now: its own, or that of the last winner."""
    return current_ids(view, schema, [record_id])[record_id]


def current_ids(view: ReadTransaction, schema: Schema, record_ids: Iterable[str]) -> dict[str, str]:
    """Return for each id the one it stands for now, following merges of merges."""
    now = {id_: id_ for id_ in record_ids}
    while True:
        winners = _winners(view, schema, set(now.values()))
        if not winners:
            return now
        now = {id_: winners.get(last, last) for id_, last in now.items()}


def merged_into(view: ReadTransaction, schema: Schema, record_ids: Iterable[str]) -> list[str]:
    """Return the records that were merged into these, and those merged into them, and so on."""
    kind = schema["merge"]
    found: dict[str, None] = {}
    fresh = list(record_ids)
    while fresh:
        rows = view.get_many("merge", [id_ for _, id_ in view.lookup("merge", "winner_id", fresh)])
        fresh = [id_ for row in rows if (id_ := str(row[kind.position["loser_id"]])) not in found]
        found.update(dict.fromkeys(fresh))
    return list(found)


def why_gone(view: ReadTransaction, schema: Schema, record: Any) -> str:
    """Say of a record that is deleted what to do instead, as one clause."""
    now = current_id(view, schema, record.id)
    if now == record.id:
        return f"{record.label} is deleted; restore it first"
    kind = schema.type_of(now)
    return f"{record.label} is merged into {kind.load(view.get_many(kind.name, [now])[0]).label} ({now}); change that"


def _winners(view: ReadTransaction, schema: Schema, record_ids: set[str]) -> dict[str, str]:
    position = schema["merge"].position
    rows = view.get_many("merge", [id_ for _, id_ in view.lookup("merge", "loser_id", list(record_ids))])
    return {str(row[position["loser_id"]]): str(row[position["winner_id"]]) for row in rows}
