"""A workspace in memory: real, transactional, gone when the program ends.

Rows are immutable tuples in one dictionary per record type. A transaction works on
copies of the dictionaries it touches and swaps them in when it commits, so a reader
keeps the state it began with. Look-ups scan: this back end is for tests and small runs,
and it is the plain-Python model that the others are compared with.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from crmkit.core.catalogue import catalogue_of, completed
from crmkit.core.fields import Row, Scalar
from crmkit.core.grouping import grouped
from crmkit.core.query import Aggregate, Query, has_words, is_after, matches, rank_of, sort_rows
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import ConflictError, LockedError, RejectedError, StorageError

__all__ = ["MemoryStorage"]

_Tables = dict[str, dict[str, Row]]
_AnyView = TypeVar("_AnyView", bound="_View")


class MemoryStorage:
    """A back end that keeps everything in memory.

    Args:
        lock_timeout_s: How long a writer waits for another thread, in seconds.
    """

    def __init__(self, *, lock_timeout_s: float = 30.0) -> None:
        self.url = "memory:"
        self._schema = Schema(())
        self._tables: _Tables = {}
        self._state: Hashable = object()  # another one after each commit
        self._write_lock = threading.Lock()
        self._lock_timeout_s = lock_timeout_s
        self._own = threading.local()

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        """Take over the schema; rows have the defaults of fields that are new."""
        with self._write_lock:
            old, whole = self._schema, completed(schema, catalogue_of(self._schema))
            self._tables = {
                kind.name: _reshaped(self._tables.get(kind.name, {}), old.types.get(kind.name), kind) for kind in whole
            }
            self._schema = whole
        return whole

    @contextmanager
    def read(self) -> Iterator[_View]:
        """Open a consistent view; inside another transaction of this thread, share its view."""
        outer: _View | None = getattr(self._own, "view", None)
        if outer is not None:
            yield outer
            return
        with self._opened(_View(self._schema, self._state, self._tables)) as view:
            yield view

    @contextmanager
    def write(self) -> Iterator[_Change]:
        """Open a transaction; one at a time."""
        if getattr(self._own, "view", None) is not None:
            message = "a transaction of this thread is still open"
            raise StorageError(message, url=self.url, hint="finish it before you write")
        if not self._write_lock.acquire(timeout=self._lock_timeout_s):
            message = "another thread is writing"
            raise LockedError(message, waited_s=self._lock_timeout_s, url=self.url)
        try:
            with self._opened(_Change(self._schema, self._state, dict(self._tables))) as change:
                yield change
            self._tables, self._state = change.tables, object()
        finally:
            self._write_lock.release()

    @contextmanager
    def _opened(self, view: _AnyView) -> Iterator[_AnyView]:
        self._own.view = view
        try:
            yield view
        finally:
            self._own.view = None

    def close(self) -> None:
        """Do nothing: whoever holds the object holds the data."""


def _reshaped(rows: dict[str, Row], old: RecordType | None, new: RecordType) -> dict[str, Row]:
    if old is None or old.field_names == new.field_names:
        return rows
    defaults = new.defaults()
    places = [(old.position.get(name), defaults.get(name)) for name in new.field_names]
    return {id_: tuple(default if p is None else row[p] for p, default in places) for id_, row in rows.items()}


class _View:
    """What can be read of some tables."""

    def __init__(self, schema: Schema, state: Hashable, tables: _Tables) -> None:
        self._schema = schema
        self._state = state  # read before the tables, so that it is never newer than they are
        self.tables = tables

    def state(self) -> Hashable:
        """Return the same as long as nothing was committed."""
        return self._state

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        table = self.tables[self._schema[kind].name]
        return [table[id_] for id_ in sorted(set(ids)) if id_ in table]

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        type_ = self._schema[kind]
        place, id_place = type_.position[type_.field(field).name], type_.position["id"]
        wanted = {value for value in values if value is not None}
        found = [(row[place], str(row[id_place])) for row in self._living(type_) if row[place] in wanted]
        rank = rank_of(type_, field)
        return sorted(found, key=lambda pair: (rank(pair[0]), pair[1]))

    def find(self, query: Query) -> list[Row]:
        kind = self._schema[query.type]
        rows = self.tables[kind.name].values() if query.deleted else self._living(kind)
        wanted, behind = matches(query.where, kind), is_after(query, kind)
        ordered = sort_rows((row for row in rows if wanted(row) and behind(row)), query, kind)
        return ordered if query.limit is None else ordered[: query.limit]

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        rows = self.find(query)
        for start in range(0, len(rows), batch):
            yield rows[start : start + batch]

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        kind = self._schema[question.type]
        return grouped(question, kind, self.find(Query(type=kind.name, where=question.where, deleted=question.deleted)))

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        type_ = self._schema[kind]
        if not words or not type_.search:
            return []
        text_place, id_place = type_.position["search_text"], type_.position["id"]
        fitting = [row for row in self._living(type_) if has_words(row[text_place], words)]
        fitting.sort(key=lambda row: (len(str(row[text_place])), row[id_place]))  # the shorter, the better the fit
        return [str(row[id_place]) for row in fitting[:limit]]

    def _living(self, kind: RecordType) -> list[Row]:
        place = kind.position["deleted_at"]
        return [row for row in self.tables[kind.name].values() if row[place] is None]


class _Change(_View):
    """A view that can be changed; its tables become the store's when it commits."""

    def __init__(self, schema: Schema, state: Hashable, tables: _Tables) -> None:
        super().__init__(schema, state, tables)
        self._own: set[str] = set()

    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        type_ = self._schema[kind]
        for name in columns:
            type_.field(name)
        _check_scalars(columns)
        table = self._table(type_)
        nothing: Sequence[Scalar] = [None] * len(columns["id"])
        whole = [columns.get(name, nothing) for name in type_.field_names]
        added = list(zip(*whole, strict=True))
        place = type_.position["id"]
        for row in added:
            if row[place] in table:
                raise RejectedError(f"the id {row[place]} is taken")
            table[str(row[place])] = row
        self._check_unique(type_, [str(row[place]) for row in added])

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        type_ = self._schema[kind]
        _check_scalars(columns)
        table = self._table(type_)
        places = [type_.position[type_.field(name).name] for name in columns]
        version_place = type_.position["version"]
        for i, (id_, version) in enumerate(zip(ids, versions, strict=True)):
            row = table.get(id_)
            if row is None or row[version_place] != version:
                found = None if row is None else int(row[version_place] or 0)
                raise ConflictError(id_, expected=version, found=found)
            changed = list(row)
            for place, column in zip(places, columns.values(), strict=True):
                changed[place] = column[i]
            changed[version_place] = version + 1
            table[id_] = tuple(changed)
        self._check_unique(type_, ids)

    def erase(self, kind: str, ids: Sequence[str]) -> None:
        table = self._table(self._schema[kind])
        for id_ in ids:
            table.pop(id_, None)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        before, own = dict(self.tables), set(self._own)
        self._own.clear()  # so that the next change copies instead of writing into what was saved
        try:
            yield
        except BaseException:
            self.tables, self._own = before, own
            raise

    def _table(self, kind: RecordType) -> dict[str, Row]:
        if kind.name not in self._own:
            self.tables[kind.name] = dict(self.tables[kind.name])
            self._own.add(kind.name)
        return self.tables[kind.name]

    def _check_unique(self, kind: RecordType, ids: Sequence[str]) -> None:
        touched = set(ids)
        id_place = kind.position["id"]
        for group in kind.unique:
            places = [kind.position[name] for name in group]
            holders: dict[tuple[Scalar, ...], str] = {}
            for row in self._living(kind):
                key = tuple(row[place] for place in places)
                if None in key:
                    continue
                id_ = str(row[id_place])
                other = holders.setdefault(key, id_)
                if other != id_ and (id_ in touched or other in touched):
                    raise RejectedError(f"another {kind.name} has the same {' and '.join(group)}")


def _check_scalars(columns: Mapping[str, Sequence[Scalar]]) -> None:
    for column in columns.values():
        for value in column:
            if isinstance(value, int):
                if not -(2**63) <= value < 2**63:
                    raise RejectedError("a whole number has more than 63 bits")
            elif value is not None and not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise RejectedError("a text holds a broken character (a lone surrogate)") from None
