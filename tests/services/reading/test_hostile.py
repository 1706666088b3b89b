"""Files made to do harm: each ends in a clear error or a reported row, with the store as it was."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import ReadingOptions
from crmkit.errors import CrmkitError, UnreadableError
from crmkit.plugins.builtin.importers import builtin_importers
from crmkit.services.importing import import_leads
from crmkit.services.reading import apart
from crmkit.services.reading.apart import read_apart
from crmkit.services.reading.limits import Limits
from crmkit.services.reading.spreadsheet import read as read_spreadsheet
from crmkit.services.sources import BytesSource
from crmkit.services.tabular import open_table
from crmkit.services.workspace import Workspace
from tests.import_samples import dump, records, with_importers
from tests.workbooks import Value, a_workbook, a_zip, sheet_xml

HEADER = "Name,Email"


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, *builtin_importers())


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    """This process may not grow: what a file costs, it costs the child."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert grown_mb < 150


def take(crm: Workspace, name: str, data: bytes) -> ImportReport:
    return import_leads(crm, BytesSource(name, data)).value


def refuse(crm: Workspace, name: str, data: bytes) -> str:
    """Import what must be refused, and return why."""
    before = dump(crm)

    with pytest.raises(CrmkitError) as caught:
        take(crm, name, data)

    assert dump(crm) == before
    assert caught.value.hint
    return str(caught.value)


# ------------------------------------------------------------------ workbooks


def test_a_sheet_that_unpacks_to_hundreds_of_times_its_length_is_refused(crm: Workspace) -> None:
    row = "<row><c t='inlineStr'><is><t>" + "A" * 1000 + "</t></is></c></row>"
    sheet = sheet_xml([]).replace("<sheetData>", "<sheetData>" + row * 60_000)

    reason = refuse(crm, "bomb.xlsx", a_workbook({"Leads": sheet}))

    assert "times its length" in reason


def test_a_sheet_whose_last_cell_is_the_last_there_can_be_is_refused(crm: Workspace) -> None:
    sheet = sheet_xml([["Name", "Email"], ["Ann", "ann@x.fr"]]).replace(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )

    reason = refuse(crm, "dimension.xlsx", a_workbook({"Leads": sheet}))

    assert "memory" in reason or "cells" in reason


def test_such_a_sheet_is_refused_by_counting_where_memory_cannot_be_limited() -> None:
    sheet = '<worksheet><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    reading = read_spreadsheet(BytesIO(a_workbook({"Leads": sheet})), Limits(), is_limited=False)

    with pytest.raises(Exception, match="1,048,576 × 16,384 cells"):
        next(reading)


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        '<!ENTITY i SYSTEM "file:///etc/passwd">',
        '<!ENTITY i SYSTEM "http://127.0.0.1:9/">',
    ],
    ids=["billion laughs", "file", "network"],
)
def test_entities_in_the_xml_of_a_sheet_are_never_resolved(crm: Workspace, entities: str) -> None:
    sheet = sheet_xml([["Name", "Email"], ["Ann", "ann@x.fr"], ["&i;", "eve@x.fr"]]).replace("&amp;i;", "&i;")
    data = a_workbook({"Leads": f"<!DOCTYPE worksheet [{entities}]>{sheet}"})
    before = dump(crm)

    try:
        take(crm, "entities.xlsx", data)
    except UnreadableError:
        assert dump(crm) == before
    else:
        names = [lead.last_name or lead.first_name or "" for lead in records(crm, "lead")]
        assert not any("root" in name or "haha" in name for name in names)


def test_a_cell_that_looks_like_a_formula_stays_text(crm: Workspace) -> None:
    rows = [["Name", "Email", "Notes"], ["Ann Lee", "ann@x.fr", "'=cmd|' /C calc'!A0"]]

    take(crm, "formula.xlsx", a_workbook({"Leads": rows}))

    (lead,) = records(crm, "lead")
    assert lead.notes == "=cmd|' /C calc'!A0"


def test_columns_of_the_machinery_are_kept_as_texts_and_change_nothing(crm: Workspace) -> None:
    columns: list[Value] = ["Name", "Email", "id", "owner", "is_admin", "converted_at", "version"]
    row: list[Value] = ["Ann Lee", "ann@x.fr", "lead_1", "root", "true", "2020-01-01", 99]

    take(crm, "assignment.xlsx", a_workbook({"Leads": [columns, row]}))

    (lead,) = records(crm, "lead")
    assert (lead.id != "lead_1", lead.owner_id, lead.version) == (True, None, 1)
    assert lead.extra == {
        "id": "lead_1",
        "owner": "root",
        "is_admin": "true",
        "converted_at": "2020-01-01",
        "version": "99",
    }


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("truncated.xlsx", a_workbook({"Leads": [["Name", "Email"]]})[:300]),
        ("empty.xlsx", a_workbook({})),
        ("random.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 8),
        ("no.ods", a_zip({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"})),
    ],
)
def test_a_broken_workbook_is_refused_with_advice(crm: Workspace, name: str, data: bytes) -> None:
    reason = refuse(crm, name, data)

    assert reason.startswith(f"{name}: ")


# ---------------------------------------------------------------------- archives


def test_an_archive_that_unpacks_to_hundreds_of_times_its_length_is_refused(crm: Workspace) -> None:
    line = b"ann@x.fr,Ann\n"

    reason = refuse(crm, "bomb.zip", a_zip({"leads.csv": b"Email,Name\n" + line * 6_000_000}))

    assert "times its length" in reason


def test_an_archive_within_an_archive_is_left_out_and_named(crm: Workspace) -> None:
    inner = a_zip({"leads.csv": f"{HEADER}\nEve,eve@x.fr\n"})

    report = take(crm, "nested.zip", a_zip({"inner.zip": inner, "leads.csv": f"{HEADER}\nAnn,ann@x.fr\n"}))

    assert [lead.email for lead in records(crm, "lead")] == ["ann@x.fr"]
    assert [(each.value, each.evidence) for each in report.findings if each.what == "left out"] == [
        ("inner.zip", "it is an archive itself")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "../../escaped.csv",
        "/escaped.csv",
        "..\\escaped.csv",
        "C:escaped.csv",
        "CON",
        "x" * 300 + ".csv",
        "a\x1bb.csv",
    ],
)
def test_a_name_in_an_archive_is_shown_and_never_opened(
    crm: Workspace, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here" / "deeper"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)

    report = take(crm, "tricks.zip", a_zip({name: f"{HEADER}\nAnn,ann@x.fr\n"}))

    assert report.read == 1
    assert not list(tmp_path.rglob("*escaped*"))
    (shown,) = [each.value for each in report.findings if each.what == "file"]
    assert len(shown) <= 121
    assert shown.isprintable()


def test_a_nul_in_a_name_does_no_harm(crm: Workspace) -> None:
    data = a_zip({"leadsX.csv": f"{HEADER}\nAnn,ann@x.fr\n"}).replace(b"leadsX.csv", b"leads\0.csv")

    report = take(crm, "nul.zip", data)

    assert report.read == 1


def test_a_link_in_an_archive_is_left_out(crm: Workspace) -> None:
    buffer = BytesIO(a_zip({"leads.csv": f"{HEADER}\nAnn,ann@x.fr\n"}))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("passwords.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")

    report = take(crm, "link.zip", buffer.getvalue())

    assert ("left out", "passwords.csv") in [(each.what, each.value) for each in report.findings]
    assert report.read == 1


def test_an_archive_of_too_many_files_is_refused(crm: Workspace) -> None:
    reason = refuse(crm, "many.zip", a_zip({f"{number}.csv": "x" for number in range(5000)}, level=0))

    assert "5,000 files" in reason


# ------------------------------------------------------------------------- cards


def test_cards_in_cards_in_cards_are_no_deeper_than_the_cap(crm: Workspace) -> None:
    depth = 1200
    data = b"BEGIN:VCARD\nN:Lee;Ann\nAGENT:\n" * depth + b"END:VCARD\n" * depth
    data += b"BEGIN:VCARD\nN:Doe;Bob\nEMAIL:bob@x.fr\nEND:VCARD\n"

    report = take(crm, "nested.vcf", data)

    assert [lead.email for lead in records(crm, "lead")] == ["bob@x.fr"]
    assert [(row.line, row.reason) for row in report.problems] == [(1, "cards are nested more than 16 deep")]


def test_cards_that_never_end_are_reported_one_by_one(crm: Workspace) -> None:
    reason = refuse(crm, "open.vcf", b"BEGIN:VCARD\nN:Lee;Ann\n" * 1200)

    assert "END:VCARD is missing" in reason


def test_a_picture_of_ten_megabytes_is_left_out(crm: Workspace) -> None:
    picture = b"PHOTO;ENCODING=BASE64:" + b"\n ".join([b"A" * 76] * 140_000)
    data = b"BEGIN:VCARD\nN:Lee;Ann\n" + picture + b"\n\nEMAIL:ann@x.fr\nEND:VCARD\n"

    take(crm, "picture.vcf", data)

    (lead,) = records(crm, "lead")
    assert (lead.email, lead.extra) == ("ann@x.fr", {"Left out": "Photo"})


def test_a_line_of_ten_megabytes_costs_its_card(crm: Workspace) -> None:
    data = b"BEGIN:VCARD\nN:Lee;Ann\nNOTE:" + b"A" * 10_000_000 + b"\nEND:VCARD\n"
    data += b"BEGIN:VCARD\nN:Doe;Bob\nEMAIL:bob@x.fr\nEND:VCARD\n"

    report = take(crm, "line.vcf", data)

    assert [lead.email for lead in records(crm, "lead")] == ["bob@x.fr"]
    assert [(row.line, row.reason) for row in report.problems] == [(1, "a line is too long")]


@pytest.mark.parametrize(
    "head",
    [b"From " + b"a" * 70_000, b'{"a": 1}' + b"\n" * 70_000, b"<" * 70_000, b"BEGIN:VCARD\n" + b";" * 1_000_000],
    ids=["From aaaa", "blank lines", "<<<<", ";;;;"],
)
def test_no_expression_goes_over_a_file_again_and_again(crm: Workspace, head: bytes) -> None:
    with suppress(CrmkitError):
        take(crm, "again", head)  # in minutes or hours, if one did

    assert not records(crm, "lead")


# ------------------------------------------------------------------------- mails


def test_a_header_of_ten_megabytes_costs_its_message(crm: Workspace) -> None:
    first = b"From a@x.fr Mon Jan  1 10:00:00 2024\nFrom: a@x.fr\nX-Long: " + b"A" * 10_000_000 + b"\n\nHi\n"
    second = b"\nFrom b@x.fr Mon Jan  1 10:00:00 2024\nFrom: Bob <b@x.fr>\nSubject: Hello\n\nHi\n"

    report = take(crm, "long.mbox", first + second)

    assert [lead.email for lead in records(crm, "lead")] == ["b@x.fr"]
    assert [(row.line, row.reason) for row in report.problems] == [(1, "its header is too long")]


@pytest.mark.parametrize(
    "sender",
    ["(" * 5000, "a@" + "a." * 50_000, "-" * 100_000, '"' * 999, "<" * 999, "=?utf-8?q?" * 500, "\\" * 999],
)
def test_a_sender_that_breaks_parsers_ends_in_a_reported_row(crm: Workspace, sender: str) -> None:
    data = f"Received: x\nFrom: {sender}\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: x\nMIME-Version: 1.0\n\nHi\n"

    report = take(crm, "sender.eml", data.encode())

    assert (report.read, report.rejected, report.importer) == (1, 1, "mail")
    assert not records(crm, "lead")


def test_parts_within_parts_of_a_message_end_in_a_row_or_an_error(crm: Workspace) -> None:
    boundary = "".join(f"--b{i}\nContent-Type: multipart/mixed; boundary=b{i + 1}\n\n" for i in range(3000))
    data = f"From: Ann <ann@x.fr>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b0\n\n{boundary}"

    report = take(crm, "parts.eml", data.encode())

    assert (report.read, report.rejected) == (1, 1)


# -------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"email": '])
def test_json_nested_a_million_deep_is_refused(crm: Workspace, opening: bytes) -> None:
    reason = refuse(crm, "deep.json", opening * 1_000_000)

    assert "nested too deeply" in reason or "no JSON" in reason


def test_an_object_of_a_million_keys_is_a_rejected_row(crm: Workspace) -> None:
    many = ",".join(f'"key{number}": 1' for number in range(1_000_000))  # as text, for an object of them is large
    people = ['{"name": "Ann Lee", "email": "ann@x.fr"}', f"{{{many}}}", '{"name": "Bob", "email": "bob@x.fr"}']
    data = f"[{','.join(people)}]"

    report = take(crm, "keys.json", data.encode())

    assert [(row.line, row.reason) for row in report.problems] == [(2, "has more than 2,000 values")]
    assert len(records(crm, "lead")) == 2


def test_a_line_of_json_that_is_nested_or_broken_costs_only_itself(crm: Workspace) -> None:
    lines = ['{"email": "ann@x.fr", "name": "Ann"}', '{"a":' * 50_000, '{"email": ', '{"email": "bob@x.fr"}']

    report = take(crm, "lines.jsonl", "\n".join(lines).encode())

    assert [row.line for row in report.problems] == [2, 3]
    assert len(records(crm, "lead")) == 2


def test_a_number_of_a_million_digits_is_a_text_like_any_other(crm: Workspace) -> None:
    data = b'[{"email": "ann@x.fr", "budget": ' + b"9" * 1_000_000 + b"}]"

    report = take(crm, "number.json", data)

    assert report.read == 1


# --------------------------------------------------------------------------- texts


def test_an_open_quote_swallows_nothing(crm: Workspace) -> None:
    rows = "".join(f"P{number},p{number}@x.fr\n" for number in range(1000))

    report = take(crm, "quote.csv", f'{HEADER}\nAnn,"ann@x.fr\n{rows}'.encode())

    assert len(records(crm, "lead")) == 1000
    assert [row.line for row in report.problems] == [2]


def test_a_nul_and_a_lone_carriage_return_are_no_trap(crm: Workspace) -> None:
    take(crm, "nul.csv", f"{HEADER}\rAn\0n,ann@x.fr\rBob,bob@x.fr\r".encode())

    assert sorted(lead.email for lead in records(crm, "lead")) == ["ann@x.fr", "bob@x.fr"]


def test_a_cell_of_ten_megabytes_is_a_rejected_row(crm: Workspace) -> None:
    report = take(crm, "cell.csv", f"{HEADER}\n{'A' * 10_000_000},ann@x.fr\nBob,bob@x.fr\n".encode())

    assert [lead.email for lead in records(crm, "lead")] == ["bob@x.fr"]
    assert [row.line for row in report.problems] == [2]


def test_a_table_of_a_million_columns_is_refused(crm: Workspace) -> None:
    reason = refuse(crm, "wide.csv", b"Name,Email" + b",x" * 1_000_000 + b"\nAnn,ann@x.fr\n")

    assert "1,000,002 cells" in reason


def test_half_a_surrogate_pair_goes_through(crm: Workspace) -> None:
    take(crm, "half.json", b'[{"name": "Ann \\ud83d Lee", "email": "ann@x.fr"}]')

    (lead,) = records(crm, "lead")
    lead.first_name.encode()
    assert lead.email == "ann@x.fr"


# ----------------------------------------------------------------- the child itself

CARDS = b"BEGIN:VCARD\nN:Lee;Ann\nEMAIL:ann@x.fr\nEND:VCARD\n"


def test_a_child_that_is_killed_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []
    begin = apart.start_reader

    def started(*arguments: Any) -> subprocess.Popen[bytes]:
        children.append(begin(*arguments))
        return children[-1]

    monkeypatch.setattr(apart, "start_reader", started)
    reading = read_apart("vcard", BytesSource("many.vcf", CARDS * 100_000))
    next(reading)
    children[0].send_signal(signal.SIGKILL)

    with pytest.raises(UnreadableError, match="ended from outside"):
        list(reading)


def test_closing_a_reading_ends_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []
    begin = apart.start_reader

    def started(*arguments: Any) -> subprocess.Popen[bytes]:
        children.append(begin(*arguments))
        return children[-1]

    monkeypatch.setattr(apart, "start_reader", started)
    reading = read_apart("vcard", BytesSource("many.vcf", CARDS * 100_000))
    next(reading)

    reading.close()

    assert children[0].returncode is not None


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("CRMKIT_READING_SILENCE_S", "1", "said nothing for 1 s"),
        ("CRMKIT_READING_CPU_S", "1", "1 s of computing"),
    ],
)
def test_a_child_that_takes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    code = "import time\nwhile True: time.sleep(9)" if "SILENCE" in variable else "while True: pass"
    sources = "from crmkit.services.reading.limits import Limits; Limits(cpu_s=1).enforce(0)"
    command = [sys.executable, "-c", f"{sources}\n{code}"]
    pipe = subprocess.PIPE
    monkeypatch.setattr(apart, "start_reader", lambda *_: subprocess.Popen(command, stdin=pipe, stdout=pipe))

    with pytest.raises(UnreadableError, match=reason):
        list(read_apart("vcard", BytesSource("slow.vcf", CARDS)))


def test_limits_are_raised_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMKIT_READING_SOURCE_MB", "1")
    source = BytesSource("big.json", json.dumps([{"email": "ann@x.fr", "notes": "A" * (2 << 20)}]).encode())

    with pytest.raises(UnreadableError, match="more than 1 MB") as caught:
        list(read_apart("json_rows", source))

    assert "CRMKIT_READING_SOURCE_MB" in caught.value.hint


def test_a_variable_that_is_no_number_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMKIT_READING_MEMORY_MB", "lots")

    with pytest.raises(CrmkitError, match="CRMKIT_READING_MEMORY_MB"):
        list(read_apart("vcard", BytesSource("one.vcf", CARDS)))


def test_the_child_loads_nothing_from_the_folder_it_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "sitecustomize.py", "zipfile.py", "crmkit.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'touched')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    frames = list(read_apart("vcard", BytesSource("one.vcf", CARDS)))

    assert frames
    assert not (tmp_path / "touched").exists()


def test_a_script_without_a_guard_can_import_a_workbook(tmp_path: Path) -> None:
    book = tmp_path / "leads.xlsx"
    book.write_bytes(a_workbook({"Leads": [["Name", "Email"], ["Ann Lee", "ann@x.fr"]]}))
    script = tmp_path / "script.py"
    script.write_text(
        f"import crmkit\nwith crmkit.open('memory:', create=True) as crm:\n"
        f"    print('read', crm.import_leads({str(book)!r}).read)\n"
    )

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout, done.stderr) == ("read 1\n", "")


def test_the_child_loads_no_plugin_and_no_storage() -> None:
    code = "import sys, crmkit.services.reading.child, crmkit.services.reading.vcard; print(*sorted(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name for name in done.stdout.split() if name.startswith(("crmkit", "attr", "pluggy", "sqlite"))}
    assert loaded == {
        "crmkit",
        "crmkit.services",
        "crmkit.services.reading",
        *(f"crmkit.services.reading.{name}" for name in ("child", "limits", "lines", "vcard")),
    }


def test_a_reading_is_no_longer_in_memory_than_needed() -> None:
    class Endless(BytesSource):
        """A hundred thousand cards, made as they are read."""

        size_bytes = len(CARDS) * 100_000
        sha256 = "0" * 64

        def open(self) -> BytesIO:
            return _Repeated(CARDS, 100_000)

    table = open_table(Endless("many.vcf", CARDS), ReadingOptions())

    assert sum(len(batch.lines) for batch in table.batches()) == 100_000


class _Repeated(BytesIO):
    def __init__(self, piece: bytes, count: int) -> None:
        super().__init__()
        self._block, self._left = piece * 1000, count // 1000

    def read(self, size: int | None = -1) -> bytes:
        self._left -= 1
        return self._block if self._left >= 0 else b""
