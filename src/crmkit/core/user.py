"""A user: who owns records and who acts."""

from __future__ import annotations

import attrs

from crmkit.core.declare import record_type
from crmkit.core.records import Stored
from crmkit.core.values.email import Email

__all__ = ["USER", "User"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class User(Stored):
    """Somebody who works with the CRM.

    Attributes:
        name: Unique among the living.
        email: Where this user is reached, or None.
        team: The team, or None.
        active: Whether new records may be assigned.
        capacity: How many open leads this user should have at most, or None.
    """

    name: str
    email: Email | None = attrs.field(default=None, converter=attrs.converters.optional(Email))
    team: str | None = None
    active: bool = True
    capacity: int | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.name


USER = record_type(User, name="user", unique=(("name",),))
