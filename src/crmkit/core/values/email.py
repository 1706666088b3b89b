"""E-mail addresses, one spelling each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Self

__all__ = ["Email", "parse_emails"]

_LONGEST: Final = 320
"""Longer than any address (RFC 5321: 64 + 1 + 255); nothing longer reaches a pattern."""


class Email(str):
    """A valid e-mail address in its normalised spelling.

    Blanks around it go, the domain is lower case and in Unicode, the local
    part keeps its case (but for ``info``, ``sales`` and the other names that
    RFC 2142 makes caseless) and is NFC. What is valid is decided by
    email-validator, without asking the network.

    ``example.org`` and its sisters are valid, and so is anything below
    ``.test``: those names are reserved for examples and tests, which is what
    people use them for. ``.local``, ``.localhost``, ``.invalid``, ``.onion``
    and ``.arpa`` are refused, for no mail can be sent there. So are display
    names, quoted local parts and bracketed IP addresses.

    Raises:
        ValueError: It is no address; the message says why in one clause.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        return str.__new__(cls, _normalised(text))

    @classmethod
    def trusted(cls, text: str) -> Self:
        """Take a text that was an `Email` before, such as one from our own storage, unchecked."""
        return str.__new__(cls, text)

    @property
    def key(self) -> str:
        """What all spellings of this address share; look addresses up by it.

        The whole address is casefolded. RFC 5321 lets a host tell ``Jules@``
        from ``jules@``, but none that matters does, while people write either:
        telling them apart would make two leads of one person. Dots and
        ``+tags`` stay, since most hosts do tell those apart.
        """
        return self.casefold()

    @property
    def domain(self) -> str:
        """What follows the at sign, lower case, in Unicode."""
        return self.rpartition("@")[2]


def parse_emails(texts: Sequence[str | None]) -> tuple[list[str | None], list[str | None]]:
    """Normalise a column of addresses.

    Returns:
        The addresses, and the reasons why a text is none. Both are as long as
        *texts*; where a text is None or blank, both are None.
    """
    values: dict[str | None, str | None] = dict.fromkeys(texts)
    reasons: dict[str | None, str] = {}
    for text in values:
        if text and len(text) <= _LONGEST_PLAIN_DOMAIN and text.islower() and _plain(text):
            values[text] = text  # what nearly all are: normalised already
        elif text:
            values[text], reason = _read(text)
            if reason is not None:
                reasons[text] = reason
    return [values[text] for text in texts], [*map(reasons.get, texts)] if reasons else [None] * len(texts)


def _read(text: str) -> tuple[str | None, str | None]:
    if not text or text.isspace():
        return None, None
    try:
        return _normalised(text), None
    except ValueError as error:
        return None, str(error)


# The plain shape: ASCII, no hyphens in a row (so no Punycode), a top-level domain of letters that
# is not reserved. It answers at a thirtieth of the cost, and says yes only where email-validator
# does; whatever it does not match is put to email-validator, which also words the refusals.
_plain: Final = re.compile(
    r"([\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*)"
    r"@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z]{2,})",
    re.ASCII | re.IGNORECASE,
).fullmatch
_LONGEST_PLAIN: Final = 254
_LONGEST_PLAIN_DOMAIN: Final = 63  # of a label, really; so short a domain has no longer one

_CASELESS: Final = (
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp"
)
_CASELESS_NAMES: Final = frozenset(_CASELESS.split())


def _normalised(text: str) -> str:
    text = text.strip()
    if len(text) <= _LONGEST_PLAIN and (plain := _plain(text)):
        local, domain = plain.groups()
        if len(domain) <= _LONGEST_PLAIN_DOMAIN:
            if (lowered := local.lower()) in _CASELESS_NAMES:
                local = lowered
            return f"{local}@{domain.lower()}"
    return _validated(text)


def _validated(text: str) -> str:
    if len(text) > _LONGEST:
        raise ValueError(f"an e-mail address has at most {_LONGEST} characters")
    from email_validator import validate_email

    try:
        # "Test environment" is what lets .test pass; no network is asked either way.
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except ValueError as error:
        raise ValueError(_clause(str(error))) from error


def _clause(sentences: str) -> str:
    """Join the sentences of email-validator into one clause: lower case first, no full stop."""
    parts = re.split(r"\.\s+", sentences.rstrip(". "))
    return ": ".join(part[:1].lower() + part[1:] for part in parts)
