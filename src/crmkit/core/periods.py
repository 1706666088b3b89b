"""Moments and days as people ask for them: ``2026-01-31``, ``-30d``, ``today``, ``this month``.

All of them are understood in UTC. What is longer than a moment, or a day, is a period
with a first and a last one, so that ``= 2026-01`` means all of January and ``> 2026-01``
what comes after it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from crmkit.core.codecs import parse_moment

__all__ = ["PERIOD_WORDS", "days_of", "moments_of"]


def moments_of(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last moment of what a text names.

    Raises:
        ValueError: It names nothing; with a clause.
    """
    span = _span(text, now)
    if isinstance(span, datetime):
        return span, span
    return datetime.combine(span[0], time.min, UTC), datetime.combine(span[1], time.max, UTC)


def days_of(text: str, now: datetime) -> tuple[date, date]:
    """Return the first and the last day of what a text names.

    Raises:
        ValueError: It names nothing, or a time of day; with a clause.
    """
    relative = _RELATIVE.fullmatch(text)
    try:
        span = now if text == "now" else _span(text, now)
    except ValueError as error:
        raise ValueError(_NO_DAY) from error
    if not isinstance(span, datetime):
        return span
    if text != "now" and (relative is None or relative["unit"] == "h"):
        raise ValueError(_NO_DAY)
    return span.date(), span.date()


def _span(text: str, now: datetime) -> datetime | tuple[date, date]:
    if text == "now":
        return now
    if relative := _RELATIVE.fullmatch(text):
        return _moved(now, relative)
    word = text.lower().replace("_", " ")
    if word in PERIOD_WORDS:
        try:
            return PERIOD_WORDS[word](now.date())
        except (OverflowError, ValueError):
            raise ValueError(_FAR) from None
    if written := _WRITTEN.fullmatch(text):
        year, month = int(written["year"]), int(written["month"] or 0)
        try:
            return _month(date(year, month, 1)) if month else (date(year, 1, 1), date(year, 12, 31))
        except ValueError:
            raise ValueError("is not a month such as 2026-01") from None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _moment(text)
    return day, day


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a moment such as 2026-01-31, 2026-01-31T09:30:00Z, -30d or today") from None
    try:
        return parse_moment(moment)
    except OverflowError:
        raise ValueError(_FAR) from None


_RELATIVE: Final = re.compile(r"(?P<sign>[+-])(?P<count>[0-9]{1,6})(?P<unit>[hdwmy])")
_WRITTEN: Final = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2}))?")
_NO_DAY: Final = "is not a day such as 2026-01-31, -30d or today"
_FAR: Final = "lies beyond the years 1 to 9999"


def _moved(now: datetime, relative: re.Match[str]) -> datetime:
    count, unit = int(relative["sign"] + relative["count"]), relative["unit"]
    try:
        if unit in _LENGTHS:
            return now + count * _LENGTHS[unit]
        months = now.year * 12 + now.month - 1 + count * (12 if unit == "y" else 1)
        year, month = months // 12, months % 12 + 1
        # A month after 31 January is the last day of February.
        return now.replace(year=year, month=month, day=min(now.day, calendar.monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        raise ValueError(_FAR) from None


_LENGTHS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _day(today: date, ahead: int) -> tuple[date, date]:
    day = today + timedelta(days=ahead)
    return day, day


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def _month(day: date) -> tuple[date, date]:
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


PERIOD_WORDS: Final[Mapping[str, Callable[[date], tuple[date, date]]]] = {
    "today": lambda today: _day(today, 0),
    "yesterday": lambda today: _day(today, -1),
    "tomorrow": lambda today: _day(today, 1),
    "this week": _week,
    "last week": lambda today: _week(today - timedelta(weeks=1)),
    "next week": lambda today: _week(today + timedelta(weeks=1)),
    "this month": _month,
    "last month": lambda today: _month(today.replace(day=1) - timedelta(days=1)),
    "next month": lambda today: _month(_month(today)[1] + timedelta(days=1)),
    "this year": lambda today: _year(today.year),
    "last year": lambda today: _year(today.year - 1),
    "next year": lambda today: _year(today.year + 1),
}
"""What people call a day or a longer period, and its first and last day; an underscore may stand for the blank."""
