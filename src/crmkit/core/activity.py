"""Activities: what was said and what is to be done, linked to any number of records."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, stored
from crmkit.core.records import Record

__all__ = ["ACTIVITY", "LINK", "Activity", "ActivityKind", "Direction", "Link"]


class ActivityKind(enum.Enum):
    """What kind of activity."""

    NOTE = "note"
    TASK = "task"
    CALL = "call"
    MEETING = "meeting"
    EMAIL = "email"


class Direction(enum.Enum):
    """Who began it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Activity(Record):
    """A note, task, call, meeting or mail.

    Attributes:
        subject: One line.
        body: The rest, or None.
        happened_at: When it took place, in UTC; None for a task.
        due_at: Until when a task must be done, in UTC, or None.
        done_at: When a task was done, in UTC, or None while it is open.
        direction: Who began a call or mail, or None.
    """

    kind: ActivityKind
    subject: str
    body: str | None = None
    happened_at: datetime | None = None
    due_at: datetime | None = None
    done_at: datetime | None = None
    direction: Direction | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return f"{self.kind.value} “{self.subject}”"

    @property
    def is_open_task(self) -> bool:
        """Whether somebody still has to do it."""
        return self.kind is ActivityKind.TASK and self.done_at is None


ACTIVITY = record_type(
    Activity,
    name="activity",
    plural="activities",
    together=(("kind", "done_at", "due_at"),),  # what is to be done next
    search=("subject", "body"),
)


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Link(Record):
    """A bond between two records of any types.

    Attributes:
        kind: ``about``: an activity is about the record; ``contact``: a contact takes
            part in a deal; ``origin``: a contact or account came from the lead.
        from_id: The activity, deal, contact or account.
        to_id: The record it is bound to.
        role: What the contact is in the deal (``decision_maker`` …), or None.
    """

    kind: str
    from_id: str = attrs.field(metadata=stored(references=ANY))
    to_id: str = attrs.field(metadata=stored(references=ANY))
    role: str | None = None


LINK = record_type(Link, name="link", unique=(("kind", "from_id", "to_id"),))
