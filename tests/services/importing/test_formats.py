"""The importers of formats, through a whole import."""

from __future__ import annotations

import json

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

CARD = "BEGIN:VCARD\nVERSION:3.0\nN:Lee;Ann\nEMAIL:ann@x.fr\nEND:VCARD\n"
MAIL = "From: Ann Lee <ann@x.fr>\nSubject: Hello\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nHi\n"
TABLE = "Name,Email\nAnn Lee,ann@x.fr\n"
BOOK = a_workbook({"Leads": [["Name", "Email"], ["Ann Lee", "ann@x.fr"]]})


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, *builtin_importers())


def take(crm: Workspace, name: str, data: bytes | str, **options: object) -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    told = ReadingOptions(**options)  # type: ignore[arg-type]  # as given
    return import_leads(crm, BytesSource(name, raw), options=told).value


@pytest.mark.parametrize(
    ("data", "importer"),
    [
        (TABLE, "csv"),
        (BOOK, "spreadsheet"),
        ("<table><tr><td>Name<td>Email</tr><tr><td>Ann Lee<td>ann@x.fr</tr></table>", "spreadsheet"),
        (CARD, "vcard"),
        (CARD.encode("utf-16"), "vcard"),
        (MAIL, "mail"),
        (f"From ann@x.fr Mon Jan  1 10:00:00 2024\n{MAIL}", "mail"),
        ('[{"name": "Ann Lee", "email": "ann@x.fr"}]', "json"),
        ('{"name": "Ann Lee", "email": "ann@x.fr"}\n{"name": "", "email": ""}\n', "json"),
        ("dn: cn=Ann Lee\nobjectclass: person\ngivenName: Ann\nsn: Lee\nmail: ann@x.fr\n", "entries"),
        ("Name: Ann Lee\nEmail: ann@x.fr\n\nName: \nEmail: \n", "entries"),
        (a_zip({"a.csv": TABLE}), "zip"),
    ],
)
@pytest.mark.parametrize("name", ["leads", "leads.csv", "standard input"])
def test_every_format_is_known_by_its_content_whatever_its_name(
    crm: Workspace, name: str, data: bytes | str, importer: str
) -> None:
    report = take(crm, name, data)

    (lead,) = records(crm, "lead")
    assert (report.importer, lead.first_name, lead.last_name, lead.email) == (importer, "Ann", "Lee", "ann@x.fr")


def test_a_named_importer_knows_its_export_as_a_workbook_too(crm: Workspace) -> None:
    columns = ["First Name", "Last Name", "URL", "Email Address", "Company", "Position", "Connected On"]
    row = ["Ann", "Lee", "https://www.linkedin.com/in/ann", "ann@x.fr", "Hospy", "CEO", "12 Mar 2024"]

    report = take(crm, "Connections.xlsx", a_workbook({"Connections": [columns, row]}))

    assert report.importer.startswith("linkedin")
    assert [lead.title for lead in records(crm, "lead")] == ["CEO"]


def test_several_mails_of_one_person_become_one_lead_with_all_of_it_in_the_notes(crm: Workspace) -> None:
    separator = "From ann@x.fr Mon Jan  1 10:00:00 2024\n"
    again = MAIL.replace("Hello", "Again").replace("Hi", "Call me")

    report = take(crm, "box.mbox", f"{separator}Message-ID: <1@x>\n{MAIL}\n{separator}Message-ID: <2@x>\n{again}")

    (lead,) = records(crm, "lead")
    assert (report.read, lead.source_id) == (2, "1@x")
    assert "Hello" in lead.notes
    assert "Call me" in lead.notes


def test_a_bounce_is_ignored_and_says_why(crm: Workspace) -> None:
    bounce = "From x@x.fr Mon Jan  1 10:00:00 2024\nFrom: MAILER-DAEMON@x.fr\nSubject: no\n\nHi\n\n"

    report = take(crm, "box.mbox", f"{bounce}From ann@x.fr Mon Jan  1 10:00:00 2024\n{MAIL}")

    assert [(row.outcome.value, row.reason) for row in report.problems] == [("ignored", "a bounce")]


def test_names_within_objects_are_read_by_their_last_word(crm: Workspace) -> None:
    person = {"id": "7", "properties": {"firstname": "Ann", "lastname": "Lee", "email": "ann@x.fr", "city": "Lyon"}}

    take(crm, "contacts.json", json.dumps({"results": [person]}))

    (lead,) = records(crm, "lead")
    assert (lead.first_name, lead.last_name, lead.email, lead.city) == ("Ann", "Lee", "ann@x.fr", "Lyon")


def test_a_name_that_turns_up_late_is_kept_under_its_name(crm: Workspace) -> None:
    lines = [json.dumps({"email": f"p{number}@x.fr"}) for number in range(1500)]

    take(crm, "late.jsonl", "\n".join([*lines, '{"email": "late@x.fr", "Budget": "5 kEUR"}']))

    (late,) = [lead for lead in records(crm, "lead") if lead.email == "late@x.fr"]
    assert late.extra == {"Budget": "5 kEUR"}


@pytest.mark.parametrize(("data", "valid"), [(CARD, False), (CARD.replace("END:", "ADR:;;;Lyon;;;France\nEND:"), True)])
def test_names_of_properties_say_nothing_of_where_a_phone_is(crm: Workspace, data: str, *, valid: bool) -> None:
    take(crm, "card.vcf", data.replace("N:Lee", "TEL:06 12 34 56 78\nN:Lee").replace("x.fr", "x.example"))

    (lead,) = records(crm, "lead")
    assert lead.phone == ("+33612345678" if valid else None)
    assert lead.extra == ({} if valid else {"phone": "06 12 34 56 78"})


def test_the_user_says_what_a_property_means(crm: Workspace) -> None:
    card = CARD.replace("END:VCARD", "X-ASSISTANT:Bob\nEND:VCARD")

    take(crm, "card.vcf", card, mapping={"X-ASSISTANT": "company"})

    assert [lead.company for lead in records(crm, "lead")] == ["Bob"]


def test_the_files_of_an_archive_are_read_each_by_its_importer(crm: Workspace) -> None:
    files: dict[str, str | bytes] = {
        "2024/leads.csv": "Email;Nom\nann@x.fr;Lee\nroe@;\n",
        "cards.vcf": CARD.replace("ann", "bob"),
        "book.xlsx": a_workbook({"Leads": [["Company", "Email"], ["Doe AG", "cid@x.fr"]]}),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "__MACOSX/._leads.csv": b"\0\0",
        "broken.xlsx": BOOK[:500],
    }

    report = take(crm, "all.zip", a_zip(files))

    assert sorted(lead.email for lead in records(crm, "lead")) == ["ann@x.fr", "bob@x.fr", "cid@x.fr"]
    assert [(row.line, row.reason.partition(":")[0]) for row in report.problems] == [
        (3, "leads.csv, line 3"),
        (7, "broken.xlsx, line 1"),
    ]
    assert [each.value for each in report.findings if each.what == "file"] == [
        "leads.csv",
        "cards.vcf",
        "book.xlsx",
        "broken.xlsx",
    ]
    assert [each.value for each in report.findings if each.what == "left out"] == ["picture.png"]


def test_the_same_archive_again_changes_nothing(crm: Workspace) -> None:
    data = a_zip({"a.csv": TABLE, "b.vcf": CARD.replace("ann", "bob")})
    take(crm, "all.zip", data)

    report = take(crm, "all.zip", data)

    assert report.operation_id is None
    assert {outcome.value: count for outcome, count in report.outcomes.items() if count} == {"unchanged": 2}


@pytest.mark.parametrize("files", [{}, {"readme.png": b"\x89PNG\r\n\x1a\n"}, {"inner.zip": a_zip({"a.csv": TABLE})}])
def test_an_archive_without_a_file_of_leads_is_refused(crm: Workspace, files: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableError, match="holds no file that can be imported"):
        take(crm, "none.zip", a_zip(files))


def test_rows_that_are_mostly_nobody_stop_the_import_of_a_workbook(crm: Workspace) -> None:
    nobodies: list[list[Value]] = [[None, f"no{number}"] for number in range(20)]
    rows: list[list[Value]] = [["Name", "Email"], *nobodies]

    with pytest.raises(RejectedError, match="20 of the first 20 rows"):
        take(crm, "wrong.xlsx", a_workbook({"Leads": rows}))
