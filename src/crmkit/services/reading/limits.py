"""How much a source may cost; what costs more is refused with advice."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple, Self

__all__ = ["Limits", "Refusal", "held", "too_much"]


class Refusal(Exception):  # noqa: N818  # not an error of the reader: its verdict
    """A source cannot be read, or only at too high a cost.

    Attributes:
        reason: One clause.
        hint: What to do about it.
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Limits(NamedTuple):
    """The limits of one reading; each is raised by a variable ``CRMKIT_READING_…`` of its name.

    Attributes:
        memory_mb: What the child may hold, where the system can limit it (not on macOS and Windows).
        cpu_s: How long it may compute; ten seconds for each megabyte of the source come on top.
        silence_s: How long it may say nothing while it is listened to.
        source_mb: How long a source may be that must be held as a whole: a workbook, a JSON document.
        inflated_mb: How long a compressed source may become.
        ratio: How many times longer than packed it may become, once that is above 50 MB.
        cells: How many cells a sheet may span.
        columns: How many columns a table, or values a record, may have.
        cell_chars: How long one value may be.
        depth: How deep values may lie in each other.
        members: How many files an archive may hold.
    """

    memory_mb: int = 1024
    cpu_s: int = 120
    silence_s: int = 120
    source_mb: int = 200
    inflated_mb: int = 1024
    ratio: int = 200
    cells: int = 50_000_000
    columns: int = 16_384
    cell_chars: int = 1 << 20
    depth: int = 32
    members: int = 1000

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return the limits that the variables of an environment set, and the usual ones besides.

        Raises:
            Refusal: A variable is no positive number.
        """
        told: dict[str, int] = {}
        for name in cls._fields:
            text = environment.get(_variable(name))
            if text is None:
                continue
            if not text.isdecimal() or not int(text):
                raise Refusal(f"{_variable(name)} is {text!r}", "set it to a whole number, or not at all")
            told[name] = int(text)
        return cls(**told)

    def enforce(self, size_bytes: int) -> bool:
        """Limit this process for a source of that length; say whether its memory is limited.

        What the system cannot limit is left to the caps of each reader.
        """
        try:
            import resource
        except ImportError:  # Windows
            return False
        seconds = self.cpu_s + 10 * (size_bytes >> 20)
        for name, value in (
            ("RLIMIT_CORE", 0),
            ("RLIMIT_FSIZE", 0),
            ("RLIMIT_CPU", seconds),
            ("RLIMIT_AS", self.memory_mb << 20),
        ):
            kind = getattr(resource, name, None)
            if kind is None:
                continue
            _, hard = resource.getrlimit(kind)
            soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
            try:
                resource.setrlimit(kind, (soft, hard))
            except (OSError, ValueError):  # macOS refuses to limit memory
                continue
        return sys.platform not in ("darwin", "win32")


def held(stream: BinaryIO, limits: Limits) -> bytes:
    """Return all of a source that must be held as a whole.

    Raises:
        Refusal: It is too long.
    """
    limit = limits.source_mb << 20
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise too_much(f"has more than {limits.source_mb:,} MB", "source_mb", limits.source_mb)
    return data


def too_much(what: str, limit: str, value: int, advice: str = "save it as CSV") -> Refusal:
    """Refuse a source that goes beyond a limit, and say how to raise that."""
    return Refusal(what, f"{advice}, or allow more than {value:,} with {_variable(limit)}")


def _variable(name: str) -> str:
    return f"CRMKIT_READING_{name.upper()}"
