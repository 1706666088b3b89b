"""Which format a source is in: told by its content, since names lie."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from crmkit.core.ports.sources import Source

__all__ = ["Format", "format_of"]


class Format(StrEnum):
    """What a source is written in; the value says so to a person."""

    TEXT = "text"
    WORKBOOK = "workbook"
    MARKUP = "HTML or XML table"
    VCARD = "vCard"
    MAIL = "mail"
    MAILBOX = "mailbox"
    JSON = "JSON"
    JSON_LINES = "JSON lines"
    ENTRIES = "entries (LDIF)"
    ZIP = "zip archive"


def format_of(source: Source) -> Format:
    """Look at the beginning of a source; the name only decides what kind of zip it is."""
    head = source.head()
    if head.startswith(b"PK\x03\x04"):
        ending = PurePosixPath(source.name.lower()).suffix
        return Format.WORKBOOK if _PART.match(head, 30) or ending in _WORKBOOK_ENDINGS else Format.ZIP
    if head.startswith(b"PK\x05\x06"):
        return Format.ZIP
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return Format.WORKBOOK
    text = _narrowed(head).lstrip(b" \t\r\n\v\f\0")
    if _VCARD.match(text):
        return Format.VCARD
    if _MAILBOX.match(text):
        return Format.MAILBOX if _HEADER.search(text) else Format.TEXT
    if _MARKUP.match(text):
        return Format.MARKUP
    if _JSON.match(text):
        first, _, rest = text.replace(b"\r", b"\n").partition(b"\n")
        is_line = first.startswith(b"{") and first.rstrip(b", \t").endswith(b"}")
        return Format.JSON_LINES if is_line and rest.lstrip().startswith(b"{") else Format.JSON
    if _LDIF.match(text):
        return Format.ENTRIES
    if _is_mail(text):
        return Format.MAIL
    return Format.ENTRIES if _is_made_of_entries(text) else Format.TEXT


_WORKBOOK_ENDINGS: Final = frozenset({".xlsx", ".xlsm", ".xlsb", ".xltx", ".ods", ".ots"})
# The first file in what Excel, LibreOffice and the libraries write.
_PART: Final = re.compile(
    rb"\[Content_Types\]\.xml|_rels/|docProps/|xl/|customXml/|mimetypeapplication/vnd\.oasis|META-INF/|content\.xml"
)
_VCARD: Final = re.compile(rb"BEGIN[ \t]*:[ \t]*VCARD", re.IGNORECASE)
# Bounded everywhere: a file may be made so that an expression goes over it again and again.
_MAILBOX: Final = re.compile(rb"From [^\s]{1,320}[ \t][^\r\n]{0,60}?\d\d:\d\d")
_MARKUP: Final = re.compile(
    rb"<(?:!doctype html|html|table|\?xml|body|head|meta|\w+:?workbook|odoo|openerp)", re.IGNORECASE
)
_JSON: Final = re.compile(rb"\[\s*(?:[\[{\"\]\d]|$)|\{\s*(?:\"|\}|$)")
_LDIF: Final = re.compile(rb"(?:version: ?\d\s+|#[^\r\n]{0,200}\s+){0,9}dn::? ?[^\r\n]", re.IGNORECASE)
_ENTRY: Final = re.compile(rb"([A-Za-z][\w .-]{0,40}):(?:[ \t]|$)")
_HEADER: Final = re.compile(
    rb"^(?:From|To|Cc|Subject|Date|Message-ID|MIME-Version|Received|Return-Path|Delivered-To|Sender|Reply-To"
    rb"|Content-[\w-]+|X-[\w-]+):[ \t\r\n]",
    re.IGNORECASE | re.MULTILINE,
)
_NAMED: Final = re.compile(rb"(From|Sender|Received|Date|Subject|Return-Path|To|Message-ID)[ \t]*:", re.IGNORECASE)
_FIELD: Final = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]|>?From ")


def _narrowed(head: bytes) -> bytes:
    """Leave out marks and the zeros of UTF-16."""
    head = head.removeprefix(codecs.BOM_UTF8)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or head[:64].count(0) * 3 > len(head[:64]):
        return head.removeprefix(codecs.BOM_UTF16_LE).removeprefix(codecs.BOM_UTF16_BE).replace(b"\0", b"")
    return head


def _is_mail(text: bytes) -> bool:
    """Whether it begins with a header: a table whose first column is ``From:`` has other lines below."""
    if not _HEADER.match(text):
        return False
    lines = re.split(rb"\r\n|\n|\r", text[:16384])[:-1]
    header = lines[: lines.index(b"")] if b"" in lines else lines
    names = {found[1].lower() for line in header if (found := _NAMED.match(line))}
    fields = sum(bool(_FIELD.match(line)) for line in header)
    return bool(names & {b"from", b"sender", b"return-path", b"received"}) and fields * 2 > len(header)


def _is_made_of_entries(text: bytes) -> bool:
    """Whether it is blocks of ``name: value`` lines that all begin with the same name."""
    plain = text[:16384].rstrip().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = [[_ENTRY.match(line) for line in block.split(b"\n")] for block in re.split(rb"\n{2,}", plain)[:_BLOCKS]]
    if len(lines) < _FEWEST_BLOCKS or any(None in block or len(block) < _FEWEST_BLOCKS for block in lines):
        return False
    return len({block[0][1] for block in lines if block[0] is not None}) == 1


_BLOCKS: Final = 5
_FEWEST_BLOCKS: Final = 2
