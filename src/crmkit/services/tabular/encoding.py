"""Which characters do these bytes stand for?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import attrs

from crmkit.core.ports.sources import Source
from crmkit.errors import RejectedError, UnreadableError
from crmkit.services.tabular.codepages import likeliest_codepage

__all__ = ["Encoding", "find_encoding"]


@attrs.frozen(kw_only=True)
class Encoding:
    """How to decode a source.

    Attributes:
        codec: The name of the codec.
        evidence: Why this one, in words for a person.
        flaw: Where the first byte is that stands for no character, as a clause, or
            empty; such bytes become ``U+FFFD``.
        nuls: How many NUL characters there are; they mean nothing and are left out.
    """

    codec: str
    evidence: str
    flaw: str = ""
    nuls: int = 0


def find_encoding(source: Source, wanted: str | None = None) -> Encoding:
    """Find out how to decode *source*, reading all of it once.

    A byte order mark decides; without one, NULs in every second byte mean
    UTF-16; otherwise it is UTF-8 if the whole file is, and if not cp1252, or the code page
    in which the words beyond ASCII are words.

    Args:
        source: The bytes.
        wanted: The codec to use instead, whatever the bytes say.

    Raises:
        RejectedError: There is no codec of the *wanted* name.
        UnreadableError: This is empty, or not text at all.
    """
    head = source.head()
    if not head:
        raise UnreadableError("is empty", source=source.name, hint="export it again and look at its size")
    _refuse_known_binary(head, source.name)
    encoding = _judge(source, head, wanted)
    _refuse_control_characters(head.decode(encoding.codec, "replace"), source.name)
    return encoding


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_MAGIC = (
    (b"PK\x03\x04", "a zip archive or a workbook (XLSX, ODS)", "save it as CSV from the program that made it"),
    (b"\xd0\xcf\x11\xe0", "an old workbook (XLS)", "save it as CSV from the program that made it"),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"%PDF", "a PDF document", "export the table itself, for instance as CSV"),
    (b"\x89PNG", "a picture", "export the table itself, for instance as CSV"),
    (b"GIF8", "a picture", "export the table itself, for instance as CSV"),
    (b"\xff\xd8\xff", "a picture", "export the table itself, for instance as CSV"),
    (b"SQLite format 3\0", "a SQLite database", "export a table of it as CSV"),
)

_CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n\v\f\r"} | {127: None}

_STRAY = 8  # so many control characters are bad cells, not a sign of a binary file


def _judge(source: Source, head: bytes, wanted: str | None) -> Encoding:
    if wanted is not None:
        return _surveyed(source, _known_codec(wanted, head), "as asked for")
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return _surveyed(source, codec, "it begins with a byte order mark")
    if utf16 := _utf16_without_mark(head):
        return _surveyed(source, utf16, "every second byte is zero")
    as_utf8 = _surveyed(source, "utf-8", "the whole file is valid UTF-8")
    if not as_utf8.flaw:
        return as_utf8
    codec, why = likeliest_codepage(head)
    return _surveyed(source, codec, f"{as_utf8.flaw}; {why}" if why else as_utf8.flaw)


def _known_codec(name: str, head: bytes) -> str:
    try:
        b" ".decode(name, "replace")  # which codecs that make no text refuse
        codec = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise RejectedError(
            f"there is no text encoding {name!r}", hint="for instance utf-8, utf-16, cp1252 or mac-roman"
        ) from error
    return "utf-8-sig" if codec == "utf-8" and head.startswith(codecs.BOM_UTF8) else codec


def _utf16_without_mark(head: bytes) -> str | None:
    """Latin letters in UTF-16 have a zero in every other byte; a stray NUL is something else."""
    first, second = head[0::2], head[1::2]
    half = max(len(second) // 2, 1)
    if second.count(0) > half and first.count(0) * 50 < half:
        return "utf-16-le"
    if first.count(0) > half and second.count(0) * 50 < half:
        return "utf-16-be"
    return None


def _surveyed(source: Source, codec: str, evidence: str) -> Encoding:
    """Decode everything once: does it go through, and how many NULs are there?"""
    decoder = codecs.getincrementaldecoder(codec)()
    nuls, line, is_ascii = 0, 1, True
    for chunk in _chunks(source):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            flaw = f"byte 0x{error.object[error.start]:02X} on line {line} is not {codec}"
            return Encoding(codec=codec, evidence=evidence, flaw=flaw, nuls=_count_nuls(source, codec))
        nuls += text.count("\0")
        line += text.count("\n")
        is_ascii = is_ascii and text.isascii()
    if is_ascii and codec == "utf-8":
        evidence = "there are only ASCII characters"
    return Encoding(codec=codec, evidence=evidence, nuls=nuls)


def _count_nuls(source: Source, codec: str) -> int:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    return sum(decoder.decode(chunk).count("\0") for chunk in _chunks(source))


def _chunks(source: Source) -> Iterator[bytes]:
    """Yield the content piece by piece, and an empty piece at the end."""
    with source.open() as stream:
        while chunk := stream.read(1 << 20):
            yield chunk
    yield b""


def _refuse_known_binary(head: bytes, name: str) -> None:
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            raise UnreadableError(f"is not text but {what}", source=name, hint=hint)


def _refuse_control_characters(text: str, name: str) -> None:
    control = len(text) - len(text.translate(_CONTROL))
    if control > max(_STRAY, len(text) // 100):
        raise UnreadableError(
            "is not text: it is full of control characters",
            source=name,
            hint="export it as CSV, or name its --encoding if it is text after all",
        )
