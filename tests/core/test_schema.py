"""Declaring a record type from a class."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.builtin import builtin_schema
from crmkit.core.checks import parse_values
from crmkit.core.declare import record_type
from crmkit.core.fields import Kind, stored
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record
from crmkit.core.schema import LateType, Schema
from crmkit.core.values import Money
from crmkit.errors import NotFoundError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen(kw_only=True, slots=True)
class Bicycle(Record):
    frame: str
    colour: Colour | None = None
    gears: int | None = None
    folding: bool = False
    weight: Decimal | None = None
    price: Money | None = None
    built_on: date | None = None
    seen_at: datetime | None = None
    parts: Mapping[str, Any] = attrs.field(factory=dict)
    rider_id: str | None = attrs.field(default=None, metadata=stored(references="contact"))


BICYCLE = record_type(Bicycle, name="bicycle", search=("frame",), unique=(("frame",),))
MOMENTS = st.datetimes(timezones=st.just(UTC)) | st.datetimes(timezones=st.just(timezone(timedelta(hours=5))))
BICYCLES = st.builds(
    Bicycle,
    id=st.just("bicycle_1"),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    frame=st.text(min_size=1),
    colour=st.none() | st.sampled_from(Colour),
    gears=st.none() | st.integers(-(2**63), 2**63 - 1),
    folding=st.booleans(),
    weight=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4),
    price=st.none() | st.integers(-(10**15), 10**15).map(lambda minor: Money.from_minor(minor, "EUR")),
    built_on=st.none() | st.dates(),
    seen_at=st.none() | MOMENTS,
    tags=st.lists(st.text(min_size=1), max_size=3).map(lambda words: tuple(sorted(set(words)))),
    parts=st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), max_size=3),
)


@given(bicycle=BICYCLES)
def test_a_record_comes_back_from_its_scalars_as_it_was(bicycle: Bicycle) -> None:
    scalars = BICYCLE.encode({a.name: getattr(bicycle, a.name) for a in BICYCLE.attributes})

    again = BICYCLE.load(tuple(scalars.get(name) for name in BICYCLE.field_names))

    assert again == bicycle
    assert all(value is None or type(value) in (str, int) for value in scalars.values())


@given(moments=st.lists(MOMENTS, min_size=2, max_size=2))
def test_the_order_of_moments_as_text_is_that_of_time(moments: list[datetime]) -> None:
    texts = [BICYCLE.encode({"seen_at": moment})["seen_at"] for moment in moments]

    assert (str(texts[0]) < str(texts[1])) == (moments[0] < moments[1])


def test_a_field_has_the_kind_of_its_annotation_and_money_has_two() -> None:
    kinds = {field.name: field.kind for field in BICYCLE.fields}

    assert kinds["weight"] is Kind.DECIMAL
    assert kinds["folding"] is Kind.BOOLEAN
    assert kinds["parts"] is Kind.JSON
    assert (kinds["price_minor"], kinds["price_currency"]) == (Kind.INTEGER, Kind.TEXT)
    assert BICYCLE.field("rider_id").references == "contact"
    assert BICYCLE.field("frame").required


def test_a_type_that_cannot_be_stored_is_refused_by_name() -> None:
    @attrs.frozen(kw_only=True)
    class Wrong(Record):
        data: bytes

    with pytest.raises(TypeError, match=r"Wrong\.data: crmkit cannot store"):
        record_type(Wrong, name="wrong")


def test_a_misspelt_field_is_not_found_with_a_suggestion() -> None:
    with pytest.raises(NotFoundError) as caught:
        BICYCLE.field("gear")

    assert caught.value.suggestions == ("gears",)


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two record types are called 'bicycle'"):
        Schema((BICYCLE, BICYCLE))


def test_a_type_stands_after_those_it_refers_to() -> None:
    """So that no back end needs references that are checked late."""
    seen: set[str] = set()
    for kind in builtin_schema():
        seen.add(kind.name)
        targets = {field.references for field in kind.references} - {"*", None}
        assert targets <= seen, kind.name


def test_a_late_type_is_known_by_the_names_it_has() -> None:
    schema = builtin_schema()

    named = {name: (late.plural, late.prefix) for name, late in schema.given.items()}

    assert named == {kind.name: (kind.plural, kind.prefix) for kind in schema}


def test_a_late_type_is_loaded_when_somebody_looks_at_it_and_once() -> None:
    loaded: list[str] = []

    def load() -> RecordType:
        loaded.append("bicycle")
        return BICYCLE

    schema = Schema([LateType("bicycle", "bicycles", "bicycle", load)])
    names = (list(schema.types), "bicycle" in schema.types, {*schema.including([]).given})
    before = list(loaded)

    found = (schema["bicycle"], schema.named("bicycles"), schema.type_of("bicycle_1"), *schema)

    assert (before, loaded, set(found)) == ([], ["bicycle"], {BICYCLE})
    assert names == (["bicycle"], True, {"bicycle"})


def test_ids_tell_their_type() -> None:
    schema = builtin_schema()

    assert [schema.type_of(f"{kind.prefix}_1") for kind in schema] == list(schema)
    with pytest.raises(NotFoundError):
        schema.type_of("nonsense")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("gears", "three", "gears is not a whole number"),
        ("gears", str(2**63), "gears is too large for a whole number"),
        ("weight", 1.5, "weight must not be a float"),
        ("weight", "NaN", "weight is not a finite number"),
        ("built_on", "31/01/2026", "built_on is not a day such as 2026-01-31"),
        ("seen_at", "2026-01-31T09:30", "seen_at has no time zone"),
        ("colour", "green", "colour must be one of red, blue"),
        ("frame", "\ud800", "frame holds a broken character"),
        ("frame", "a\0b", "frame holds a NUL character"),
        ("frame", "", "frame may not be empty"),
        ("id", "bicycle_2", "id of a bicycle cannot be set by an edit"),
        ("frmae", "x", "a bicycle has no field 'frmae'; did you mean frame?"),
    ],
)
def test_wrong_input_is_explained(name: str, value: object, problem: str) -> None:
    _, problems = parse_values(BICYCLE, {name: value})

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_texts_are_read_as_a_form_would_read_them() -> None:
    values, problems = parse_values(
        BICYCLE, {"gears": "21", "folding": "yes", "price": "1 234,50 EUR", "tags": "b, a", "colour": None}
    )

    assert problems == []
    assert values == {
        "gears": 21,
        "folding": True,
        "price": Money.from_minor(123450, "EUR"),
        "tags": ("a", "b"),
        "colour": None,
    }
