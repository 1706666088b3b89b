"""How dates and numbers are written is told by their column, and custom fields are read so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

import crmkit
from crmkit import CRM, Money
from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import ReadingOptions
from crmkit.errors import RejectedError
from crmkit.services.sources import BytesSource


@crmkit.custom_fields("lead")
@attrs.frozen(kw_only=True)
class Visit:
    seen_on: date | None = None
    seen_at: datetime | None = None
    people: int | None = None
    share: Decimal | None = None
    budget: Money | None = None
    hot: bool = False


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", create=True, discover=False, fields=[Visit]) as crm:
        yield crm


def take(crm: CRM, header: str, *rows: str, **options: str) -> ImportReport:
    """Import rows of people: a number is the rest of their name and address."""
    lines = [f"Email;{header}", *(f"p{number}@x.example;{row}" for number, row in enumerate(rows))]
    source = BytesSource("visits.csv", "\n".join([*lines, ""]).encode())
    return crm.import_leads(source, importer="csv", options=ReadingOptions(delimiter=";", **options))  # type: ignore[arg-type]  # as given


def found(report: ImportReport, what: str) -> tuple[str, str]:
    return next((each.value, each.evidence) for each in report.findings if each.what == what)


def visits(crm: CRM) -> list[Visit]:
    return [crm.leads.find(f"p{number}@x.example")[Visit] for number in range(crm.leads.count())]


def test_one_day_above_twelve_decides_for_its_column(crm: CRM) -> None:
    report = take(crm, "Seen on", "03/04/2026", "25/04/2026")

    assert [visit.seen_on for visit in visits(crm)] == [date(2026, 4, 3), date(2026, 4, 25)]
    assert found(report, "dates in 'Seen on'") == ("day first", "'25/04/2026' on line 3 can be nothing else")


def test_the_values_of_a_column_go_before_the_language_of_the_header(crm: CRM) -> None:
    report = take(crm, "Prénom;Nom;Seen on", "Zoé;Petit;03/04/2026", "Léa;Roux;04/25/2026")

    assert visits(crm)[0].seen_on == date(2026, 3, 4)
    assert found(report, "dates in 'Seen on'")[0] == "month first"


def test_a_column_that_says_nothing_follows_one_that_does(crm: CRM) -> None:
    report = take(crm, "Seen on;Created", "03/04/2026;04/25/2026")

    assert visits(crm)[0].seen_on == date(2026, 3, 4)
    assert found(report, "dates in 'Seen on'") == ("month first", "as in 'Created', for no value here tells")


@pytest.mark.parametrize(
    ("header", "options", "month", "evidence"),
    [
        ("Prénom;Seen on", {}, 4, "the language of the header, fr, is spoken"),
        ("First name;Seen on", {"region": "GB"}, 4, "it is so in GB"),
        ("First name;Seen on", {"region": "US"}, 3, "it is so in US"),
        ("First name;Seen on", {}, 3, "ambiguous: no day is above 12"),
        ("Foo;Seen on", {}, 4, "ambiguous: no day is above 12"),
    ],
)
def test_where_no_value_tells_country_and_language_do_and_a_guess_is_said_to_be_one(
    crm: CRM, header: str, options: dict[str, str], month: int, evidence: str
) -> None:
    report = take(crm, header, "Zoé;03/04/2026", **options)

    seen_on = visits(crm)[0].seen_on
    assert seen_on is not None
    assert seen_on.month == month
    assert evidence in found(report, "dates in 'Seen on'")[1]


def test_the_order_that_is_asked_for_goes_before_all(crm: CRM) -> None:
    report = take(crm, "Seen on", "03/04/2026", "04/25/2026", date_order="dmy")

    assert [visit.seen_on for visit in visits(crm)] == [date(2026, 4, 3), None]
    assert crm.leads.find("p1@x.example").extra == {"Seen on": "04/25/2026"}
    assert report.problems[0].reason == (
        "visit.seen_on '04/25/2026': is no day read day first; read month first it is one"
    )
    assert found(report, "dates in 'Seen on'") == ("day first", "as asked for")


def test_a_wrong_order_or_region_is_refused(crm: CRM) -> None:
    with pytest.raises(RejectedError) as caught:
        take(crm, "Seen on", "03/04/2026", date_order="ydm", region="Atlantis")

    assert caught.value.reasons == (
        "date_order must be dmy or mdy or ymd, not 'ydm'",
        "region must be a country such as FR, not 'Atlantis'",
    )


def test_a_value_against_the_rest_of_its_column_is_kept_as_written_and_reported(crm: CRM) -> None:
    report = take(crm, "Seen on", "25/04/2026", "26/04/2026", "04/27/2026")

    assert visits(crm)[2].seen_on is None
    assert crm.leads.find("p2@x.example").extra == {"Seen on": "04/27/2026"}
    evidence = found(report, "dates in 'Seen on'")[1]
    assert evidence.endswith("as 2 values; but 1 cannot be read so, as '04/27/2026' on line 4")


def test_days_parted_by_dots_are_day_first(crm: CRM) -> None:
    report = take(crm, "First name;Seen on", "Zoé;03.04.26")

    assert visits(crm)[0].seen_on == date(2026, 4, 3)
    assert found(report, "dates in 'Seen on'") == ("day first", "dots part day, month and year")


def test_a_day_far_down_decides_as_well(crm: CRM) -> None:
    rows = ["03/04/2026"] * 2500
    take(crm, "Seen on", *rows, "04/25/2026")

    assert crm.leads.find("p0@x.example")[Visit].seen_on == date(2026, 3, 4)


def test_moments_without_a_zone_are_utc_and_that_is_said(crm: CRM) -> None:
    report = take(crm, "Seen at", "25/04/2026 14:05", "26/04/2026 02:05 PM", "2026-04-27T14:05:00+02:00")

    assert [visit.seen_at for visit in visits(crm)] == [
        datetime(2026, 4, 25, 14, 5, tzinfo=UTC),
        datetime(2026, 4, 26, 14, 5, tzinfo=UTC),
        datetime(2026, 4, 27, 12, 5, tzinfo=UTC),
    ]
    assert found(report, "times in 'Seen at'") == ("UTC", "they name no time zone")


def test_days_that_a_spreadsheet_counts_are_days(crm: CRM) -> None:
    take(crm, "Seen on;Seen at", "45306;45306.5")

    (visit,) = visits(crm)
    assert (visit.seen_on, visit.seen_at) == (date(2024, 1, 15), datetime(2024, 1, 15, 12, tzinfo=UTC))


def test_decimals_are_read_as_their_column_writes_them(crm: CRM) -> None:
    report = take(crm, "Share;People;Budget (EUR)", "1.234;1 234;1.234", "5,5;12;12,50")

    first, second = visits(crm)
    assert (first.share, second.share) == (Decimal(1234), Decimal("5.5"))
    assert (first.people, second.people) == (1234, 12)
    assert found(report, "numbers in 'Share'") == ("decimal comma", "'5,5' on line 3 can be nothing else")


def test_an_amount_takes_the_currency_of_its_header_unless_it_names_one(crm: CRM) -> None:
    take(crm, "Budget (EUR)", "1.234,50", "12,5 $", "7")
    mapped = BytesSource("more.csv", b"Email;Umsatz EUR\nq@x.example;1 234,5\n")

    crm.import_leads(mapped, importer="csv", options=ReadingOptions(mapping={"Umsatz EUR": "visit.budget"}))

    budgets = [crm.leads.find(f"{name}@x.example")[Visit].budget for name in ("p0", "p1", "p2", "q")]
    assert budgets == [Money("1234.50", "EUR"), Money("12.50", "USD"), Money(7, "EUR"), Money("1234.50", "EUR")]


@pytest.mark.parametrize(
    ("header", "share", "evidence"),
    [
        ("Prénom;Share", Decimal(1234), "the language of the header, fr, is spoken"),
        ("First name;Share", Decimal("1.234"), "ambiguous: three digits stand behind the only sign of each"),
    ],
)
def test_numbers_that_tell_nothing_follow_the_language_or_are_said_to_be_ambiguous(
    crm: CRM, header: str, share: Decimal, evidence: str
) -> None:
    report = take(crm, header, "Zoé;1.234")

    assert visits(crm)[0].share == share
    assert evidence in found(report, "numbers in 'Share'")[1]


def test_a_yes_is_read_in_any_language(crm: CRM) -> None:
    take(crm, "Hot", "Oui", "Nein", "perhaps")

    assert [visit.hot for visit in visits(crm)] == [True, False, False]
    assert crm.leads.find("p2@x.example").extra == {"Hot": "perhaps"}


def test_what_has_no_field_stays_as_written_and_how_it_would_be_read_is_told(crm: CRM) -> None:
    report = take(crm, "Signed", "03/04/2026", "25/04/2026")

    assert crm.leads.find("p0@x.example").extra == {"Signed": "03/04/2026"}
    assert found(report, "dates in 'Signed'")[0] == "day first"


def test_words_with_few_dates_are_no_column_of_dates(crm: CRM) -> None:
    report = take(crm, "Remark", "call 03/04", "03/04/2026", "later", "now")

    assert [each.what for each in report.findings if "Remark" in each.what] == []


def test_an_import_that_is_resumed_reads_dates_as_it_began(crm: CRM) -> None:
    rows = [f"p{number}@x.example;{'25' if number == 0 else '03'}/04/2026" for number in range(6)]
    source = BytesSource("visits.csv", "\n".join(["Email;Seen on", *rows, ""]).encode())

    def stop(_progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crm.import_leads(source, importer="csv", batch_size=2, progress=stop)
    crm.import_leads(source, importer="csv")

    assert {visit.seen_on for visit in visits(crm)} == {date(2026, 4, 25), date(2026, 4, 3)}


def test_rejected_rows_are_read_as_the_file_was_from_which_they_come(crm: CRM, tmp_path: Path) -> None:
    good = ("ann@x.example;03/25/2026;12,5;06 12 34 56 78;fr", "cid@x.example;;;01 42 68 53 00;")
    rows = [*good, "bob@;03/04/2026;1.234;;"]
    text = "\n".join(["Email;Seen on;Share;Phone;Tags", *rows, ""])
    rejects = tmp_path / "rejects.csv"
    crm.import_leads(BytesSource("visits.csv", text.encode()), importer="csv", rejects=rejects)
    mended = rejects.read_text("utf-8-sig").replace("bob@;", "bob@x.example;").replace("4;;", "4;01 42 68 53 00;")
    rejects.write_text(mended, encoding="utf-8")

    report = crm.import_leads(rejects, importer="csv")

    bob = crm.leads.find("bob@x.example")
    assert mended.splitlines()[0].endswith(";crmkit_line;crmkit_reason;crmkit_read_as")
    assert mended.splitlines()[1].endswith(";phones=FR dates=mdy numbers=comma")
    assert (bob.phone, bob[Visit].seen_on, bob[Visit].share) == ("+33142685300", date(2026, 3, 4), Decimal(1234))
    assert bob.extra == {}
    assert found(report, "dates in 'Seen on'") == ("month first", "as in the file that these rows were rejected from")


def test_what_a_file_of_rejected_rows_says_oddly_is_passed_over(crm: CRM) -> None:
    report = take(crm, "Prénom;Seen on;crmkit_read_as", "Zoé;03/04/2026;dates=xyz numbers=none phones=france")

    assert visits(crm)[0].seen_on == date(2026, 4, 3)
    assert crm.leads.find("p0@x.example").extra == {}
    assert "fr, is spoken" in found(report, "dates in 'Seen on'")[1]
