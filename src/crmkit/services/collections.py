"""The records of one type as a collection, the way a program uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from crmkit.core.checks import gathered
from crmkit.core.query import Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.user import User
from crmkit.errors import NotFoundError
from crmkit.services.aliases import current_id
from crmkit.services.edit import add_records, delete_records, restore_records, tag_records, update_records
from crmkit.services.questions import Wanted
from crmkit.services.resolve import resolve
from crmkit.services.selection import Selection
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

    def add(
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Any,
    ) -> R:
        """Add one record, and return it.

        Args:
            given: Custom fields, as objects of their classes; or mappings of names to values,
                such as ``{"badge_scan.booth": "B12"}``.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            values: Attribute to value.

        Raises:
            RejectedError: With all that is wrong.
        """
        row = gathered(self.type, given, values)
        outcome = add_records(self._workspace, self._kind, [row], reason=reason, key=key, dry_run=dry_run)
        return outcome.value[0]  # type: ignore[no-any-return]  # by its kind

    def add_many(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> list[R]:
        """Add many records, all or none, and return them in the order of the rows.

        A row has attributes and values. Custom fields come one by one (``"badge_scan.booth": "B12"``)
        or as a whole (``"badge_scan": BadgeScan(booth="B12")``).
        """
        return add_records(self._workspace, self._kind, rows, reason=reason, key=key, dry_run=dry_run).value

    def get(self, record_id: str) -> R:
        """Return the record with that id, also a deleted one; of a merged one, what it was merged into.

        Raises:
            NotFoundError: There is none.
        """
        found = self._workspace.load_many(self._kind, [record_id])
        if not found:
            raise NotFoundError(self._kind.replace("_", " "), record_id)
        if found[0].deleted_at is not None:
            with self._workspace.reading() as view:
                now = current_id(view, self._workspace.schema, record_id)
            found = self._workspace.load_many(self._kind, [now])
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

    def where(self, *wanted: Wanted, **equals: Any) -> Selection[R]:
        """Return the living records that fulfil all this, the newest first.

        Converted leads are left out unless their status is asked for, or `Selection.including_unlisted`.

        Args:
            wanted: Expressions (``field("score") >= 50``), or texts (``"score >= 50"``).
            equals: Attribute to value; a list means "one of", None means "is empty",
                and a record stands for its id.

        Raises:
            RejectedError: A field is unknown or a value is none of its kind; with all reasons.
        """
        query = Query(type=self._kind, order=(Order("id", descending=True),))
        everything: Selection[R] = Selection(self._workspace, query)
        return everything.where(*wanted, **equals)

    def one(self, *wanted: Wanted, **equals: Any) -> R:
        """Return the only record that fulfils all this; see `where`.

        Raises:
            NotFoundError: There is none, or more than one.
        """
        found = self.where(*wanted, **equals).including_unlisted().limit(2).all()
        if len(found) != 1:
            text = ", ".join([*map(str, wanted), *(f"{name}={value!r}" for name, value in equals.items())])
            hint = "several have these values" if found else ""
            raise NotFoundError(f"single {self._kind.replace('_', ' ')}", text, hint=hint)
        return found[0]

    def __iter__(self) -> Iterator[R]:
        return iter(self.where())

    def count(self, *wanted: Wanted, **equals: Any) -> int:
        """Return how many living records fulfil all this; see `where`."""
        return self.where(*wanted, **equals).count()

    def update(
        self,
        record: str | R,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Any,
    ) -> R:
        """Change one record, and return it as it is then.

        Args:
            record: The record or its id. Given as an object it must be as it is stored:
                when somebody changed it meanwhile, that is a conflict.
            given: Custom fields, as objects of their classes, which are taken over whole; or
                mappings of names to values.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            changes: Attribute to new value; None empties it.

        Raises:
            RejectedError: With all that is wrong.
            ConflictError: The record given is out of date.
        """
        values = gathered(self.type, given, changes)
        outcome = update_records(self._workspace, self._kind, [record], values, reason=reason, key=key, dry_run=dry_run)
        return outcome.value[0]  # type: ignore[no-any-return]

    def update_many(
        self,
        records: Iterable[str | R],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Any,
    ) -> list[R]:
        """Give the same changes to many records, all or none; see `update`."""
        values = gathered(self.type, given, changes)
        return update_records(
            self._workspace, self._kind, records, values, reason=reason, key=key, dry_run=dry_run
        ).value

    def tag(
        self,
        records: str | R | Iterable[str | R],
        *words: str,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> list[R]:
        """Put words on one or many records, which keep the tags they have; return them as they are then."""
        return tag_records(
            self._workspace, self._kind, _several(records), add=words, reason=reason, key=key, dry_run=dry_run
        ).value

    def untag(
        self,
        records: str | R | Iterable[str | R],
        *words: str,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> list[R]:
        """Take words off one or many records; return them as they are then."""
        return tag_records(
            self._workspace, self._kind, _several(records), remove=words, reason=reason, key=key, dry_run=dry_run
        ).value

    def assign(
        self,
        records: str | R | Iterable[str | R],
        owner: str | User | None,
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> list[R]:
        """Make a user responsible for one or many records; return them as they are then.

        Args:
            records: The records or their ids.
            owner: The user, an id, e-mail address or name; None leaves them to nobody.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
        """
        if owner is not None:
            with self._workspace.reading() as view:
                owner = resolve(view, self._workspace.schema, "user", owner)
        return update_records(
            self._workspace, self._kind, _several(records), {"owner_id": owner}, reason=reason, key=key, dry_run=dry_run
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


def _several(records: str | R | Iterable[str | R]) -> list[str | R]:
    return [records] if isinstance(records, (str, Stored)) else list(records)
