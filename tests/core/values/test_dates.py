"""Days and moments as people write them, in an order that a column has told."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values.dates import (
    DATE_ORDERS,
    DateOrder,
    is_written_day,
    names_no_zone,
    order_name,
    orders_of,
    read_day,
    read_moment,
)


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("31/12/2026", {"dmy"}),
        ("12/31/2026 5:30 PM", {"mdy"}),
        ("03/04/2026", {"dmy", "mdy"}),
        ("06.10.26", {"dmy", "mdy", "ymd"}),
        ("98-12-31", {"ymd"}),
        ("31/31/2000", set()),
        ("0/0/00", set()),
    ],
)
def test_a_value_tells_in_which_orders_it_can_be_read(text: str, orders: set[str]) -> None:
    seen = orders_of(text)

    assert seen is not None
    assert seen.orders == orders
    assert seen.has_dots is ("." in text)


@pytest.mark.parametrize(
    "text", ["2026-12-31", "2026/12/31 10:00", "31 Dec 2026", "31 décembre 2026", "soon", "12", ""]
)
def test_what_needs_no_order_says_nothing_about_it(text: str) -> None:
    assert orders_of(text) is None


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("03/04/2026", "dmy", date(2026, 4, 3)),
        ("03/04/2026", "mdy", date(2026, 3, 4)),
        ("26/04/03", "ymd", date(2026, 4, 3)),
        ("31.12.26", "dmy", date(2026, 12, 31)),
        ("31. 12. 2026", "dmy", date(2026, 12, 31)),
        ("lundi 05/01/2026", "dmy", date(2026, 1, 5)),
        ("31/12/1969 23:59", "dmy", date(1969, 12, 31)),
        ("31/12/69", "dmy", date(1969, 12, 31)),
        ("31/12/68", "dmy", date(2068, 12, 31)),
        ("20260131", "dmy", date(2026, 1, 31)),
        ("2026-01-31T09:30:00Z", "mdy", date(2026, 1, 31)),
        ("15-Jan-24", "mdy", date(2024, 1, 15)),
        ("12 Mar 2024", "mdy", date(2024, 3, 12)),
        ("Oct 5th, 2023", "dmy", date(2023, 10, 5)),
        ("1er août 2026", "mdy", date(2026, 8, 1)),
        ("31. Dezember 2026", "mdy", date(2026, 12, 31)),
        ("12 de enero de 2026", "mdy", date(2026, 1, 12)),
        ("5 giugno 2026", "mdy", date(2026, 6, 5)),
        ("45306", "mdy", date(2024, 1, 15)),
        ("45306.75", "dmy", date(2024, 1, 15)),
    ],
)
def test_a_day_is_read_in_its_order(text: str, order: DateOrder, day: date) -> None:
    assert read_day(text, order) == day


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("03/04/2026", datetime(2026, 4, 3, tzinfo=UTC)),
        ("03/04/2026 14:05", datetime(2026, 4, 3, 14, 5, tzinfo=UTC)),
        ("03/04/2026 02:05:07 pm", datetime(2026, 4, 3, 14, 5, 7, tzinfo=UTC)),
        ("03/04/2026 12:05 am", datetime(2026, 4, 3, 0, 5, tzinfo=UTC)),
        ("03.04.2026, 14:05:07,25", datetime(2026, 4, 3, 14, 5, 7, 250000, tzinfo=UTC)),
        ("2026/10/01 6:12:05 PM MEZ", datetime(2026, 10, 1, 17, 12, 5, tzinfo=UTC)),
        ("2026-01-31 09:30 +01:00", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2024-01-22T20:36:47.000+0000", datetime(2024, 1, 22, 20, 36, 47, tzinfo=UTC)),
        ("Sat, 31 Jan 2026 09:30:00 -0500", datetime(2026, 1, 31, 14, 30, tzinfo=UTC)),
        ("1er mars 2026 à 14h05", datetime(2026, 3, 1, 14, 5, tzinfo=UTC)),
        ("45306.5", datetime(2024, 1, 15, 12, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_utc_unless_it_names_another_zone(text: str, moment: datetime) -> None:
    assert read_moment(text, "dmy") == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12/31/2026", "is no day read day first; read month first it is one"),
        ("31/31/2026", "is no day read day first"),
        ("yesterday", "is not a day such as 2026-01-31"),
        ("31/12/2026 25:00", "has no such time of day"),
        ("31/12/2026 10:00 XYZ", "names the time zone XYZ, which is not known"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment(text, "dmy")


def test_a_time_without_a_zone_is_told_from_one_with() -> None:
    assert names_no_zone("03/04/2026 14:05")
    assert names_no_zone("3 avril 2026 14:05")
    assert not any(map(names_no_zone, ["03/04/2026", "03/04/2026 14:05Z", "03/04/2026 14:05 +02:00", "noon"]))


@given(
    day=st.dates(date(1970, 1, 1), date(2068, 12, 31)), order=st.sampled_from(DATE_ORDERS), sign=st.sampled_from("/-.")
)
def test_whatever_is_written_in_an_order_is_read_in_it(day: date, order: DateOrder, sign: str) -> None:
    parts = {"d": f"{day.day:02}", "m": f"{day.month:02}", "y": f"{day.year % 100:02}"}
    text = sign.join(parts[part] for part in order)

    seen = orders_of(text)

    assert seen is not None
    assert order in seen.orders
    assert read_day(text, order) == day
    assert is_written_day(text)


@given(st.text(max_size=40), st.sampled_from(DATE_ORDERS))
def test_any_text_is_a_moment_or_refused(text: str, order: DateOrder) -> None:
    with suppress(ValueError):
        assert read_moment(text, order).tzinfo is UTC


def test_orders_have_names_for_people() -> None:
    assert list(map(order_name, DATE_ORDERS)) == ["day first", "month first", "year first"]
