"""A part between reading and planning: its drafts, what identifies each, and most often its cleaned rows.

Whether this process prepares a part or another one (`crmkit.services.preparing.worker`), it is the same.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import attrs

from crmkit.core.drafts import DraftBatch, Problem
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.preparing.job import Job
from crmkit.services.preparing.normalise import Rows, import_keys, normalise

__all__ = ["Prepared", "packed", "prepare", "unpacked"]


class Prepared(NamedTuple):
    """A part as it was read.

    Attributes:
        batch: The drafts.
        keys: What identifies each row.
        rows: The rows cleaned; None where they are expected to be known.
        is_last: Whether it is the last part of its source.
    """

    batch: DraftBatch
    keys: Sequence[str]
    rows: Rows | None
    is_last: bool


def prepare(batch: DraftBatch, job: Job, custom: CustomColumns, *, is_last: bool, is_known: bool) -> Prepared:
    """Prepare a part; when its rows are expected to be known, they are not cleaned."""
    if is_known:
        return Prepared(batch, import_keys(batch, job, custom), None, is_last)
    rows = normalise(batch, job, custom)
    return Prepared(batch, rows.import_keys, rows, is_last)


def packed(part: Prepared) -> bytes:
    """Write a part down for another process of the same interpreter.

    Raises:
        ValueError: A draft holds something else than texts, numbers, and collections of these.
    """
    batch, rows = part.batch, part.rows
    drafts = (
        list(batch.lines),
        [tuple(cells) for cells in batch.cells],
        {name: list(column) for name, column in batch.columns.items()},
        [attrs.astuple(problem) for problem in batch.problems],
        dict(batch.ignored),
    )
    cleaned = None if rows is None else [getattr(rows, name) for name in _CLEANED]
    # At once, so that what both hold is written once.
    whole: Any = (drafts, part.keys if rows is None else None, cleaned, part.is_last)
    return marshal.dumps(whole)


def unpacked(data: bytes) -> Prepared:
    """Return the part that `packed` wrote down."""
    (lines, cells, columns, problems, ignored), keys, cleaned, is_last = marshal.loads(data)  # noqa: S302  # of our own
    batch = DraftBatch(
        lines=lines,
        cells=cells,
        columns=columns,
        problems=[Problem(**dict(zip(_PROBLEM, problem, strict=True))) for problem in problems],
        ignored=ignored,
    )
    if cleaned is None:
        return Prepared(batch, keys, None, is_last)
    rows = Rows(lines=lines, cells=cells, **dict(zip(_CLEANED, cleaned, strict=True)))
    return Prepared(batch, rows.import_keys, rows, is_last)


_CLEANED: Final = tuple(a.name for a in attrs.fields(Rows) if a.name not in ("lines", "cells"))
_PROBLEM: Final = tuple(a.name for a in attrs.fields(Problem))
