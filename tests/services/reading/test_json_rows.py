"""JSON of every shape, to records of texts."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from crmkit.services.reading.json_rows import read
from crmkit.services.reading.limits import Limits, Refusal

ANN = {"name": "Ann Lee", "email": "ann@x.fr"}


def records(value: Any) -> list[dict[str, str]]:
    frames = read(BytesIO(json.dumps(value).encode()), Limits())
    return [record for frame in frames for _, record, fault in frame["records"] if not fault]


@pytest.mark.parametrize(
    "value",
    [
        [ANN],
        ANN,
        {"data": [ANN]},
        {"leads": [ANN], "total": 1},
        {"result": {"items": [ANN]}},
        {"whatever": [ANN], "next": None},
        [["name", "email"], ["Ann Lee", "ann@x.fr"]],
    ],
)
def test_records_are_found_in_any_wrapper(value: Any) -> None:
    assert records(value) == [ANN]


def test_what_lies_within_is_flattened_and_values_become_texts() -> None:
    person = {"a": {"b": {"c": 1}}, "d": [1, True, None], "e": 1.50, "f": False, "g": {}, "h": [{"x": 1}, {"x": 2}]}

    assert records([person]) == [{"a.b.c": "1", "d": "1, true, ", "e": "1.5", "f": "false", "h.1.x": "1", "h.2.x": "2"}]


@pytest.mark.parametrize(
    "answers",
    [
        {"field_data": [{"name": "email", "values": ["ann@x.fr"]}, {"name": "full_name", "values": ["Ann Lee"]}]},
        {"fields": [{"label": "email", "value": "ann@x.fr"}, {"label": "full_name", "value": "Ann Lee"}]},
        {
            "user_column_data": [
                {"column_id": "EMAIL", "column_name": "email", "string_value": "ann@x.fr"},
                {"column_id": "FULL_NAME", "column_name": "full_name", "string_value": "Ann Lee"},
            ]
        },
        {
            "form_response": {
                "definition": {"fields": [{"id": "1", "title": "email"}, {"id": "2", "title": "full_name"}]},
                "answers": [
                    {"type": "email", "email": "ann@x.fr", "field": {"id": "1"}},
                    {"type": "text", "text": "Ann Lee", "field": {"id": "2"}},
                ],
            }
        },
    ],
)
def test_lists_of_answers_become_what_was_asked(answers: dict[str, Any]) -> None:
    (record,) = records([answers])

    assert (record["email"], record["full_name"]) == ("ann@x.fr", "Ann Lee")


def test_lines_are_numbered_as_in_the_text_and_broken_ones_are_kept() -> None:
    data = b'{"email": "a@x.fr"}\n\n{"email": \n[1]\n{"email": "b@x.fr"},\n'

    (frame,) = read(BytesIO(data), Limits(), lines=True)

    assert [(line, fault.partition(" (")[0]) for line, _, fault in frame["records"]] == [
        (1, ""),
        (3, "is no JSON"),
        (4, "is no JSON object"),
        (5, ""),
    ]
    assert frame["records"][1][1] == {"JSON": '{"email":'}


@pytest.mark.parametrize("data", [b"[", b"1", b'"text"', b"{]"])
def test_what_holds_no_records_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal):
        list(read(BytesIO(data), Limits()))


def test_columns_are_a_table_too() -> None:
    assert records({"name": ["Ann Lee", "Bob"], "email": ["ann@x.fr", None]}) == [ANN, {"name": "Bob", "email": ""}]
    assert records({"name": ["Ann", "Lee"], "emails": ["ann@x.fr"]}) == [{"name": "Ann, Lee", "emails": "ann@x.fr"}]
