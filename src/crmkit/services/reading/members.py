"""The files in an archive, as sources of their own."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from typing import Any

from crmkit.core.ports.sources import Source
from crmkit.services.reading.apart import Frame, read_apart
from crmkit.services.sources import FileSource, stdin_source

__all__ = ["unpacked"]


def unpacked(source: Source) -> tuple[list[FileSource], dict[str, str]]:
    """Unpack an archive to temporary files, which go away with the sources.

    Returns:
        The files in the order of the archive, and what was passed over: name to reason.

    Raises:
        UnreadableError: It is broken, or unpacks to more than is allowed.
    """
    members: list[FileSource] = []
    left_out: dict[str, str] = {}
    frames = _Frames(read_apart("archive", source))
    try:
        while frames.next is not None:
            frame = frames.take()
            if "member" in frame:
                members.append(stdin_source(BufferedReader(_Content(frames)), name=frame["member"]))
            elif "left_out" in frame:
                left_out[frame["left_out"]] = frame["reason"]
    finally:
        frames.close()
    _shorten(members)
    return members, left_out


class _Frames:
    """Frames with a look ahead."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames: Any = frames
        self.next: Frame | None = next(frames, None)

    def take(self) -> Frame:
        frame, self.next = self.next, next(self._frames, None)
        assert frame is not None  # noqa: S101  # whoever takes has looked
        return frame

    def close(self) -> None:
        self._frames.close()


class _Content(RawIOBase):
    """The data frames that follow, as a stream."""

    def __init__(self, frames: _Frames) -> None:
        self._frames = frames
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and self._frames.next is not None and "data" in self._frames.next:
            self._rest = b64decode(self._frames.take()["data"])
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _shorten(members: list[FileSource]) -> None:
    """Name files without their folder where that tells them apart: endings and patterns look at names."""
    bare = Counter(member.name.rpartition("/")[2] for member in members)
    for member in members:
        short = member.name.rpartition("/")[2]
        if bare[short] == 1:
            member.name = short
