"""Messages as a preview on the screen."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import attrs

from crmkit.core.ports.notifiers import OutgoingMail, Receipt

__all__ = ["ConsoleNotifier"]

_PREVIEW_LINES = 4
_WIDTH = 100


@attrs.frozen
class ConsoleNotifier:
    """Prints recipient, subject and the first lines of each message to standard output."""

    name: str = attrs.field(default="console", init=False)
    summary: str = attrs.field(default="prints a preview, sends nothing", init=False)

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        for mail in mails:
            _print(_preview(mail))
        return [Receipt(record_id=mail.record_id, sent=True, detail="printed") for mail in mails]


def _preview(mail: OutgoingMail) -> str:
    body = [line for line in mail.text.splitlines() if line.strip()]
    lines = [
        f"To: {mail.to_name} <{mail.to}>" if mail.to_name else f"To: {mail.to}",
        f"Subject: {mail.subject}",
        *(f"  {line}" for line in body[:_PREVIEW_LINES]),
        *(["  …"] if len(body) > _PREVIEW_LINES else []),
    ]
    return "\n".join(_shown(line) for line in lines) + "\n\n"


def _shown(line: str) -> str:
    safe = "".join(map(_harmless, line))
    return safe if len(safe) <= _WIDTH else safe[: _WIDTH - 1] + "…"


def _harmless(character: str) -> str:
    """Replace what could steer the terminal, for a name may come from a stranger's file."""
    if character.isprintable():
        return character
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
