"""Making and migrating the tables, with sqlite-utils; imported only when there is something to make.

A table has an integer key beside the text id, a column per field, foreign keys, and
unique indexes that count the living only. What was once declared stays: a type or field
that is no longer declared keeps its table or column.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from sqlite_utils import Database
from sqlite_utils.db import Table

from crmkit.core.schema import ANY, Field, Kind, RecordType, Schema
from crmkit.errors import ConfigError
from crmkit.storage.sqlite.sql import quoted

__all__ = ["migrate"]

_PYTHON_TYPE = {Kind.INTEGER: int, Kind.BOOLEAN: int}


def migrate(connection: sqlite3.Connection, schema: Schema, known: Mapping[str, Mapping[str, str]]) -> None:
    """Make the tables fit the schema, inside the transaction that is open.

    Args:
        connection: A connection in a write transaction.
        schema: What is declared now.
        known: What the workspace was made for: type to field to kind.

    Raises:
        ConfigError: A field has another kind than its column.
    """
    database = Database(connection, execute_plugins=False)
    tables = set(database.table_names())
    for kind in schema:
        _check_kinds(kind, known.get(kind.name, {}))
        if kind.name in tables:
            _add_columns(database.table(kind.name), kind)
        else:
            _create(database, kind, schema)
            tables.add(kind.name)
        _add_indexes(connection, kind)


def _create(database: Database, kind: RecordType, schema: Schema) -> None:
    table = database.table(kind.name)
    table.create(
        {"pk": int, **{field.name: _PYTHON_TYPE.get(field.kind, str) for field in kind.fields}},
        pk="pk",
        not_null={field.name for field in kind.fields if field.required or field.name in ("id", "version")},
        strict=True,
    )
    # The text id is what the others refer to, so it must be unique before they do.
    database.execute(f'CREATE UNIQUE INDEX {quoted(f"{kind.name}_id")} ON {quoted(kind.name)} ("id")')
    targets = [f for f in kind.references if f.references != ANY and f.references in schema.types]
    if targets:
        _refer(database, kind, targets)
    if kind.search:
        table.enable_fts(["search_text"], tokenize="unicode61", create_triggers=False)


def _refer(database: Database, kind: RecordType, fields: list[Field]) -> None:
    # An empty table can be made anew with its foreign keys; ids are no primary keys, so sqlite-utils needs telling.
    text = str(database.table(kind.name).schema)
    for field in fields:
        column = quoted(field.name) + " TEXT"
        text = text.replace(column, f'{column} REFERENCES {quoted(str(field.references))}("id")', 1)
    database.execute(f"DROP TABLE {quoted(kind.name)}")
    database.execute(text)
    database.execute(f'CREATE UNIQUE INDEX {quoted(f"{kind.name}_id")} ON {quoted(kind.name)} ("id")')


def _add_columns(table: Table, kind: RecordType) -> None:
    present = table.columns_dict
    for field in kind.fields:
        if field.name not in present:
            table.add_column(field.name, _PYTHON_TYPE.get(field.kind, str))


def _add_indexes(connection: sqlite3.Connection, kind: RecordType) -> None:
    for field in kind.fields:
        if field.indexed and field.name != "id":
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS {quoted(f'{kind.name}_{field.name}')}"
                f" ON {quoted(kind.name)} ({quoted(field.name)})"
            )
    for group in kind.unique:
        connection.execute(
            f"CREATE UNIQUE INDEX IF NOT EXISTS {quoted(f'{kind.name}_unique_' + '_'.join(group))}"
            f' ON {quoted(kind.name)} ({", ".join(map(quoted, group))}) WHERE "deleted_at" IS NULL'
        )


def _check_kinds(kind: RecordType, known: Mapping[str, str]) -> None:
    for field in kind.fields:
        before = known.get(field.name, field.kind.value)
        if before != field.kind.value:
            message = f"{kind.name}.{field.name} is declared as {field.kind.value}, but the workspace holds {before}"
            raise ConfigError(
                message,
                setting=f"{kind.name}.{field.name}",
                hint="declare a field of another name, copy the values over, and drop the old one",
            )
