"""What a conversion costs: statements for each batch, none for each lead."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from crmkit.core.activity import ActivityKind
from crmkit.services import convert
from crmkit.services.activities import log_activity
from crmkit.services.convert import convert_leads
from crmkit.services.edit import add_records
from crmkit.storage.sqlite import SqliteStorage
from tests.services.conftest import open_workspace
from tests.services.test_edit import add
from tests.tracing import cost

BATCH = 50


def statements(path: Path, connections: list[sqlite3.Connection], count: int) -> int:
    """Return how many statements it takes to convert so many leads, with all that hangs on them."""
    workspace = open_workspace(SqliteStorage(path))
    campaign = add(workspace, "campaign", name="Salon")
    rows = [
        {
            "first_name": f"Jules {i}",
            "email": f"jules{i}@acme{i // 3}.example",
            "company": f"Acme {i // 3}",
            "phone": f"+331426853{i:02}"[:12],
            "campaign_id": campaign,
        }
        for i in range(count)
    ]
    leads = add_records(workspace, "lead", rows).value
    for lead in leads[::BATCH]:
        log_activity(workspace, ActivityKind.CALL, "He is interested", about=[lead])
    add_records(workspace, "contact", [{"email": row["email"]} for row in rows[::10]])
    return cost(connections[-1], lambda: convert_leads(workspace, [lead.id for lead in leads]))


def test_a_bulk_costs_statements_by_the_batch(
    tmp_path: Path, connections: list[sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "_BATCH", BATCH)

    one, two, four = (statements(tmp_path / f"{batches}.db", connections, batches * BATCH) for batches in (1, 2, 4))

    assert four - two == 2 * (two - one)
    assert two - one < BATCH
