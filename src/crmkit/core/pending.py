"""The records of one type as an operation being planned will leave them.

What was made or changed record by record is held as rows. What was handed over as columns
stays columns, and only the few records that somebody changes again become rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from crmkit.core.changes import Creates, Updates
from crmkit.core.fields import Row, Scalar
from crmkit.core.record_type import RecordType

__all__ = ["Pending"]

_Columns = Mapping[str, Sequence[Scalar]]


class _Blocks:
    """Ids in blocks, and where each of them stands; worked out only for blocks that may hold what is asked for."""

    def __init__(self) -> None:
        self.ids: list[Sequence[str]] = []
        self._bounds: list[tuple[str, str]] = []
        self._places: list[dict[str, int] | None] = []

    def add(self, ids: Sequence[str]) -> None:
        """Add a block behind the others."""
        self.ids.append(ids)
        self._bounds.append((min(ids, default=""), max(ids, default="")))
        self._places.append(None)

    def place(self, id_: str) -> tuple[int, int] | None:
        """Return the number of the block that holds an id, and the place in it; of several the last."""
        for number in range(len(self.ids) - 1, -1, -1):
            first, last = self._bounds[number]
            if first <= id_ <= last and (place := self._in_block(number).get(id_)) is not None:
                return number, place
        return None

    def isdisjoint(self, ids: Sequence[str]) -> bool:
        """Whether none of these ids, which are in order, is in a block."""
        if not ids:
            return True
        return all(
            ids[0] > last or ids[-1] < first or self._in_block(number).keys().isdisjoint(ids)
            for number, (first, last) in enumerate(self._bounds)
        )

    def _in_block(self, number: int) -> dict[str, int]:
        places = self._places[number]
        if places is None:
            places = self._places[number] = {id_: i for i, id_ in enumerate(self.ids[number])}
        return places


class Pending:
    """The touched records of one type, found by id and by any field.

    Args:
        kind: The record type.

    Attributes:
        rows: Those that are held as rows, in the order in which they were touched.
    """

    def __init__(self, kind: RecordType) -> None:
        self.kind = kind
        self.rows: dict[str, list[Scalar]] = {}
        self._created: list[_Columns] = []
        self._created_ids = _Blocks()
        self._updated: list[Updates] = []
        self._updated_ids = _Blocks()
        self._by: dict[str, dict[Scalar, str | list[str]]] = {}
        self._indexed: dict[str, int] = {}  # how many blocks each of these knows

    def __bool__(self) -> bool:
        """Whether any record is touched."""
        return bool(self.rows or self._created or self._updated)

    def isdisjoint(self, ids: Sequence[str]) -> bool:
        """Whether none of these records is touched; the ids are in order."""
        return (
            self.rows.keys().isdisjoint(ids) and self._created_ids.isdisjoint(ids) and self._updated_ids.isdisjoint(ids)
        )

    def add_created(self, columns: _Columns) -> None:
        """Add new records."""
        self._created.append(columns)
        self._created_ids.add(columns["id"])  # type: ignore[arg-type]  # ids are text

    def add_updated(self, updates: Updates) -> None:
        """Add changes of records that were there before."""
        self._updated.append(updates)
        self._updated_ids.add(updates.ids)

    def join(self, others: Pending) -> None:
        """Add what others hold as columns; of their changes of records, these here must know none."""
        for columns in others._created:
            self.add_created(columns)
        for updates in others.updates():
            self.add_updated(updates)

    def put(self, id_: str, row: list[Scalar]) -> None:
        """Add a record as a row, or replace it."""
        self.rows[id_] = row
        for field, by in self._by.items():
            _note(by, row[self.kind.position[field]], id_)

    def made(self, id_: str) -> Row | None:
        """Return a record that is held as a row or was made in columns; None for any other."""
        row = self.rows.get(id_)
        if row is not None:
            return tuple(row)
        place = self._created_ids.place(id_) if self._created else None
        if place is None:
            return None
        columns, i = self._created[place[0]], place[1]
        return tuple([None if (column := columns.get(name)) is None else column[i] for name in self.kind.field_names])

    def is_new(self, id_: str) -> bool:
        """Whether a record was made in columns."""
        return bool(self._created) and self._created_ids.place(id_) is not None

    def update_of(self, id_: str) -> tuple[Updates, int] | None:
        """Return the columns that change a record, and its place there; None when none do or it is a row."""
        place = self._updated_ids.place(id_) if self._updated and id_ not in self.rows else None
        return None if place is None else (self._updated[place[0]], place[1])

    def updated_ids(self) -> Iterator[str]:
        """Go through the records that only columns change."""
        return (id_ for ids in self._updated_ids.ids for id_ in ids if id_ not in self.rows)

    def everything(self) -> Iterator[Row]:
        """Go through the touched records, apart from those that only columns change."""
        for columns in self._created:
            whole = [columns.get(name) or [None] * len(columns["id"]) for name in self.kind.field_names]
            yield from (row for row in zip(*whole, strict=True) if row[self.kind.position["id"]] not in self.rows)
        yield from map(tuple, self.rows.values())

    def having(self, field: str, values: Iterable[Scalar]) -> list[tuple[Scalar, str]]:
        """Return the living ones with these values, as pairs of value and id; not those that only columns change."""
        by, rows = self._indexed_by(field), self.rows
        place, deleted = self.kind.position[field], self.kind.position["deleted_at"]
        pairs: list[tuple[Scalar, str]] = []
        for value in values:
            known = by.get(value)
            if known is None:
                continue
            for id_ in (known,) if isinstance(known, str) else dict.fromkeys(known):
                row = rows.get(id_)
                if row is None or (row[place] == value and row[deleted] is None):
                    pairs.append((value, id_))
        return pairs

    def creates(self, changed: Mapping[str, Row]) -> Iterator[Creates]:
        """Go through the new records: all touched ones but those that are changed."""
        again: dict[int, list[tuple[int, list[Scalar]]]] = {}
        alone: list[list[Scalar]] = []
        for id_, row in self.rows.items():
            place = self._created_ids.place(id_) if self._created else None
            if place is not None:
                again.setdefault(place[0], []).append((place[1], row))
            elif id_ not in changed:
                alone.append(row)
        for number, columns in enumerate(self._created):
            yield Creates(type=self.kind.name, columns=self._with_rows(columns, again.get(number, ())))
        if alone:
            columns = dict(zip(self.kind.field_names, map(list, zip(*alone, strict=True)), strict=True))
            yield Creates(type=self.kind.name, columns=columns)

    def updates(self) -> Iterator[Updates]:
        """Go through the changes that are columns still."""
        for updates in self._updated:
            if self.rows.keys().isdisjoint(updates.ids):
                yield updates
                continue
            left = [i for i, id_ in enumerate(updates.ids) if id_ not in self.rows]
            if left:
                yield attrs.evolve(
                    updates,
                    ids=[updates.ids[i] for i in left],
                    versions=[updates.versions[i] for i in left],
                    old={name: [column[i] for i in left] for name, column in updates.old.items()},
                    new={name: [column[i] for i in left] for name, column in updates.new.items()},
                    whys=None if updates.whys is None else [updates.whys[i] for i in left],
                )

    def _with_rows(self, columns: _Columns, rows: Iterable[tuple[int, list[Scalar]]]) -> _Columns:
        """Return columns with some rows in place of their own."""
        whole: dict[str, Sequence[Scalar]] = dict(columns)
        count = len(columns["id"])
        for i, row in rows:
            for name, value in zip(self.kind.field_names, row, strict=True):
                column = whole.get(name) or [None] * count
                if column[i] != value:
                    whole[name] = [*column[:i], value, *column[i + 1 :]]
        return whole

    def _indexed_by(self, field: str) -> dict[Scalar, str | list[str]]:
        """Return the ids by the values of a field; a row that has changed since may stand there falsely."""
        by = self._by.get(field)
        if by is None:
            by = self._by[field] = {}
            place = self.kind.position[field]
            for id_, row in self.rows.items():
                _note(by, row[place], id_)
        for columns in self._created[self._indexed.get(field, 0) :]:
            ids, gone = columns["id"], columns.get("deleted_at")
            for i, value in enumerate(columns.get(field) or ()):
                if value is not None and (gone is None or gone[i] is None):
                    _note(by, value, str(ids[i]))
        self._indexed[field] = len(self._created)
        return by


def _note(by: dict[Scalar, str | list[str]], value: Scalar, id_: str) -> None:
    known = by.setdefault(value, id_)
    if known is id_ or known == id_:
        return
    if isinstance(known, str):
        by[value] = [known, id_]
    else:
        known.append(id_)
