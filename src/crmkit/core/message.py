"""The outbox: templates, queued messages and what became of them."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, stored
from crmkit.core.records import Record, Stored

__all__ = ["DELIVERY", "MESSAGE", "TEMPLATE", "Delivery", "Message", "MessageStatus", "Template"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Template(Record):
    """A mail to be filled in, in one language.

    Attributes:
        key: What it is for: ``thank_you``; the same in all languages.
        language: ISO 639-1.
        subject: A Liquid template of one line.
        text: The Liquid template of the plain text.
        html: The Liquid template of the HTML, or None.
    """

    key: str = attrs.field(metadata=stored(indexed=True))
    language: str
    subject: str
    text: str
    html: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return f"{self.key} ({self.language})"


class MessageStatus(enum.Enum):
    """Where a message is."""

    QUEUED = "queued"
    SENT = "sent"
    DEAD = "dead"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Message(Stored):
    """A message in the outbox, rendered and addressed.

    Attributes:
        status: Where it is.
        dedupe_key: What it is sent once for: campaign, template and address.
        person_id: The lead or contact it goes to.
        campaign_id: The campaign it belongs to, or None.
        template_key: The template it was made from.
        purpose: What it is for; whoever withdraws the consent for that is not written to.
        address: To whom.
        address_key: The key of the address, see `Email.key`.
        message_id: The Message-ID, the same on each try.
        attempts: How often it was tried.
        next_attempt_at: Not before this moment, in UTC; None unless it is queued.
        lease_until: Until when a worker holds it, in UTC, or None.
        sent_at: When it was accepted, in UTC, or None.
        last_error: Why the last try failed, or None.
    """

    status: MessageStatus = MessageStatus.QUEUED
    dedupe_key: str | None = None
    person_id: str | None = attrs.field(default=None, metadata=stored(references=ANY))
    campaign_id: str | None = attrs.field(default=None, metadata=stored(references="campaign"))
    template_key: str
    purpose: str = "marketing"
    address: str
    address_key: str = attrs.field(metadata=stored(indexed=True))
    to_name: str | None = None
    subject: str
    text: str
    html: str | None = None
    message_id: str
    attempts: int = 0
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    sent_at: datetime | None = None
    last_error: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return f"mail “{self.subject}” to {self.address}"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Delivery(Stored):
    """One try to deliver a message.

    Attributes:
        mail_id: The message.
        attempt: Which try, from 1.
        attempted_at: When, in UTC.
        notifier: By what.
        sent: Whether it was accepted.
        detail: Where it went, or why it did not.
    """

    mail_id: str = attrs.field(metadata=stored(references="message"))
    attempt: int
    attempted_at: datetime
    notifier: str
    sent: bool
    detail: str | None = None


TEMPLATE = record_type(Template, name="template", unique=(("key", "language"),), made_by="saving it with its check")
MESSAGE = record_type(
    Message,
    name="message",
    prefix="mail",
    unique=(("dedupe_key",),),
    together=(("status", "next_attempt_at"),),  # what is due
    search=("subject", "address"),
    undo="cancel",
    made_by="sending a template",
)
DELIVERY = record_type(Delivery, name="delivery", plural="deliveries", undo="keep", made_by="delivering the outbox")
