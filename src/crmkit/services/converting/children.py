"""What hangs on a lead, and goes along when it is converted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmkit.core.contact import PointKind
from crmkit.core.lead import Lead
from crmkit.core.planning import Planning

__all__ = ["Children"]


class Children:
    """The activities, messages, memberships and addresses of the leads of a batch, loaded at once.

    Args:
        planning: The operation.
        lead_ids: The batch.
    """

    def __init__(self, planning: Planning, lead_ids: Sequence[str]) -> None:
        self._planning = planning
        self._bonds = self._load("link", "to_id", lead_ids)
        self._members = self._load("campaign_member", "person_id", lead_ids)
        self._points = self._load("contact_point", "person_id", lead_ids)
        self._messages = self._load("message", "person_id", lead_ids)
        self._bound: set[tuple[str, str]] = set()
        self._campaigns: dict[str, set[str]] = {}
        self.addresses = {
            lead_id: [point.value for point in points if point.kind is PointKind.EMAIL]
            for lead_id, points in self._points.items()
        }

    def know(self, targets: Sequence[str]) -> None:
        """Load what is bound to records that leads of the batch may join, so that nothing is bound twice."""
        for target, links in self._load("link", "to_id", targets).items():
            self._bound.update((link.from_id, target) for link in links if link.kind == "about")
        for person, members in self._load("campaign_member", "person_id", targets).items():
            self._campaigns[person] = {member.campaign_id for member in members}

    def campaigns(self, lead: Lead) -> set[str]:
        """Return the campaigns a lead is a member of."""
        return {member.campaign_id for member in self._members.get(lead.id, ())}

    def plan_links(self, lead: Lead, targets: Sequence[str], contact_id: str) -> dict[str, int]:
        """Link everything to the new records too; the lead keeps its own.

        Args:
            lead: The lead.
            targets: The contact, the account and the deal, as far as there are any.
            contact_id: The contact among them.

        Returns:
            How many of each were linked.
        """
        activities = [link.from_id for link in self._bonds.get(lead.id, ()) if link.kind == "about"]
        messages = [message.id for message in self._messages.get(lead.id, ())]
        self._plan_bonds([*activities, *messages], targets)
        members, points = self._members.get(lead.id, []), self._points.get(lead.id, [])
        self._plan_memberships(members, contact_id)
        for point in points:
            values = {"kind": point.kind, "value": point.value, "note": point.note}
            self._planning.create("contact_point", {**values, "person_id": contact_id})
        return {
            "activities": len(activities),
            "messages": len(messages),
            "campaigns": len(members),
            "addresses": len(points),
        }

    def _plan_bonds(self, children: Sequence[str], targets: Sequence[str]) -> None:
        for child in children:
            for target in targets:
                if (child, target) not in self._bound:
                    self._bound.add((child, target))
                    self._planning.create("link", {"kind": "about", "from_id": child, "to_id": target})

    def _plan_memberships(self, members: Sequence[Any], contact_id: str) -> None:
        known = self._campaigns.setdefault(contact_id, set())
        for member in members:
            if member.campaign_id not in known:
                known.add(member.campaign_id)
                values = {"campaign_id": member.campaign_id, "status": member.status, "answer": member.answer}
                self._planning.create("campaign_member", {**values, "person_id": contact_id})

    def _load(self, kind: str, field: str, ids: Sequence[str]) -> dict[str, list[Any]]:
        planning = self._planning
        pairs = planning.lookup(kind, field, ids)
        grouped: dict[str, list[Any]] = {}
        for record in planning.schema[kind].load_many(planning.get_many(kind, [id_ for _, id_ in pairs])):
            grouped.setdefault(getattr(record, field), []).append(record)
        return grouped
