"""Exporting the whole workspace: everything but the log, the same bytes for the same content."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from crmkit import CRM
from crmkit.errors import RejectedError

from .world import BadgeScan, Booth, content, opened, stored


def lines(crm: CRM) -> list[dict[str, Any]]:
    stream = io.StringIO()
    crm.export_all(stream)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_type_travels_but_the_log(shop: CRM) -> None:
    header, *records = lines(shop)

    assert {name for record in records for name in record} == content(shop).keys()
    assert content(shop).keys() >= {"import_row", "conversion", "merge", "consent", "delivery", "stage_change", "visit"}
    assert header["types"].keys() == shop.workspace.schema.types.keys() - {"operation", "change"}


def test_the_first_line_says_what_comes_and_how_much(shop: CRM) -> None:
    header, *records = lines(shop)

    assert (header["crmkit"], header["format"]) == ("workspace", 1)
    assert header["types"]["lead"]["count"] == sum("lead" in record for record in records)
    assert header["types"]["lead"]["fields"]["badge_scan.topics"] == {"kind": "json"}
    assert header["types"]["visit"]["fields"]["booth_id"] == {"kind": "text", "references": "booth"}


def test_a_type_stands_behind_those_it_refers_to(shop: CRM) -> None:
    _, *records = lines(shop)

    there: set[str] = set()
    for record in records:
        [(name, values)] = record.items()
        for field in shop.workspace.schema[name].references:
            target = values.get(field.name)
            assert target is None or target in there, (name, field.name)
        there.add(values["id"])


def test_values_are_exact_and_plain(shop: CRM) -> None:
    _, *records = lines(shop)

    [visit] = [record["visit"] for record in records if "visit" in record]
    [booth] = [record["booth"] for record in records if "booth" in record]
    [account] = [r["account"] for r in records if "account" in r and r["account"]["name"] == "Gone"]
    converted = next(r["lead"] for r in records if "lead" in r and r["lead"]["status"] == "converted")
    assert visit["answers"] == {"why": ["é", None, 1.5]}
    assert booth["size"] == "12.5"
    assert account["deleted_at"].endswith("Z")
    assert (converted["badge_scan.hot"], converted["badge_scan.topics"]) == (True, ["audio"])
    assert not {"operation_id", "source_row", "search_text", "email_key"} & converted.keys()


def test_of_imported_rows_only_those_travel_by_which_a_row_is_known_again(shop: CRM) -> None:
    rows = [record["import_row"] for record in lines(shop)[1:] if "import_row" in record]

    assert (len(rows), {row.outcome.value for row in shop.collection("import_row")}) == (1, {"duplicate", "rejected"})
    assert (rows[0]["outcome"], "import_key" in rows[0], "cells" in rows[0]) == ("duplicate", True, False)


def test_the_count_of_each_type_is_told(shop: CRM, tmp_path: Path) -> None:
    counts = shop.export_all(tmp_path / "all.jsonl")

    assert counts["lead"] == 3
    assert sum(counts.values()) == len((tmp_path / "all.jsonl").read_text("utf-8").splitlines()) - 1
    assert "lead_source" not in counts  # it has none


def test_the_past_can_be_exported(shop: CRM) -> None:
    before = shop.log(limit=100)[-2].operation  # only what it began with was there

    kinds = {name for record in lines(shop.at(before, before=True))[1:] for name in record}

    assert kinds == {"pipeline", "stage", "template"}


def test_an_open_operation_is_not_exported(shop: CRM) -> None:
    with shop.operation("many"), pytest.raises(RejectedError, match="open operation"):
        shop.export_all(io.StringIO())


def test_a_file_that_cannot_be_written_leaves_nothing(shop: CRM, tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="cannot be written"):
        shop.export_all(tmp_path / "nowhere" / "all.jsonl")

    assert list(tmp_path.glob("*.jsonl")) == []


def test_what_plugins_declared_that_are_absent_is_written_all_the_same(tmp_path: Path) -> None:
    with stored("sqlite", tmp_path, "crm") as storage:
        crm = opened(storage)
        crm.leads.add(BadgeScan(booth="B12"), first_name="Ada")
        crm[Booth].add(name="Stand 7")
        expected = lines(crm)

        assert lines(opened(storage, fields=(), types=())) == expected


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_every_type_can_be_exported_alone_too(shop: CRM, tmp_path: Path, ending: str) -> None:
    counts = {
        kind.name: shop.export(kind.plural, tmp_path / f"{kind.plural}.{ending}", deleted=True)
        for kind in shop.workspace.schema
    }

    assert {name: count for name, count in counts.items() if name in content(shop) and name != "import_row"} == {
        name: len(rows) for name, rows in content(shop).items() if name != "import_row"
    }
    assert counts["operation"] == len(shop.log(limit=1000))
