"""Undo: every operation can be taken back, by another operation, from the log alone.

What an operation created becomes a tombstone, and what it changed gets its old values
back. In the way stand later changes of the same records and living records that refer
to the created ones; then nothing is done, and they are named. A redo is the undo of the
undo, so it revives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import ANY
from crmkit.core.message import MessageStatus
from crmkit.core.operation import Change, Operation
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Query
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType
from crmkit.errors import NotReversibleError
from crmkit.services.operations import Outcome, Request, run
from crmkit.services.resolve import id_of
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
    """
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
    """

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
    touched = _Touched(planning, operation)
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


class _Touched:
    """What one operation created and changed, and is to be taken back."""

    def __init__(self, planning: Planning, operation: Operation) -> None:
        self._planning = planning
        self._operation = operation
        self.kept: list[str] = []
        mine = Compare("operation_id", Op.EQ, operation.id)
        self.created: dict[str, list[str]] = {}
        for kind in planning.schema:
            if kind.undo != "keep":
                rows = planning.find(Query(type=kind.name, where=mine))
                self.created[kind.name] = [str(row[kind.position["id"]]) for row in rows]
                planning.get_many(kind.name, self.created[kind.name])
        self.changes: dict[str, Change] = {}
        log: list[Change] = planning.load_many(Query(type="change", where=mine))
        for change in sorted(log, key=lambda c: c.to_version):
            # An import in parts can change a record more than once; undone it is as before the first time.
            earlier = self.changes.get(change.record_id)
            self.changes[change.record_id] = change if earlier is None else _folded(earlier, change)
        for kind_name, ids in self._by_type(self.changes).items():
            planning.get_many(kind_name, ids)

    @property
    def ids(self) -> set[str]:
        """The records that are taken back."""
        return {id_ for ids in self.created.values() for id_ in ids} | set(self.changes)

    def narrow(self, only: Sequence[str]) -> None:
        """Keep to some records, and to what the operation made for them alone."""
        references = self._references()
        chosen = set(only) | self._leads_of(set(only))
        while True:
            more: set[str] = set()
            for id_ in set(references) - chosen:
                users = {other for other in references if id_ in references[other] and not self._is_bond(other)}
                made_for_it = bool(references[id_] & chosen)
                if made_for_it or (users and users <= chosen):
                    more.add(id_)
            if not more:
                break
            chosen |= more
        self.created = {kind: [id_ for id_ in ids if id_ in chosen] for kind, ids in self.created.items()}
        self.changes = {id_: change for id_, change in self.changes.items() if id_ in chosen}

    def _leads_of(self, chosen: set[str]) -> set[str]:
        """Return the leads that a conversion made these records of: a lead is taken back with all it became."""
        kind = self._planning.schema["conversion"]
        made = kind.load_many(self._planning.get_many("conversion", self.created.get("conversion", ())))
        return {c.lead_id for c in made if chosen & {c.id, c.contact_id, c.account_id, c.deal_id}}

    def take_messages(self) -> list[Any]:
        """Take the messages out: they are cancelled, not deleted."""
        messages: list[Any] = []
        for kind in self._planning.schema:
            if kind.undo == "cancel":
                ids = self.created.pop(kind.name, [])
                messages += kind.load_many(self._planning.get_many(kind.name, ids))
        return messages

    def obstacles(self) -> dict[str, list[str]]:
        """Return what stands in the way of each record, each as one clause."""
        found: dict[str, list[str]] = {}
        for id_, texts in (*self._changed_since(), *self._referred_to()):
            known = found.setdefault(id_, [])
            known += [text for text in texts if text not in known]
        return found

    def keep(self, obstacles: Mapping[str, Sequence[str]]) -> None:
        """Leave these records as they are."""
        self.kept += [text for texts in obstacles.values() for text in texts]
        self.created = {kind: [id_ for id_ in ids if id_ not in obstacles] for kind, ids in self.created.items()}
        self.changes = {id_: change for id_, change in self.changes.items() if id_ not in obstacles}

    def _changed_since(self) -> Iterable[tuple[str, list[str]]]:
        planning = self._planning
        later: dict[str, tuple[RecordType, Any]] = {}
        left = {id_: change.to_version for id_, change in self.changes.items()}
        for ids in self.created.values():
            left.update((id_, left.get(id_, 1)) for id_ in ids)
        for kind_name, ids in self._by_type(left).items():
            kind = planning.schema[kind_name]
            for record in kind.load_many(planning.get_many(kind_name, ids)):
                if record.version != left[record.id]:
                    later[record.id] = (kind, record)
        log = self._later_log(list(later), left)
        last = {id_: changes[-1].operation_id for id_, changes in log.items()}
        rows = planning.get_many("operation", list(set(last.values())))
        labels = {o.id: o.label for o in planning.schema["operation"].load_many(rows)}
        came_with_versions = self._operation.result.get("importer") == "workspace"  # it keeps those of the file
        for id_, (kind, record) in later.items():
            if _comes_to_nothing(log[id_]) if id_ in log else came_with_versions:
                continue  # such as an edit that was undone
            by = f" by the {labels[last[id_]]}" if id_ in last else ""
            yield id_, [f"the {kind.name.replace('_', ' ')} {record.label} was changed since{by}"]

    def _later_log(self, ids: Sequence[str], versions: Mapping[str, int]) -> dict[str, list[Change]]:
        """Return what was logged about records after the versions given, in order."""
        planning = self._planning
        pairs = planning.lookup("change", "record_id", ids)
        rows = planning.get_many("change", [id_ for _, id_ in pairs])
        log: dict[str, list[Change]] = {}
        for change in sorted(planning.schema["change"].load_many(rows), key=lambda c: c.to_version):
            if change.to_version > versions[change.record_id]:
                log.setdefault(change.record_id, []).append(change)
        return log

    def _referred_to(self) -> Iterable[tuple[str, list[str]]]:
        planning = self._planning
        back = self._brought_back()
        leaving = self._by_type([*(id_ for ids in self.created.values() for id_ in ids), *back])
        going = {id_ for ids in leaving.values() for id_ in ids}
        found: dict[str, list[tuple[str, int, str]]] = {}
        for kind_name, ids in leaving.items():
            for owner, field in planning.schema.referrers(kind_name) if ids else ():
                if owner.undo == "keep":
                    continue
                pairs = [
                    (str(value), id_)
                    for value, id_ in planning.lookup(owner.name, field.name, ids)
                    if id_ not in going and not self._falls_away(owner, id_, field.name)
                ]
                rows = planning.get_many(owner.name, [id_ for _, id_ in pairs])
                referrers = {record.id: record for record in owner.load_many(rows)}
                for value, id_ in pairs:
                    referrer = referrers[id_]
                    if value in back and _is_bond_type(owner) and referrer.created_at < self._operation.at:
                        continue  # it is older, so the record was gone before in spite of it
                    text = self._in_words(owner, referrer, field.name, planning.load(kind_name, value))
                    rank = 2 if _is_bond_type(owner) else 1 if owner.made_by else 0
                    found.setdefault(value, []).append((referrer.operation_id, rank, text))
        for value, entries in found.items():
            # Of all that one operation bound to it, people want to hear of the record, not of the bonds.
            best = {op: min(rank for other, rank, _ in entries if other == op) for op, _, _ in entries}
            yield value, [text for op, rank, text in entries if rank == best[op]]

    def _brought_back(self) -> dict[str, None]:
        """Return what a redo or restore brought back, and what its undo deletes again."""
        changes = self.changes.items()
        return {id_: None for id_, change in changes if change.fields.get("deleted_at", (None,))[0] is not None}

    def _falls_away(self, owner: RecordType, id_: str, field: str) -> bool:
        """Whether the undo itself takes the reference away: a changed field gets its old value back."""
        change = self.changes.get(id_)
        return (change is not None and field in change.fields) or (
            owner.undo == "cancel" and self._planning.load(owner.name, id_).operation_id == self._operation.id
        )

    def _in_words(self, owner: RecordType, referrer: Any, field: str, target: Any) -> str:
        """Say who refers to a record; a bond between two is named by its other end."""
        if _is_bond_type(owner):
            ends = [owner.value_of(referrer, name) for name in owner.bonds if name != field]
            for end in ends:
                if isinstance(end, str) and end != getattr(referrer, "owner_id", None):
                    kind = self._planning.schema.type_of(end)
                    other = self._planning.load(kind.name, end)
                    return f"the {kind.name.replace('_', ' ')} {other.label} is bound to {target.label}"
        return f"the {owner.name.replace('_', ' ')} {referrer.label} belongs to {target.label}"

    def _references(self) -> dict[str, set[str]]:
        """Return for each created record what it refers to."""
        planning = self._planning
        found: dict[str, set[str]] = {}
        for kind_name, ids in self.created.items():
            kind = planning.schema[kind_name]
            places = [kind.position[field.name] for field in kind.references]
            for row in planning.get_many(kind_name, ids):
                found[str(row[kind.position["id"]])] = {str(row[p]) for p in places if row[p] is not None}
        return found

    def _is_bond(self, id_: str) -> bool:
        return _is_bond_type(self._planning.schema.type_of(id_))

    def _by_type(self, ids: Iterable[str]) -> dict[str, list[str]]:
        grouped: dict[str, list[str]] = {}
        for id_ in ids:
            grouped.setdefault(self._planning.schema.type_of(id_).name, []).append(id_)
        return grouped


def _folded(first: Change, then: Change) -> Change:
    """Return two changes of one record as one."""
    fields = {name: [pair[0], then.fields.get(name, pair)[1]] for name, pair in first.fields.items()}
    return attrs.evolve(then, fields={**then.fields, **fields})


def _comes_to_nothing(changes: Sequence[Change]) -> bool:
    """Whether changes in a row leave every field as it was before them."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in changes:
        for field, (old, new, *_rule) in change.fields.items():
            before.setdefault(field, old)
            after[field] = new
    return before == after


def _is_bond_type(kind: RecordType) -> bool:
    """Whether records of a type only bind others together: links, memberships, further addresses."""
    return any(field.references == ANY and field.required for field in kind.references)


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
