"""Several processes that merge and convert the same at once: one result, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crmkit
from crmkit import CRM

PROCESSES = 8
NOTES = 5

spawned = multiprocessing.get_context("spawn")


def act(path: Path, number: int, start: float, deed: Callable[..., Any], answers: multiprocessing.Queue[Any]) -> None:
    """Open the workspace, wait for the others, and do it."""
    with crmkit.open(path, discover=False) as crm:
        time.sleep(max(0.0, start - time.time()))
        answers.put(deed(crm, number))


def merge_crossing(crm: CRM, number: int) -> tuple[str, str]:
    """Merge the pair, every second process the other way round."""
    one, other = sorted(ids(crm), reverse=bool(number % 2))
    result = crm.merge(one, other)
    return result.outcome, result.winner.id


def merge_or_note(crm: CRM, number: int) -> tuple[str, str]:
    """Merge the pair, while others write about both of them."""
    one, other = ids(crm)
    if number == 0:
        return crm.merge(one, other).outcome, ""
    for i in range(NOTES):
        crm.note((one, other)[i % 2], f"note {number}.{i}")
    return "noted", ""


def convert_everybody(crm: CRM, _number: int) -> list[tuple[str, str]]:
    return [(result.outcome, getattr(result.conversion, "id", "")) for result in crm.convert_many(ids(crm))]


def ids(crm: CRM) -> list[str]:
    """Return whom it is about, which stands in a file beside the workspace."""
    return Path(crm.url.partition(":")[2]).with_suffix(".ids").read_text(encoding="utf-8").split()


def together(path: Path, deed: Callable[..., Any], wanted: list[str]) -> list[Any]:
    """Let eight processes do it at once."""
    path.with_suffix(".ids").write_text(" ".join(wanted), encoding="utf-8")
    answers = spawned.Queue()
    start = time.time() + 2
    workers = [spawned.Process(target=act, args=(path, number, start, deed, answers)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    return found


def a_pair(path: Path) -> list[str]:
    with crmkit.open(path, create=True, discover=False) as crm:
        one = crm.contacts.add(first_name="Jules", email="jules@hospy.example", title="PDG")
        other = crm.contacts.add(first_name="Jules", email="j@hospy.example", city="Lyon")
        crm.note(other, "Likes tea")
        return [one.id, other.id]


def test_a_pair_merged_by_eight_processes_in_both_directions_is_merged_once(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"

    found = together(path, merge_crossing, a_pair(path))

    assert Counter(outcome for outcome, _winner in found) == {"merged": 1, "already": PROCESSES - 1}
    assert len({winner for _outcome, winner in found}) == 1
    with crmkit.open(path, discover=False) as crm:
        [contact] = crm.contacts
        assert (contact.city, contact.title) == ("Lyon", "PDG")
        assert "Likes tea" in [entry.text for entry in crm.timeline(contact)]


def test_what_others_write_about_a_pair_while_it_is_merged_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"

    found = together(path, merge_or_note, a_pair(path))

    assert Counter(outcome for outcome, _ in found) == {"merged": 1, "noted": PROCESSES - 1}
    with crmkit.open(path, discover=False) as crm:
        [contact] = crm.contacts
        texts = [entry.text for entry in crm.timeline(contact) if entry.text.startswith("note ")]
        assert len(texts) == len(set(texts)) == (PROCESSES - 1) * NOTES


def test_a_bulk_converted_by_eight_processes_gives_each_the_same_conversions(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        leads = crm.leads.add_many(
            {"first_name": "Jules", "email": f"p{i // 2}@acme{i // 5}.example", "company": f"Acme {i // 5}"}
            for i in range(20)
        )

    found = together(path, convert_everybody, [lead.id for lead in leads])

    assert Counter(outcome for answer in found for outcome, _ in answer) == {
        "converted": 20,
        "already": 20 * (PROCESSES - 1),
    }
    assert len({tuple(id_ for _, id_ in answer) for answer in found}) == 1
