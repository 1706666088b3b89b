"""A connection as crmkit needs it: its settings, and the functions that its SQL calls."""

from __future__ import annotations

import sqlite3

__all__ = ["DECIMAL_COLLATION", "FOLD_FUNCTION", "configure"]

FOLD_FUNCTION = "crmkit_fold"
DECIMAL_COLLATION = "crmkit_decimal"


def configure(connection: sqlite3.Connection) -> None:
    """Set up a new connection."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -40960")  # 40 MB, so that an import as a whole stays below 150
    connection.execute("PRAGMA wal_autocheckpoint = 16000")  # 64 MB: most of the time it is done beside
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.create_function(FOLD_FUNCTION, 1, _fold_scalar, deterministic=True)
    connection.create_collation(DECIMAL_COLLATION, _compare_decimals)


# What the functions need is loaded when SQLite calls them, which opening a workspace does not.


def _fold_scalar(value: object) -> str | None:
    from crmkit.core.values.text import fold

    return None if value is None else fold(str(value))


def _compare_decimals(a: str, b: str) -> int:
    from decimal import Decimal

    left, right = Decimal(a), Decimal(b)
    return (left > right) - (left < right)
