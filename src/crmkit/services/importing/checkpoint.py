"""Where an import stands, and what imports of the same source left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import attrs

from crmkit.core.operation import Operation, RowOutcome
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import All, Compare, Op, Order, Query
from crmkit.errors import KeyReusedError
from crmkit.services.importing.plan import Verdicts
from crmkit.services.operations import Request
from crmkit.services.workspace import Workspace

__all__ = ["Earlier", "Standing", "added"]


@attrs.frozen(kw_only=True)
class Standing:
    """Where an import stands: what a checkpoint holds.

    Attributes:
        batch_size: How many rows a part has.
        operation_id: The operation, or None while nothing changed.
        at: Its moment.
        version: The version of its row.
        rows: How many rows are done.
        ids: How many ids it has made.
        log_rows: How many log rows it has written.
        told_rows: How many import rows it has written.
        met: How many rows are about somebody who was there before.
        outcomes: What became of the rows, by name.
        warnings: How many were imported with a warning.
        counts: How many records of each type it created and updated.
    """

    batch_size: int
    operation_id: str | None = None
    at: datetime | None = None
    version: int = 0
    rows: int = 0
    ids: int = 0
    log_rows: int = 0
    told_rows: int = 0
    met: int = 0
    outcomes: Mapping[str, int] = attrs.field(factory=dict)
    warnings: int = 0
    counts: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)

    @classmethod
    def of(cls, operation: Operation) -> Standing:
        """Return where an unfinished operation stands."""
        return cls(
            operation_id=operation.id,
            at=operation.at,
            version=operation.version,
            outcomes=operation.result["outcomes"],
            warnings=operation.result["warnings"],
            counts=operation.counts,
            **operation.progress,
        )

    def checkpoint(self) -> dict[str, int]:
        """Return what is needed to go on, besides what the operation tells anyway."""
        return {name: getattr(self, name) for name in ("batch_size", "rows", "ids", "log_rows", "told_rows", "met")}

    def after(self, verdicts: Verdicts) -> Standing:
        """Return where the import stands when a part is done."""
        outcomes = Counter(self.outcomes)
        outcomes.update({outcome.value: count for outcome, count in Counter(verdicts.outcomes).items()})
        imported = (RowOutcome.CREATED, RowOutcome.UPDATED, RowOutcome.UNCHANGED)
        warned = sum(row.outcome in imported for row in verdicts.problems)
        return attrs.evolve(
            self,
            rows=self.rows + len(verdicts.outcomes),
            outcomes=dict(outcomes),
            warnings=self.warnings + warned,
            met=self.met + verdicts.met,
        )


@attrs.frozen(kw_only=True)
class Earlier:
    """What imports of the same source with the same arguments left behind.

    Attributes:
        replayed: The one with the same key.
        standing: Where an unfinished one stands.
        done: The newest that was finished.
    """

    replayed: Operation | None = None
    standing: Standing | None = None
    done: Operation | None = None

    @classmethod
    def find(cls, view: ReadTransaction, workspace: Workspace, request: Request) -> Earlier:
        kind = workspace.schema["operation"]
        if request.key is not None and (found := view.lookup("operation", "key", [request.key])):
            named: Operation = kind.load(view.get_many("operation", [found[0][1]])[0])
            if named.request != request.digest:
                raise KeyReusedError(request.key)
            return cls(replayed=named) if named.finished else cls(standing=Standing.of(named))
        same = All((Compare("kind", Op.EQ, "import"), Compare("request", Op.EQ, request.digest)))
        query = Query(type="operation", where=same, order=(Order("at", descending=True),))
        imports: list[Operation] = kind.load_many(view.find(query))
        undone = {value for value, _ in view.lookup("operation", "undoes", [each.id for each in imports])}
        imports = [each for each in imports if each.id not in undone]
        unfinished = next((Standing.of(each) for each in imports if not each.finished), None)
        return cls(standing=unfinished, done=next((each for each in imports if each.finished), None))


def added(counts: Mapping[str, Mapping[str, int]], more: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    total = {kind: dict(each) for kind, each in counts.items()}
    for kind, each in more.items():
        entry = total.setdefault(kind, {})
        for what, count in each.items():
            entry[what] = entry.get(what, 0) + count
    return total
