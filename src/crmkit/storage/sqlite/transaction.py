"""What can be done with an open SQLite transaction: the storage contract in prepared SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

from crmkit.core.fields import Row, Scalar
from crmkit.core.query import Aggregate, Query
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import ConflictError, StorageError
from crmkit.storage.sqlite.bulk import insert_columns
from crmkit.storage.sqlite.failures import translated
from crmkit.storage.sqlite.sql import (
    SEARCH_KEY,
    aggregate_sql,
    columns,
    find_sql,
    json_list,
    ordered,
    quoted,
    with_whole_sums,
)

__all__ = ["SqliteChange", "SqliteView"]

_MANY = 100
"""From so many values on it is worth a question whether there are any at all."""

_RANKED = 200
"""How many of the newest records that fit a search are put in order."""


class SqliteView:
    """A consistent view; `SqliteStorage` begins and ends its transaction."""

    def __init__(self, connection: sqlite3.Connection, schema: Schema, url: str) -> None:
        self._connection = connection
        self._schema = schema
        self._url = url

    def state(self) -> Hashable:
        # The number is another one once another connection has committed, and what this one does is counted.
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return id(self._connection), version, self._connection.total_changes

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        type_ = self._schema[kind]
        head = f"SELECT {columns(type_)} FROM {quoted(type_.name)} WHERE id"
        if len(ids) == 1:
            return self._rows(f"{head} = ?", (ids[0],))
        return self._rows(f"{head} IN (SELECT value FROM json_each(?)) ORDER BY id", (json_list(ids),))

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        type_ = self._schema[kind]
        name = quoted(type_.field(field).name)
        wanted = [value for value in values if value is not None]
        if not wanted or (len(wanted) > _MANY and self._is_void(type_, name)):
            return []
        one = len(wanted) == 1
        condition = f"{name} = ?" if one else f"{name} IN (SELECT value FROM json_each(?))"
        return self._rows(  # type: ignore[return-value]  # ids are text
            f'SELECT {name}, "id" FROM {quoted(type_.name)}'
            f' WHERE {condition} AND "deleted_at" IS NULL ORDER BY {ordered(type_, field)}, "id"',
            (wanted[0] if one else json_list(wanted),),
        )

    def find(self, query: Query) -> list[Row]:
        return self._rows(*find_sql(query, self._schema[query.type]))

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        with translated(self._url):
            cursor = self._connection.execute(*find_sql(query, self._schema[query.type]))
            while rows := cursor.fetchmany(batch):
                yield rows

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        return with_whole_sums(question, self._rows(*aggregate_sql(question, self._schema[question.type])))

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        type_ = self._schema[kind]
        if not words or not type_.search:
            return []
        table, index = quoted(type_.name), quoted(f"{type_.name}_fts")
        # In quotes nothing is an operator; a NUL would end the text.
        wanted = " ".join('"' + word.replace('"', '""').replace("\0", " ") + '"*' for word in words)
        # Of what fits, the newest are looked at, and the shortest of them fit best: looking at all
        # that fits would cost the more the less a word says.
        rows = self._rows(
            'SELECT "id" FROM ('
            f'SELECT found."id" AS "id", length(found.search_text) AS length'
            f" FROM {index} JOIN {table} AS found ON found.{SEARCH_KEY} = {index}.rowid"
            f' WHERE {index} MATCH ? AND found."deleted_at" IS NULL ORDER BY {index}.rowid DESC LIMIT ?'
            ') ORDER BY length, "id" LIMIT ?',
            (wanted, max(limit, _RANKED), limit),
        )
        return [str(row[0]) for row in rows]

    def _is_void(self, kind: RecordType, name: str) -> bool:
        """Whether no record has a value there: then there is no need to look for each of many values."""
        return not self._rows(f"SELECT 1 FROM {quoted(kind.name)} WHERE {name} IS NOT NULL LIMIT 1", ())

    def _rows(self, statement: str, parameters: Sequence[Scalar]) -> list[Row]:
        with translated(self._url):
            return self._connection.execute(statement, parameters).fetchall()


class SqliteChange(SqliteView):
    """A view that can be changed; `SqliteStorage` commits it."""

    def __init__(self, connection: sqlite3.Connection, schema: Schema, url: str) -> None:
        super().__init__(connection, schema, url)
        self._savepoints = 0

    def insert(self, kind: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
        type_ = self._schema[kind]
        count = len(columns["id"])
        names = list(_inserted(type_, tuple(columns)))
        values: list[Sequence[Scalar]] = [*columns.values(), *([[None] * count] * (len(names) - len(columns)))]
        table = quoted(type_.name)
        with self._writing():
            if type_.search:
                before = self._last_key(table)
                names.append(quoted(SEARCH_KEY))
                values.append(range(before + 1, before + 1 + count))
            insert_columns(self._connection, table, dict(zip(names, values, strict=True)))
            if type_.search:
                self._connection.execute(
                    f"INSERT INTO {quoted(type_.name + '_fts')} (rowid, search_text)"
                    f" SELECT {SEARCH_KEY}, search_text FROM {table} WHERE {SEARCH_KEY} > ?",
                    (before,),
                )

    def update(
        self, kind: str, ids: Sequence[str], versions: Sequence[int], columns: Mapping[str, Sequence[Scalar]]
    ) -> None:
        type_ = self._schema[kind]
        names = [type_.field(name).name for name in columns]
        table = quoted(type_.name)
        # This transaction alone can write, so versions that fit now fit until it ends.
        self._check_versions(table, ids, versions)
        with self._writing():
            indexed = type_.search and "search_text" in names
            if indexed:
                self._index(type_, ids, forget=True)
            self._connection.executemany(
                f'UPDATE {table} SET {"".join(f"{quoted(name)} = ?, " for name in names)}"version" = "version" + 1'
                ' WHERE "id" = ?',
                zip(*columns.values(), ids, strict=True),
            )
            if indexed:
                self._index(type_, ids, forget=False)

    def erase(self, kind: str, ids: Sequence[str]) -> None:
        type_ = self._schema[kind]
        with self._writing():
            if type_.search:
                self._index(type_, ids, forget=True)
            self._connection.execute(
                f'DELETE FROM {quoted(type_.name)} WHERE "id" IN (SELECT value FROM json_each(?))', (json_list(ids),)
            )

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        with self._writing():
            self._connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            # A full disk can end the whole transaction, and the savepoint with it.
            if self._connection.in_transaction:
                with translated(self._url):
                    self._connection.execute(f"ROLLBACK TO {name}")
            raise
        finally:
            if self._connection.in_transaction:
                with translated(self._url):
                    self._connection.execute(f"RELEASE {name}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._connection.in_transaction:
            # SQLite has rolled back by itself; whatever came now would be committed at once.
            message = f"{self._url}: the transaction has ended after an earlier failure"
            raise StorageError(message, url=self._url, hint="repeat the whole")
        with translated(self._url):
            yield

    def _last_key(self, table: str) -> int:
        return self._connection.execute(f"SELECT coalesce(max({SEARCH_KEY}), 0) FROM {table}").fetchone()[0]  # type: ignore[no-any-return]

    def _check_versions(self, table: str, ids: Sequence[str], versions: Sequence[int]) -> None:
        rows = self._rows(
            f'SELECT "id", "version" FROM {table} WHERE "id" IN (SELECT value FROM json_each(?))', (json_list(ids),)
        )
        found = dict(rows)  # type: ignore[arg-type,var-annotated]  # pairs
        for id_, version in zip(ids, versions, strict=True):
            if found.get(id_) != version:
                raise ConflictError(id_, expected=version, found=found.get(id_))
            found[id_] = version + 1  # so that a record given twice is no exception

    def _index(self, kind: RecordType, ids: Sequence[str], *, forget: bool) -> None:
        """Take the present search texts of records out of the index, or put them in."""
        index = quoted(f"{kind.name}_fts")
        command, action = (f"{index}, ", "'delete', ") if forget else ("", "")
        self._connection.execute(
            f"INSERT INTO {index} ({command}rowid, search_text)"
            f" SELECT {action}{SEARCH_KEY}, search_text FROM {quoted(kind.name)}"
            ' WHERE "id" IN (SELECT value FROM json_each(?))',
            (json_list(ids),),
        )


@lru_cache(512)
def _inserted(kind: RecordType, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of an insert, quoted: those that are given, and then those that must be said to be None.

    A column that came later may have a default, for the rows that were there; a new row says None itself.
    """
    defaults = {name for name, value in kind.defaults().items() if value is not None}
    left_out = [f.name for f in kind.fields if f.name not in given and (f.carried or f.name in defaults)]
    return tuple(quoted(name) for name in (*(kind.field(name).name for name in given), *left_out))
