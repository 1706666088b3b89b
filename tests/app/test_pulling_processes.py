"""Several processes that pull the same lead source, and some that are killed over it: each thing once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import crmkit
from crmkit.services.pulling import source_state

PAGES, PER_PAGE = 6, 30
FILES, PER_FILE = 30, 20

spawned = multiprocessing.get_context("spawn")

PULL = """
import sys, crmkit
with crmkit.open(sys.argv[1], discover=False) as crm:
    crm.pull_source("Website", batch_size=500, progress=lambda name, progress: print(progress.rows, flush=True))
"""


def person(number: int) -> dict[str, Any]:
    return {"id": number, "first_name": f"Anna{number}", "last_name": "Berg", "email": f"anna{number}@example.com"}


def a_file(first: int, count: int) -> str:
    people = [person(number) for number in range(first, first + count)]
    return "Id;First name;Last name;Email\n" + "".join(";".join(map(str, each.values())) + "\n" for each in people)


class Pages:
    """A server of pages, each with a link to the next; `on_page` is called before one is sent."""

    def __init__(self) -> None:
        self.on_page: Any = lambda _number: None
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number = int(self.path.rpartition("=")[2] or 1)
                pages.on_page(number)
                first = (number - 1) * PER_PAGE
                answer = {
                    "leads": [person(each) for each in range(first, first + PER_PAGE)],
                    "next": f"?page={number + 1}" if number < PAGES else None,
                }
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/?page="

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    yield made
    made.close()


def imports(crm: crmkit.CRM) -> list[Any]:
    return [entry.operation for entry in crm.log(limit=1000) if entry.operation.kind == "import"]


def kill_at(page: int, children: list[subprocess.Popen[bytes]], number: int) -> None:
    if number == page:
        children[-1].send_signal(signal.SIGKILL)


def pull_all(path: Path, start: float, answers: multiprocessing.Queue[list[tuple[str, str]]]) -> None:
    with crmkit.open(path, discover=False) as crm:
        time.sleep(max(0.0, start - time.time()))
        report = crm.pull_source("Website")
        assert report.error is None, report.error
        answers.put([(batch.name, batch.outcome.value) for batch in report.batches])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_pull_that_is_killed_between_pages_goes_on_with_the_next_one(tmp_path: Path, pages: Pages) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.add_source("Website", "http", {"url": f"{pages.url}1", "next": "next"}, mapping={"id": "source_id"})
    children: list[subprocess.Popen[bytes]] = []
    cursors = []
    for killed_at in (1, 3, 4):
        pages.on_page = partial(kill_at, killed_at, children)
        children.append(subprocess.Popen([sys.executable, "-c", PULL, str(path)], stdout=subprocess.DEVNULL))
        assert children[-1].wait(60) == -signal.SIGKILL
        with crmkit.open(path, discover=False) as crm:
            assert crm.leads.count() == (killed_at - 1) * PER_PAGE
            state = source_state(crm.workspace, "Website").state
            cursors.append(state and state.cursor and state.cursor.rpartition("=")[2])
    pages.on_page = lambda _number: None

    with crmkit.open(path, discover=False) as crm:
        report = crm.pull_source("Website")

        assert cursors == [None, "3", "4"]
        assert report.imported == PAGES - 3
        assert crm.leads.count() == PAGES * PER_PAGE
        assert Counter(lead.source_id for lead in crm.leads) == {str(n): 1 for n in range(PAGES * PER_PAGE)}
        assert len(imports(crm)) == PAGES


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_pull_that_is_killed_within_a_file_is_resumed_there(tmp_path: Path) -> None:
    path, drop = tmp_path / "crm.db", tmp_path / "drop"
    drop.mkdir()
    (drop / "a.csv").write_text(a_file(0, 10))
    (drop / "b.csv").write_text(a_file(100, 5000))
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.add_source("Website", "folder", {"path": drop, "settle_s": 0})
    for rows in (1000, 3000):
        with subprocess.Popen([sys.executable, "-c", PULL, str(path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            while int(child.stdout.readline()) < rows:
                pass
            child.send_signal(signal.SIGKILL)

    with crmkit.open(path, discover=False) as crm:
        assert [operation.finished for operation in imports(crm)] == [False, True]
        report = crm.pull_source("Website")

        assert report.imported == 1
        assert [operation.finished for operation in imports(crm)] == [True, True]
        assert crm.leads.count() == 5010
        assert crm.pull_source("Website").known == 2


def test_of_several_processes_that_pull_at_once_each_file_is_imported_by_one(tmp_path: Path) -> None:
    path, drop = tmp_path / "crm.db", tmp_path / "drop"
    drop.mkdir()
    for number in range(FILES):
        (drop / f"{number:03}.csv").write_text(a_file(number * PER_FILE, PER_FILE))
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.add_source("Website", "folder", {"path": drop, "settle_s": 0})
    answers: multiprocessing.Queue[list[tuple[str, str]]] = spawned.Queue()
    start = time.time() + 1.5
    workers = [spawned.Process(target=pull_all, args=(path, start, answers)) for _ in range(3)]
    for worker in workers:
        worker.start()
    told = [pair for _ in workers for pair in answers.get(timeout=120)]
    for worker in workers:
        worker.join()

    with crmkit.open(path, discover=False) as crm:
        imported = Counter(name for name, outcome in told if outcome == "imported")
        assert imported == {f"{number:03}.csv": 1 for number in range(FILES)}
        assert {outcome for _, outcome in told} <= {"imported", "taken", "known"}
        assert len(imports(crm)) == FILES
        assert crm.leads.count() == FILES * PER_FILE
        assert crm.pull_source("Website").known == FILES


def test_of_several_processes_that_pull_pages_none_is_skipped_or_imported_twice(tmp_path: Path, pages: Pages) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.add_source("Website", "http", {"url": f"{pages.url}1", "next": "next", "items": "leads"})
    answers: multiprocessing.Queue[list[tuple[str, str]]] = spawned.Queue()
    start = time.time() + 1.5
    workers = [spawned.Process(target=pull_all, args=(path, start, answers)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for _ in workers:
        answers.get(timeout=120)
    for worker in workers:
        worker.join()

    with crmkit.open(path, discover=False) as crm:
        state = source_state(crm.workspace, "Website").state
        assert state is not None
        assert state.cursor == f"{pages.url}{PAGES}"
        assert len(imports(crm)) == PAGES
        assert crm.leads.count() == PAGES * PER_PAGE
