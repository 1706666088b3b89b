"""The things that are usually ambient, as arguments: time and chance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Chance", "Clock", "SystemChance", "SystemClock"]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class Chance(Protocol):
    """The source of everything random."""

    def bits(self, count: int) -> int:
        """Return a number of *count* random bits."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class SystemChance:
    """The random source of this machine."""

    def bits(self, count: int) -> int:
        """Return a number of *count* random bits."""
        from secrets import randbits  # brings in OpenSSL, which opening a workspace can do without

        return randbits(count)
