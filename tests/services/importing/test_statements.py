"""What an import costs: statements for each part, none for each row."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import Source
from crmkit.services.importing import import_leads
from crmkit.services.operations import Request, run
from crmkit.storage.sqlite import SqliteStorage
from tests.import_samples import JsonImporter, a_person, people, records, with_importers
from tests.services.conftest import open_workspace
from tests.tracing import cost

PART = 500


def costs(path: Path, connections: list[sqlite3.Connection], count: int) -> list[int]:
    """Return how many statements it takes to import, to import with changes, and to import in vain."""
    crm = with_importers(open_workspace(SqliteStorage(path)), JsonImporter(batch=PART))
    connection = connections[-1]  # checkpoints have connections of their own
    campaign = run(
        crm,
        Request(kind="add"),
        lambda planning: {"id": planning.create("campaign", {"name": "Salon"})},
        lambda _view, result: str(result["id"]),
    ).value
    first: list[dict[str, Any]] = [
        a_person(number, opt_out=True, phone=f"+331426{number:05}") for number in range(count)
    ]
    more: list[dict[str, Any]] = [{**row, "city": "Lyon", "other_emails": [f"x{row['email']}"]} for row in first]
    found = []
    for rows, asked in ((first, None), (more, campaign), (more, campaign)):
        reports: list[ImportReport] = []
        source = people(*rows)

        def act(source: Source = source, asked: str | None = asked, reports: list[ImportReport] = reports) -> None:
            reports.append(import_leads(crm, source, campaign=asked, batch_size=PART).value)

        found.append(cost(connection, act))
        assert reports[0].read == count
    assert len(records(crm, "lead")) == len(records(crm, "campaign_member")) == count
    crm.storage.close()
    return found


def test_twice_the_rows_are_twice_the_parts_and_no_statement_more(
    tmp_path: Path, connections: list[sqlite3.Connection]
) -> None:
    two, four, eight = (costs(tmp_path / f"{parts}.db", connections, parts * PART) for parts in (2, 4, 8))

    for a, b, c in zip(two, four, eight, strict=True):
        assert c - b == 2 * (b - a)
        assert (b - a) / 2 < 60  # for a part of 500 rows
