"""Another process may prepare the parts of an import; that changes nothing but the time it takes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from crmkit.errors import RejectedError
from crmkit.plugins.builtin.format_importers import format_importers
from crmkit.services.importing import beside, import_leads
from crmkit.services.importing.beside import Worker
from crmkit.services.preparing.prepared import Prepared
from crmkit.services.preparing.worker import FRAME
from crmkit.services.sources import FileSource
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.import_samples import dump, records, stopping_after
from tests.services.conftest import open_workspace
from tests.services.importing.test_again import HEADER, outcomes, row, rows, with_own_importer
from tests.workbooks import a_workbook

SIZE = 10


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    path = tmp_path / "fair.csv"
    path.write_text(HEADER + "".join(rows()), encoding="utf-8")
    return FileSource(path)


def fresh() -> Workspace:
    return with_own_importer(open_workspace(MemoryStorage()))


class Watched:
    """Sees to it that workers are started for short files, too, and keeps an eye on them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers: list[Worker] = []
        self.answers = 0
        self.fate: Callable[[Worker, int], None] = lambda _worker, _answers: None
        start, answer = Worker.start, Worker.answer

        def started(*given: Any, **more: Any) -> Worker | None:
            worker = start(*given, **more)
            if worker is not None:
                self.workers.append(worker)
            return worker

        def answered(worker: Worker) -> Prepared | None:
            self.fate(worker, self.answers)
            part = answer(worker)
            self.answers += part is not None
            return part

        monkeypatch.setattr(beside, "WORTHWHILE_BYTES", 1)
        monkeypatch.setattr(Worker, "start", started)
        monkeypatch.setattr(Worker, "answer", answered)

    @property
    def alive(self) -> int:
        return sum(worker.process.poll() is None for worker in self.workers)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


@pytest.fixture
def whole(source: FileSource) -> Workspace:
    """Return a workspace into which the source was imported by one process."""
    crm = fresh()
    import_leads(crm, source, batch_size=SIZE)
    return crm


def test_a_worker_prepares_all_parts_but_the_first(whole: Workspace, source: FileSource, watched: Watched) -> None:
    crm = fresh()

    import_leads(crm, source, batch_size=SIZE)

    assert (watched.answers, watched.alive) == (4, 0)
    assert dump(crm) == dump(whole)


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_when_the_worker_dies_the_import_goes_on_without_it(
    whole: Workspace, source: FileSource, watched: Watched, answers: int
) -> None:
    crm = fresh()

    def kill(worker: Worker, given: int) -> None:
        if given == answers:
            worker.process.kill()
            worker.answers.read()  # what it has said already, too

    watched.fate = kill
    import_leads(crm, source, batch_size=SIZE)

    assert (watched.answers, watched.alive) == (answers, 0)
    assert dump(crm) == dump(whole)


def test_half_an_answer_is_none(whole: Workspace, source: FileSource, watched: Watched) -> None:
    crm = fresh()

    def cut(worker: Worker, given: int) -> None:
        if given == 1:
            worker.process.kill()
            worker.answers.close()
            worker.answers = BytesIO(FRAME.pack(0, 100) + b"half")

    watched.fate = cut
    import_leads(crm, source, batch_size=SIZE)

    assert watched.answers == 1
    assert dump(crm) == dump(whole)


def test_where_no_process_can_be_started_there_is_no_worker(
    whole: Workspace, source: FileSource, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError("no more processes")

    crm = fresh()
    monkeypatch.setattr(subprocess, "Popen", refused)

    import_leads(crm, source, batch_size=SIZE)

    assert watched.workers == []
    assert dump(crm) == dump(whole)


def test_an_import_that_was_stopped_goes_on_with_a_worker(
    whole: Workspace, source: FileSource, watched: Watched
) -> None:
    crm = fresh()
    with pytest.raises(KeyboardInterrupt):
        import_leads(crm, source, batch_size=SIZE, progress=stopping_after(3))
    stopped = watched.alive

    import_leads(crm, source)

    assert (stopped, watched.alive, len(watched.workers)) == (0, 0, 2)
    assert dump(crm) == dump(whole)


@pytest.mark.usefixtures("watched")
def test_known_rows_are_not_cleaned_by_a_worker_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = fresh()
    plain = [row(number) for number in range(60)]
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(HEADER + "".join(plain), encoding="utf-8")
    second.write_text(HEADER + "".join([*plain[:45], row(45, notes="new"), *plain[46:]]), encoding="utf-8")
    import_leads(crm, FileSource(first), batch_size=SIZE)
    cleaned: list[bool] = []
    unpacked = vars(beside)["unpacked"]

    def seen(data: bytes) -> Prepared:
        part: Prepared = unpacked(data)
        cleaned.append(part.rows is not None)
        return part

    monkeypatch.setattr(beside, "unpacked", seen)
    report = import_leads(crm, FileSource(second), batch_size=SIZE).value

    assert outcomes(report) == {"unchanged": 59, "updated": 1}
    assert cleaned == [False] * 5


def test_a_refused_import_leaves_no_worker_behind(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "fair.csv"
    nobody = ",,,,Lyon,,\n"
    path.write_text(HEADER + "".join([*map(row, range(15)), nobody, *map(row, range(15, 40))]), encoding="utf-8")

    with pytest.raises(RejectedError, match="rejected rows"):
        import_leads(fresh(), FileSource(path), batch_size=SIZE, max_errors=0)

    assert (len(watched.workers), watched.answers, watched.alive) == (1, 1, 0)


@pytest.mark.usefixtures("watched")
def test_progress_counts_what_the_worker_has_read(source: FileSource) -> None:
    told: list[int] = []

    import_leads(fresh(), source, batch_size=SIZE, progress=lambda progress: told.append(progress.bytes_read))

    assert told == sorted(told)
    assert told[-1] == source.size_bytes


def test_a_worker_knows_a_file_by_the_name_it_is_given(watched: Watched, tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    with ZipFile(spooled, "w") as odd:  # a workbook by its name alone: it begins with a file that others have not
        odd.writestr("0.txt", "")
    workbook = BytesIO(a_workbook({"Leads": [["Name", "Email"], *([f"Ann{n} Lee", f"a{n}@x.fr"] for n in range(40))]}))
    with ZipFile(workbook) as usual, ZipFile(spooled, "a") as odd:
        for part in usual.namelist():
            odd.writestr(part, usual.read(part))
    importer = next(each for each in format_importers() if each.name == "spreadsheet")
    crm = with_own_importer(open_workspace(MemoryStorage()), item=importer)

    report = import_leads(crm, FileSource(spooled, name="leads.xlsx"), importer="spreadsheet", batch_size=SIZE).value

    assert outcomes(report) == {"created": 40}
    assert watched.answers == 3


def test_a_short_file_has_no_worker(source: FileSource, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    monkeypatch.setattr(beside, "WORTHWHILE_BYTES", source.size_bytes + 1)

    import_leads(fresh(), source, batch_size=SIZE)

    assert watched.workers == []


def test_a_dry_run_with_a_worker_leaves_nothing(source: FileSource, watched: Watched) -> None:
    crm = fresh()

    report = import_leads(crm, source, batch_size=SIZE, dry_run=True).value

    assert report.created > 0
    assert watched.answers == 4
    assert records(crm, "lead") == []
