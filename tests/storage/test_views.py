"""The file is pleasant in other people's tools: views for the common questions, links, no blobs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import crmkit
from crmkit import CRM, Money
from crmkit.core.builtin import builtin_schema
from crmkit.core.declare import record_type
from crmkit.core.schema import Schema
from crmkit.services.funnel import FunnelStep, funnel
from crmkit.storage.sqlite import SqliteStorage
from crmkit.storage.sqlite.views import VIEWS
from crmkit.testing.schema import SCHEMA, Shelf


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.db"


@pytest.fixture
def crm(path: Path) -> Iterator[CRM]:
    with crmkit.open(path, create=True, discover=False, actor="Ada") as opened:
        yield opened


def test_open_deals_are_told_with_names_and_exact_amounts(crm: CRM, path: Path) -> None:
    hospy, ada = crm.accounts.add(name="Hospy"), crm.users.add(name="Ada")
    amounts = ["12000.05 EUR", "-0.05 EUR", "7 JPY", "1.234 TND", "92233720368547758.07 USD", "0.30 EUR", "0.10 EUR"]
    deals = [crm.open_deal(f"Deal {i}", account=hospy, amount=amount) for i, amount in enumerate(amounts)]
    crm.deals.update(deals[0].id, owner_id=ada.id, expected_close_on="2026-12-31")
    for deal, percent in zip(deals, [50, 30, 50, 33, 97, 5, 5], strict=True):
        crm.set_probability(deal, percent)
    crm.lose_deal(crm.open_deal("Lost"), "price")
    crm.undo(crm.open_deal("Undone"))

    found = {row["deal"]: row for row in _rows(path, "open_deals")}

    assert found.keys() == {deal.name for deal in deals}
    for deal in crm.deals.where(closed_at=None):
        row = found[deal.name]
        assert deal.amount is not None
        assert deal.weighted_amount is not None
        assert (row["amount"], row["currency"]) == (f"{deal.amount.amount:f}", deal.amount.currency)
        assert row["weighted"] == f"{deal.weighted_amount.amount:f}", row
        assert (row["pipeline"], row["stage"], row["account"]) == ("Sales", "Qualification", "Hospy")
    assert (found["Deal 0"]["owner"], found["Deal 0"]["expected_close_on"]) == ("Ada", "2026-12-31")


def test_open_deals_tell_how_long_they_have_been_in_their_stage(path: Path) -> None:
    clock = _Clock(datetime.now(UTC) - timedelta(days=9, hours=1))
    with crmkit.open(path, create=True, discover=False, clock=clock) as crm:
        moved, waiting = crm.open_deal("Moved"), crm.open_deal("Waiting")
        clock.moment += timedelta(days=5)
        crm.move_deal(moved, "needs_analysis")
        crm.deals.update(waiting, description="an edit is no move")

    assert {row["deal"]: row["days_in_stage"] for row in _rows(path, "open_deals")} == {"Moved": 4, "Waiting": 9}


def test_open_leads_are_those_that_somebody_should_follow_up(crm: CRM, path: Path) -> None:
    salon = crm.campaigns.add(name="Salon")
    crm.leads.add(first_name="Jules", last_name="Etienne", campaign_id=salon, company="Hospy")
    crm.leads.add(company="Nobody & Sons")
    crm.leads.delete(crm.leads.add(first_name="Deleted"))
    crm.leads.add(first_name="Given up", status="disqualified", disqualified_reason="no budget")
    crm.convert(crm.leads.add(first_name="Converted", company="Acme"))

    found = [(row["name"], row["company"], row["campaign"]) for row in _rows(path, "open_leads")]

    assert found == [("Jules Etienne", "Hospy", "Salon"), ("", "Nobody & Sons", None)]


def test_the_lead_funnel_counts_as_the_report_does(crm: CRM, path: Path, tmp_path: Path) -> None:
    salon, other = crm.campaigns.add(name="Salon"), crm.campaigns.add(name="Other")
    file = tmp_path / "leads.csv"
    file.write_text(
        "First name,Company,E-mail\n" + "".join(f"P{i},Company {i % 4},p{i}@x.example\n" for i in range(12))
    )
    crm.import_leads(file, campaign=salon)
    crm.import_leads(file, campaign=other)
    leads = list(crm.leads)
    crm.call(leads[0], "spoke")
    crm.note(leads[1], "no talk")
    crm.leads.update(leads[2], status="nurturing")
    crm.leads.delete(leads[3])
    old = crm.convert(leads[4]).conversion
    assert old is not None
    crm.undo(crm.convert(leads[5]))
    many = [result.conversion for result in crm.convert_many(leads[6:9])]
    assert many[0] is not None
    crm.convert(leads[9], deal="Opened with it")
    crm.win_deal(crm.open_deal("Won", contacts=[old.contact_id], amount="1 EUR"))
    crm.lose_deal(crm.open_deal("Lost", contacts=[old.contact_id]), "price")
    crm.undo(crm.open_deal("Undone", contacts=[many[0].contact_id]))

    found = {row["campaign_id"]: row for row in _rows(path, "lead_funnel")}

    steps = {
        "leads": FunnelStep.CAPTURED,
        "contacted": FunnelStep.CONTACTED,
        "converted": FunnelStep.CONVERTED,
        "with_deal": FunnelStep.WITH_DEAL,
        "won": FunnelStep.WON,
    }
    for campaign in (salon, other):
        with crm.workspace.reading() as view:
            context = crmkit.Context(view, crm.workspace.schema, at=datetime.now(UTC), actor=None)
            told = funnel(context, campaign.id).reached
        assert {name: found[campaign.id][name] for name in steps} == {name: told[step] for name, step in steps.items()}
    assert (found[salon.id]["won"], found[salon.id]["with_deal"]) == (1, 2)


def test_the_timeline_of_a_record_is_one_condition(crm: CRM, path: Path) -> None:
    lead = crm.leads.add(first_name="Jules", last_name="Etienne", email="jules@hospy.example")
    crm.leads.update(lead, status="qualified", reason="has a budget")
    crm.call(lead, "Liked it", body="wants an offer")
    crm.send("thank_you", people=[lead.id])
    crm.leads.delete(lead.id)
    crm.leads.restore(lead.id)
    deal = crm.open_deal("Studio")
    crm.move_deal(deal, "needs_analysis", reason="they called")

    told = [(e["kind"], e["text"], e["actor"]) for e in _rows(path, "timeline") if e["record_id"] == lead.id]
    steps = [(e["kind"], e["text"]) for e in _rows(path, "timeline") if e["record_id"] == deal.id]

    assert sorted(told, key=str) == [
        ("call", "Liked it: wants an offer", "Ada"),
        ("changed", "status: new → qualified", "Ada"),
        ("created", "lead Jules Etienne", "Ada"),
        ("deleted", None, "Ada"),
        ("mail", told[[kind for kind, _, _ in told].index("mail")][1], "Ada"),
        ("restored", None, "Ada"),
    ]
    assert {
        ("stage", "opened in Qualification"),
        ("stage", "moved to Needs analysis (they called)"),
        ("created", "deal Studio"),
    } <= set(steps)


def test_every_view_answers_and_the_timeline_of_one_record_scans_nothing(path: Path) -> None:
    SqliteStorage(path).prepare(builtin_schema(), create=True)

    with closing(sqlite3.connect(path)) as plain:
        for name in VIEWS:
            plain.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608  # names of ours
        plan = plain.execute("EXPLAIN QUERY PLAN SELECT * FROM timeline WHERE record_id = 'lead_1'").fetchall()

    scans = {line[3] for line in plan if line[3].startswith("SCAN")}
    assert scans <= {"SCAN e", "SCAN CONSTANT ROW", "SCAN f VIRTUAL TABLE INDEX 1:"}, "only what was found, and JSON"


def test_views_follow_the_tables(path: Path) -> None:
    small = SqliteStorage(path)
    small.prepare(SCHEMA, create=True)
    small.close()
    assert _views(path) == set()

    whole = SqliteStorage(path)
    whole.prepare(builtin_schema(), create=False)
    whole.close()
    assert _views(path) == VIEWS.keys()

    with closing(sqlite3.connect(path)) as plain:
        plain.executescript("DROP VIEW open_deals; CREATE VIEW open_deals AS SELECT 1; DROP VIEW timeline")
        plain.execute("CREATE VIEW my_own AS SELECT 2")
    SqliteStorage(path).prepare(builtin_schema(), create=False)

    assert _views(path) == VIEWS.keys() | {"my_own"}
    assert "stage" in _rows(path, "SELECT sql FROM sqlite_master WHERE name = 'open_deals'")[0]["sql"]


def test_a_view_makes_way_for_a_record_type_of_its_name(path: Path) -> None:
    SqliteStorage(path).prepare(builtin_schema(), create=True)
    schema = Schema([*builtin_schema(), record_type(Shelf, name="timeline", prefix="tl")])

    storage = SqliteStorage(path)
    storage.prepare(schema, create=False)

    with storage.read() as view:
        assert view.get_many("timeline", ["tl_1"]) == []
    assert _views(path) == VIEWS.keys() - {"timeline"}


def test_an_index_that_is_declared_later_is_made(path: Path) -> None:
    SqliteStorage(path).prepare(builtin_schema(), create=True)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("DROP INDEX lead_phone")

    SqliteStorage(path).prepare(builtin_schema(), create=False)

    assert _rows(path, "SELECT tbl_name FROM sqlite_master WHERE name = 'lead_phone'") == [{"tbl_name": "lead"}]


def test_sqlite_utils_shows_tables_links_and_views(crm: CRM, path: Path) -> None:
    hospy = crm.accounts.add(name="Hospy")
    crm.open_deal("Studio", account=hospy, amount=Money.from_minor(1234, "EUR"))
    crm.leads.add(first_name="Zoé", email="zoe@hospy.example")

    tables = {table["table"]: table for table in _utils("tables", path, "--columns", "--counts")}
    views = {view["view"]: view["count"] for view in _utils("views", path, "--counts")}
    deals = _utils("rows", path, "open_deals")
    linked = _utils("query", path, "SELECT a.name FROM deal JOIN account AS a ON a.id = deal.account_id")
    found = _utils("query", path, "SELECT rowid FROM lead_fts WHERE lead_fts MATCH 'zoe*'")

    assert tables["deal"]["columns"][:3] == ["id", "version", "created_at"]
    assert tables["deal"]["count"] == 1
    assert views == {"open_deals": 1, "open_leads": 1, "lead_funnel": 0, "timeline": 4}
    assert (deals[0]["amount"], deals[0]["account"]) == ("12.34", "Hospy")
    assert (linked, len(found)) == ([{"name": "Hospy"}], 1)


def test_a_link_leads_to_the_key_of_another_table_and_nothing_is_a_blob(path: Path) -> None:
    """Datasette follows a foreign key to the row that has it as its primary key."""
    SqliteStorage(path).prepare(builtin_schema(), create=True)

    with closing(sqlite3.connect(path)) as plain:
        for kind in builtin_schema():
            columns = plain.execute(f"PRAGMA table_info({kind.name})").fetchall()
            assert [name for _, name, _, _, _, key in columns if key] == ["id"]
            assert {type_ for _, _, type_, _, _, _ in columns} <= {"TEXT", "INTEGER"}
            assert {to for _, _, _, _, to, *_ in plain.execute(f"PRAGMA foreign_key_list({kind.name})")} <= {"id"}


def test_a_search_finds_what_it_should_after_a_vacuum(crm: CRM, path: Path) -> None:
    leads = crm.leads.add_many([{"first_name": f"Name{i}"} for i in range(20)])
    crm.leads.delete(leads[0])
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("VACUUM")

    crm.leads.add(first_name="Later")

    assert [hit.record.first_name for hit in crm.search("name17")] == ["Name17"]
    assert [hit.record.first_name for hit in crm.search("later")] == ["Later"]


class _Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def _rows(path: Path, what: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as plain:
        plain.row_factory = sqlite3.Row
        statement = what if what.startswith("SELECT") else f"SELECT * FROM {what}"  # noqa: S608  # names of ours
        return [dict(row) for row in plain.execute(statement)]


def _views(path: Path) -> set[str]:
    return {row["name"] for row in _rows(path, "SELECT name FROM sqlite_master WHERE type = 'view'")}


def _utils(command: str, path: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run sqlite-utils as a person would."""
    called = [sys.executable, "-m", "sqlite_utils", command, str(path), *arguments]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
