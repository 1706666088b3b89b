"""A campaign: where leads come from, and who was part of it."""

from __future__ import annotations

import enum
from datetime import date

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, stored
from crmkit.core.records import Record
from crmkit.core.values.money import Money

__all__ = ["CAMPAIGN", "CAMPAIGN_MEMBER", "Campaign", "CampaignMember", "MemberStatus"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Campaign(Record):
    """An effort that brings leads: a trade show, a mailing, a webinar.

    Attributes:
        name: Unique among the living.
        kind: ``trade_show``, ``webinar``, ``mailing`` …
        starts_on: Its first day, or None.
        ends_on: Its last day, or None.
        budget: What it may cost, or None.
    """

    name: str
    kind: str = "trade_show"
    starts_on: date | None = None
    ends_on: date | None = None
    budget: Money | None = None
    description: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.name


class MemberStatus(enum.Enum):
    """What a member did so far."""

    MET = "met"
    SENT = "sent"
    RESPONDED = "responded"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class CampaignMember(Record):
    """A person's part in a campaign.

    Attributes:
        campaign_id: The campaign.
        person_id: The lead or contact.
        status: What this member did so far.
        answer: What the person answered, or None.
    """

    campaign_id: str = attrs.field(metadata=stored(references="campaign"))
    person_id: str = attrs.field(metadata=stored(references=ANY))
    status: MemberStatus = MemberStatus.MET
    answer: str | None = None


CAMPAIGN = record_type(Campaign, name="campaign", unique=(("name",),), search=("name",))

CAMPAIGN_MEMBER = record_type(
    CampaignMember, name="campaign_member", prefix="member", unique=(("campaign_id", "person_id"),)
)
