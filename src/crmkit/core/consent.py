"""What an e-mail address agreed to, and which addresses must not be written to.

Both belong to the address, not to a lead or contact, so they survive conversion, merge
and erasure. Both are append-only: the last word counts, and the others stay on record.
"""

from __future__ import annotations

import enum

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.records import Stored

__all__ = ["CONSENT", "SUPPRESSION", "Consent", "ConsentStatus", "Suppression"]


class ConsentStatus(enum.Enum):
    """What was said."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Consent(Stored):
    """What an address agreed to, at one moment.

    Attributes:
        address_key: The key of the address, see `Email.key`.
        purpose: What for: ``marketing`` …
        status: Granted or withdrawn.
        basis: The lawful basis: ``consent``, ``legitimate_interest`` …, or None.
        origin: Where it was said: a file, a form, a click.
    """

    address_key: str = attrs.field(metadata=stored(indexed=True))
    purpose: str
    status: ConsentStatus
    basis: str | None = None
    origin: str | None = None


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Suppression(Stored):
    """An address that must not be written to, or again may be.

    Attributes:
        address_key: The key of the address, see `Email.key`.
        active: Whether it is suppressed from now on.
        reason: ``unsubscribed``, ``bounced``, ``complained``, ``manual`` …
    """

    address_key: str = attrs.field(metadata=stored(indexed=True))
    active: bool = True
    reason: str


CONSENT = record_type(Consent, name="consent", undo="keep", made_by="recording a consent")
SUPPRESSION = record_type(Suppression, name="suppression", undo="keep", made_by="suppressing an address")
