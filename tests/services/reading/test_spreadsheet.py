"""Workbooks as tables: which sheet, which header, what is in a cell."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from crmkit.core.drafts import DraftBatch
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions
from crmkit.errors import NotFoundError, UnreadableError
from crmkit.plugins.builtin.format_importers import format_importers
from crmkit.services.reading.spreadsheet import _text
from crmkit.services.sources import BytesSource
from crmkit.services.tabular import RowKind, Table, open_table
from tests.workbooks import Value, a_workbook, sheet_xml

PEOPLE: list[list[Value]] = [["Name", "Email", "Phone"], ["Ann Lee", "ann@x.fr", 33612345678.0]]
PROSE: list[list[Value]] = [["How to fill this in"], ["Put the name of the company first."]]


def words(cell: str) -> bool:
    return cell.strip().lower() in {"name", "email", "phone", "company", "created date"}


def table(data: bytes, **options: object) -> Table:
    return open_table(BytesSource("leads.xlsx", data), ReadingOptions(**options), known=words)  # type: ignore[arg-type]  # as given


def rows(opened: Table) -> list[tuple[int, list[str]]]:
    return [(row.line, list(row.cells)) for row in opened.rows() if row.kind is RowKind.DATA]


def spreadsheet() -> Importer:
    return next(each for each in format_importers() if each.name == "spreadsheet")


def read(data: bytes, **options: object) -> Reading:
    return spreadsheet().read(BytesSource("leads.xlsx", data), ReadingOptions(**options))  # type: ignore[arg-type]  # as given


def found(opened: Table | Reading) -> dict[str, str]:
    return {finding.what: finding.value for finding in opened.findings}


def test_the_sheet_whose_header_says_most_is_read_and_the_others_are_named() -> None:
    opened = table(a_workbook({"Readme": PROSE, "Leads": PEOPLE, "Lists": [["Status"]]}, hidden=["Lists"]))

    assert rows(opened) == [(2, ["Ann Lee", "ann@x.fr", "33612345678"])]
    assert found(opened) == {
        "format": "workbook",
        "sheet": "Leads",
        "header": "line 1",
        "other sheets": "Readme",
        "hidden sheets": "Lists",
    }


@pytest.mark.parametrize("wanted", ["old", "OLD", "2"])
def test_another_sheet_is_read_when_it_is_asked_for_by_name_or_number(wanted: str) -> None:
    book = a_workbook({"New": PEOPLE, "Old": [["Name"], ["Bob"]]}, hidden=["Old"])

    assert rows(table(book, sheet=wanted)) == [(2, ["Bob"])]


def test_a_sheet_that_is_not_there_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        table(a_workbook({"Leads": PEOPLE, "Old": PEOPLE}), sheet="Leeds")

    assert caught.value.suggestions == ("Leads",)
    assert "Leads, Old" in caught.value.hint


def test_the_header_need_not_be_in_the_first_row() -> None:
    title: list[list[Value]] = [["Export of leads"], [], ["By", "Ann"], []]

    opened = table(a_workbook({"Leads": [*title, *PEOPLE, ["Total", 1]]}))

    assert (opened.header, rows(opened)) == (
        ("Name", "Email", "Phone"),
        [(6, ["Ann Lee", "ann@x.fr", "33612345678"])],
    )


def test_a_bare_number_is_a_day_where_the_header_speaks_of_days() -> None:
    opened = table(
        a_workbook({"Leads": [["Name", "Created Date", "Budget"], ["Ann", 45306, 45306], ["Bob", 45306.5, 1]]})
    )

    assert rows(opened) == [(2, ["Ann", "2024-01-15", "45306"]), (3, ["Bob", "2024-01-15 12:00:00", "1"])]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (60610.0, "60610"),
        (9876543210.0, "9876543210"),
        (0.1 + 0.2, "0.3"),
        (1000.5, "1000.5"),
        (1e300, "1e+300"),
        (7, "7"),
        (True, "true"),
        (date(2024, 1, 15), "2024-01-15"),
        (datetime(2024, 1, 15), "2024-01-15"),  # noqa: DTZ001  # a spreadsheet has no time zone
        (datetime(2024, 1, 15, 9, 30), "2024-01-15 09:30:00"),  # noqa: DTZ001  # likewise
        (time(9, 30), "09:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
    ],
)
def test_a_value_is_written_as_a_person_would(value: object, text: str) -> None:
    assert _text(value) == text


def test_errors_and_formulas_without_a_result_are_empty() -> None:
    opened = table(a_workbook({"Leads": [["Name", "Email", "Phone"], ["Ann", "#N/A", "=A1"]]}))

    assert rows(opened) == [(2, ["Ann", "", ""])]


def test_rows_that_are_only_formatted_are_no_rows() -> None:
    sheet = sheet_xml(PEOPLE).replace("</sheetData>", '<row r="1048576"><c r="A1048576" s="1"/></row></sheetData>')

    assert len(list(table(a_workbook({"Leads": sheet})).rows())) == 1


def test_a_workbook_without_rows_is_refused() -> None:
    with pytest.raises(UnreadableError, match="has no rows"):
        table(a_workbook({"Leads": []}))


HTML = """<html><body><table><tr><th>Name</th><th>Email</th></tr>
<tr><td>Zoé&nbsp;M&uuml;ller</td><td>z@x.fr</td></tr></table>"""
EXCEL = """<?xml version="1.0"?><Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="Leads"><Table>
<Row><Cell><Data>Name</Data></Cell><Cell ss:Index="3"><Data>Email</Data></Cell></Row>
<Row><Cell><Data>Zoé Müller</Data></Cell><Cell ss:Index="3"><Data>z@x.fr</Data></Cell></Row>
</Table></Worksheet></Workbook>"""
ODOO = """<odoo><record id="1" model="crm.lead">
<field name="Name">Zoé Müller</field><field name="Email">z@x.fr</field></record></odoo>"""


@pytest.mark.parametrize(
    "text",
    [HTML, EXCEL, ODOO],
    ids=["HTML", "Excel's XML", "Odoo's XML"],
)
def test_markup_that_calls_itself_a_workbook_is_read_as_what_it_is(text: str) -> None:
    opened = open_table(BytesSource("leads.xls", text.encode()), ReadingOptions(), known=words)

    (row,) = opened.rows()
    assert (row["Name"], row["Email"]) == ("Zoé Müller", "z@x.fr")


def test_of_a_workbook_every_sheet_with_people_is_read() -> None:
    book = a_workbook({"2024": PEOPLE, "Help": PROSE, "2025": [["Email", "Company"], ["bob@x.fr", "Roe"]]})

    reading = read(book)
    batches: list[DraftBatch] = list(reading.batches)

    assert reading.header == ("Name", "Email", "Phone", "Company")
    assert [cells for batch in batches for cells in batch.cells] == [
        ["Ann Lee", "ann@x.fr", "33612345678", ""],
        ["", "bob@x.fr", "", "Roe"],
    ]
    assert [email for batch in batches for email in batch.columns["email"]] == ["ann@x.fr", "bob@x.fr"]
    assert reading.place is not None
    assert [reading.place(line) for batch in batches for line in batch.lines] == ["2024, line 2", "2025, line 2"]


def test_one_sheet_is_read_alone_when_it_is_asked_for() -> None:
    reading = read(a_workbook({"2024": PEOPLE, "2025": PEOPLE}), sheet="2025")

    assert (found(reading)["sheet"], reading.place) == ("2025", None)
