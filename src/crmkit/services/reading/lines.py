"""The lines of a stream of bytes, within bounds."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

__all__ = ["ByteLines", "Lines"]

_CHUNK: Final = 1 << 16


class ByteLines:
    r"""Lines as ``(number, bytes, whether it was cut)``, ended by LF, CRLF or CR alone; UTF-16 becomes UTF-8.

    Args:
        stream: What to read.
        longest: How many bytes of a line are kept.
    """

    def __init__(self, stream: BinaryIO, longest: int) -> None:
        self._stream = stream
        self._longest = longest

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        number, rest, is_cut = 0, b"", False
        for chunk in self._chunks():
            data = rest + chunk
            held = b""
            if data.endswith(b"\r"):  # an LF may follow
                data, held = data[:-1], b"\r"
            if b"\r" in data:
                data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *lines, rest = data.split(b"\n")
            for line in lines:
                number += 1
                yield number, line[: self._longest], is_cut or len(line) > self._longest
                is_cut = False
            if len(rest) > self._longest:
                rest, is_cut = rest[: self._longest], True
            rest += held
        if rest:
            yield number + 1, rest.rstrip(b"\r"), is_cut

    def _chunks(self) -> Iterator[bytes]:
        head = self._stream.read(_CHUNK)
        codec = _wide(head)
        if codec is None:
            yield head.removeprefix(codecs.BOM_UTF8)
            while chunk := self._stream.read(_CHUNK):
                yield chunk
            return
        decoder = codecs.getincrementaldecoder(codec)("replace")
        while head:
            yield decoder.decode(head).removeprefix("\ufeff").encode("utf-8", "replace")
            head = self._stream.read(_CHUNK)


class Lines:
    """The same as text: UTF-8, or cp1252 for a line that is not."""

    def __init__(self, stream: BinaryIO, longest: int, encoding: str | None = None) -> None:
        self._lines = ByteLines(stream, longest)
        self._encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, str, bool]]:
        for number, raw, is_cut in self._lines:
            yield number, decoded(raw, self._encoding), is_cut


def decoded(raw: bytes, encoding: str | None = None) -> str:
    """Decode a piece of text that may be in anything."""
    for codec in (encoding or "utf-8", "utf-8"):
        try:
            return raw.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    # A text that was cut within a letter is still what it says it is.
    return raw.decode("utf-8" if (encoding or "").upper() in ("UTF-8", "UTF8") else "cp1252", "replace")


def _wide(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    some = head[:64]
    if some.count(0) * 3 <= len(some):
        return None
    return "utf-16-be" if some[:1] == b"\0" else "utf-16-le"
