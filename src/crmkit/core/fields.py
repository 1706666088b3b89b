"""What a record type is made of: fields, their kinds, and the scalars they hold.

Between the core and a back end travel *scalars* only: text, whole numbers and None.
A `Kind` says how a scalar is to be understood and ordered. So a change, its log row
and its undo are the same values, and a back end needs no knowledge of records.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.errors import CrmkitError

if TYPE_CHECKING:
    from crmkit.core.codecs import Codec

__all__ = [
    "ANY",
    "Attribute",
    "CustomFields",
    "Derived",
    "Field",
    "Kind",
    "Row",
    "Scalar",
    "made",
    "stored",
]

Scalar = str | int | None
"""What a back end stores in one place: text, a whole number, or nothing."""

Row = tuple[Scalar, ...]
"""The scalars of one record, in the order of `RecordType.fields`."""

ANY = "*"
"""The target of a reference that may lead to any record type."""


class Kind(enum.Enum):
    """How a scalar is to be understood and ordered. None sorts before everything.

    Attributes:
        TEXT: Text, ordered by code point.
        INTEGER: A whole number of at most 63 bits and a sign.
        BOOLEAN: 0 or 1.
        DECIMAL: An exact number as plain text, ordered as a number.
        MOMENT: ``2026-01-31T09:30:00.000000Z``, so that text order is time order.
        DAY: ``2026-01-31``.
        JSON: Canonical JSON text; equality only.
    """

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    MOMENT = "moment"
    DAY = "day"
    JSON = "json"


@attrs.frozen(kw_only=True)
class Field:
    """One stored place of a record type.

    Attributes:
        name: Its name, the same in Python, queries, files and the database.
        kind: How its scalars are to be understood.
        required: Whether None is refused.
        indexed: Whether conditions on it must be fast.
        references: The record type its ids lead to, `ANY`, or None when it holds no id.
        editable: Whether a plain edit may set it; otherwise only crmkit does.
        hidden: Computed from other fields, for look-ups; not shown to people.
        carried: Declared by a plugin that is absent now: it travels along untouched,
            through undo, merge, copy and export, and is not shown to people.
    """

    name: str
    kind: Kind
    required: bool = False
    indexed: bool = False
    references: str | None = None
    editable: bool = True
    hidden: bool = False
    carried: bool = False


@attrs.frozen(kw_only=True)
class Derived:
    """A stored field that is computed from others, for look-ups.

    Attributes:
        name: The name of the field.
        sources: The fields it is computed from.
        compute: From their scalars, in that order, to its own.
        compute_columns: The same for many records, from columns to a column; None when `compute` must do.
    """

    name: str
    sources: tuple[str, ...]
    compute: Callable[..., Scalar]
    compute_columns: Callable[..., list[Scalar]] | None = None


def stored(
    *, indexed: bool | None = None, references: str | None = None, editable: bool = True, required: bool = False
) -> dict[str, Any]:
    """Return the metadata of an attribute: ``attrs.field(metadata=stored(indexed=True))``.

    Args:
        indexed: Conditions on it must be fast; by default those on a reference.
        references: The record type whose id it holds; `ANY` for any.
        editable: A plain edit may set it.
        required: It may not be None; also meant by an annotation without ``| None`` and no default.
    """
    fast = references is not None if indexed is None else indexed
    return {"indexed": fast, "references": references, "editable": editable, "required": required}


@attrs.frozen(kw_only=True)
class Attribute:
    """One attribute of a record class and how it is stored."""

    name: str
    codec: Codec
    fields: tuple[str, ...]
    default: Any
    required: bool
    editable: bool


@attrs.frozen(kw_only=True)
class CustomFields:
    """Further fields of record types, as an attrs class.

    Attributes:
        cls: The attrs class; every attribute has a default, for the records made before.
        name: What stands before the dot in filters, files and commands: ``badge_scan.booth``.
        on: The record types that have them.
        attributes: The attributes, with the dotted names they have on a record.
        fields: Their stored fields.
    """

    cls: type
    name: str
    on: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    fields: tuple[Field, ...]

    def load(self, values: Mapping[str, Any]) -> Any:
        """Build the object of the class from values by dotted name; what is missing has its default."""
        return made(self.cls, self.arguments(values))

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the class is built from, by plain name."""
        start = len(self.name) + 1
        return {
            a.name[start:]: a.default if values.get(a.name) is None and not a.codec.optional else values.get(a.name)
            for a in self.attributes
        }

    def values_of(self, custom: Any) -> dict[str, Any]:
        """Return the values of an object of the class, by dotted name."""
        start = len(self.name) + 1
        return {a.name: getattr(custom, a.name[start:]) for a in self.attributes}


def made(cls: type, values: Mapping[str, Any]) -> Any:
    """Build an object from stored values, also when its class has become stricter since they were stored."""
    try:
        return cls(**values)
    except (CrmkitError, ValueError, TypeError):
        bare: object = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(bare, name, value)
        return bare
