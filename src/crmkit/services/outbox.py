"""The outbox as people see it: what waits, what left, and what can still be changed about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Unpack

import attrs

from crmkit.core.changes import Updates
from crmkit.core.fields import Scalar
from crmkit.core.message import Message, MessageStatus
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.errors import RejectedError
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["Outbox", "cancel", "outbox", "retry_dead"]


@attrs.frozen(kw_only=True)
class Outbox:
    """What is in the outbox.

    Attributes:
        counts: How many messages there are of each status.
        messages: The newest ones first.
    """

    counts: Mapping[MessageStatus, int]
    messages: tuple[Message, ...]


def outbox(workspace: Workspace, status: MessageStatus | None = None, *, limit: int = 20) -> Outbox:
    """Look into the outbox.

    Args:
        workspace: Where.
        status: Which messages to show, or None for all; the counts are always of all.
        limit: At most so many messages.
    """
    wanted = None if status is None else Compare("status", Op.EQ, status.value)
    newest = (Order("created_at", descending=True), Order("id", descending=True))
    with workspace.reading() as view:
        counted = view.aggregate(Aggregate(type="message", group_by=("status",)))
        rows = view.find(Query(type="message", where=wanted, order=newest, limit=limit))
    found = {value: int(number or 0) for value, number in counted}
    return Outbox(
        counts={each: found.get(each.value, 0) for each in MessageStatus},
        messages=tuple(workspace.schema["message"].load_many(rows)),
    )


def retry_dead(
    workspace: Workspace,
    messages: Iterable[str | Stored] | None = None,
    **how: Unpack[How],
) -> Outcome[int]:
    """Queue dead letters again, with all their tries before them.

    Args:
        workspace: Where.
        messages: Which, or None for all.
        how: See `How`.

    Returns:
        How many.

    Raises:
        RejectedError: Some of them are not dead letters; names them.
    """
    ids = None if messages is None else [id_of(message) for message in messages]

    def plan(planning: Planning) -> Mapping[str, Any]:
        if ids is None:
            dead = Compare("status", Op.EQ, MessageStatus.DEAD.value)
            chosen: Sequence[Message] = planning.load_many(Query(type="message", where=dead))
        else:
            chosen = _chosen(planning, ids)
        problems = [f"the {m.label} is {m.status.value}" for m in chosen if m.status is not MessageStatus.DEAD]
        if problems:
            raise RejectedError(problems, hint="only dead letters can be tried again")
        new: dict[str, Scalar] = {
            "status": MessageStatus.QUEUED.value,
            "attempts": 0,
            "next_attempt_at": planning.at_text,
            "last_error": None,
        }
        return {"messages": _change(planning, chosen, new)}

    request = Request(kind="retry_dead", arguments={"messages": ids}, **how)
    return run(workspace, request, plan, _count)


def cancel(
    workspace: Workspace,
    messages: Iterable[str | Stored],
    **how: Unpack[How],
) -> Outcome[int]:
    """Take messages back that have not left; the same mail may be queued again afterwards.

    Returns:
        How many.

    Raises:
        RejectedError: Some have left, or are on their way right now; names them.
    """
    ids = [id_of(message) for message in messages]

    def plan(planning: Planning) -> Mapping[str, Any]:
        chosen = _chosen(planning, ids)
        problems = [f"the {m.label} is {m.status.value}" for m in chosen if m.status not in _CANCELLABLE]
        problems += [
            f"the {m.label} is on its way right now"
            for m in chosen
            if m.status in _CANCELLABLE and m.lease_until is not None and m.lease_until > planning.at
        ]
        if problems:
            raise RejectedError(problems, hint="only what has not left can be cancelled")
        new: dict[str, Scalar] = {
            "status": MessageStatus.CANCELLED.value,
            "dedupe_key": None,
            "next_attempt_at": None,
            "lease_until": None,
        }
        return {"messages": _change(planning, chosen, new)}

    request = Request(kind="cancel_mail", arguments={"messages": ids}, **how)
    return run(workspace, request, plan, _count)


_CANCELLABLE: Final = (MessageStatus.QUEUED, MessageStatus.DEAD)


def _chosen(planning: Planning, ids: Sequence[str]) -> list[Message]:
    found: list[Message] = planning.schema["message"].load_many(planning.get_many("message", ids))
    missing = sorted(set(ids) - {message.id for message in found})
    if missing:
        raise RejectedError([f"there is no message {id_!r}" for id_ in missing])
    return found


def _change(planning: Planning, messages: Sequence[Message], new: Mapping[str, Scalar]) -> int:
    """Plan the same change of all of them, and return how many they are."""
    kind = planning.schema["message"]
    if messages:
        names = [kind.attribute[name].codec for name in new]
        old = zip(
            *(
                [codec.encode(getattr(message, name))[0] for name, codec in zip(new, names, strict=True)]
                for message in messages
            ),
            strict=True,
        )
        planning.update_columns(
            Updates(
                type=kind.name,
                ids=[message.id for message in messages],
                versions=[message.version for message in messages],
                old=dict(zip(new, map(list, old), strict=True)),
                new={name: [value] * len(messages) for name, value in new.items()},
            )
        )
    return len(messages)


def _count(_view: ReadTransaction, result: Mapping[str, Any]) -> int:
    return int(result["messages"])
