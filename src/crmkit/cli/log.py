"""``crmkit log``: which operations there were, and what one of them did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from crmkit.cli.output import Card, Column, Table
from crmkit.cli.state import Session, command
from crmkit.core.builtin import custom_types
from crmkit.core.record_type import RecordType
from crmkit.services.log import LoggedOperation, operation_details, recent_operations
from crmkit.services.timeline import changed_values

__all__ = ["log", "show_operation"]


@command("log")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--operation-kind", metavar="KIND", help="Only these: edit, import, convert, move_deal, undo …")
def log(session: Session, name: str | None, limit: int, operation_kind: str | None) -> None:
    """List the operations, the newest first: all, or those that touched the record NAME.

    With the id of an operation, show what it created and changed.
    """
    if name is not None and name.startswith("op_"):
        show_operation(session, name)
        return
    record = None if name is None else session.find(name)
    found = recent_operations(session.workspace, limit=limit, kind=operation_kind, record=record)
    schema = session.workspace.schema
    kinds = [*map(schema.__getitem__, _TOLD), *custom_types(schema)]
    rows = [(each.operation.at, _what(each, kinds), each.operation.actor, each.operation.id) for each in found]
    table = Table(("When", Column("What", wrap=True), "Who", Column("Operation", whole=True)), rows)
    session.show(found, table if rows else "Nothing has been done yet.")


_TOLD = ("lead", "contact", "account", "deal", "campaign", "activity", "message", "user")
"""The record types of crmkit's own that a line of the log counts; the others only bind these together."""


def _what(logged: LoggedOperation, kinds: Sequence[RecordType]) -> str:
    operation = logged.operation
    counts = ", ".join(
        f"{kind.counted(count)} {verb}" for kind in kinds for verb, count in operation.counts.get(kind.name, {}).items()
    )
    text = operation.kind.replace("_", " ") + (f": {operation.reason}" if operation.reason else "")
    if counts:
        text += f" ({counts})"
    return text + (" [undone]" if logged.undone else "") + ("" if operation.finished else " [unfinished]")


def show_operation(session: Session, operation_id: str) -> None:
    """Print one operation with what it created and changed."""
    operation, changes, created = operation_details(session.workspace, operation_id)
    card = Card(
        operation.label[0].upper() + operation.label[1:],
        [
            ("by", operation.actor),
            ("why", operation.reason),
            ("takes back", operation.undoes),
            ("created", [session.workspace.schema[kind].counted(count) for kind, count in created.items()]),
            ("changed", f"{len(changes)} {'record' if len(changes) == 1 else 'records'}" if changes else None),
            ("id", operation.id),
        ],
    )
    rows = [row for change in changes for row in _changed(session, change)]
    value = {"operation": operation, "created": created, "changes": changes}
    columns = ("Record", "Field", Column("Old", wrap=True), Column("New", wrap=True), Column("Why", wrap=True))
    session.show(value, card, "" if rows else None, Table(columns, rows) if rows else None)


def _changed(session: Session, change: Any) -> Iterator[tuple[str, ...]]:
    kind = session.workspace.schema.type_of(change.record_id)
    labels = [record.label for record in session.workspace.load_many(kind.name, [change.record_id])]
    record = f"{kind.name.replace('_', ' ')} {labels[0] if labels else change.record_id}"
    for name, old, new in changed_values(kind, change.fields):
        rules = [pair[2] for field, pair in change.fields.items() if field == name and len(pair) > 2]  # noqa: PLR2004  # old, new, rule
        yield record, name, old, new, f"rule {rules[0]}" if rules else change.why or ""
