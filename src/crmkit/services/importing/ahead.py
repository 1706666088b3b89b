"""Reading and cleaning the next part while this one is written.

A back end waits for its disk and computes outside the interpreter, so that a second thread
gets on meanwhile. Parts are made one after the other and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """The items of an iterator, which makes its next one in another thread once it is told to.

    Args:
        items: All of them are made in that one thread.
        alone: Make them in the thread that asks instead, when it asks.
    """

    def __init__(self, items: Iterator[T], *, alone: bool) -> None:
        self._items = items
        self._pool = None if alone else ThreadPoolExecutor(1, thread_name_prefix="crmkit-import")
        self._next: Future[T | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait until nothing is made any more."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def begin(self) -> None:
        """Begin to make the next item, if that is not done already."""
        if self._pool is not None and self._next is None:
            self._next = self._pool.submit(next, self._items, None)

    def take(self) -> T | None:
        """Return the next item, or None at the end; what went wrong when it was made is raised here."""
        self.begin()
        if self._next is None:
            return next(self._items, None)
        made, self._next = self._next, None
        return made.result()
