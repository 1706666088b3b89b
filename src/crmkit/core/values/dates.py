"""Days and moments as people write them: ``31/12/2026``, ``12-31-26 5:30 PM``, ``31 déc. 2026``, ``2026-12-31``.

Which of two numbers is the day cannot be told from one value. A column of them can tell, so
`order_of` looks at many, and `read_day` and `read_moment` are told.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final, Literal, NamedTuple, get_args

from crmkit.core.values.text import fold

__all__ = [
    "DATE_ORDERS",
    "DateOrder",
    "Seen",
    "is_written_day",
    "names_no_zone",
    "orders_of",
    "read_day",
    "read_moment",
]

DateOrder = Literal["dmy", "mdy", "ymd"]
"""In which order day, month and year stand."""

DATE_ORDERS: Final[tuple[DateOrder, ...]] = get_args(DateOrder)


class Seen(NamedTuple):
    """What one value says about the order of its column: which it can have, and whether dots part it."""

    orders: frozenset[DateOrder]
    has_dots: bool


def orders_of(text: str) -> Seen | None:
    """Return in which orders a day can be read, or None when no order is needed: it is none, or plain.

    A year of four digits that goes first is plain, and so is a month in letters. The result is
    empty when it can be read in no order (``31/31/2000``).
    """
    found = _NUMBERS.fullmatch(text.strip())
    if found is None or len(found["a"]) > _TWO:
        return None
    possible = (order for order in DATE_ORDERS if _day_of(found, order) is not None)
    return Seen(frozenset(possible), found["sign"] == ".")


def is_written_day(text: str) -> bool:
    """Tell whether a text looks like a day or moment, in whatever order."""
    text = text.strip()
    return _NUMBERS.fullmatch(text) is not None or _in_letters(text) is not None


def names_no_zone(text: str) -> bool:
    """Tell whether a text has a time of day, and says not where."""
    found = (
        _NUMBERS.fullmatch(text.strip()) or _DAY_FIRST.fullmatch(text.strip()) or _MONTH_FIRST.fullmatch(text.strip())
    )
    return found is not None and found["hour"] is not None and not found["zone"]


def order_name(order: DateOrder) -> str:
    """Say an order to a person: ``day first``."""
    return _ORDER_NAMES[order]


def read_day(text: str, order: DateOrder) -> date:
    """Read a day; a time of day behind it is left out.

    Raises:
        ValueError: It is none, or not in this order; with a clause.
    """
    day = _read(text.strip(), order)[0]
    return day.date() if isinstance(day, datetime) else day


def read_moment(text: str, order: DateOrder) -> datetime:
    """Read a moment, in UTC; a day alone is its beginning, and a time that names no zone is UTC.

    Raises:
        ValueError: It is none, or not in this order; with a clause.
    """
    day, found = _read(text.strip(), order)
    if isinstance(day, datetime):
        return day.astimezone(UTC)
    if found is None or found["hour"] is None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    zone = _zone(found["zone"] or "")
    fraction = int((found["fraction"] or "").ljust(6, "0")[:6])
    try:
        clock = time(hour, int(found["minute"]), int(found["second"] or 0), fraction, zone)
        return datetime.combine(day, clock).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("has no such time of day") from None


_TWO: Final = 2  # digits of a day, a month, a short year
_CENTURY: Final = 69
"""From here on a short year is of the last century, as for POSIX."""

_TIME: Final = (
    r"(?:(?:T|,?\s+|\s+(?:at|à|um|alle|a las)\s+)(?P<hour>\d{1,2})[:h.](?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|[A-Za-z]{2,4}|(?:UTC|GMT)?[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY: Final = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
_NUMBERS: Final = re.compile(
    rf"{_WEEKDAY}(?P<a>\d{{4}}|\d{{1,2}})(?P<sign>[-/.])\s?(?P<b>\d{{1,2}})(?P=sign)\s?(?P<c>\d{{4}}|\d{{1,2}})\.?{_TIME}"
)
_NAME: Final = r"(?P<month>[^\W\d_]{3,10})\.?"
_DAY_FIRST: Final = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[\s-]+(?:(?:de|of)\s+)?{_NAME},?[\s-]+(?:del?\s+)?"
    rf"(?P<year>\d{{4}}|\d{{2}}){_TIME}"
)
_MONTH_FIRST: Final = re.compile(
    rf"{_WEEKDAY}{_NAME}[\s-]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[\s-]+(?P<year>\d{{4}}){_TIME}"
)
_SERIAL: Final = re.compile(r"[2-6]\d{4}(?:\.\d+)?")
"""A day as spreadsheets count them, from 1954 to 2091."""
_EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)

_MONTHS: Final = (
    "january jan janvier janv januar janner gennaio gen enero ene",
    "february feb fevrier fevr fev februar febbraio febrero",
    "march mar mars marz maerz mrz marzo",
    "april apr avril avr aprile abril abr",
    "may mai maggio mag mayo",
    "june jun juin juni giugno giu junio",
    "july jul juillet juil juli luglio lug julio",
    "august aug aout agosto ago",
    "september sep sept septembre settembre set septiembre",
    "october oct octobre oktober okt ottobre ott octubre",
    "november nov novembre noviembre",
    "december dec decembre dezember dez dicembre dic diciembre",
)
_MONTH_OF: Final = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}

# Hours from UTC; abbreviations that several zones have are left out.
_ZONES: Final = {
    **dict.fromkeys(("z", "utc", "gmt", "wet", "ut"), 0.0),
    **dict.fromkeys(("cet", "mez", "west", "bst"), 1.0),
    **dict.fromkeys(("cest", "mesz", "eet"), 2.0),
    **dict.fromkeys(("eest", "msk"), 3.0),
    "est": -5.0,
    "edt": -4.0,
    "cdt": -5.0,
    "mst": -7.0,
    "mdt": -6.0,
    "pst": -8.0,
    "pdt": -7.0,
    "jst": 9.0,
}
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})")


def _read(text: str, order: DateOrder) -> tuple[date, re.Match[str] | None]:
    """Return the day, and the match with what stands behind it; of a serial the moment, and None."""
    if found := _NUMBERS.fullmatch(text):
        day = _day_of(found, order if len(found["a"]) <= _TWO else "ymd")
        if day is None:
            others = [_ORDER_NAMES[other] for other in DATE_ORDERS if _day_of(found, other) is not None]
            hint = f"; read {others[0]} it is one" if others else ""
            raise ValueError(f"is no day read {_ORDER_NAMES[order]}{hint}")
        return day, found
    if (lettered := _in_letters(text)) is not None:
        return lettered
    if _SERIAL.fullmatch(text):
        return _EPOCH + timedelta(seconds=round(float(text) * 86400)), None
    try:  # other forms of ISO 8601, such as 20260131
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a day such as 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), None


_ORDER_NAMES: Final[dict[DateOrder, str]] = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


def _day_of(found: re.Match[str], order: DateOrder) -> date | None:
    parts = dict(zip(order, (found["a"], found["b"], found["c"]), strict=True))
    if len(parts["d"]) > _TWO or len(parts["y"]) == 1:
        return None
    return _day(int(parts["d"]), int(parts["m"]), parts["y"])


def _in_letters(text: str) -> tuple[date, re.Match[str]] | None:
    for pattern in (_DAY_FIRST, _MONTH_FIRST):
        found = pattern.fullmatch(text)
        month = _MONTH_OF.get(fold(found["month"])) if found else None
        if found and month and (day := _day(int(found["day"]), month, found["year"])):
            return day, found
    return None


def _day(day: int, month: int, year: str) -> date | None:
    number = int(year)
    if len(year) == _TWO:
        number += 2000 if number < _CENTURY else 1900
    try:
        return date(number, month, day)
    except ValueError:
        return None


def _zone(text: str) -> timezone:
    if not text:
        return UTC
    if found := _OFFSET.fullmatch(text):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=minutes if found[1] == "+" else -minutes))
    hours = _ZONES.get(text.lower())
    if hours is None:
        raise ValueError(f"names the time zone {text}, which is not known; write +01:00 instead")
    return timezone(timedelta(hours=hours))
