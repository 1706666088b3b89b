"""Exports: every record, typed or as text, and nothing a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.query import Compare, Op
from crmkit.core.values.money import Money
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.collections import Collection
from crmkit.services.edit import add_records
from crmkit.services.export import export_records
from crmkit.services.operations import Outcome
from crmkit.services.tabular import protected, unprotected
from crmkit.services.workspace import Workspace
from tests.mailing import make

FORMULA_SIGNS = "=+-@＝＋－＠"


def add(workspace: Workspace, kind: str, *rows: dict[str, object]) -> list[str]:
    outcome: Outcome[list[object]] = add_records(workspace, kind, rows)
    return [record.id for record in outcome.value]  # type: ignore[attr-defined]  # every record has one


def table(workspace: Workspace, kind: str, path: Path, **options: str) -> list[dict[str, str]]:
    export_records(workspace, kind, path, **options)  # type: ignore[arg-type]  # options are texts here
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=options.get("delimiter", ",")))


def test_a_table_says_references_by_id_and_by_name(workspace: Workspace, tmp_path: Path) -> None:
    (account,) = add(workspace, "account", {"name": "Hospy Médias"})
    add(workspace, "contact", {"first_name": "Jules", "last_name": "Etienne", "account_id": account})

    (row,) = table(workspace, "contact", tmp_path / "contacts.csv")

    assert row["account_id"] == account
    assert row["account"] == "Hospy Médias"


def test_a_table_has_money_and_tags_as_people_write_them(workspace: Workspace, tmp_path: Path) -> None:
    budget = Money("12000", "EUR")
    add(workspace, "campaign", {"name": "Forum", "budget": budget, "tags": ["salon", "lyon"]})

    (row,) = table(workspace, "campaigns", tmp_path / "campaigns.csv")

    assert row["budget"] == "12000.00 EUR"
    assert row["tags"] == "lyon, salon"


def test_a_table_begins_with_a_byte_order_mark_so_that_excel_reads_accents(
    workspace: Workspace, tmp_path: Path
) -> None:
    export_records(workspace, "lead", tmp_path / "leads.csv")

    assert (tmp_path / "leads.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_table_has_no_formula_and_phone_numbers_come_back(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "lead", {"last_name": '=HYPERLINK("http://x")', "phone": "+33199004119"})

    (row,) = table(workspace, "lead", tmp_path / "leads.csv", delimiter=";")

    assert row["last_name"] == '\'=HYPERLINK("http://x")'
    assert row["phone"] == "'+33199004119"
    assert unprotected(row["phone"]) == "+33199004119"


def test_json_lines_keep_the_types(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "campaign", {"name": "Forum", "budget": Money("12000", "EUR"), "starts_on": "2026-03-01"})

    export_records(workspace, "campaign", tmp_path / "campaigns.jsonl", format="jsonl")
    (line,) = (tmp_path / "campaigns.jsonl").read_text("utf-8").splitlines()

    record = json.loads(line)
    assert record["budget"] == {"amount": "12000.00", "currency": "EUR"}
    assert record["starts_on"] == "2026-03-01"
    assert record["tags"] == []
    assert record["version"] == 1


def test_an_export_goes_to_an_open_stream_too(workspace: Workspace) -> None:
    add(workspace, "account", {"name": "A"}, {"name": "B"})
    stream = io.StringIO()

    count = export_records(workspace, "account", stream, where=["name = B"])

    assert count == 1
    assert [row["name"] for row in csv.DictReader(io.StringIO(stream.getvalue()))] == ["B"]


def test_deleted_records_stay_out_unless_they_are_asked_for(workspace: Workspace) -> None:
    (account,) = add(workspace, "account", {"name": "A"})
    Collection(workspace, "account").delete(account)

    assert export_records(workspace, "account", io.StringIO()) == 0
    assert export_records(workspace, "account", io.StringIO(), deleted=True) == 1


def test_more_than_one_batch_is_written_whole(workspace: Workspace) -> None:
    make(workspace, "account", [{"name": f"Account {n}"} for n in range(1001)])
    stream = io.StringIO()

    count = export_records(workspace, "account", stream, format="jsonl")

    assert count == 1001
    assert len(stream.getvalue().splitlines()) == 1001


def test_a_file_that_cannot_be_written_is_a_refusal_and_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="cannot be written"):
        export_records(workspace, "lead", tmp_path / "nowhere" / "leads.csv")

    assert list(tmp_path.glob("*.csv")) == []


def test_what_is_there_stays_when_an_export_fails(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("precious", encoding="utf-8")

    with pytest.raises(NotFoundError):
        export_records(workspace, "lead", path, where=[Compare("nonsense", Op.EQ, "x")])

    assert path.read_text(encoding="utf-8") == "precious"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".leads")] == []


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_a_delimiter_that_parts_nothing_is_refused(workspace: Workspace, delimiter: str) -> None:
    with pytest.raises(RejectedError, match="delimiter"):
        export_records(workspace, "lead", io.StringIO(), delimiter=delimiter)


def test_an_unknown_record_type_is_named_with_what_comes_close(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError) as caught:
        export_records(workspace, "laeds", io.StringIO())

    assert "leads" in caught.value.hint


texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(FORMULA_SIGNS + "'\t\r\n 0"))


@given(texts)
def test_no_exported_cell_begins_like_a_formula(text: str) -> None:
    cell = protected(text)

    assert not cell.startswith(("\t", "\r"))
    assert cell.lstrip(" \t\r\n\x0b\x0c\x00\xa0\u3000")[:1] not in tuple(FORMULA_SIGNS)


@given(st.lists(texts, min_size=1))
def test_a_table_that_is_read_back_has_the_same_texts(row: list[str]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerow([protected(text) for text in row])

    (read,) = csv.reader(io.StringIO(stream.getvalue(), newline=""))

    assert [unprotected(cell) for cell in read] == row
