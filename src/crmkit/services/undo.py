"""Undo: every operation can be taken back, by another operation, from the log alone.

What an operation created becomes a tombstone, and what it changed gets its old values
back. In the way stand later changes of the same records, living records that refer to the
created ones, and deleted records that what comes back belongs to; then nothing is done,
and they are named. A redo is the undo of the undo, so it revives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.message import MessageStatus
from crmkit.core.operation import Operation
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.records import Stored
from crmkit.errors import NotReversibleError
from crmkit.services.operations import Outcome, Request, refuse_inside, run
from crmkit.services.resolve import id_of
from crmkit.services.undoing.touched import Touched
from crmkit.services.workspace import Workspace

__all__ = ["UndoReport", "redo", "undo"]


@attrs.frozen(kw_only=True)
class UndoReport:
    """What an undo did.

    Attributes:
        operation_id: The operation that was taken back.
        removed: How many records it had created are deleted now.
        restored: How many records have their old values again.
        cancelled: How many queued messages will not be sent.
        sent: Messages that had left already, each as one clause.
        kept: What was left as it is, each as one clause; only with ``keep_changed``.
        partly: Whether only some records of a bulk were taken back.
    """

    operation_id: str
    removed: int
    restored: int
    cancelled: int
    sent: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    partly: bool = False


def undo(
    workspace: Workspace,
    operation: str | Stored,
    *,
    only: Iterable[str | Stored] | None = None,
    keep_changed: bool = False,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[UndoReport]:
    """Take an operation back.

    Args:
        workspace: Where.
        operation: The operation or its id.
        only: Records of a bulk to take back, with all that the operation made for them
            alone; None takes it back whole.
        keep_changed: Leave what stands in the way as it is, and undo the rest.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        NotFoundError: There is no such operation.
        NotReversibleError: It is undone already, or something stands in the way: `.obstacles`.
        RejectedError: This thread keeps an operation open.
    """
    refuse_inside(workspace, "an undo")
    wanted = None if only is None else [id_of(record) for record in only]

    def plan(planning: Planning) -> Mapping[str, Any]:
        tip, undone = _tip(planning, id_of(operation))
        if undone:
            reason_ = f"the {planning.load('operation', id_of(operation)).label} is undone already"
            raise NotReversibleError(reason_, hint="to have it again, redo it")
        return _plan_undo(planning, tip, wanted, keep_changed=keep_changed)

    arguments = {"operation": id_of(operation), "only": wanted, "keep_changed": keep_changed}
    request = Request(kind="undo", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    return run(workspace, request, plan, _report)


def redo(
    workspace: Workspace,
    operation: str | Stored,
    *,
    keep_changed: bool = False,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[UndoReport]:
    """Do an undone operation again: the same records with the same ids come back.

    Raises:
        NotReversibleError: It is not undone, or something stands in the way.
        RejectedError: This thread keeps an operation open.
    """
    refuse_inside(workspace, "a redo")

    def plan(planning: Planning) -> Mapping[str, Any]:
        tip, undone = _tip(planning, id_of(operation))
        if not undone:
            reason_ = f"the {planning.load('operation', id_of(operation)).label} is not undone"
            raise NotReversibleError(reason_)
        return _plan_undo(planning, tip, None, keep_changed=keep_changed)

    arguments = {"operation": id_of(operation), "keep_changed": keep_changed}
    request = Request(kind="redo", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    return run(workspace, request, plan, _report)


def _report(_view: ReadTransaction, result: Mapping[str, Any]) -> UndoReport:
    return UndoReport(**{**result, "sent": tuple(result["sent"]), "kept": tuple(result["kept"])})


def _tip(planning: Planning, operation_id: str) -> tuple[Operation, bool]:
    """Return the last of a chain of undo and redo, and whether it leaves the operation undone.

    The undo of some records of a bulk does not count: the rest is still there.
    """
    operation: Operation = planning.load("operation", operation_id)
    undone = False
    while True:
        ids = [id_ for _, id_ in planning.lookup("operation", "undoes", [operation.id])]
        whole = [o for o in planning.schema["operation"].load_many(planning.get_many("operation", ids)) if _is_whole(o)]
        if not whole:
            return operation, undone
        operation, undone = whole[0], not undone


def _is_whole(operation: Operation) -> bool:
    return not operation.result.get("partly")


def _plan_undo(
    planning: Planning, operation: Operation, only: Sequence[str] | None, *, keep_changed: bool
) -> Mapping[str, Any]:
    if operation.kind == "erase":
        reason = f"the {operation.label} cannot be undone"
        raise NotReversibleError(reason)
    touched = Touched(planning, operation)
    if only is not None:
        touched.narrow(only)
    messages = touched.take_messages()
    obstacles = touched.obstacles()
    if obstacles and not keep_changed:
        reason = f"the {operation.label} cannot be undone"
        hint = "undo these first, or undo the rest with keep_changed (--keep-changed)"
        raise NotReversibleError(reason, [text for texts in obstacles.values() for text in texts], hint=hint)
    while obstacles:  # what is kept may refer to more, which must then stay too
        touched.keep(obstacles)
        obstacles = touched.obstacles()
    planning.undoes = operation.id
    cancelled, sent = _cancel(planning, messages)
    for kind, ids in touched.created.items():
        for id_ in ids:
            planning.delete(kind, id_)
    for change in touched.changes.values():
        kind = planning.schema.type_of(change.record_id).name
        planning.update_scalars(kind, change.record_id, {name: pair[0] for name, pair in change.fields.items()})
    return {
        "operation_id": operation.id,
        "removed": sum(map(len, touched.created.values())),
        "restored": len(touched.changes),
        "cancelled": cancelled,
        "sent": sent,
        "kept": touched.kept,
        "partly": only is not None,
    }


def _cancel(planning: Planning, messages: Sequence[Any]) -> tuple[int, list[str]]:
    """Cancel what is queued, and list what has left."""
    cancelled = 0
    sent: list[str] = []
    for message in messages:
        if message.status is MessageStatus.SENT:
            sent.append(f"the {message.label} was sent at {message.sent_at:%Y-%m-%d %H:%M}")
        elif message.status is not MessageStatus.CANCELLED:
            # Without its key the same mail may be queued again.
            planning.update(
                "message",
                message.id,
                {"status": MessageStatus.CANCELLED, "dedupe_key": None, "next_attempt_at": None},
            )
            cancelled += 1
    return cancelled, sent
