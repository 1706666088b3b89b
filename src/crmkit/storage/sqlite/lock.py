"""A fair lock for writers of one file, across threads and processes.

SQLite's own busy handler polls, so one busy writer can starve the others for seconds.
Waiting on a lock file beside the database instead lets the operating system wake the
waiters in turn. The file is empty and stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmkit.errors import LockedError, ReadOnlyError

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock must do
    fcntl = None  # type: ignore[assignment]

__all__ = ["WriterLock"]

_POLL_S = 0.002


class WriterLock:
    """The right to write to one database file.

    Args:
        database: The file that is written.
        timeout_s: How long to wait, in seconds.
    """

    def __init__(self, database: Path, *, timeout_s: float) -> None:
        self._path = database.with_name(database.name + "-lock")
        self._timeout_s = timeout_s

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the right to write, and hold it during the block.

        Raises:
            LockedError: Others held it for too long.
            ReadOnlyError: The folder cannot be written.
        """
        if fcntl is None:
            yield
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            message = f"{self._path.parent} cannot be written: {error.strerror}"
            raise ReadOnlyError(message, hint="choose a folder you may write to") from error
        try:
            self._wait(handle)
            yield
        finally:
            os.close(handle)  # releases the lock

    def _wait(self, handle: int) -> None:
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - started
                if waited > self._timeout_s:
                    message = f"another program has been writing to {self._path.stem} for {waited:.0f} seconds"
                    raise LockedError(message, waited_s=waited) from None
                time.sleep(_POLL_S)
            else:
                return
