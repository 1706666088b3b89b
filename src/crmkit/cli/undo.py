"""``crmkit undo`` and ``crmkit redo``."""

from __future__ import annotations

from typing import Unpack

import click

from crmkit.cli.state import Session, Writing, command, writing
from crmkit.core.operation import Operation
from crmkit.errors import RejectedError
from crmkit.services.log import operation_details, recent_operations
from crmkit.services.operations import Outcome
from crmkit.services.undo import UndoReport
from crmkit.services.undo import redo as redo_operation
from crmkit.services.undo import undo as undo_operation

__all__ = ["redo", "undo"]

_FAR_BACK = 1000
_keep_changed = click.option(
    "--keep-changed", is_flag=True, help="Leave what stands in the way as it is, and do the rest."
)


@command("undo")
@click.argument("operation", required=False)
@_keep_changed
@click.option("--only", metavar="NAME", multiple=True, help="Of a bulk, take back only what it did to this record.")
@writing
def undo(
    session: Session,
    operation: str | None,
    *,
    keep_changed: bool,
    only: tuple[str, ...],
    **how: Unpack[Writing],
) -> None:
    """Take an operation back; without OPERATION, the last one that is not undone.

    When later changes stand in the way it is refused, and they are named.
    """
    chosen = _chosen(session, operation) if operation else _last(session)
    session.say(f"Undoing the {chosen.label} ({chosen.id})")
    records = [session.find(name).id for name in only] or None
    outcome = undo_operation(session.workspace, chosen, only=records, keep_changed=keep_changed, **how)
    session.done(outcome, *_lines(outcome))


@command("redo")
@click.argument("operation", required=False)
@_keep_changed
@writing
def redo(session: Session, operation: str | None, *, keep_changed: bool, **how: Unpack[Writing]) -> None:
    """Do an undone operation again, with the same ids; without OPERATION, the one undone last."""
    chosen = _chosen(session, operation) if operation else _last_undone(session)
    session.say(f"Redoing the {chosen.label} ({chosen.id})")
    outcome = redo_operation(session.workspace, chosen, keep_changed=keep_changed, **how)
    session.done(outcome, *_lines(outcome))


def _chosen(session: Session, operation_id: str) -> Operation:
    return operation_details(session.workspace, operation_id)[0]


def _last(session: Session) -> Operation:
    for logged in recent_operations(session.workspace, limit=_FAR_BACK):
        if not logged.undone and logged.operation.kind not in ("begin", "undo", "redo", "erase"):
            return logged.operation
    raise RejectedError("there is nothing left to undo", hint="crmkit log lists what was done")


def _last_undone(session: Session) -> Operation:
    recent = recent_operations(session.workspace, limit=_FAR_BACK)
    by_id = {logged.operation.id: logged for logged in recent}
    for logged in recent:
        root = logged
        while root.operation.undoes in by_id:  # an undo may itself have been redone and undone
            root = by_id[root.operation.undoes]
        if logged.operation.kind == "undo" and root.undone:
            return root.operation
    raise RejectedError("there is nothing left to do again", hint="crmkit log lists what was undone")


def _lines(outcome: Outcome[UndoReport]) -> list[str]:
    report = outcome.value
    done = [
        _counted(report.removed, "record", "removed again"),
        _counted(report.restored, "record", "as before"),
        _counted(report.cancelled, "queued mail", "cancelled"),
    ]
    text = ", ".join(filter(None, done)) or "nothing was left to do"
    return [
        f"Done: {text}.",
        *(f"  mind: {each}" for each in report.sent),
        *(f"  kept: {each}" for each in report.kept),
    ]


def _counted(count: int, noun: str, what: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'} {what}" if count else ""
