"""The storage contract catches every mistake we could think of, and each of its tests catches one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from inspect import signature
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import Phase, settings

from crmkit.core.fields import Row, Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Measure, Op, Query
from crmkit.core.schema import Schema
from crmkit.core.values.text import fold
from crmkit.errors import ConfigError, ConflictError, CrmkitError, NotFoundError, RejectedError
from crmkit.storage.memory import MemoryStorage
from crmkit.testing import StorageContract
from crmkit.testing.schema import SCHEMA, THING

_PLACE = THING.position
_ID, _VERSION, _DELETED = _PLACE["id"], _PLACE["version"], _PLACE["deleted_at"]
_TEXT = _PLACE["search_text"]


class Transaction:
    """Hands everything on; the mistakes override what they get wrong."""

    def __init__(self, inner: Any, store: Broken) -> None:
        self.inner = inner
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Broken:
    """A memory back end with one mistake."""

    transaction: ClassVar[type[Transaction]] = Transaction
    url = "broken:"

    def __init__(self, place: MemoryStorage | None = None) -> None:
        self.place = place or MemoryStorage(lock_timeout_s=2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.place, name)

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        if not create and not self.known.types:
            raise NotFoundError("workspace", self.url)
        return self.place.prepare(schema, create=create)

    @property
    def known(self) -> Schema:
        return self.place._schema  # noqa: SLF001

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self.place.read() as view:
            yield self.transaction(view, self)

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self.place.write() as change:
            yield self.transaction(change, self)

    def close(self) -> None:
        self.place.close()

    def reopened(self) -> Storage:
        return type(self)(self.place)


_BROKEN: dict[str, Callable[[], Broken]] = {}


def mistake(cls: type[Transaction]) -> type[Transaction]:
    """Register a back end whose transactions make a mistake."""
    _BROKEN[cls.__name__] = type(cls.__name__, (Broken,), {"transaction": cls})
    return cls


def blunder(cls: type[Broken]) -> type[Broken]:
    """Register a back end that is wrong as a whole."""
    _BROKEN[cls.__name__] = cls
    return cls


def stored_as(cls_name: str, change: Callable[[Scalar, str], Scalar]) -> None:
    """Register a back end that spoils values on their way in."""

    class Spoiling(Transaction):
        def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
            self.inner.insert(kind, {n: [change(v, n) for v in column] for n, column in columns.items()})

        def update(
            self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
        ) -> None:
            spoilt = {n: [change(v, n) for v in column] for n, column in columns.items()}
            self.inner.update(kind, ids, versions, spoilt)

    Spoiling.__name__ = cls_name
    mistake(Spoiling)


stored_as("TrimsText", lambda v, _: v.strip() if isinstance(v, str) else v)
stored_as("CutsLongText", lambda v, _: v[:65535] if isinstance(v, str) else v)
stored_as("KeepsNumbersAsFloats", lambda v, _: int(float(v)) if isinstance(v, int) and abs(v) < 2**63 else v)
stored_as("KeepsDecimalsAsFloats", lambda v, n: str(float(v)) if n == "weight" and v is not None else v)
stored_as("KeepsMilliseconds", lambda v, n: f"{v[:-4]}000Z" if n == "seen_at" and isinstance(v, str) else v)
stored_as("EmptyIsNone", lambda v, _: None if v == "" else v)
stored_as("ZeroIsNone", lambda v, _: None if v == 0 else v)
stored_as("ReplacesBrokenText", lambda v, _: v.encode(errors="replace").decode() if isinstance(v, str) else v)
stored_as("CutsNumbers", lambda v, _: (v + 2**63) % 2**64 - 2**63 if isinstance(v, int) else v)


@mistake
class ReplacesBrokenQuestions(Transaction):
    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        return self.inner.get_many(kind, [id_.split("\0")[0].encode(errors="ignore").decode() for id_ in ids])  # type: ignore[no-any-return]


@mistake
class InsertsByPlace(Transaction):
    """Trusts that the columns of a type always come in the same order."""

    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        names = vars(self.store).setdefault(f"order_{kind}", list(columns))
        if len(names) == len(columns):
            columns = dict(zip(names, columns.values(), strict=True))
        self.inner.insert(kind, columns)


@mistake
class NeedsRows(Transaction):
    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        columns["id"][0]
        self.inner.insert(kind, columns)


@mistake
class InsertReplaces(Transaction):
    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        last = {id_: i for i, id_ in enumerate(columns["id"])}
        self.inner.erase(kind, list(last))
        self.inner.insert(kind, {n: [column[i] for i in last.values()] for n, column in columns.items()})


@mistake
class IgnoresUnknownFields(Transaction):
    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        known = SCHEMA[kind].position
        self.inner.insert(kind, {n: column for n, column in columns.items() if n in known})


@mistake
class KeepsTheListsOfTheCaller(Transaction):
    """Queues updates until something is asked."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        self.inner.update(kind, ids, versions, {})
        vars(self).setdefault("queue", []).append((kind, ids, versions, columns))

    def flush(self) -> None:
        for kind, ids, _versions, columns in vars(self).pop("queue", []):
            table = self.inner.tables[kind]
            for i, id_ in enumerate(ids):
                row = dict(zip(SCHEMA[kind].field_names, table[id_], strict=True))
                table[id_] = tuple({**row, **{n: column[i] for n, column in columns.items()}}.values())

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self.inner, name)


@blunder
class Queues(Broken):
    transaction = KeepsTheListsOfTheCaller

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self.place.write() as change:
            queue = KeepsTheListsOfTheCaller(change, self)
            yield queue
            queue.flush()


@mistake
class SharesItsCache(Transaction):
    def find(self, query: Query) -> list[Row]:
        cache = vars(self).setdefault("cache", {})
        if query not in cache:
            cache[query] = self.inner.find(query)
        return cache[query]  # type: ignore[no-any-return]


def _without_unique(change: Callable[[tuple[tuple[str, ...], ...]], tuple[tuple[str, ...], ...]]) -> type[Broken]:
    class Loose(Broken):
        def prepare(self, schema: Schema, *, create: bool) -> Schema:
            loose = Schema(attrs.evolve(kind, unique=change(kind.unique)) for kind in schema)
            return super().prepare(loose, create=create)

    return Loose


_BROKEN["NothingIsUnique"] = _without_unique(lambda _groups: ())
_BROKEN["OnlySingleFieldsAreUnique"] = _without_unique(lambda groups: tuple(g for g in groups if len(g) == 1))
_BROKEN["EachFieldOfAGroupIsUnique"] = _without_unique(lambda groups: tuple((f,) for group in groups for f in group))


@mistake
class DeletedOnesStayUnique(Transaction):
    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        self.inner.insert(kind, columns)
        codes = [row[_PLACE["code"]] for row in self.inner.tables["thing"].values()]
        codes = [code for code in codes if code is not None]
        if len(codes) != len(set(codes)):
            raise RejectedError("another thing has the same code")


@mistake
class NoneIsUnique(Transaction):
    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        self.inner.insert(kind, columns)
        pairs = [(row[_PLACE["realm"]], row[_PLACE["number"]]) for row in self.inner.tables["thing"].values()]
        pairs = [pair for pair in pairs if pair[0] is not None]
        if len(pairs) != len(set(pairs)):
            raise RejectedError("another thing has the same realm and number")


@mistake
class InItsOwnWay(Transaction):
    """Forgets to leave out the record itself."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        if self.inner.lookup("thing", "code", columns.get("code", ())):
            raise RejectedError("another thing has the same code")
        self.inner.update(kind, ids, versions, columns)


class _Updating(Transaction):
    def versions_found(self, kind: str, ids: Sequence[str]) -> dict[str, int]:
        return {row[_ID]: row[_VERSION] for row in self.inner.get_many(kind, ids)}


@mistake
class LastWriterWins(_Updating):
    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        found = self.versions_found(kind, ids)
        self.inner.update(kind, ids, [found.get(i, v) for i, v in zip(ids, versions, strict=True)], columns)


@mistake
class SkipsStaleRows(_Updating):
    """Takes ``UPDATE … WHERE version = ?`` for the whole of the matter."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        found = self.versions_found(kind, ids)
        fresh = [i for i, id_ in enumerate(ids) if found.get(id_) == versions[i]]
        picked = {n: [column[i] for i in fresh] for n, column in columns.items()}
        self.inner.update(kind, [ids[i] for i in fresh], [versions[i] for i in fresh], picked)


@mistake
class ChecksVersionsOnce(_Updating):
    """Compares all versions before it changes anything, and so misses a record given twice."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        found = self.versions_found(kind, ids)
        for i, id_ in enumerate(ids):
            if found.get(id_) != versions[i]:
                raise ConflictError(id_, expected=versions[i], found=found.get(id_))
        last = {id_: i for i, id_ in enumerate(ids)}
        picked = {n: [column[i] for i in last.values()] for n, column in columns.items()}
        self.inner.update(kind, list(last), [versions[i] for i in last.values()], picked)


@mistake
class ForgetsTheVersion(_Updating):
    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        self.inner.update(kind, ids, versions, columns)
        table = self.inner.tables[kind]
        for id_, version in zip(ids, versions, strict=True):
            row = list(table[id_])
            row[_VERSION] = version
            table[id_] = tuple(row)


@mistake
class NothingToSet(_Updating):
    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        if columns:
            self.inner.update(kind, ids, versions, columns)


@mistake
class UpdatesTheWholeRow(_Updating):
    """Writes None into the fields that were not named."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        whole = {"note": [None] * len(ids), "tags": [None] * len(ids), **columns}
        self.inner.update(kind, ids, versions, whole)


@blunder
class CommitsAnyway(Broken):
    @contextmanager
    def write(self) -> Iterator[Any]:
        failure: BaseException | None = None
        with self.place.write() as change:
            try:
                yield Transaction(change, self)
            except BaseException as error:  # noqa: BLE001  # raised again below
                failure = error
        if failure is not None:
            raise failure


@blunder
class CommitsEachRow(Broken):
    """Autocommit: a batch is no unit, a transaction even less."""

    class transaction(Transaction):  # noqa: N801  # in the place of the attribute
        def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
            for i in range(len(columns["id"])):
                self.inner.insert(kind, {n: [column[i]] for n, column in columns.items()})
                self.store.place._tables = dict(self.inner.tables)  # noqa: SLF001


@blunder
class WritesInPlace(Broken):
    """Has no copy to roll back to, so its savepoints do nothing."""

    class transaction(Transaction):  # noqa: N801
        @contextmanager
        def savepoint(self) -> Iterator[None]:
            yield


@blunder
class InnerSavepointEndsTheOuter(Broken):
    """Keeps one savepoint, whatever is nested."""

    class transaction(Transaction):  # noqa: N801
        @contextmanager
        def savepoint(self) -> Iterator[None]:
            if vars(self).get("nested"):
                yield
                return
            self.nested = True
            try:
                with self.inner.savepoint():
                    yield
            finally:
                self.nested = False


@blunder
class SavepointRollsBackAll(Broken):
    class transaction(Transaction):  # noqa: N801
        def __init__(self, inner: Any, store: Broken) -> None:
            super().__init__(inner, store)
            self.start = dict(inner.tables)

        @contextmanager
        def savepoint(self) -> Iterator[None]:
            try:
                with self.inner.savepoint():
                    yield
            except BaseException:
                self.inner.tables = dict(self.start)
                raise


@blunder
class BuffersItsWrites(Broken):
    """Asks the committed state, so that a transaction does not see itself."""

    class transaction(Transaction):  # noqa: N801
        def __init__(self, inner: Any, store: Broken) -> None:
            super().__init__(inner, store)
            committed = type(inner).__mro__[-2](SCHEMA, dict(store.place._tables))  # noqa: SLF001
            self.get_many, self.find, self.lookup = inner.get_many, committed.find, committed.lookup
            self.aggregate, self.search = committed.aggregate, committed.search


@blunder
class ReadsWhatIsThere(Broken):
    """READ COMMITTED: each question sees the newest commit."""

    class transaction(Transaction):  # noqa: N801
        def __getattr__(self, name: str) -> Any:
            if not hasattr(self.inner, "insert"):
                self.inner.tables = self.store.place._tables  # noqa: SLF001
            return getattr(self.inner, name)


@blunder
class ReadsDirt(Broken):
    """Everybody works on the same tables."""

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self.place.read() as view:
            pending = vars(self).get("pending")
            if pending is not None:
                view.tables = pending.tables
            yield Transaction(view, self)

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self.place.write() as change:
            self.pending: Any = change
            try:
                yield Transaction(change, self)
            finally:
                self.pending = None


@blunder
class ReadersWait(Broken):
    """One lock for everything."""

    def __init__(self, place: MemoryStorage | None = None) -> None:
        super().__init__(place)
        self.lock = threading.RLock()

    @contextmanager
    def read(self) -> Iterator[Any]:
        if not self.lock.acquire(timeout=0.2):
            raise CrmkitError("another thread has it")
        try:
            with super().read() as view:
                yield view
        finally:
            self.lock.release()

    @contextmanager
    def write(self) -> Iterator[Any]:
        if not self.lock.acquire(timeout=0.2):
            raise CrmkitError("another thread has it")
        try:
            with super().write() as change:
                yield change
        finally:
            self.lock.release()


@blunder
class EveryReadIsNew(Broken):
    """Opens another connection for each view."""

    @contextmanager
    def read(self) -> Iterator[Any]:
        own = self.place._own  # noqa: SLF001
        outer, own.view = getattr(own, "view", None), None
        try:
            with self.place.read() as view:
                yield Transaction(view, self)
        finally:
            own.view = outer


@blunder
class WaitsForItself(Broken):
    """Asks for the lock that its own thread holds."""

    @contextmanager
    def write(self) -> Iterator[Any]:
        own = self.place._own  # noqa: SLF001
        outer, own.view = getattr(own, "view", None), None
        self.place._lock_timeout_s = 0.1  # noqa: SLF001
        try:
            with super().write() as change:
                yield change
        except CrmkitError as error:
            raise TimeoutError from error
        finally:
            own.view = outer


@blunder
class WritersDoNotWait(Broken):
    """Two transactions begin from the same state, and the later one wins."""

    @contextmanager
    def write(self) -> Iterator[Any]:
        own = MemoryStorage()
        own.prepare(SCHEMA, create=True)
        own._tables = self.place._tables  # noqa: SLF001
        with own.write() as change:
            yield Transaction(change, self)
        threading.Event().wait(0.001)
        self.place._tables = own._tables  # noqa: SLF001


@mistake
class KeepsTheOrderOfTheQuestion(Transaction):
    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        found = {row[_ID]: row for row in self.inner.get_many(kind, ids)}
        return [found[id_] for id_ in ids if id_ in found]


@mistake
class HasAThousandVariables(Transaction):
    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        return self.inner.get_many(kind, ids[:999])  # type: ignore[no-any-return]


@mistake
class LooksUpTheDead(Transaction):
    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        place = THING.position[THING.field(field).name]
        wanted = [value for value in values if value is not None]
        rows = self.inner.find(Query(type=kind, deleted=True))
        return sorted((row[place], row[_ID]) for row in rows if row[place] in wanted)


@mistake
class LooksUpByText(Transaction):
    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        return sorted(self.inner.lookup(kind, field, values), key=lambda pair: (str(pair[0]), pair[1]))


@mistake
class LooksUpNone(Transaction):
    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        found: list[tuple[Scalar, str]] = self.inner.lookup(kind, field, values)
        if None in values:
            place = THING.position[field]
            found = [(None, r[_ID]) for r in self.inner.find(Query(type=kind)) if r[place] is None] + found
        return found


class _Answering(Transaction):
    """Finds by conditions of its own."""

    def holds(self, condition: Any, row: Row) -> bool | None:
        """Three-valued, right but for None, which SQL does not know."""
        if condition is None:
            return True
        if hasattr(condition, "part"):
            inner = self.holds(condition.part, row)
            return None if inner is None else not inner
        if hasattr(condition, "parts"):
            answers = [self.holds(part, row) for part in condition.parts]
            return self.every(answers) if type(condition).__name__ == "All" else self.some(answers)
        return self.compare(condition.op, row[THING.position[condition.field]], condition.value)

    def every(self, answers: Sequence[bool | None]) -> bool | None:
        return False if False in answers else None if None in answers else True

    def some(self, answers: Sequence[bool | None]) -> bool | None:
        return True if True in answers else None if None in answers else False

    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if op is Op.IN:
            return mine in value
        if op is Op.EQ:
            return bool(mine == value)
        if op is Op.NE:
            return bool(mine != value)
        if mine is None or value is None:
            return None
        if op is Op.CONTAINS:
            return fold(str(value)) in fold(str(mine))
        if op is Op.HAS:
            return value in json.loads(mine)
        a, b = (Decimal(v) if str(v)[-1:].isdigit() and isinstance(v, str) and len(v) < 7 else v for v in (mine, value))
        answer = {Op.LT: a < b, Op.LE: a <= b, Op.GT: a > b, Op.GE: a >= b}
        return bool(answer[op])

    def find(self, query: Query) -> list[Row]:
        whole = self.inner.find(attrs.evolve(query, where=None, limit=None))
        found = [row for row in whole if self.holds(query.where, row)]
        return found if query.limit is None else found[: query.limit]


@mistake
class ThreeValues(_Answering):
    """Leaves ``NOT`` to SQL."""


@mistake
class NoneEqualsNothing(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        return False if mine is None or value is None else super().compare(op, mine, value)


@mistake
class NoneIsZero(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if op in (Op.LT, Op.LE, Op.GT, Op.GE) and isinstance(value, int):
            mine = mine or 0
        return bool(super().compare(op, mine, value))


@mistake
class DecimalsAreText(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if None not in (mine, value):
            answer = {Op.LT: "__lt__", Op.LE: "__le__", Op.GT: "__gt__", Op.GE: "__ge__"}.get(op)
            if answer:
                return bool(getattr(mine, answer)(value))
        return bool(super().compare(op, mine, value))


@mistake
class ContainsIsLike(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if op is Op.CONTAINS and mine is not None:
            return str(value).casefold() in str(mine).casefold()
        return bool(super().compare(op, mine, value))


@mistake
class HasIsContains(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if op is Op.HAS and mine is not None:
            return value in mine
        return bool(super().compare(op, mine, value))


@mistake
class NoPartsNoRows(_Answering):
    """Joins no parts to an empty text, and takes that for no condition."""

    def some(self, answers: Sequence[bool | None]) -> bool | None:
        return super().some(answers) if answers else True


@mistake
class PutsValuesIntoTheText(_Answering):
    def compare(self, op: Op, mine: Any, value: Any) -> bool | None:
        if isinstance(value, str) and "'" in value:
            raise CrmkitError('near "\'": syntax error')
        return bool(super().compare(op, mine, value))


class _Ordering(Transaction):
    def arranged(self, rows: list[Row], query: Query) -> list[Row]:
        return rows

    def find(self, query: Query) -> list[Row]:
        rows = self.inner.find(attrs.evolve(query, limit=None))
        rows = self.arranged(rows, query)
        return rows if query.limit is None else rows[: query.limit]


@mistake
class NoneComesLast(_Ordering):
    def arranged(self, rows: list[Row], query: Query) -> list[Row]:
        for order in query.order[:1]:
            place = THING.position[order.field]
            rows = sorted(rows, key=lambda row: (row[place] is None) != order.descending)
        return rows


@mistake
class OrdersWithoutCase(_Ordering):
    def arranged(self, rows: list[Row], query: Query) -> list[Row]:
        for order in query.order[:1]:
            place = THING.position[order.field]
            if order.field == "note":
                rows = sorted(rows, key=lambda row: str(row[place] or "").casefold(), reverse=order.descending)
        return rows


@mistake
class TiesInTheOrderOfInsertion(_Ordering):
    def arranged(self, rows: list[Row], query: Query) -> list[Row]:
        if query.order and query.order[-1].descending and query.order[-1].field != "id":
            places = [THING.position[order.field] for order in query.order]
            keys = list(dict.fromkeys(tuple(row[p] for p in places) for row in rows))
            return sorted(rows, key=lambda row: (keys.index(tuple(row[p] for p in places)), row[_ID]))
        return rows


@mistake
class PagesLeaveTiesOut(_Ordering):
    """Goes on behind the value, not behind the row."""

    def arranged(self, rows: list[Row], query: Query) -> list[Row]:
        if query.after is None or not query.order:
            return rows
        place = THING.position[query.order[0].field]
        return [row for row in rows if row[place] != query.after[0]]


@mistake
class PagesByOffset(Transaction):
    """Remembers how many rows came before."""

    def find(self, query: Query) -> list[Row]:
        seen = vars(self.store).setdefault("seen", {})
        whole: list[Row] = self.inner.find(attrs.evolve(query, after=None, limit=None))
        start = 0 if query.after is None else seen.get((query.order, query.after), 0)
        page = whole[start:] if query.limit is None else whole[start : start + query.limit]
        if page:
            place = tuple(page[-1][THING.position[o.field]] for o in query.full_order)
            seen[query.order, place] = start + len(page)
        return page


@mistake
class LimitsAreHints(Transaction):
    def find(self, query: Query) -> list[Row]:
        return self.inner.find(attrs.evolve(query, limit=query.limit or None))  # type: ignore[no-any-return]


@mistake
class IteratesAllAtOnce(Transaction):
    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        yield self.inner.find(query)


class _Counting(Transaction):
    def answer(self, question: Aggregate, lines: list[tuple[Scalar, ...]]) -> list[tuple[Scalar, ...]]:
        return lines

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        return self.answer(question, self.inner.aggregate(question))


@mistake
class NoGroupForNone(_Counting):
    def answer(self, question: Aggregate, lines: list[tuple[Scalar, ...]]) -> list[tuple[Scalar, ...]]:
        return [line for line in lines if None not in line[: len(question.group_by)]]


@mistake
class GroupsByText(_Counting):
    def answer(self, question: Aggregate, lines: list[tuple[Scalar, ...]]) -> list[tuple[Scalar, ...]]:
        return sorted(
            lines, key=lambda line: tuple("" if v is None else str(v) for v in line[: len(question.group_by)])
        )


@mistake
class SumsAsFloats(_Counting):
    def answer(self, question: Aggregate, lines: list[tuple[Scalar, ...]]) -> list[tuple[Scalar, ...]]:
        return [tuple(int(float(v)) if isinstance(v, int) else v for v in line) for line in lines]


@mistake
class NothingSumsToZero(_Counting):
    def answer(self, question: Aggregate, lines: list[tuple[Scalar, ...]]) -> list[tuple[Scalar, ...]]:
        first = len(question.group_by)
        zero = [i + first for i, (measure, _) in enumerate(question.measures) if measure is Measure.SUM]
        return [tuple(0 if i in zero and v is None else v for i, v in enumerate(line)) for line in lines]


@mistake
class LeastIsText(Transaction):
    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        lines = self.inner.aggregate(question)
        if not question.group_by and (Measure.MIN, "weight") in question.measures:
            weights = [r[_PLACE["weight"]] for r in self.inner.find(Query(type="thing"))]
            least = min(w for w in weights if w is not None)
            place = question.measures.index((Measure.MIN, "weight"))
            return [(*lines[0][:place], least, *lines[0][place + 1 :])]
        return lines  # type: ignore[no-any-return]


@mistake
class CountsEverything(Transaction):
    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        return self.inner.aggregate(attrs.evolve(question, where=None))  # type: ignore[no-any-return]


@mistake
class CountsTheDead(Transaction):
    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        return self.inner.aggregate(attrs.evolve(question, deleted=True))  # type: ignore[no-any-return]


class _Searching(Transaction):
    def fits(self, text: str, words: Sequence[str]) -> bool:
        return all(any(present.startswith(word) for present in text.split()) for word in words)

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        if not words or kind != "thing":
            return []
        rows = self.inner.find(Query(type=kind))
        return [row[_ID] for row in rows if self.fits(str(row[_TEXT] or ""), words)][:limit]


@mistake
class SearchesAnywhere(_Searching):
    def fits(self, text: str, words: Sequence[str]) -> bool:
        return all(word in text for word in words)


@mistake
class SearchesAnyWord(_Searching):
    def fits(self, text: str, words: Sequence[str]) -> bool:
        return any(super(SearchesAnyWord, self).fits(text, [word]) for word in words)


@mistake
class SearchesAsciiOnly(_Searching):
    def fits(self, text: str, words: Sequence[str]) -> bool:
        return super().fits(text, [word for word in words if word.isascii()])


@mistake
class SearchHasOperators(_Searching):
    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        if set(words) & {"and", "or", "not", "near"} or any(w in '"(*' for w in words):
            raise CrmkitError("fts5: syntax error")
        return super().search(kind, words, limit=limit)


@mistake
class LimitsBeforeItLooks(_Searching):
    """Takes the best hits and then leaves out the deleted ones."""

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        rows = self.inner.find(Query(type=kind, deleted=True))
        found = [row for row in rows if words and self.fits(str(row[-1] or ""), words)][:limit]
        return [row[_ID] for row in found if row[_DELETED] is None]


@mistake
class NeverIndexesAgain(Transaction):
    """Updates the record but not the search index."""

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        self.inner.update(kind, ids, versions, {n: c for n, c in columns.items() if n != "search_text"})


@mistake
class EraseIsDelete(Transaction):
    def erase(self, kind: str, ids: Sequence[str]) -> None:
        rows = self.inner.get_many(kind, ids)
        present, versions = [row[_ID] for row in rows], [row[_VERSION] for row in rows]
        self.inner.update(kind, present, versions, {"deleted_at": ["2026-01-01T00:00:00.000000Z"] * len(rows)})


@blunder
class ClosesOnce(Broken):
    def close(self) -> None:
        if vars(self).setdefault("closed", False):
            raise CrmkitError("it is closed already")
        self.closed = True


@blunder
class ForgetsOnClose(Broken):
    def close(self) -> None:
        self.place = MemoryStorage()


@blunder
class MakesItUnasked(Broken):
    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        return self.place.prepare(schema, create=True)


@blunder
class SortsTheFields(Broken):
    """Returns the columns as its database lists them."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        whole = super().prepare(schema, create=create)
        return Schema(attrs.evolve(kind, fields=tuple(sorted(kind.fields, key=lambda f: f.name))) for kind in whole)


@blunder
class HidesWhatIsAbsent(Broken):
    """Keeps it, but does not say so."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        super().prepare(schema, create=create)
        return schema


@blunder
class DropsWhatIsAbsent(Broken):
    """Makes the tables anew from what is declared."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        fresh = MemoryStorage()
        fresh.prepare(schema, create=True)
        for kind in super().prepare(schema, create=create) if self.known.types else ():
            rows = self.place._tables[kind.name].values()  # noqa: SLF001
            if rows and kind.name in schema.types:
                columns = dict(zip(kind.field_names, zip(*rows, strict=True), strict=True))
                with fresh.write() as change:
                    change.insert(kind.name, {n: c for n, c in columns.items() if n in schema[kind.name].position})
        self.place.__dict__.update(fresh.__dict__)
        return schema


@blunder
class ForgetsAbsentTypes(Broken):
    """Looks only at the tables of the types that are declared."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        whole = super().prepare(schema, create=create)
        return Schema(kind for kind in whole if kind.name in schema.types)


@blunder
class ForgetsAbsentFields(Broken):
    """Looks only for tables that nobody declares."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        whole = super().prepare(schema, create=create)
        return Schema(schema.types.get(kind.name, kind) for kind in whole)


@blunder
class TakesAnotherKind(Broken):
    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        try:
            return super().prepare(schema, create=create)
        except ConfigError:
            self.place._schema = schema  # noqa: SLF001
            return schema


@blunder
class TakesAnotherKindOfTheAbsent(Broken):
    """Compares with what was declared the last time, not with all that ever was."""

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        last, self.place.declared = getattr(self.place, "declared", schema), schema  # type: ignore[attr-defined]  # kept there
        try:
            return super().prepare(schema, create=create)
        except ConfigError:
            if all(kind.field_names == last[kind.name].field_names for kind in schema if kind.name in last.types):
                raise
            return self.known


def _new_fields_hold(value: Scalar) -> type[Broken]:
    class Filling(Broken):
        def prepare(self, schema: Schema, *, create: bool) -> Schema:
            before = {kind.name: kind.position for kind in self.known}
            whole = super().prepare(schema, create=create)
            for kind in whole:
                old = before.get(kind.name, kind.position)
                table = self.place._tables[kind.name]  # noqa: SLF001
                for id_, row in table.items():
                    table[id_] = tuple(v if n in old else value for n, v in zip(kind.field_names, row, strict=True))
            return whole

    return Filling


_BROKEN["NewFieldsAreEmptyText"] = _new_fields_hold("")
_BROKEN["NewFieldsHaveNoDefault"] = _new_fields_hold(None)


@mistake
class DefaultsGoOn(Transaction):
    """Gave the new column a default, which now fills what is left out."""

    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        if "marking.copies" in self.store.known[kind].position:
            columns = {"marking.copies": [1] * len(columns["id"]), **columns}
        self.inner.insert(kind, columns)


@mistake
class ADotIsATable(Transaction):
    """Takes ``marking.ink`` for the column of another table."""

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        return self.inner.lookup(kind, field.rpartition(".")[2], values)  # type: ignore[no-any-return]


class Kit(StorageContract):
    """The contract, to be run by hand; mistakes are to be caught, not to be made small."""

    examples = settings(StorageContract.examples, max_examples=12, phases=[Phase.generate])

    def reopen(self, storage: Storage) -> Storage:
        assert isinstance(storage, Broken)
        return storage.reopened()


Kit.__test__ = False  # type: ignore[attr-defined]  # pytest looks at it

_OF_PROCESSES = "test_two_processes_lose_nothing"  # no back end in memory passes it
_TESTS = sorted(name for name in dir(StorageContract) if name.startswith("test_") and name != _OF_PROCESSES)


@cache
def caught_by(name: str) -> frozenset[str]:
    """Return the tests of the contract that a back end fails."""
    return frozenset(test for test in _TESTS if _fails(test, _BROKEN[name]()))


def _fails(test: str, store: Any) -> bool:
    run = getattr(Kit(), test)
    if "store" in signature(run).parameters:  # and not an unprepared storage
        store.prepare(SCHEMA, create=True)
    try:
        run(store)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # however it fails
        return True
    return False


@pytest.mark.parametrize("test", _TESTS)
def test_a_right_back_end_passes_behind_the_same_wrapper(test: str) -> None:
    assert not _fails(test, Broken())


@pytest.mark.parametrize("name", sorted(_BROKEN))
def test_the_kit_catches(name: str) -> None:
    assert caught_by(name)


@pytest.mark.parametrize("test", _TESTS)
def test_it_catches_a_mistake(test: str) -> None:
    """A test that no mistake fails would be no test."""
    assert [name for name in _BROKEN if test in caught_by(name)]


def test_a_store_of_one_process_is_caught() -> None:
    assert _fails(_OF_PROCESSES, Broken())


def test_a_lack_must_name_a_test() -> None:
    with pytest.raises(TypeError, match="test_of_nothing"):
        type("Lacking", (StorageContract,), {"lacks": {"test_of_nothing": "misspelt"}})
