"""What hangs on a lead, and goes along when it is converted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crmkit.core.contact import PointKind
from crmkit.core.fields import Row, Scalar
from crmkit.core.planning import Planning

__all__ = ["Children"]

_Part = tuple[Scalar, ...]


class Children:
    """The activities, messages, memberships and addresses of the leads of a batch, loaded at once.

    What is planned for them is collected, and planned all at once by `flush`.

    Args:
        planning: The operation.
        lead_ids: The batch.

    Attributes:
        addresses: Lead id to its further e-mail addresses.
    """

    def __init__(self, planning: Planning, lead_ids: Sequence[str]) -> None:
        self._planning = planning
        bonds = self._load("link", "to_id", lead_ids, ("kind", "from_id"))
        self._activities = {id_: [child for kind, child in some if kind == "about"] for id_, some in bonds.items()}
        self._members = self._load("campaign_member", "person_id", lead_ids, _MEMBER)
        self._points = self._load("contact_point", "person_id", lead_ids, (*_POINT, "value_key"))
        self._messages = self._load("message", "person_id", lead_ids, ("id",))
        self._bound: set[tuple[Scalar, str]] = set()
        self._joined: set[tuple[Scalar, str]] = set()
        self._reached: set[tuple[Scalar, str]] = set()
        self._links: list[tuple[str, Scalar, str]] = []
        self._new_members: list[_Part] = []
        self._new_points: list[_Part] = []
        self.addresses = {
            id_: addresses
            for id_, points in self._points.items()
            if (addresses := [str(value) for kind, value, *_ in points if kind == PointKind.EMAIL.value])
        }

    def know(self, targets: Sequence[str]) -> None:
        """Load what is bound to records that leads of the batch may join, so that nothing is bound twice."""
        if self._activities or self._messages:
            for target, links in self._load("link", "to_id", targets, ("kind", "from_id")).items():
                self._bound.update((child, target) for kind, child in links if kind == "about")
        if self._members:
            contacts = [id_ for id_ in targets if self._planning.schema.type_of(id_).name == "contact"]
            for person, members in self._load("campaign_member", "person_id", contacts, ("campaign_id",)).items():
                self._joined.update((campaign, person) for (campaign,) in members)
        for person, points in self._load("contact_point", "person_id", targets, ("value_key",)).items():
            self._reached.update((key, person) for (key,) in points)

    def is_member(self, lead_id: str, campaign_id: Scalar) -> bool:
        """Whether a lead is a member of a campaign."""
        return campaign_id in [member[0] for member in self._members.get(lead_id, ())]

    def points(self, lead_id: str) -> Iterable[tuple[Scalar, Scalar]]:
        """Return the further addresses and numbers of a lead, as pairs of kind and value."""
        return [(kind, value) for kind, value, *_ in self._points.get(lead_id, ())]

    def reach(self, person_id: str, key: Scalar) -> bool:
        """Take note of an address or number of a person, by its key; False when it was known."""
        known = (key, person_id) in self._reached
        self._reached.add((key, person_id))
        return not known

    def plan_links(self, lead_id: str, targets: Sequence[str], contact_id: str) -> dict[str, int]:
        """Link everything to the new records too; the lead keeps its own.

        Args:
            lead_id: The lead.
            targets: The contact, the account and the deal, as far as there are any.
            contact_id: The contact among them.

        Returns:
            How many of each were linked.
        """
        self.bind(lead_id, targets, contact_id)
        return {
            "activities": len(self._activities.get(lead_id, ())),
            "messages": len(self._messages.get(lead_id, ())),
            "campaigns": len(self._members.get(lead_id, ())),
            "addresses": len(self._points.get(lead_id, ())),
        }

    def bind(self, lead_id: str, targets: Sequence[str], contact_id: str) -> None:
        """Do what `plan_links` does, and count nothing."""
        activities, messages = self._activities.get(lead_id, ()), self._messages.get(lead_id, ())
        members, points = self._members.get(lead_id, ()), self._points.get(lead_id, ())
        for child in (*activities, *(id_ for (id_,) in messages)) if activities or messages else ():
            for target in targets:
                if (child, target) not in self._bound:
                    self._bound.add((child, target))
                    self._links.append(("about", child, target))
        for member in members:
            bond = member[0], contact_id
            if bond not in self._joined:
                self._joined.add(bond)
                self._new_members.append((*member, contact_id))
        if points:
            self._new_points += [(*point, contact_id) for *point, key in points if self.reach(contact_id, key)]

    def plan_origin(self, lead_id: str, targets: Iterable[str]) -> None:
        """Link the contact and the account to the lead they came from."""
        self._links += [("origin", target, lead_id) for target in targets]

    def flush(self) -> None:
        """Plan all that was collected."""
        for kind, names, rows in (
            ("link", ("kind", "from_id", "to_id"), self._links),
            ("campaign_member", (*_MEMBER, "person_id"), self._new_members),
            ("contact_point", (*_POINT, "person_id"), self._new_points),
        ):
            if rows:
                columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
                self._planning.create_columns(kind, columns, len(rows))
                rows.clear()

    def _load(self, kind: str, field: str, ids: Sequence[str], names: Sequence[str]) -> dict[str, list[_Part]]:
        """Return parts of the records that belong to the ids, by id."""
        planning, position = self._planning, self._planning.schema[kind].position
        place, places = position[field], [position[name] for name in names]
        found = [id_ for _, id_ in planning.lookup(kind, field, ids)]
        rows: list[Row] = planning.get_many(kind, found) if found else []
        grouped: dict[str, list[_Part]] = {}
        known: dict[_Part, _Part] = {}
        for row in rows:
            part = tuple([row[p] for p in places])
            grouped.setdefault(str(row[place]), []).append(known.setdefault(part, part))
        planning.forget(kind, found)
        return grouped


_MEMBER = ("campaign_id", "status", "answer")
_POINT = ("kind", "value", "note")
