"""How surely two records are one person or company."""

from __future__ import annotations

import enum

__all__ = ["Strength"]


class Strength(enum.Enum):
    """How surely records are one.

    Attributes:
        STRONG: A key that only one person or company has, and nothing against it.
        LIKELY: What seldom meets by chance: a number and the name, a domain, a legal name.
        WEAK: A key in common, but something against it: another name, another domain.
    """

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"
