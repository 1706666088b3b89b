"""The one write path: plan, apply, in one transaction, at most once.

Every service changes data by handing a planning function to `run`, or an explicit plan
to `apply`. Planning reads a snapshot and runs plugins; only then is the write lock
taken, and under it all that the plan relied on is looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Generic, TypedDict, TypeVar

import attrs

from crmkit.core.changes import ChangeSet, Reliance, Updates, digest_of
from crmkit.core.codecs import moment_text, parse_moment, scalar_json, to_json
from crmkit.core.columns import Repeated
from crmkit.core.fields import Row, Scalar
from crmkit.core.ids import IdSequence, new_operation_id
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction, WriteTransaction, state_of
from crmkit.core.query import Aggregate, Order, Query
from crmkit.core.schema import Schema
from crmkit.errors import ConflictError, KeyReusedError, RejectedError, StalePlanError
from crmkit.services.workspace import Workspace

__all__ = [
    "How",
    "Outcome",
    "Request",
    "apply",
    "begin_planning",
    "check_reliance",
    "insert_operation",
    "open_operation",
    "refuse_inside",
    "run",
    "write_changes",
]

_MAX_PLANS = 10
"""How often an implicit plan is made before the conflict is reported."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.2
"""How long to wait at most before it is made anew, doubled each time: so that many who want the same do not
overtake each other for ever."""

T = TypeVar("T")
U = TypeVar("U")


class How(TypedDict, total=False):
    """What every service that writes may be told besides.

    Attributes:
        reason: Why, for the log; None when nobody says.
        key: The idempotency key: a second call with it gives the result of the first. None means
            that each call does it.
        dry_run: Do all of it, and roll it back.
    """

    reason: str | None
    key: str | None
    dry_run: bool


@attrs.frozen(kw_only=True)
class Request:
    """What is asked for, besides the change itself.

    Attributes:
        kind: What is done: ``edit``, ``convert`` …
        reason: Why, or None.
        key: The idempotency key, or None.
        arguments: What was asked for, as JSON values; compared under the same key.
        dry_run: Do all of it, and roll it back.
    """

    kind: str
    reason: str | None = None
    key: str | None = None
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    dry_run: bool = False

    @property
    def digest(self) -> str:
        """What two requests share if and only if they ask for the same."""
        return digest_of({"kind": self.kind, "arguments": dict(self.arguments)})


@attrs.frozen(kw_only=True)
class Outcome(Generic[T]):
    """What an operation gave.

    Attributes:
        value: What the service makes of it.
        operation_id: The operation; in a dry run, one that never was. None when there was
            nothing to change, so that there is no operation.
        changes: What it did; None when the result of an earlier call is given again.
        replayed: Whether an earlier call with the same key had done it.
    """

    value: T
    operation_id: str | None
    changes: ChangeSet | None
    replayed: bool = False

    def mapped(self, change: Callable[[T], U]) -> Outcome[U]:
        """Return the same outcome with something else made of its value."""
        return Outcome(
            value=change(self.value), operation_id=self.operation_id, changes=self.changes, replayed=self.replayed
        )


class _RolledBack(Exception):  # noqa: N818  # not an error: how a dry run leaves its savepoint
    pass


@contextmanager
def _rolled_back_if(transaction: WriteTransaction, *, dry_run: bool) -> Iterator[None]:
    """Take back what the block wrote when this is a dry run."""
    if not dry_run:
        yield
        return
    with suppress(_RolledBack), transaction.savepoint():
        yield
        raise _RolledBack


def run(
    workspace: Workspace,
    request: Request,
    plan: Callable[[Planning], Mapping[str, Any]],
    finish: Callable[[ReadTransaction, Mapping[str, Any]], T],
) -> Outcome[T]:
    """Plan and apply one operation.

    Args:
        workspace: Where.
        request: What is asked for.
        plan: Reads and collects changes; returns the result to keep, as JSON values.
            May be called several times, always on a newer snapshot.
        finish: Makes the value from the stored state and the result.

    Raises:
        ConflictError: Others kept changing what the plan relies on.
        RejectedError: Inside ``crm.operation``, a key or dry run of its own was asked for.
    """
    planning = workspace.open_planning
    if planning is not None:
        if request.key is not None or request.dry_run:
            raise RejectedError("inside an operation, the key and the dry run are those of the operation as a whole")
        with planning.part() as part:  # so that nothing of it stays when it is refused
            value = finish(part, plan(part))
        return Outcome(value=value, operation_id=planning.operation_id, changes=None)
    for attempt in range(_MAX_PLANS):
        with workspace.storage.read() as view:
            earlier = _replay(view, workspace.schema, request, finish)
            if earlier is not None:
                return earlier
            planning = begin_planning(workspace, view, request)
            changes = planning.change_set(plan(planning))
            if not changes and request.key is None:
                return Outcome(value=finish(view, changes.result), operation_id=None, changes=changes)
            planned_on = state_of(view)
        try:
            return apply(workspace, changes, request, finish, planned_on=planned_on)
        except ConflictError:
            if attempt == _MAX_PLANS - 1:
                raise
            longest = min(_LONGEST_PAUSE_S, _PAUSE_S * 2**attempt)
            time.sleep(longest * workspace.chance.bits(16) / 2**16)
    raise AssertionError  # the loop returns or raises


def apply(
    workspace: Workspace,
    changes: ChangeSet,
    request: Request,
    finish: Callable[[ReadTransaction, Mapping[str, Any]], T],
    *,
    planned_on: object = None,
) -> Outcome[T]:
    """Apply a plan as it is, in one transaction.

    Args:
        workspace: Where.
        changes: The plan.
        request: What is asked for.
        finish: See `run`.
        planned_on: The state of the view that it was planned on, or None. When nobody has
            committed anything since then, there is nothing to look at again.

    Raises:
        StalePlanError: Something it relies on has moved; nothing was written.
        RejectedError: This thread keeps another operation open.
    """
    refuse_inside(workspace, "a plan that was made before")
    with workspace.storage.write() as transaction:
        earlier = _replay(transaction, workspace.schema, request, finish)
        if earlier is not None:
            return earlier
        if planned_on is None or state_of(transaction) != planned_on:
            check_reliance(transaction, workspace.schema, changes.relies_on)
        with _rolled_back_if(transaction, dry_run=request.dry_run):
            insert_operation(transaction, workspace.schema, changes, request)
            write_changes(transaction, workspace.schema, changes)
            value = finish(transaction, changes.result)
    outcome = Outcome(value=value, operation_id=changes.operation_id, changes=changes)
    if not request.dry_run:
        workspace.extensions.committed(changes)
    return outcome


@contextmanager
def open_operation(workspace: Workspace, request: Request) -> Iterator[Planning]:
    """Plan everything that services do in the block as one operation, and apply it at the end.

    The block sees its own changes. No lock is held meanwhile; when something it relied on
    has moved at the end, the whole is refused.

    Raises:
        StalePlanError: Others changed what the block relied on; nothing was written.
        RejectedError: This thread keeps another operation open.
    """
    refuse_inside(workspace, "another operation")
    planning = begin_planning(workspace, _FreshView(workspace), request)
    with workspace.keeping_open(planning):
        yield planning
    changes = planning.change_set({})
    if changes:
        apply(workspace, changes, request, lambda _view, _result: None)


def refuse_inside(workspace: Workspace, what: str) -> None:
    """Refuse what is no part of an operation when this thread keeps one open.

    Raises:
        RejectedError: It does.
    """
    if workspace.open_planning is not None:
        raise RejectedError(f"{what} cannot be part of an open operation", hint="do it before or after the block")


def begin_planning(workspace: Workspace, view: ReadTransaction, request: Request) -> Planning:
    """Begin an operation: give it its moment and its id."""
    now = workspace.clock.now()
    newest = view.find(Query(type="operation", order=(Order("at", descending=True),), limit=1))
    if newest:
        # Moments never run backwards, even where the clock does.
        last = parse_moment(newest[0][workspace.schema["operation"].position["at"]])
        now = max(now, last + timedelta(microseconds=1))
    return Planning(
        view,
        workspace.schema,
        kind=request.kind,
        operation_id=new_operation_id(now, workspace.chance),
        at=now,
        actor=workspace.actor,
        reason=request.reason,
    )


def check_reliance(view: ReadTransaction, schema: Schema, relies_on: Reliance) -> None:
    """Look again at all that a plan relied on.

    Raises:
        StalePlanError: Something moved; names all of it.
    """
    moved: list[str] = []
    for kind, versions in relies_on.versions.items():
        position = schema[kind].position
        rows = view.get_many(kind, list(versions)) if versions else []
        found = {str(row[position["id"]]): row[position["version"]] for row in rows}
        moved += [f"{id_} was changed" for id_, version in versions.items() if found.get(id_) != version]
    for lookup in relies_on.lookups:
        if tuple(view.lookup(lookup.type, lookup.field, lookup.values)) != lookup.found:
            what = ", ".join(str(value) for value in lookup.values[:3])
            moved.append(f"other {schema[lookup.type].plural} now have the {lookup.field} {what}")
    for finds in relies_on.finds:
        position = schema[finds.query.type].position
        rows = view.find(finds.query)
        if tuple((row[position["id"]], row[position["version"]]) for row in rows) != finds.found:
            moved.append(f"the {schema[finds.query.type].plural} it looked at have changed")
    if moved:
        raise StalePlanError(moved)


def insert_operation(
    transaction: WriteTransaction, schema: Schema, changes: ChangeSet, request: Request, **more: Scalar
) -> None:
    """Write the row of an operation; *more* are further fields of it."""
    values: dict[str, Any] = {
        "kind": changes.kind,
        "at": changes.at,
        "reason": changes.reason,
        "actor": changes.actor,
        "key": request.key,
        "request": request.digest,
        "undoes": changes.undoes,
        "result": changes.result,
        "counts": changes.counts,
    }
    type_ = schema["operation"]
    row = {**type_.defaults(), **type_.encode(values), **more, "id": changes.operation_id}
    transaction.insert("operation", {**{name: [value] for name, value in row.items()}, **_system(changes, 1)})


def write_changes(
    transaction: WriteTransaction, schema: Schema, changes: ChangeSet, *, log_rows_before: int = 0
) -> int:
    """Write a change set and its log; the only place where records are written.

    Args:
        transaction: The open transaction.
        schema: The record types.
        changes: What to write.
        log_rows_before: How many log rows earlier parts of the operation wrote.

    Returns:
        How many log rows the operation has now.
    """
    order = {name: i for i, name in enumerate(schema.types)}
    for created in sorted(changes.creates, key=lambda c: order[c.type]):
        transaction.insert(created.type, created.columns)
    ids = IdSequence(changes.operation_id, changes.at, used=log_rows_before)
    moment = moment_text(changes.at)
    log: dict[str, list[Scalar]] = {name: [] for name in _LOG}
    for updated in changes.updates:
        if len(log["id"]) > _LOG_ROWS:  # what is written takes no memory any more
            transaction.insert("change", {**log, **_system(changes, len(log["id"]))})
            log = {name: [] for name in _LOG}
        count = len(updated.ids)
        fields = {**updated.new, "updated_at": Repeated(moment, count)}
        transaction.update(updated.type, updated.ids, updated.versions, fields)
        log["id"] += ids.take("change", count)
        log["record_id"] += updated.ids
        log["to_version"] += [version + 1 for version in updated.versions]
        log["fields"] += _logged(updated, schema)
        log["why"] += [updated.why] * count if updated.whys is None else updated.whys
    if log["id"]:
        transaction.insert("change", {**log, **_system(changes, len(log["id"]))})
    return ids.used


_LOG = ("id", "record_id", "to_version", "fields", "why")
_LOG_ROWS = 8192
"""How many rows of the log are collected before they are written, at least."""


def _system(changes: ChangeSet, count: int) -> dict[str, Sequence[Scalar]]:
    moment = Repeated(moment_text(changes.at), count)
    return {
        "version": Repeated(1, count),
        "created_at": moment,
        "updated_at": moment,
        "operation_id": Repeated(changes.operation_id, count),
    }


def _logged(updated: Updates, schema: Schema) -> list[Scalar]:
    """Return the log entry of each record of an update, as JSON."""
    # Derived fields follow from the others, so an undo computes them again.
    hidden = {field.name for field in schema[updated.type].fields if field.hidden}
    columns: list[list[str]] = []
    for name in sorted(updated.new.keys() - hidden):
        head, tail = f"{to_json(name)}:[", f",{to_json(updated.rules[name])}]" if name in updated.rules else "]"
        pairs = zip(updated.old[name], updated.new[name], strict=True)
        columns.append([f"{head}{scalar_json(old)},{scalar_json(new)}{tail}" for old, new in pairs])
    return [f"{{{','.join(cells)}}}" for cells in zip(*columns, strict=True)]


class _FreshView:
    """Reads each time from the newest state; what an open operation reads is looked at again when it ends."""

    def __init__(self, workspace: Workspace) -> None:
        self._storage = workspace.storage

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        with self._storage.read() as view:
            return view.get_many(kind, ids)

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        with self._storage.read() as view:
            return view.lookup(kind, field, values)

    def find(self, query: Query) -> list[Row]:
        with self._storage.read() as view:
            return view.find(query)

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        with self._storage.read() as view:
            yield from view.iterate(query, batch=batch)

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        with self._storage.read() as view:
            return view.aggregate(question)

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        with self._storage.read() as view:
            return view.search(kind, words, limit=limit)


def _replay(
    view: ReadTransaction,
    schema: Schema,
    request: Request,
    finish: Callable[[ReadTransaction, Mapping[str, Any]], T],
) -> Outcome[T] | None:
    """Return the outcome of an earlier call with the same key, or None when there was none."""
    if request.key is None:
        return None
    found = view.lookup("operation", "key", [request.key])
    if not found:
        return None
    operation = schema["operation"].load(view.get_many("operation", [found[0][1]])[0])
    if operation.request != request.digest:
        raise KeyReusedError(request.key)
    return Outcome(value=finish(view, operation.result), operation_id=operation.id, changes=None, replayed=True)
