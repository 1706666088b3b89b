"""Reading and cleaning the next part while this one is written.

A back end waits for its disk and computes outside the interpreter, so that a second thread
gets on meanwhile. Parts are made one after the other and nothing else changes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

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
        if self._pool is not None:
            _TURNS.shorten()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait until nothing is made any more, and let go of what makes it."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            _TURNS.restore()
        if isinstance(self._items, Generator):
            self._items.close()

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


_TURN_S: Final = 0.0005


class _Turns:
    """How long a thread computes while another one waits for its turn, for as long as somebody reads ahead.

    Each statement that comes back from the store waits for such a turn to end. With the usual five
    milliseconds an import takes an eighth longer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._usual_s = 0.0

    def shorten(self) -> None:
        with self._lock:
            if not self._readers:
                self._usual_s = sys.getswitchinterval()
                sys.setswitchinterval(min(self._usual_s, _TURN_S))
            self._readers += 1

    def restore(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                sys.setswitchinterval(self._usual_s)


_TURNS: Final = _Turns()
