"""A table read out of a source, whatever its format and dialect, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from io import StringIO
from itertools import dropwhile, islice
from typing import Final

import attrs

from crmkit.core.drafts import Finding, Problem
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.sources import BytesSource
from crmkit.services.tabular.dialect import find_dialect
from crmkit.services.tabular.encoding import find_encoding
from crmkit.services.tabular.grid import Grid, RawRow, TextGrid, opened
from crmkit.services.tabular.header import Header, choose_header
from crmkit.services.tabular.records import open_records
from crmkit.services.tabular.rows import Columns, Row, RowKind, RowSorter
from crmkit.services.tabular.sheets import open_sheet

__all__ = ["RowBatch", "Table", "open_table", "peek_table"]


@attrs.frozen(kw_only=True)
class RowBatch:
    """Some rows of a table; ``lines[i]`` and ``cells[i]`` speak of the same one.

    Attributes:
        lines: On which line each row begins, counted from 1.
        cells: Each row as it was written, at least one cell per column.
        kinds: What each row is that is not a record, by its line.
        problems: What is wrong with rows; those that cannot be read have a fatal one.
        beyond: What rows hold beyond the last column, by line and name.
        reasons: Why rows are no records that `kinds` says too little of, by line.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    kinds: Mapping[int, RowKind]
    problems: Sequence[Problem]
    beyond: Mapping[int, Mapping[str, str]] = attrs.field(factory=dict)
    reasons: Mapping[int, str] = attrs.field(factory=dict)

    @property
    def ignored(self) -> dict[int, str]:
        """The rows that are neither records nor broken: line to reason."""
        return {
            line: self.reasons.get(line, kind.value) for line, kind in self.kinds.items() if kind is not RowKind.BROKEN
        }


@attrs.frozen(kw_only=True)
class Table:
    """A table in a source; each call of `rows` or `batches` reads it anew.

    Attributes:
        header: The names of the columns, each but once.
        findings: What was detected, with evidence.
    """

    header: tuple[str, ...]
    findings: tuple[Finding, ...]
    _grid: Grid
    _heading: Header

    @property
    def is_headed(self) -> bool:
        """Whether somebody named the columns; otherwise they are numbered."""
        return bool(self._heading.line) or not self._grid.is_laid_out

    def rows(self) -> Iterator[Row]:
        """Read row by row."""
        columns = Columns(self.header)
        with closing(self.batches()) as batches:
            for batch in batches:
                problems: dict[int, tuple[Problem, ...]] = {}
                for problem in batch.problems:
                    problems[problem.line] = (*problems.get(problem.line, ()), problem)
                for line, cells in zip(batch.lines, batch.cells, strict=True):
                    yield Row(line, cells, columns, batch.kinds.get(line, RowKind.DATA), problems.get(line, ()))

    def batches(self, size: int = 2000) -> Generator[RowBatch, None, None]:
        """Read *size* rows at a time; only as many are held in memory."""
        width = len(self.header)
        sorter = RowSorter(self._heading.cells, width)
        with closing(self._grid.rows(width)) as parsed:
            records = dropwhile(lambda row: row[0] <= self._heading.line, parsed)
            while rows := list(islice(records, size)):
                yield self._batch(rows, sorter, width)

    def _batch(self, rows: list[RawRow], sorter: RowSorter, width: int) -> RowBatch:
        grid = self._grid
        kinds: dict[int, RowKind] = {}
        problems: list[Problem] = []
        reasons: dict[int, str] = {}
        beyond: dict[int, dict[str, str]] = {}
        for line, cells, fault in self._noticeable(rows, sorter, width):
            if fault.startswith(_IGNORED):
                kinds[line], reasons[line] = RowKind.NO_PERSON, fault.removeprefix(_IGNORED)
            elif fault:
                kinds[line] = RowKind.BROKEN
                problems.append(Problem(line=line, reason=fault))
            elif grid.is_laid_out and (kind := sorter.kind(cells)) is not RowKind.DATA:
                kinds[line] = kind
            elif not grid.is_laid_out and not any(cells):
                kinds[line] = RowKind.BLANK
            elif len(cells) > width and any(cells[width:]):
                further = enumerate(cells[width:], width)
                beyond[line] = {grid.beyond(index): cell for index, cell in further if cell}
                if grid.is_laid_out:
                    reason = f"the row has {len(cells)} cells, the table {width} columns"
                    problems.append(Problem(line=line, reason=reason, fatal=False))
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            if grid.codec and not fault:
                problems.extend(_undecodable(line, cells, grid.codec))
        return RowBatch(
            lines=[line for line, _, _ in rows],
            cells=[cells for _, cells, _ in rows],
            kinds=kinds,
            problems=problems,
            beyond=beyond,
            reasons=reasons,
        )

    def _noticeable(self, rows: list[RawRow], sorter: RowSorter, width: int) -> Iterator[RawRow]:
        """Return the rows that must be looked at; nearly all are plainly records, and as wide as the table."""
        if not self._grid.is_laid_out or self._grid.codec:
            yield from rows
            return
        # All at once, for this is done for every row there is; below a blank row each is looked at.
        for row, is_plain in zip(rows, sorter.are_plainly_data([cells for _, cells, _ in rows]), strict=True):
            if not is_plain or sorter.is_below_blank or len(row[1]) != width or row[2]:
                yield row


def open_table(source: Source, options: ReadingOptions, *, known: Callable[[str], bool] = lambda _: False) -> Table:
    """Find out how a table is written, and make it ready to read.

    It may be a text, a sheet of a workbook, or records with names: cards, mails, JSON.

    Args:
        source: The bytes.
        options: What the user says about them; the rest is found out.
        known: Whether a cell is a word that headers are made of. It decides
            which row is the header; without it only the shape of rows does.

    Raises:
        UnreadableError: This is empty, no table, or costs too much to read.
        RejectedError: An option names no encoding, no delimiter or no sheet.
    """
    kind = format_of(source)
    if kind in (Format.WORKBOOK, Format.MARKUP):
        grid, heading, findings = open_sheet(source, kind, options, known)
    elif kind in (Format.TEXT, Format.ZIP):
        grid, heading, findings = _open_text(source, options, known)
    else:
        grid, heading, findings = open_records(source, kind, options)
    return Table(header=heading.names, findings=findings, grid=grid, heading=heading)


def peek_table(source: Source, *, known: Callable[[str], bool] = lambda _: False) -> Table:
    """Open the table that the beginning of a source makes, to look at its header.

    Raises:
        UnreadableError: This is empty, or no table.
    """
    if format_of(source) is not Format.TEXT:
        return open_table(source, ReadingOptions(), known=known)
    head = source.head(_PEEK_BYTES)
    if len(head) == _PEEK_BYTES:  # its last line may end within a character
        end = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        head = head[: end + end % 2] or head  # UTF-16 has two bytes a character
    return open_table(BytesSource(source.name, head), ReadingOptions(), known=known)


_PEEK_BYTES: Final = 1 << 16
_SAMPLE_CHARS: Final = 1 << 16
_IGNORED: Final = "ignored: "


def _open_text(
    source: Source, options: ReadingOptions, known: Callable[[str], bool]
) -> tuple[Grid, Header, tuple[Finding, ...]]:
    encoding = find_encoding(source, options.encoding)
    with opened(source, encoding) as text:
        sample = text.read(_SAMPLE_CHARS).replace("\0", "")
    dialect = find_dialect(StringIO(sample, newline="").readlines(), known, options.delimiter)
    grid = TextGrid(source, encoding, dialect)
    with closing(grid.rows()) as parsed:
        sound = ((line, cells) for line, cells, fault in parsed if not fault)
        header = choose_header(sound, options.header_line, known, source.name)
    findings = [
        Finding(what="encoding", value=encoding.codec, evidence=encoding.evidence),
        dialect.finding,
        header.finding,
    ]
    if encoding.flaw and encoding.evidence != encoding.flaw:
        findings.append(Finding(what="undecodable bytes", value="replaced by \ufffd", evidence=encoding.flaw))
    if encoding.nuls:
        findings.append(Finding(what="NUL characters", value=str(encoding.nuls), evidence="they were left out"))
    return grid, header, tuple(findings)


def _undecodable(line: int, cells: Sequence[str], codec: str) -> Iterator[Problem]:
    for cell in cells:
        if "\ufffd" in cell:
            yield Problem(line=line, reason=f"some bytes are not {codec}", value=cell, fatal=False)
            return
