"""Moments and days as people ask for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.periods import PERIOD_WORDS, days_of, moments_of

NOW = datetime(2026, 3, 31, 10, 30, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", date(2026, 3, 31), date(2026, 3, 31)),
        ("Yesterday", date(2026, 3, 30), date(2026, 3, 30)),
        ("tomorrow", date(2026, 4, 1), date(2026, 4, 1)),
        ("this week", date(2026, 3, 30), date(2026, 4, 5)),
        ("last_week", date(2026, 3, 23), date(2026, 3, 29)),
        ("next week", date(2026, 4, 6), date(2026, 4, 12)),
        ("this month", date(2026, 3, 1), date(2026, 3, 31)),
        ("last month", date(2026, 2, 1), date(2026, 2, 28)),
        ("next month", date(2026, 4, 1), date(2026, 4, 30)),
        ("this year", date(2026, 1, 1), date(2026, 12, 31)),
        ("last year", date(2025, 1, 1), date(2025, 12, 31)),
        ("next year", date(2027, 1, 1), date(2027, 12, 31)),
        ("2026-01-31", date(2026, 1, 31), date(2026, 1, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("9999", date(9999, 1, 1), date(9999, 12, 31)),
    ],
)
def test_a_period_has_a_first_and_a_last_day_and_all_its_moments(text: str, first: date, last: date) -> None:
    assert days_of(text, NOW) == (first, last)
    begin, end = moments_of(text, NOW)
    assert (begin.date(), end.date()) == (first, last)
    assert (begin - timedelta(microseconds=1)).date() == first - timedelta(days=1)
    assert end.time().isoformat() == "23:59:59.999999"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("-3h", NOW - timedelta(hours=3)),
        ("-30d", NOW - timedelta(days=30)),
        ("+2w", NOW + timedelta(weeks=2)),
        ("-1m", datetime(2026, 2, 28, 10, 30, tzinfo=UTC)),
        ("+1m", datetime(2026, 4, 30, 10, 30, tzinfo=UTC)),
        ("-1y", datetime(2025, 3, 31, 10, 30, tzinfo=UTC)),
        ("2026-01-31T10:30:00+01:00", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_just_one(text: str, moment: datetime) -> None:
    assert moments_of(text, NOW) == (moment, moment)


def test_relative_days_have_no_hours() -> None:
    assert days_of("-30d", NOW) == (date(2026, 3, 1), date(2026, 3, 1))
    assert days_of("now", NOW) == (date(2026, 3, 31), date(2026, 3, 31))
    for text in ("-3h", "2026-01-31T09:30:00Z", "soon"):
        with pytest.raises(ValueError, match="is not a day such as"):
            days_of(text, NOW)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("soon", "is not a moment such as"),
        ("2026-13", "is not a month"),
        ("2026-01-31T09:30", "has no time zone"),
        ("-999999y", "lies beyond"),
        ("-999999d", "lies beyond"),
        ("0001-01-01T00:00:00+14:00", "lies beyond"),
    ],
)
def test_what_names_no_moment_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        moments_of(text, NOW)


@given(
    st.text(max_size=20)
    | st.from_regex(r"[+-][0-9]{1,6}[hdwmy]", fullmatch=True)
    | st.sampled_from(list(PERIOD_WORDS)),
    st.datetimes(timezones=st.just(UTC)),
)
def test_any_text_at_any_time_is_a_period_or_refused(text: str, now: datetime) -> None:
    for understand in (moments_of, days_of):
        try:
            first, last = understand(text, now)
        except ValueError as error:
            assert str(error)  # noqa: PT017  # either is fine
        else:
            assert first <= last
