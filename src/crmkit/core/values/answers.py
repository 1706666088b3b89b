"""Yes and no as people write them in files."""

from __future__ import annotations

from typing import Final

from crmkit.core.values.text import fold

__all__ = ["NO", "YES", "read_answer"]

YES: Final = frozenset("yes y oui o ja j si s true vrai wahr vero verdadero 1 x on t checked".split())
"""Folded words that agree."""

NO: Final = frozenset("no n non nein false faux falsch falso 0 off f unchecked".split())
"""Folded words that do not."""


def read_answer(text: str) -> bool:
    """Read a yes or no.

    Raises:
        ValueError: It is neither; with a clause.
    """
    word = fold(text)
    if word in YES or word in NO:
        return word in YES
    raise ValueError("is neither yes nor no")
