"""Columns as an importer names them: but for case, accents and punctuation, with ``*`` and alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from crmkit.core.values.text import fold

__all__ = ["ColumnName", "Signature"]


class ColumnName:
    """One column, or several alike: ``Email``, ``E-mail * - Value``.

    Args:
        text: As it is written in a header; ``*`` stands for anything.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.key = fold(text)
        self._is_pattern = "*" in text

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _pattern(self.text)  # compiled when a header is first looked at

    def places(self, header: Sequence[str]) -> list[int]:
        """Return the places of the columns that are meant, in order."""
        return [place for place, name in enumerate(header) if self.means(name)]

    def means(self, name: str) -> bool:
        """Tell whether a column of this name is meant."""
        if self._is_pattern:
            return self._pattern.fullmatch(_key(name)) is not None
        return name == self.text or (self.key != "" and _key(name) == self.key)


class Signature:
    """The columns by which a table is recognised.

    Args:
        columns: All must be there; of several names in one place, one.
    """

    def __init__(self, columns: Iterable[str | Sequence[str]]) -> None:
        self.parts = tuple(
            tuple(ColumnName(name) for name in ((part,) if isinstance(part, str) else part)) for part in columns
        )

    def missing(self, header: Sequence[str]) -> list[str]:
        """Return what is not there, each as its author wrote it first."""
        return [part[0].text for part in self.parts if not any(name.places(header) for name in part)]


_key = lru_cache(maxsize=4096)(fold)  # many importers look at one header


def _pattern(text: str) -> re.Pattern[str]:
    """Whatever ``*`` stands for may be part of a word, unless there is a blank or a sign beside it."""
    parts = text.split("*")
    expression = []
    for number, part in enumerate(parts):
        begins = " " if number and part and not part[0].isalnum() else ""
        ends = " " if number < len(parts) - 1 and part and not part[-1].isalnum() else ""
        expression.append(re.escape(begins + fold(part) + ends))
    return re.compile(".*".join(expression))
