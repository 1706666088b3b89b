"""What is derived from the tables, and so may be made anew at any time: indexes and views."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.storage.sqlite.sql import SEARCH_KEY, column_name, quoted
from crmkit.storage.sqlite.views import VIEWS, view_statements

__all__ = ["derived_statements", "drop_outdated", "make_missing", "present_statements"]

_LIVING = 'WHERE "deleted_at" IS NULL'


def derived_statements(schema: Schema) -> dict[str, str]:
    """Return the statements that make the indexes and views of a schema, by name, as SQLite keeps them."""
    indexes = {name: statement for kind in schema for name, statement in _indexes(kind)}
    return {**indexes, **view_statements(schema)}


def present_statements(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the statements that made the indexes and views that are there, by name."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'view') AND sql IS NOT NULL")
    return dict(rows.fetchall())


def drop_outdated(connection: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    """Drop what would be made otherwise today, and views whose name a table needs."""
    for name, statement in present_statements(connection).items():
        if statement != wanted.get(name, statement) or (name in VIEWS and name not in wanted):
            what = "VIEW" if statement.startswith("CREATE VIEW") else "INDEX"
            connection.execute(f"DROP {what} {quoted(name)}")


def make_missing(connection: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    """Make what is not there."""
    present = present_statements(connection)
    for name, statement in wanted.items():
        if name not in present:
            connection.execute(statement)


def _indexes(kind: RecordType) -> Iterator[tuple[str, str]]:
    if kind.search:
        yield _index(kind, SEARCH_KEY, [SEARCH_KEY], unique=True)
    for field in kind.fields:
        if field.indexed and field.name != "id":
            yield _index(kind, field.name, [field.name])
    for group in kind.unique:
        yield _index(kind, "unique_" + "_".join(group), group, unique=True, where=_LIVING)
    for group in kind.together:
        # With the id at the end: it is what is counted, and the last word of every order.
        yield _index(kind, "together_" + "_".join(group), [*group, "id"], where=_LIVING)


def _index(
    kind: RecordType, name: str, fields: Iterable[str], *, unique: bool = False, where: str = ""
) -> tuple[str, str]:
    whole = column_name(f"{kind.name}_{name}")
    columns = ", ".join(map(quoted, fields))
    statement = f"CREATE {'UNIQUE ' if unique else ''}INDEX {quoted(whole)} ON {quoted(kind.name)} ({columns}) {where}"
    return whole, statement.rstrip()
