"""A fair lock for writers of one file, across threads and processes.

SQLite's own busy handler polls, so one busy writer can starve the others for seconds.
Here a writer first takes the *turn*, then waits for the *lock*, and gives the turn back
once it has the lock. So whoever has just written comes behind the one whose turn it is.
The two files beside the database are empty and stay.
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

# Many may wait for the turn, only one for the lock: that one may look more often.
_TURN_POLL_S = 0.002
_LOCK_POLL_S = 0.0002


class WriterLock:
    """The right to write to one database file.

    Args:
        database: The file that is written.
        timeout_s: How long to wait, in seconds.
    """

    def __init__(self, database: Path, *, timeout_s: float) -> None:
        self._database = database
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
        started = time.monotonic()
        turn = self._taken("-turn", started, _TURN_POLL_S)
        try:
            lock = self._taken("-lock", started, _LOCK_POLL_S)
        finally:
            os.close(turn)  # releases it
        try:
            yield
        finally:
            os.close(lock)

    def _taken(self, suffix: str, started: float, poll_s: float) -> int:
        path = self._database.with_name(self._database.name + suffix)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            message = f"{path.parent} cannot be written: {error.strerror}"
            raise ReadOnlyError(message, hint="choose a folder you may write to") from error
        try:
            self._wait(handle, started, poll_s)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _wait(self, handle: int, started: float, poll_s: float) -> None:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - started
                if waited > self._timeout_s:
                    message = f"another program has been writing to {self._database.name} for {waited:.1f} seconds"
                    raise LockedError(message, waited_s=waited, url=f"sqlite:{self._database}") from None
                time.sleep(poll_s)
            else:
                return
