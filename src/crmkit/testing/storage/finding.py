"""Records are got, looked up, found and paged through."""

from __future__ import annotations

from crmkit.core import query as ask
from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Compare, Not, Op, Order, Query
from crmkit.testing.schema import a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import (
    LATER,
    TIES,
    erase,
    every_order,
    fill,
    ids_in,
    ids_of,
    in_pages,
    numbers_found,
    numbers_ordered,
    position_of,
)

__all__ = ["FindingTests"]


class FindingTests(StorageTests):
    """Records are got, looked up, found and paged through."""

    def test_get_many_is_ordered_by_id(self, store: Storage) -> None:
        """Deleted ones too, each once; unknown ids are left out."""
        fill(store, a_thing("thing_b"), a_thing("thing_a"), a_thing("thing_c", deleted_at=LATER))

        with store.read() as view:
            asked = ["thing_c", "thing_x", "thing_b", "thing_a", "thing_b"]
            assert ids_of(view.get_many("thing", asked)) == ["thing_a", "thing_b", "thing_c"]
            assert view.get_many("thing", []) == []
            assert view.get_many("shelf", ["thing_a"]) == []

    def test_thousands_of_ids_and_values_can_be_asked_for(self, store: Storage) -> None:
        """A batch is not limited by what one statement can take."""
        fill(store, *(a_thing(f"thing_{i:05}", count=i) for i in range(0, 40_000, 40)))
        numbers: list[Scalar] = list(range(40_000))

        with store.read() as view:
            assert len(view.get_many("thing", [f"thing_{number:05}" for number in numbers])) == 1000
            assert len(view.lookup("thing", "count", numbers)) == 1000
            assert len(view.find(Query(type="thing", where=Compare("count", Op.IN, tuple(numbers))))) == 1000

    def test_a_look_up_returns_value_and_id_in_that_order(self, store: Storage) -> None:
        """Of the living; several records may share a value."""
        fill(
            store,
            a_thing("thing_3", note="b"),
            a_thing("thing_2", note="b"),
            a_thing("thing_1", note="B"),
            a_thing("thing_4", note="a"),
            a_thing("thing_5", note="a", deleted_at=LATER),
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
        fill(store, *(a_thing(f"thing_{n}", count=n, weight=f"{n}.5") for n in (9, 10, -2)))

        with store.read() as view:
            counts = view.lookup("thing", "count", [10, 9, -2])
            weights = view.lookup("thing", "weight", ["10.5", "9.5", "-2.5"])

        assert [value for value, _ in counts] == [-2, 9, 10]
        assert [value for value, _ in weights] == ["-2.5", "9.5", "10.5"]

    def test_a_look_up_of_nothing_finds_nothing(self, store: Storage) -> None:
        """None is no value that records could share."""
        fill(store, a_thing("thing_1"))

        with store.read() as view:
            assert view.lookup("thing", "note", []) == []
            assert view.lookup("thing", "note", [None]) == []

    def test_equality_takes_none_as_a_value(self, store: Storage) -> None:
        """What is empty differs from what is not."""
        fill(store, a_thing("thing_1", note="x"), a_thing("thing_2", note="X"), a_thing("thing_3"))

        assert numbers_found(store, Compare("note", Op.EQ, "x")) == [1]
        assert numbers_found(store, Compare("note", Op.NE, "x")) == [2, 3]
        assert numbers_found(store, Compare("note", Op.EQ, None)) == [3]
        assert numbers_found(store, Compare("note", Op.NE, None)) == [1, 2]
        assert numbers_found(store, Compare("note", Op.IN, ("x", "y"))) == [1]
        assert numbers_found(store, Compare("note", Op.IN, ("X", None))) == [2, 3]
        assert numbers_found(store, Compare("note", Op.IN, ())) == []

    def test_comparisons_of_order_never_hold_for_none(self, store: Storage) -> None:
        """On neither side."""
        fill(store, a_thing("thing_1", count=-1), a_thing("thing_2", count=0), a_thing("thing_3"))

        assert numbers_found(store, Compare("count", Op.LT, 0)) == [1]
        assert numbers_found(store, Compare("count", Op.LE, 0)) == [1, 2]
        assert numbers_found(store, Compare("count", Op.GT, -1)) == [2]
        assert numbers_found(store, Compare("count", Op.GE, -1)) == [1, 2]
        for op in (Op.LT, Op.LE, Op.GT, Op.GE, Op.CONTAINS):
            assert numbers_found(store, Compare("count", op, None)) == []

    def test_decimals_and_moments_compare_as_what_they_are(self, store: Storage) -> None:
        """Not as the text they are stored as."""
        fill(
            store,
            a_thing("thing_1", weight="9.5", seen_at="2026-01-31T09:30:00.000000Z", made_on="2026-01-31"),
            a_thing("thing_2", weight="10", seen_at="2026-01-31T09:30:00.000001Z", made_on="2026-02-01"),
            a_thing("thing_3", weight="-0.5", seen_at="2025-12-31T23:59:59.999999Z", made_on="1999-12-31"),
        )

        assert numbers_found(store, Compare("weight", Op.GT, "9.5")) == [2]
        assert numbers_found(store, Compare("weight", Op.LE, "9.5")) == [1, 3]
        assert numbers_found(store, Compare("weight", Op.EQ, "10")) == [2]
        assert numbers_found(store, Compare("weight", Op.IN, ("10", "-0.5"))) == [2, 3]
        assert numbers_found(store, Compare("seen_at", Op.GT, "2026-01-31T09:30:00.000000Z")) == [2]
        assert numbers_found(store, Compare("made_on", Op.LT, "2026-01-31")) == [3]

    def test_contains_ignores_case_and_accents(self, store: Storage) -> None:
        """And has no wildcards."""
        fill(store, a_thing("thing_1", note="Hospy Médias"), a_thing("thing_2", note="100 percent"), a_thing("thing_3"))

        assert numbers_found(store, Compare("note", Op.CONTAINS, "MEDIAS")) == [1]
        assert numbers_found(store, Compare("note", Op.CONTAINS, "py mé")) == [1]
        assert numbers_found(store, Compare("note", Op.CONTAINS, "1_0")) == []
        assert numbers_found(store, Compare("note", Op.CONTAINS, "medias hospy")) == []

    def test_has_looks_into_lists_only(self, store: Storage) -> None:
        """For a whole item; a mapping is no list."""
        fill(
            store,
            a_thing("thing_1", tags='["red","green"]'),
            a_thing("thing_2", tags='["infrared"]'),
            a_thing("thing_3", facts='{"red":"green"}'),
        )

        assert numbers_found(store, Compare("tags", Op.HAS, "red")) == [1]
        assert numbers_found(store, Compare("tags", Op.HAS, "re")) == []
        assert numbers_found(store, Not(Compare("tags", Op.HAS, "red"))) == [2, 3]
        assert numbers_found(store, Compare("facts", Op.HAS, "red")) == []
        assert numbers_found(store, Compare("facts", Op.HAS, "green")) == []

    def test_what_does_not_hold_has_a_negation_that_does(self, store: Storage) -> None:
        """There is no third answer, however deep the None sits."""
        fill(store, a_thing("thing_1", count=1, note="x"), a_thing("thing_2"))
        small, has_x = Compare("count", Op.LT, 5), Compare("note", Op.CONTAINS, "x")

        assert numbers_found(store, Not(small)) == [2]
        assert numbers_found(store, Not(Not(small))) == [1]
        assert numbers_found(store, Not(ask.All((small, has_x)))) == [2]
        assert numbers_found(store, Not(ask.Any((small, has_x)))) == [2]
        assert numbers_found(store, ask.All((Not(small), Not(has_x)))) == [2]

    def test_conditions_of_no_parts(self, store: Storage) -> None:
        """All of nothing holds, any of nothing does not."""
        fill(store, a_thing("thing_1"))

        assert numbers_found(store, ask.All(())) == [1]
        assert numbers_found(store, ask.Any(())) == []
        assert numbers_found(store, Not(ask.Any(()))) == [1]

    def test_values_never_become_part_of_the_language(self, store: Storage) -> None:
        """Quotes, wildcards and comments are letters like others."""
        texts = ["'", '"', "' OR '1'='1", "%", "_", "\\", "x; --", "?", ":a", "$1", "%s", "{}", "[", "*"]
        fill(store, *(a_thing(f"thing_{i}", note=text) for i, text in enumerate(texts)))

        for i, text in enumerate(texts):
            assert numbers_found(store, Compare("note", Op.EQ, text)) == [i]
            assert numbers_found(store, Compare("note", Op.IN, (text, "other"))) == [i]
            with store.read() as view:
                assert view.lookup("thing", "note", [text, "other"]) == [(text, f"thing_{i}")]

    def test_none_comes_before_everything(self, store: Storage) -> None:
        """And so at the end of a descending order."""
        fill(store, *(a_thing(f"thing_{i}", count=count) for i, count in enumerate([3, None, -3, 0])))

        assert numbers_ordered(store, Order("count")) == [1, 2, 3, 0]
        assert numbers_ordered(store, Order("count", descending=True)) == [0, 3, 2, 1]

    def test_each_kind_has_its_order(self, store: Storage) -> None:
        """Text by code point, decimals as numbers."""
        texts = ["a", "B", "é", "z", "🚲", "", "\uffff"]
        weights = ["10", "9", "-10", "0.5", None, "100000000000000000000.1", "100000000000000000000.2"]
        rows = zip(texts, weights, strict=True)
        fill(store, *(a_thing(f"thing_{i}", note=note, weight=weight) for i, (note, weight) in enumerate(rows)))

        assert numbers_ordered(store, Order("note")) == [5, 1, 0, 3, 2, 6, 4]
        assert numbers_ordered(store, Order("weight")) == [4, 2, 3, 1, 0, 5, 6]

    def test_ties_go_by_id_in_the_direction_of_the_last_order(self, store: Storage) -> None:
        """So every order is total."""
        fill(store, *(a_thing(f"thing_{i}", count=count, note=note) for i, count, note in TIES))

        assert numbers_ordered(store) == [0, 1, 2, 3, 4]
        assert numbers_ordered(store, Order("id", descending=True)) == [4, 3, 2, 1, 0]
        assert numbers_ordered(store, Order("count")) == [2, 0, 1, 3, 4]
        assert numbers_ordered(store, Order("count", descending=True)) == [4, 3, 1, 0, 2]
        assert numbers_ordered(store, Order("count"), Order("note", descending=True)) == [2, 3, 1, 0, 4]
        assert numbers_ordered(store, Order("count", descending=True), Order("note")) == [4, 0, 1, 3, 2]

    def test_pages_have_neither_gaps_nor_overlaps(self, store: Storage) -> None:
        """Under ties and None, in every direction and of every size."""
        counts, weights = [None, 1, 1, None, 2, 1, 2, None], ["9", None, "10", "9", None, "-1", "10", None]
        columns = zip(counts, weights, strict=True)
        fill(store, *(a_thing(f"thing_{i}", count=count, weight=weight) for i, (count, weight) in enumerate(columns)))

        for orders in every_order("count", "weight", "created_at", "id"):
            with store.read() as view:
                whole = view.find(Query(type="thing", order=orders))
                for size in (1, 2, 3, 8):
                    assert in_pages(view, orders, size) == whole, (orders, size)

    def test_a_page_does_not_shift_when_others_write(self, store: Storage) -> None:
        """The next page begins behind the last row seen, wherever that is now."""
        fill(store, *(a_thing(f"thing_{i}", count=i) for i in (2, 4, 6, 8)))
        order = (Order("count"),)
        with store.read() as view:
            last = view.find(Query(type="thing", order=order, limit=2))[-1]
        fill(store, *(a_thing(f"thing_{i}", count=i) for i in (1, 3, 5)))
        erase(store, "thing_4")

        with store.read() as view:
            page = view.find(Query(type="thing", order=order, limit=2, after=position_of(last, order)))

        assert ids_of(page) == ["thing_5", "thing_6"]

    def test_limits_and_deleted_records(self, store: Storage) -> None:
        """At most so many; the deleted ones when they are asked for."""
        fill(store, a_thing("thing_1", deleted_at=LATER), *(a_thing(f"thing_{i}") for i in (2, 3)))

        with store.read() as view:
            assert ids_of(view.find(Query(type="thing"))) == ["thing_2", "thing_3"]
            assert ids_of(view.find(Query(type="thing", deleted=True))) == ["thing_1", "thing_2", "thing_3"]
            assert ids_of(view.find(Query(type="thing", deleted=True, limit=2))) == ["thing_1", "thing_2"]
            assert view.find(Query(type="thing", limit=0)) == []
            assert view.aggregate(Aggregate(type="thing")) == [(2,)]
            assert view.aggregate(Aggregate(type="thing", deleted=True)) == [(3,)]

    def test_iterating_gives_the_same_in_batches(self, store: Storage) -> None:
        """And may be given up half-way."""
        fill(store, *(a_thing(f"thing_{i}", count=-i) for i in range(7)))
        query = Query(type="thing", where=Compare("count", Op.LT, 0), order=(Order("count"),))

        with store.read() as view:
            batches = list(view.iterate(query, batch=4))
            given_up = next(iter(view.iterate(query, batch=2)))
            whole = view.find(query)
            nothing = list(view.iterate(Query(type="shelf")))
        fill(store, a_thing("thing_7"))

        assert [len(batch) for batch in batches] == [4, 2]
        assert ([row for batch in batches for row in batch], given_up, nothing) == (whole, whole[:2], [])
        assert len(ids_in(store)) == 8
