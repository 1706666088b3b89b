"""The storage contract as tests.

A back end keeps the contract if this passes::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self, tmp_path: Path) -> MyStorage:
            return MyStorage(tmp_path / "store")

        def reopen(self, storage: Storage) -> Storage:
            return MyStorage(...)  # another object for the same place

What it means to keep records is said here only; `crmkit.storage.memory` is the shortest
back end that passes.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.core import query as ask
from crmkit.core.codecs import moment_text
from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.ports.storage import ReadTransaction, Storage, WriteTransaction
from crmkit.core.query import Aggregate, Compare, Condition, Measure, Not, Op, Order, Query, matches, sort_rows
from crmkit.core.schema import RecordType, Schema
from crmkit.core.values.money import Money
from crmkit.core.values.text import fold
from crmkit.errors import ConfigError, ConflictError, NotFoundError, RejectedError, StorageError
from crmkit.testing.schema import (
    LARGER,
    SCHEMA,
    SHELF,
    THING,
    Colour,
    Marking,
    Shelf,
    Thing,
    a_crate,
    a_shelf,
    a_thing,
)

__all__ = ["StorageContract"]

_LATER = moment_text(datetime(2026, 2, 2, tzinfo=UTC))
_TOP = 2**63 - 1


class StorageContract:
    """Subclass this, and provide a ``storage`` fixture: a new, empty, unprepared store.

    Attributes:
        lacks: What the back end can't do: the name of a test, and the reason. Such a test
            must fail; when it passes after all, the run fails.
        examples: How the random tests look for examples: the same ones each time.
    """

    lacks: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[settings] = settings(max_examples=100, derandomize=True, database=None, deadline=None)

    def __init_subclass__(cls) -> None:
        unknown = sorted(name for name in cls.lacks if not hasattr(cls, name))
        if unknown:
            raise TypeError(f"{cls.__name__}.lacks names no test of the contract: {', '.join(unknown)}")

    @pytest.fixture
    def storage(self) -> Storage:
        """Return a new, empty, unprepared store."""
        raise NotImplementedError("provide a fixture named storage")

    def reopen(self, storage: Storage) -> Storage:
        """Return an unprepared object for the place where *storage*, now closed, kept its records.

        Another one, unless only the object itself can find that place.
        """
        raise NotImplementedError("override reopen, or declare in lacks why nothing outlives a store")

    @pytest.fixture
    def store(self, storage: Storage) -> Iterator[Storage]:
        """Prepare the store, and close it at the end."""
        storage.prepare(SCHEMA, create=True)
        yield storage
        storage.close()

    @pytest.fixture(autouse=True)
    def _declared_lack(self, request: pytest.FixtureRequest) -> None:
        reason = self.lacks.get(request.node.originalname)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    # Values come back as they were.

    def test_a_value_of_every_kind_comes_back_as_it_was(self, store: Storage) -> None:
        """A record is the same after storing; only None is None."""
        thing = Thing(
            **_system_values("thing_1"),
            name="Café 🚲",
            note="",
            count=0,
            weight=Decimal("-0.10"),
            price=Money.from_minor(-1999, "EUR"),
            seen_at=datetime(2026, 3, 29, 1, 59, 59, 999999, tzinfo=UTC),
            made_on=date(1999, 12, 31),
            fragile=False,
            colour=Colour.GREEN,
            tags=("bike", "été"),
            facts={"nested": [1, {"deep": None}], "text": "\"'"},
            shelf_id="shelf_1",
            part_of_id="thing_1",
        )
        shelf = Shelf(**_system_values("shelf_1"), name="top")
        with store.write() as change:
            _insert(change, SHELF.encode(_values(shelf)), kind=SHELF)
            _insert(change, THING.encode(_values(thing)))

        with store.read() as view:
            found = THING.load(view.get_many("thing", ["thing_1"])[0])
            top = SHELF.load(view.get_many("shelf", ["shelf_1"])[0])

        assert (found, top) == (thing, shelf)

    def test_text_comes_back_character_by_character(self, store: Storage) -> None:
        """Nothing is trimmed, normalised, unescaped or shortened."""
        texts = [
            "",
            " ",
            " padded ",
            "e\u0301",
            "\u00e9",
            "🚲🏽",
            "𝔘",
            "\u200f\u202e",
            "\ufeff",
            "a\r\nb\tc",
            "\x01\x7f",
        ]
        texts += ["'; DROP TABLE thing; --", '"', "\\", "%_*?", "\\u0041", "null", "NULL", "007", "1e3", "\U0010ffff"]
        _fill(store, *(a_thing(f"thing_{i:02}", note=text) for i, text in enumerate(texts)))

        assert _column(store, "note") == texts

    def test_a_megabyte_of_text_comes_back(self, store: Storage) -> None:
        """Long notes and mails are kept whole."""
        text = "0123456789abcdé🚲" * 65536

        _fill(store, a_thing("thing_1", note=text, search_text=None))

        assert _column(store, "note") == [text]

    def test_whole_numbers_of_63_bits_come_back(self, store: Storage) -> None:
        """Not through a float, which has 53."""
        numbers: list[Scalar] = [0, 1, -1, 2**53 + 1, -(2**53) - 1, _TOP, -_TOP - 1]

        _fill(store, *(a_thing(f"thing_{i}", count=number) for i, number in enumerate(numbers)))

        assert _column(store, "count") == numbers

    def test_decimals_keep_every_digit(self, store: Storage) -> None:
        """Neither rounded nor shown as an exponent."""
        numbers = [
            Decimal("0.1"),
            Decimal("1E+20"),
            Decimal("-12345678901234567890.12345678901234567890"),
            Decimal("1E-30"),
        ]
        rows = [a_thing(f"thing_{i}", **THING.encode({"weight": number})) for i, number in enumerate(numbers)]

        _fill(store, *rows)

        with store.read() as view:
            assert [THING.load(row).weight for row in view.find(Query(type="thing"))] == numbers

    def test_moments_keep_their_microsecond_and_lose_only_their_zone(self, store: Storage) -> None:
        """What was said in Mumbai is the same instant in UTC."""
        said = datetime(2026, 3, 29, 7, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))

        _fill(store, a_thing("thing_1", **THING.encode({"seen_at": said})))

        with store.read() as view:
            found = THING.load(view.get_many("thing", ["thing_1"])[0]).seen_at
        assert (found, found.isoformat()) == (said, "2026-03-29T02:00:00.000001+00:00")

    def test_broken_characters_are_refused(self, store: Storage) -> None:
        """Half of a surrogate pair is no text; a back end that takes it can't be exported."""
        _fill(store, a_thing("thing_1", note="whole"))

        with pytest.raises(RejectedError), store.write() as change:
            _insert(change, a_thing("thing_2", note="broken \ud83d"))
        with pytest.raises(RejectedError), store.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["\udc80 broken"]})

        assert _column(store, "note") == ["whole"]

    def test_numbers_beyond_63_bits_are_refused(self, store: Storage) -> None:
        """They are neither rounded nor cut."""
        for number in (_TOP + 1, -_TOP - 2, 10**30):
            with pytest.raises(RejectedError), store.write() as change:
                _insert(change, a_thing("thing_1", count=number))

        assert _ids(store) == []

    def test_asking_for_broken_characters_finds_nothing(self, store: Storage) -> None:
        """A terminal hands over such text; refusing it is as good as finding nothing."""
        _fill(store, a_thing("thing_1", note="x"))
        broken = "x\udc80"

        for value in (broken, "x\0"):
            with suppress(RejectedError), store.read() as view:
                assert view.get_many("thing", ["thing_1" + value[1:], "thing_2"]) == []
            with suppress(RejectedError), store.read() as view:
                assert view.lookup("thing", "note", [value, "y"]) == []
            with suppress(RejectedError), store.read() as view:
                assert view.find(Query(type="thing", where=Compare("note", Op.IN, (value, "y")))) == []

    # Insert.

    def test_fields_left_out_are_none(self, store: Storage) -> None:
        """Each call may name other fields, and in another order."""
        with store.write() as change:
            change.insert("thing", {"name": ["a"], **_required("thing_1"), "count": [1]})
            change.insert("thing", {"note": ["n"], **_required("thing_2"), "name": ["b"]})

        assert _column(store, "name") == ["a", "b"]
        assert _column(store, "count") == [1, None]
        assert _column(store, "note") == [None, "n"]

    def test_inserting_nothing_is_fine(self, store: Storage) -> None:
        """A batch may turn out empty."""
        with store.write() as change:
            change.insert("thing", {"id": [], "name": []})
            change.update("thing", [], [], {"name": []})
            change.erase("thing", [])

        assert _ids(store) == []

    def test_a_taken_id_is_refused(self, store: Storage) -> None:
        """Also by a deleted record, and within one batch."""
        _fill(store, a_thing("thing_1", name="first"), a_thing("thing_2", deleted_at=_LATER))

        for batch in (["thing_1"], ["thing_2"], ["thing_3", "thing_3"]):
            with pytest.raises(RejectedError), store.write() as change:
                _insert(change, *(a_thing(id_, name="second") for id_ in batch))

        assert _column(store, "name") == ["first", "thing_2"]

    def test_unknown_fields_are_not_found(self, store: Storage) -> None:
        """Names come from the schema only, whoever asks."""
        odd = 'name" --'
        with store.read() as view:
            for wrong in (
                lambda: view.lookup("thing", odd, ["x"]),
                lambda: view.find(Query(type="thing", where=Compare(odd, Op.EQ, "x"))),
                lambda: view.find(Query(type="thing", order=(Order(odd),))),
                lambda: view.aggregate(Aggregate(type="thing", group_by=(odd,))),
                lambda: view.aggregate(Aggregate(type="thing", measures=((Measure.MAX, odd),))),
                lambda: view.find(Query(type="things")),
            ):
                with pytest.raises(NotFoundError):
                    wrong()
        with pytest.raises(NotFoundError), store.write() as change:
            change.insert("thing", {**_required("thing_1"), "name": ["a"], odd: ["x"]})
        with pytest.raises(NotFoundError), store.write() as change:
            change.update("thing", ["thing_1"], [1], {odd: ["x"]})

    def test_what_is_handed_in_is_not_kept(self, store: Storage) -> None:
        """A caller may use its lists again."""
        ids: list[Scalar] = ["thing_1"]
        names: list[Scalar] = ["before"]
        with store.write() as change:
            change.insert("thing", {**_required("thing_1"), "id": ids, "name": names})
            ids[0], names[0] = "thing_9", "after"
            notes: list[Scalar] = ["before"]
            change.update("thing", ["thing_1"], [1], {"note": notes})
            notes[0] = "after"

        assert (_ids(store), _column(store, "name"), _column(store, "note")) == (["thing_1"], ["before"], ["before"])

    def test_what_is_handed_out_is_not_shared(self, store: Storage) -> None:
        """Whoever sorts or empties a result changes nothing for others."""
        _fill(store, a_thing("thing_1", count=1), a_thing("thing_2", count=2))
        query = Query(type="thing", order=(Order("count"),))

        with store.read() as view:
            view.find(query).clear()
            view.get_many("thing", ["thing_1"]).clear()
            view.lookup("thing", "count", [1]).clear()
            view.aggregate(Aggregate(type="thing", group_by=("count",))).clear()

            assert all(isinstance(row, tuple) for row in view.find(query))
            assert len(view.find(query)) == 2
            assert len(view.get_many("thing", ["thing_1"])) == 1
            assert view.lookup("thing", "count", [1]) == [(1, "thing_1")]
            assert view.aggregate(Aggregate(type="thing", group_by=("count",))) == [(1, 1), (2, 1)]

    # Unique groups.

    def test_a_unique_group_is_taken_once(self, store: Storage) -> None:
        """By a stored record or by one of the same batch; one field or several together."""
        _fill(store, a_thing("thing_1", code="a", realm="r", number=1))

        batches: list[list[dict[str, Scalar]]] = [
            [{"code": "a"}],
            [{"code": "b"}, {"code": "b"}],
            [{"realm": "r", "number": 1}],
        ]
        for batch in batches:
            with pytest.raises(RejectedError), store.write() as change:
                _insert(change, *(a_thing(f"thing_{i}", **scalars) for i, scalars in enumerate(batch, start=2)))
        _fill(store, a_thing("thing_2", code="A", realm="r", number=2), a_thing("thing_3", realm="s", number=1))

        assert _ids(store) == ["thing_1", "thing_2", "thing_3"]

    def test_a_unique_group_counts_the_living_only(self, store: Storage) -> None:
        """What was deleted is in nobody's way, until it is to come back."""
        _fill(store, a_thing("thing_1", code="a"), a_thing("thing_2", code="a", deleted_at=_LATER))
        _update(store, "thing_1", version=1, deleted_at=_LATER)
        _fill(store, a_thing("thing_3", code="a"))

        with pytest.raises(RejectedError):
            _update(store, "thing_1", version=2, deleted_at=None)

        assert _ids(store) == ["thing_3"]

    def test_a_unique_group_with_none_does_not_count(self, store: Storage) -> None:
        """Two things without a code have no code in common."""
        rows = [a_thing(f"thing_{i}", code=None, realm="r", number=None) for i in range(3)]

        _fill(store, *rows)

        assert len(_ids(store)) == 3

    def test_an_update_may_keep_but_not_take_a_unique_group(self, store: Storage) -> None:
        """A record is not in its own way."""
        _fill(store, a_thing("thing_1", code="a"), a_thing("thing_2", code="b"))
        _update(store, "thing_1", version=1, code="a")

        with pytest.raises(RejectedError):
            _update(store, "thing_2", version=1, code="a")

        assert _column(store, "code") == ["a", "b"]

    # Update.

    def test_an_update_changes_what_it_names_and_the_version(self, store: Storage) -> None:
        """Nothing else, and nobody else."""
        _fill(store, *(a_thing(f"thing_{i}", note="n", count=i) for i in (1, 2, 3)))

        with store.write() as change:
            change.update("thing", ["thing_3", "thing_1"], [1, 1], {"count": [30, None]})

        assert _column(store, "count") == [None, 2, 30]
        assert _column(store, "note") == ["n", "n", "n"]
        assert _column(store, "version") == [2, 1, 2]

    def test_an_update_without_fields_raises_the_version(self, store: Storage) -> None:
        """So that others see that somebody was there."""
        _fill(store, a_thing("thing_1"))

        with store.write() as change:
            change.update("thing", ["thing_1"], [1], {})

        assert _column(store, "version") == [2]

    def test_an_update_refuses_a_stale_version(self, store: Storage) -> None:
        """Of two people who edit the same record, the second hears about it."""
        _fill(store, a_thing("thing_1"))
        _update(store, "thing_1", version=1, note="first")

        with pytest.raises(ConflictError) as caught:
            _update(store, "thing_1", version=1, note="second")

        assert (caught.value.record, caught.value.expected, caught.value.found) == ("thing_1", 1, 2)
        assert _column(store, "note") == ["first"]

    def test_an_update_of_what_is_gone_is_a_conflict(self, store: Storage) -> None:
        """There is no version to find."""
        with pytest.raises(ConflictError) as caught:
            _update(store, "thing_1", version=3, note="too late")

        assert (caught.value.record, caught.value.expected, caught.value.found) == ("thing_1", 3, None)

    def test_one_stale_version_stops_the_whole_batch(self, store: Storage) -> None:
        """The first one is named."""
        _fill(store, *(a_thing(f"thing_{i}", note="old") for i in (1, 2, 3)))

        with pytest.raises(ConflictError) as caught, store.write() as change:
            change.update("thing", ["thing_1", "thing_3", "thing_2"], [1, 7, 8], {"note": ["new"] * 3})

        assert caught.value.record == "thing_3"
        assert _column(store, "note") == ["old"] * 3

    def test_a_record_twice_in_one_update_is_a_conflict(self, store: Storage) -> None:
        """The second change expects a version that the first one has raised."""
        _fill(store, a_thing("thing_1", note="old"))

        with pytest.raises(ConflictError), store.write() as change:
            change.update("thing", ["thing_1", "thing_1"], [1, 1], {"note": ["new", "newer"]})

        assert _column(store, "note") == ["old"]

    # Transactions.

    def test_an_exception_takes_everything_back(self, store: Storage) -> None:
        """All types, all kinds of change, and the search index."""
        _fill(store, a_thing("thing_1", name="old"), a_thing("thing_2", name="two"))

        with pytest.raises(ZeroDivisionError), store.write() as change:  # noqa: PT012  # what came before the error matters
            _insert(change, a_shelf("shelf_1"), kind=SHELF)
            _insert(change, a_thing("thing_3"))
            change.update("thing", ["thing_1"], [1], {"name": ["new"], "search_text": ["new"]})
            change.erase("thing", ["thing_2"])
            raise ZeroDivisionError

        assert (_column(store, "name"), _column(store, "version")) == (["old", "two"], [1, 1])
        assert _ids(store, kind="shelf") == []
        assert (_search(store, "old"), _search(store, "new"), _search(store, "two")) == (["thing_1"], [], ["thing_2"])

    def test_a_batch_that_is_refused_half_way_leaves_nothing(self, store: Storage) -> None:
        """Whatever was wrong with its last row."""
        _fill(store, a_thing("thing_9", code="taken"))

        for last in (a_thing("thing_9"), a_thing("thing_3", code="taken"), a_thing("thing_3", note="\ud800")):
            with pytest.raises(RejectedError), store.write() as change:
                _insert(change, a_thing("thing_1"), a_thing("thing_2"), last)

        assert _ids(store) == ["thing_9"]
        assert _search(store, "thing") == ["thing_9"]

    def test_a_transaction_sees_its_own_changes(self, store: Storage) -> None:
        """By every way of asking, before it commits."""
        with store.write() as change:
            _insert(change, a_thing("thing_1", name="uno", count=1), a_thing("thing_2", name="due", count=2))
            change.update("thing", ["thing_1"], [1], {"count": [10]})

            assert len(change.get_many("thing", ["thing_1", "thing_2"])) == 2
            assert change.lookup("thing", "count", [1, 2, 10]) == [(2, "thing_2"), (10, "thing_1")]
            assert _ids_of(change.find(Query(type="thing", order=(Order("count"),)))) == ["thing_2", "thing_1"]
            assert change.aggregate(Aggregate(type="thing", measures=((Measure.SUM, "count"),))) == [(12,)]
            assert change.search("thing", ["uno"], limit=5) == ["thing_1"]

    def test_a_reader_keeps_its_view(self, store: Storage) -> None:
        """From its first moment to its last, whatever others commit."""
        _fill(store, a_thing("thing_1", note="old"), a_thing("thing_2"))

        with store.read() as view:
            _in_thread(lambda: _update(store, "thing_1", version=1, note="new"))
            first = view.get_many("thing", ["thing_1"])
            _in_thread(lambda: _fill(store, a_thing("thing_3")))
            _in_thread(lambda: _erase(store, "thing_2"))

            assert [row[THING.position["note"]] for row in first] == ["old"]
            assert _ids_of(view.find(Query(type="thing"))) == ["thing_1", "thing_2"]
            assert view.aggregate(Aggregate(type="thing")) == [(2,)]
            assert view.search("thing", ["thing"], limit=9) != []
            assert view.lookup("thing", "note", ["new"]) == []
        assert _ids(store) == ["thing_1", "thing_3"]

    def test_nobody_sees_what_is_not_committed(self, store: Storage) -> None:
        """And nobody waits for it in order to read."""
        _fill(store, a_thing("thing_1", note="old"))
        seen: list[object] = []

        with store.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["new"]})
            _insert(change, a_thing("thing_2"))
            _in_thread(lambda: seen.append(_column(store, "note")))
        _in_thread(lambda: seen.append(_column(store, "note")))

        assert seen == [["old"], ["new", None]]

    def test_reading_inside_a_transaction_shares_its_view(self, store: Storage) -> None:
        """Code that is called within a transaction need not know."""
        _fill(store, a_thing("thing_1"))

        with store.write() as change:
            _insert(change, a_thing("thing_2"))
            in_write = _ids(store)
            _insert(change, a_thing("thing_3"))
        with store.read() as view:
            _in_thread(lambda: _fill(store, a_thing("thing_4")))
            in_read = _ids(store)
            after = _ids_of(view.find(Query(type="thing")))

        assert in_write == ["thing_1", "thing_2"]
        assert in_read == after == ["thing_1", "thing_2", "thing_3"]

    def test_writing_inside_a_transaction_is_refused(self, store: Storage) -> None:
        """At once, instead of waiting for oneself; the outer one is unharmed."""
        with store.read(), pytest.raises(StorageError), store.write():
            pass
        with store.write() as change:
            _insert(change, a_thing("thing_1"))
            with pytest.raises(StorageError), store.write():
                pass
            _insert(change, a_thing("thing_2"))

        assert _ids(store) == ["thing_1", "thing_2"]

    def test_a_savepoint_is_rolled_back_alone(self, store: Storage) -> None:
        """What came before and what comes after stays."""
        with store.write() as change:
            _insert(change, a_thing("thing_1", name="one", note="kept"))
            with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                _insert(change, a_thing("thing_2", name="two"))
                change.update("thing", ["thing_1"], [1], {"note": ["lost"]})
                raise ZeroDivisionError
            _insert(change, a_thing("thing_3", name="three"))

        assert _ids(store) == ["thing_1", "thing_3"]
        assert (_column(store, "note"), _column(store, "version")) == (["kept", None], [1, 1])
        assert (_search(store, "two"), _search(store, "three")) == ([], ["thing_3"])

    def test_savepoints_nest(self, store: Storage) -> None:
        """The outer one takes back what the inner one had kept."""
        with store.write() as change:
            with change.savepoint():
                _insert(change, a_thing("thing_1"))
                with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                    _insert(change, a_thing("thing_2"))
                    raise ZeroDivisionError
                with change.savepoint():
                    _insert(change, a_thing("thing_3"))
            with pytest.raises(ZeroDivisionError), change.savepoint():  # noqa: PT012  # what came before the error matters
                with change.savepoint():
                    _insert(change, a_thing("thing_4"))
                raise ZeroDivisionError

        assert _ids(store) == ["thing_1", "thing_3"]

    def test_a_refused_batch_in_a_savepoint_leaves_the_rest(self, store: Storage) -> None:
        """How one bad row costs one row, not the file."""
        with store.write() as change:
            _insert(change, a_thing("thing_1", code="a"))
            with pytest.raises(RejectedError), change.savepoint():
                _insert(change, a_thing("thing_2"), a_thing("thing_3", code="a"))
            with pytest.raises(ConflictError), change.savepoint():
                change.update("thing", ["thing_1", "thing_9"], [1, 1], {"note": ["x", "x"]})
            _insert(change, a_thing("thing_4"))

        assert (_ids(store), _column(store, "note")) == (["thing_1", "thing_4"], [None, None])

    def test_two_threads_lose_nothing(self, store: Storage) -> None:
        """Writers come one after another: what one has read is still so when it writes."""
        _fill(store, a_thing("thing_1", count=0))
        barrier = threading.Barrier(2)

        def increment() -> None:
            barrier.wait()
            for _ in range(25):
                with store.write() as change:
                    row = change.get_many("thing", ["thing_1"])[0]
                    count, version = int(row[THING.position["count"]] or 0), int(row[THING.position["version"]] or 0)
                    change.update("thing", ["thing_1"], [version], {"count": [count + 1]})

        _in_thread(increment, increment)

        assert (_column(store, "count"), _column(store, "version")) == ([50], [51])

    # Get and look up.

    def test_get_many_is_ordered_by_id(self, store: Storage) -> None:
        """Deleted ones too, each once; unknown ids are left out."""
        _fill(store, a_thing("thing_b"), a_thing("thing_a"), a_thing("thing_c", deleted_at=_LATER))

        with store.read() as view:
            asked = ["thing_c", "thing_x", "thing_b", "thing_a", "thing_b"]
            assert _ids_of(view.get_many("thing", asked)) == ["thing_a", "thing_b", "thing_c"]
            assert view.get_many("thing", []) == []
            assert view.get_many("shelf", ["thing_a"]) == []

    def test_thousands_of_ids_and_values_can_be_asked_for(self, store: Storage) -> None:
        """A batch is not limited by what one statement can take."""
        _fill(store, *(a_thing(f"thing_{i:05}", count=i) for i in range(0, 40_000, 40)))
        numbers: list[Scalar] = list(range(40_000))

        with store.read() as view:
            assert len(view.get_many("thing", [f"thing_{number:05}" for number in numbers])) == 1000
            assert len(view.lookup("thing", "count", numbers)) == 1000
            assert len(view.find(Query(type="thing", where=Compare("count", Op.IN, tuple(numbers))))) == 1000

    def test_a_look_up_returns_value_and_id_in_that_order(self, store: Storage) -> None:
        """Of the living; several records may share a value."""
        _fill(
            store,
            a_thing("thing_3", note="b"),
            a_thing("thing_2", note="b"),
            a_thing("thing_1", note="B"),
            a_thing("thing_4", note="a"),
            a_thing("thing_5", note="a", deleted_at=_LATER),
            a_thing("thing_6", note="é"),
            a_thing("thing_7"),
        )

        with store.read() as view:
            found = view.lookup("thing", "note", ["b", "é", "a", "B", "nobody", "b", None])
            one = view.lookup("thing", "note", ["b"])

        both = [("b", "thing_2"), ("b", "thing_3")]
        assert found == [("B", "thing_1"), ("a", "thing_4"), *both, ("é", "thing_6")]
        assert one == both

    def test_a_look_up_orders_numbers_as_numbers(self, store: Storage) -> None:
        """Ten comes after nine, whole or not."""
        _fill(store, *(a_thing(f"thing_{n}", count=n, weight=f"{n}.5") for n in (9, 10, -2)))

        with store.read() as view:
            counts = view.lookup("thing", "count", [10, 9, -2])
            weights = view.lookup("thing", "weight", ["10.5", "9.5", "-2.5"])

        assert [value for value, _ in counts] == [-2, 9, 10]
        assert [value for value, _ in weights] == ["-2.5", "9.5", "10.5"]

    def test_a_look_up_of_nothing_finds_nothing(self, store: Storage) -> None:
        """None is no value that records could share."""
        _fill(store, a_thing("thing_1"))

        with store.read() as view:
            assert view.lookup("thing", "note", []) == []
            assert view.lookup("thing", "note", [None]) == []

    # Find.

    def test_equality_takes_none_as_a_value(self, store: Storage) -> None:
        """What is empty differs from what is not."""
        _fill(store, a_thing("thing_1", note="x"), a_thing("thing_2", note="X"), a_thing("thing_3"))

        assert _found(store, Compare("note", Op.EQ, "x")) == [1]
        assert _found(store, Compare("note", Op.NE, "x")) == [2, 3]
        assert _found(store, Compare("note", Op.EQ, None)) == [3]
        assert _found(store, Compare("note", Op.NE, None)) == [1, 2]
        assert _found(store, Compare("note", Op.IN, ("x", "y"))) == [1]
        assert _found(store, Compare("note", Op.IN, ("X", None))) == [2, 3]
        assert _found(store, Compare("note", Op.IN, ())) == []

    def test_comparisons_of_order_never_hold_for_none(self, store: Storage) -> None:
        """On neither side."""
        _fill(store, a_thing("thing_1", count=-1), a_thing("thing_2", count=0), a_thing("thing_3"))

        assert _found(store, Compare("count", Op.LT, 0)) == [1]
        assert _found(store, Compare("count", Op.LE, 0)) == [1, 2]
        assert _found(store, Compare("count", Op.GT, -1)) == [2]
        assert _found(store, Compare("count", Op.GE, -1)) == [1, 2]
        for op in (Op.LT, Op.LE, Op.GT, Op.GE, Op.CONTAINS):
            assert _found(store, Compare("count", op, None)) == []

    def test_decimals_and_moments_compare_as_what_they_are(self, store: Storage) -> None:
        """Not as the text they are stored as."""
        _fill(
            store,
            a_thing("thing_1", weight="9.5", seen_at="2026-01-31T09:30:00.000000Z", made_on="2026-01-31"),
            a_thing("thing_2", weight="10", seen_at="2026-01-31T09:30:00.000001Z", made_on="2026-02-01"),
            a_thing("thing_3", weight="-0.5", seen_at="2025-12-31T23:59:59.999999Z", made_on="1999-12-31"),
        )

        assert _found(store, Compare("weight", Op.GT, "9.5")) == [2]
        assert _found(store, Compare("weight", Op.LE, "9.5")) == [1, 3]
        assert _found(store, Compare("weight", Op.EQ, "10")) == [2]
        assert _found(store, Compare("weight", Op.IN, ("10", "-0.5"))) == [2, 3]
        assert _found(store, Compare("seen_at", Op.GT, "2026-01-31T09:30:00.000000Z")) == [2]
        assert _found(store, Compare("made_on", Op.LT, "2026-01-31")) == [3]

    def test_contains_ignores_case_and_accents(self, store: Storage) -> None:
        """And has no wildcards."""
        _fill(
            store, a_thing("thing_1", note="Hospy Médias"), a_thing("thing_2", note="100 percent"), a_thing("thing_3")
        )

        assert _found(store, Compare("note", Op.CONTAINS, "MEDIAS")) == [1]
        assert _found(store, Compare("note", Op.CONTAINS, "py mé")) == [1]
        assert _found(store, Compare("note", Op.CONTAINS, "1_0")) == []
        assert _found(store, Compare("note", Op.CONTAINS, "medias hospy")) == []

    def test_has_looks_into_lists_only(self, store: Storage) -> None:
        """For a whole item; a mapping is no list."""
        _fill(
            store,
            a_thing("thing_1", tags='["red","green"]'),
            a_thing("thing_2", tags='["infrared"]'),
            a_thing("thing_3", facts='{"red":"green"}'),
        )

        assert _found(store, Compare("tags", Op.HAS, "red")) == [1]
        assert _found(store, Compare("tags", Op.HAS, "re")) == []
        assert _found(store, Not(Compare("tags", Op.HAS, "red"))) == [2, 3]
        assert _found(store, Compare("facts", Op.HAS, "red")) == []
        assert _found(store, Compare("facts", Op.HAS, "green")) == []

    def test_what_does_not_hold_has_a_negation_that_does(self, store: Storage) -> None:
        """There is no third answer, however deep the None sits."""
        _fill(store, a_thing("thing_1", count=1, note="x"), a_thing("thing_2"))
        small, has_x = Compare("count", Op.LT, 5), Compare("note", Op.CONTAINS, "x")

        assert _found(store, Not(small)) == [2]
        assert _found(store, Not(Not(small))) == [1]
        assert _found(store, Not(ask.All((small, has_x)))) == [2]
        assert _found(store, Not(ask.Any((small, has_x)))) == [2]
        assert _found(store, ask.All((Not(small), Not(has_x)))) == [2]

    def test_conditions_of_no_parts(self, store: Storage) -> None:
        """All of nothing holds, any of nothing does not."""
        _fill(store, a_thing("thing_1"))

        assert _found(store, ask.All(())) == [1]
        assert _found(store, ask.Any(())) == []
        assert _found(store, Not(ask.Any(()))) == [1]

    def test_values_never_become_part_of_the_language(self, store: Storage) -> None:
        """Quotes, wildcards and comments are letters like others."""
        texts = ["'", '"', "' OR '1'='1", "%", "_", "\\", "x; --", "?", ":a", "$1", "%s", "{}", "[", "*"]
        _fill(store, *(a_thing(f"thing_{i}", note=text) for i, text in enumerate(texts)))

        for i, text in enumerate(texts):
            assert _found(store, Compare("note", Op.EQ, text)) == [i]
            assert _found(store, Compare("note", Op.IN, (text, "other"))) == [i]
            with store.read() as view:
                assert view.lookup("thing", "note", [text, "other"]) == [(text, f"thing_{i}")]

    def test_none_comes_before_everything(self, store: Storage) -> None:
        """And so at the end of a descending order."""
        _fill(store, *(a_thing(f"thing_{i}", count=count) for i, count in enumerate([3, None, -3, 0])))

        assert _ordered(store, Order("count")) == [1, 2, 3, 0]
        assert _ordered(store, Order("count", descending=True)) == [0, 3, 2, 1]

    def test_each_kind_has_its_order(self, store: Storage) -> None:
        """Text by code point, decimals as numbers."""
        texts = ["a", "B", "é", "z", "🚲", "", "\uffff"]
        weights = ["10", "9", "-10", "0.5", None, "100000000000000000000.1", "100000000000000000000.2"]
        rows = zip(texts, weights, strict=True)
        _fill(store, *(a_thing(f"thing_{i}", note=note, weight=weight) for i, (note, weight) in enumerate(rows)))

        assert _ordered(store, Order("note")) == [5, 1, 0, 3, 2, 6, 4]
        assert _ordered(store, Order("weight")) == [4, 2, 3, 1, 0, 5, 6]

    def test_ties_go_by_id_in_the_direction_of_the_last_order(self, store: Storage) -> None:
        """So every order is total."""
        _fill(store, *(a_thing(f"thing_{i}", count=count, note=note) for i, count, note in _TIES))

        assert _ordered(store) == [0, 1, 2, 3, 4]
        assert _ordered(store, Order("id", descending=True)) == [4, 3, 2, 1, 0]
        assert _ordered(store, Order("count")) == [2, 0, 1, 3, 4]
        assert _ordered(store, Order("count", descending=True)) == [4, 3, 1, 0, 2]
        assert _ordered(store, Order("count"), Order("note", descending=True)) == [2, 3, 1, 0, 4]
        assert _ordered(store, Order("count", descending=True), Order("note")) == [4, 0, 1, 3, 2]

    def test_pages_have_neither_gaps_nor_overlaps(self, store: Storage) -> None:
        """Under ties and None, in every direction and of every size."""
        counts, weights = [None, 1, 1, None, 2, 1, 2, None], ["9", None, "10", "9", None, "-1", "10", None]
        columns = zip(counts, weights, strict=True)
        _fill(store, *(a_thing(f"thing_{i}", count=count, weight=weight) for i, (count, weight) in enumerate(columns)))

        for orders in _every_order("count", "weight", "created_at", "id"):
            with store.read() as view:
                whole = view.find(Query(type="thing", order=orders))
                for size in (1, 2, 3, 8):
                    assert _in_pages(view, orders, size) == whole, (orders, size)

    def test_a_page_does_not_shift_when_others_write(self, store: Storage) -> None:
        """The next page begins behind the last row seen, wherever that is now."""
        _fill(store, *(a_thing(f"thing_{i}", count=i) for i in (2, 4, 6, 8)))
        order = (Order("count"),)
        with store.read() as view:
            last = view.find(Query(type="thing", order=order, limit=2))[-1]
        _fill(store, *(a_thing(f"thing_{i}", count=i) for i in (1, 3, 5)))
        _erase(store, "thing_4")

        with store.read() as view:
            page = view.find(Query(type="thing", order=order, limit=2, after=_position(last, order)))

        assert _ids_of(page) == ["thing_5", "thing_6"]

    def test_limits_and_deleted_records(self, store: Storage) -> None:
        """At most so many; the deleted ones when they are asked for."""
        _fill(store, a_thing("thing_1", deleted_at=_LATER), *(a_thing(f"thing_{i}") for i in (2, 3)))

        with store.read() as view:
            assert _ids_of(view.find(Query(type="thing"))) == ["thing_2", "thing_3"]
            assert _ids_of(view.find(Query(type="thing", deleted=True))) == ["thing_1", "thing_2", "thing_3"]
            assert _ids_of(view.find(Query(type="thing", deleted=True, limit=2))) == ["thing_1", "thing_2"]
            assert view.find(Query(type="thing", limit=0)) == []
            assert view.aggregate(Aggregate(type="thing")) == [(2,)]
            assert view.aggregate(Aggregate(type="thing", deleted=True)) == [(3,)]

    def test_iterating_gives_the_same_in_batches(self, store: Storage) -> None:
        """And may be given up half-way."""
        _fill(store, *(a_thing(f"thing_{i}", count=-i) for i in range(7)))
        query = Query(type="thing", where=Compare("count", Op.LT, 0), order=(Order("count"),))

        with store.read() as view:
            batches = list(view.iterate(query, batch=4))
            given_up = next(iter(view.iterate(query, batch=2)))
            whole = view.find(query)
            nothing = list(view.iterate(Query(type="shelf")))
        _fill(store, a_thing("thing_7"))

        assert [len(batch) for batch in batches] == [4, 2]
        assert ([row for batch in batches for row in batch], given_up, nothing) == (whole, whole[:2], [])
        assert len(_ids(store)) == 8

    # Aggregate.

    def test_groups_are_counted_in_order(self, store: Storage) -> None:
        """None is a group like others, and the first."""
        notes = ["b", None, "a", "b", "", None, "b"]
        _fill(store, *(a_thing(f"thing_{i}", note=note, count=i % 2) for i, note in enumerate(notes)))

        with store.read() as view:
            assert view.aggregate(Aggregate(type="thing", group_by=("note",))) == [
                (None, 2),
                ("", 1),
                ("a", 1),
                ("b", 3),
            ]
            assert view.aggregate(Aggregate(type="thing", group_by=("count", "note"))) == [
                (0, "", 1),
                (0, "a", 1),
                (0, "b", 2),
                (1, None, 2),
                (1, "b", 1),
            ]

    def test_groups_of_numbers_are_ordered_as_numbers(self, store: Storage) -> None:
        """Whole or not."""
        _fill(store, *(a_thing(f"thing_{n}", count=n, weight=str(n)) for n in (9, 10, -2)))

        with store.read() as view:
            for field in ("count", "weight"):
                lines = view.aggregate(Aggregate(type="thing", group_by=(field,)))
                assert [str(line[0]) for line in lines] == ["-2", "9", "10"]

    def test_sums_are_exact(self, store: Storage) -> None:
        """Beyond 63 bits too: money is added up without a float."""
        _fill(store, *(a_thing(f"thing_{i}", count=_TOP - i) for i in range(3)), a_thing("thing_4", count=-5))
        _fill(store, *(a_thing(f"thing_{i}", note="few", count=i) for i in (5, 6)), a_thing("thing_7", note="few"))
        question = Aggregate(
            type="thing", group_by=("note",), measures=((Measure.SUM, "count"), (Measure.COUNT, "count"))
        )

        with store.read() as view:
            assert view.aggregate(question) == [(None, 3 * _TOP - 8, 4), ("few", 11, 2)]

    def test_the_least_and_the_most_leave_none_out(self, store: Storage) -> None:
        """And know what kind of value they compare."""
        columns = zip([None, 9, 10], ["9", "10", None], ["b", None, "a"], strict=True)
        _fill(store, *(a_thing(f"thing_{i}", count=c, weight=w, note=n) for i, (c, w, n) in enumerate(columns)))
        measures = tuple((m, field) for field in ("count", "weight", "note") for m in (Measure.MIN, Measure.MAX))

        with store.read() as view:
            assert view.aggregate(Aggregate(type="thing", measures=measures)) == [(9, 10, "9", "10", "a", "b")]

    def test_a_total_of_nothing_is_one_line(self, store: Storage) -> None:
        """Zero things, and no sum; but no groups."""
        measures = ((Measure.COUNT, "id"), (Measure.SUM, "count"), (Measure.MIN, "note"), (Measure.MAX, "note"))
        where = Compare("count", Op.GT, 5)

        with store.read() as view:
            assert view.aggregate(Aggregate(type="thing", where=where, measures=measures)) == [(0, None, None, None)]
            assert view.aggregate(Aggregate(type="thing", group_by=("note",))) == []

    def test_groups_look_at_the_condition(self, store: Storage) -> None:
        """Only what fulfils it counts."""
        _fill(store, *(a_thing(f"thing_{i}", count=i, note="even" if i % 2 == 0 else "odd") for i in range(5)))
        question = Aggregate(type="thing", where=Compare("count", Op.GE, 2), group_by=("note",))

        with store.read() as view:
            assert view.aggregate(question) == [("even", 2), ("odd", 1)]

    # Search.

    def test_search_finds_the_beginnings_of_all_words(self, store: Storage) -> None:
        """Of any searched field, in any order."""
        _fill(
            store,
            a_thing("thing_1", name="Hospy Médias", note="Lyon"),
            a_thing("thing_2", name="Hospital", note="Paris"),
            a_thing("thing_3", name="Cahospy"),
            a_thing("thing_4", name="Київ"),
            a_thing("thing_5", name="東京"),
        )

        assert sorted(_search(store, "hosp")) == ["thing_1", "thing_2"]
        assert _search(store, "med hos") == ["thing_1"]
        assert _search(store, "lyon hospy") == ["thing_1"]
        assert _search(store, "hospy paris") == []
        assert _search(store, "edias") == []
        assert (_search(store, "Ки"), _search(store, "東")) == (["thing_4"], ["thing_5"])
        assert _search(store, "") == []

    def test_search_respects_its_limit_and_leaves_out_the_deleted(self, store: Storage) -> None:
        """A deleted record takes nobody's place."""
        rows = [a_thing(f"thing_{i}", name="bike", deleted_at=_LATER if i < 3 else None) for i in range(6)]
        _fill(store, *rows)

        with store.read() as view:
            assert sorted(view.search("thing", ["bike"], limit=9)) == ["thing_3", "thing_4", "thing_5"]
            assert len(view.search("thing", ["bike"], limit=2)) == 2
            assert view.search("shelf", ["bike"], limit=2) == []

    def test_search_follows_updates(self, store: Storage) -> None:
        """Old words go, new ones come, and a restored record is found again."""
        _fill(store, a_thing("thing_1", name="old"), a_thing("thing_2", name="old"))
        _update(store, "thing_1", version=1, name="new", search_text="new")
        _update(store, "thing_2", version=1, deleted_at=_LATER)
        between = _search(store, "old")
        _update(store, "thing_2", version=2, deleted_at=None)

        assert (between, _search(store, "old"), _search(store, "new")) == ([], ["thing_2"], ["thing_1"])

    def test_any_text_is_safe_to_search_for(self, store: Storage) -> None:
        """Operators are words, and quotes nothing at all."""
        _fill(store, a_thing("thing_1", name="and or not near"), a_thing("thing_2", name="rock and roll"))

        assert sorted(_search(store, "and")) == ["thing_1", "thing_2"]
        assert _search(store, "NOT") == _search(store, "near") == ["thing_1"]
        with store.read() as view:
            for word in ['"', "'", "a*b", "(", "and OR", "name:x", "-", "^", "+", "{", "\\", "100%", "x\0", "a\udc80"]:
                with suppress(RejectedError):
                    view.search("thing", [word], limit=5)

    # Erase, close, open again.

    def test_what_is_erased_is_gone(self, store: Storage) -> None:
        """From every answer; its id and its unique values are free again."""
        _fill(store, a_thing("thing_1", name="secret", code="a"), a_thing("thing_2", name="open"))

        with store.write() as change:
            change.erase("thing", ["thing_1", "thing_unknown"])

        assert (_ids(store), _search(store, "secret"), _search(store, "open")) == (["thing_2"], [], ["thing_2"])
        with store.read() as view:
            assert view.get_many("thing", ["thing_1"]) == []
            assert view.lookup("thing", "code", ["a"]) == []
        _fill(store, a_thing("thing_1", name="again", code="a"))
        assert (_search(store, "secret"), _search(store, "again")) == ([], ["thing_1"])

    def test_closing_twice_is_no_error(self, store: Storage) -> None:
        """Who closes need not ask who else did."""
        _fill(store, a_thing("thing_1"))

        store.close()
        store.close()

    def test_a_store_opened_again_has_everything(self, store: Storage) -> None:
        """Committed is kept; what was rolled back is not."""
        _fill(store, a_thing("thing_1", name="kept"))
        with suppress(ZeroDivisionError), store.write() as change:
            _insert(change, a_thing("thing_2"))
            raise ZeroDivisionError
        store.close()

        again = self.reopen(store)

        again.prepare(SCHEMA, create=False)
        try:
            assert (_column(again, "name"), _search(again, "kept")) == (["kept"], ["thing_1"])
            _fill(again, a_thing("thing_2"))
            assert _ids(again) == ["thing_1", "thing_2"]
        finally:
            again.close()

    # What is declared, and what was.

    def test_what_is_not_there_is_not_made_unasked(self, storage: Storage) -> None:
        """A misspelt address does not become a new, empty workspace."""
        with pytest.raises(NotFoundError):
            storage.prepare(SCHEMA, create=False)

        storage.prepare(SCHEMA, create=True)
        assert _ids(storage) == []
        storage.close()

    def test_preparing_returns_what_is_declared(self, storage: Storage) -> None:
        """In the order of the declaration, with all that it says."""
        whole = storage.prepare(LARGER, create=True)

        assert [(kind.name, kind.field_names) for kind in whole] == [(kind.name, kind.field_names) for kind in LARGER]
        assert [(kind.unique, kind.search) for kind in whole] == [(kind.unique, kind.search) for kind in LARGER]
        storage.close()

    def test_custom_fields_go_by_their_dotted_name(self, storage: Storage) -> None:
        """To write, to filter, to order, to look up and to add up."""
        storage.prepare(LARGER, create=True)
        rows = [("thing_1", "blue", "10", 5), ("thing_2", None, "9", 7), ("thing_3", "blue", None, None)]
        _fill(
            storage,
            *(
                a_thing(id_, **{"marking.ink": ink, "marking.width": width, "marking.price_minor": minor})
                for id_, ink, width, minor in rows
            ),
        )
        with storage.write() as change:
            change.update("thing", ["thing_3"], [1], {"marking.ink": ["red"]})

        with storage.read() as view:
            blue = Query(type="thing", where=Compare("marking.ink", Op.EQ, "blue"))
            wide = Query(type="thing", order=(Order("marking.width", descending=True),))
            sums = Aggregate(type="thing", group_by=("marking.ink",), measures=((Measure.SUM, "marking.price_minor"),))
            assert _ids_of(view.find(blue)) == ["thing_1"]
            assert _ids_of(view.find(wide)) == ["thing_1", "thing_2", "thing_3"]
            assert view.lookup("thing", "marking.ink", ["red", "blue"]) == [("blue", "thing_1"), ("red", "thing_3")]
            assert view.aggregate(sums) == [(None, 7), ("blue", 5), ("red", None)]
        storage.close()

    def test_what_is_absent_now_travels_along(self, storage: Storage) -> None:
        """It can be read and written, and is all there when its plugin comes back."""
        price: dict[str, Scalar] = {"marking.price_minor": _TOP, "marking.price_currency": "EUR"}
        storage.prepare(LARGER, create=True)
        with storage.write() as change:
            _insert(change, a_thing("thing_1", **{**price, "marking.ink": "blue"}))
            _insert(change, a_crate("crate_1", thing_id="thing_1"), kind=LARGER["crate"])
        storage.close()

        without = self.reopen(storage)
        whole = without.prepare(SCHEMA, create=False)
        with without.read() as view:
            thing = dict(zip(whole["thing"].field_names, view.find(Query(type="thing"))[0], strict=True))
            crate = dict(zip(whole["crate"].field_names, view.find(Query(type="crate"))[0], strict=True))
        with without.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["seen"], "marking.width": ["1.5"]})
            _insert(change, a_thing("thing_2", **{"marking.ink": "red"}))
        without.close()
        back = self.reopen(without)
        back.prepare(LARGER, create=False)

        assert _shape(whole) == _shape(LARGER)
        assert (thing["marking.ink"], thing["marking.price_minor"]) == ("blue", _TOP)
        assert (crate["name"], crate["thing_id"]) == ("crate_1", "thing_1")
        with back.read() as view:
            things = LARGER["thing"].load_many(view.find(Query(type="thing")))
            assert view.search("crate", ["crate"], limit=5) == ["crate_1"]
        assert [(each[Marking].ink, each[Marking].width, each.note) for each in things] == [
            ("blue", Decimal("1.5"), "seen"),
            ("red", None, None),
        ]
        back.close()

    def test_a_field_that_is_new_has_its_default_in_what_is_there(self, storage: Storage) -> None:
        """From then on it is a field like any other: None where it is left out."""
        storage.prepare(SCHEMA, create=True)
        _fill(storage, a_thing("thing_1", note="old"))
        storage.close()

        larger = self.reopen(storage)
        larger.prepare(LARGER, create=False)

        _fill(larger, a_thing("thing_2", **{"marking.ink": "blue"}))
        with larger.read() as view:
            inked = Query(type="thing", where=Compare("marking.ink", Op.NE, None))
            plain = Query(type="thing", where=Compare("marking.ink", Op.EQ, None))
            assert (_ids_of(view.find(plain)), _ids_of(view.find(inked))) == (["thing_1"], ["thing_2"])
            assert view.lookup("thing", "marking.copies", [1]) == [(1, "thing_1")]
            assert _ids_of(view.find(Query(type="thing", where=Compare("marking.copies", Op.EQ, None)))) == ["thing_2"]
            assert LARGER["thing"].load(view.get_many("thing", ["thing_1"])[0]).note == "old"
            assert view.find(Query(type="crate")) == []
        larger.close()

    def test_a_field_of_another_kind_is_refused(self, storage: Storage) -> None:
        """Whatever it holds stays as it is, and can still be opened as what it was."""
        storage.prepare(LARGER, create=True)
        _fill(storage, a_thing("thing_1", **{"marking.ink": "blue"}))
        storage.close()

        other = self.reopen(storage)
        with pytest.raises(ConfigError) as caught:
            other.prepare(_with_another_kind(LARGER, "thing", "marking.ink"), create=False)
        other.close()
        absent = self.reopen(other)
        absent.prepare(SCHEMA, create=False)
        absent.close()
        still = self.reopen(absent)
        with pytest.raises(ConfigError):
            still.prepare(_with_another_kind(LARGER, "thing", "marking.ink"), create=False)
        still.close()
        right = self.reopen(still)
        right.prepare(LARGER, create=False)

        assert caught.value.setting == "thing.marking.ink"
        with right.read() as view:
            assert view.lookup("thing", "marking.ink", ["blue"]) == [("blue", "thing_1")]
        right.close()

    # The plain-Python meaning, at random.

    def test_every_condition_means_what_plain_python_says(self, store: Storage) -> None:
        """`crmkit.core.query.matches` is the definition."""
        rows = _random_rows()
        _fill(store, *rows)
        model = _as_rows(THING, rows)

        @self.examples
        @given(_conditions())
        def check(condition: Condition) -> None:
            fulfils = matches(condition, THING)
            with store.read() as view:
                found = view.find(Query(type="thing", where=condition, deleted=True))
                counted = view.aggregate(Aggregate(type="thing", where=condition, deleted=True))
            assert _ids_of(found) == _ids_of(filter(fulfils, model))
            assert counted == [(len(found),)]

        check()

    def test_every_order_and_page_is_what_plain_python_says(self, store: Storage) -> None:
        """`crmkit.core.query.sort_rows` is the definition."""
        rows = _random_rows()
        _fill(store, *rows)
        model = _as_rows(THING, rows)
        fields = st.sampled_from([name for name in THING.visible_names if name not in ("tags", "facts")])

        @self.examples
        @given(st.lists(st.builds(Order, fields, st.booleans()), max_size=3, unique_by=lambda order: order.field))
        def check(orders: list[Order]) -> None:
            query = Query(type="thing", order=tuple(orders), deleted=True)
            with store.read() as view:
                assert view.find(query) == sort_rows(model, query, THING)
                assert _in_pages(view, query.order, 7, deleted=True) == sort_rows(model, query, THING)

        check()

    def test_every_text_is_found_by_its_own_words(self, store: Storage) -> None:
        """Whatever script it is written in."""
        texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20).map(fold)
        numbers = iter(range(10**6))

        @self.examples
        @given(st.lists(texts, min_size=1, max_size=5), texts, st.data())
        def check(stored: list[str], other: str, data: st.DataObject) -> None:
            with store.write() as change:
                old = [str(row[THING.position["id"]]) for row in change.find(Query(type="thing"))]
                change.erase("thing", old)
                _insert(change, *(a_thing(f"thing_{next(numbers)}", search_text=text) for text in stored))
            words = data.draw(st.sampled_from([*stored, other])).split()
            asked = [word[: data.draw(st.integers(1, len(word)))] for word in words]
            with store.read() as view:
                found = sorted(view.search("thing", asked, limit=99))
                model = [
                    row[THING.position["id"]]
                    for row in view.find(Query(type="thing"))
                    if asked and _has_words(str(row[THING.position["search_text"]]), asked)
                ]
            assert found == sorted(map(str, model)), (stored, asked)

        check()


_TIES = [(0, 1, "a"), (1, 1, "a"), (2, None, "b"), (3, 1, "b"), (4, 2, None)]


def _system_values(id_: str) -> dict[str, Any]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return {"id": id_, "version": 1, "created_at": moment, "updated_at": moment}


def _values(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in SCHEMA.type_of(record.id).attribute}


def _required(id_: str) -> dict[str, list[Scalar]]:
    return {name: [value] for name, value in a_thing(id_).items() if value is not None and name != "name"}


def _insert(change: WriteTransaction, *rows: Mapping[str, Scalar], kind: RecordType = THING) -> None:
    change.insert(
        kind.name, {name: [row.get(name) for row in rows] for name in dict.fromkeys(n for r in rows for n in r)}
    )


def _fill(store: Storage, *rows: Mapping[str, Scalar]) -> None:
    with store.write() as change:
        _insert(change, *rows)


def _update(store: Storage, id_: str, *, version: int, **scalars: Scalar) -> None:
    with store.write() as change:
        change.update("thing", [id_], [version], {name: [value] for name, value in scalars.items()})


def _erase(store: Storage, *ids: str) -> None:
    with store.write() as change:
        change.erase("thing", ids)


def _ids_of(rows: Any) -> list[str]:
    return [row[0] for row in rows]  # every record begins with its id


def _ids(store: Storage, *, kind: str = "thing") -> list[str]:
    with store.read() as view:
        return _ids_of(view.find(Query(type=kind)))


def _column(store: Storage, field: str) -> list[Scalar]:
    """Return the values of one field, deleted records included, by id."""
    with store.read() as view:
        return [row[THING.position[field]] for row in view.find(Query(type="thing", deleted=True))]


def _found(store: Storage, condition: Condition) -> list[int]:
    with store.read() as view:
        return sorted(
            int(id_.removeprefix("thing_")) for id_ in _ids_of(view.find(Query(type="thing", where=condition)))
        )


def _ordered(store: Storage, *orders: Order) -> list[int]:
    with store.read() as view:
        return [int(id_.removeprefix("thing_")) for id_ in _ids_of(view.find(Query(type="thing", order=orders)))]


def _shape(schema: Schema) -> dict[str, object]:
    """Return what a back end must know of each type."""
    return {
        kind.name: (kind.plural, kind.prefix, {f.name: (f.kind, f.references) for f in kind.fields}) for kind in schema
    }


def _with_another_kind(schema: Schema, kind: str, field: str) -> Schema:
    fields = [attrs.evolve(f, kind=Kind.INTEGER) if f.name == field else f for f in schema[kind].fields]
    return Schema(attrs.evolve(each, fields=tuple(fields)) if each.name == kind else each for each in schema)


def _search(store: Storage, text: str) -> list[str]:
    with store.read() as view:
        return view.search("thing", fold(text).split(), limit=50)


def _position(row: Row, orders: Sequence[Order]) -> tuple[Scalar, ...]:
    full = Query(type="thing", order=tuple(orders)).full_order
    return tuple(row[THING.position[order.field]] for order in full)


def _in_pages(view: ReadTransaction, orders: Sequence[Order], size: int, *, deleted: bool = False) -> list[Row]:
    rows: list[Row] = []
    after: tuple[Scalar, ...] | None = None
    while page := view.find(Query(type="thing", order=tuple(orders), limit=size, after=after, deleted=deleted)):
        rows += page
        assert len(page) <= size
        assert len(rows) < 1000, "the pages do not end"
        after = _position(page[-1], orders)
    return rows


def _every_order(*fields: str) -> list[tuple[Order, ...]]:
    single = [Order(field, descending) for field in fields for descending in (False, True)]
    return [(), *((order,) for order in single), *((a, b) for a in single for b in single if a.field != b.field)]


def _in_thread(*functions: Callable[[], object]) -> None:
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


def _has_words(text: str, words: Sequence[str]) -> bool:
    return all(any(present.startswith(word) for present in text.split()) for word in words)


# Few values, so that random conditions hit and ties are frequent.
_POOLS: dict[str, tuple[Scalar, ...]] = {
    "note": (None, "", "a", "A", "é", "e", "ab 🚲", "%"),
    "count": (None, 0, 1, -1, 10, 9, _TOP, -_TOP - 1),
    "weight": (None, "0", "9", "10", "-10", "0.5", "100000000000000000000.1"),
    "fragile": (None, 0, 1),
    "made_on": (None, "1999-12-31", "2026-01-31"),
    "tags": (None, '["a"]', '["a","é"]', '["ab"]'),
    "deleted_at": (None, None, _LATER),
}
_COMPARED = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE)


def _random_rows() -> list[dict[str, Scalar]]:
    chance = random.Random(3)  # noqa: S311  # not for secrets
    return [a_thing(f"thing_{i:02}", **{name: chance.choice(pool) for name, pool in _POOLS.items()}) for i in range(60)]


def _as_rows(kind: RecordType, rows: Sequence[Mapping[str, Scalar]]) -> list[Row]:
    return [tuple(row.get(name) for name in kind.field_names) for row in rows]


def _conditions() -> st.SearchStrategy[Condition]:
    comparisons: list[st.SearchStrategy[Condition]] = []
    for name, pool in _POOLS.items():
        values = st.sampled_from(pool)
        ops = st.sampled_from(_COMPARED[:2] if name == "tags" else _COMPARED)
        comparisons.append(st.builds(Compare, st.just(name), ops, values))
        comparisons.append(st.builds(Compare, st.just(name), st.just(Op.IN), st.lists(values, max_size=3).map(tuple)))
    texts = st.sampled_from(["", "A", "b", "é", "🚲", "%"])
    comparisons.append(st.builds(Compare, st.sampled_from(["note", "tags"]), st.just(Op.CONTAINS), texts))
    comparisons.append(st.builds(Compare, st.just("tags"), st.just(Op.HAS), texts))
    return st.recursive(
        st.one_of(comparisons),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(ask.All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(ask.Any, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )
