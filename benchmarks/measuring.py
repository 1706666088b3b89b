"""What the benchmarks share: taking the time, and lines with targets."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

__all__ = ["Line", "seconds_of"]


@attrs.frozen
class Line:
    """One line of the table; a target of None is for information only."""

    what: str
    found: str
    target: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        verdict = {None: "", True: "ok", False: "MISSED"}[self.met]
        return f"{self.what:<58} {self.found:>18}  {self.target:<14} {verdict}"


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
