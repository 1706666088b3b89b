"""The default mapping of a conversion, in columns: for leads that become a new contact.

A new contact takes each value as it stands, so there is nothing to decide but which values
there are, and how they compare with those of the account. What a conversion says of its
fields depends on nothing else, so it is worked out once for all leads that are alike in
that: their `Shape`. `map_fields` says the same for one lead, field by field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import attrs

from crmkit.core.codecs import as_json, scalar_json, to_json
from crmkit.core.conversion import ADDRESS, Action, Target, business_names, places_of
from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema

__all__ = ["NEW_ACCOUNT", "ColumnMapping", "Shape"]

NEW_ACCOUNT: Final[Sequence[tuple[int, Scalar]]] = ()
"""What is known of an account that is made for the lead."""


@attrs.frozen
class Shape:
    """What becomes of the values of leads that are alike.

    Attributes:
        decided: What `Conversion.decided` holds of it, as JSON.
        unmapped: The numbers of the lead's attributes that find no place, and what takes their scalars from a row.
        unmapped_of_member: The same for a lead that is a member of its campaign.
        fills: The fields of the account that take a value, with the number of the lead's attribute.
    """

    decided: str
    unmapped: tuple[tuple[int, ...], Any]
    unmapped_of_member: tuple[tuple[int, ...], Any]
    fills: tuple[tuple[str, int], ...]


@attrs.frozen
class _Place:
    """A field of the account, and the number of the lead's attribute that it takes."""

    field: str
    attribute: int
    in_address: bool


class ColumnMapping:
    """The default mapping of one schema.

    Attributes:
        contact_fields: The fields of a new contact that take a value of the lead.
        contact_values: Returns these values of the row of a lead.
        values: Returns what the row of a lead holds, attribute by attribute.
    """

    def __init__(self, schema: Schema) -> None:
        lead, contact, account = schema["lead"], schema["contact"], schema["account"]
        attributes = [lead.attribute[name] for name in business_names(schema)]
        self._names = [a.name for a in attributes]
        self._decoders = [(a.codec.decode, [lead.position[field] for field in a.fields]) for a in attributes]
        # A record that is older than a custom field passes for having its default, though it holds nothing.
        self._defaults = [i for i, a in enumerate(attributes) if "." in a.name and a.default not in _EMPTY]
        self._contact_names: list[tuple[str, int]] = []
        self._places: list[_Place] = []
        self._intricate: list[int] = []
        copied: list[tuple[str, int]] = []
        for i, a in enumerate(attributes):
            for target, name in places_of(schema, a.name):
                if target is Target.CONTACT:
                    self._contact_names.append((name, i))
                    parts = zip(contact.attribute[name].fields, a.fields, strict=True)
                    copied += [(there, lead.position[here]) for there, here in parts]
                elif target is Target.ACCOUNT:
                    self._places.append(_Place(name, i, name in ADDRESS))
                    if len(a.fields) > 1 or account.field(name).kind is Kind.JSON:
                        self._intricate.append(i)
        self.contact_fields = tuple(there for there, _ in copied)
        self.contact_values: Any = itemgetter(*(here for _, here in copied))
        self.values: Any = itemgetter(*(lead.position[a.fields[0]] for a in attributes))
        self._of_new: list[tuple[int, Scalar]] = [(place.attribute, None) for place in self._places]
        self._shapes: dict[Any, Shape] = {}
        self._texts: dict[Any, str] = {}

    @staticmethod
    def of(schema: Schema) -> ColumnMapping:
        """Return the mapping of a schema, which is worked out once."""
        return _compiled(*(schema[name] for name in ("lead", *(target.value for target in Target))))

    def account_places(self, account: Mapping[str, Scalar]) -> Sequence[tuple[int, Scalar]]:
        """Return what `shape` must know of an account that is there: what it takes from where, and what it holds.

        An address is taken whole or not at all.
        """
        taken = any(account[place.field] for place in self._places if place.in_address)
        held = [account[place.field] for place in self._places]
        return [
            (_NO_ATTRIBUTE if taken and place.in_address else place.attribute, None if value == "" else value)
            for place, value in zip(self._places, held, strict=True)
        ]

    def is_plain(self, values: Sequence[Scalar], *, joins_account: bool) -> bool:
        """Whether the values of a lead can be mapped here; others must be looked at one by one."""
        if not _HOLLOW.isdisjoint(values):
            return False
        if self._defaults and any(values[i] is None for i in self._defaults):
            return False
        return not (joins_account and self._intricate) or all(values[i] is None for i in self._intricate)

    def shape(
        self, values: Sequence[Scalar], account: Sequence[tuple[int, Scalar]] | None, domain_from: str | None
    ) -> Shape:
        """Return what becomes of the values of a lead.

        Args:
            values: What the lead holds.
            account: What is known of the account that it joins, `NEW_ACCOUNT`, or None for none.
            domain_from: The field of the lead from which the account takes its domain, or None.
        """
        mask = tuple([value is None for value in values])
        actions: tuple[str, ...] | None = None
        if account is not None:
            values = (*values, None)  # the one of _NO_ATTRIBUTE
            actions = tuple(
                [
                    _NOTHING
                    if (value := values[i]) is None
                    else _FILLED
                    if held is None
                    else _SAME
                    if held == value
                    else _OTHER
                    for i, held in account or self._of_new
                ]
            )
        key = (mask, actions, domain_from, account is NEW_ACCOUNT)
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) > _MOST:
                self._shapes.clear()
            shape = self._shapes[key] = self._shaped(mask, actions or (), domain_from, is_new=account is NEW_ACCOUNT)
        return shape

    def unmapped_text(self, shape: Shape, row: Row, *, is_member: bool) -> str | None:
        """Return what `Conversion.unmapped` holds of a lead, as JSON; its campaign lives on as a membership."""
        places, take = shape.unmapped_of_member if is_member else shape.unmapped
        if take is None:
            return None
        key = (places, take(row))
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) > _MOST:
                self._texts.clear()
            pairs = sorted((self._names[i], self._json(i, row)) for i in places)
            text = self._texts[key] = f"{{{','.join(f'{to_json(name)}:{value}' for name, value in pairs)}}}"
        return text

    def _json(self, attribute: int, row: Row) -> str:
        decode, places = self._decoders[attribute]
        return scalar_json(row[places[0]]) if decode is None else to_json(as_json(decode(*(row[p] for p in places))))

    def _unmapped(self, places: tuple[int, ...]) -> tuple[tuple[int, ...], Any]:
        """Return attributes, and what takes what they hold from a row; None for none."""
        return places, itemgetter(*(place for i in places for place in self._decoders[i][1])) if places else None

    def _shaped(self, mask: Sequence[bool], actions: Sequence[str], domain_from: str | None, *, is_new: bool) -> Shape:
        takes = Action.CREATE if is_new else Action.FILL
        decided: dict[str, list[str]] = {}
        placed: set[int] = set()
        fills: list[tuple[str, int]] = []
        for name, i in self._contact_names:
            if not mask[i]:
                decided[f"contact.{name}"] = [Action.CREATE.value, "default", self._names[i]]
                placed.add(i)
        for place, letter in zip(self._places, actions, strict=False):  # none where there is no account
            if letter == _NOTHING:
                continue
            action = Action.KEEP if letter != _FILLED else takes
            decided[f"account.{place.field}"] = [action.value, "default", self._names[place.attribute]]
            if letter == _FILLED:
                fills.append((place.field, place.attribute))
            if letter != _OTHER:
                placed.add(place.attribute)
        if domain_from:
            decided["account.domain"] = [takes.value, "default", domain_from]
        unmapped = tuple(i for i, is_empty in enumerate(mask) if not is_empty and i not in placed)
        of_member = tuple(i for i in unmapped if self._names[i] != "campaign_id")
        return Shape(to_json(decided), self._unmapped(unmapped), self._unmapped(of_member), tuple(fills))


@lru_cache(8)
def _compiled(*types: RecordType) -> ColumnMapping:
    return ColumnMapping(Schema(types))


_NOTHING, _FILLED, _SAME, _OTHER = "-fso"
_NO_ATTRIBUTE: Final = -1
_EMPTY: Final[tuple[Any, ...]] = (None, "", (), {})
_HOLLOW: Final = frozenset({"", "[]", "{}"})
"""What is as good as nothing, though it is something."""
_MOST: Final = 4096
"""Shapes and texts that are kept; leads have few."""
