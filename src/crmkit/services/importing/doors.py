"""How a run gets at the store: part by part, or all through one transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import attrs

from crmkit.core.ports.storage import ReadTransaction, Storage, WriteTransaction

__all__ = ["Doors", "doors_of"]


class Doors(Protocol):
    """How a run gets at the store."""

    def read(self) -> AbstractContextManager[ReadTransaction]: ...
    def write(self) -> AbstractContextManager[WriteTransaction]: ...


@contextmanager
def doors_of(storage: Storage, *, dry_run: bool) -> Iterator[Doors]:
    if not dry_run:
        yield storage
        return
    try:
        with storage.write() as transaction:
            yield _OneDoor(transaction)
            raise _RolledBack  # noqa: TRY301  # the transaction must see it
    except _RolledBack:
        pass


class _RolledBack(Exception):  # noqa: N818  # not an error: how a dry run leaves its transaction
    pass


@attrs.frozen
class _OneDoor:
    """All that a dry run reads and writes goes through one transaction."""

    transaction: WriteTransaction

    def read(self) -> AbstractContextManager[ReadTransaction]:
        return nullcontext(self.transaction)

    def write(self) -> AbstractContextManager[WriteTransaction]:
        return nullcontext(self.transaction)
