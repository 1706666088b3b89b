"""What carries messages out of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

__all__ = ["Notifier", "OutgoingMail", "Receipt"]


@attrs.frozen(kw_only=True)
class OutgoingMail:
    """A message on its way out.

    Attributes:
        record_id: The id of the message in the outbox.
        message_id: The Message-ID without angle brackets; the same on each try.
        sender: ``Name <address>`` or a bare address.
        to: The bare address of the one recipient.
        to_name: The recipient's name, or empty.
        subject: One line.
        text: The plain text body.
        html: The HTML body, or empty when there is none.
        headers: Further headers, name to value.
    """

    record_id: str
    message_id: str
    sender: str
    to: str
    to_name: str = ""
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Receipt:
    """What became of one message.

    Attributes:
        record_id: The id of the message in the outbox.
        sent: Whether the recipient's side accepted it.
        detail: Where it went, or why it did not.
        permanent: A failure that no further try will mend; the message becomes
            a dead letter at once.
    """

    record_id: str
    sent: bool
    detail: str = ""
    permanent: bool = False


class Notifier(Protocol):
    """Delivers messages by one way: SMTP, a folder, a webhook …

    Attributes:
        name: Unique, lower case.
        summary: One line for a list.
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        """Try to deliver each message once.

        Called outside any transaction, with messages leased to this worker. A
        message without a receipt counts as failed for now and is tried again.

        Args:
            mails: The messages, in the order they were queued.
            options: What the user gave: ``folder``, ``host``, ``port``, ``url`` …

        Raises:
            DeliveryError: Nothing can be delivered now (the server is down);
                all messages stay queued and their tries are counted.
        """
        ...
