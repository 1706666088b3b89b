"""Uniting records: fields, all that refers to them, the tombstone and the alias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.conversion import CHOSEN
from crmkit.core.fields import Field, Row, Scalar
from crmkit.core.merging import Choice, MergedFields, merge_fields
from crmkit.core.planning import Planning
from crmkit.core.record_type import RecordType

__all__ = ["United", "Uniter"]

_HISTORY = frozenset({"merge", "stage_change"})
"""What stays with the record it happened to, so that durations stay right; the timeline shows it."""

_NATURAL_KEYS: Mapping[str, tuple[str, ...]] = {"contact_point": ("person_id", "value_key")}
"""By what two records of a type are the same, besides the unique groups of the type."""

_WHY = "merged"


@attrs.define(kw_only=True)
class United:
    """What was planned for one winner.

    Attributes:
        fields: What it holds afterwards, and what found no place.
        merges: The ids of the records of its merges, loser by loser.
    """

    fields: MergedFields
    merges: list[str] = attrs.field(factory=list)


class Uniter:
    """Plans the merges of one operation.

    Attributes:
        linked: How many records lead to a winner now instead of a loser, by type.
    """

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._into: dict[str, str] = {}
        self.linked: dict[str, int] = {}

    def unite(
        self, kind: RecordType, into: Mapping[str, str], chosen: Mapping[str, Choice] | None = None
    ) -> dict[str, United]:
        """Plan that records become part of others of their type.

        Args:
            kind: The record type.
            into: Loser to winner; nobody is both.
            chosen: Attribute to what was decided.

        Returns:
            What was planned, by winner.
        """
        planning, place = self._planning, kind.position["id"]
        # What is united along the way shares one reason, so that it is written in one statement.
        named = not self._into
        self._into.update(into)
        rows = {str(row[place]): row for row in planning.get_many(kind.name, [*into, *into.values()])}
        groups: dict[str, list[str]] = {}
        for loser, winner in into.items():
            groups.setdefault(winner, []).append(loser)
        united = {
            winner: self._plan_fields(kind, rows[winner], [rows[id_] for id_ in losers], chosen, named=named)
            for winner, losers in groups.items()
        }
        for owner, field in planning.schema.referrers(kind.name):
            if owner.undo != "keep" and owner.name not in _HISTORY:
                self._relink(owner, field, into)
        for winner, losers in groups.items():
            self._open_circles(kind, winner)
            for loser in losers:
                self._plan_points(winner, united[winner].fields.points.get(loser, ()))
                united[winner].merges.append(self._plan_end(kind, loser, winner, united[winner].fields, named=named))
        return united

    def _plan_fields(
        self, kind: RecordType, winner: Row, losers: Sequence[Row], chosen: Mapping[str, Choice] | None, *, named: bool
    ) -> United:
        merged = merge_fields(kind, winner, losers, chosen=chosen, into=self._into)
        labels = ", ".join(kind.load(row).label for row in losers)
        why = f"{_WHY} with {labels}" if named else _WHY
        scalars = {**kind.encode(merged.values), **merged.carried}
        rules = {each.field: each.rule for each in merged.fields if each.rule not in ("default", CHOSEN)}
        self._planning.update_scalars(kind.name, str(winner[kind.position["id"]]), scalars, why=why, rules=rules)
        return United(fields=merged)

    def _relink(self, owner: RecordType, field: Field, into: Mapping[str, str]) -> None:
        """Let what refers to losers refer to their winners; what would be there twice is united too."""
        planning, place = self._planning, owner.position["id"]
        pairs = planning.lookup(owner.name, field.name, list(into))
        # Those that are merged themselves have been seen to with their fields.
        known = {*self._into, *into.values()}
        mine = {id_: into[str(value)] for value, id_ in pairs if id_ not in known}
        if not mine:
            return
        if owner.undo == "cancel":
            # A message stays as it was addressed: a worker may be delivering it, and an undo must not wait for that.
            self._bind(list(mine), mine)
            return
        winners = planning.lookup(owner.name, field.name, list(into.values()))
        there = self._keys_of(owner, field, [id_ for _, id_ in winners])
        doubles: dict[str, str] = {}
        for row in planning.get_many(owner.name, list(mine)):
            id_ = str(row[place])
            values = dict(zip(owner.field_names, row, strict=True)) | {field.name: mine[id_]}
            if _is_loop(owner, values):
                planning.delete(owner.name, id_, why=_WHY)
                continue
            keys = _keys(owner, field, values)
            double = next((there[key] for key in keys if key in there), None)
            if double is not None:
                doubles[id_] = double
                continue
            there.update(dict.fromkeys(keys, id_))
            planning.update_scalars(owner.name, id_, {field.name: mine[id_]}, why=_WHY)
            self.linked[owner.name] = self.linked.get(owner.name, 0) + 1
        if doubles:
            self.unite(owner, doubles)

    def _keys_of(self, owner: RecordType, field: Field, ids: Sequence[str]) -> dict[tuple[Scalar, ...], str]:
        place = owner.position["id"]
        return {
            key: str(row[place])
            for row in self._planning.get_many(owner.name, ids)
            for key in _keys(owner, field, dict(zip(owner.field_names, row, strict=True)))
        }

    def _bind(self, children: Sequence[str], into: Mapping[str, str]) -> None:
        """Link messages to the winners, which are not their addressees."""
        planning = self._planning
        links = planning.schema["link"].load_many(
            planning.get_many("link", [id_ for _, id_ in planning.lookup("link", "from_id", children)])
        )
        there = {(link.from_id, link.to_id) for link in links if link.kind == "about"}
        for child in children:
            if (child, into[child]) not in there:
                planning.create("link", {"kind": "about", "from_id": child, "to_id": into[child]})
                self.linked["message"] = self.linked.get("message", 0) + 1

    def _plan_points(self, winner: str, points: Sequence[tuple[Any, str]]) -> None:
        planning, kind = self._planning, self._planning.schema["contact_point"]
        if not points:
            return
        pairs = planning.lookup("contact_point", "person_id", [winner])
        known = {point.value for point in kind.load_many(planning.get_many("contact_point", [id_ for _, id_ in pairs]))}
        for point_kind, value in points:
            if value not in known:
                planning.create("contact_point", {"person_id": winner, "kind": point_kind, "value": value})

    def _open_circles(self, kind: RecordType, winner: str) -> None:
        """Part a winner from what it belongs to, where that belongs to the winner by now."""
        planning = self._planning
        for field in kind.references:
            if field.references != kind.name:
                continue
            place = kind.position[field.name]
            seen, above = {winner}, winner
            while (row := planning.get_many(kind.name, [above])) and (value := row[0][place]) is not None:
                if value in seen:
                    planning.warn(f"{kind.load(row[0]).label} would belong to itself, so its {field.name} is emptied")
                    planning.update_scalars(kind.name, above, {field.name: None}, why=_WHY)
                    break
                above = str(value)
                seen.add(above)

    def _plan_end(self, kind: RecordType, loser: str, winner: str, fields: MergedFields, *, named: bool) -> str:
        """Make a loser a tombstone and its id an alias."""
        planning = self._planning
        why = f"{_WHY} into {planning.load(kind.name, winner).label}" if named else _WHY
        planning.delete(kind.name, loser, why=why)
        return planning.create(
            "merge",
            {
                "loser_id": loser,
                "winner_id": winner,
                "unmapped": fields.unmapped.get(loser, {}),
                "replaced": fields.replaced.get(loser, {}),
                "decided": {f.field: f.action.value for f in fields.fields if f.source == loser},
            },
        )


def _keys(owner: RecordType, field: Field, values: Mapping[str, Scalar]) -> list[tuple[Scalar, ...]]:
    """Return by what a record that has these values is the same as another one, as far as the field matters."""
    groups = [group for group in owner.unique if field.name in group]
    natural = _NATURAL_KEYS.get(owner.name, ())
    groups += [natural] if field.name in natural else []
    keys = [(*group, *(values[name] for name in group)) for group in groups]
    return [key for key in keys if None not in key]


def _is_loop(owner: RecordType, values: Mapping[str, Scalar]) -> bool:
    """Whether a link would bind a record to itself."""
    return owner.name == "link" and values["from_id"] == values["to_id"]
