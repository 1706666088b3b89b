"""The storage contract: all that crmkit asks of a back end.

It knows declared record types and nothing about any particular one. Values are the
scalars of `crmkit.core.schema`; rows are tuples in the order of the type's fields.
``crmkit.testing.StorageContract`` is the same contract as tests.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from crmkit.core.fields import Row, Scalar
    from crmkit.core.query import Aggregate, Query
    from crmkit.core.schema import Schema

__all__ = ["ReadTransaction", "StatefulTransaction", "Storage", "WriteTransaction", "state_of"]


class ReadTransaction(Protocol):
    """A consistent view: what others commit meanwhile is not seen."""

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        """Return the rows with these ids, deleted ones too, ordered by id; unknown ids are left out."""
        ...

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        """Find living records by the values of one field, many at once.

        Returns:
            Pairs of value and id, ordered by both; a None among the values finds nothing.
        """
        ...

    def find(self, query: Query) -> list[Row]:
        """Return the rows a query asks for."""
        ...

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        """Return the rows a query asks for, in lists of at most *batch*, in bounded memory."""
        ...

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        """Return one tuple per group: the group's values, then its measures; ordered by the group."""
        ...

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        """Find living records whose search text has every word, each as the beginning of a word.

        Args:
            kind: A type with `RecordType.search`.
            words: Folded words; none finds nothing.
            limit: At most so many.

        Returns:
            Ids, best first; how they are ranked is the back end's affair.
        """
        ...


class StatefulTransaction(Protocol):
    """What a view has besides when its back end can tell cheaply whether anything was changed."""

    def state(self) -> Hashable:
        """Return what is equal for two views only if nothing was changed between them."""
        ...


def state_of(view: ReadTransaction) -> Hashable:
    """Return the state of a view, or None when its back end cannot tell."""
    state = getattr(view, "state", None)  # quicker than isinstance, which looks at a protocol anew each time
    return None if state is None else state()


class WriteTransaction(ReadTransaction, Protocol):
    """A view that can be changed; all of it becomes durable at once, or nothing.

    It shows its own changes. After an error it may be half done, so let the error pass on,
    or put what may fail into a `savepoint`. Text with a lone surrogate and whole numbers
    beyond 63 bits are refused with a `RejectedError`.
    """

    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        """Add records.

        Args:
            kind: The record type.
            columns: Field to values, all of the same length; ``id`` is among them,
                and a field that is left out is None in every row.

        Raises:
            RejectedError: An id is taken, or a unique group of the type is.
        """
        ...

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        """Change records that have the expected versions, and raise each version by one.

        Raises:
            ConflictError: A record has another version or is gone; names the first one.
            RejectedError: A unique group of the type is taken.
        """
        ...

    def erase(self, kind: str, ids: Sequence[str]) -> None:
        """Remove rows for good: bookkeeping that is done, or a person's data. Unknown ids are left out."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Open a part of the transaction that is rolled back alone when its block raises."""
        ...


class Storage(Protocol):
    """A back end: where one workspace lives.

    Usable from several threads; a transaction belongs to the thread that opened it.
    """

    @property
    def url(self) -> str:
        """Where it lives, without password, for people to read."""
        ...

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        """Make the workspace fit the schema: create or migrate it. Called before anything else.

        It is called again, outside any transaction, when a whole workspace is imported that knows
        declarations of plugins that are absent here; what is read and written from then on has them.

        The workspace keeps the catalogue of all that was ever declared in it
        (`crmkit.core.catalogue`), and what it keeps that is not declared now travels along. Rows
        that are there have the default of a field that is new.

        Args:
            schema: The declared record types.
            create: Whether a workspace that is not there is made; else that is a `NotFoundError`.

        Returns:
            The schema, completed with what the workspace holds besides (`completed` there).

        Raises:
            NewerWorkspaceError: It was written by a newer crmkit.
            NotAWorkspaceError: There is something else in its place.
            StorageError: It cannot be reached or written.
        """
        ...

    def read(self) -> AbstractContextManager[ReadTransaction]:
        """Open a consistent view; inside another transaction of this thread, share its view."""
        ...

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Open a transaction, alone: others wait. Leaving the block commits; an exception rolls back.

        Raises:
            LockedError: Others held the workspace for too long.
            StorageError: This thread has a transaction open.
        """
        ...

    def close(self) -> None:
        """Let go of everything, once the transactions of other threads have ended; closing twice is no error."""
        ...
