"""The beginning of a source as a table: looked at once, however many importers ask."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from crmkit.core.ports.sources import Source
from crmkit.errors import UnreadableError
from crmkit.plugins.builtin.headers import is_header_word
from crmkit.services.tabular import Table, peek_table

__all__ = ["peek"]

_seen: WeakKeyDictionary[Source, Table | None] = WeakKeyDictionary()


def peek(source: Source) -> Table | None:
    """Open the table that a source begins with, or return None when it is none."""
    try:
        if source in _seen:
            return _seen[source]
    except TypeError:  # a source of somebody else's that cannot be remembered
        return _peek(source)
    return _seen.setdefault(source, _peek(source))


def _peek(source: Source) -> Table | None:
    try:
        return peek_table(source, known=is_header_word)
    except UnreadableError:
        return None
