"""The batches of an importer, cut into parts of one size, so that an import can go on where it stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from crmkit.core.drafts import DraftBatch

__all__ = ["in_parts"]


def in_parts(batches: Iterable[DraftBatch], size: int, *, skip: int = 0) -> Iterator[tuple[DraftBatch, bool]]:
    """Cut batches of any size into parts of *size* rows, each with whether it is the last one.

    Args:
        batches: The batches.
        size: How many rows a part has, but the last one.
        skip: So many rows are left out at the beginning.
    """
    held: list[DraftBatch] = []
    for batch, is_last in _with_last(batch for batch in batches if len(batch)):
        start = min(skip, len(batch))
        skip -= start
        while start < len(batch):
            stop = min(start + size - sum(map(len, held)), len(batch))
            held.append(_piece(batch, start, stop))
            start = stop
            if sum(map(len, held)) == size:
                yield _joined(held), is_last and start == len(batch)
    if held:
        yield _joined(held), True


def _with_last(batches: Iterable[DraftBatch]) -> Iterator[tuple[DraftBatch, bool]]:
    """Say of each batch whether it is the last one; no more than one is read ahead for that."""
    before = None
    for batch in batches:
        if before is not None:
            yield before, False
        before = batch
    if before is not None:
        yield before, True


def _piece(batch: DraftBatch, start: int, stop: int) -> DraftBatch:
    if start == 0 and stop == len(batch):
        return batch
    lines = batch.lines[start:stop]
    mine = set(lines)
    return DraftBatch(
        lines=lines,
        cells=batch.cells[start:stop],
        columns={name: column[start:stop] for name, column in batch.columns.items()},
        problems=[problem for problem in batch.problems if problem.line in mine],
        ignored={line: reason for line, reason in batch.ignored.items() if line in mine},
    )


def _joined(held: list[DraftBatch]) -> DraftBatch:
    """Join pieces into one, and let go of them."""
    pieces = [*held]
    held.clear()
    if len(pieces) == 1:
        return pieces[0]
    names = dict.fromkeys(name for piece in pieces for name in piece.columns)
    return DraftBatch(
        lines=[*chain.from_iterable(piece.lines for piece in pieces)],
        cells=[*chain.from_iterable(piece.cells for piece in pieces)],
        columns={
            name: [*chain.from_iterable(piece.columns.get(name, [None] * len(piece)) for piece in pieces)]
            for name in names
        },
        problems=[*chain.from_iterable(piece.problems for piece in pieces)],
        ignored={line: reason for piece in pieces for line, reason in piece.ignored.items()},
    )
