"""A card: one record with all that belongs to it, for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.builtin import custom_types
from crmkit.core.contact import ContactPoint
from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Compare, Op
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError
from crmkit.services.timeline import TimelineEntry, timeline
from crmkit.services.workspace import Workspace

__all__ = ["RecordCard", "record_card"]


@attrs.frozen(kw_only=True)
class RecordCard:
    """One record with all that belongs to it.

    Attributes:
        kind: Its record type.
        record: The record.
        references: Field to the record it leads to.
        points: Further addresses and numbers of a person.
        related: What else is bound to it, under what it is to the record: ``converted into``,
            ``origin``, ``contacts``, ``deals``, ``campaigns``, ``about``; and the plural of each
            custom record type that refers to it.
        members: Of a campaign: how many members, by status.
        timeline: The last things that happened, the oldest first.
        raw: Of a record whose type is absent now: its fields as they are stored.
    """

    kind: str
    record: Any
    references: Mapping[str, Any]
    points: Sequence[ContactPoint]
    related: Mapping[str, Sequence[Any]]
    members: Mapping[str, int]
    timeline: Sequence[TimelineEntry]
    raw: Mapping[str, Scalar] = attrs.field(factory=dict)


def record_card(workspace: Workspace, record_id: str, *, latest: int = 10) -> RecordCard:
    """Return the card of any record, also of a deleted one.

    Args:
        workspace: Where.
        record_id: The record.
        latest: How many entries of its timeline.

    Raises:
        NotFoundError: There is no such record.
    """
    with workspace.reading() as view:
        reader = _Reader(view, workspace.schema)
        kind = workspace.schema.type_of(record_id)
        rows = view.get_many(kind.name, [record_id])
        if not rows:
            raise NotFoundError(kind.name.replace("_", " "), record_id)
        record = kind.load(rows[0])
        return RecordCard(
            kind=kind.name,
            record=record,
            references=reader.references(kind, record),
            points=reader.referring("contact_point", "person_id", record_id),
            related={name: found for name, found in reader.related(kind.name, record) if found},
            members=reader.members(record_id) if kind.name == "campaign" else {},
            timeline=timeline(workspace, record_id)[-latest:] if latest else [],
            raw=kind.carried(rows[0]) if kind.is_absent else {},
        )


class _Reader:
    def __init__(self, view: ReadTransaction, schema: Schema) -> None:
        self._view = view
        self._schema = schema

    def references(self, kind: RecordType, record: Any) -> dict[str, Any]:
        ids = {name: id_ for name in kind.bonds if (id_ := kind.value_of(record, name))}
        found = {each.id: each for each in self._load(ids.values())}
        return {name: found[id_] for name, id_ in ids.items() if id_ in found}

    def related(self, kind: str, record: Any) -> Iterator[tuple[str, list[Any]]]:
        if kind == "lead" and record.conversion_id:
            for conversion in self._load([record.conversion_id]):
                became = (conversion.contact_id, conversion.account_id, conversion.deal_id)
                yield "converted into", self._load(id_ for id_ in became if id_)
        if kind in ("lead", "contact"):
            members = self.referring("campaign_member", "person_id", record.id)
            yield "campaigns", self._load(member.campaign_id for member in members)
        if kind == "account":
            yield "contacts", self.referring("contact", "account_id", record.id)
            yield "deals", self.referring("deal", "account_id", record.id)
        if kind == "contact":
            bonds = self.referring("link", "to_id", record.id)
            yield "deals", self._load(bond.from_id for bond in bonds if bond.kind == "contact")
        if kind in ("contact", "account", "deal", "activity"):
            bonds = self.referring("link", "from_id", record.id)
            for bond_kind, name in (("origin", "origin"), ("contact", "contacts"), ("about", "about")):
                yield name, self._load(bond.to_id for bond in bonds if bond.kind == bond_kind)
        for owner in custom_types(self._schema):
            fields = [name for name, field in owner.bonds.items() if field.references == kind and name != "owner_id"]
            found = [each for name in fields for each in self.referring(owner.name, name, record.id)]
            yield owner.plural, list({each.id: each for each in found}.values())

    def members(self, campaign_id: str) -> dict[str, int]:
        question = Aggregate(
            type="campaign_member", where=Compare("campaign_id", Op.EQ, campaign_id), group_by=("status",)
        )
        return {str(status): int(count or 0) for status, count in self._view.aggregate(question)}

    def referring(self, kind: str, field: str, record_id: str) -> list[Any]:
        """Return the living records of a type that refer to a record."""
        ids = [id_ for _, id_ in self._view.lookup(kind, field, [record_id])]
        return self._schema[kind].load_many(self._view.get_many(kind, ids)) if ids else []

    def _load(self, ids: Iterable[str]) -> list[Any]:
        """Return the records with these ids, of any types, in this order."""
        wanted = list(dict.fromkeys(ids))
        by_kind: dict[str, list[str]] = {}
        for id_ in wanted:
            by_kind.setdefault(self._schema.type_of(id_).name, []).append(id_)
        found = {
            record.id: record
            for kind, some in by_kind.items()
            for record in self._schema[kind].load_many(self._view.get_many(kind, some))
        }
        return [found[id_] for id_ in wanted if id_ in found]
