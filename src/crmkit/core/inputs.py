"""What may be given for the attributes of crmkit's own records, so that editors and type checkers know it.

`crmkit.core.checks.parse_values` reads what is given: a text is read as a form would read
it, None empties a field, and a record stands for its id. Each class here has exactly the
editable attributes of its record, which a test sees to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict

from crmkit.core.account import Account
from crmkit.core.activity import ActivityKind, Direction
from crmkit.core.campaign import Campaign
from crmkit.core.lead import LeadStatus
from crmkit.core.user import User
from crmkit.core.values.money import Money

__all__ = [
    "AccountValues",
    "ActivityValues",
    "CampaignValues",
    "ContactValues",
    "DealValues",
    "LeadValues",
    "RecordValues",
    "UserValues",
]

Text = str | None
Number = int | str | None
Day = date | str | None
Moment = datetime | str | None
Amount = Money | str | None


class RecordValues(TypedDict, total=False):
    """What every business record has."""

    owner_id: User | Text
    tags: Iterable[str]


class _PersonValues(RecordValues, total=False):
    salutation: Text
    first_name: Text
    last_name: Text
    title: Text
    email: Text
    phone: Text
    mobile: Text
    website: Text
    street: Text
    postal_code: Text
    city: Text
    region: Text
    country: Text
    language: Text
    source_id: Text
    notes: Text
    extra: Mapping[str, Any]


class LeadValues(_PersonValues, total=False):
    """What may be given for a `Lead`."""

    company: Text
    status: LeadStatus | str
    score: Number
    source: Text
    campaign_id: Campaign | Text
    disqualified_reason: Text


class ContactValues(_PersonValues, total=False):
    """What may be given for a `Contact`."""

    account_id: Account | Text


class AccountValues(RecordValues, total=False):
    """What may be given for an `Account`."""

    name: str
    domain: Text
    website: Text
    phone: Text
    street: Text
    postal_code: Text
    city: Text
    region: Text
    country: Text
    industry: Text
    size: Number
    parent_id: Account | Text
    extra: Mapping[str, Any]


class DealValues(RecordValues, total=False):
    """What may be given for a `Deal`; moving it changes its stage, and `CRM.set_probability` how likely it is."""

    name: str
    account_id: Account | Text
    amount: Amount
    expected_close_on: Day
    description: Text


class CampaignValues(RecordValues, total=False):
    """What may be given for a `Campaign`."""

    name: str
    kind: str
    starts_on: Day
    ends_on: Day
    budget: Amount
    description: Text


class ActivityValues(RecordValues, total=False):
    """What may be given for an `Activity`."""

    kind: ActivityKind | str
    subject: str
    body: Text
    happened_at: Moment
    due_at: Moment
    done_at: Moment
    direction: Direction | Text


class UserValues(TypedDict, total=False):
    """What may be given for a `User`."""

    name: str
    email: Text
    team: Text
    active: bool | str
    capacity: Number
