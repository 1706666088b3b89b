"""Workbooks: typed cells, no formula, bounded sheets, and the same records when they are read back."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from crmkit import CRM
from crmkit.errors import ConfigError, RejectedError
from crmkit.services.exporting import workbook
from crmkit.services.sources import FileSource
from crmkit.services.tabular import unprotected

from .conftest import Records, opened


def sheet(path: Path, place: int = 0) -> list[dict[str, Any]]:
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(place).to_python()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_cells_are_numbers_days_and_moments(crm: CRM, shop: Records, tmp_path: Path) -> None:
    crm.export("deals", tmp_path / "deals.xlsx")

    [row] = sheet(tmp_path / "deals.xlsx")
    deal = crm.deals.get(shop.deal)
    assert (row["amount"], row["amount_currency"], row["probability_percent"]) == (1234.5, "EUR", 10)
    assert row["expected_close_on"] == date(2026, 12, 31)
    assert row["created_at"] == deal.created_at.replace(microsecond=0, tzinfo=None)
    assert isinstance(row["created_at"], datetime)
    assert (row["account"], row["contacts"]) == ("Hospy; Médias, SA", "Jules Etienne (decision_maker)")


@pytest.mark.usefixtures("shop")
def test_custom_fields_are_typed_too(crm: CRM, tmp_path: Path) -> None:
    crm.export("leads", tmp_path / "leads.xlsx")

    [row] = sheet(tmp_path / "leads.xlsx")
    assert (row["badge_scan.booth"], row["badge_scan.minutes"], row["badge_scan.hot"]) == ("B12", 7, True)
    assert row["phone"] == "+33199004120"


def test_no_cell_is_a_formula_or_becomes_one_when_it_is_edited(crm: CRM, tmp_path: Path) -> None:
    crm.leads.add(first_name='=HYPERLINK("http://x")', last_name="@SUM(1)", company="https://example.com")
    crm.export("leads", tmp_path / "leads.xlsx")

    with zipfile.ZipFile(tmp_path / "leads.xlsx") as parts:
        cells, styles = parts.read("xl/worksheets/sheet1.xml").decode(), parts.read("xl/styles.xml").decode()
        names = parts.namelist()
    quoted = [
        i for i, style in enumerate(re.findall(r"<xf [^>]*>", styles.split("<cellXfs")[1])) if "quotePrefix" in style
    ]
    [style] = {style for style, text in re.findall(r'<c r="\w+" s="(\d+)" t="inlineStr"><is><t>([=@])', cells)}
    assert "<f>" not in cells
    assert int(style) in quoted
    assert not any("hyperlink" in name.lower() for name in names)


def test_numbers_that_a_spreadsheet_would_round_are_texts(tmp_path: Path) -> None:
    with opened() as crm:
        crm.accounts.add(name="Big", size=12345678901234567)
        crm.export("accounts", tmp_path / "accounts.xlsx")

    assert sheet(tmp_path / "accounts.xlsx")[0]["size"] == "12345678901234567"


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (Decimal("0.1"), True),
        (Decimal(1234567890123456), False),
        (Decimal("1e20"), False),
        (10**15 - 1, True),
        (10**15, False),
        (True, True),
        (date(1899, 12, 31), False),
        (date(1901, 1, 1), True),
    ],
)
def test_what_a_cell_holds_exactly(value: object, fits: bool) -> None:  # noqa: FBT001  # a table of truth
    assert workbook._fits(value) is fits  # noqa: SLF001  # the rule as such


def test_what_has_no_room_on_a_sheet_goes_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 11)
    with opened() as crm:
        crm.accounts.add_many([{"name": f"Account {n:02}"} for n in range(25)])
        count = crm.export("accounts", tmp_path / "accounts.xlsx")

    names = CalamineWorkbook.from_path(tmp_path / "accounts.xlsx").sheet_names
    rows = [row["name"] for place in range(3) for row in sheet(tmp_path / "accounts.xlsx", place)]
    assert (count, names) == (25, ["accounts", "accounts 2", "accounts 3"])
    assert rows == [f"Account {n:02}" for n in range(25)]


def test_a_text_that_no_cell_holds_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with opened() as crm:
        crm.leads.add(first_name="Ada", notes="𝒜" * 16_384)  # each of them counts twice
        with pytest.raises(RejectedError, match=r"notes of lead_.* has 16384 characters") as caught:
            crm.export("leads", tmp_path / "leads.xlsx")

    assert "CSV" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with opened() as crm, pytest.raises(ConfigError) as caught:
        crm.export("leads", tmp_path / "leads.xlsx")

    assert "crmkit[xlsx]" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_goes_to_a_stream_of_bytes_only(tmp_path: Path) -> None:
    with opened() as crm:
        stream = io.BytesIO()
        crm.export("stages", stream, format="xlsx")
        with pytest.raises(RejectedError, match="stream of bytes"):
            crm.export("stages", io.StringIO(), format="xlsx")
        with pytest.raises(RejectedError, match="stream of text"):
            crm.export("stages", io.BytesIO(), format="csv")

    (tmp_path / "stages.xlsx").write_bytes(stream.getvalue())
    assert len(sheet(tmp_path / "stages.xlsx")) == 6


SIGNS = "=+-@＝'\"\t"
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(SIGNS + "0 _x"), min_size=1)


@given(st.lists(texts.filter(str.strip), min_size=1, max_size=5, unique=True))
@example(["'=1+1"])
def test_texts_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("law") / "accounts.xlsx"
    with opened() as crm:
        crm.accounts.add_many([{"name": name} for name in names])
        stored = [account.name for account in crm.accounts]
        crm.export("accounts", path)

    cells = [str(row["name"]) for row in sheet(path)]
    assert sorted(unprotected(cell) for cell in cells) == sorted(stored)


@pytest.mark.usefixtures("shop")
def test_records_are_the_same_when_they_are_read_back(crm: CRM, tmp_path: Path) -> None:
    for kind in ("accounts", "contacts", "leads", "activities", "deals"):
        crm.export(kind, tmp_path / f"{kind}.xlsx")

    reports = [
        crm.import_records(kind, FileSource(tmp_path / f"{kind}.xlsx"))
        for kind in ("accounts", "contacts", "leads", "activities", "deals")
    ]

    assert [(report.read, report.unchanged) for report in reports] == [(1, 1)] * 5
