"""What an import tells: how many rows became what, and which rows have a story to tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.operation import RowOutcome

__all__ = ["ImportReport", "ReportedRow"]


@attrs.frozen(kw_only=True)
class ReportedRow:
    """A row that was rejected, ignored or a duplicate, or was imported with a warning.

    Attributes:
        line: On which line of the source it begins.
        outcome: What became of it.
        reason: Why, as one clause or several.
        cells: The row verbatim.
        record_id: The record it met or made, or None.
    """

    line: int
    outcome: RowOutcome
    reason: str
    cells: tuple[str, ...] = ()
    record_id: str | None = None


@attrs.frozen(kw_only=True)
class ImportReport:
    """What became of a source.

    Attributes:
        source: Its name.
        importer: Who read it.
        findings: What was detected about it.
        header: The names of its columns; empty when it has none.
        outcomes: How many rows became what.
        read: How many rows it has; always the sum of the outcomes.
        warnings: How many rows were imported though something in them was not understood.
        problems: Rows that are not simply imported, in the order of the source; of very
            many only the first ones.
        unlisted: How many more such rows there are.
        operation_id: The operation, or None when nothing was written.
    """

    source: str
    importer: str
    findings: tuple[Finding, ...] = ()
    header: tuple[str, ...] = ()
    outcomes: Mapping[RowOutcome, int] = attrs.field(factory=dict)
    read: int
    warnings: int = 0
    problems: tuple[ReportedRow, ...] = ()
    unlisted: int = 0
    operation_id: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.read != sum(self.outcomes.values()):
            msg = f"{self.read} rows were read, but {sum(self.outcomes.values())} are accounted for"
            raise AssertionError(msg)

    @property
    def created(self) -> int:
        """Rows that made a lead."""
        return self.outcomes.get(RowOutcome.CREATED, 0)

    @property
    def updated(self) -> int:
        """Rows that changed something about a lead that was there."""
        return self.outcomes.get(RowOutcome.UPDATED, 0)

    @property
    def unchanged(self) -> int:
        """Rows that say nothing new."""
        return self.outcomes.get(RowOutcome.UNCHANGED, 0)

    @property
    def duplicates(self) -> int:
        """Rows about somebody of an earlier row, or about a contact."""
        return self.outcomes.get(RowOutcome.DUPLICATE, 0)

    @property
    def rejected(self) -> int:
        """Rows that are broken; they are in the rejects file."""
        return self.outcomes.get(RowOutcome.REJECTED, 0)

    @property
    def ignored(self) -> int:
        """Rows that are no records, or stand for somebody who was deleted."""
        return self.outcomes.get(RowOutcome.IGNORED, 0)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "source": self.source,
            "importer": self.importer,
            "findings": [attrs.asdict(finding) for finding in self.findings],
            "header": list(self.header),
            "read": self.read,
            **{outcome.value: self.outcomes.get(outcome, 0) for outcome in RowOutcome},
            "warnings": self.warnings,
            "problems": [
                {**attrs.asdict(row), "outcome": row.outcome.value, "cells": list(row.cells)} for row in self.problems
            ],
            "unlisted": self.unlisted,
            "operation": self.operation_id,
        }
