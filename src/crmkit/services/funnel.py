"""The funnel of a campaign: how far each of its leads has come, and what that was worth.

The cohort are the leads of the campaign, converted ones too. Each lead counts once, at
the furthest step it has taken, so that the steps always add up to the cohort.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

import attrs

from crmkit.core.activity import ActivityKind
from crmkit.core.campaign import Campaign
from crmkit.core.conversion import Conversion
from crmkit.core.deal import Deal
from crmkit.core.fields import Scalar
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.message import MessageStatus
from crmkit.core.pipeline import Stage, StageKind
from crmkit.core.ports.plugins import Context
from crmkit.core.query import Aggregate, All, Compare, Op
from crmkit.core.values.money import Money, sum_by_currency
from crmkit.errors import NotFoundError

__all__ = ["DealSum", "Funnel", "FunnelStep", "funnel"]


class FunnelStep(enum.Enum):
    """How far a lead has come; in order.

    Attributes:
        CAPTURED: It is in the campaign.
        THANKED: A mail of the campaign has left.
        CONTACTED: Somebody spoke or wrote to it, or its status says so.
        QUALIFIED: Its status says so.
        CONVERTED: It is a contact.
        WITH_DEAL: A deal with this contact was opened since the lead was captured.
        WON: Such a deal is won.
    """

    CAPTURED = "captured"
    THANKED = "thanked"
    CONTACTED = "contacted"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    WITH_DEAL = "with_deal"
    WON = "won"


STEPS = tuple(FunnelStep)


@attrs.frozen(kw_only=True)
class DealSum:
    """Some deals together.

    Attributes:
        count: How many.
        amounts: What they are worth, by currency.
    """

    count: int = 0
    amounts: Mapping[str, Money] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Funnel:
    """How far the leads of a campaign have come.

    Attributes:
        campaign: The campaign.
        at: The moment it was looked at, in UTC.
        exclusive: How many leads stopped at each step; adds up to the cohort.
        contacts_apart: Contacts that were put into the campaign directly; not counted otherwise.
        disqualified: Leads that were given up, wherever they stopped.
        lost: Leads all of whose deals are lost.
        mails_sent: Leads that a mail of the campaign has left for.
        mails_queued: Leads that one is waiting for, and none has left for.
        deals: What became of the deals of the cohort, each counted once.
        time_to_conversion: The median time from capture to conversion, or None when there is none.
        time_to_won: The median time from capture to the first deal won, or None.
    """

    campaign: Campaign
    at: datetime
    exclusive: Mapping[FunnelStep, int]
    contacts_apart: int
    disqualified: int
    lost: int
    mails_sent: int
    mails_queued: int
    deals: Mapping[StageKind, DealSum]
    time_to_conversion: timedelta | None
    time_to_won: timedelta | None

    @property
    def cohort(self) -> int:
        """How many leads the campaign brought."""
        return self.reached[FunnelStep.CAPTURED]

    @property
    def reached(self) -> dict[FunnelStep, int]:
        """How many leads came to each step or further."""
        return {step: sum(self.exclusive[later] for later in STEPS[i:]) for i, step in enumerate(STEPS)}

    def share(self, step: FunnelStep) -> float:
        """Return the part of the cohort that came to a step or further, 0 to 1."""
        return self.reached[step] / self.cohort if self.cohort else 0.0

    def check(self, leads: int) -> None:
        """Make sure that it adds up to a number of leads.

        Raises:
            AssertionError: It does not, so crmkit counted wrongly.
        """
        counts = [self.exclusive[step] for step in STEPS]
        reached = list(self.reached.values())
        if sum(counts) != leads or min(counts) < 0 or reached != sorted(reached, reverse=True):
            raise AssertionError(f"the steps {counts} do not add up to {leads} leads")
        parts = (self.disqualified, self.mails_sent + self.mails_queued, self.lost + self.exclusive[FunnelStep.WON])
        if max(parts) > leads or self.lost > self.exclusive[FunnelStep.WITH_DEAL]:
            raise AssertionError(f"of {leads} leads, parts {parts} are too many")
        closed_and_open = sum(each.count for each in self.deals.values())
        if (self.reached[FunnelStep.WITH_DEAL] > 0) != (closed_and_open > 0):
            raise AssertionError(f"{closed_and_open} deals do not go with {self.reached[FunnelStep.WITH_DEAL]} leads")


def funnel(context: Context, campaign_id: str) -> Funnel:
    """Return the funnel of a campaign, from one consistent view.

    An undone conversion, a deleted lead and a deleted deal do not count.

    Raises:
        NotFoundError: There is no such campaign.
    """
    campaign = context.get(campaign_id) if campaign_id.startswith("campaign_") else None
    if campaign is None:
        raise NotFoundError("campaign", campaign_id)
    look = _Look(context)
    members = look.members(campaign_id)
    leads = look.living_leads([id_ for id_ in members if id_.startswith("lead_")])
    conversions = look.conversions(leads)
    contacts = {conversion.contact_id for conversion in conversions.values()}
    # A mail may have gone to the contact that a lead became.
    sent, queued = (
        people | {id_ for id_, conversion in conversions.items() if conversion.contact_id in people}
        for people in look.mailed(campaign_id)
    )
    spoken_to = look.spoken_to([id_ for id_ in leads if id_ not in conversions])
    deals = look.deals(leads, conversions)
    kinds = look.kinds({deal.id: deal for each in deals.values() for deal in each}.values())

    def furthest(lead: Lead) -> FunnelStep:
        of_lead = [kinds[deal.id] for deal in deals.get(lead.id, ())]
        if StageKind.WON in of_lead:
            return FunnelStep.WON
        if of_lead:
            return FunnelStep.WITH_DEAL
        if lead.id in conversions:
            return FunnelStep.CONVERTED
        if lead.status is LeadStatus.QUALIFIED:
            return FunnelStep.QUALIFIED
        if lead.id in spoken_to or lead.status in (LeadStatus.CONTACTED, LeadStatus.NURTURING):
            return FunnelStep.CONTACTED
        return FunnelStep.THANKED if lead.id in sent else FunnelStep.CAPTURED

    steps = Counter(map(furthest, leads.values()))
    wins = {
        id_: min(won)
        for id_, each in deals.items()
        if (won := [d.closed_at for d in each if kinds[d.id] is StageKind.WON and d.closed_at])
    }
    result = Funnel(
        campaign=campaign,
        at=context.at,
        exclusive={step: steps[step] for step in STEPS},
        contacts_apart=look.count_living("contact", {m for m in members if m.startswith("contact_")} - contacts),
        disqualified=sum(lead.status is LeadStatus.DISQUALIFIED for lead in leads.values()),
        lost=sum(all(kinds[d.id] is StageKind.LOST for d in each) for each in deals.values()),
        mails_sent=len(leads.keys() & sent),
        mails_queued=len(leads.keys() & (queued - sent)),
        deals=_sums([deal for each in deals.values() for deal in each], kinds),
        time_to_conversion=_median(c.created_at - leads[id_].created_at for id_, c in conversions.items()),
        time_to_won=_median(moment - leads[id_].created_at for id_, moment in wins.items()),
    )
    result.check(len(leads))
    return result


def _sums(deals: Sequence[Deal], kinds: Mapping[str, StageKind]) -> dict[StageKind, DealSum]:
    once = {deal.id: deal for deal in deals}
    sums: dict[StageKind, DealSum] = {}
    for kind in StageKind:
        mine = [deal for deal in once.values() if kinds[deal.id] is kind]
        amounts = sum_by_currency(deal.amount for deal in mine if deal.amount is not None)
        sums[kind] = DealSum(count=len(mine), amounts=dict(sorted(amounts.items())))
    return sums


def _median(times: Iterable[timedelta]) -> timedelta | None:
    seconds = [time.total_seconds() for time in times]
    return timedelta(seconds=median(seconds)) if seconds else None


class _Look:
    """What the funnel looks up, each for all leads at once."""

    def __init__(self, context: Context) -> None:
        self._view = context.view
        self._schema = context.schema

    def members(self, campaign_id: str) -> list[str]:
        question = Aggregate(
            type="campaign_member",
            where=Compare("campaign_id", Op.EQ, campaign_id),
            group_by=("person_id",),
        )
        return [str(person) for person, _ in self._view.aggregate(question)]

    def living_leads(self, ids: Sequence[str]) -> dict[str, Lead]:
        leads: list[Lead] = self._schema["lead"].load_many(self._view.get_many("lead", ids))
        return {lead.id: lead for lead in leads if lead.deleted_at is None}

    def count_living(self, kind: str, ids: Iterable[str]) -> int:
        place = self._schema[kind].position["deleted_at"]
        return sum(row[place] is None for row in self._view.get_many(kind, sorted(ids)))

    def conversions(self, leads: Mapping[str, Lead]) -> dict[str, Conversion]:
        """Return by lead; the look-up finds living ones only, so undone ones are passed over."""
        ids = [id_ for _, id_ in self._view.lookup("conversion", "lead_id", list(leads))]
        found: list[Conversion] = self._schema["conversion"].load_many(self._view.get_many("conversion", ids))
        return {conversion.lead_id: conversion for conversion in found}

    def mailed(self, campaign_id: str) -> tuple[set[str], set[str]]:
        """Return whom a mail of the campaign has left for, and whom one waits for; without loading any mail."""
        wanted = (MessageStatus.SENT.value, MessageStatus.QUEUED.value)
        question = Aggregate(
            type="message",
            where=All((Compare("campaign_id", Op.EQ, campaign_id), Compare("status", Op.IN, wanted))),
            group_by=("status", "person_id"),
        )
        people: dict[Scalar, set[str]] = {status: set() for status in wanted}
        for status, person, _ in self._view.aggregate(question):
            people[status].add(str(person))
        return people[wanted[0]], people[wanted[1]]

    def spoken_to(self, leads: Sequence[str]) -> set[str]:
        """Return the leads that a call, meeting or mail is about."""
        links = self._links(leads, kind="about", prefix="activity_")
        place = self._schema["activity"].position
        spoken = {kind.value for kind in (ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.EMAIL)}
        rows = self._view.get_many("activity", sorted({from_id for from_id, _ in links}))
        talks = {row[place["id"]] for row in rows if row[place["deleted_at"]] is None and row[place["kind"]] in spoken}
        return {to_id for from_id, to_id in links if from_id in talks}

    def deals(self, leads: Mapping[str, Lead], conversions: Mapping[str, Conversion]) -> dict[str, list[Deal]]:
        """Return the living deals of each lead that has some.

        A deal belongs to a lead when its conversion opened or joined it, or when the contact
        takes part in it and it was opened since the lead was captured: an older deal of a
        known contact is none that the campaign brought.
        """
        by_contact: dict[str, list[str]] = {}
        for deal_id, contact_id in self._links(
            sorted({conversion.contact_id for conversion in conversions.values()}), kind="contact", prefix="deal_"
        ):
            by_contact.setdefault(contact_id, []).append(deal_id)
        named = {conversion.deal_id for conversion in conversions.values() if conversion.deal_id}
        ids = sorted(named.union(*by_contact.values()))
        found: list[Deal] = self._schema["deal"].load_many(self._view.get_many("deal", ids))
        living = {deal.id: deal for deal in found if deal.deleted_at is None}
        deals: dict[str, list[Deal]] = {}
        for lead_id, conversion in conversions.items():
            candidates = {*by_contact.get(conversion.contact_id, ()), conversion.deal_id} & living.keys()
            mine = [
                living[id_]
                for id_ in sorted(candidates)
                if id_ == conversion.deal_id or living[id_].created_at >= leads[lead_id].created_at
            ]
            if mine:
                deals[lead_id] = mine
        return deals

    def kinds(self, deals: Iterable[Deal]) -> dict[str, StageKind]:
        """Return whether each deal is open, won or lost."""
        listed = list(deals)
        rows = self._view.get_many("stage", sorted({deal.stage_id for deal in listed}))
        stages: dict[str, Stage] = {stage.id: stage for stage in self._schema["stage"].load_many(rows)}
        return {deal.id: stages[deal.stage_id].kind for deal in listed}

    def _links(self, targets: Sequence[str], *, kind: str, prefix: str) -> list[tuple[str, str]]:
        """Return the ends of the living links of a kind that lead to records, from ids with a prefix."""
        ids = [id_ for _, id_ in self._view.lookup("link", "to_id", targets)]
        place = self._schema["link"].position
        return [
            (str(row[place["from_id"]]), str(row[place["to_id"]]))
            for row in self._view.get_many("link", ids)
            if row[place["kind"]] == kind and str(row[place["from_id"]]).startswith(prefix)
        ]
