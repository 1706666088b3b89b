"""One workspace in one SQLite file: connections, transactions, and what the file is."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.core.catalogue import Catalogue, catalogue_of, completed
from crmkit.core.schema import Schema
from crmkit.errors import NewerWorkspaceError, NotAWorkspaceError, NotFoundError, ReadOnlyError, StorageError
from crmkit.storage.sqlite import prepared
from crmkit.storage.sqlite.checkpoints import Checkpoints
from crmkit.storage.sqlite.connection import configure
from crmkit.storage.sqlite.failures import translated
from crmkit.storage.sqlite.lock import WriterLock

if TYPE_CHECKING:
    from crmkit.storage.sqlite.transaction import SqliteChange, SqliteView

__all__ = ["SqliteStorage"]

APPLICATION_ID = 0x63726D6B  # "crmk": tells our files from other databases
FORMAT = 1  # raised when an older crmkit could no longer write the file


class SqliteStorage:
    """The default back end.

    Every thread gets a connection of its own. Readers see a snapshot (WAL) and never
    wait; writers go one after another, and what they commit survives a power cut
    (``synchronous=FULL``).

    Args:
        path: The database file.
        lock_timeout_s: How long a writer waits for others, in seconds.
    """

    def __init__(self, path: str | Path, *, lock_timeout_s: float = 30.0) -> None:
        self._path = Path(path)
        self.url = f"sqlite:{self._path}"
        self._timeout_s = lock_timeout_s
        self._lock = WriterLock(self._path, timeout_s=lock_timeout_s)
        self._schema = Schema(())
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._lent: set[sqlite3.Connection] = set()
        self._guard = threading.Lock()  # of the two above
        self._closed = False
        self._checkpoints = Checkpoints(self._path)

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        """Open the file, check that it is ours, and create or migrate its tables when they do not fit."""
        self._check_file(create=create)
        with self._session() as connection, translated(self.url, waited_s=self._timeout_s):
            self._check_format(connection)
            catalogue = _catalogue(connection)
            if not catalogue and not create:
                raise self._empty()
            self._schema = completed(schema, catalogue)
            if not prepared.is_noted(connection, schema):
                self._make_fit(connection, schema, catalogue)
            self._use_wal(connection)
        return self._schema

    @contextmanager
    def read(self) -> Iterator[SqliteView]:
        """Open a consistent view; inside another transaction of this thread, share its view."""
        from crmkit.storage.sqlite.transaction import SqliteView

        with self._session() as connection:
            view = SqliteView(connection, self._schema, self.url)
            if connection.in_transaction:
                yield view
                return
            with translated(self.url):
                connection.execute("BEGIN")
                try:
                    # SQLite takes the snapshot at the first read, not at BEGIN.
                    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
                except BaseException:
                    connection.rollback()
                    raise
            try:
                yield view
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[SqliteChange]:
        """Open a transaction, alone."""
        from crmkit.storage.sqlite.transaction import SqliteChange

        with self._session() as connection:
            if connection.in_transaction:
                message = "a transaction of this thread is still open"
                raise StorageError(message, url=self.url, hint="finish it before you write")
            before = connection.total_changes
            with self._lock.held():
                with translated(self.url, waited_s=self._timeout_s):
                    connection.execute("BEGIN IMMEDIATE")
                try:
                    # Rows of one type may refer to each other in any order; the commit checks them all.
                    connection.execute("PRAGMA defer_foreign_keys = ON")
                    yield SqliteChange(connection, self._schema, self.url)
                    with translated(self.url):
                        # Not commit(), which says nothing when SQLite has rolled back by itself.
                        connection.execute("COMMIT")
                except BaseException:
                    connection.rollback()
                    raise
            if connection.total_changes - before >= _LARGE:
                self._checkpoints.begin()

    def close(self) -> None:
        """Close the connections of all threads; one that is in a transaction is closed when that ends."""
        self._checkpoints.wait()
        with self._guard:
            self._closed = True
            for thread, connection in list(self._connections.items()):
                if connection not in self._lent:
                    del self._connections[thread]
                    connection.close()

    @contextmanager
    def _session(self) -> Iterator[sqlite3.Connection]:
        """Lend this thread its connection, so that no other thread closes it meanwhile."""
        thread = threading.current_thread()
        with self._guard:
            if self._closed:
                message = f"{self.url} is closed"
                raise StorageError(message, url=self.url, hint="open it again")
            connection = self._connections.get(thread)
            if connection is None:
                self._forget_dead_threads()
                connection = self._connections[thread] = self._connect()
            outermost = connection not in self._lent
            self._lent.add(connection)
        try:
            yield connection
        finally:
            if outermost:
                with self._guard:
                    self._lent.discard(connection)
                    if self._closed:
                        del self._connections[thread]
                        connection.close()

    def _forget_dead_threads(self) -> None:
        for thread in [thread for thread in self._connections if not thread.is_alive()]:
            connection = self._connections.pop(thread)
            self._lent.discard(connection)
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        with translated(self.url):
            connection = sqlite3.connect(
                self._path,
                timeout=self._timeout_s,
                isolation_level=None,
                check_same_thread=False,  # so that one thread can close the connections of all
                cached_statements=512,
            )
            configure(connection)
        return connection

    def _check_file(self, *, create: bool) -> None:
        if not self._path.exists():
            if not create:
                raise NotFoundError("workspace", str(self._path), hint=f"make one with: crmkit --db {self._path} init")
            if not self._path.parent.is_dir():
                raise NotFoundError("folder", str(self._path.parent), hint="make the folder first")
        elif not self._path.is_file():
            message = f"{self._path} is not a file"
            raise NotAWorkspaceError(message, url=self.url, hint="name a file, such as crm.db")
        elif self._path.stat().st_size:
            self._check_header()
        elif not create:
            raise self._empty()
        if not os.access(self._path.parent, os.W_OK):  # SQLite keeps files of its own beside the database
            message = f"{self._path.parent} cannot be written"
            raise ReadOnlyError(message, url=self.url, hint="copy the file to a folder you may write to")

    def _check_header(self) -> None:
        """Find out what the file is without changing it, its lock or its neighbours."""
        # Not by reading it as a file: closing that would drop the locks that this process has on it.
        with (
            translated(self.url),
            closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?immutable=1", uri=True)) as connection,
        ):
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                message = f"{self._path} is not a crmkit workspace"
                raise NotAWorkspaceError(message, url=self.url, hint="choose another file; this one was not touched")
            self._check_format(connection)

    def _check_format(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            raise NewerWorkspaceError(url=str(self._path), found=found, supported=FORMAT)

    def _empty(self) -> NotAWorkspaceError:
        message = f"{self._path} is empty"
        return NotAWorkspaceError(message, url=self.url, hint=f"make it one with: crmkit --db {self._path} init")

    def _make_fit(self, connection: sqlite3.Connection, schema: Schema, catalogue: Catalogue) -> None:
        """Create or migrate what does not fit, and note that all does now."""
        if not prepared.fits(connection, self._schema, catalogue):
            with self._lock.held(), _transaction(connection):
                self._schema = _migrate(connection, schema)
                prepared.note(connection, schema)
            return
        # The note only spares time: nobody waits for it, and a file that cannot be written can still be read.
        lock = WriterLock(self._path, timeout_s=0)
        with suppress(StorageError), translated(self.url), lock.held(), _transaction(connection):
            prepared.note(connection, schema)

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        # Only once the file says what it is; so after a kill in between, the next one does it.
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        with self._lock.held():
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            message = f"{self.url} is on a file system that cannot share it safely"
            raise StorageError(message, url=self.url, hint="keep it on a local disk")


_LARGE = 2000
"""So many changed rows make a transaction large."""


def _catalogue(connection: sqlite3.Connection) -> Catalogue:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'crmkit_catalogue'").fetchone():
        return {}
    rows = connection.execute("SELECT type, declaration FROM crmkit_catalogue").fetchall()
    return {name: json.loads(declaration) for name, declaration in rows}


def _migrate(connection: sqlite3.Connection, schema: Schema) -> Schema:
    """Make the tables fit a schema, and return it with all that the workspace holds besides."""
    from crmkit.core.codecs import to_json
    from crmkit.storage.sqlite.schema import migrate  # brings in sqlite-utils

    # First of all, so that not even a torn file passes for somebody else's.
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    whole = completed(schema, _catalogue(connection))
    connection.execute("CREATE TABLE IF NOT EXISTS crmkit_catalogue (type TEXT PRIMARY KEY, declaration TEXT) STRICT")
    migrate(connection, whole)
    connection.executemany(
        "INSERT OR REPLACE INTO crmkit_catalogue VALUES (?, ?)",
        [(name, to_json(declaration)) for name, declaration in catalogue_of(whole).items()],
    )
    return whole


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
