"""A lead: a person who may be interested, and the life it leads until it is converted."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.lifecycle import Lifecycle
from crmkit.core.people import PERSON_INDEXES, PERSON_KEYS, Person
from crmkit.errors import RejectedError

__all__ = ["LEAD", "LEAD_LIFE", "Lead", "LeadStatus"]


class LeadStatus(enum.Enum):
    """How far a lead has come."""

    NEW = "new"
    CONTACTED = "contacted"
    NURTURING = "nurturing"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    DISQUALIFIED = "disqualified"


LEAD_LIFE = Lifecycle(
    {
        "new": ("contacted", "nurturing", "qualified", "disqualified"),
        "contacted": ("nurturing", "qualified", "disqualified"),
        "nurturing": ("contacted", "qualified", "disqualified"),
        "qualified": ("nurturing", "disqualified"),
        "disqualified": ("new",),
        "converted": (),  # only a conversion leads here, only its undo leads back
    }
)
"""The whole life of a lead as one table: from each status to those that may follow by an edit."""


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Lead(Person):
    """A person who may be interested.

    Attributes:
        company: The company as the source wrote it, or None.
        status: How far this lead has come.
        score: How promising, 0 to 100, or None when nobody has said.
        source: Where it comes from: ``trade_show``, ``website`` …, or None.
        campaign_id: The campaign that brought it, or None.
        disqualified_reason: Why it was given up; set if and only if it is disqualified.
        conversion_id: The conversion that made it a contact, or None.
    """

    company: str | None = None
    status: LeadStatus = LeadStatus.NEW
    score: int | None = attrs.field(default=None)
    source: str | None = None
    campaign_id: str | None = attrs.field(default=None, metadata=stored(references="campaign"))
    disqualified_reason: str | None = None
    # No reference: the conversion refers to the lead, and references must not run in circles.
    conversion_id: str | None = attrs.field(default=None, metadata=stored(editable=False))

    @score.validator
    def _check_score(self, _attribute: object, score: int | None) -> None:
        if score is not None and not 0 <= score <= 100:  # noqa: PLR2004  # a percentage
            reason = f"score must be 0 to 100, not {score}"
            raise RejectedError(reason)

    @property
    def is_open(self) -> bool:
        """Whether somebody should still follow up."""
        return self.status not in (LeadStatus.CONVERTED, LeadStatus.DISQUALIFIED)


def check_lead(new: Mapping[str, object], old: Lead | None) -> list[str]:
    """Return what is wrong with a lead, or with a change of it.

    Args:
        new: Attribute values as they would be afterwards.
        old: The lead before, or None for a new one.
    """
    problems: list[str] = []
    status = new.get("status") or LeadStatus.NEW
    assert isinstance(status, LeadStatus)  # noqa: S101  # checked by its codec
    if old is not None and old.status is LeadStatus.CONVERTED:
        return [f"{old.label} is converted and can no longer be changed; change the contact instead"]
    if old is None and status is LeadStatus.CONVERTED:
        problems.append("a lead becomes converted only by a conversion")
    if old is not None and status is not old.status:
        problems += LEAD_LIFE.problems(old.status.value, status.value, noun="lead")
    reason = new.get("disqualified_reason")
    if status is LeadStatus.DISQUALIFIED and not reason:
        problems.append("a disqualified lead needs a disqualified_reason")
    if status is not LeadStatus.DISQUALIFIED and reason:
        problems.append("only a disqualified lead has a disqualified_reason")
    extra = new.get("extra")
    by_hand = extra if isinstance(extra, Mapping) else {}  # a number that is not valid, as somebody wrote it
    reach = any(by_hand.get(name) for name in ("phone", "mobile"))
    if not reach and not any(new.get(n) for n in ("first_name", "last_name", "company", "email", "phone", "mobile")):
        problems.append("a lead needs at least a name, a company, an e-mail address or a phone number")
    return problems


LEAD = record_type(
    Lead,
    name="lead",
    derived=PERSON_KEYS,
    indexed=PERSON_INDEXES,
    together=(("status",),),  # the new ones, the newest first
    search=("first_name", "last_name", "company", "email", "title", "city"),
    unlisted={"status": (LeadStatus.CONVERTED.value,)},  # they live on as contacts
)
