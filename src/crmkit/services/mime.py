"""The bytes of a mail, and the two headers that let its reader leave.

Headers are encoded here rather than by `email.message.EmailMessage`, which
takes twenty times as long and, in several releases of Python, lets a name or a
subject smuggle in further headers. What was built is read back by the parser of
the standard library before anyone may send it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

from crmkit.core.ports.notifiers import OutgoingMail
from crmkit.errors import ConfigError, RejectedError

__all__ = ["ascii_address", "build_mime", "message_id", "split_sender", "unsubscribe_headers", "verify_unsubscribe"]


def build_mime(mail: OutgoingMail, at: datetime) -> bytes:
    """Build a mail as it travels: RFC 5322 and 2045, lines ended by CRLF.

    Args:
        mail: The message; line ends of its bodies become CRLF.
        at: The moment for the Date header, aware.

    Raises:
        RejectedError: The message cannot be sent as it is, now or later: a line
            break, control character or lone surrogate in a header, an address
            that mail cannot carry, a header that is crmkit's own to set.
    """
    from email.utils import format_datetime

    sender_name, sender = split_sender(mail.sender)
    recipient = ascii_address(mail.to)
    headers = [
        ("From", _mailbox(sender_name, sender)),
        ("To", _mailbox(mail.to_name, recipient)),
        ("Subject", _unstructured(mail.subject)),
        ("Date", format_datetime(at)),
        ("Message-ID", f"<{_checked_message_id(mail.message_id)}>"),
        *_further(mail),
        ("MIME-Version", "1.0"),
    ]
    try:
        content, body = _body(mail)
    except UnicodeEncodeError as error:
        raise RejectedError(f"the body holds a character that no mail can carry: {error.reason}") from error
    headers += content
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    _refuse_unless_read_back(head, headers, mail)
    return head + b"\r\n" + body


@lru_cache  # a batch has one sender
def split_sender(sender: str) -> tuple[str, str]:
    """Split ``Name <address>`` or a bare address into (name, address as mail carries it).

    Raises:
        RejectedError: It is neither.
    """
    found = _SENDER.fullmatch(sender.strip())
    if not found:
        return "", ascii_address(sender)
    return found["name"].strip().removeprefix('"').removesuffix('"'), ascii_address(found["address"])


def ascii_address(address: str) -> str:
    """Return *address* as SMTP carries it: an international domain in its ASCII form.

    Raises:
        RejectedError: It is no bare address, or its local part is not ASCII.
    """
    address = address.strip()
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        domain = _ascii_domain(domain)
    ascii_form = f"{local}@{domain}"
    if not _ADDRESS.fullmatch(ascii_form) or len(ascii_form) > _ADDRESS_LIMIT:
        raise RejectedError(f"{address[:80]!r} is not an address that mail can carry")
    return ascii_form


def message_id(record_id: str, domain: str) -> str:
    """Return the Message-ID of an outbox record, without angle brackets; always the same one.

    Raises:
        ConfigError: *domain* is not a domain.
    """
    try:
        return _checked_message_id(f"{record_id}@{domain if domain.isascii() else _ascii_domain(domain)}")
    except RejectedError as error:
        raise ConfigError(
            f"no Message-ID can be made of {record_id!r} and the domain {domain!r}", setting="sender"
        ) from error


def unsubscribe_headers(url_template: str, address_key: str, secret: bytes) -> dict[str, str]:
    """Return the one-click headers of RFC 8058 for one recipient.

    Args:
        url_template: An HTTPS address with ``{token}`` and, where the page needs
            to know whom it is about, ``{address}``. The page must act on POST only.
        address_key: The normalised address.
        secret: The key of the workspace, at least 16 bytes.

    Raises:
        ConfigError: The address is not HTTPS or lacks ``{token}``, or the secret is too short.
    """
    try:
        parts = urlsplit(url_template)
        is_https = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_https = False
    url = url_template.replace("{token}", _token(address_key, secret))
    url = url.replace("{address}", quote(address_key, safe=""))
    if not is_https or "{token}" not in url_template or not _URL.fullmatch(url):
        raise ConfigError(
            f"the unsubscribe address {url_template!r} cannot be used",
            setting="unsubscribe_url",
            hint="give an https:// address with {token} in it, such as https://example.com/leave?t={token}",
        )
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def verify_unsubscribe(token: str, address_key: str, secret: bytes) -> bool:
    """Say whether *token* was made for this address, in a time that tells nothing about it."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), _token(address_key, secret).encode())


_SENDER: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
_ADDRESS_LIMIT: Final = 254  # RFC 5321
_MESSAGE_ID: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,128}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_OWN_HEADERS: Final = frozenset(
    ("bcc", "cc", "date", "from", "message-id", "mime-version", "return-path", "sender", "subject", "to")
)
_URL: Final = re.compile(r"https://[!-;=?-z|~]{1,900}")  # printable ASCII without blanks, <>, and braces
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTABLE: Final = re.compile(r"[ -~]{0,60}")
_FOLD: Final = "\r\n "
_LINE: Final = 76
_LONG_LINE: Final = 900  # RFC 5322 allows 998
_CHUNK: Final = 39  # bytes in one encoded word, so that "List-Whatever: " still fits beside it
_SECRET_BYTES: Final = 16


def _token(address_key: str, secret: bytes) -> str:
    if len(secret) < _SECRET_BYTES:
        raise ConfigError(f"the unsubscribe secret has fewer than {_SECRET_BYTES} bytes", setting="unsubscribe_secret")
    digest = hmac.digest(secret, b"unsubscribe\0" + address_key.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def _ascii_domain(domain: str) -> str:
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise RejectedError(f"{domain[:80]!r} is not a domain that mail can carry") from error


def _checked_message_id(text: str) -> str:
    if not _MESSAGE_ID.fullmatch(text):
        raise RejectedError(f"{text[:80]!r} is not a Message-ID")
    return text


def _further(mail: OutgoingMail) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, value in mail.headers.items():
        lowered = name.lower()
        if not _HEADER_NAME.fullmatch(name) or lowered in seen | _OWN_HEADERS or lowered.startswith("content-"):
            raise RejectedError(f"the header {name[:80]!r} cannot be set")
        seen.add(lowered)
        yield name, _unstructured(value, longest=_LONG_LINE)


def _mailbox(name: str, address: str) -> str:
    name = name.strip(" ")
    if not name:
        return address
    if _QUOTABLE.fullmatch(name) and "=?" not in name:
        escaped = name.replace("\\", r"\\").replace('"', r"\"")
        short = len(escaped) + len(address) < _LINE - len('From: "" <>')
        return f'"{escaped}"{" " if short else _FOLD}<{address}>'
    return f"{_encoded(name)}{_FOLD}<{address}>"


def _unstructured(value: str, longest: int = _LINE - len("Subject: ")) -> str:
    """Write plain what any reader takes as it is, and all else as encoded words."""
    plain = value.isascii() and value == value.strip() and "=?" not in value and len(value) <= longest
    if plain and value and not _FORBIDDEN.search(value):
        return value
    return _encoded(value)


def _encoded(value: str) -> str:
    """Write encoded words (RFC 2047), each of whole characters, one a line."""
    if found := _FORBIDDEN.search(value):
        raise RejectedError(f"a header holds the character U+{ord(found[0]):04X}: {value[:80]!a}")
    words, chunk = [], b""
    for character in value:
        octets = character.encode()
        if len(chunk) + len(octets) > _CHUNK:
            words.append(chunk)
            chunk = b""
        chunk += octets
    if chunk:
        words.append(chunk)
    return _FOLD.join(f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)


def _body(mail: OutgoingMail) -> tuple[list[tuple[str, str]], bytes]:
    """Return the Content headers and what follows them."""
    text = _quoted_printable(mail.text)
    encoding = ("Content-Transfer-Encoding", "quoted-printable")
    if not mail.html:
        return [("Content-Type", "text/plain; charset=utf-8"), encoding], text
    # "=_" never occurs in quoted-printable, so no body can hold this line.
    boundary = f"=_{hashlib.sha256(mail.message_id.encode()).hexdigest()[:24]}"
    parts = b"".join(
        f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n{encoding[0]}: {encoding[1]}\r\n\r\n".encode()
        + part
        + b"\r\n"
        for kind, part in (("plain", text), ("html", _quoted_printable(mail.html)))
    )
    return [("Content-Type", f'multipart/alternative; boundary="{boundary}"')], parts + f"--{boundary}--\r\n".encode()


def _quoted_printable(text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if not lines.endswith("\n"):
        lines += "\n"
    return binascii.b2a_qp(lines.encode(), istext=True).replace(b"\n", b"\r\n")


def _refuse_unless_read_back(head: bytes, headers: list[tuple[str, str]], mail: OutgoingMail) -> None:
    """Parse what is about to leave, and compare: the last lock against header injection."""
    from email.header import decode_header, make_header
    from email.parser import BytesHeaderParser
    from email.utils import parseaddr

    def decoded(raw: str) -> str:
        return str(make_header(decode_header(_unfolded(raw)))) if "=?" in raw else _unfolded(raw)

    read = BytesHeaderParser().parsebytes(head)
    found = read.items()
    if [name for name, _ in found] != [name for name, _ in headers] or read.get_payload():
        raise RejectedError("the headers, read back, are not the intended ones")
    for (name, raw), (_, written) in zip(found, headers, strict=True):
        if name in ("From", "To"):
            phrase, address = parseaddr(_unfolded(raw))
            intended = split_sender(mail.sender) if name == "From" else (mail.to_name, ascii_address(mail.to))
            same = (decoded(phrase), address) == (intended[0].strip(" "), intended[1])
        elif name == "Subject" or "=?" in written:
            same = decoded(raw) == (mail.subject if name == "Subject" else mail.headers[name])
        else:
            same = _unfolded(raw) == written
        if not same:
            raise RejectedError(f"the header {name}, read back, is not the intended one")


def _unfolded(raw: str) -> str:
    return raw.replace(_FOLD, " ")
