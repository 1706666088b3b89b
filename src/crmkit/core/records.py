"""What all records carry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs

from crmkit.errors import NotFoundError

__all__ = ["Record", "Stored"]

F = TypeVar("F")


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Stored:
    """What every stored thing carries.

    Attributes:
        id: Time-ordered and unique everywhere; its prefix names the record type.
        version: How often it was saved; 1 when it is new.
        created_at: The moment of the operation that made it, in UTC.
        updated_at: The moment of the last operation that changed it, in UTC.
        deleted_at: When it was deleted, in UTC, or None while it lives.
        operation_id: The operation that made it.
        source_row: The line of the imported file it comes from, or None.
    """

    id: str
    version: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    operation_id: str = ""
    source_row: int | None = None

    # Written once for all classes: attrs would compile them for each, and so double the time to import crmkit.

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, a.name) == getattr(other, a.name) for a in attrs.fields(type(self)))

    def __hash__(self) -> int:
        return hash((type(self), self.id, self.version))

    def __repr__(self) -> str:
        values = ", ".join(f"{a.name}={getattr(self, a.name)!r}" for a in attrs.fields(type(self)))
        return f"{type(self).__name__}({values})"

    @property
    def label(self) -> str:
        """What a person calls this: its name, if it has one."""
        return str(getattr(self, "name", None) or self.id)


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Record(Stored):
    """What every business record carries besides.

    The custom fields of a class are read with ``lead[BadgeScan].booth``.

    Attributes:
        owner_id: The user who is responsible, or None.
        tags: Words put on it, sorted.
        custom: The values of custom fields, by their class.
    """

    owner_id: str | None = attrs.field(default=None, metadata={"references": "user"})
    tags: tuple[str, ...] = ()
    custom: Mapping[type, Any] = attrs.field(factory=dict, metadata={"stored": False})

    def __getitem__(self, fields: type[F]) -> F:
        """Return the custom fields of a class.

        Raises:
            NotFoundError: The workspace was opened without that class for this record type.
        """
        try:
            found: F = self.custom[fields]
        except KeyError:
            hint = "name the class in crmkit.open(fields=[...]) or in a plugin"
            raise NotFoundError(
                f"group of custom fields of this {type(self).__name__}", fields.__name__, hint=hint
            ) from None
        return found
