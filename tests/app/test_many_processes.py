"""Several processes on one workspace: nobody is lost, nobody is converted twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path

import crmkit

PROCESSES = 8
LEADS = 20

spawned = multiprocessing.get_context("spawn")


def convert_all(path: Path, ids: list[str], start: float, answers: multiprocessing.Queue[str]) -> None:
    """Convert every lead, all processes at once and in the same order."""
    with crmkit.open(path, discover=False) as crm:
        time.sleep(max(0.0, start - time.time()))
        for lead_id in ids:
            answers.put(crm.convert(lead_id).outcome)


def add_leads_for_ever(path: Path, begun: Event) -> None:
    with crmkit.open(path, discover=False) as crm:
        while True:
            crm.leads.add_many([{"first_name": f"Lead {i}", "company": "Acme"} for i in range(10)])
            begun.set()


def test_leads_converted_by_eight_processes_at_once_are_converted_once(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        # Two leads share each address, and five each company.
        leads = crm.leads.add_many(
            {"first_name": "Jules", "email": f"p{i // 2}@acme.example", "company": f"Acme {i // 5}"}
            for i in range(LEADS)
        )
        ids = [lead.id for lead in leads]
    answers = spawned.Queue()
    start = time.time() + 2
    workers = [spawned.Process(target=convert_all, args=(path, ids, start, answers)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    outcomes = Counter(answers.get(timeout=60) for _ in range(PROCESSES * LEADS))
    for worker in workers:
        worker.join()

    assert outcomes == {"converted": LEADS, "already": LEADS * (PROCESSES - 1)}
    with crmkit.open(path, discover=False) as crm:
        emails = Counter(contact.email for contact in crm.contacts)
        assert set(emails.values()) == {1}
        assert len(emails) == LEADS // 2
        assert crm.accounts.count() == len({account.domain for account in crm.accounts}) == 1


def test_a_process_killed_in_the_middle_leaves_whole_operations(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    crmkit.open(path, create=True, discover=False).close()
    for delay_s in (0.0, 0.01, 0.02):
        begun = spawned.Event()
        worker = spawned.Process(target=add_leads_for_ever, args=(path, begun))
        worker.start()
        assert begun.wait(timeout=60)
        time.sleep(delay_s)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()

    with crmkit.open(path, discover=False) as crm:
        operations = [entry.operation for entry in crm.log(limit=100_000) if entry.operation.kind == "edit"]
        by_operation = Counter(lead.operation_id for lead in crm.leads)
        assert set(by_operation.values()) == {10}
        assert set(by_operation) == {operation.id for operation in operations}
        crm.leads.add(first_name="Still writable")
