"""What is kept outlives the store; what was declared travels along."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest

from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Aggregate, Compare, Measure, Op, Order, Query
from crmkit.errors import ConfigError, NotFoundError
from crmkit.testing.schema import LARGER, SCHEMA, Marking, a_crate, a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import (
    TOP,
    column_of,
    fill,
    ids_in,
    ids_of,
    insert,
    search_for,
    shape_of,
    with_another_kind,
)

__all__ = ["KeepingTests"]


class KeepingTests(StorageTests):
    """What is kept outlives the store; what was declared travels along."""

    def test_what_is_erased_is_gone(self, store: Storage) -> None:
        """From every answer; its id and its unique values are free again."""
        fill(store, a_thing("thing_1", name="secret", code="a"), a_thing("thing_2", name="open"))

        with store.write() as change:
            change.erase("thing", ["thing_1", "thing_unknown"])

        assert (ids_in(store), search_for(store, "secret"), search_for(store, "open")) == (["thing_2"], [], ["thing_2"])
        with store.read() as view:
            assert view.get_many("thing", ["thing_1"]) == []
            assert view.lookup("thing", "code", ["a"]) == []
        fill(store, a_thing("thing_1", name="again", code="a"))
        assert (search_for(store, "secret"), search_for(store, "again")) == ([], ["thing_1"])

    def test_closing_twice_is_no_error(self, store: Storage) -> None:
        """Who closes need not ask who else did."""
        fill(store, a_thing("thing_1"))

        store.close()
        store.close()

    def test_a_store_opened_again_has_everything(self, store: Storage) -> None:
        """Committed is kept; what was rolled back is not."""
        fill(store, a_thing("thing_1", name="kept"))
        with suppress(ZeroDivisionError), store.write() as change:
            insert(change, a_thing("thing_2"))
            raise ZeroDivisionError
        store.close()

        again = self.reopen(store)

        again.prepare(SCHEMA, create=False)
        try:
            assert (column_of(again, "name"), search_for(again, "kept")) == (["kept"], ["thing_1"])
            fill(again, a_thing("thing_2"))
            assert ids_in(again) == ["thing_1", "thing_2"]
        finally:
            again.close()

    def test_what_is_not_there_is_not_made_unasked(self, storage: Storage) -> None:
        """A misspelt address does not become a new, empty workspace."""
        with pytest.raises(NotFoundError):
            storage.prepare(SCHEMA, create=False)

        storage.prepare(SCHEMA, create=True)
        assert ids_in(storage) == []
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
        fill(
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
            assert ids_of(view.find(blue)) == ["thing_1"]
            assert ids_of(view.find(wide)) == ["thing_1", "thing_2", "thing_3"]
            assert view.lookup("thing", "marking.ink", ["red", "blue"]) == [("blue", "thing_1"), ("red", "thing_3")]
            assert view.aggregate(sums) == [(None, 7), ("blue", 5), ("red", None)]
        storage.close()

    def test_what_is_absent_now_travels_along(self, storage: Storage) -> None:
        """It can be read and written, and is all there when its plugin comes back."""
        price: dict[str, Scalar] = {"marking.price_minor": TOP, "marking.price_currency": "EUR"}
        storage.prepare(LARGER, create=True)
        with storage.write() as change:
            insert(change, a_thing("thing_1", **{**price, "marking.ink": "blue"}))
            insert(change, a_crate("crate_1", thing_id="thing_1"), kind=LARGER["crate"])
        storage.close()

        without = self.reopen(storage)
        whole = without.prepare(SCHEMA, create=False)
        with without.read() as view:
            thing = dict(zip(whole["thing"].field_names, view.find(Query(type="thing"))[0], strict=True))
            crate = dict(zip(whole["crate"].field_names, view.find(Query(type="crate"))[0], strict=True))
        with without.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["seen"], "marking.width": ["1.5"]})
            insert(change, a_thing("thing_2", **{"marking.ink": "red"}))
        without.close()
        back = self.reopen(without)
        back.prepare(LARGER, create=False)

        assert shape_of(whole) == shape_of(LARGER)
        assert (thing["marking.ink"], thing["marking.price_minor"]) == ("blue", TOP)
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
        fill(storage, a_thing("thing_1", note="old"))
        storage.close()

        larger = self.reopen(storage)
        larger.prepare(LARGER, create=False)

        fill(larger, a_thing("thing_2", **{"marking.ink": "blue"}))
        with larger.read() as view:
            inked = Query(type="thing", where=Compare("marking.ink", Op.NE, None))
            plain = Query(type="thing", where=Compare("marking.ink", Op.EQ, None))
            assert (ids_of(view.find(plain)), ids_of(view.find(inked))) == (["thing_1"], ["thing_2"])
            assert view.lookup("thing", "marking.copies", [1]) == [(1, "thing_1")]
            assert ids_of(view.find(Query(type="thing", where=Compare("marking.copies", Op.EQ, None)))) == ["thing_2"]
            assert LARGER["thing"].load(view.get_many("thing", ["thing_1"])[0]).note == "old"
            assert view.find(Query(type="crate")) == []
        larger.close()

    def test_a_field_of_another_kind_is_refused(self, storage: Storage) -> None:
        """Whatever it holds stays as it is, and can still be opened as what it was."""
        storage.prepare(LARGER, create=True)
        fill(storage, a_thing("thing_1", **{"marking.ink": "blue"}))
        storage.close()

        other = self.reopen(storage)
        with pytest.raises(ConfigError) as caught:
            other.prepare(with_another_kind(LARGER, "thing", "marking.ink"), create=False)
        other.close()
        absent = self.reopen(other)
        absent.prepare(SCHEMA, create=False)
        absent.close()
        still = self.reopen(absent)
        with pytest.raises(ConfigError):
            still.prepare(with_another_kind(LARGER, "thing", "marking.ink"), create=False)
        still.close()
        right = self.reopen(still)
        right.prepare(LARGER, create=False)

        assert caught.value.setting == "thing.marking.ink"
        with right.read() as view:
            assert view.lookup("thing", "marking.ink", ["blue"]) == [("blue", "thing_1")]
        right.close()
