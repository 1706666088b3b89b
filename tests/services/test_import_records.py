"""Tables of records of one's own: how their days and numbers are written is found out as for leads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import attrs
import pytest

import crmkit
from crmkit import CRM, Money
from crmkit.core.ports.sources import ReadingOptions
from crmkit.services.import_records import import_records
from crmkit.services.sources import BytesSource


@crmkit.custom_record("booth", unique=[("code",)])
@attrs.frozen(kw_only=True)
class Booth(crmkit.Record):
    code: str
    built_on: date | None = None
    opens_at: datetime | None = None
    size: Decimal | None = None
    rent: Money | None = None


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", create=True, discover=False, record_types=[Booth]) as crm:
        yield crm


def test_days_and_numbers_are_read_as_their_column_writes_them(crm: CRM) -> None:
    table = (
        "code;built_on;opens_at;size;rent\n"
        "A;03/04/2026;03/04/2026 09:30;12,5;1 234,56 EUR\n"
        "B;25/04/2026;2026-04-25 09:30;1.234;7 EUR\n"
    )
    report = crm.import_records(Booth, BytesSource("booths.csv", table.encode()))

    first, second = sorted(crm[Booth], key=lambda booth: booth.code)
    assert (first.built_on, first.opens_at) == (date(2026, 4, 3), datetime(2026, 4, 3, 9, 30, tzinfo=UTC))
    assert (first.size, first.rent) == (Decimal("12.5"), Money("1234.56", "EUR"))
    assert (second.size, second.opens_at) == (Decimal(1234), datetime(2026, 4, 25, 9, 30, tzinfo=UTC))
    assert {each.what for each in report.findings} >= {"delimiter", "dates in 'built_on'", "numbers in 'size'"}


def test_the_order_of_dates_can_be_said(crm: CRM) -> None:
    table = BytesSource("booths.csv", b"code,built_on\nA,03/04/2026\nB,25/04/2026\n")

    report = import_records(crm.workspace, "booth", table, options=ReadingOptions(date_order="mdy")).value

    assert [booth.built_on for booth in crm[Booth]] == [date(2026, 3, 4)]
    assert (report.rejected, report.problems[0].reason) == (
        1,
        "built_on is no day read month first; read day first it is one",
    )


def test_what_crmkit_wrote_itself_is_read_as_it_was_whatever_the_country(crm: CRM) -> None:
    table = BytesSource("booths.csv", b"code,size\nA,1.234\nB,2.500\n")

    import_records(crm.workspace, "booth", table, options=ReadingOptions(region="FR"))

    assert {booth.size for booth in crm[Booth]} == {Decimal("1.234"), Decimal("2.5")}


def test_json_is_written_in_one_way(crm: CRM) -> None:
    lines = BytesSource(
        "booths.jsonl", b'{"code": "A", "size": "1.234", "rent": {"amount": "1.50", "currency": "EUR"}}\n'
    )

    import_records(crm.workspace, "booth", lines, options=ReadingOptions(region="FR"))

    [booth] = crm[Booth]
    assert (booth.size, booth.rent) == (Decimal("1.234"), Money("1.50", "EUR"))
