"""Physical lines of a text, within bounds, and with a way back."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TextIO

__all__ = ["MAX_CELL_CHARS", "MAX_ROW_LINES", "PhysicalLines", "RunawayRowError"]

MAX_CELL_CHARS = 1 << 20
"""How long one cell may be; what is longer is no cell of a table of people."""

MAX_ROW_LINES = 1000
"""Over how many lines a row may reach; what reaches further is a quote left open."""

_MAX_LINE_CHARS = 4 * MAX_CELL_CHARS
_BLOCK_CHARS = 1 << 16


class RunawayRowError(Exception):
    """The present row takes more lines or characters than any real one."""


class PhysicalLines:
    r"""The lines of a text, ended by LF, CRLF or CR alone, numbered from 1.

    Whoever reads rows from it sets `row` to the line on which the next row
    begins. From there on the lines are kept, so that a row that turns out to be
    broken can be read again: iterating anew begins at `row`. Memory is bounded
    whatever the text holds.

    Attributes:
        row: On which line the present row begins.
        ended: Whether lines were asked for beyond the last one.
        cut: The lines that were too long and are kept only in part.
    """

    def __init__(self, text: TextIO, *, drop_nuls: bool = False) -> None:
        self.row = 1
        self.ended = False
        self.cut: set[int] = set()
        self._text = text
        self._drop_nuls = drop_nuls
        self._kept: list[str] = []  # from line `_first` on
        self._first = 1
        self._rest = ""  # a line whose end has not been read yet

    def __iter__(self) -> Iterator[str]:
        self.ended = False
        self._forget()
        fresh = self._kept
        while True:
            yield from fresh
            self._forget()
            if len(self._kept) > MAX_ROW_LINES or sum(map(len, self._kept)) > _MAX_LINE_CHARS:
                raise RunawayRowError
            fresh = self._read_block()
            if not fresh:
                self.ended = True
                return
            self._kept = self._kept + fresh  # a new list: the old one may be iterated still

    def since_row(self, count: int) -> list[str]:
        """Return at most *count* lines, from the one on which the present row begins."""
        start = self.row - self._first
        return self._kept[start : start + count]

    def _forget(self) -> None:
        self._kept = self._kept[self.row - self._first :]
        self._first = self.row

    def _read_block(self) -> list[str]:
        """Return the next few complete lines, or none at the end."""
        while True:
            chunk = self._text.read(_BLOCK_CHARS)
            text = self._rest + (chunk.replace("\0", "") if self._drop_nuls else chunk)
            if not chunk or "\n" in text or "\r" in text:
                lines = StringIO(text, newline="").readlines()
                # The last one may go on; after CR there may come an LF.
                self._rest = lines.pop() if chunk and not lines[-1].endswith("\n") else ""
            else:
                lines, self._rest = [], text
            if len(self._rest) > _MAX_LINE_CHARS:
                self.cut.add(self._first + len(self._kept) + len(lines))
                lines.append(self._rest[:_MAX_LINE_CHARS] + "\n")
                self._rest = self._after_line_end()
            if lines or not chunk:
                return lines

    def _after_line_end(self) -> str:
        """Skip what is left of a line that is too long."""
        while chunk := self._text.read(_BLOCK_CHARS):
            ends = [at for at in (chunk.find("\n"), chunk.find("\r")) if at >= 0]
            if ends:
                after = chunk[min(ends) :]
                if after == "\r":
                    after += self._text.read(1)
                return after[2 if after.startswith("\r\n") else 1 :]
        return ""
