"""Records are inserted and updated, and what is unique is taken once."""

from __future__ import annotations

import pytest

from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Compare, Measure, Op, Order, Query
from crmkit.errors import ConflictError, NotFoundError, RejectedError
from crmkit.testing.schema import a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import LATER, column_of, fill, ids_in, insert, required_columns, update

__all__ = ["ChangeTests"]


class ChangeTests(StorageTests):
    """Records are inserted and updated, and what is unique is taken once."""

    def test_fields_left_out_are_none(self, store: Storage) -> None:
        """Each call may name other fields, and in another order."""
        with store.write() as change:
            change.insert("thing", {"name": ["a"], **required_columns("thing_1"), "count": [1]})
            change.insert("thing", {"note": ["n"], **required_columns("thing_2"), "name": ["b"]})

        assert column_of(store, "name") == ["a", "b"]
        assert column_of(store, "count") == [1, None]
        assert column_of(store, "note") == [None, "n"]

    def test_inserting_nothing_is_fine(self, store: Storage) -> None:
        """A batch may turn out empty."""
        with store.write() as change:
            change.insert("thing", {"id": [], "name": []})
            change.update("thing", [], [], {"name": []})
            change.erase("thing", [])

        assert ids_in(store) == []

    def test_a_taken_id_is_refused(self, store: Storage) -> None:
        """Also by a deleted record, and within one batch."""
        fill(store, a_thing("thing_1", name="first"), a_thing("thing_2", deleted_at=LATER))

        for batch in (["thing_1"], ["thing_2"], ["thing_3", "thing_3"]):
            with pytest.raises(RejectedError), store.write() as change:
                insert(change, *(a_thing(id_, name="second") for id_ in batch))

        assert column_of(store, "name") == ["first", "thing_2"]

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
            change.insert("thing", {**required_columns("thing_1"), "name": ["a"], odd: ["x"]})
        with pytest.raises(NotFoundError), store.write() as change:
            change.update("thing", ["thing_1"], [1], {odd: ["x"]})

    def test_what_is_handed_in_is_not_kept(self, store: Storage) -> None:
        """A caller may use its lists again."""
        ids: list[Scalar] = ["thing_1"]
        names: list[Scalar] = ["before"]
        with store.write() as change:
            change.insert("thing", {**required_columns("thing_1"), "id": ids, "name": names})
            ids[0], names[0] = "thing_9", "after"
            notes: list[Scalar] = ["before"]
            change.update("thing", ["thing_1"], [1], {"note": notes})
            notes[0] = "after"

        assert (ids_in(store), column_of(store, "name"), column_of(store, "note")) == (
            ["thing_1"],
            ["before"],
            ["before"],
        )

    def test_what_is_handed_out_is_not_shared(self, store: Storage) -> None:
        """Whoever sorts or empties a result changes nothing for others."""
        fill(store, a_thing("thing_1", count=1), a_thing("thing_2", count=2))
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

    def test_a_unique_group_is_taken_once(self, store: Storage) -> None:
        """By a stored record or by one of the same batch; one field or several together."""
        fill(store, a_thing("thing_1", code="a", realm="r", number=1))

        batches: list[list[dict[str, Scalar]]] = [
            [{"code": "a"}],
            [{"code": "b"}, {"code": "b"}],
            [{"realm": "r", "number": 1}],
        ]
        for batch in batches:
            with pytest.raises(RejectedError), store.write() as change:
                insert(change, *(a_thing(f"thing_{i}", **scalars) for i, scalars in enumerate(batch, start=2)))
        fill(store, a_thing("thing_2", code="A", realm="r", number=2), a_thing("thing_3", realm="s", number=1))

        assert ids_in(store) == ["thing_1", "thing_2", "thing_3"]

    def test_a_unique_group_counts_the_living_only(self, store: Storage) -> None:
        """What was deleted is in nobody's way, until it is to come back."""
        fill(store, a_thing("thing_1", code="a"), a_thing("thing_2", code="a", deleted_at=LATER))
        update(store, "thing_1", version=1, deleted_at=LATER)
        fill(store, a_thing("thing_3", code="a"))

        with pytest.raises(RejectedError):
            update(store, "thing_1", version=2, deleted_at=None)

        assert ids_in(store) == ["thing_3"]

    def test_a_unique_group_with_none_does_not_count(self, store: Storage) -> None:
        """Two things without a code have no code in common."""
        rows = [a_thing(f"thing_{i}", code=None, realm="r", number=None) for i in range(3)]

        fill(store, *rows)

        assert len(ids_in(store)) == 3

    def test_an_update_may_keep_but_not_take_a_unique_group(self, store: Storage) -> None:
        """A record is not in its own way."""
        fill(store, a_thing("thing_1", code="a"), a_thing("thing_2", code="b"))
        update(store, "thing_1", version=1, code="a")

        with pytest.raises(RejectedError):
            update(store, "thing_2", version=1, code="a")

        assert column_of(store, "code") == ["a", "b"]

    def test_an_update_changes_what_it_names_and_the_version(self, store: Storage) -> None:
        """Nothing else, and nobody else."""
        fill(store, *(a_thing(f"thing_{i}", note="n", count=i) for i in (1, 2, 3)))

        with store.write() as change:
            change.update("thing", ["thing_3", "thing_1"], [1, 1], {"count": [30, None]})

        assert column_of(store, "count") == [None, 2, 30]
        assert column_of(store, "note") == ["n", "n", "n"]
        assert column_of(store, "version") == [2, 1, 2]

    def test_an_update_without_fields_raises_the_version(self, store: Storage) -> None:
        """So that others see that somebody was there."""
        fill(store, a_thing("thing_1"))

        with store.write() as change:
            change.update("thing", ["thing_1"], [1], {})

        assert column_of(store, "version") == [2]

    def test_an_update_refuses_a_stale_version(self, store: Storage) -> None:
        """Of two people who edit the same record, the second hears about it."""
        fill(store, a_thing("thing_1"))
        update(store, "thing_1", version=1, note="first")

        with pytest.raises(ConflictError) as caught:
            update(store, "thing_1", version=1, note="second")

        assert (caught.value.record, caught.value.expected, caught.value.found) == ("thing_1", 1, 2)
        assert column_of(store, "note") == ["first"]

    def test_an_update_of_what_is_gone_is_a_conflict(self, store: Storage) -> None:
        """There is no version to find."""
        with pytest.raises(ConflictError) as caught:
            update(store, "thing_1", version=3, note="too late")

        assert (caught.value.record, caught.value.expected, caught.value.found) == ("thing_1", 3, None)

    def test_one_stale_version_stops_the_whole_batch(self, store: Storage) -> None:
        """The first one is named."""
        fill(store, *(a_thing(f"thing_{i}", note="old") for i in (1, 2, 3)))

        with pytest.raises(ConflictError) as caught, store.write() as change:
            change.update("thing", ["thing_1", "thing_3", "thing_2"], [1, 7, 8], {"note": ["new"] * 3})

        assert caught.value.record == "thing_3"
        assert column_of(store, "note") == ["old"] * 3

    def test_a_record_twice_in_one_update_is_a_conflict(self, store: Storage) -> None:
        """The second change expects a version that the first one has raised."""
        fill(store, a_thing("thing_1", note="old"))

        with pytest.raises(ConflictError), store.write() as change:
            change.update("thing", ["thing_1", "thing_1"], [1, 1], {"note": ["new", "newer"]})

        assert column_of(store, "note") == ["old"]
