"""What an operation touched, as far as it is to be taken back, and what stands in the way of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import ANY
from crmkit.core.operation import Change, Operation
from crmkit.core.planning import Planning
from crmkit.core.query import Compare, Op, Query
from crmkit.core.record_type import RecordType
from crmkit.errors import NotReversibleError
from crmkit.services.references import belonging_to_deleted

__all__ = ["Touched"]


class Touched:
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
        """Keep to some records, and to what the operation made for them alone.

        Raises:
            NotReversibleError: Of one of them there is nothing, or nothing any more.
        """
        references = self._references()
        mine = self.ids
        others = [id_ for id_ in only if id_ not in mine and not self._leads_of({id_})]
        if others:
            reason = f"the {self._operation.label} has nothing of {', '.join(others)} to take back"
            raise NotReversibleError(reason, hint="name records that it made or changed, and that are not undone yet")
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
        for id_, texts in (*self._changed_since(), *self._referred_to(), *self._orphaned()):
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

    def _orphaned(self) -> Iterable[tuple[str, list[str]]]:
        planning = self._planning
        reviving = [id_ for id_, change in self.changes.items() if change.fields.get("deleted_at", (0,))[0] is None]
        for kind_name, ids in self._by_type(self.changes).items():
            kind = planning.schema[kind_name]
            rows = []
            for row in planning.get_many(kind_name, ids):
                values = dict(zip(kind.field_names, row, strict=True))
                old = {name: pair[0] for name, pair in self.changes[str(values["id"])].fields.items()}
                if "deleted_at" in old or any(field.name in old for field in kind.references):
                    rows.append(tuple((values | old).values()))
            for id_, text in belonging_to_deleted(planning, kind, rows, reviving=reviving):
                yield id_, [text]

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
