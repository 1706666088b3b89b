"""The rejects file: the broken rows verbatim, to be mended and imported again."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from crmkit.core.imports import ImportReport, ReportedRow
from crmkit.core.operation import RowOutcome
from crmkit.core.records import Stored
from crmkit.services.files import replacing
from crmkit.services.importing.report import problem_rows, read_report
from crmkit.services.preparing.carried import CARRIED_COLUMN, Carried
from crmkit.services.tabular import protected
from crmkit.services.workspace import Workspace

__all__ = ["write_rejects"]


def write_rejects(workspace: Workspace, imported: ImportReport | str | Stored, path: str | os.PathLike[str]) -> int:
    """Write the rejected rows of an import as CSV, all or nothing, and return how many there are.

    The file has the columns of the source, then ``crmkit_line`` and ``crmkit_reason``, which
    an import leaves out. Where a few rows may not tell how the source was read, such as its dates,
    ``crmkit_read_as`` does, and an import heeds it. The file is UTF-8 with a byte order mark, and
    parted as the source was, so that the same spreadsheet opens it. A cell that a spreadsheet would
    take for a formula is guarded by an apostrophe, which an import takes off again.

    Args:
        workspace: Where the import was made.
        imported: Its report, or its operation. What a dry run or an import without effect
            had to report is not in the workspace: then the rows the report lists are written.
        path: The file; one that is there is replaced.

    Raises:
        RejectedError: The file cannot be written.
    """
    report = imported if isinstance(imported, ImportReport) else read_report(workspace, imported)
    with workspace.reading() as view:
        rows: Iterable[ReportedRow] = report.problems
        if report.operation_id is not None:
            rows = problem_rows(view, workspace.schema, report.operation_id)
        rejected = (row for row in rows if row.outcome is RowOutcome.REJECTED)
        with replacing(path, encoding="utf-8-sig") as file:
            return _write(file, report, rejected)


_DELIMITERS: Final = {"tab": "\t", "none": ","}


def _write(file: TextIO, report: ImportReport, rows: Iterable[ReportedRow]) -> int:
    found = next((finding.value for finding in report.findings if finding.what == "delimiter"), ",")
    delimiter = _DELIMITERS.get(found, found)
    writer = csv.writer(file, delimiter=delimiter if len(delimiter) == 1 else ",")
    header: Sequence[str] = report.header
    read_as = str(Carried.of(report.findings))
    own = ["crmkit_line", "crmkit_reason", *([CARRIED_COLUMN] if read_as else [])]
    count = 0
    for row in rows:
        if not count:
            header = header or [f"column_{number}" for number in range(1, len(row.cells) + 1)]
            writer.writerow([*map(protected, header), *own])
        cells = [*row.cells, *[""] * (len(header) - len(row.cells))]
        # What is beyond the last column stays together, for it has no name to be found by.
        cells, surplus = cells[: len(header)], [cell for cell in cells[len(header) :] if cell]
        reason = f"{row.reason}; beyond the last column: {', '.join(surplus)}" if surplus else row.reason
        writer.writerow([*map(protected, cells), row.line, protected(reason), *([read_as] if read_as else [])])
        count += 1
    if not count:
        writer.writerow([*map(protected, header), *own])
    return count
