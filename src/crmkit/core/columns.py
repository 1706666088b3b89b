"""Columns that need no place for each of their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import overload

from crmkit.core.fields import Scalar

__all__ = ["Repeated", "shared"]


class Repeated(Sequence[Scalar]):
    """The same value any number of times."""

    __slots__ = ("_count", "_value")

    def __init__(self, value: Scalar, count: int) -> None:
        self._value = value
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Scalar]:
        return repeat(self._value, self._count)

    @overload
    def __getitem__(self, place: int) -> Scalar: ...
    @overload
    def __getitem__(self, place: slice) -> Repeated: ...
    def __getitem__(self, place: int | slice) -> Scalar | Repeated:
        places = range(self._count)[place]
        return self._value if isinstance(places, int) else Repeated(self._value, len(places))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"Repeated({self._value!r}, {self._count})"


def shared(column: Sequence[Scalar]) -> list[Scalar]:
    """Return a column whose equal values are one object: read from a file or database, each has a place of its own."""
    known: dict[Scalar, Scalar] = {}
    return [known.setdefault(value, value) for value in column]
