"""In what way the values of a column are written: which of two numbers is the day, which sign parts the decimals.

One value cannot tell, all of them usually can. Where they cannot, another column of the same
source does, then the country or the language; and what is then still open is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, cast

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.values.dates import (
    DateOrder,
    is_written_day,
    names_no_zone,
    order_name,
    orders_of,
)
from crmkit.core.values.numbers import DecimalSign, is_written_number, signs_of

__all__ = ["Hints", "Typed", "Way", "WrittenColumns"]

Typed = Literal["day", "moment", "number", "money"]
"""What a custom field makes of a column."""


@attrs.frozen(kw_only=True)
class Way:
    """How the values of a column are written."""

    order: DateOrder = "dmy"
    sign: DecimalSign = "."


@attrs.frozen(kw_only=True)
class Hints:
    """What goes beyond a column: asked for, or true of the whole source.

    Attributes:
        order: The order of dates that was asked for, or None.
        sign: The decimal sign of the file that these rows were rejected from, or None.
        evidence: Why these.
        delimiter: What parts the cells, or None where nothing does.
        region: The country that is asked for, configured or found out, or None.
        language: The language of the header, or None.
    """

    order: DateOrder | None = None
    sign: DecimalSign | None = None
    evidence: str = "as asked for"
    delimiter: str | None = None
    region: str | None = None
    language: str | None = None


class WrittenColumns:
    """Columns that are looked at row by row.

    Args:
        typed: What the field of a column makes of it, by its name; None where that does not matter.
    """

    def __init__(self, typed: Callable[[str], Typed | None]) -> None:
        self._typed = typed
        self._columns: dict[str, _Column] = {}

    def look_at(self, lines: Iterable[int], rows: Iterable[Mapping[str, str]]) -> None:
        """Take the values of some rows into account, by the names of their columns."""
        for line, row in zip(lines, rows, strict=False):
            for name, text in row.items():
                column = self._columns.get(name)
                if column is None:
                    column = self._columns[name] = _Column(name, self._typed(name))
                column.look_at(line, text)

    @property
    def is_open(self) -> bool:
        """Whether more rows might tell what these have not."""
        return any(evidence.is_open for column in self._columns.values() for evidence in column.relevant)

    def decided(self, hints: Hints) -> tuple[dict[str, Way], Way, list[Finding]]:
        """Return how each column is written, how the others are, and what to report."""
        columns = [column for column in self._columns.values() if column.relevant]
        order_of = _Decision([column.days for column in columns if column.holds_days], _order_by_hint(hints))
        sign_of = _Decision([column.numbers for column in columns if column.holds_numbers], _sign_by_hint(hints))
        if hints.order is not None:
            order_of = _Decision((), (hints.order, hints.evidence), is_final=True)
        if hints.sign is not None:
            sign_of = _Decision((), (hints.sign, hints.evidence), is_final=True)
        ways = {column.name: _way(order_of(column.days)[0], sign_of(column.numbers)[0]) for column in columns}
        findings = [finding for column in columns for finding in column.findings(order_of, sign_of)]
        nothing = _Evidence("")
        return ways, _way(order_of(nothing)[0], sign_of(nothing)[0]), findings


_TRIED: Final = 50
"""After so many values that are neither a day nor a number, a column holds neither."""

_ENOUGH: Final = 300
"""After so many values a column that has decided is as it is."""

_DIGIT: Final = re.compile(r"\d")
_MONTH_FIRST: Final = frozenset({"US", "PH", "PR", "GU"})
_COMMA_SPEAKERS: Final = frozenset("fr de it es pt nl pl sv da nb fi cs hu ro el tr ru uk".split())
_COMMA_COUNTRIES: Final = frozenset(
    "FR DE IT ES PT NL BE AT PL SE DK NO FI CZ HU RO GR TR RU UA BR AR CL CO LU MA TN DZ SN CI ID VN".split()
)


class _Evidence:
    """What the values of a column can be, each one or several things."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.count = 0
        self.undecided = 0
        self._only: Counter[str] = Counter()
        self._first: dict[str, tuple[int, str]] = {}

    def add(self, line: int, text: str, possible: Iterable[str]) -> None:
        match tuple(possible):
            case (only,):
                self._only[only] += 1
                self._first.setdefault(only, (line, text))
            case (_, *_):
                self.undecided += 1

    @property
    def is_open(self) -> bool:
        return bool(self.undecided and not self._only)

    @property
    def matters(self) -> bool:
        return bool(self.undecided or self._only)

    def has_only(self, value: str) -> bool:
        return value in self._only

    def said(self) -> tuple[str, str] | None:
        """Return what the values say, and why, if they say something."""
        if not self._only:
            return None
        [(value, most), *others] = self._only.most_common()
        line, text = self._first[value]
        evidence = f"{text!r} on line {line} can be nothing else"
        if others:
            line, text = self._first[others[0][0]]
            evidence += f", as {most} values; but {others[0][1]} cannot be read so, as {text!r} on line {line}"
        return value, evidence


class _Days(_Evidence):
    """The days of a column, and the orders they can have."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self._dots = 0

    def look_at(self, line: int, text: str) -> None:
        self.count += 1
        if (seen := orders_of(text)) is not None:
            self._dots += seen.has_dots
            self.add(line, text, seen.orders)

    @property
    def is_open(self) -> bool:
        return super().is_open and not self._dots

    def said(self) -> tuple[str, str] | None:
        has_dots = self._dots * 2 > self.undecided
        return super().said() or (("dmy", "dots part day, month and year") if has_dots else None)


class _Decision:
    """Says of each column what it is: by its own values, those of the other columns, or a hint."""

    def __init__(self, columns: Sequence[_Evidence], hint: tuple[str, str], *, is_final: bool = False) -> None:
        self._hint = hint
        self._is_final = is_final
        said = [(each[0], column.column) for column in columns if (each := column.said())]
        self._usual = Counter(value for value, _ in said).most_common(1)
        self._named = dict(reversed(said))

    def __call__(self, evidence: _Evidence) -> tuple[str, str]:
        if not self._is_final and (said := evidence.said()):
            return said
        if self._usual:
            value = self._usual[0][0]
            return value, f"as in {self._named[value]!r}, for no value here tells"
        return self._hint


class _Column:
    """One column: what its values can be."""

    def __init__(self, name: str, typed: Typed | None) -> None:
        self.name = name
        self.days = _Days(name)
        self.numbers = _Evidence(name)
        self._typed = typed
        self._filled = 0
        self._has_zoneless = False

    def look_at(self, line: int, text: str) -> None:
        if self._filled >= _TRIED and self._is_known():
            return
        text = text.strip()
        if not text:
            return
        self._filled += 1
        if not _DIGIT.search(text):
            return
        if is_written_day(text):
            self.days.look_at(line, text)
            self._has_zoneless = self._has_zoneless or names_no_zone(text)
        elif is_written_number(text):
            self.numbers.count += 1
            self.numbers.add(line, text, signs_of(text) or ())

    def _is_known(self) -> bool:
        """Whether further values could not add much."""
        if not (self.days.count or self.numbers.count or self._typed):
            return True
        return self._filled >= _ENOUGH and not (self.days.is_open or self.numbers.is_open)

    @property
    def holds_days(self) -> bool:
        return self._typed in ("day", "moment") or self.days.count * 2 > self._filled

    @property
    def holds_numbers(self) -> bool:
        return self._typed in ("number", "money") or self.numbers.count * 2 > self._filled

    @property
    def relevant(self) -> list[_Evidence]:
        held: list[tuple[bool, _Evidence]] = [(self.holds_days, self.days), (self.holds_numbers, self.numbers)]
        return [evidence for is_held, evidence in held if is_held]

    def findings(self, order_of: _Decision, sign_of: _Decision) -> Iterator[Finding]:
        if self.holds_days and self.days.matters:
            order, evidence = order_of(self.days)
            yield Finding(what=f"dates in {self.name!r}", value=order_name(cast("DateOrder", order)), evidence=evidence)
        if self._typed == "moment" and self._has_zoneless:
            yield Finding(what=f"times in {self.name!r}", value="UTC", evidence="they name no time zone")
        if self.holds_numbers and (self.numbers.undecided or self.numbers.has_only(",")):
            sign, evidence = sign_of(self.numbers)
            yield Finding(what=f"numbers in {self.name!r}", value=_SIGN_NAMES[sign], evidence=evidence)


def _way(order: str, sign: str) -> Way:
    return Way(order=cast("DateOrder", order), sign=cast("DecimalSign", sign))


_SIGN_NAMES: Final = {",": "decimal comma", ".": "decimal point"}
_OPEN_ORDER: Final = "no day is above 12, so that no value tells"
_OPEN_SIGN: Final = "three digits stand behind the only sign of each, so that no value tells"


def _order_by_hint(hints: Hints) -> tuple[str, str]:
    if hints.region is not None:
        return "mdy" if hints.region in _MONTH_FIRST else "dmy", f"{_OPEN_ORDER}; it is so in {hints.region}"
    if hints.language not in (None, "en"):
        return "dmy", f"{_OPEN_ORDER}; it is so where the language of the header, {hints.language}, is spoken"
    if hints.language == "en":
        return "mdy", f"ambiguous: {_OPEN_ORDER}; taken as in the US, for the header is English; --date-order decides"
    return "dmy", f"ambiguous: {_OPEN_ORDER}; taken as in most countries; --date-order decides"


def _sign_by_hint(hints: Hints) -> tuple[str, str]:
    if hints.delimiter == ",":
        return ".", f"{_OPEN_SIGN}; commas part the cells"
    if hints.region is not None:
        return "," if hints.region in _COMMA_COUNTRIES else ".", f"{_OPEN_SIGN}; it is so in {hints.region}"
    if hints.language in _COMMA_SPEAKERS:
        return ",", f"{_OPEN_SIGN}; it is so where the language of the header, {hints.language}, is spoken"
    return ".", f"ambiguous: {_OPEN_SIGN}; taken as in English, and as programs write"
