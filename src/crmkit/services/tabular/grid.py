"""Where the rows of a table come from: a text, a sheet of a workbook, records with names."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from io import TextIOWrapper
from typing import Any, Final, Protocol

import attrs

from crmkit.core.ports.sources import Source
from crmkit.core.values.text import fold
from crmkit.services.reading.apart import read_apart
from crmkit.services.tabular.dialect import Dialect
from crmkit.services.tabular.encoding import Encoding
from crmkit.services.tabular.lines import PhysicalLines
from crmkit.services.tabular.rows import parse_rows

__all__ = ["Grid", "RawRow", "RecordGrid", "SheetGrid", "TextGrid", "opened"]

RawRow = tuple[int, list[str], str]
"""The line on which a row begins, its cells, and what makes it unreadable, or nothing."""


class Grid(Protocol):
    """Rows of texts, read anew as often as they are asked for.

    Attributes:
        is_laid_out: Whether people laid the rows out, with totals, footers and repeated
            headers; otherwise each row is a record.
        codec: The codec that did not fit all bytes, or nothing: then rows with U+FFFD are reported.
    """

    @property
    def is_laid_out(self) -> bool: ...
    @property
    def codec(self) -> str: ...

    def rows(self, width: int = 0) -> Generator[RawRow, None, None]:
        """Read all rows; *width* is how many cells one should have, 0 when that is not known yet."""
        ...

    def beyond(self, index: int) -> str:
        """Name the cell at an index beyond the last column."""
        ...


@attrs.frozen
class TextGrid:
    """The rows of a text in some dialect."""

    source: Source
    encoding: Encoding
    dialect: Dialect

    is_laid_out = True

    @property
    def codec(self) -> str:
        return self.encoding.codec if self.encoding.flaw else ""

    def rows(self, width: int = 0) -> Generator[RawRow, None, None]:
        with opened(self.source, self.encoding) as text:
            lines = PhysicalLines(text, drop_nuls=bool(self.encoding.nuls))
            yield from parse_rows(lines, self.dialect, width)

    def beyond(self, index: int) -> str:
        return _numbered(index)


@attrs.frozen
class SheetGrid:
    """The rows of one sheet, read in a process of its own.

    Attributes:
        dates: The columns in which a bare number is a day, as spreadsheets count them.
    """

    source: Source
    reader: str
    arguments: Mapping[str, Any]
    dates: frozenset[int] = frozenset()

    is_laid_out = True
    codec = ""

    def rows(self, width: int = 0) -> Generator[RawRow, None, None]:
        frames = read_apart(self.reader, self.source, **self.arguments)
        try:
            for frame in frames:
                for line, cells, fault in frame.get("rows", ()):
                    yield line, self.dated(trimmed(cells)), fault
        finally:
            frames.close()

    def beyond(self, index: int) -> str:
        return _numbered(index)

    def dated(self, cells: list[str]) -> list[str]:
        """Write days that stand as numbers in columns of days as days."""
        for index in self.dates:
            if index < len(cells) and _SERIAL.fullmatch(cells[index]):
                cells[index] = _day(float(cells[index]))
        return cells

    @staticmethod
    def date_columns(header: Sequence[str]) -> frozenset[int]:
        """Return the columns whose name speaks of a day."""
        return frozenset(index for index, name in enumerate(header) if _DAY_WORD.search(f" {fold(name)} "))


@attrs.define
class RecordGrid:
    """Records of named texts as rows; a name that turns up late gets a place beyond the last column."""

    source: Source
    reader: str
    arguments: Mapping[str, Any]
    names: Sequence[str]
    _late: list[str] = attrs.field(factory=list, init=False)

    is_laid_out = False
    codec = ""

    def rows(self, width: int = 0) -> Generator[RawRow, None, None]:
        places = {name: index for index, name in enumerate(self.names)}
        self._late.clear()
        frames = read_apart(self.reader, self.source, **self.arguments)
        try:
            for frame in frames:
                for line, record, fault in frame.get("records", ()):
                    late = [name for name in record if name not in places]
                    if len(self._late) + len(late) > _MOST_LATE:
                        late, flaw = [], f"more than {_MOST_LATE:,} names turn up only after the first records"
                    else:
                        flaw = ""
                    places.update((name, len(places) + number) for number, name in enumerate(late))
                    self._late += late
                    yield line, _placed(record, places, len(self.names)), fault or flaw
        finally:
            frames.close()

    def beyond(self, index: int) -> str:
        return self._late[index - len(self.names)]


def opened(source: Source, encoding: Encoding) -> TextIOWrapper:
    """Open a source as text; what cannot be decoded becomes U+FFFD."""
    return TextIOWrapper(source.open(), encoding=encoding.codec, errors="replace", newline="")


def trimmed(cells: list[str]) -> list[str]:
    """Leave out the empty cells at the end: a sheet is as wide as its widest row."""
    width = len(cells)
    while width and not cells[width - 1]:
        width -= 1
    return cells if width == len(cells) else cells[:width]


_MOST_LATE: Final = 1000
_SERIAL: Final = re.compile(r"[2-9]\d{4}(?:\.\d+)?")  # from 1954 on
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001  # days in a spreadsheet have no time zone
_DAY_WORD: Final = re.compile(
    r" (?:date|datum|data|fecha|horodateur|created|erstellt|birthday|geburtstag|(?:connected|modified) on|scanned at) "
)


def _day(serial: float) -> str:
    moment = _EPOCH + timedelta(seconds=round(serial * 86400))
    return moment.date().isoformat() if serial.is_integer() else moment.isoformat(" ")


def _numbered(index: int) -> str:
    return f"column_{index + 1}"


def _placed(record: Mapping[str, str], places: Mapping[str, int], width: int) -> list[str]:
    cells = [""] * width
    for name, text in record.items():
        place = places.get(name)
        if place is None:
            continue
        if place >= len(cells):
            cells.extend([""] * (place + 1 - len(cells)))
        cells[place] = text
    return cells
