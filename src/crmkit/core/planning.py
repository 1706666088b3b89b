"""One operation being planned: what was read, and what shall change.

A `Planning` reads from a snapshot and remembers all that it read, and it shows its own
pending changes to whoever reads through it, so that several steps can be planned as one
operation. Nothing is written: the result is a `ChangeSet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.changes import ChangeSet, Creates, Finds, Lookup, Reliance, Updates
from crmkit.core.codecs import moment_text
from crmkit.core.columns import Repeated
from crmkit.core.fields import Row, Scalar
from crmkit.core.grouping import grouped
from crmkit.core.ids import IdSequence
from crmkit.core.pending import Pending
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Compare, Not, Op, Query, both, has_words, is_after, matches, sort_rows
from crmkit.core.schema import Schema
from crmkit.errors import ConflictError, NotFoundError

__all__ = ["Planning"]


class Planning:
    """Reads, decides and collects; see the module.

    Args:
        view: The snapshot to read from.
        schema: The record types.
        kind: What is being done: ``edit``, ``convert`` …
        operation_id: The id of the operation.
        at: Its moment, in UTC.
        actor: Who asks for it, or None.
        reason: Why, or None.
        ids_used: How many ids the operation has made already, in parts applied before.
    """

    def __init__(
        self,
        view: ReadTransaction,
        schema: Schema,
        *,
        kind: str,
        operation_id: str,
        at: datetime,
        actor: str | None = None,
        reason: str | None = None,
        ids_used: int = 0,
    ) -> None:
        self.view = view
        self.schema = schema
        self.kind = kind
        self.operation_id = operation_id
        self.at = at
        self.at_text = moment_text(at)
        self.actor = actor
        self.reason = reason
        self.ids = IdSequence(operation_id, at, used=ids_used)
        self.undoes: str | None = None
        self._warnings: list[str] = []
        # Records as they will be. An untouched record has no entry; a new one has no base.
        self._touched: dict[str, Pending] = {}
        self._base: dict[str, Row] = {}
        self._why: dict[str, str] = {}
        self._rules: dict[str, dict[str, str]] = {}
        self._seen: dict[str, dict[str, int | None]] = {}
        self._rows: dict[str, Row] = {}  # what was read already; the snapshot does not change
        self._lookups: dict[tuple[str, str, tuple[Scalar, ...]], Lookup] = {}
        self._finds: list[Finds] = []

    # Reading: the snapshot with the pending changes over it.

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        """Return the rows with these ids, deleted ones too, ordered by id; unknown ids are left out."""
        wanted = sorted(set(ids))
        touched = self._touched.get(kind)
        if touched is None or touched.isdisjoint(wanted):
            self._fetch(kind, wanted)
            return [self._rows[id_] for id_ in wanted if id_ in self._rows]
        made = {id_: row for id_ in wanted if (row := touched.made(id_)) is not None}
        self._fetch(kind, [id_ for id_ in wanted if id_ not in made])
        found = {id_: self._as_updated(row, touched) for id_ in wanted if (row := self._rows.get(id_)) is not None}
        found.update(made)
        return [found[id_] for id_ in wanted if id_ in found]

    def forget(self, kind: str, ids: Iterable[str]) -> None:
        """Let go of rows that were read and are not needed any more; what they were is still relied on."""
        touched = self._touched.get(kind)
        for id_ in ids:
            if touched is None or id_ not in touched.rows:
                self._rows.pop(id_, None)

    def _fetch(self, kind: str, ids: Sequence[str]) -> None:
        """Read what is not known yet; the snapshot does not change."""
        seen, rows = self._seen.setdefault(kind, {}), self._rows
        missing = [id_ for id_ in ids if id_ not in rows and seen.get(id_, 0) is not None]
        if missing:
            position = self.schema[kind].position
            id_place, version_place = position["id"], position["version"]
            for row in self.view.get_many(kind, missing):
                id_ = str(row[id_place])
                seen.setdefault(id_, int(row[version_place] or 0))
                rows[id_] = row
            for id_ in missing:
                seen.setdefault(id_, None)

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        """Find living records by the values of one field; remembered, also when nothing is found."""
        wanted = _in_order(set(values) - {None})
        if not wanted:
            return []
        asked = (kind, field, wanted)
        if asked not in self._lookups:
            found = tuple(self.view.lookup(kind, field, wanted))
            self._lookups[asked] = Lookup(type=kind, field=field, values=wanted, found=found)
        pairs = list(self._lookups[asked].found)
        touched = self._touched.get(kind)
        if touched:
            self._settle(touched)
            more = touched.having(field, wanted)
            if touched.rows or more:
                pairs = [pair for pair in pairs if pair[1] not in touched.rows] + more
                pairs.sort(key=lambda pair: (str(pair[0]), pair[1]))
        return pairs

    def find(self, query: Query) -> list[Row]:
        """Return the rows a query asks for; remembered."""
        kind = self.schema[query.type]
        touched = self._everything(query.type)
        # Some of what is found may be touched and fall out again, so that many more are fetched.
        wide = Query(
            type=query.type,
            where=query.where,
            order=query.order,
            limit=None if query.limit is None else query.limit + len(touched),
            after=query.after,
            deleted=query.deleted,
        )
        found = self.view.find(wide)
        id_place, version_place = kind.position["id"], kind.position["version"]
        identity = tuple((str(row[id_place]), int(row[version_place] or 0)) for row in found)
        self._finds.append(Finds(query=wide, found=identity))
        if not touched:
            return found
        deleted = kind.position["deleted_at"]
        wanted, behind = matches(query.where, kind), is_after(query, kind)
        rows = [row for row in found if row[id_place] not in touched]
        rows += [
            row for row in touched.values() if (query.deleted or row[deleted] is None) and wanted(row) and behind(row)
        ]
        rows = sort_rows(rows, query, kind)
        return rows if query.limit is None else rows[: query.limit]

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        """Return the rows a query asks for, in lists; all of them are remembered."""
        rows = self.find(query)
        for start in range(0, len(rows), batch):
            yield rows[start : start + batch]

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        """Return one tuple per group: the group's values, then its measures; not remembered."""
        kind = self.schema[question.type]
        touched = self._everything(question.type)
        if not touched:
            return self.view.aggregate(question)
        untouched = both(question.where, Not(Compare("id", Op.IN, tuple(touched))))
        deleted, wanted = kind.position["deleted_at"], matches(question.where, kind)
        rows = [row for row in touched.values() if (question.deleted or row[deleted] is None) and wanted(row)]
        return grouped(question, kind, rows, lines=self.view.aggregate(attrs.evolve(question, where=untouched)))

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        """Find living records whose search text has every word; touched ones come last; not remembered."""
        type_ = self.schema[kind]
        touched = self._everything(kind)
        found = [id_ for id_ in self.view.search(kind, words, limit=limit + len(touched)) if id_ not in touched]
        if touched and words and type_.search:
            text, deleted = type_.position["search_text"], type_.position["deleted_at"]
            found += [id_ for id_, row in touched.items() if row[deleted] is None and has_words(row[text], words)]
        return found[:limit]

    def load(self, kind: str, record_id: str) -> Any:
        """Return one record, also a deleted one.

        Raises:
            NotFoundError: There is none.
        """
        rows = self.get_many(kind, [record_id])
        if not rows:
            raise NotFoundError(kind.replace("_", " "), record_id)
        return self.schema[kind].load(rows[0])

    def load_many(self, query: Query) -> list[Any]:
        """Return the records a query asks for."""
        return self.schema[query.type].load_many(self.find(query))

    # Changing: collected, not written.

    def create(self, kind: str, values: Mapping[str, Any], *, source_row: int | None = None) -> str:
        """Plan a new record from checked attribute values, and return its id."""
        type_ = self.schema[kind]
        return self.create_scalars(kind, {**type_.defaults(), **type_.encode(values)}, source_row=source_row)

    def create_scalars(self, kind: str, scalars: Mapping[str, Scalar], *, source_row: int | None = None) -> str:
        """Plan a new record from scalars by field, and return its id."""
        type_ = self.schema[kind]
        record_id = self.ids.next(type_.prefix)
        row: dict[str, Scalar] = {**scalars, **self.system_scalars(), "id": record_id, "source_row": source_row}
        row.update(type_.derive(row))
        self._pending(kind).put(record_id, list(map(row.get, type_.field_names)))
        return record_id

    def create_columns(
        self,
        kind: str,
        columns: Mapping[str, Sequence[Scalar]],
        count: int,
        *,
        derived: Mapping[str, Sequence[Scalar]] | None = None,
    ) -> list[str]:
        """Plan *count* new records from columns of scalars, and return their ids in order.

        System and derived fields are added; a field that is left out has its default.

        Args:
            kind: The record type.
            columns: Field to values.
            count: How many records.
            derived: The derived fields, if `RecordType.derive_columns` was asked already.
        """
        type_ = self.schema[kind]
        ids = columns.get("id") or self.ids.take(type_.prefix, count)
        whole: dict[str, Sequence[Scalar]] = {"id": ids}
        for name, value in {**type_.defaults(), **self.system_scalars()}.items():
            if value is not None and name not in columns:
                whole[name] = Repeated(value, count)
        whole.update(columns)
        whole.update(type_.derive_columns(whole, count) if derived is None else derived)
        self._pending(kind).add_created(whole)
        return list(map(str, ids))

    def system_scalars(self) -> dict[str, Scalar]:
        """Return what every new record of this operation carries."""
        return {
            "version": 1,
            "created_at": self.at_text,
            "updated_at": self.at_text,
            "deleted_at": None,
            "operation_id": self.operation_id,
        }

    def update(
        self,
        kind: str,
        record_id: str,
        values: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        why: str | None = None,
        rules: Mapping[str, str] | None = None,
    ) -> bool:
        """Plan a change of one record from checked attribute values.

        Args:
            kind: The record type.
            record_id: The record.
            values: Attribute to new value.
            expected_version: The version the caller has seen, or None when any will do.
            why: Why, as one clause.
            rules: Field to the rule that decided it.

        Returns:
            Whether anything differs from what is there.

        Raises:
            NotFoundError: There is no such record.
            ConflictError: It has another version.
        """
        scalars = self.schema[kind].encode(values)
        return self.update_scalars(kind, record_id, scalars, expected_version=expected_version, why=why, rules=rules)

    def update_scalars(
        self,
        kind: str,
        record_id: str,
        scalars: Mapping[str, Scalar],
        *,
        expected_version: int | None = None,
        why: str | None = None,
        rules: Mapping[str, str] | None = None,
    ) -> bool:
        """Plan a change of one record from scalars by field; see `update`."""
        type_ = self.schema[kind]
        row = list(self._current(kind, record_id, expected_version))
        position = type_.position
        changed = {name: value for name, value in scalars.items() if row[position[name]] != value}
        if not changed:
            return False
        for name, value in changed.items():
            row[position[name]] = value
        for derived in type_.dependent(changed):
            row[position[derived.name]] = derived.compute(*(row[position[source]] for source in derived.sources))
        self._put(kind, record_id, row)
        if why:
            self._why[record_id] = why
        if rules:
            known = self._rules.setdefault(record_id, {})
            known.update({name: rules[name] for name in changed if name in rules})
        return True

    def update_columns(self, updates: Updates) -> None:
        """Plan changes of many records from columns; derived fields are the caller's to fill."""
        self._pending(updates.type).add_updated(updates)

    def delete(self, kind: str, record_id: str, *, why: str | None = None, expected_version: int | None = None) -> bool:
        """Plan to make one record a tombstone; False when it is one already."""
        if self._current(kind, record_id)[self.schema[kind].position["deleted_at"]] is not None:
            return False
        return self.update_scalars(
            kind, record_id, {"deleted_at": self.at_text}, why=why, expected_version=expected_version
        )

    def warn(self, text: str) -> None:
        """Add something a person should know."""
        self._warnings.append(text)

    @contextmanager
    def part(self) -> Iterator[Planning]:
        """Plan a part: it joins the rest at the end of the block, or nothing of it does when the block raises."""
        part = Planning(
            self,
            self.schema,
            kind=self.kind,
            operation_id=self.operation_id,
            at=self.at,
            actor=self.actor,
            reason=self.reason,
            ids_used=self.ids.used,
        )
        yield part
        self.ids = part.ids
        self._warnings += part._warnings
        for kind, theirs in part._touched.items():
            mine = self._pending(kind)
            if not mine.isdisjoint(sorted(theirs.updated_ids())):
                part._settle(theirs)
            mine.join(theirs)
            for id_, row in theirs.rows.items():
                if id_ in part._base:
                    self._put(kind, id_, row)
                else:
                    mine.put(id_, row)
        self._why |= part._why
        for id_, rules in part._rules.items():
            self._rules.setdefault(id_, {}).update(rules)

    def change_set(self, result: Mapping[str, Any]) -> ChangeSet:
        """Return all that was collected, frozen."""
        updates = self._updates()
        updated = {id_ for each in updates for id_ in each.ids}
        return ChangeSet(
            operation_id=self.operation_id,
            kind=self.kind,
            at=self.at,
            reason=self.reason,
            actor=self.actor,
            creates=tuple(self._creates()),
            updates=tuple(updates),
            warnings=tuple(self._warnings),
            result=dict(result),
            relies_on=Reliance(
                versions={  # an update checks its versions itself
                    kind: {id_: version for id_, version in seen.items() if id_ not in updated}
                    for kind, seen in self._seen.items()
                },
                lookups=tuple(self._lookups.values()),
                finds=tuple(self._finds),
            ),
            undoes=self.undoes,
        )

    def _current(self, kind: str, record_id: str, expected_version: int | None = None) -> Row:
        rows = self.get_many(kind, [record_id])
        if not rows:
            raise NotFoundError(kind.replace("_", " "), record_id)
        found = int(rows[0][self.schema[kind].position["version"]] or 0)
        if expected_version is not None and found != expected_version:
            raise ConflictError(record_id, expected=expected_version, found=found)
        return rows[0]

    def _put(self, kind: str, record_id: str, row: list[Scalar]) -> None:
        touched = self._pending(kind)
        update = touched.update_of(record_id)
        if update is not None:
            self._why.setdefault(record_id, update[0].why_of(update[1]) or "")
            self._rules.setdefault(record_id, dict(update[0].rules))
        if record_id not in touched.rows and not touched.is_new(record_id):
            self._base[record_id] = self._rows[record_id]
        touched.put(record_id, row)

    def _pending(self, kind: str) -> Pending:
        """Return the touched records of a type."""
        touched = self._touched.get(kind)
        if touched is None:
            touched = self._touched[kind] = Pending(self.schema[kind])
        return touched

    def _everything(self, kind: str) -> dict[str, Row]:
        """Return the touched records of a type as they will be, by id."""
        touched = self._touched.get(kind)
        if not touched:
            return {}
        self._settle(touched)
        id_place = touched.kind.position["id"]
        return {str(row[id_place]): row for row in touched.everything()}

    def _as_updated(self, row: Row, touched: Pending) -> Row:
        """Return a row as columns change it."""
        update = touched.update_of(str(row[touched.kind.position["id"]]))
        if update is None:
            return row
        updates, i = update
        changed = list(row)
        for name, column in updates.new.items():
            changed[touched.kind.position[name]] = column[i]
        return tuple(changed)

    def _settle(self, touched: Pending) -> None:
        """Turn what only columns change into rows, which can be found by any field."""
        ids = list(touched.updated_ids())
        if ids:
            kind = touched.kind
            for row in self.get_many(kind.name, ids):
                self._put(kind.name, str(row[kind.position["id"]]), list(row))

    def _creates(self) -> Iterable[Creates]:
        for touched in self._touched.values():
            yield from touched.creates(self._base)

    def _updates(self) -> list[Updates]:
        blocks = [block for touched in self._touched.values() for block in touched.updates()]
        groups: dict[tuple[Any, ...], list[str]] = {}
        for kind, touched in self._touched.items():
            names = self.schema[kind].field_names
            for id_, row in touched.rows.items():
                base = self._base.get(id_)
                if base is None:
                    continue
                fields = tuple(n for n, old, new in zip(names, base, row, strict=True) if old != new)
                if fields:
                    rules = tuple(sorted(self._rules.get(id_, {}).items()))
                    groups.setdefault((kind, fields, rules), []).append(id_)
        for (kind, fields, rules), ids in groups.items():
            position = self.schema[kind].position
            whys = [self._why.get(id_) or None for id_ in ids]
            blocks.append(
                Updates(
                    type=kind,
                    ids=ids,
                    versions=[int(self._base[id_][position["version"]] or 0) for id_ in ids],
                    old={name: [self._base[id_][position[name]] for id_ in ids] for name in fields},
                    new={name: [self._touched[kind].rows[id_][position[name]] for id_ in ids] for name in fields},
                    why=whys[0] if len(set(whys)) == 1 else None,
                    rules=dict(rules),
                    whys=whys if len(set(whys)) > 1 else None,
                )
            )
        return blocks


def _in_order(values: set[Scalar]) -> tuple[Scalar, ...]:
    """Return values in the order of their texts."""
    # Without a key it takes a third of the time, and nearly always all are texts.
    if {*map(type, values)} == {str}:
        return tuple(sorted(values))  # type: ignore[type-var]  # texts
    return tuple(sorted(values, key=str))
