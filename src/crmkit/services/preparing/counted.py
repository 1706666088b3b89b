"""A source that knows how far it was read."""

from __future__ import annotations

from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, Final, cast

from crmkit.core.ports.sources import Source

__all__ = ["CountedSource"]


class CountedSource:
    """A source that knows how far it was read.

    Attributes:
        counted: The source itself.
        bytes_read: How far.
    """

    def __init__(self, source: Source) -> None:
        self.counted = source
        self.bytes_read = 0

    @property
    def name(self) -> str:
        return self.counted.name

    @property
    def size_bytes(self) -> int:
        return self.counted.size_bytes

    @property
    def sha256(self) -> str:
        return self.counted.sha256

    def head(self, count: int = 65536) -> bytes:
        return self.counted.head(count)

    def open(self) -> BinaryIO:
        self.bytes_read = 0
        return cast("BinaryIO", BufferedReader(_CountedStream(self.counted.open(), self), _BUFFER))


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
