"""What became of each lead of a conversion: little is kept of each, whatever their number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, overload

import attrs

from crmkit.core.conversion import Conversion, ConversionResult
from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Query
from crmkit.core.schema import Schema
from crmkit.errors import CrmkitError, RejectedError
from crmkit.services.converting.batch import Batch

__all__ = ["ConversionResults", "Results"]

_Columns = Mapping[str, Sequence[Scalar]]


class ConversionResults(Sequence[ConversionResult]):
    """One result for each lead, in order; each is made when it is looked at.

    Args:
        schema: The record types.
        operation_id: The operation.
        entries: The results, or for a conversion that was planned in columns its place there.
        blocks: The columns.
    """

    def __init__(
        self, schema: Schema, operation_id: str, entries: Sequence[int | ConversionResult], blocks: Sequence[_Columns]
    ) -> None:
        self._kind = schema["conversion"]
        self._operation_id = operation_id
        self._entries = entries
        self._blocks = blocks
        self._ends = list(accumulate(len(columns["id"]) for columns in blocks))

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> ConversionResult: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ConversionResult]: ...
    def __getitem__(self, place: int | slice) -> ConversionResult | Sequence[ConversionResult]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        entry = self._entries[place]
        if isinstance(entry, ConversionResult):
            return entry
        number = bisect_right(self._ends, entry)
        columns, i = self._blocks[number], entry - self._ends[number]  # from the end of the block
        row = tuple([columns[name][i] if name in columns else None for name in self._kind.field_names])
        conversion: Conversion = self._kind.load(row)
        return ConversionResult(
            lead_id=conversion.lead_id,
            outcome="converted",
            conversion=conversion,
            operation_id=self._operation_id,
        )

    def __repr__(self) -> str:
        return f"<{len(self)} results>"


@attrs.frozen
class _Told:
    """What became of a lead that was not converted in columns."""

    lead_id: str
    outcome: str
    conversion_id: str | None
    reasons: Sequence[str]


class Results:
    """What becomes of the leads of one call, while it is decided and afterwards.

    Args:
        schema: The record types.
        lead_ids: The leads, in order.
    """

    def __init__(self, schema: Schema, lead_ids: Sequence[str]) -> None:
        self._schema = schema
        self._lead_ids = lead_ids
        self.begin("")

    def begin(self, operation_id: str) -> None:
        """Begin anew, for an operation that is planned now."""
        self._operation_id = operation_id
        self._entries: list[int | _Told] = []
        self._blocks: list[_Columns] = []
        self._in_columns = 0
        self._refused: list[tuple[str, CrmkitError]] = []

    def add(self, batch: Batch) -> int:
        """Add what was decided for the next leads; return for how many it is decided now."""
        self._blocks += batch.conversions
        for decision in batch.decisions:
            if decision is None:
                self._entries.append(self._in_columns)
                self._in_columns += 1
                continue
            lead, error = decision.lead, decision.error
            if error is not None:
                self._refused.append((lead.label, error))
            self._entries.append(_Told(lead.id, decision.outcome, decision.conversion_id, _reasons(error)))
        return len(self._entries)

    def refuse_any(self) -> None:
        """Raise when one of the leads cannot be converted; for a single lead its own error."""
        if self._refused and len(self._entries) == 1:
            raise self._refused[0][1]
        if self._refused:
            raise RejectedError(f"{label}: {error}" for label, error in self._refused)

    def kept(self) -> dict[str, Any]:
        """Return what the operation keeps of it, as JSON values: those that it did not convert."""
        others = [each for each in self._entries if isinstance(each, _Told) and each.outcome != "converted"]
        return {
            "operation": self._operation_id,
            "converted": len(self._entries) - len(others),
            "others": [
                {
                    "lead": told.lead_id,
                    "outcome": told.outcome,
                    "conversion": told.conversion_id,
                    "reasons": list(told.reasons),
                }
                for told in others
            ],
        }

    def finish(self, view: ReadTransaction, kept: Mapping[str, Any]) -> ConversionResults:
        """Return the results, of this call or of an earlier one with the same key."""
        operation_id = kept["operation"]
        if self._operation_id != operation_id:
            self._take_over(view, kept)
        told = [each for each in self._entries if isinstance(each, _Told)]
        ids = [each.conversion_id for each in told if each.conversion_id]
        rows = view.get_many("conversion", ids) if ids else []
        known: dict[str, Conversion] = {c.id: c for c in self._schema["conversion"].load_many(rows)}
        entries = [each if isinstance(each, int) else _result(each, known) for each in self._entries]
        return ConversionResults(self._schema, operation_id, entries, self._blocks)

    def _take_over(self, view: ReadTransaction, kept: Mapping[str, Any]) -> None:
        """Learn from the store what an earlier operation did with the same leads."""
        self.begin(kept["operation"])
        mine = Compare("operation_id", Op.EQ, kept["operation"])
        kind = self._schema["conversion"]
        lead, id_ = kind.position["lead_id"], kind.position["id"]
        rows = view.find(Query(type="conversion", where=mine, deleted=True))
        made = {row[lead]: str(row[id_]) for row in rows}
        others = {other["lead"]: other for other in kept["others"]}
        for lead_id in self._lead_ids:
            other = others.get(lead_id)
            if other is None:
                self._entries.append(_Told(lead_id, "converted", made[lead_id], ()))
            else:
                self._entries.append(_Told(lead_id, other["outcome"], other["conversion"], other["reasons"]))


def _result(told: _Told, known: Mapping[str, Conversion]) -> ConversionResult:
    conversion = known.get(told.conversion_id or "")
    return ConversionResult(
        lead_id=told.lead_id,
        outcome=told.outcome,
        conversion=conversion,
        reasons=tuple(told.reasons),
        operation_id=None if conversion is None else conversion.operation_id,
    )


def _reasons(error: CrmkitError | None) -> Sequence[str]:
    if isinstance(error, RejectedError):
        return error.reasons
    return () if error is None else (str(error),)
