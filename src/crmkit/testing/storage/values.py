"""Values come back as they were."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Compare, Op, Query
from crmkit.core.values.money import Money
from crmkit.errors import RejectedError
from crmkit.testing.schema import SHELF, THING, Colour, Shelf, Thing, a_thing
from crmkit.testing.storage.base import StorageTests
from crmkit.testing.storage.shorthands import TOP, column_of, fill, ids_in, insert, system_values, values_of

__all__ = ["ValueTests"]


class ValueTests(StorageTests):
    """Values come back as they were."""

    def test_a_value_of_every_kind_comes_back_as_it_was(self, store: Storage) -> None:
        """A record is the same after storing; only None is None."""
        thing = Thing(
            **system_values("thing_1"),
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
        shelf = Shelf(**system_values("shelf_1"), name="top")
        with store.write() as change:
            insert(change, SHELF.encode(values_of(shelf)), kind=SHELF)
            insert(change, THING.encode(values_of(thing)))

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
        fill(store, *(a_thing(f"thing_{i:02}", note=text) for i, text in enumerate(texts)))

        assert column_of(store, "note") == texts

    def test_a_megabyte_of_text_comes_back(self, store: Storage) -> None:
        """Long notes and mails are kept whole."""
        text = "0123456789abcdé🚲" * 65536

        fill(store, a_thing("thing_1", note=text, search_text=None))

        assert column_of(store, "note") == [text]

    def test_whole_numbers_of_63_bits_come_back(self, store: Storage) -> None:
        """Not through a float, which has 53."""
        numbers: list[Scalar] = [0, 1, -1, 2**53 + 1, -(2**53) - 1, TOP, -TOP - 1]

        fill(store, *(a_thing(f"thing_{i}", count=number) for i, number in enumerate(numbers)))

        assert column_of(store, "count") == numbers

    def test_decimals_keep_every_digit(self, store: Storage) -> None:
        """Neither rounded nor shown as an exponent."""
        numbers = [
            Decimal("0.1"),
            Decimal("1E+20"),
            Decimal("-12345678901234567890.12345678901234567890"),
            Decimal("1E-30"),
        ]
        rows = [a_thing(f"thing_{i}", **THING.encode({"weight": number})) for i, number in enumerate(numbers)]

        fill(store, *rows)

        with store.read() as view:
            assert [THING.load(row).weight for row in view.find(Query(type="thing"))] == numbers

    def test_moments_keep_their_microsecond_and_lose_only_their_zone(self, store: Storage) -> None:
        """What was said in Mumbai is the same instant in UTC."""
        said = datetime(2026, 3, 29, 7, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))

        fill(store, a_thing("thing_1", **THING.encode({"seen_at": said})))

        with store.read() as view:
            found = THING.load(view.get_many("thing", ["thing_1"])[0]).seen_at
        assert (found, found.isoformat()) == (said, "2026-03-29T02:00:00.000001+00:00")

    def test_broken_characters_are_refused(self, store: Storage) -> None:
        """Half of a surrogate pair is no text; a back end that takes it can't be exported."""
        fill(store, a_thing("thing_1", note="whole"))

        with pytest.raises(RejectedError), store.write() as change:
            insert(change, a_thing("thing_2", note="broken \ud83d"))
        with pytest.raises(RejectedError), store.write() as change:
            change.update("thing", ["thing_1"], [1], {"note": ["\udc80 broken"]})

        assert column_of(store, "note") == ["whole"]

    def test_numbers_beyond_63_bits_are_refused(self, store: Storage) -> None:
        """They are neither rounded nor cut."""
        for number in (TOP + 1, -TOP - 2, 10**30):
            with pytest.raises(RejectedError), store.write() as change:
                insert(change, a_thing("thing_1", count=number))

        assert ids_in(store) == []

    def test_asking_for_broken_characters_finds_nothing(self, store: Storage) -> None:
        """A terminal hands over such text; refusing it is as good as finding nothing."""
        fill(store, a_thing("thing_1", note="x"))
        broken = "x\udc80"

        for value in (broken, "x\0"):
            with suppress(RejectedError), store.read() as view:
                assert view.get_many("thing", ["thing_1" + value[1:], "thing_2"]) == []
            with suppress(RejectedError), store.read() as view:
                assert view.lookup("thing", "note", [value, "y"]) == []
            with suppress(RejectedError), store.read() as view:
                assert view.find(Query(type="thing", where=Compare("note", Op.IN, (value, "y")))) == []
