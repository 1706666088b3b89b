"""What a pull tells: what became of each file or page, and why it stopped."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.imports import ImportReport
from crmkit.core.operation import RowOutcome
from crmkit.errors import CrmkitError

__all__ = ["PullOutcome", "PullReport", "PulledBatch"]


class PullOutcome(enum.Enum):
    """What became of one file or page.

    Attributes:
        IMPORTED: All its rows are accounted for; some may be rejected.
        KNOWN: It was taken before and has not changed, or another one has the same content.
        FAILED: It cannot be imported; it is tried again when it, or how it is imported, changes.
        FAILED_BEFORE: It could not be imported before, and has not changed.
        PASSED_OVER: It is not taken this time.
        TAKEN: Another process is importing it, or was faster.
    """

    IMPORTED = "imported"
    KNOWN = "known"
    FAILED = "failed"
    FAILED_BEFORE = "failed before"
    PASSED_OVER = "passed over"
    TAKEN = "taken"


@attrs.frozen(kw_only=True)
class PulledBatch:
    """One file or page, and what became of it.

    Attributes:
        name: What it is called.
        outcome: What became of it.
        detail: Why, or empty.
        report: The report of its import, with the first rows that have a problem; None unless it was imported.
    """

    name: str
    outcome: PullOutcome
    detail: str = ""
    report: ImportReport | None = None

    @property
    def operation_id(self) -> str | None:
        """The import, or None when there is none."""
        return self.report.operation_id if self.report else None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "report": self.report.as_json() if self.report else None,
        }


@attrs.frozen(kw_only=True)
class PullReport:
    """What one pull of one lead source did.

    Attributes:
        source: The name of the lead source.
        source_id: Its id.
        kind: Its kind.
        batches: Every file or page with a story to tell, in order.
        known: How many more were taken before and have not changed.
        cursor: Where the next pull begins, or None.
        error: Why it had to stop, or None when it did not; what was imported before stays.
    """

    source: str
    source_id: str
    kind: str
    batches: tuple[PulledBatch, ...] = ()
    known: int = 0
    cursor: str | None = None
    error: CrmkitError | None = None

    @property
    def is_fine(self) -> bool:
        """Whether nothing failed this time."""
        return self.error is None and not self.of(PullOutcome.FAILED)

    @property
    def imported(self) -> int:
        """How many files or pages were imported."""
        return len(self.of(PullOutcome.IMPORTED))

    @property
    def outcomes(self) -> Mapping[RowOutcome, int]:
        """How many rows became what, in all that was imported."""
        total: Counter[RowOutcome] = Counter()
        for batch in self.batches:
            total.update(batch.report.outcomes if batch.report else {})
        return total

    @property
    def created(self) -> int:
        """How many leads are new."""
        return self.outcomes.get(RowOutcome.CREATED, 0)

    def of(self, outcome: PullOutcome) -> list[PulledBatch]:
        """Return the files or pages with that outcome."""
        return [batch for batch in self.batches if batch.outcome is outcome]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        outcomes = self.outcomes
        return {
            "source": self.source,
            "source_id": self.source_id,
            "kind": self.kind,
            "imported": self.imported,
            "known": self.known,
            "rows": {outcome.value: outcomes.get(outcome, 0) for outcome in RowOutcome},
            "batches": [batch.as_json() for batch in self.batches],
            "cursor": self.cursor,
            "error": None if self.error is None else {"message": str(self.error), "hint": self.error.hint},
        }
