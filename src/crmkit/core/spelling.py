"""What somebody may have meant who misspelt a word."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["close_to"]


def close_to(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that come close to a misspelt one, best first."""
    from difflib import get_close_matches  # seldom needed, and not at once

    return get_close_matches(word, list(known), n=2, cutoff=0.6)
