"""Exporting from the command line."""

from __future__ import annotations

import csv
import json

import pytest

from .conftest import CommandLine


def test_a_table_goes_to_a_file(shop: CommandLine) -> None:
    text = shop.out("export", "leads", "leads.csv", "--delimiter", ";")

    assert text == "Wrote 3 records to leads.csv.\n"
    with (shop.folder / "leads.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert {row["company"] for row in rows} == {"Hospy Médias", "Petit & Fils"}
    assert {row["campaign"] for row in rows} == {"Salon 2026", ""}
    assert {row["owner"] for row in rows} == {"Ada", ""}


@pytest.mark.parametrize("tab", ["tab", "\\t", "\t"])
def test_a_tab_can_be_said(shop: CommandLine, tab: str) -> None:
    header = shop.run("export", "leads", "--delimiter", tab).stdout.splitlines()[0]

    assert "id\t" in header


def test_a_table_goes_to_standard_output_and_the_count_beside_it(shop: CommandLine) -> None:
    result = shop.run("export", "campaign")

    assert [row["name"] for row in csv.DictReader(result.stdout.splitlines())] == ["Salon 2026"]
    assert result.stderr == "Wrote 1 record.\n"


@pytest.mark.parametrize("arguments", [("leads.jsonl",), ("leads.txt", "--format", "jsonl")])
def test_json_lines_are_chosen_by_name_or_option(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    shop.run("export", "leads", *arguments)

    lines = (shop.folder / arguments[0]).read_text("utf-8").splitlines()
    assert sorted(json.loads(line)["first_name"] for line in lines) == ["Jules", "Marie", "Zoé"]


def test_what_was_exported_is_imported_as_it_was(shop: CommandLine) -> None:
    shop.run("export", "leads", "leads.csv")
    shop.run("--db", "other.db", "init")

    shop.run("--db", "other.db", "import", "leads.csv")

    jules = shop.json("--db", "other.db", "lead", "show", "jules@hospy.fr")["record"]
    assert (jules["phone"], jules["city"], jules["company"]) == ("+33612345678", "Lyon", "Hospy Médias")


def test_a_workbook_and_cards_are_chosen_by_name(shop: CommandLine) -> None:
    shop.run("export", "leads", "leads.xlsx")
    shop.run("export", "leads", "leads.vcf")

    assert (shop.folder / "leads.xlsx").read_bytes().startswith(b"PK")
    assert (shop.folder / "leads.vcf").read_text("utf-8").count("END:VCARD") == 3
    assert shop.run("export", "campaigns", "--format", "xlsx").stdout_bytes.startswith(b"PK")


def test_everything_goes_to_a_fresh_workspace(shop: CommandLine) -> None:
    told = shop.out("export", "--all", "all.jsonl")
    shop.run("--db", "other.db", "init")

    imported = shop.out("--db", "other.db", "import", "all.jsonl")
    again = shop.out("--db", "other.db", "import", "--all", "all.jsonl")

    count = len((shop.folder / "all.jsonl").read_text("utf-8").splitlines()) - 1
    assert told == f"Wrote {count} records to all.jsonl.\n"
    assert f"{count} rows read = {count} created" in imported
    assert f"{count} rows read = {count} unchanged" in again
    before, after = shop.json("leads"), shop.json("--db", "other.db", "leads")
    log = ("operation_id", "source_row")  # it stays where it is
    assert [{**lead, **dict.fromkeys(log)} for lead in after] == [{**lead, **dict.fromkeys(log)} for lead in before]


def test_the_past_is_exported(shop: CommandLine) -> None:
    shop.run("lead", "add", "first_name=New")
    added = shop.json("log")[0]["operation"]["id"]
    shop.run("undo", added)

    now, then = shop.run("export", "leads").stdout, shop.run("export", "leads", "--at", added).stdout

    assert (now.count("New"), then.count("New")) == (0, 1)
    assert '"New"' in shop.run("export", "--all", "--at", added).stdout


def test_everything_goes_through_a_pipe_too(shop: CommandLine) -> None:
    lines = shop.run("export", "--all").stdout
    shop.run("--db", "other.db", "init")

    shop.run("--db", "other.db", "import", "-", "--dry-run", input=lines)
    result = shop.run("--db", "other.db", "import", "-", "--json", input=lines)

    assert json.loads(result.stdout)["result"]["created"] == len(lines.splitlines()) - 1
    assert json.loads(shop.run("export", "--all", "all.jsonl", "--json").stdout)["kinds"]["lead"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "--all", "leads", "all.jsonl"),
        ("export", "--all", "all.csv", "--format", "csv"),
        ("export", "--all", "all.jsonl", "--where", "name = x"),
        ("import", "all.jsonl", "--campaign", "Salon 2026"),
        ("import", "all.jsonl", "--explain"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    shop.run("export", "--all", "all.jsonl")

    shop.run(*arguments, code=2)


def test_a_workspace_that_holds_something_refuses_another(shop: CommandLine) -> None:
    shop.run("export", "--all", "all.jsonl")

    assert "holds something already: 1 user, 1 campaign" in shop.run("import", "all.jsonl", code=3).stderr


def test_an_unknown_kind_is_told_with_what_comes_close(shop: CommandLine) -> None:
    assert "did you mean leads" in shop.run("export", "leds", code=4).stderr


def test_a_file_that_cannot_be_written_is_refused(shop: CommandLine) -> None:
    assert "cannot be written" in shop.run("export", "leads", "nowhere/leads.csv", code=3).stderr
