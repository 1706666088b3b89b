"""Whether a file fits what is declared; once found out, that is noted, so that opening it again need not look.

A row of ``crmkit_prepared`` tells what was declared when the file was found to fit, and the number that
SQLite raises with each change of a table, index or view. While both are the same, it fits.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from crmkit.core.catalogue import Catalogue, catalogue_of
from crmkit.core.schema import LateType, Schema

__all__ = ["OWN_LAYOUT", "fits", "is_noted", "layout_of", "note"]

OWN_LAYOUT: Final = "3c47d91632416e42"
"""The digest of the layout of crmkit's own record types, which late ones are. A test tells when it is another."""


def fits(connection: sqlite3.Connection, schema: Schema, catalogue: Catalogue) -> bool:
    """Tell whether the file fits a schema; looks at everything."""
    from crmkit.storage.sqlite.derived import derived_statements, present_statements

    present = present_statements(connection)
    return catalogue_of(schema) == catalogue and derived_statements(schema).items() <= present.items()


def is_noted(connection: sqlite3.Connection, declared: Schema) -> bool:
    """Tell whether it is noted that the file fits what is declared."""
    question = "SELECT 1 FROM crmkit_prepared JOIN pragma_schema_version USING (schema_version) WHERE declared = ?"
    try:
        return connection.execute(question, (_outline(declared),)).fetchone() is not None
    except sqlite3.OperationalError:  # no such table: nothing was noted yet
        return False


def note(connection: sqlite3.Connection, declared: Schema) -> None:
    """Note that the file fits what is declared, inside the write transaction that is open."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS crmkit_prepared (declared TEXT PRIMARY KEY, schema_version INTEGER) STRICT"
    )
    connection.execute(
        "DELETE FROM crmkit_prepared WHERE schema_version <> (SELECT schema_version FROM pragma_schema_version)"
    )
    connection.execute(
        "INSERT OR REPLACE INTO crmkit_prepared SELECT ?, schema_version FROM pragma_schema_version",
        (_outline(declared),),
    )


def layout_of(schema: Schema) -> str:
    """Return all that a file must hold to fit a schema, as one text."""
    from crmkit.storage.sqlite.derived import derived_statements

    return json.dumps([catalogue_of(schema), derived_statements(schema)], sort_keys=True)


def _outline(schema: Schema) -> str:
    """Return the layout of a schema without looking at late types."""
    late = [each.name for each in schema.given.values() if isinstance(each, LateType)]
    others = [each for each in schema.given.values() if not isinstance(each, LateType)]
    return json.dumps([OWN_LAYOUT, late, layout_of(Schema(others)) if others else ""])
