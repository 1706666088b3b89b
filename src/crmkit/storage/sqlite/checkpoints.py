"""Moving what large transactions wrote from the write-ahead log into the database, beside the next one.

SQLite does it by itself when a commit finds the log long enough, and that commit waits for it.
An import commits one large part after another, and would spend a tenth of its time so.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

__all__ = ["Checkpoints"]


class Checkpoints:
    """Checkpoints of one database, one at a time.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin one, unless one is going on."""
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="crmkit-checkpoint", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait for the one that is going on."""
        with self._guard:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        # It neither waits for readers and writers nor makes them wait. What goes wrong, the next commit meets, too.
        place = f"{self._path.absolute().as_uri()}?mode=rw"  # a file that is gone by now is not made anew
        with suppress(sqlite3.Error), closing(sqlite3.connect(place, uri=True)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
