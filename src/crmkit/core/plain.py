"""Anything that crmkit gives, as JSON knows it: for machines, where people are shown words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.declarations import fields_of
from crmkit.core.records import Record
from crmkit.core.values.money import Money

__all__ = ["plain", "plain_fields"]


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: records as objects, moments in ISO 8601, enums as their values.

    By hand rather than by cattrs, which goes by annotations, and would cost a command that only
    lists records more time than the reading of them.
    """
    for kinds, convert in _PLAIN:
        if isinstance(value, kinds):
            return convert(value)
    if hasattr(value, "as_json"):
        return plain(value.as_json())
    if isinstance(value, Record):
        # Custom fields by their dotted names, as everywhere.
        own = {a.name: plain(getattr(value, a.name)) for a in attrs.fields(type(value)) if a.name != "custom"}
        for cls, custom in value.custom.items():
            own |= {name: plain(part) for name, part in fields_of(cls).values_of(custom).items()}
        return own
    return plain_fields(value) if attrs.has(type(value)) else str(value)


def plain_fields(value: Any) -> dict[str, Any]:
    """Return the public attributes of an attrs object as JSON values."""
    return {a.name: plain(getattr(value, a.name)) for a in attrs.fields(type(value)) if a.name[0] != "_"}


_PLAIN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    ((type(None), bool), lambda value: value),
    (Enum, lambda value: plain(value.value)),
    (int, int),
    (str, str),  # an Email is one
    (Money, lambda value: {"amount": str(value.amount), "currency": value.currency}),
    (datetime, moment_text),
    (date, date.isoformat),
    (Mapping, lambda value: {str(plain(name)): plain(part) for name, part in value.items()}),
    ((list, tuple, set, frozenset), lambda value: [plain(part) for part in value]),
)
