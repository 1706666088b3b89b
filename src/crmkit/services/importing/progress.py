"""How far an import has come, in rows and in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, Final, cast

import attrs

from crmkit.core.operation import RowOutcome
from crmkit.core.ports.sources import Source

__all__ = ["CountedSource", "ImportProgress"]


@attrs.frozen(kw_only=True)
class ImportProgress:
    """Where an import stands.

    Attributes:
        rows: How many rows are done, those of an interrupted run before included.
        outcomes: What became of them.
        bytes_read: How far the source was read.
        size_bytes: How long it is.
    """

    rows: int
    outcomes: Mapping[RowOutcome, int]
    bytes_read: int
    size_bytes: int


class CountedSource:
    """A source that knows how far it was read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.bytes_read = 0

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def size_bytes(self) -> int:
        return self._source.size_bytes

    @property
    def sha256(self) -> str:
        return self._source.sha256

    def head(self, count: int = 65536) -> bytes:
        return self._source.head(count)

    def open(self) -> BinaryIO:
        self.bytes_read = 0
        return cast("BinaryIO", BufferedReader(_CountedStream(self._source.open(), self), _BUFFER))


_BUFFER: Final = 1 << 18


class _CountedStream(RawIOBase):
    """A stream whose source counts along."""

    def __init__(self, stream: BinaryIO, source: CountedSource) -> None:
        self._stream = stream
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._source.bytes_read += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
