"""Mails, alone or in an mbox, to records: who sent it, and what.

Frames are ``{"records": [[line, {name: text}, fault], …]}``; a line is the one on which the
message begins. What no person sent (bounces, automatic replies, lists) has the fault
``ignored: …``. Headers are taken apart by hand and in one pass: those of strangers break
the parsers of the standard library in more than one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any, BinaryIO, Final, NamedTuple

from crmkit.services.reading.limits import Limits
from crmkit.services.reading.lines import ByteLines, decoded

__all__ = ["IGNORED", "read"]

IGNORED: Final = "ignored: "
"""How the fault of a message begins that is none, but has no sender to import."""


def read(
    stream: BinaryIO,
    limits: Limits,
    *,
    several: bool = False,
    encoding: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Read messages.

    Args:
        stream: One message, or an mbox.
        limits: What it may cost.
            several: Whether it is an mbox.
        encoding: What bytes mean that say nothing of it.
    """
    batch: list[list[Any]] = []
    for raw in _messages(stream, limits, several=several):
        fault = "its header is too long" if raw.is_cut else ""
        record: dict[str, str] = {}
        if not fault:
            try:
                record, fault = _sender(message_from_bytes(raw.data), encoding)
            except (ValueError, LookupError, AssertionError, AttributeError, TypeError, IndexError) as error:
                fault = f"the message is broken ({error})"
            except RecursionError:
                fault = "parts of the message are nested too deeply"
        if fault and not fault.startswith(IGNORED):
            record = {**record, "Message": raw.data[:_SHOWN].decode("utf-8", "replace")}
        batch.append([raw.line, record, fault])
        if len(batch) == _BATCH:
            yield {"records": batch}
            batch = []
    yield {"records": batch}


_BATCH: Final = 50
_SHOWN: Final = 2000
_MAX_HEADER: Final = 1 << 18
_MAX_BODY: Final = 1 << 20
_MAX_NOTES: Final = 20_000
_MAX_ADDRESS: Final = 1000
_GUARDED: Final = re.compile(rb">+From ")
_SEPARATOR: Final = re.compile(rb"From (?:\S+ +.{0,40}?|- )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .{0,30}\d\d:\d\d.{0,40}$")


class _Raw(NamedTuple):
    line: int
    data: bytes
    is_cut: bool


def _messages(stream: BinaryIO, limits: Limits, *, several: bool) -> Iterator[_Raw]:
    """Part a mailbox into messages."""
    message: _Gathering | None = None
    for number, raw, cut in ByteLines(stream, limits.cell_chars):
        if _SEPARATOR.match(raw) and (several or message is None):
            if message is not None and message.lines:
                yield message.raw
            message = _Gathering(number)
        elif message is not None or raw.strip():
            message = message or _Gathering(number)
            message.take(raw[1:] if several and _GUARDED.match(raw) else raw, is_cut=cut)
    if message is not None and message.lines:
        yield message.raw


class _Gathering:
    """The lines of one message; of a long one the header and the beginning are kept."""

    def __init__(self, line: int) -> None:
        self.lines: list[bytes] = []
        self._line = line
        self._size = 0
        self._is_header = True
        self._is_cut = False

    @property
    def raw(self) -> _Raw:
        return _Raw(self._line, b"\n".join(self.lines), self._is_cut)

    def take(self, line: bytes, *, is_cut: bool) -> None:
        if self._is_header and self.lines and not line.strip():
            self._is_header, self._size = False, 0
        self._size += len(line) + 1
        if self._is_header and (is_cut or self._size > _MAX_HEADER):
            self._is_cut = True
        if self._size <= (_MAX_HEADER if self._is_header else _MAX_BODY):
            self.lines.append(line)


def _sender(message: Message, encoding: str | None) -> tuple[dict[str, str], str]:
    def header(name: str) -> str:
        return _decoded_header(_text(message, name), encoding)

    raw_from = _text(message, "From") or _text(message, "Sender")
    name, address = _address(raw_from, encoding)
    reply_name, reply_address = _address(_text(message, "Reply-To"), encoding)
    body = _body(message, encoding)
    subject, moment = header("Subject"), _moment(message)
    record = {
        "Message-ID": header("Message-ID").strip("<> "),
        "Full name": name if name != address else "",
        "Email": address,
        "Phone": "",
        "Company": "",
        "Notes": "\n".join(filter(None, [f"{moment} {subject}".strip(), body])),
        "Labels": header("X-Gmail-Labels"),
    }
    if reason := _why_no_person(message, address):
        return record, IGNORED + reason
    if _ROBOT.match(address) or not address:
        told = _answers(body)
        if reply_address and reply_address != address and not _ROBOT.match(reply_address):
            record |= {"Full name": reply_name, "Email": reply_address, "Sent by": address}
        elif told.get("Email"):
            record["Sent by"] = address
        elif not address:
            return record, "the message has no sender"
        record |= told
    elif reply_address and reply_address.lower() != address.lower():
        record["Reply to"] = reply_address
    return {field: text for field, text in record.items() if text}, ""


def _text(message: Message, name: str) -> str:
    """Return a header as it was written; raw bytes beyond ASCII stay as they are."""
    wanted = name.lower()
    return next((str(value)[:_MAX_ADDRESS] for key, value in message.raw_items() if key.lower() == wanted), "")


_MACHINES: Final = re.compile(r"(?:mailer-daemon|postmaster|bounces?)(?:[+@-]|$)", re.IGNORECASE)
_ROBOT: Final = re.compile(
    r"(?:no-?_?\.?reply|do-?not-?reply|ne-?pas-?repondre|nepasrepondre|noresponder|anonymous|www-?data|wordpress|forms?"
    r"|web-?forms?|notifications?|nobody|formulaire)(?:[+@.-]|$)",
    re.IGNORECASE,
)


def _why_no_person(message: Message, address: str) -> str:
    automatic = _text(message, "Auto-Submitted").strip().lower()
    if message.get_content_type() == "multipart/report" or _MACHINES.match(address):
        return "a bounce"
    if _text(message, "Return-Path").strip() == "<>":
        return "a message of a mail server"
    if (automatic and automatic != "no") or message.get("X-Autoreply"):
        return "an automatic reply"
    if message.get("List-Id") or _text(message, "Precedence").strip().lower() in ("list", "bulk", "junk"):
        return "a message to a list"
    return ""


def _address(text: str, encoding: str | None) -> tuple[str, str]:
    """Part the first sender into name and address, in one pass and whatever stands there."""
    text, comments = _without_comments(text)
    found = re.search(r"<([^<>]*)>", text)
    if found and "@" in found[1]:
        name, address = text[: found.start()], found[1]
    else:
        at = next((token for token in text.replace("<", " ").replace(">", " ").split() if "@" in token), "")
        name, address = text.replace(at, " ") if at else text, at.strip(",;()\"'")
    name = name.strip(" \t,;\"'\r\n<>") or comments
    name = " ".join(_decoded_header(name, encoding).strip("\"'").replace('\\"', '"').split())
    address = _decoded_header("".join(address.split()), encoding).removeprefix("mailto:")
    return (name, address) if "@" in address else (name, "")


def _without_comments(text: str) -> tuple[str, str]:
    """Part what stands in brackets from the rest; what is quoted has none."""
    plain, comments, depth, quoted = list[str](), list[str](), 0, False
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            letter = next(letters, "")  # noqa: PLW2901  # whatever it is, it stands for itself
        elif letter == '"' and not depth:
            quoted = not quoted
        elif not quoted and letter in "()":
            depth = depth + 1 if letter == "(" else max(depth - 1, 0)
            continue
        (comments if depth else plain).append(letter)
    if quoted or depth:  # a quote or bracket that never closes means nothing
        return text, ""
    return "".join(plain), "".join(comments)


def _decoded_header(text: str, encoding: str | None) -> str:
    """Decode encoded words in any character set, and raw bytes in none."""
    parts = []
    try:
        decoded_words = decode_header(text) if "=?" in text else [(text, None)]
    except (ValueError, LookupError, ArithmeticError):
        decoded_words = [(text, None)]
    for part, charset in decoded_words:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        parts.append(decoded(raw, charset or encoding))
    return " ".join("".join(parts).split())


def _moment(message: Message) -> str:
    text = _text(message, "Date")
    try:
        return parsedate_to_datetime(text).isoformat(" ", "minutes") if text else ""
    except (ValueError, TypeError, IndexError, OverflowError):
        return text


def _body(message: Message, encoding: str | None) -> str:
    """Return the text of a message; that of HTML only when there is no other."""
    found: dict[str, str] = {}
    for part in message.walk():
        kind = part.get_content_type()
        if kind not in ("text/plain", "text/html") or kind in found or part.get_filename():
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found[kind] = decoded(payload[:_MAX_BODY], part.get_content_charset() or encoding)
    text = found.get("text/plain", "").strip() or _without_tags(found.get("text/html", ""))
    lines = [line.rstrip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:_MAX_NOTES]


def _without_tags(html: str) -> str:
    html = re.sub(r"(?is)<(script|style)\b[^<>]{0,500}>[^<]*(?:<(?!/\1)[^<]*)*", " ", html[: _MAX_NOTES * 5])
    return unescape(re.sub(r"<[^<>]*>", " ", re.sub(r"(?i)<(?:br|/p|/div|/tr)\b[^<>]*>", "\n", html))).strip()


_ANSWER: Final = re.compile(r"\s{0,8}[*•-]?\s{0,4}([^\W\d_][^:=\n]{0,30}?)\s{0,4}[:=]\s{0,8}(\S[^\n]{0,300})")
_ASKED: Final[Mapping[str, Sequence[str]]] = {
    "Email": ("email", "e-mail", "mail", "your email", "email address", "adresse e-mail", "courriel"),
    "Full name": ("name", "full name", "your name", "nom", "contact", "nom complet", "nome", "nombre"),
    "First name": ("first name", "prénom", "vorname"),
    "Last name": ("last name", "nom de famille", "nachname", "surname"),
    "Phone": ("phone", "telephone", "téléphone", "tel", "phone number", "telefon", "mobile"),
    "Company": ("company", "société", "entreprise", "organisation", "organization", "firma"),
}
_FIELD_OF: Final = {word: field for field, words in _ASKED.items() for word in words}


def _answers(body: str) -> dict[str, str]:
    """Read what a form mailed by a robot says of the person who filled it in."""
    told: dict[str, str] = {}
    for line in body.splitlines()[:200]:
        found = _ANSWER.match(line)
        field = _FIELD_OF.get(found[1].strip().lower()) if found else None
        if found and field and field not in told:
            told[field] = found[2].strip()
    return told
