"""What the tests of the contract say in short: filling a store, and asking it."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.ports.storage import ReadTransaction, Storage, WriteTransaction
from crmkit.core.query import Condition, Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.core.values.text import fold
from crmkit.testing.schema import SCHEMA, THING, a_thing

LATER = moment_text(datetime(2026, 2, 2, tzinfo=UTC))
TOP = 2**63 - 1
TIES = [(0, 1, "a"), (1, 1, "a"), (2, None, "b"), (3, 1, "b"), (4, 2, None)]


def system_values(id_: str) -> dict[str, Any]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return {"id": id_, "version": 1, "created_at": moment, "updated_at": moment}


def values_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in SCHEMA.type_of(record.id).attribute}


def required_columns(id_: str) -> dict[str, list[Scalar]]:
    return {name: [value] for name, value in a_thing(id_).items() if value is not None and name != "name"}


def insert(change: WriteTransaction, *rows: Mapping[str, Scalar], kind: RecordType = THING) -> None:
    change.insert(
        kind.name, {name: [row.get(name) for row in rows] for name in dict.fromkeys(n for r in rows for n in r)}
    )


def fill(store: Storage, *rows: Mapping[str, Scalar]) -> None:
    with store.write() as change:
        insert(change, *rows)


def update(store: Storage, id_: str, *, version: int, **scalars: Scalar) -> None:
    with store.write() as change:
        change.update("thing", [id_], [version], {name: [value] for name, value in scalars.items()})


def erase(store: Storage, *ids: str) -> None:
    with store.write() as change:
        change.erase("thing", ids)


def ids_of(rows: Any) -> list[str]:
    return [row[0] for row in rows]  # every record begins with its id


def ids_in(store: Storage, *, kind: str = "thing") -> list[str]:
    with store.read() as view:
        return ids_of(view.find(Query(type=kind)))


def column_of(store: Storage, field: str) -> list[Scalar]:
    """Return the values of one field, deleted records included, by id."""
    with store.read() as view:
        return [row[THING.position[field]] for row in view.find(Query(type="thing", deleted=True))]


def numbers_found(store: Storage, condition: Condition) -> list[int]:
    with store.read() as view:
        return sorted(
            int(id_.removeprefix("thing_")) for id_ in ids_of(view.find(Query(type="thing", where=condition)))
        )


def numbers_ordered(store: Storage, *orders: Order) -> list[int]:
    with store.read() as view:
        return [int(id_.removeprefix("thing_")) for id_ in ids_of(view.find(Query(type="thing", order=orders)))]


def shape_of(schema: Schema) -> dict[str, object]:
    """Return what a back end must know of each type."""
    return {
        kind.name: (kind.plural, kind.prefix, {f.name: (f.kind, f.references) for f in kind.fields}) for kind in schema
    }


def with_another_kind(schema: Schema, kind: str, field: str) -> Schema:
    fields = [attrs.evolve(f, kind=Kind.INTEGER) if f.name == field else f for f in schema[kind].fields]
    return Schema(attrs.evolve(each, fields=tuple(fields)) if each.name == kind else each for each in schema)


def search_for(store: Storage, text: str) -> list[str]:
    with store.read() as view:
        return view.search("thing", fold(text).split(), limit=50)


def position_of(row: Row, orders: Sequence[Order]) -> tuple[Scalar, ...]:
    full = Query(type="thing", order=tuple(orders)).full_order
    return tuple(row[THING.position[order.field]] for order in full)


def in_pages(view: ReadTransaction, orders: Sequence[Order], size: int, *, deleted: bool = False) -> list[Row]:
    rows: list[Row] = []
    after: tuple[Scalar, ...] | None = None
    while page := view.find(Query(type="thing", order=tuple(orders), limit=size, after=after, deleted=deleted)):
        rows += page
        assert len(page) <= size
        assert len(rows) < 1000, "the pages do not end"
        after = position_of(page[-1], orders)
    return rows


def every_order(*fields: str) -> list[tuple[Order, ...]]:
    single = [Order(field, descending) for field in fields for descending in (False, True)]
    return [(), *((order,) for order in single), *((a, b) for a in single for b in single if a.field != b.field)]


def in_threads(*functions: Callable[[], object]) -> None:
    """Run functions in threads of their own, at the same time, and raise what one of them raised."""
    failures: list[BaseException] = []

    def guarded(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001  # raised again below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "another thread waits for ever"
    for error in failures:
        raise error


def in_two_processes(function: Callable[[], object]) -> None:
    """Run a function here and in a copy of this process, at the same time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the copy does not need
        child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(60)
            function()
            code = 0
        finally:
            os._exit(code)  # nothing else of the test run goes on there
    try:
        function()
    finally:
        _, status = os.waitpid(child, 0)
    assert status == 0, "the other process has failed"
