"""Activities: note what was said, plan what is to be done, tick it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack

from crmkit.core.activity import Activity, ActivityKind, Direction
from crmkit.core.codecs import moment_text
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import All, Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.aliases import current_id
from crmkit.services.edit import plan_add
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["complete_tasks", "log_activity", "tasks_due"]


def log_activity(
    workspace: Workspace,
    kind: ActivityKind,
    subject: str,
    *,
    about: Sequence[str | Stored],
    body: str | None = None,
    happened_at: datetime | None = None,
    due_at: datetime | None = None,
    direction: Direction | None = None,
    owner: str | Stored | None = None,
    **how: Unpack[How],
) -> Outcome[Activity]:
    """Add an activity and link it to records.

    Args:
        workspace: Where.
        kind: What kind.
        subject: One line.
        about: The records it is about; at least one.
        body: The rest, or None.
        happened_at: When it took place; None means now. Not for tasks.
        due_at: Until when a task must be done.
        direction: Who began a call or mail.
        owner: Who has to do it, or did it.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong.
        NotFoundError: A record it is about does not exist.
    """
    targets = list(dict.fromkeys(id_of(record) for record in about))
    values: dict[str, Any] = {"kind": kind, "subject": subject, "body": body, "direction": direction}
    values |= {"due_at": due_at, "owner_id": owner}

    def plan(planning: Planning) -> Mapping[str, Any]:
        if not targets:
            raise RejectedError("an activity is about at least one record")
        moment = None if kind is ActivityKind.TASK else happened_at or planning.at
        activity_id = plan_add(planning, "activity", [{**values, "happened_at": moment}], workspace.settings)[0]
        for target in dict.fromkeys(_living(planning, target) for target in targets):
            planning.create("link", {"kind": "about", "from_id": activity_id, "to_id": target})
        return {"id": activity_id}

    arguments = {"kind": kind.value, "subject": subject, "about": targets, "body": body}
    request = Request(kind=kind.value, arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace))


def complete_tasks(
    workspace: Workspace,
    tasks: Sequence[str | Stored],
    **how: Unpack[How],
) -> Outcome[list[Activity]]:
    """Mark tasks as done; one that is done already stays as it is.

    Raises:
        RejectedError: One is not a task.
    """
    ids = [id_of(task) for task in tasks]

    def plan(planning: Planning) -> Mapping[str, Any]:
        loaded = [planning.load("activity", id_) for id_ in ids]
        wrong = [f"the {activity.label} is not a task" for activity in loaded if activity.kind is not ActivityKind.TASK]
        if wrong:
            raise RejectedError(wrong)
        for activity in loaded:
            if activity.done_at is None:
                planning.update("activity", activity.id, {"done_at": planning.at}, why=how.get("reason"))
        return {"ids": ids}

    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> list[Activity]:
        return workspace.schema["activity"].load_many(view.get_many("activity", result["ids"]))

    request = Request(kind="complete_task", arguments={"ids": ids}, **how)
    return run(workspace, request, plan, finish)


def tasks_due(
    workspace: Workspace,
    *,
    until: datetime | None = None,
    owner: str | Stored | None = None,
    also_done: bool = False,
) -> list[tuple[Activity, list[Any]]]:
    """Return open tasks with the records they are about, the most urgent first.

    Args:
        workspace: Where.
        until: Only tasks due before this moment; None means all open ones, those
            without a date first.
        owner: Only this user's tasks.
        also_done: Those that are done too.
    """
    conditions = [Compare("kind", Op.EQ, ActivityKind.TASK.value)]
    if not also_done:
        conditions.append(Compare("done_at", Op.EQ, None))
    if until is not None:
        conditions.append(Compare("due_at", Op.LE, moment_text(until)))
    if owner is not None:
        conditions.append(Compare("owner_id", Op.EQ, id_of(owner)))
    query = Query(type="activity", where=All(tuple(conditions)), order=(Order("due_at"),))
    with workspace.reading() as view:
        schema = workspace.schema
        tasks: list[Activity] = schema["activity"].load_many(view.find(query))
        bonds = view.lookup("link", "from_id", [task.id for task in tasks])
        links = schema["link"].load_many(view.get_many("link", [id_ for _, id_ in bonds]))
        wanted: dict[str, list[str]] = {}
        for link in links:
            wanted.setdefault(schema.type_of(link.to_id).name, []).append(link.to_id)
        records = {
            record.id: record
            for kind, ids in wanted.items()
            for record in schema[kind].load_many(view.get_many(kind, ids))
        }
    about: dict[str, list[Any]] = {}
    for link in links:
        if link.to_id in records:
            about.setdefault(link.from_id, []).append(records[link.to_id])
    return [(task, about.get(task.id, [])) for task in tasks]


def _living(planning: Planning, record_id: str) -> str:
    """Return a record that is there, or that which it was merged into."""
    kind = planning.schema.type_of(record_id)
    record = planning.load(kind.name, record_id)
    if record.deleted_at is not None:
        record = planning.load(kind.name, current_id(planning, planning.schema, record_id))
    if record.deleted_at is not None:
        raise NotFoundError(f"living {kind.name}", record.label, hint="restore it first")
    return str(record.id)


def _loading(workspace: Workspace) -> Any:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> Activity:
        loaded: Activity = workspace.schema["activity"].load(view.get_many("activity", [result["id"]])[0])
        return loaded

    return finish
