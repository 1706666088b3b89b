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


def test_an_unknown_kind_is_told_with_what_comes_close(shop: CommandLine) -> None:
    assert "did you mean leads" in shop.run("export", "leds", code=4).stderr


def test_a_file_that_cannot_be_written_is_refused(shop: CommandLine) -> None:
    assert "cannot be written" in shop.run("export", "leads", "nowhere/leads.csv", code=3).stderr
