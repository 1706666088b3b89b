"""The records of one type as a collection, the way a program uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from crmkit.core.query import Condition, Order, Query, both
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType
from crmkit.errors import NotFoundError
from crmkit.services.edit import add_records, delete_records, restore_records, update_records
from crmkit.services.resolve import resolve
from crmkit.services.selection import Selection, having
from crmkit.services.workspace import Workspace

__all__ = ["Collection"]

R = TypeVar("R", bound=Stored)


@attrs.frozen
class Collection(Generic[R]):
    """The records of one type.

    Args:
        workspace: Where they are.
        kind: The name of the record type.
    """

    _workspace: Workspace
    _kind: str

    @property
    def type(self) -> RecordType:
        """The record type, as declared."""
        return self._workspace.schema[self._kind]

    def add(self, *, reason: str | None = None, key: str | None = None, dry_run: bool = False, **values: Any) -> R:
        """Add one record, and return it.

        Raises:
            RejectedError: With all that is wrong.
        """
        outcome = add_records(self._workspace, self._kind, [values], reason=reason, key=key, dry_run=dry_run)
        return outcome.value[0]  # type: ignore[no-any-return]  # by its kind

    def add_many(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> list[R]:
        """Add many records, all or none, and return them in the order of the rows."""
        return add_records(self._workspace, self._kind, rows, reason=reason, key=key, dry_run=dry_run).value

    def get(self, record_id: str) -> R:
        """Return the record with that id, also a deleted one.

        Raises:
            NotFoundError: There is none.
        """
        found = self._workspace.load_many(self._kind, [record_id])
        if not found:
            raise NotFoundError(self._kind.replace("_", " "), record_id)
        return found[0]  # type: ignore[no-any-return]

    def find(self, name: str) -> R:
        """Return the one living record a person means by an id, e-mail address, key or name.

        Raises:
            NotFoundError: Nothing has that name; names what comes close.
            AmbiguousMatchError: Several have it.
        """
        with self._workspace.reading() as view:
            record_id = resolve(view, self._workspace.schema, self._kind, name)
            return self.type.load(view.get_many(self._kind, [record_id])[0])  # type: ignore[no-any-return]

    def where(self, *conditions: Condition, **equals: Any) -> Selection[R]:
        """Return the living records that fulfil all conditions, the newest first.

        Args:
            conditions: Conditions on fields, see `crmkit.core.query`.
            equals: Attribute to value; a list means "one of", None means "is empty",
                and a record stands for its id.

        Raises:
            RejectedError: A field is unknown or a value is none of its kind; with all reasons.
        """
        wanted = both(*conditions, having(self.type, equals))
        query = Query(type=self._kind, where=wanted, order=(Order("id", descending=True),))
        return Selection(self._workspace, query)

    def one(self, **equals: Any) -> R:
        """Return the only record with these values.

        Raises:
            NotFoundError: There is none, or more than one.
        """
        found = self.where(**equals).limit(2).all()
        if len(found) != 1:
            text = ", ".join(f"{name}={value!r}" for name, value in equals.items())
            hint = "several have these values" if found else ""
            raise NotFoundError(f"single {self._kind.replace('_', ' ')}", text, hint=hint)
        return found[0]

    def __iter__(self) -> Iterator[R]:
        return iter(self.where())

    def count(self, **equals: Any) -> int:
        """Return how many living records have these values."""
        return self.where(**equals).count()

    def update(
        self,
        record: str | R,
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Any,
    ) -> R:
        """Change one record, and return it as it is then.

        Args:
            record: The record or its id. Given as an object it must be as it is stored:
                when somebody changed it meanwhile, that is a conflict.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            changes: Attribute to new value; None empties it.

        Raises:
            RejectedError: With all that is wrong.
            ConflictError: The record given is out of date.
        """
        outcome = update_records(
            self._workspace, self._kind, [record], changes, reason=reason, key=key, dry_run=dry_run
        )
        return outcome.value[0]  # type: ignore[no-any-return]

    def update_many(
        self,
        records: Iterable[str | R],
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Any,
    ) -> list[R]:
        """Give the same changes to many records, all or none."""
        return update_records(
            self._workspace, self._kind, records, changes, reason=reason, key=key, dry_run=dry_run
        ).value

    def delete(
        self, *records: str | R, reason: str | None = None, key: str | None = None, dry_run: bool = False
    ) -> list[R]:
        """Delete records so that they can be restored, and return them.

        Raises:
            RejectedError: Living records belong to one of them; names these.
        """
        return delete_records(self._workspace, self._kind, records, reason=reason, key=key, dry_run=dry_run).value

    def restore(
        self, *records: str | R, reason: str | None = None, key: str | None = None, dry_run: bool = False
    ) -> list[R]:
        """Bring deleted records back, and return them."""
        return restore_records(self._workspace, self._kind, records, reason=reason, key=key, dry_run=dry_run).value
