"""Columns without a name, or with one that nobody knows, are told by their values."""

from __future__ import annotations

import pytest

from crmkit.core.ports.sources import Reading, ReadingOptions
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.plugins.builtin.format_importers import format_importers
from crmkit.services.sources import BytesSource
from tests.workbooks import a_workbook


def read(text: str) -> Reading:
    return CsvImporter().read(BytesSource("people.csv", text.encode()), ReadingOptions())


def columns(reading: Reading) -> dict[str, list[object]]:
    (batch,) = reading.batches
    return {name: list(values) for name, values in batch.columns.items()}


def test_a_table_without_a_header_is_read_by_its_values() -> None:
    reading = read(
        "Jules,ETIENNE,jules@x.example,01 42 68 53 00,Acme SAS,France\n"
        "Anne-Marie,LE GOFF,anna@x.example,06 12 34 56 78,Beta,Belgique\n"
    )

    assert columns(reading) == {
        "first_name": ["Jules", "Anne-Marie"],
        "last_name": ["ETIENNE", "LE GOFF"],
        "email": ["jules@x.example", "anna@x.example"],
        "phone": ["01 42 68 53 00", "06 12 34 56 78"],
        "company": ["Acme SAS", "Beta"],
        "country": ["France", "Belgique"],
    }
    assert ("column 'column_3'", "email") in {(each.what, each.value) for each in reading.findings}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "ROTH;Anna;a@x.example\nBERG;Paul;p@x.example\n",
            {"last_name": ["ROTH", "BERG"], "first_name": ["Anna", "Paul"]},
        ),
        ("Anna Roth;a@x.example\nPaul van Berg;p@x.example\n", {"full_name": ["Anna Roth", "Paul van Berg"]}),
        (
            "a@x.example;https://x.example\nb@x.example;www.y.example\n",
            {"website": ["https://x.example", "www.y.example"]},
        ),
        ("a@x.example\nb@x.example\n", {}),
        ("Roth;a@x.example\nBerg;p@x.example\n", {"full_name": ["Roth", "Berg"]}),
    ],
)
def test_names_are_told_where_there_is_an_address(text: str, expected: dict[str, list[object]]) -> None:
    found = columns(read(text))

    assert len(found.pop("email")) == 2
    assert found == expected


def test_words_alone_are_nobody() -> None:
    assert columns(read("Pear,Green\nApple,Red\n")) == {
        "extra": [{"column_1": "Pear", "column_2": "Green"}, {"column_1": "Apple", "column_2": "Red"}]
    }


def test_under_a_header_in_strange_words_addresses_and_full_numbers_are_told() -> None:
    reading = read("Imie;Poczta;Telefonas;Numer\nAnna;anna@x.example;+48 601 234 567;0601234567\n")

    assert columns(reading) == {
        "email": ["anna@x.example"],
        "phone": ["+48 601 234 567"],
        "extra": [{"Imie": "Anna", "Numer": "0601234567"}],
    }


def test_a_column_that_is_known_is_not_told_anew() -> None:
    reading = read("Name,Email,Manager\nAnn Lee,ann@x.example,bob@x.example\n")

    assert columns(reading)["extra"] == [{"Manager": "bob@x.example"}]


def test_a_day_is_no_phone_number() -> None:
    assert "phone" not in columns(read("a@x.example;2026-01-31\nb@x.example;01/02/2026\n"))


def test_rejected_rows_of_a_table_without_a_header_are_read_like_it() -> None:
    reading = read("column_1;column_2;crmkit_line;crmkit_reason\nAnna Roth;a@x.example;3;because\n")

    assert columns(reading)["full_name"] == ["Anna Roth"]


def test_a_sheet_without_a_header_is_read_by_its_values_too() -> None:
    spreadsheet = next(each for each in format_importers() if each.name == "spreadsheet")
    book = a_workbook({"A": [["Anna Roth", "a@x.example"]], "B": [["Paul Berg", "p@x.example"]]})

    batches = spreadsheet.read(BytesSource("people.xlsx", book), ReadingOptions()).batches

    assert [name for batch in batches for name in batch.columns["full_name"]] == ["Anna Roth", "Paul Berg"]
