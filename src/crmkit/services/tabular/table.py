"""A table read out of a text file, whatever its dialect, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO, TextIOWrapper
from itertools import islice

import attrs

from crmkit.core.drafts import Finding, Problem
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.errors import UnreadableError
from crmkit.services.sources import BytesSource
from crmkit.services.tabular.dialect import Dialect, find_dialect
from crmkit.services.tabular.encoding import Encoding, find_encoding
from crmkit.services.tabular.header import Header, find_header, named, unique_names
from crmkit.services.tabular.lines import PhysicalLines
from crmkit.services.tabular.rows import Columns, Row, RowKind, RowSorter, parse_rows

__all__ = ["RowBatch", "Table", "open_table", "peek_table"]


@attrs.frozen(kw_only=True)
class RowBatch:
    """Some rows of a table; ``lines[i]`` and ``cells[i]`` speak of the same one.

    Attributes:
        lines: On which line each row begins, counted from 1.
        cells: Each row as it was written, at least one cell per column.
        kinds: What each row is that is not a record, by its line.
        problems: What is wrong with rows; those that cannot be read have a fatal one.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    kinds: Mapping[int, RowKind]
    problems: Sequence[Problem]

    @property
    def ignored(self) -> dict[int, str]:
        """The rows that are neither records nor broken: line to reason."""
        return {line: kind.value for line, kind in self.kinds.items() if kind is not RowKind.BROKEN}


@attrs.frozen(kw_only=True)
class Table:
    """A table in a source; each call of `rows` or `batches` reads it anew.

    Attributes:
        header: The names of the columns, each but once.
        findings: What was detected, with evidence.
    """

    header: tuple[str, ...]
    findings: tuple[Finding, ...]
    _source: Source
    _encoding: Encoding
    _dialect: Dialect
    _heading: Header

    def rows(self) -> Iterator[Row]:
        """Read row by row."""
        columns = Columns(self.header)
        for batch in self.batches():
            problems: dict[int, tuple[Problem, ...]] = {}
            for problem in batch.problems:
                problems[problem.line] = (*problems.get(problem.line, ()), problem)
            for line, cells in zip(batch.lines, batch.cells, strict=True):
                yield Row(line, cells, columns, batch.kinds.get(line, RowKind.DATA), problems.get(line, ()))

    def batches(self, size: int = 2000) -> Iterator[RowBatch]:
        """Read *size* rows at a time; only as many are held in memory."""
        width = len(self.header)
        sorter = RowSorter(self._heading.cells, width)
        with _opened(self._source, self._encoding) as text:
            lines = PhysicalLines(text, drop_nuls=bool(self._encoding.nuls))
            parsed = parse_rows(lines, self._dialect, width)
            records = (row for row in parsed if row[0] > self._heading.line)
            while rows := list(islice(records, size)):
                yield self._batch(rows, sorter, width)

    def _batch(self, rows: list[tuple[int, list[str], str]], sorter: RowSorter, width: int) -> RowBatch:
        kinds: dict[int, RowKind] = {}
        problems: list[Problem] = []
        for line, cells, fault in rows:
            if fault:
                kinds[line] = RowKind.BROKEN
                problems.append(Problem(line=line, reason=fault))
            elif (kind := sorter.kind(cells)) is not RowKind.DATA:
                kinds[line] = kind
            elif len(cells) > width and any(cells[width:]):
                reason = f"the row has {len(cells)} cells, the table {width} columns"
                problems.append(Problem(line=line, reason=reason, fatal=False))
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            if self._encoding.flaw and not fault:
                problems.extend(_undecodable(line, cells, self._encoding.codec))
        return RowBatch(
            lines=[line for line, _, _ in rows], cells=[cells for _, cells, _ in rows], kinds=kinds, problems=problems
        )


def open_table(source: Source, options: ReadingOptions, *, known: Callable[[str], bool] = lambda _: False) -> Table:
    """Find out how a table is written, and make it ready to read.

    Args:
        source: The bytes.
        options: What the user says about them; the rest is found out.
        known: Whether a cell is a word that headers are made of. It decides
            which row is the header; without it only the shape of rows does.

    Raises:
        UnreadableError: This is empty, or no text.
        RejectedError: An option names no encoding or no delimiter.
    """
    encoding = find_encoding(source, options.encoding)
    with _opened(source, encoding) as text:
        sample = text.read(_SAMPLE_CHARS).replace("\0", "")
    dialect = find_dialect(StringIO(sample, newline="").readlines(), known, options.delimiter)
    with _opened(source, encoding) as text:
        parsed = parse_rows(PhysicalLines(text, drop_nuls=bool(encoding.nuls)), dialect)
        sound = ((line, cells) for line, cells, fault in parsed if not fault)
        header = _header(sound, options.header_line, known, source.name)
    findings = [
        Finding(what="encoding", value=encoding.codec, evidence=encoding.evidence),
        dialect.finding,
        header.finding,
    ]
    if encoding.flaw and encoding.evidence != encoding.flaw:
        findings.append(Finding(what="undecodable bytes", value="replaced by \ufffd", evidence=encoding.flaw))
    if encoding.nuls:
        findings.append(Finding(what="NUL characters", value=str(encoding.nuls), evidence="they were left out"))
    return Table(
        header=header.names,
        findings=tuple(findings),
        source=source,
        encoding=encoding,
        dialect=dialect,
        heading=header,
    )


def peek_table(source: Source, *, known: Callable[[str], bool] = lambda _: False) -> Table:
    """Open the table that the beginning of a source makes, to look at its header.

    Raises:
        UnreadableError: This is empty, or no text.
    """
    head = source.head(_PEEK_BYTES)
    if len(head) == _PEEK_BYTES:  # its last line may end within a character
        end = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        head = head[: end + end % 2] or head  # UTF-16 has two bytes a character
    return open_table(BytesSource(source.name, head), ReadingOptions(), known=known)


_PEEK_BYTES = 1 << 16
_SAMPLE_CHARS = 1 << 16
_HEADER_ROWS = 20


def _opened(source: Source, encoding: Encoding) -> TextIOWrapper:
    return TextIOWrapper(source.open(), encoding=encoding.codec, errors="replace", newline="")


def _header(
    rows: Iterator[tuple[int, list[str]]], wanted: int | None, known: Callable[[str], bool], source: str
) -> Header:
    if wanted:
        for line, cells in rows:
            if line == wanted:
                return named(line, cells, "as asked for")
            if line > wanted:
                break
        raise UnreadableError(f"no row begins on line {wanted}", source=source, hint="the header line counts from 1")
    first: list[tuple[int, Sequence[str]]] = list(islice(rows, _HEADER_ROWS))
    if wanted == 0:
        names = unique_names([""] * max((len(cells) for _, cells in first), default=0))
        return Header(names=names, cells=(), line=0, evidence="as asked for; columns are numbered")
    if not any(cell.strip() for _, cells in first for cell in cells):
        raise UnreadableError("has no rows", source=source, hint="export it again and look at its size")
    return find_header(first, known)


def _undecodable(line: int, cells: Sequence[str], codec: str) -> Iterator[Problem]:
    for cell in cells:
        if "\ufffd" in cell:
            yield Problem(line=line, reason=f"some bytes are not {codec}", value=cell, fatal=False)
            return
