"""One workspace in one SQLite file: connections, transactions, and what the file is."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from crmkit.core.codecs import to_json
from crmkit.core.schema import Schema
from crmkit.core.values.text import fold
from crmkit.errors import NewerWorkspaceError, NotAWorkspaceError, NotFoundError, StorageError
from crmkit.storage.sqlite.failures import translated
from crmkit.storage.sqlite.lock import WriterLock
from crmkit.storage.sqlite.sql import DECIMAL_COLLATION, FOLD_FUNCTION
from crmkit.storage.sqlite.transaction import SqliteTransaction

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
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._all_lock = threading.Lock()

    def prepare(self, schema: Schema, *, create: bool) -> None:
        """Open the file, check that it is ours, and create or migrate its tables when they do not fit."""
        self._check_file(create=create)
        self._schema = schema
        wanted = _declared(schema)
        catalogue = self._catalogue()
        if all(catalogue.get(name, {}).items() >= fields.items() for name, fields in wanted.items()):
            return
        connection = self._connection()
        with self._lock.held(), translated(self.url):
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._migrate(connection, schema)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            # Only now, so that the file itself says what it is, whenever this is killed.
            connection.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def read(self) -> Iterator[SqliteTransaction]:
        """Open a consistent view; inside another transaction of this thread, share its view."""
        connection = self._connection()
        transaction = SqliteTransaction(connection, self._schema, self.url)
        if connection.in_transaction:
            yield transaction
            return
        with translated(self.url):
            connection.execute("BEGIN")
        try:
            yield transaction
        finally:
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[SqliteTransaction]:
        """Open a transaction, alone."""
        connection = self._connection()
        if connection.in_transaction:
            message = "a transaction of this thread is still open"
            raise StorageError(message, url=self.url, hint="finish reading before you write")
        with self._lock.held():
            with translated(self.url, waited_s=self._timeout_s):
                connection.execute("BEGIN IMMEDIATE")
            try:
                # Rows of one type may refer to each other in any order; the commit checks them all.
                connection.execute("PRAGMA defer_foreign_keys = ON")
                yield SqliteTransaction(connection, self._schema, self.url)
                with translated(self.url):
                    connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._all_lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._own = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            with translated(self.url):
                connection = sqlite3.connect(
                    self._path,
                    timeout=self._timeout_s,
                    isolation_level=None,
                    check_same_thread=False,  # so that close() can end the connections of other threads
                    cached_statements=512,
                )
                _configure(connection)
            self._own.connection = connection
            with self._all_lock:
                self._all.append(connection)
        return connection

    def _check_file(self, *, create: bool) -> None:
        if not self._path.exists():
            if not create:
                raise NotFoundError("workspace", str(self._path), hint=f"make one with: crmkit --db {self._path} init")
            if not self._path.parent.is_dir():
                raise NotFoundError("folder", str(self._path.parent), hint="make the folder first")
        elif self._path.is_dir():
            message = f"{self._path} is a folder"
            raise NotAWorkspaceError(message, url=self.url, hint="name a file in it, such as crm.db")
        elif self._path.stat().st_size:
            self._check_header()
        elif not create:
            message = f"{self._path} is empty"
            raise NotAWorkspaceError(message, url=self.url, hint=f"make it one with: crmkit --db {self._path} init")

    def _check_header(self) -> None:
        """Find out what the file is without changing it."""
        try:
            with self._path.open("rb") as file:
                head = file.read(100)
        except OSError as error:
            message = f"{self._path} cannot be read: {error.strerror}"
            raise StorageError(message, url=self.url, hint="check who may read it") from error
        if not head.startswith(b"SQLite format 3\0") or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
            message = f"{self._path} is not a crmkit workspace"
            raise NotAWorkspaceError(message, url=self.url, hint="choose another file; this one was not touched")
        with translated(self.url):
            found = self._connection().execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            raise NewerWorkspaceError(url=str(self._path), found=found, supported=FORMAT)

    def _catalogue(self) -> dict[str, dict[str, str]]:
        connection = self._connection()
        with translated(self.url):
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'crmkit_catalogue'").fetchone():
                return {}
            rows = connection.execute("SELECT type, fields FROM crmkit_catalogue").fetchall()
        return {name: json.loads(fields) for name, fields in rows}

    def _migrate(self, connection: sqlite3.Connection, schema: Schema) -> None:
        from crmkit.storage.sqlite.schema import migrate  # noqa: PLC0415  # brings in sqlite-utils

        known = self._catalogue()
        connection.execute("CREATE TABLE IF NOT EXISTS crmkit_catalogue (type TEXT PRIMARY KEY, fields TEXT) STRICT")
        migrate(connection, schema, known)
        for name, fields in _declared(schema).items():
            everything = {**known.get(name, {}), **fields}
            connection.execute("INSERT OR REPLACE INTO crmkit_catalogue VALUES (?, ?)", (name, to_json(everything)))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")  # 64 MB: indexes of large imports stay in memory
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.create_function(FOLD_FUNCTION, 1, _fold_scalar, deterministic=True)
    connection.create_collation(DECIMAL_COLLATION, _compare_decimals)


def _fold_scalar(value: object) -> str | None:
    return None if value is None else fold(str(value))


def _compare_decimals(a: str, b: str) -> int:
    left, right = Decimal(a), Decimal(b)
    return (left > right) - (left < right)


def _declared(schema: Schema) -> dict[str, dict[str, str]]:
    return {kind.name: {field.name: field.kind.value for field in kind.fields} for kind in schema}
