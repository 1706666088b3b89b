"""Which row names the columns, and what the columns are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from statistics import median_high, median_low
from typing import Final

import attrs

from crmkit.core.drafts import Finding
from crmkit.errors import UnreadableError

__all__ = ["MAX_COLUMNS", "Header", "choose_header", "find_header", "unique_names"]

MAX_COLUMNS: Final = 16_384
"""How many columns a table may have: as many as a spreadsheet shows."""


@attrs.frozen(kw_only=True)
class Header:
    """The names of the columns.

    Attributes:
        names: One per column, cleaned, each but once.
        cells: The header row as it was written; empty when there is none.
        line: On which line it begins; 0 when there is none.
        evidence: Why this row, in words for a person.
    """

    names: tuple[str, ...]
    cells: tuple[str, ...]
    line: int
    evidence: str

    @property
    def finding(self) -> Finding:
        """What to report about it."""
        return Finding(what="header", value=f"line {self.line}" if self.line else "none", evidence=self.evidence)


def choose_header(
    rows: Iterator[tuple[int, list[str]]],
    wanted: int | None,
    known: Callable[[str], bool],
    source: str,
) -> Header:
    """Take the header that was asked for, or find it.

    Args:
        rows: The rows of a table as ``(line, cells)``.
        wanted: On which line it begins; 0 for none, None to find it.
        known: Whether a cell is a word that headers are made of.
        source: The name of the source, for errors.

    Raises:
        UnreadableError: There are no rows, none on the *wanted* line, or too wide ones.
    """
    if wanted:
        for line, cells in rows:
            if line == wanted:
                _check_width([cells], source)
                return named(line, cells, "as asked for")
            if line > wanted:
                break
        raise UnreadableError(f"no row begins on line {wanted}", source=source, hint="the header line counts from 1")
    first: list[tuple[int, Sequence[str]]] = list(islice(rows, _FIRST_ROWS))
    _check_width([cells for _, cells in first], source)
    if wanted == 0:
        names = unique_names([""] * max((len(cells) for _, cells in first), default=0))
        return Header(names=names, cells=(), line=0, evidence="as asked for; columns are numbered")
    if not any(cell.strip() for _, cells in first for cell in cells):
        raise UnreadableError("has no rows", source=source, hint="export it again and look at its size")
    return find_header(first, known)


def find_header(rows: Sequence[tuple[int, Sequence[str]]], known: Callable[[str], bool]) -> Header:
    """Find the header among the first rows of a table.

    It is the first row with two known words that is as wide as the rows below
    usually are, but for one that has a single row below it, a blank one, and
    another such row: that is a summary. Without one, it is the first row if that holds only labels
    while a row below holds values. Otherwise there is none.

    Args:
        rows: Rows as ``(line, cells)``, not empty.
        known: Whether a cell is a word that headers are made of.
    """
    filled = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)] or list(rows)
    found = _made_of_words(filled, known)
    blank = {line for line, _ in rows} - {line for line, _ in filled}
    while len(found) > 1 and _is_summary(filled[found[0]], filled[found[1]], blank):
        del found[0]
    if found:
        line, cells = filled[found[0]]
        words = [cell.strip() for cell in cells if known(cell)]
        above = filled[found[0] - 1][1] if found[0] else ()
        return named(line, cells, f"the words {', '.join(map(repr, words[:3]))} name columns", above)
    for index, (line, cells) in enumerate(filled):
        rows_below = [other for _, other in filled[index + 1 :]]
        is_wide = _width(cells) >= median_high([*map(_width, rows_below)] or [0])  # titles are narrower
        if (is_wide or index == 0) and _is_made_of_labels(cells, rows_below):
            return named(line, cells, "it has only labels, and the rows below have values")
        if is_wide:
            break
    names = unique_names([""] * max(len(other) for _, other in filled))
    return Header(names=names, cells=(), line=0, evidence="no row looks like one; columns are numbered")


def _made_of_words(filled: Sequence[tuple[int, Sequence[str]]], known: Callable[[str], bool]) -> list[int]:
    """Return which rows have words that headers are made of, hardly any values, and the width of a header."""
    found = []
    for index, (_, cells) in enumerate(filled):
        below = [_width(other) for _, other in filled[index + 1 :]]
        if _width(cells) < (median_low(below) if below else 1):  # of a few rows one may be broken
            continue
        words = sum(1 for cell in cells if known(cell))
        values = sum(1 for cell in cells if _VALUE.search(cell))
        if words >= max(min(2, _width(cells)), values * _WORDS_PER_VALUE):
            found.append(index)
    return found


def _is_summary(header: tuple[int, Sequence[str]], following: tuple[int, Sequence[str]], blank: set[int]) -> bool:
    """Tell whether a table ends after its first row, since a blank row and another header are *following*."""
    line, end = header[0], following[0]
    return (
        header[1] != following[1]  # else it is the same table, with its header once more
        and line + 1 not in blank
        and line + 2 < end
        and blank.issuperset(range(line + 2, end))
    )


def named(line: int, cells: Sequence[str], evidence: str, above: Sequence[str] = ()) -> Header:
    """Make the header of the row that begins on *line*; the row *above* it may say of what a name is."""
    return Header(names=unique_names(_grouped(cells, above)), cells=tuple(cells), line=line, evidence=evidence)


def _grouped(cells: Sequence[str], above: Sequence[str]) -> list[str]:
    """Put before each name that another column has what stands above it: ``Nom`` below ``Société``."""
    groups, group = [], ""
    for cell in above:  # what stands above several columns is written above the first
        group = cell.strip() or group
        groups.append(group)
    if len(set(filter(None, groups))) < _GROUPS or any(map(_VALUE.search, groups)):
        return list(cells)
    names = []
    for place, cell in enumerate(cells):
        group = groups[min(place, len(groups) - 1)]
        names.append(f"{group} {cell}" if cell.strip() and cell in cells[:place] and group else cell)
    return names


def unique_names(cells: Iterable[str]) -> tuple[str, ...]:
    """Name each column: blanks collapse, ``column_3`` has no name, ``Name (2)`` repeats one."""
    cleaned = [" ".join(cell.replace("\ufeff", "").split()) for cell in cells]
    names: dict[str, None] = {}
    taken = Counter(cleaned)
    seen: Counter[str] = Counter()
    for number, cell in enumerate(cleaned, 1):
        wanted = cell or f"column_{number}"
        seen[wanted] += 1
        name, again = wanted, seen[wanted]
        while name in names or (again > 1 and name in taken):
            name = f"{wanted} ({max(again, 2)})"
            again = max(again, 2) + 1
        names[name] = None
    return tuple(names)


_FIRST_ROWS: Final = 20
_WORDS_PER_VALUE: Final = 4  # a number may have slipped in among many names
_GROUPS: Final = 2  # a single text above the header is a title

# An address, a link, a date, a number: what stands in rows and not in headers.
_VALUE = re.compile(r"\w@\w|^\s*https?://|^\s*[+(]?\d[\d\s.,:/()+-]*$|^\s*\d{4}-\d\d-\d\d")


def _check_width(rows: Iterable[Sequence[str]], source: str) -> None:
    width = max(map(len, rows), default=0)
    if width > MAX_COLUMNS:
        reason = f"has a row of {width:,} cells, which is no table of people"
        raise UnreadableError(reason, source=source, hint="look at it; is the --delimiter the right one?")


def _width(cells: Sequence[str]) -> int:
    """How many cells there are, not counting empty ones at the end."""
    return max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _is_made_of_labels(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    labels = [cell.strip() for cell in first[: _width(first)]]
    if not all(labels) or len(set(labels)) < len(labels) or any(map(_VALUE.search, labels)):
        return False
    values = [cell for cells in below for cell in cells if cell]
    # Names of columns in a database are lower case, what people write is not.
    lower = all(map(str.islower, labels)) and not all(map(str.islower, values))
    return bool(values) and (lower or any(map(_VALUE.search, values)))
