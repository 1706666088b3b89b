"""All of a transaction, or nothing, and nobody sees half of it."""

from __future__ import annotations

import os
import threading

import pytest

from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Measure, Order, Query
from crmkit.errors import ConflictError, RejectedError, StorageError
from crmkit.testing.schema import SCHEMA, SHELF, THING, a_shelf, a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import (
    column_of,
    erase,
    fill,
    ids_in,
    ids_of,
    in_threads,
    in_two_processes,
    insert,
    search_for,
    update,
)

__all__ = ["TransactionTests"]


class TransactionTests(StorageTests):
    """All of a transaction, or nothing, and nobody sees half of it."""

    def test_an_exception_takes_everything_back(self, store: Storage) -> None:
        """All types, all kinds of change, and the search index."""
        fill(store, a_thing("thing_1", name="old"), a_thing("thing_2", name="two"))

        with pytest.raises(ZeroDivisionError), store.write() as change:  # noqa: PT012  # what came before the error matters
            insert(change, a_shelf("shelf_1"), kind=SHELF)
            insert(change, a_thing("thing_3"))
            change.update("thing", ["thing_1"], [1], {"name": ["new"], "search_text": ["new"]})
            change.erase("thing", ["thing_2"])
            raise ZeroDivisionError

        assert (column_of(store, "name"), column_of(store, "version")) == (["old", "two"], [1, 1])
        assert ids_in(store, kind="shelf") == []
        assert (search_for(store, "old"), search_for(store, "new"), search_for(store, "two")) == (
            ["thing_1"],
            [],
            ["thing_2"],
        )

    def test_a_batch_that_is_refused_half_way_leaves_nothing(self, store: Storage) -> None:
        """Whatever was wrong with its last row."""
        fill(store, a_thing("thing_9", code="taken"))

        for last in (a_thing("thing_9"), a_thing("thing_3", code="taken"), a_thing("thing_3", note="\ud800")):
            with pytest.raises(RejectedError), store.write() as change:
                insert(change, a_thing("thing_1"), a_thing("thing_2"), last)

        assert ids_in(store) == ["thing_9"]
        assert search_for(store, "thing") == ["thing_9"]

    def test_a_transaction_sees_its_own_changes(self, store: Storage) -> None:
        """By every way of asking, before it commits."""
        with store.write() as change:
            insert(change, a_thing("thing_1", name="uno", count=1), a_thing("thing_2", name="due", count=2))
            change.update("thing", ["thing_1"], [1], {"count": [10]})

            assert len(change.get_many("thing", ["thing_1", "thing_2"])) == 2
            assert change.lookup("thing", "count", [1, 2, 10]) == [(2, "thing_2"), (10, "thing_1")]
            assert ids_of(change.find(Query(type="thing", order=(Order("count"),)))) == ["thing_2", "thing_1"]
            assert change.aggregate(Aggregate(type="thing", measures=((Measure.SUM, "count"),))) == [(12,)]
            assert change.search("thing", ["uno"], limit=5) == ["thing_1"]

    def test_a_reader_keeps_its_view(self, store: Storage) -> None:
        """From its first moment to its last, whatever others commit."""
        fill(store, a_thing("thing_1", note="old"), a_thing("thing_2"))

        with store.read() as view:
            in_threads(lambda: update(store, "thing_1", version=1, note="new"))
            first = view.get_many("thing", ["thing_1"])
            in_threads(lambda: fill(store, a_thing("thing_3")))
            in_threads(lambda: erase(store, "thing_2"))

            assert [row[THING.position["note"]] for row in first] == ["old"]
            assert ids_of(view.find(Query(type="thing"))) == ["thing_1", "thing_2"]
            assert view.aggregate(Aggregate(type="thing")) == [(2,)]
            assert view.search("thing", ["thing"], limit=9) != []
            assert view.lookup("thing", "note", ["new"]) == []
        assert ids_in(store) == ["thing_1", "thing_3"]

    def test_nobody_sees_what_is_not_committed(self, store: Storage) -> None:
        """And nobody waits for it in order to read."""
        fill(store, a_thing("thing_1", note="old"))
        seen: list[object] = []

        with store.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["new"]})
            insert(change, a_thing("thing_2"))
            in_threads(lambda: seen.append(column_of(store, "note")))
        in_threads(lambda: seen.append(column_of(store, "note")))

        assert seen == [["old"], ["new", None]]

    def test_reading_inside_a_transaction_shares_its_view(self, store: Storage) -> None:
        """Code that is called within a transaction need not know."""
        fill(store, a_thing("thing_1"))

        with store.write() as change:
            insert(change, a_thing("thing_2"))
            in_write = ids_in(store)
            insert(change, a_thing("thing_3"))
        with store.read() as view:
            in_threads(lambda: fill(store, a_thing("thing_4")))
            in_read = ids_in(store)
            after = ids_of(view.find(Query(type="thing")))

        assert in_write == ["thing_1", "thing_2"]
        assert in_read == after == ["thing_1", "thing_2", "thing_3"]

    def test_writing_inside_a_transaction_is_refused(self, store: Storage) -> None:
        """At once, instead of waiting for oneself; the outer one is unharmed."""
        with store.read(), pytest.raises(StorageError), store.write():
            pass
        with store.write() as change:
            insert(change, a_thing("thing_1"))
            with pytest.raises(StorageError), store.write():
                pass
            insert(change, a_thing("thing_2"))

        assert ids_in(store) == ["thing_1", "thing_2"]

    def test_a_savepoint_is_rolled_back_alone(self, store: Storage) -> None:
        """What came before and what comes after stays."""
        with store.write() as change:
            insert(change, a_thing("thing_1", name="one", note="kept"))
            with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                insert(change, a_thing("thing_2", name="two"))
                change.update("thing", ["thing_1"], [1], {"note": ["lost"]})
                raise ZeroDivisionError
            insert(change, a_thing("thing_3", name="three"))

        assert ids_in(store) == ["thing_1", "thing_3"]
        assert (column_of(store, "note"), column_of(store, "version")) == (["kept", None], [1, 1])
        assert (search_for(store, "two"), search_for(store, "three")) == ([], ["thing_3"])

    def test_savepoints_nest(self, store: Storage) -> None:
        """The outer one takes back what the inner one had kept."""
        with store.write() as change:
            with change.savepoint():
                insert(change, a_thing("thing_1"))
                with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                    insert(change, a_thing("thing_2"))
                    raise ZeroDivisionError
                with change.savepoint():
                    insert(change, a_thing("thing_3"))
            with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                with change.savepoint():
                    insert(change, a_thing("thing_4"))
                raise ZeroDivisionError

        assert ids_in(store) == ["thing_1", "thing_3"]

    def test_a_refused_batch_in_a_savepoint_leaves_the_rest(self, store: Storage) -> None:
        """How one bad row costs one row, not the file."""
        with store.write() as change:
            insert(change, a_thing("thing_1", code="a"))
            with pytest.raises(RejectedError), change.savepoint():
                insert(change, a_thing("thing_2"), a_thing("thing_3", code="a"))
            with pytest.raises(ConflictError), change.savepoint():
                change.update("thing", ["thing_1", "thing_9"], [1, 1], {"note": ["x", "x"]})
            insert(change, a_thing("thing_4"))

        assert (ids_in(store), column_of(store, "note")) == (["thing_1", "thing_4"], [None, None])

    def test_two_threads_lose_nothing(self, store: Storage) -> None:
        """Writers come one after another: what one has read is still so when it writes."""
        fill(store, a_thing("thing_1", count=0))
        barrier = threading.Barrier(2)

        def increment() -> None:
            barrier.wait()
            _count_up(store)

        in_threads(increment, increment)

        assert (column_of(store, "count"), column_of(store, "version")) == ([50], [51])

    def test_two_processes_lose_nothing(self, store: Storage) -> None:
        """Another program on the same place is a writer like others."""
        if not hasattr(os, "fork"):
            pytest.skip("this system cannot copy a process")
        fill(store, a_thing("thing_1", count=0))
        store.close()

        def increment() -> None:
            mine = self.reopen(store)
            mine.prepare(SCHEMA, create=False)
            _count_up(mine)
            mine.close()

        in_two_processes(increment)

        again = self.reopen(store)
        again.prepare(SCHEMA, create=False)
        assert (column_of(again, "count"), column_of(again, "version")) == ([50], [51])
        again.close()


def _count_up(store: Storage) -> None:
    """Add one to a number, 25 times."""
    for _ in range(25):
        with store.write() as change:
            row = change.get_many("thing", ["thing_1"])[0]
            count, version = int(row[THING.position["count"]] or 0), int(row[THING.position["version"]] or 0)
            change.update("thing", ["thing_1"], [version], {"count": [count + 1]})
