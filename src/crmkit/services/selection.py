"""Some records of a type, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from crmkit.core.fields import Scalar
from crmkit.core.query import Aggregate, All, Compare, Condition, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["Selection", "having"]

R = TypeVar("R", bound=Stored)

_PAGE = 500


@attrs.frozen
class Selection(Generic[R]):
    """Some records of a collection, read when they are asked for.

    Going through it reads page by page, each page on a snapshot of its own, so the loop
    may change what it goes through.
    """

    _workspace: Workspace
    _query: Query

    def order_by(self, *fields: str) -> Selection[R]:
        """Return the same records in another order; ``-created_at`` is descending."""
        kind = self._workspace.schema[self._query.type]
        orders = tuple(Order(kind.field(f.lstrip("-")).name, f.startswith("-")) for f in fields)
        return Selection(self._workspace, attrs.evolve(self._query, order=orders))

    def limit(self, count: int) -> Selection[R]:
        """Return at most so many of them."""
        return Selection(self._workspace, attrs.evolve(self._query, limit=count))

    def including_deleted(self) -> Selection[R]:
        """Return the deleted ones too."""
        return Selection(self._workspace, attrs.evolve(self._query, deleted=True))

    def __iter__(self) -> Iterator[R]:
        kind = self._workspace.schema[self._query.type]
        left = self._query.limit
        page = self._query
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            with self._workspace.reading() as view:
                rows = view.find(attrs.evolve(page, limit=size))
            yield from kind.load_many(rows)
            if len(rows) < size:
                return
            places = [kind.position[order.field] for order in page.full_order]
            page = attrs.evolve(page, after=tuple(rows[-1][place] for place in places))
            left = None if left is None else left - size

    def all(self) -> list[R]:
        """Return them as a list."""
        return list(self)

    def first(self) -> R | None:
        """Return the first one, or None when there is none."""
        return next(iter(self.limit(1)), None)

    def count(self) -> int:
        """Return how many there are, without loading them; a limit does not count."""
        question = Aggregate(type=self._query.type, where=self._query.where, deleted=self._query.deleted)
        with self._workspace.reading() as view:
            return int(view.aggregate(question)[0][0] or 0)


def having(kind: RecordType, equals: Mapping[str, Any]) -> Condition | None:
    """Return the condition that attributes have these values."""
    parts: list[Condition] = []
    problems: list[str] = []
    for name, value in equals.items():
        try:
            parts += _parts(kind, name, value)
        except NotFoundError as error:
            problems.append(f"{error}; {error.hint}" if error.hint else str(error))
        except ValueError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise RejectedError(problems)
    return All(tuple(parts)) if parts else None


def _parts(kind: RecordType, name: str, value: Any) -> list[Condition]:
    if name == "tags":
        words = [value] if isinstance(value, str) else list(value)
        return [Compare("tags", Op.HAS, word) for word in words]
    attribute = kind.attribute.get(name)
    if attribute is None:
        field = kind.field(name)  # a stored field such as amount_minor, or a clear error
        return [Compare(field.name, Op.EQ, value)]

    def scalars(one: Any) -> tuple[Scalar, ...]:
        plain = id_of(one) if isinstance(one, Stored) else one
        return attribute.codec.encode(None if plain is None else attribute.codec.parse(plain))

    if isinstance(value, (list, set, frozenset)):
        return [Compare(attribute.fields[0], Op.IN, tuple(scalars(one)[0] for one in value))]
    return [Compare(field, Op.EQ, scalar) for field, scalar in zip(attribute.fields, scalars(value), strict=True)]
