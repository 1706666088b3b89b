"""Making and migrating the tables, with sqlite-utils; imported only when there is something to make.

A table has an integer key beside the text id, a column per field, foreign keys, and
unique indexes that count the living only. What was once declared stays: a type or field
that is no longer declared keeps its table or column.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.db import Table

from crmkit.core.fields import Field, Kind
from crmkit.core.schema import RecordType, Schema
from crmkit.storage.sqlite.sql import column_name, quoted

__all__ = ["migrate"]

_PYTHON_TYPE = {Kind.INTEGER: int, Kind.BOOLEAN: int}


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Make the tables fit the schema, inside the write transaction that is open."""
    database = Database(connection, execute_plugins=False)
    tables = set(database.table_names())
    for kind in schema:
        if kind.name in tables:
            _add_columns(database.table(kind.name), kind, schema)
        else:
            _create(database, kind, schema)
            tables.add(kind.name)
        _add_indexes(connection, kind)
        if kind.search:
            _add_search(database.table(kind.name))


def _create(database: Database, kind: RecordType, schema: Schema) -> None:
    table = database.table(kind.name)
    table.create(
        {"pk": int, **{column_name(field.name): _PYTHON_TYPE.get(field.kind, str) for field in kind.fields}},
        pk="pk",
        not_null={column_name(f.name) for f in kind.fields if f.required or f.name in ("id", "version")},
        foreign_keys=[(column_name(f.name), target, "id") for f in kind.fields if (target := _target(f, schema))],
        strict=True,
    )
    # The text id is what the others refer to.
    database.execute(f'CREATE UNIQUE INDEX {quoted(f"{kind.name}_id")} ON {quoted(kind.name)} ("id")')


def _target(field: Field, schema: Schema) -> str | None:
    return field.references if field.references in schema.types else None


def _add_columns(table: Table, kind: RecordType, schema: Schema) -> None:
    present = table.columns_dict
    for field in kind.fields:
        if column_name(field.name) not in present:
            # Not by sqlite-utils, which would write the whole table anew for a foreign key.
            column = f"{quoted(field.name)} {'INTEGER' if field.kind in _PYTHON_TYPE else 'TEXT'}"
            target = _target(field, schema)
            references = f' REFERENCES {quoted(target)}("id")' if target else ""
            table.db.execute(f"ALTER TABLE {quoted(kind.name)} ADD COLUMN {column}{references}")


def _add_search(table: Table) -> None:
    if table.detect_fts() is None:
        # Written in batches by the transaction, not by triggers, which cost a statement per row.
        table.enable_fts(["search_text"], tokenize="unicode61 remove_diacritics 0", create_triggers=False)


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
