"""The rejects file: mended in a spreadsheet, imported again."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.errors import RejectedError
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.services.importing import import_leads, write_rejects
from crmkit.services.sources import BytesSource, FileSource
from crmkit.services.workspace import Workspace
from tests.import_samples import records, with_importers

TEXT = """Prénom;Nom;E-mail;Téléphone;Note
Jules;Etienne;jules@hospy.example;01 42 68 53 00;
;;anne@;+331;=1+1
;;paul(at)x.example;;"deux
lignes; un point-virgule"
"""


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, CsvImporter())


def test_the_rejects_file_has_the_broken_rows_and_why(crm: Workspace, tmp_path: Path) -> None:
    report = import_leads(crm, BytesSource("leads.csv", TEXT.encode("cp1252"))).value
    path = tmp_path / "rejects.csv"

    count = write_rejects(crm, report, path)

    assert (count, report.rejected) == (2, 2)
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Prénom;Nom;E-mail;Téléphone;Note;crmkit_line;crmkit_reason;crmkit_read_as"
    assert lines[1].startswith(";;anne@;'+331;'=1+1;3;\"'anne@' is no e-mail address")
    assert lines[2].startswith(';;paul(at)x.example;;"deux\nlignes; un point-virgule";4;')
    assert "'paul(at)x.example' is no e-mail address: an email address must have an @-sign" in lines[2]
    assert lines[2].endswith(";phones=FR")


def test_a_mended_rejects_file_is_imported_as_if_the_source_had_been_right(crm: Workspace, tmp_path: Path) -> None:
    operation = import_leads(crm, BytesSource("leads.csv", TEXT.encode("cp1252"))).operation_id
    path = tmp_path / "rejects.csv"
    write_rejects(crm, str(operation), path)
    mended = path.read_text("utf-8").replace("anne@;", "anne@x.example;").replace("(at)", "@")
    path.write_text(mended, "utf-8", newline="")

    report = import_leads(crm, FileSource(path)).value

    assert (report.read, report.created) == (2, 2)
    right = TEXT.replace("anne@;", "anne@x.example;").replace("(at)", "@")
    again = import_leads(crm, BytesSource("leads.csv", right.encode("cp1252")))
    assert (again.value.unchanged, again.operation_id) == (3, None)
    anne = next(lead for lead in records(crm, "lead") if lead.email == "anne@x.example")
    assert (anne.notes, anne.extra) == ("=1+1", {"phone": "+331"})


def test_what_a_dry_run_rejects_can_be_written_too(crm: Workspace, tmp_path: Path) -> None:
    report = import_leads(crm, BytesSource("leads.csv", TEXT.encode("cp1252")), dry_run=True).value

    assert write_rejects(crm, report, tmp_path / "rejects.csv") == 2


def test_a_rejects_file_without_rows_has_the_header(crm: Workspace, tmp_path: Path) -> None:
    report = import_leads(crm, BytesSource("leads.csv", b"Name,Email\nAnna,anna@x.example\n")).value

    assert write_rejects(crm, report, tmp_path / "r.csv") == 0
    assert (tmp_path / "r.csv").read_text("utf-8-sig") == "Name,Email,crmkit_line,crmkit_reason\n"


def test_a_rejects_file_that_cannot_be_written_leaves_nothing_behind(crm: Workspace, tmp_path: Path) -> None:
    report = import_leads(crm, BytesSource("leads.csv", TEXT.encode("cp1252"))).value
    (tmp_path / "folder").mkdir()

    for path in (tmp_path / "folder", tmp_path / "missing" / "r.csv"):
        with pytest.raises(RejectedError, match="cannot be written"):
            write_rejects(crm, report, path)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []
