"""What a conversion costs: statements for each batch, none for each lead."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest

from crmkit.core.activity import ActivityKind
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import ConversionRule, NoExtensions
from crmkit.services import convert
from crmkit.services.activities import log_activity
from crmkit.services.convert import convert_leads
from crmkit.services.edit import add_records
from crmkit.storage.sqlite import SqliteStorage
from tests.services.conftest import open_workspace
from tests.services.test_edit import add
from tests.tracing import cost

BATCH = 100


def statements(path: Path, connections: list[sqlite3.Connection], count: int) -> int:
    """Return how many statements it takes to convert so many leads, with all that hangs on them."""
    workspace = open_workspace(SqliteStorage(path))
    campaign = add(workspace, "campaign", name="Salon")
    rows = [
        {
            "first_name": f"Jules {i}",
            "email": f"jules{i}@acme{i // 3}.example",
            "company": f"Acme {i // 3}",
            "phone": f"+33142{i:06}",
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


def test_look_ups_are_repeated_only_if_somebody_has_committed_since(
    tmp_path: Path, connections: list[sqlite3.Connection]
) -> None:
    workspace = open_workspace(SqliteStorage(tmp_path / "crm.db"))
    others = open_workspace(SqliteStorage(tmp_path / "crm.db"))
    lead = add(workspace, "lead", first_name="Jules", email="jules@acme.example")

    def looked_up(act: Callable[[], object]) -> int:
        statements: list[str] = []
        connections[0].set_trace_callback(statements.append)
        act()
        connections[0].set_trace_callback(None)
        return sum('WHERE "email_key" =' in statement for statement in statements)

    class Meddling(NoExtensions):
        """Somebody else commits while the conversion is planned."""

        lead_matchers = ()

        @property
        def conversion_rules(self) -> Sequence[Contribution[ConversionRule]]:  # type: ignore[override]  # read while planning
            add(others, "account", name="Somebody")
            return ()

    alone = looked_up(lambda: convert_leads(workspace, [lead], dry_run=True))
    beside_others = looked_up(
        lambda: convert_leads(attrs.evolve(workspace, extensions=Meddling()), [lead], dry_run=True)
    )

    assert (alone, beside_others) == (1, 2)
