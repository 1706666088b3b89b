"""Making and migrating the tables, with sqlite-utils; imported only when there is something to make.

A table has the text id as its key, so that links of Datasette lead somewhere, a column per
field, foreign keys, and unique indexes that count the living only. A searched table has an
integer key besides, for its search index. What was once declared stays: a type or field
that is no longer declared keeps its table or column.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.db import Table

from crmkit.core.fields import Field, Kind
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.storage.sqlite.derived import derived_statements, drop_outdated, make_missing
from crmkit.storage.sqlite.sql import SEARCH_KEY, column_name, quoted

__all__ = ["migrate"]

_PYTHON_TYPE = {Kind.INTEGER: int, Kind.BOOLEAN: int}


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Make the tables fit the schema, inside the write transaction that is open."""
    database = Database(connection, execute_plugins=False)
    wanted = derived_statements(schema)
    drop_outdated(connection, wanted)
    tables = set(database.table_names())
    for kind in schema:
        if kind.name in tables:
            _add_columns(database.table(kind.name), kind, schema)
        else:
            _create(database, kind, schema)
        if kind.search and f"{kind.name}_fts" not in tables:
            _add_search(database.table(kind.name))
    make_missing(connection, wanted)


def _create(database: Database, kind: RecordType, schema: Schema) -> None:
    database.table(kind.name).create(
        {column_name(field.name): _PYTHON_TYPE.get(field.kind, str) for field in kind.fields},
        pk="id",
        not_null={column_name(f.name) for f in kind.fields if f.required or f.name in ("id", "version")},
        foreign_keys=[(column_name(f.name), target, "id") for f in kind.fields if (target := _target(f, schema))],
        strict=True,
    )


def _target(field: Field, schema: Schema) -> str | None:
    return field.references if field.references in schema.types else None


def _add_columns(table: Table, kind: RecordType, schema: Schema) -> None:
    present = table.columns_dict
    defaults = kind.defaults()
    for field in kind.fields:
        if column_name(field.name) not in present:
            # Not by sqlite-utils, which would write the whole table anew for a foreign key.
            column = f"{quoted(field.name)} {'INTEGER' if field.kind in _PYTHON_TYPE else 'TEXT'}"
            target = _target(field, schema)
            references = f' REFERENCES {quoted(target)}("id")' if target else ""
            default = defaults.get(field.name)
            if default is not None:  # what was made before has it too, and not a row is written for that
                references += f" DEFAULT {table.db.execute('SELECT quote(?)', (default,)).fetchone()[0]}"
            table.db.execute(f"ALTER TABLE {quoted(kind.name)} ADD COLUMN {column}{references}")


def _add_search(table: Table) -> None:
    # The rowid would do, but VACUUM is free to change it where it is no declared column.
    table.db.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {SEARCH_KEY} INTEGER")
    table.db.execute(f"UPDATE {quoted(table.name)} SET {SEARCH_KEY} = rowid")
    # Written in batches by the transaction, not by triggers, which cost a statement per row.
    # Not by sqlite-utils, which makes no index of the first letters: people search while they type.
    index = quoted(f"{table.name}_fts")
    table.db.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5 (search_text, tokenize='unicode61 remove_diacritics 0',"
        f" prefix='2 3', content={quoted(table.name)}, content_rowid={SEARCH_KEY})"
    )
    table.db.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
