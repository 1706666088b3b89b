"""Several readings as one: the files of an archive, the sheets of a workbook."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Self

import attrs

from crmkit.core.drafts import DraftBatch, Finding, Problem
from crmkit.core.ports.sources import Reading, ReadingOptions
from crmkit.core.values.text import fold
from crmkit.errors import RejectedError, UnreadableError
from crmkit.plugins.builtin.headers import map_header

__all__ = ["Piece", "joined"]


@attrs.frozen
class Piece:
    """One of several, ready to be read, or why it cannot be."""

    name: str
    importer: str
    reading: Reading | None
    flaw: str = ""

    @classmethod
    def opened(
        cls, name: str, importer: str, read: Callable[[ReadingOptions], Reading], options: ReadingOptions
    ) -> Self:
        """Begin to read one of several; one that cannot be read costs itself, not its neighbours.

        Of a mapping only that is asked of it which speaks of its columns.

        Raises:
            RejectedError: An option will not do.
        """
        try:
            return cls(name, importer, _begun(read, options))
        except UnreadableError as error:
            return cls(name, importer, None, error.reasons[0].removeprefix(f"{error.source}: "))

    @property
    def header(self) -> Sequence[str]:
        """The names of its columns."""
        return self.reading.header if self.reading else ()

    @property
    def found(self) -> str:
        """What was found out about it, in one line."""
        if self.reading is None:
            return self.flaw
        return "; ".join(f"{each.what} {each.value}" for each in self.reading.findings)


def joined(pieces: Sequence[Piece], findings: Iterable[Finding], mapping: Mapping[str, str]) -> Reading:
    """Read one piece after another; lines count on, and say in which they are.

    The columns are those of all pieces; a piece that cannot be read is a rejected row.

    Raises:
        RejectedError: The mapping names columns that no piece has.
    """
    header = tuple(dict.fromkeys(name for piece in pieces for name in piece.header))
    map_header(header, mapping)
    lines = _Lines()
    readings = [piece.reading for piece in pieces if piece.reading is not None]
    languages = {reading.language for reading in readings}
    labels = {reading.source_label for reading in readings}
    return Reading(
        header=header,
        findings=tuple(findings),
        batches=_batches(pieces, header, lines),
        language=languages.pop() if len(languages) == 1 else None,
        source_label=labels.pop() if len(labels) == 1 else None,
        place=lines.place,
    )


def _begun(read: Callable[[ReadingOptions], Reading], options: ReadingOptions) -> Reading:
    try:
        return read(options)
    except RejectedError:
        if not options.mapping:
            raise
    header = set(map(fold, read(attrs.evolve(options, mapping={})).header))
    own = {column: field for column, field in options.mapping.items() if fold(column) in header}
    return read(attrs.evolve(options, mapping=own))


class _Lines:
    """Where each file begins when lines count through all of them."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._names: list[str] = []

    def begin(self, name: str, before: int) -> None:
        self._starts.append(before)
        self._names.append(name)

    def place(self, line: int) -> str:
        index = bisect_right(self._starts, line - 1) - 1
        return f"{self._names[index]}, line {line - self._starts[index]}"


def _batches(pieces: Sequence[Piece], header: Sequence[str], lines: _Lines) -> Iterator[DraftBatch]:
    before = 0
    for piece in pieces:
        lines.begin(piece.name, before)
        last = before
        if piece.reading is None:
            problem = Problem(line=before + 1, reason=piece.flaw)
            cells = [*[""] * len(header), piece.name]  # beyond the columns, for it is the value of none
            yield DraftBatch(lines=[before + 1], cells=[cells], columns={}, problems=[problem])
            before += 1
            continue
        places = [header.index(name) for name in piece.header]
        with closing(_generated(piece.reading.batches)) as batches:
            for batch in batches:
                moved = _moved(batch, before, places, len(header))
                last = max(last, *moved.lines) if moved.lines else last
                yield moved
        before = last


def _generated(batches: Iterator[DraftBatch]) -> Generator[DraftBatch, None, None]:  # so that it can be closed
    yield from batches


def _moved(batch: DraftBatch, by: int, places: Sequence[int], width: int) -> DraftBatch:
    """Let lines count on, and put cells under the columns of all files."""
    return attrs.evolve(
        batch,
        lines=[line + by for line in batch.lines],
        cells=[_spread(cells, places, width) for cells in batch.cells],
        problems=[attrs.evolve(problem, line=problem.line + by) for problem in batch.problems],
        ignored={line + by: reason for line, reason in batch.ignored.items()},
    )


def _spread(cells: Sequence[str], places: Sequence[int], width: int) -> Sequence[str]:
    if not places or list(places) == list(range(width)):
        return cells
    spread = [""] * width
    for place, cell in zip(places, cells, strict=False):
        spread[place] = cell
    return [*spread, *cells[len(places) :]]
