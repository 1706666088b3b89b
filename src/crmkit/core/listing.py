"""What lists leave out: records that a type calls unlisted, unless somebody asks for them."""

from __future__ import annotations

from typing import Any

from crmkit.core.query import Compare, Condition, Not, Op, both
from crmkit.core.record_type import RecordType

__all__ = ["listed"]


def listed(kind: RecordType, where: Condition | None) -> Condition | None:
    """Return a condition without the records that are unlisted in fields which it does not mention."""
    hidden = [
        Not(Compare(field, Op.IN, values)) for field, values in kind.unlisted.items() if not _mentions(where, field)
    ]
    return both(where, *hidden)


def _mentions(condition: Any, field: str) -> bool:
    """Whether a condition asks for a field, however deep inside."""
    if isinstance(condition, Compare):
        return condition.field == field
    parts = (*getattr(condition, "parts", ()), getattr(condition, "part", None))
    return any(_mentions(part, field) for part in parts if part is not None)
