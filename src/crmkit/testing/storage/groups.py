"""Records are counted and added up, exactly."""

from __future__ import annotations

from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Compare, Measure, Op
from crmkit.testing.schema import a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import TOP, fill

__all__ = ["GroupTests"]


class GroupTests(StorageTests):
    """Records are counted and added up, exactly."""

    def test_groups_are_counted_in_order(self, store: Storage) -> None:
        """None is a group like others, and the first."""
        notes = ["b", None, "a", "b", "", None, "b"]
        fill(store, *(a_thing(f"thing_{i}", note=note, count=i % 2) for i, note in enumerate(notes)))

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
        fill(store, *(a_thing(f"thing_{n}", count=n, weight=str(n)) for n in (9, 10, -2)))

        with store.read() as view:
            for field in ("count", "weight"):
                lines = view.aggregate(Aggregate(type="thing", group_by=(field,)))
                assert [str(line[0]) for line in lines] == ["-2", "9", "10"]

    def test_sums_are_exact(self, store: Storage) -> None:
        """Beyond 63 bits too: money is added up without a float."""
        fill(store, *(a_thing(f"thing_{i}", count=TOP - i) for i in range(3)), a_thing("thing_4", count=-5))
        fill(store, *(a_thing(f"thing_{i}", note="few", count=i) for i in (5, 6)), a_thing("thing_7", note="few"))
        question = Aggregate(
            type="thing", group_by=("note",), measures=((Measure.SUM, "count"), (Measure.COUNT, "count"))
        )

        with store.read() as view:
            assert view.aggregate(question) == [(None, 3 * TOP - 8, 4), ("few", 11, 2)]

    def test_the_least_and_the_most_leave_none_out(self, store: Storage) -> None:
        """And know what kind of value they compare."""
        columns = zip([None, 9, 10], ["9", "10", None], ["b", None, "a"], strict=True)
        fill(store, *(a_thing(f"thing_{i}", count=c, weight=w, note=n) for i, (c, w, n) in enumerate(columns)))
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
        fill(store, *(a_thing(f"thing_{i}", count=i, note="even" if i % 2 == 0 else "odd") for i in range(5)))
        question = Aggregate(type="thing", where=Compare("count", Op.GE, 2), group_by=("note",))

        with store.read() as view:
            assert view.aggregate(question) == [("even", 2), ("odd", 1)]
