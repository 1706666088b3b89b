"""Some records of a type, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import attrs

from crmkit.core.cursors import after_cursor, cursor_of
from crmkit.core.listing import listed
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Condition, Query, both
from crmkit.core.questions import Question, orders_of
from crmkit.core.records import Stored
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.groups import Groups
from crmkit.services.questions import Wanted, condition_of, equal_to, understood
from crmkit.services.workspace import Workspace

__all__ = ["Page", "Selection"]

R = TypeVar("R", bound=Stored)

_BATCH = 500
_LARGEST_PAGE = 1000


@attrs.frozen
class Page(Generic[R]):
    """Some records, and where to go on.

    Attributes:
        records: The records, in order.
        next: The cursor of the page behind this one, or None when this is the last.
    """

    records: tuple[R, ...]
    next: str | None

    def __iter__(self) -> Iterator[R]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@attrs.frozen
class Selection(Generic[R]):
    """Some records of a type, read when they are asked for.

    Going through it reads page by page, each page on a snapshot of its own, so the loop
    may change what it goes through. References to other records are followed once, when it begins.
    """

    _workspace: Workspace
    _query: Query
    _wanted: tuple[Question | Condition, ...] = ()
    _behind: str | None = None
    _unlisted: bool = False

    def where(self, *wanted: Wanted, **equals: Any) -> Selection[R]:
        """Return those of them that also fulfil all this.

        Args:
            wanted: Expressions (``field("score") >= 50``), or texts (``"score >= 50"``).
            equals: Attribute to value; a list means "one of", None means "is empty",
                and a record stands for its id.

        Raises:
            RejectedError: A field is unknown or a value is none of its kind; with all reasons.
        """
        kind = self._workspace.schema[self._query.type]
        more = understood(self._workspace, kind.name, (*wanted, *equal_to(kind, equals)))
        return attrs.evolve(self, wanted=(*self._wanted, *more))

    def order_by(self, *fields: str) -> Selection[R]:
        """Return the same records in another order.

        Args:
            fields: Fields of the records themselves; ``-created_at`` is descending. Nothing comes
                before everything; money is ordered within its currency.

        Raises:
            RejectedError: There is no such field, or it has no order; with all reasons.
        """
        orders = orders_of(self._workspace.schema[self._query.type], fields)
        return attrs.evolve(self, query=attrs.evolve(self._query, order=orders))

    def limit(self, count: int) -> Selection[R]:
        """Return at most so many of them."""
        return attrs.evolve(self, query=attrs.evolve(self._query, limit=count))

    def including_deleted(self) -> Selection[R]:
        """Return the deleted ones too."""
        return attrs.evolve(self, query=attrs.evolve(self._query, deleted=True))

    def including_unlisted(self) -> Selection[R]:
        """Return those too that lists leave out, such as converted leads; asking for their status does so as well."""
        return attrs.evolve(self, unlisted=True)

    def after(self, record: str | R) -> Selection[R]:
        """Return those that come behind a record, given itself or as its id; it need not be among them."""
        return attrs.evolve(self, behind=record.id if isinstance(record, Stored) else record)

    def __iter__(self) -> Iterator[R]:
        kind = self._workspace.schema[self._query.type]
        places = [kind.position[order.field] for order in self._query.full_order]
        left, query = self._query.limit, None
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            with self._workspace.reading() as view:
                query = query or self._followed(view)
                rows = view.find(attrs.evolve(query, limit=size))
            yield from kind.load_many(rows)
            if len(rows) < size:
                return
            query = attrs.evolve(query, after=tuple(rows[-1][place] for place in places))
            left = None if left is None else left - size

    def all(self) -> list[R]:
        """Return them as a list."""
        return list(self)

    def first(self) -> R | None:
        """Return the first one, or None when there is none."""
        return next(iter(self.limit(1)), None)

    def page(self, size: int = 50, *, after: str | None = None) -> Page[R]:
        """Return one page of them; a limit does not count.

        What is added or deleted between two pages neither repeats nor hides other records.

        Args:
            size: How many records at most, 1 to 1000.
            after: The `Page.next` of the page before, or None for the first one.

        Raises:
            RejectedError: The cursor is damaged or belongs to another selection, or the size is wrong.
        """
        if not 1 <= size <= _LARGEST_PAGE:
            raise RejectedError(f"a page has 1 to {_LARGEST_PAGE} records, not {size}")
        kind, asked = self._workspace.schema[self._query.type], self._asked()
        start = None if after is None else after_cursor(after, kind, self._query, asked)
        with self._workspace.reading() as view:
            query = self._followed(view)
            rows = view.find(attrs.evolve(query, after=start or query.after, limit=size + 1))
        following = cursor_of(rows[size - 1], kind, self._query, asked) if len(rows) > size else None
        return Page(tuple(kind.load_many(rows[:size])), following)

    def count(self) -> int:
        """Return how many there are, without loading them; a limit does not count."""
        with self._workspace.reading() as view:
            where = self._followed(view).where
            question = Aggregate(type=self._query.type, where=where, deleted=self._query.deleted)
            return int(view.aggregate(question)[0][0] or 0)

    def group_by(self, *fields: str) -> Groups:
        """Return them as groups that have the same values; without fields all are one group.

        Raises:
            RejectedError: There is no such field, or no grouping by it; with all reasons.
        """
        return Groups(self._workspace, self._query.type, fields, deleted=self._query.deleted, where=self.condition)

    def condition(self, view: ReadTransaction) -> Condition | None:
        """Return which records these are, as a condition on stored fields, for services that read by themselves."""
        return self._followed(view).where

    def _followed(self, view: ReadTransaction) -> Query:
        schema = self._workspace.schema
        where = both(self._query.where, condition_of(view, schema, self._wanted))
        if not self._unlisted:
            where = listed(schema[self._query.type], where)
        if self._behind is None:
            return attrs.evolve(self._query, where=where)
        kind = schema[self._query.type]
        rows = view.get_many(kind.name, [self._behind])
        if not rows:
            raise NotFoundError(kind.name.replace("_", " "), self._behind)
        last = tuple(rows[0][kind.position[order.field]] for order in self._query.full_order)
        return attrs.evolve(self._query, where=where, after=last)

    def _asked(self) -> str:
        """Return what was asked as a text that does not depend on when."""
        wanted = [str(each.expression) if isinstance(each, Question) else repr(each) for each in self._wanted]
        return "\n".join([*wanted, f"unlisted: {self._unlisted}"])
