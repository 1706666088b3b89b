"""Workbooks with several sheets: each that is known is read, and the others are named."""

from __future__ import annotations

import pytest

from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import ReadingOptions
from crmkit.errors import RejectedError, UnreadableError
from crmkit.plugins.builtin.importers import builtin_importers
from crmkit.services.importing import import_leads
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace
from tests.import_samples import records, with_importers
from tests.workbooks import Value, a_workbook, a_zip

Sheets = dict[str, list[list[Value]]]

LEADS: list[list[Value]] = [["Record Id", "Lead Owner", "Last Name", "Email"], ["z1", "Bob", "Lee", "ann@x.example"]]
CONTACTS: list[list[Value]] = [
    ["Record Id", "Contact Owner", "Last Name", "Email"],
    ["z2", "Bob", "Doe", "cid@x.example"],
]
PLAIN: list[list[Value]] = [["Name", "Email"], ["Eve Roe", "eve@x.example"]]
PROSE: list[list[Value]] = [["How to use this file"], ["Ask Bob."]]


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, *builtin_importers())


def take(crm: Workspace, sheets: Sheets, **options: object) -> ImportReport:
    source = BytesSource("book.xlsx", a_workbook(sheets))
    return import_leads(crm, source, options=ReadingOptions(**options)).value  # type: ignore[arg-type]  # as given


def names(crm: Workspace) -> set[str]:
    return {lead.last_name for lead in records(crm, "lead")}


def found(report: ImportReport, what: str) -> dict[str, str]:
    return {each.value: each.evidence for each in report.findings if each.what == what}


def test_a_named_importer_reads_every_sheet_that_it_knows_and_names_the_others(crm: Workspace) -> None:
    report = take(crm, {"Leads": LEADS, "Contacts": CONTACTS, "Guests": PLAIN, "Read me": PROSE})

    assert (report.importer, names(crm)) == ("zoho", {"Lee", "Doe"})
    assert list(found(report, "sheet")) == ["Leads", "Contacts"]
    assert found(report, "left out") == dict.fromkeys(
        ("Guests", "Read me"), "its columns are not those of zoho; --sheet reads it alone"
    )


def test_the_only_sheet_that_an_importer_knows_is_read_as_if_there_were_no_other(crm: Workspace) -> None:
    report = take(crm, {"Read me": PROSE, "Leads": [*LEADS, ["z3", "", "", "fox@"]]})

    assert (report.importer, names(crm)) == ("zoho", {"Lee"})
    assert found(report, "sheet") == {"Leads": "the only one with the columns that are needed"}
    assert list(found(report, "left out")) == ["Read me"]
    assert report.problems[0].reason.startswith("'fox@' is no e-mail address")


def test_who_reads_a_workbook_is_decided_by_the_sheet_whose_header_says_most(crm: Workspace) -> None:
    wide: list[list[Value]] = [["Name", "E-mail", "City", "Phone", "Notes", "Tags"], ["Eve Roe", "e@x.example"]]

    report = take(crm, {"Guests": wide, "Leads": LEADS})

    assert (report.importer, names(crm)) == ("spreadsheet", {"Roe", "Lee"})


def test_a_sheet_that_is_asked_for_is_read_alone(crm: Workspace) -> None:
    report = take(crm, {"Leads": LEADS, "Contacts": CONTACTS}, sheet="2")

    assert (report.read, names(crm)) == (1, {"Doe"})


def test_a_problem_says_on_which_sheet_it_is(crm: Workspace) -> None:
    broken: list[list[Value]] = [*CONTACTS, ["z3", "Bob", "Fox", "fox@"]]

    report = take(crm, {"Leads": LEADS, "Contacts": broken})

    assert [row.reason.partition(":")[0] for row in report.problems] == ["Contacts, line 3"]


def test_a_mapping_speaks_of_the_sheets_that_have_its_columns(crm: Workspace) -> None:
    guests: list[list[Value]] = [["Name", "Email", "Haus"], ["Eve Roe", "eve@x.example", "Acme"]]
    staff: list[list[Value]] = [["Name", "Email"], ["Bob Fox", "bob@x.example"]]

    take(crm, {"Guests": guests, "Staff": staff}, mapping={"Haus": "company"})

    assert {lead.last_name: lead.company for lead in records(crm, "lead")} == {"Roe": "Acme", "Fox": None}


def test_a_mapping_of_a_column_that_no_sheet_has_is_refused(crm: Workspace) -> None:
    with pytest.raises(RejectedError, match="there is no column 'House'"):
        take(crm, {"Guests": PLAIN, "More": PLAIN}, mapping={"House": "company"})


def test_a_mapping_speaks_of_the_files_in_an_archive_that_have_its_columns(crm: Workspace) -> None:
    files = {"a.csv": "Name,Email,Haus\nEve Roe,eve@x.example,Acme\n", "b.csv": "Name,Email\nBob Fox,bob@x.example\n"}

    options = ReadingOptions(mapping={"Haus": "company"})
    import_leads(crm, BytesSource("all.zip", a_zip(files)), options=options)

    assert {lead.last_name: lead.company for lead in records(crm, "lead")} == {"Roe": "Acme", "Fox": None}


def test_of_sheets_that_all_list_nobody_each_row_is_accounted_for(crm: Workspace) -> None:
    fruit: list[list[Value]] = [["Item", "Amount"], ["Pear", 2], ["Apple", 3]]

    report = take(crm, {"One": fruit, "Two": fruit[:2]})

    assert (report.read, report.rejected) == (3, 3)
    assert found(report, "sheet")["Two"].startswith("its header names no people")


def test_errors_of_formulas_are_empty_cells(crm: Workspace) -> None:
    rows: list[list[Value]] = [["Name", "Email", "Company"], ["#N/A", "ann@x.example", "#REF!"]]

    take(crm, {"Leads": rows})

    (lead,) = records(crm, "lead")
    assert (lead.last_name, lead.company, lead.extra) == (None, None, {})


def test_a_sheet_is_known_by_the_header_below_the_title_of_its_section(crm: Workspace) -> None:
    attendees: list[list[Value]] = [
        ["Attendee Report"],
        ["Host Details"],
        ["Attended", "User Name (Original Name)", "Email", "Join Time"],
        ["Yes", "Bob Host", "bob@x.example", "10:00"],
        ["Attendee Details"],
        ["Attended", "User Name (Original Name)", "Email", "Join Time"],
        ["Yes", "Ann Lee", "ann@x.example", "10:05"],
    ]
    report = take(crm, {"Info": PROSE, "Report": attendees})

    assert (report.importer, names(crm)) == ("zoom", {"Lee"})
    assert list(found(report, "left out")) == ["Info"]


def test_an_importer_that_knows_no_sheet_says_what_is_missing(crm: Workspace) -> None:
    source = BytesSource("book.xlsx", a_workbook({"Guests": PLAIN, "More": PLAIN}))

    with pytest.raises(UnreadableError, match="there is no column 'Record Id'"):
        import_leads(crm, source, importer="zoho")
