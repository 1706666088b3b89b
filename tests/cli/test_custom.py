"""Custom fields and record types on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import CommandLine

PLUGIN = """
import attrs
import crmkit

@crmkit.custom_fields("lead", "contact")
class BadgeScan:
    booth: str | None = None
    minutes: int | None = None

@crmkit.custom_record("stand", search=("name",), unique=[("name",)])
class Stand(crmkit.Record):
    name: str
    hall: str | None = None
    lead_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="lead"))
"""

Run = Callable[..., str]


@pytest.fixture
def run(shop: CommandLine) -> Run:
    """Run a command with the plugin."""
    (shop.folder / "fair.py").write_text(PLUGIN)

    def command(*arguments: str, code: int = 0) -> str:
        result = shop.run("--plugin", "fair.py", *arguments, code=code)
        return result.stdout if code == 0 else result.stderr

    return command


def test_fields_are_set_listed_shown_and_logged(run: Run, shop: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    changed = run("lead", "set", "Jules", "badge_scan.booth=B12", "badge_scan.minutes=7")

    assert "badge_scan.booth: – → B12" in changed
    assert [word in run("leads") for word in ("Booth", "B12", "Minutes")] == [True] * 3
    assert "badge scan.booth  B12" in " ".join(run("show", "Jules").split("\n")).replace("    ", "  ")
    assert "badge_scan.booth: – → B12" in " ".join(run("timeline", "Jules").split())
    assert "badge_scan.minutes is not a whole number" in run("lead", "set", "Jules", "badge_scan.minutes=x", code=3)
    assert "Booth" not in shop.out("leads")
    assert "badge_scan" not in shop.out("lead", "show", "Jules", "--json")


def test_json_has_fields_by_their_dotted_names(run: Run, shop: CommandLine) -> None:
    run("lead", "set", "Jules", "badge_scan.booth=B12")

    leads: list[dict[str, Any]] = shop.json("--plugin", "fair.py", "leads")

    assert {lead["first_name"]: lead["badge_scan.booth"] for lead in leads} == {
        "Zoé": None,
        "Marie": None,
        "Jules": "B12",
    }
    assert all("custom" not in lead for lead in leads)


def test_records_of_ones_own_are_added_changed_listed_and_removed(run: Run) -> None:
    assert run("add", "stand", "name=B12", "hall=Nord", "lead=Jules").startswith("Added the stand B12 (stand_")
    assert "hall: Nord → Sud" in run("set", "stands", "B12", "hall=Sud")
    run("note", "B12", "Needs more light")

    table = run("list", "stands")
    card = run("show", "B12", "--kind", "stand")
    assert [word in table for word in ("Name", "Hall", "B12", "Sud", "Jules ETIENNE", "1 stand")] == [True] * 6
    assert "Stand: B12" in card
    assert "Needs more light" in card
    assert "stands  B12" in " ".join(run("show", "Jules").split("\n")).replace("        ", "  ").replace("   ", " ")
    assert "(1 stand" in run("log")
    run("delete", "B12")
    assert run("list", "stand") == "0 stands\n"
    run("restore", "B12")
    assert run("export", "stands").splitlines()[1].count("B12") == 1


def test_generic_commands_know_the_built_in_kinds_and_refuse_others(run: Run) -> None:
    run("add", "account", "name=Phare")

    assert "Phare" in run("list", "accounts")
    assert run("list", "leads").splitlines() == run("leads").splitlines()
    assert "there is no record type 'stnd'" in run("list", "stnd", code=4)
    assert "did you mean stand" in run("add", "stnd", "name=x", code=4)


def test_a_file_is_read_as_records_of_a_kind(run: Run, shop: CommandLine) -> None:
    (shop.folder / "stands.csv").write_text("Name,Hall,Lead\nA1,Nord,Jules\n,Sud,\n")

    assert "2 rows read = 1 created + 1 rejected" in run("import", "stands.csv", "--kind", "stands")
    assert "2 rows read = 1 unchanged + 1 rejected" in run("import", "stands.csv", "--kind", "stand")


def test_a_column_is_mapped_to_a_custom_field(run: Run, shop: CommandLine) -> None:
    (shop.folder / "scans.csv").write_text("Email,Where\nada@x.example,B12\n")

    run("import", "scans.csv", "--importer", "csv", "--map", "Where=badge_scan.booth")

    leads = shop.json("--plugin", "fair.py", "leads", "--where", "badge_scan.booth = B12")
    assert [lead["email"] for lead in leads] == ["ada@x.example"]
    assert "did you mean badge_scan.booth" in run(
        "import", "scans.csv", "--importer", "csv", "--map", "Where=badge_scan.boot", code=3
    )
