"""The report of an import, made again from what the workspace holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from crmkit.core.drafts import Finding
from crmkit.core.imports import ImportReport, ReportedRow
from crmkit.core.operation import ImportRow, Operation, RowOutcome
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, All, Compare, Op, Order, Query
from crmkit.core.records import Stored as StoredRecord
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["LISTED", "problem_rows", "read_report", "report_of", "summary_of"]

LISTED: Final = 1000
"""How many rows a report lists; the others are in the workspace."""


def read_report(workspace: Workspace, operation: str | StoredRecord) -> ImportReport:
    """Return the report of an import that wrote something, also of an unfinished one.

    Raises:
        NotFoundError: There is no such import.
    """
    operation_id = id_of(operation)
    with workspace.reading() as view:
        rows = view.get_many("operation", [operation_id])
        found: Operation | None = workspace.schema["operation"].load(rows[0]) if rows else None
        if found is None or found.kind != "import":
            raise NotFoundError("import", operation_id)
        return report_of(view, workspace.schema, found)


def report_of(view: ReadTransaction, schema: Schema, operation: Operation) -> ImportReport:
    """Return the report of an import."""
    told = _problems(operation.id)
    listed = schema["import_row"].load_many(view.find(Query(type="import_row", where=told, order=_ORDER, limit=LISTED)))
    total = int(view.aggregate(Aggregate(type="import_row", where=told))[0][0] or 0)
    facts = operation.result
    outcomes = {RowOutcome(name): count for name, count in facts["outcomes"].items()}
    return ImportReport(
        source=facts["source"],
        importer=facts["importer"],
        findings=tuple(Finding(**finding) for finding in facts["findings"]),
        header=tuple(facts["header"]),
        outcomes=outcomes,
        read=facts["read"],
        warnings=facts["warnings"],
        problems=tuple(map(_reported, listed)),
        unlisted=total - len(listed),
        operation_id=operation.id,
    )


def summary_of(report: ImportReport, *, sha256: str) -> dict[str, Any]:
    """Return what an operation keeps of its report besides the rows."""
    facts: Mapping[str, Any] = report.as_json()
    kept = ("source", "importer", "findings", "header", "read", "warnings")
    outcomes = {outcome.value: count for outcome, count in report.outcomes.items()}
    return {**{name: facts[name] for name in kept}, "outcomes": outcomes, "sha256": sha256}


def problem_rows(view: ReadTransaction, schema: Schema, operation_id: str) -> Iterator[ReportedRow]:
    """Return all rows of an import that are not simply imported, in the order of the source."""
    query = Query(type="import_row", where=_problems(operation_id), order=_ORDER)
    for some in view.iterate(query):
        yield from map(_reported, schema["import_row"].load_many(some))


_ORDER: Final = (Order("line"),)


def _problems(operation_id: str) -> All:
    # Rows that simply changed a lead are there to say where a value comes from, and have no cells.
    return All((Compare("operation_id", Op.EQ, operation_id), Compare("cells", Op.NE, None)))


def _reported(row: ImportRow) -> ReportedRow:
    return ReportedRow(
        line=row.line,
        outcome=row.outcome,
        reason=row.reason,
        cells=tuple(row.cells["cells"]),
        record_id=row.record_id,
    )
