"""Counting the statements that reach SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

__all__ = ["cost"]


def cost(connection: sqlite3.Connection, act: Callable[[], object]) -> int:
    """Count the statements of a call; the rows of one executemany are one."""
    shapes: list[str] = []

    def note(statement: str) -> None:
        # A trace shows each row of an executemany, with its values.
        shape = statement.partition("VALUES")[0].partition(" SET ")[0]
        if not (shapes and shapes[-1] == shape and shape.startswith(("INSERT", "UPDATE"))):
            shapes.append(shape)

    connection.set_trace_callback(note)
    try:
        act()
    finally:
        connection.set_trace_callback(None)
    return sum(not shape.startswith("--") for shape in shapes)  # which is what SQLite says to its own index
