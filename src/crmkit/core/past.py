"""Going back in time: a row as it was, from the row as it is and the log of its changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crmkit.core.codecs import moment_text
from crmkit.core.fields import Row
from crmkit.core.operation import Change
from crmkit.core.record_type import RecordType

__all__ = ["row_as_of", "row_before"]


def row_as_of(kind: RecordType, row: Row, log: Sequence[Change], moment: datetime) -> Row:
    """Return a row as it was at a moment, when the record was there already.

    A part of an import carries the moment of the whole, and may be written after an operation
    that is later. So all changes are taken back from the first one that came after the moment
    on, and what is returned is a state that the record really had.

    Args:
        kind: The record type.
        row: The row as it is.
        log: All changes of the record, in order of their versions.
        moment: What happened at that very moment has happened.
    """
    kept = next((place for place, change in enumerate(log) if change.created_at > moment), len(log))
    for place in range(len(log) - 1, kept - 1, -1):
        row = row_before(kind, row, log[place], log[place - 1] if place else None)
    return row


def row_before(kind: RecordType, row: Row, change: Change, earlier: Change | None) -> Row:
    """Return a row as it was before its last change.

    Args:
        kind: The record type.
        row: The row with that change.
        change: The change.
        earlier: The change before it, or None when there is none.
    """
    values = dict(zip(kind.field_names, row, strict=True))
    values.update((name, pair[0]) for name, pair in change.fields.items() if name in values)
    values["version"] = change.to_version - 1
    values["updated_at"] = values["created_at"] if earlier is None else moment_text(earlier.created_at)
    values.update(kind.derive(values))  # what is derived is not in the log
    return tuple(values[name] for name in kind.field_names)
