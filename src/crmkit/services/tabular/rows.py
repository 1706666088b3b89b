"""From lines to rows: what is a record, what only looks like one, what is broken."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice, repeat
from typing import Any

import attrs

from crmkit.core.drafts import Problem
from crmkit.core.values.text import fold
from crmkit.services.tabular.dialect import Dialect
from crmkit.services.tabular.formulas import unprotected
from crmkit.services.tabular.lines import MAX_CELL_CHARS, MAX_ROW_LINES, PhysicalLines, RunawayRowError

__all__ = ["Columns", "Row", "RowKind", "RowSorter", "UnknownColumnError", "parse_rows"]


class RowKind(StrEnum):
    """What a row is; the value says so to a person."""

    DATA = "data"
    BLANK = "blank row"
    TOTAL = "total"
    FOOTER = "text below the table"
    RULE = "ruled line"
    HEADER = "repeated header"
    NO_PERSON = "not from a person"
    ASIDE = "not in the part of the table that lists people"
    BROKEN = "broken"


class UnknownColumnError(KeyError):
    """A row was asked for a column that its table has not got.

    Attributes:
        name: The column asked for.
        columns: Those there are.
    """

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        super().__init__(name, columns)
        self.name = name
        self.columns = tuple(columns)

    def __str__(self) -> str:
        close = difflib.get_close_matches(self.name, self.columns, n=3)
        if close:
            return f"there is no column {self.name!r}; did you mean {' or '.join(map(repr, close))}?"
        listed = ", ".join(map(repr, self.columns[:_LISTED]))
        return f"there is no column {self.name!r}; there are {listed}{' …' if len(self.columns) > _LISTED else ''}"


class Columns:
    """The columns of a table, found by name as written or but for case, accents and punctuation."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._indexes = {name: index for index, name in enumerate(self.names)}
        for index, name in enumerate(self.names):
            self._indexes.setdefault(fold(name), index)

    def __contains__(self, name: str) -> bool:
        return name in self._indexes or fold(name) in self._indexes

    def index(self, name: str) -> int:
        """Return the place of a column, from 0.

        Raises:
            UnknownColumnError: There is none of this name.
        """
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes.get(fold(name))
        if index is None:
            raise UnknownColumnError(name, self.names)
        return index


@attrs.frozen
class Row:
    """One row of a table; ``row["Email"]`` is the cell of that column.

    Attributes:
        line: The line on which it begins, counted from 1.
        cells: All its cells as they were written, at least one per column.
        kind: Whether it is a record.
        problems: What is wrong with it.
    """

    line: int
    cells: Sequence[str]
    columns: Columns = attrs.field(repr=False)
    kind: RowKind = RowKind.DATA
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, cells: Mapping[str, str], *, line: int = 1) -> Row:
        """Make a row by hand, for instance to try a row function."""
        return cls(line, list(cells.values()), Columns(cells))

    def __getitem__(self, column: str) -> str:
        """Return the text of a cell, ``""`` when it is empty.

        Raises:
            UnknownColumnError: A `KeyError`: the table has no such column.
        """
        return unprotected(self.cells[self.columns.index(column)])

    def get(self, column: str, default: str = "") -> str:
        """Return the text of a cell, or *default* when there is no such column."""
        return self[column] if column in self.columns else default


def parse_rows(lines: PhysicalLines, dialect: Dialect, width: int = 0) -> Iterator[tuple[int, list[str], str]]:
    """Part lines into rows, as ``(line, cells, fault)``; never fail.

    A row with a fault holds the raw line instead of cells. When a quote was
    left open, only the line on which it opens is lost: the lines that it
    swallowed are read again as rows.

    Args:
        lines: The text.
        dialect: How it is parted.
        width: How many cells a row should have; 0 when that is not known yet.
    """
    # The limit belongs to the process, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARS))
    quoted, recoveries, looked_at = True, 0, 0
    while True:
        before = lines.row - 1
        reader = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            skipinitialspace=dialect.blank_before_quote,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        )
        try:
            if not looked_at:
                yield from _plain_rows(reader, lines)
                looked_at = _AT_ONCE
                continue
            for cells in reader:
                if not looked_at:
                    break
                looked_at -= 1
                following = before + reader.line_num + 1
                is_plain = following - lines.row == 1 and not lines.ended and not lines.cut
                fault = "" if is_plain else _fault(lines, cells, following - lines.row, dialect, width)
                if fault:
                    break
                yield lines.row, cells, ""
                lines.row = following
            else:
                return
            if not fault:
                continue
        except (RunawayRowError, csv.Error) as error:
            if not looked_at:
                looked_at = _AT_ONCE
                continue
            fault = _OPEN_QUOTE if isinstance(error, RunawayRowError) else _HUGE_CELL
        recoveries += 1
        if recoveries == _MAX_RECOVERIES:
            # Each recovery reads lines again; a text with so many has quotes that quote nothing.
            quoted = False
            fault += "; from here on quotes are read as plain characters"
        yield lines.row, [line.rstrip("\r\n") for line in lines.since_row(1)], fault
        lines.row += 1


class RowSorter:
    """Tells records from rows that only look like one, one row after another."""

    def __init__(self, header: Sequence[str], width: int) -> None:
        self._header = list(header)
        self._width = width
        self.is_below_blank = False

    def are_plainly_data(self, rows: Sequence[Sequence[str]]) -> list[bool]:
        """Say which rows are records wherever they stand, but right below a blank one; nearly all are."""
        first = self._header[0] if self._header else ""
        return [
            len(cells) > 1 and cells[0] != "" != cells[1] and cells[0][0] not in _SUSPICIOUS and cells[0] != first
            for cells in rows
        ]

    def kind(self, cells: Sequence[str]) -> RowKind:
        """Say what the next row is; rows that are plainly data may be left out unless they are below a blank one."""
        if not self.is_below_blank and self.are_plainly_data([cells])[0]:
            return RowKind.DATA
        filled = [cell.strip() for cell in cells if cell and not cell.isspace()]
        if not filled:
            self.is_below_blank = True
            return RowKind.BLANK
        if list(cells) == self._header:
            return RowKind.HEADER
        if all(map(_RULE.match, filled)):
            return RowKind.RULE
        alone = len(filled) == 1 and self._width > 1
        counted = [cell for cell in filled[1:] if not _COUNT.match(cell)]
        if _TOTAL.match(filled[0]) and not any(map(_WORD.search, counted)) and self._width > 1:
            self.is_below_blank = True  # a table ends with its totals
            return RowKind.TOTAL
        if alone and (_LEGAL.match(filled[0]) or (self.is_below_blank and self._is_prose(filled[0]))):
            return RowKind.FOOTER
        self.is_below_blank = self.is_below_blank and alone
        return RowKind.DATA

    def _is_prose(self, text: str) -> bool:
        """An address or a number alone in a row may still be somebody."""
        is_long = self._width >= _WIDE or text.count(" ") >= _SENTENCE
        return is_long and not _REACHABLE.search(text)


_AT_ONCE = 256
_OPEN_QUOTE = 'a quote (") opens here and is not closed'
_HUGE_CELL = f"a cell has more than {MAX_CELL_CHARS:,} characters"
_LONG_LINE = "the line is too long"
_MAX_RECOVERIES = 100
_LISTED = 8


_WIDE = 3
_SENTENCE = 6  # blanks in what is no name
_SUSPICIOUS = frozenset("TtGgSs -=_: \t\xa0")
_TOTAL = re.compile(
    r"(?:(?:grand|sub|sous|general|overall)[\s-]*)?(?:totals?|totaux|totale|totali|totales|summe|gesamt(?:summe)?|somme)"
    r"(?:\s+(?:g[eé]n[eé]ral|general|generale))?\s*(?:\(.*\))?\s*(?::\s*[\d.,\s]*)?$",
    re.IGNORECASE,
)
_COUNT = re.compile(r"(?:count|sum|nombre|anzahl|summe|conteggio|recuento)$", re.IGNORECASE)
_RULE = re.compile(r":?[-=_]{3,}:?$")  # below the header of a table in Markdown, or of a terminal
_LEGAL = re.compile(
    r"confidential\b|copyright\b|©|\d+\s+(?:leads?|contacts?|records?|rows?|entries|lignes?|résultats?|datensätze)\s*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{4,}|@")
_REACHABLE = re.compile(r"\w@\w|\d{6,}|^\+?[\d\s().-]{6,}$")


def _plain_rows(reader: Any, lines: PhysicalLines) -> Iterator[tuple[int, list[str], str]]:
    """Take many rows at once while each is one line, as nearly all are; `lines` stands at the first that was not."""
    before = lines.row - 1
    while rows := list(islice(reader, _AT_ONCE)):
        first, following = lines.row, before + reader.line_num + 1
        if following - first != len(rows) or lines.ended or lines.cut:
            return
        lines.row = following
        yield from zip(range(first, following), rows, repeat(""))


def _fault(lines: PhysicalLines, cells: list[str], span: int, dialect: Dialect, width: int) -> str:
    """Look closer at a row that is not just one line."""
    if lines.ended or span > MAX_ROW_LINES:
        return _OPEN_QUOTE
    if lines.cut and not lines.cut.isdisjoint(range(lines.row, lines.row + span)):
        return _LONG_LINE
    if span > 1 and width and _has_swallowed(lines.since_row(span), cells, dialect, width):
        return _OPEN_QUOTE
    return ""


def _has_swallowed(raw: Sequence[str], cells: Sequence[str], dialect: Dialect, width: int) -> bool:
    """Tell whether a row over several lines is really several rows behind a quote left open.

    It is if it does not come out right as a whole (too many or too few cells,
    or text right behind a closing quote), while a later line of it would by itself.
    """
    if len(cells) == width and _strict_width(raw, dialect) == width:
        return False
    return any(_strict_width([line], dialect) == width for line in raw[1:])


def _strict_width(raw: Sequence[str], dialect: Dialect) -> int:
    """How many cells the lines make by the letter of the format; 0 when they break it."""
    try:
        rows = list(
            csv.reader(raw, delimiter=dialect.delimiter, skipinitialspace=dialect.blank_before_quote, strict=True)
        )
    except csv.Error:
        return 0
    return len(rows[0]) if len(rows) == 1 else 0
