"""Many rows in few statements.

A statement that inserts five hundred rows takes a fifth less than five hundred that insert
one each: what all rows share is handed over once, and Python is not asked in between, so
that another thread gets on with its work meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from crmkit.core.fields import Scalar

__all__ = ["insert_columns"]


def insert_columns(connection: sqlite3.Connection, table: str, columns: Mapping[str, Sequence[Scalar]]) -> None:
    """Insert rows into a table.

    Args:
        connection: The connection, in a transaction.
        table: The table, quoted.
        columns: Column, quoted, to values; all are equally long, and some are not constant.
    """
    count = len(next(iter(columns.values())))
    shared = {name: values[0] for name, values in columns.items() if count >= _FEW and _is_constant(values)}
    own = [name for name in columns if name not in shared]
    names = ", ".join([*own, *shared])
    if count < _FEW or not own:
        places = ", ".join("?" * len(columns))
        rows = zip(*(columns[name] for name in [*own, *shared]), strict=True)
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)
        return
    rows = zip(*(columns[name] for name in own), strict=True)
    row = f"({', '.join('?' * len(own))})"
    head = f"INSERT INTO {table} ({names}) SELECT *{', ?' * len(shared)} FROM (VALUES "
    most = (connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) - len(shared)) // len(own)
    for size in _sizes(count, most):
        values = chain(shared.values(), chain.from_iterable(islice(rows, size)))
        connection.execute(f"{head}{', '.join([row] * size)})", tuple(values))


_FEW: Final = 16
_MOST: Final = 512
"""Rows in a statement. Statements are kept for the next time, so they must not become too large."""


def _is_constant(values: Sequence[Scalar]) -> bool:
    first = values[0]
    # Most that are not constant show it at the end or in the middle; counting is the quickest way to be sure.
    return values[-1] == first and values[len(values) // 2] == first and values.count(first) == len(values)


def _sizes(count: int, most: int) -> Iterator[int]:
    """Part a number of rows into powers of two, so that there are but few different statements."""
    size = 1 << (min(most, _MOST).bit_length() - 1)
    while count:
        while size > count:
            size >>= 1
        yield size
        count -= size
