"""Records as a table in a text file, for people and their spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import IO

from crmkit.core.record_type import RecordType
from crmkit.services.exporting.columns import columns_of
from crmkit.services.exporting.companions import Batch
from crmkit.services.tabular import protected

__all__ = ["write_csv"]


def write_csv(file: IO[str], kind: RecordType, batches: Iterable[Batch], *, delimiter: str) -> int:
    """Write a header and a line for each record; no cell is a formula."""
    columns = columns_of(kind)
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow([column.name for column in columns])
    count = 0
    for batch in batches:
        writer.writerows(zip(*(_harmless(column.texts(batch)) for column in columns), strict=True))
        count += len(batch.rows)
    return count


def _harmless(texts: Sequence[str]) -> list[str]:
    # What begins with a letter or digit is no formula, and so are most cells.
    return [text if text[:1].isalnum() or not text else protected(text) for text in texts]
