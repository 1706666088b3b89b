"""The spine on record: operations, what they changed, and the rows of an import."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, stored
from crmkit.core.records import Stored

__all__ = ["CHANGE", "IMPORT_ROW", "OPERATION", "Change", "ImportRow", "Operation", "RowOutcome"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Operation(Stored):
    """One unit of change: planned, applied in one transaction, logged, undoable.

    Attributes:
        kind: What was done: ``edit``, ``import``, ``convert``, ``move_deal``, ``undo`` …
        at: Its moment, in UTC; later than that of every operation before it.
        reason: Why, in the words of whoever asked for it, or None.
        actor: Who asked for it, or None when nobody was named.
        key: The idempotency key, unique, or None.
        request: The digest of what was asked for, to compare under the same key.
        undoes: The operation this one takes back, or None.
        result: What it gave, by name: ids and numbers.
        counts: How many records of each type it created and updated.
        finished: Whether all its parts are applied; only an import has several.
        progress: Where an unfinished one stands, for resuming it.
    """

    kind: str = attrs.field(metadata=stored(indexed=True))
    at: datetime
    reason: str | None = None
    actor: str | None = None
    key: str | None = None
    request: str
    undoes: str | None = attrs.field(default=None, metadata=stored(references="operation"))
    result: Mapping[str, Any] = attrs.field(factory=dict)
    counts: Mapping[str, Any] = attrs.field(factory=dict)
    finished: bool = True
    progress: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def label(self) -> str:
        """What a person calls this."""
        return f"{_NOUNS.get(self.kind, self.kind.replace('_', ' '))} of {self.at:%Y-%m-%d %H:%M}"


_NOUNS = {
    "begin": "first set-up",
    "convert": "conversion",
    "delete": "deletion",
    "lose_deal": "loss of a deal",
    "move_deal": "move of a deal",
    "open_deal": "opening of a deal",
    "reopen_deal": "reopening of a deal",
    "win_deal": "win of a deal",
}


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Change(Stored):
    """What one operation changed in one record that existed before.

    A record that an operation created has no such row: it names its operation itself.

    Attributes:
        record_id: The record.
        to_version: The version the record had afterwards.
        fields: Field to ``[old, new]`` scalars, or ``[old, new, rule]`` where a rule decided.
        why: Why, or None.
    """

    record_id: str = attrs.field(metadata=stored(references=ANY))
    to_version: int
    fields: Mapping[str, Any]
    why: str | None = None


class RowOutcome(enum.Enum):
    """What became of one row of an imported source."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    IGNORED = "ignored"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class ImportRow(Stored):
    """A row of an imported source that has a story to tell: rejected, duplicate, ignored, or with a warning.

    Attributes:
        line: On which line of the source it begins.
        outcome: What became of it.
        reason: Why, as one clause.
        cells: The row verbatim, as a list of texts under ``cells``.
        record_id: The record it met or made, or None.
        import_key: What identifies this row, where it was recognised by something else:
            next time it means the same record, whatever became of its name and address.
    """

    line: int
    outcome: RowOutcome
    reason: str
    cells: Mapping[str, Any] = attrs.field(factory=dict)
    record_id: str | None = None
    import_key: str | None = attrs.field(default=None, metadata=stored(indexed=True))


OPERATION = record_type(
    Operation,
    name="operation",
    prefix="op",
    unique=(("key",),),
    together=(("at",),),  # the newest is asked for by each operation
    undo="keep",
    made_by="doing something",
)
CHANGE = record_type(Change, name="change", undo="keep", made_by="changing something")
IMPORT_ROW = record_type(ImportRow, name="import_row", undo="keep", made_by="importing a file")
