"""Merging: how several records of one type become one, decided purely.

`merge_fields` fills what is empty in the winner and overwrites nothing: tags and other
lists are united, notes appended, further addresses and numbers kept as such. Every value
of a loser that finds no place is kept as unmapped. Rules of plugins, and at last whoever
merges, may decide otherwise field by field (`Choice`, `crmkit.core.settling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.campaign import MemberStatus
from crmkit.core.contact import PointKind
from crmkit.core.conversion import CHOSEN, Action, Conversion
from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, Attribute, Row, Scalar, stored
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.values.email import Email

__all__ = [
    "MERGE",
    "Choice",
    "Merge",
    "MergeField",
    "MergeResult",
    "MergedFields",
    "merge_fields",
]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Merge(Stored):
    """The record of a merge: it makes the id of the loser an alias of the winner's.

    Attributes:
        loser_id: The record that was merged away; a tombstone since.
        winner_id: The record it was merged into.
        unmapped: Field of the loser to value, for what found no place in the winner.
        replaced: Field of the winner to value, for what a choice replaced.
        decided: Field to what was done with it: ``fill``, ``keep``, ``append`` or ``overwrite``.
    """

    loser_id: str = attrs.field(metadata=stored(references=ANY))
    winner_id: str = attrs.field(metadata=stored(references=ANY))
    unmapped: Mapping[str, Any] = attrs.field(factory=dict)
    replaced: Mapping[str, Any] = attrs.field(factory=dict)
    decided: Mapping[str, Any] = attrs.field(factory=dict)


MERGE = record_type(Merge, name="merge", unique=(("loser_id",),), made_by="merging records")


@attrs.frozen(kw_only=True)
class MergeField:
    """What happens to one field of the winner because of one loser.

    Attributes:
        field: The field.
        old: What the winner holds before.
        new: What it will hold.
        action: What happens.
        reason: Why, as one clause.
        rule: What decided: ``default``, or ``chosen`` by whoever merges.
        source: The record whose value it is about.
    """

    field: str
    old: Any
    new: Any
    action: Action
    reason: str
    rule: str = "default"
    source: str


@attrs.frozen(kw_only=True)
class Choice:
    """What was decided for one field, instead of what is usual.

    Attributes:
        record_id: The record whose value the winner will hold; None to append them all.
        rule: Who decided: a rule, or ``chosen`` by whoever merges.
        reason: Why, as one clause.
    """

    record_id: str | None
    rule: str = CHOSEN
    reason: str = "it was chosen"


@attrs.frozen(kw_only=True)
class MergeResult:
    """What became of a merge.

    Attributes:
        winner: The record that stays, as it is then.
        outcome: ``merged``; ``already`` when that had been done before; ``converted`` when
            leads were converted into a contact.
        merges: One for each loser; also the earlier ones of an ``already``.
        conversions: One for each lead that was converted into a contact.
        operation_id: The operation, or None when nothing was done.
    """

    winner: Any
    outcome: str
    merges: tuple[Merge, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    operation_id: str | None = None


@attrs.define(kw_only=True)
class MergedFields:
    """What several records give when they become one.

    Attributes:
        values: Attribute to new value, as far as the winner changes.
        carried: The same as scalars, for fields of plugins that are absent now.
        fields: What happens to each field, loser by loser.
        unmapped: Loser to field to JSON value, for what found no place.
        replaced: Loser to field to JSON value, for what the winner had and a choice replaced.
        points: Loser to its address and numbers that the winner gets as further ones.
    """

    values: dict[str, Any] = attrs.field(factory=dict)
    carried: dict[str, Scalar] = attrs.field(factory=dict)
    fields: list[MergeField] = attrs.field(factory=list)
    unmapped: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    replaced: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    points: dict[str, list[tuple[PointKind, str]]] = attrs.field(factory=dict)


def merge_fields(
    kind: RecordType,
    winner: Row,
    losers: Sequence[Row],
    *,
    chosen: Mapping[str, str | Choice] | None = None,
    into: Mapping[str, str] | None = None,
) -> MergedFields:
    """Decide what the winner holds afterwards.

    Args:
        kind: The record type.
        winner: The row of the record that stays.
        losers: The rows of those that become part of it; what is filled comes from the first that has it.
        chosen: Attribute to the id of the record whose value is wanted, or to what was decided.
        into: Any record that becomes part of another one, to that one: who refers to the one
            refers to the other.
    """
    place = kind.position["id"]
    everybody = {**(into or {}), **{str(row[place]): str(winner[place]) for row in losers}}
    choices = {name: Choice(record_id=c) if isinstance(c, str) else c for name, c in (chosen or {}).items()}
    merging = _Merging(kind, winner, choices, everybody)
    for loser in kind.load_many(losers):
        merging.take(loser)
    merging.carry(winner, losers)
    return merging.result()


_ADDRESS = ("street", "postal_code", "city", "region", "country")

_APPENDED = frozenset({"notes", "description"})

_POINTS = {"email": PointKind.EMAIL, "phone": PointKind.PHONE, "mobile": PointKind.PHONE}

_LIFE: Mapping[str, frozenset[str]] = {
    "lead": frozenset({"status", "disqualified_reason", "conversion_id"}),
    "deal": frozenset(
        {
            *("pipeline_id", "stage_id", "probability_percent", "probability_source"),
            *("closed_at", "lost_reason", "lost_comment"),
        }
    ),
}
"""What describes how far a record has come; the winner stays where it is."""

_RANKED: Mapping[tuple[str, str], Sequence[Any]] = {("campaign_member", "status"): tuple(MemberStatus)}
"""Fields of which the further value wins, with their values in order."""

_SYSTEM = frozenset(a.name for a in attrs.fields(Stored))


class _Merging:
    """The winner as it becomes, loser by loser."""

    def __init__(self, kind: RecordType, winner: Row, chosen: Mapping[str, Choice], into: Mapping[str, str]) -> None:
        self._kind = kind
        self._id = winner[kind.position["id"]]
        self._chosen = chosen
        self._into = into
        self._before = kind.values_of(kind.load(winner))
        self._now = dict(self._before)
        self._out = MergedFields()
        self._has_points = "email" in kind.attribute and "mobile" in kind.attribute
        for name in kind.bonds:
            if self._is_itself(name, self._now[name]) and kind.attribute[name].codec.optional:
                self._put(name, None, Action.OVERWRITE, "it would refer to itself", str(self._now[name]))

    def take(self, loser: Any) -> None:
        """Take over what a loser has."""
        values = self._kind.values_of(loser)
        values |= {name: self._into.get(values[name], values[name]) for name in self._kind.bonds}
        closed = () if self._fits(values) else _ADDRESS
        for attribute in self._kind.attributes:
            name = attribute.name
            value = values[name]
            if name in _SYSTEM or _is_empty(attribute, value) or self._is_itself(name, value):
                continue
            choice = self._chosen.get(name)
            if choice is None:
                self._take_one(attribute, value, loser.id, closed=name in closed)
            elif choice.record_id is None:
                self._append(attribute, value, loser.id, choice)
            elif choice.record_id == loser.id:
                self._choose(attribute, value, loser.id, choice)
            else:
                reason = "the value of another record was chosen" if choice.rule == CHOSEN else choice.reason
                self._keep(attribute, value, loser.id, reason, rule=choice.rule)

    def carry(self, winner: Row, losers: Sequence[Row]) -> None:
        """Take over what the rows hold for plugins that are absent now."""
        there = self._kind.carried(winner)
        for loser in losers:
            for name, scalar in self._kind.carried(loser).items():
                if name not in there:
                    there[name] = self._out.carried[name] = scalar
                elif there[name] != scalar:
                    id_ = str(loser[self._kind.position["id"]])
                    self._out.unmapped.setdefault(id_, {})[name] = scalar

    def result(self) -> MergedFields:
        """Return all of it."""
        changed = {name: value for name, value in self._now.items() if value != self._before[name]}
        self._out.values = changed
        return self._out

    def _take_one(self, attribute: Attribute, value: Any, source: str, *, closed: bool) -> None:
        name, old = attribute.name, self._now[attribute.name]
        ranks = _RANKED.get((self._kind.name, name))
        if name in _LIFE.get(self._kind.name, ()):
            self._keep(attribute, value, source, "it stays where it is")
        elif ranks is not None:
            if ranks.index(value) > ranks.index(old):
                self._put(name, value, Action.OVERWRITE, "it went further", source)
            else:
                self._keep(attribute, value, source, "it went as far", lost=False)
        elif isinstance(value, tuple):
            union = tuple(sorted({*old, *value})) if name == "tags" else tuple(dict.fromkeys([*old, *value]))
            self._unite(attribute, union, f"the {name.replace('_', ' ')} of both", source)
        elif isinstance(value, Mapping):
            self._unite(attribute, {**value, **old}, "what the winner lacked", source)
            if clash := {key: part for key, part in value.items() if self._now[name][key] != part}:
                self._out.unmapped.setdefault(source, {})[name] = clash
        elif closed and old != value:
            self._keep(attribute, value, source, "an address is taken whole or not at all")
        elif _is_empty(attribute, old):
            self._put(name, value, Action.FILL, "it was empty", source)
        elif name in _APPENDED and str(value).strip() not in str(old):
            self._put(name, f"{old}\n\n{value}", Action.APPEND, "the texts of both", source)
        else:
            self._keep(attribute, value, source, "it has a value already")

    def _append(self, attribute: Attribute, value: Any, source: str, choice: Choice) -> None:
        name, old = attribute.name, self._now[attribute.name]
        if isinstance(value, (tuple, Mapping)):
            self._take_one(attribute, value, source, closed=False)  # united anyway
        elif _is_empty(attribute, old):
            self._put(name, value, Action.FILL, choice.reason, source, rule=choice.rule)
        elif str(value).strip() in str(old):
            self._keep(attribute, value, source, "it says that already", rule=choice.rule, lost=False)
        else:
            self._put(name, f"{old}\n\n{value}", Action.APPEND, choice.reason, source, rule=choice.rule)

    def _choose(self, attribute: Attribute, value: Any, source: str, choice: Choice) -> None:
        name, old, rule = attribute.name, self._now[attribute.name], choice.rule
        if old == value:
            self._keep(attribute, value, source, "it has the same value", rule=rule)
            return
        if not _is_empty(attribute, old):
            if not self._as_point(name, old, source, besides=value):
                self._out.replaced.setdefault(source, {})[name] = _as_json(attribute, old)
            self._put(name, value, Action.OVERWRITE, choice.reason, source, rule=rule)
        else:
            self._put(name, value, Action.FILL, choice.reason, source, rule=rule)

    def _unite(self, attribute: Attribute, union: Any, reason: str, source: str) -> None:
        name = attribute.name
        action = Action.KEEP if union == self._now[name] else Action.APPEND
        self._put(name, union, action, reason, source)

    def _keep(
        self, attribute: Attribute, value: Any, source: str, reason: str, *, rule: str = "default", lost: bool = True
    ) -> None:
        """Keep what the winner has, and the other value as a further one or as unmapped."""
        name, old = attribute.name, self._now[attribute.name]
        if old == value or (name in _APPENDED and str(value).strip() in str(old)):
            reason = "it has the same value" if old == value else "it says that already"
        elif self._as_point(name, value, source, besides=old):
            reason = f"it has one already; the other becomes a further {_POINTS[name].value}"
        elif lost:
            self._out.unmapped.setdefault(source, {})[name] = _as_json(attribute, value)
        self._put(name, old, Action.KEEP, reason, source, rule=rule)

    def _as_point(self, name: str, value: Any, source: str, *, besides: Any) -> bool:
        """Keep an address or number as a further one, unless the winner has it; False when it is neither."""
        if not self._has_points or name not in _POINTS:
            return False
        point, text = _POINTS[name], str(value)
        mine = [self._now[each] for each in _POINTS if self._now[each]] + ([besides] if besides else [])
        known = {_point_key(str(each)) for each in mine if each is not value}
        points = self._out.points.setdefault(source, [])
        if _point_key(text) not in known and (point, text) not in points:
            points.append((point, text))
        return True

    def _put(self, name: str, new: Any, action: Action, reason: str, source: str, *, rule: str = "default") -> None:
        old, self._now[name] = self._now[name], new
        self._out.fields.append(
            MergeField(field=name, old=old, new=new, action=action, reason=reason, rule=rule, source=source)
        )

    def _is_itself(self, name: str, value: Any) -> bool:
        return name in self._kind.bonds and value is not None and self._into.get(value, value) == self._id

    def _fits(self, values: Mapping[str, Any]) -> bool:
        """Whether the address of a loser does not contradict that of the winner, so that it may complete it."""
        return all(not self._now.get(name) or self._now[name] == values.get(name) for name in _ADDRESS)


def _noun(kind: RecordType) -> str:
    return kind.name.replace("_", " ")


def _is_empty(attribute: Attribute, value: Any) -> bool:
    """Whether nobody has said anything there: it is empty, or as it is by default."""
    return value in (None, "", (), {}) or value == attribute.default


def _point_key(text: str) -> str:
    return Email.trusted(text).key if "@" in text else text


def _as_json(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    scalars = attribute.codec.encode(value)
    return scalars[0] if len(scalars) == 1 else str(value)
