"""The log: which operations there were, and what each of them did."""

from __future__ import annotations

from typing import Any

import attrs

from crmkit.core.operation import Change, Operation
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.errors import NotFoundError
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["LoggedOperation", "operation_details", "recent_operations"]


@attrs.frozen(kw_only=True)
class LoggedOperation:
    """An operation as the log tells it.

    Attributes:
        operation: The operation.
        undone: Whether an undo is in force.
    """

    operation: Operation
    undone: bool


def recent_operations(
    workspace: Workspace, *, limit: int = 20, kind: str | None = None, record: str | Stored | None = None
) -> list[LoggedOperation]:
    """Return operations, the newest first.

    Args:
        workspace: Where.
        limit: At most so many.
        kind: Only of this kind, such as ``convert``.
        record: Only those that created or changed this record.
    """
    with workspace.reading() as view:
        operation_type = workspace.schema["operation"]
        if record is None:
            where = None if kind is None else Compare("kind", Op.EQ, kind)
            query = Query(type="operation", where=where, order=(Order("at", descending=True),), limit=limit)
            operations = operation_type.load_many(view.find(query))
        else:
            record_id = id_of(record)
            type_ = workspace.schema.type_of(record_id)
            rows = view.get_many(type_.name, [record_id])
            if not rows:
                raise NotFoundError(type_.name, record_id)
            log = [id_ for _, id_ in view.lookup("change", "record_id", [record_id])]
            changes: list[Change] = workspace.schema["change"].load_many(view.get_many("change", log))
            ids = {type_.load(rows[0]).operation_id, *(change.operation_id for change in changes)}
            found = operation_type.load_many(view.get_many("operation", sorted(ids)))
            ordered = sorted(found, key=lambda o: o.at, reverse=True)
            operations = [o for o in ordered if kind in (None, o.kind)][:limit]
        undone = undone_operations(view, workspace, [o.id for o in operations])
    return [LoggedOperation(operation=o, undone=o.id in undone) for o in operations]


def operation_details(workspace: Workspace, operation: str | Stored) -> tuple[Operation, list[Change], dict[str, int]]:
    """Return an operation, what it changed, and how many records of each type it created.

    Raises:
        NotFoundError: There is no such operation.
    """
    operation_id = id_of(operation)
    with workspace.reading() as view:
        rows = view.get_many("operation", [operation_id])
        if not rows:
            raise NotFoundError("operation", operation_id, hint="crmkit log lists them")
        found: Operation = workspace.schema["operation"].load(rows[0])
        mine = Compare("operation_id", Op.EQ, operation_id)
        changes: list[Change] = workspace.schema["change"].load_many(view.find(Query(type="change", where=mine)))
    created = {kind: counts["created"] for kind, counts in found.counts.items() if counts.get("created")}
    return found, changes, created


def undone_operations(view: Any, workspace: Workspace, ids: list[str]) -> set[str]:
    """Return which of these operations are undone at present."""
    undone: set[str] = set()
    heads = {id_: id_ for id_ in ids}  # operation to the last of its chain of undo and redo
    flipped = dict.fromkeys(ids, False)
    while heads:
        pairs = view.lookup("operation", "undoes", list(heads.values()))
        rows = view.get_many("operation", [id_ for _, id_ in pairs])
        by = {o.undoes: o for o in workspace.schema["operation"].load_many(rows) if not o.result.get("partly")}
        following = {}
        for id_, head in heads.items():
            if head in by:
                flipped[id_] = not flipped[id_]
                following[id_] = by[head].id
            elif flipped[id_]:
                undone.add(id_)
        heads = following
    return undone
