"""The record types that the contract tests store: every kind of field, and nothing from sales."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.declarations import fields_of, type_of
from crmkit.core.declare import custom_fields, custom_record, record_type
from crmkit.core.fields import Scalar, stored
from crmkit.core.records import Record
from crmkit.core.schema import Schema
from crmkit.core.values.money import Money
from crmkit.core.values.text import fold

__all__ = [
    "LARGER",
    "SCHEMA",
    "SHELF",
    "THING",
    "Colour",
    "Crate",
    "Marking",
    "Shelf",
    "Thing",
    "a_crate",
    "a_shelf",
    "a_thing",
]


class Colour(enum.Enum):
    """A closed set."""

    RED = "red"
    GREEN = "green"


@attrs.frozen(kw_only=True, slots=True)
class Shelf(Record):
    """Where things are."""

    name: str


@attrs.frozen(kw_only=True, slots=True)
class Thing(Record):
    """One attribute of every kind, all but the name optional.

    Attributes:
        name: What it is; searched, like the note.
        code: Unique by itself.
        realm: With the number: unique together.
        shelf_id: A reference to another type.
        part_of_id: A reference to its own type.
    """

    name: str
    note: str | None = None
    count: int | None = attrs.field(default=None, metadata=stored(indexed=True))
    weight: Decimal | None = None
    price: Money | None = None
    seen_at: datetime | None = None
    made_on: date | None = None
    fragile: bool | None = None
    colour: Colour | None = None
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    code: str | None = attrs.field(default=None, metadata=stored(indexed=True))
    realm: str | None = None
    number: int | None = None
    shelf_id: str | None = attrs.field(default=None, metadata=stored(references="shelf"))
    part_of_id: str | None = attrs.field(default=None, metadata=stored(references="thing"))


SHELF = record_type(Shelf, name="shelf", plural="shelves")
THING = record_type(Thing, name="thing", unique=[("code",), ("realm", "number")], search=["name", "note"])
SCHEMA = Schema((SHELF, THING))


@custom_fields("thing")
class Marking:
    """What a plugin adds to things."""

    ink: str | None = attrs.field(default=None, metadata=stored(indexed=True))
    width: Decimal | None = None
    price: Money | None = None
    copies: int = 1


@custom_record("crate", search=("name",))
class Crate(Record):
    """What a plugin brings besides."""

    name: str
    thing_id: str | None = attrs.field(default=None, metadata=stored(references="thing"))


LARGER = Schema((SHELF, THING.extended(fields_of(Marking)), type_of(Crate)))
"""The same with what a plugin declares, which may be absent tomorrow."""

_LONG_AGO = moment_text(datetime(2026, 1, 1, tzinfo=UTC))


def a_thing(id: str, **scalars: Scalar) -> dict[str, Scalar]:
    """Return the scalars of a thing, complete but for what is not given."""
    thing = {**THING.defaults(), **_system(id), "name": id, **scalars}
    if "search_text" not in thing:
        thing["search_text"] = fold(f"{thing['name']} {thing['note'] or ''}")
    return thing


def a_shelf(id: str, **scalars: Scalar) -> dict[str, Scalar]:
    """Return the scalars of a shelf."""
    return {**SHELF.defaults(), **_system(id), "name": id, **scalars}


def a_crate(id: str, **scalars: Scalar) -> dict[str, Scalar]:
    """Return the scalars of a crate."""
    return {**type_of(Crate).defaults(), **_system(id), "name": id, "search_text": id, **scalars}


def _system(id_: str) -> dict[str, Scalar]:
    return {"id": id_, "version": 1, "created_at": _LONG_AGO, "updated_at": _LONG_AGO, "operation_id": ""}
