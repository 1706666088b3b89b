"""Columns that are custom fields of leads: found by their names among what has no field of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from crmkit.core.codecs import Codec
from crmkit.core.fields import Attribute, CustomFields, Scalar
from crmkit.core.record_type import RecordType
from crmkit.core.spelling import close_to
from crmkit.core.values.answers import read_answer
from crmkit.core.values.dates import read_day, read_moment
from crmkit.core.values.numbers import currency_of, read_money, read_number
from crmkit.core.values.text import fold
from crmkit.errors import CrmkitError, RejectedError
from crmkit.services.preparing.ways import Typed, Way

if TYPE_CHECKING:
    from crmkit.core.planning import Planning

__all__ = ["CustomColumns", "plain_value", "settle_references", "typed_of"]

_ASIDE: Final = re.compile(r"\([^)]*\)|[$€£¥₹]")
_SHOWN: Final = 80
"""How many characters of a value a reason shows."""


class CustomColumns:
    """Knows the custom fields of a record type by the headers that mean them.

    ``badge_scan.booth``, ``Badge scan booth``, or just ``Booth`` where no other class has one.

    Attributes:
        kind: The record type.

    Args:
        kind: The record type.
        way_of: How the values of a column are written, by its name.
        headers: Custom field to the header that the user says it has; it may name a currency.
    """

    def __init__(
        self,
        kind: RecordType,
        way_of: Callable[[str], Way] = lambda _: Way(),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._way_of = way_of
        self._headers = headers or {}
        self._owners: dict[str, tuple[CustomFields, Attribute]] = {}
        short = Counter(fold(a.name.partition(".")[2]) for custom in kind.custom for a in custom.attributes)
        for custom in kind.custom:
            for a in custom.attributes:
                self._owners.setdefault(fold(a.name), (custom, a))
                bare = fold(a.name.partition(".")[2])
                if short[bare] == 1:
                    self._owners.setdefault(bare, (custom, a))

    def check(self, mapping: Mapping[str, str]) -> None:
        """Refuse a mapping of columns to custom fields that are not there.

        Raises:
            RejectedError: Names all of them, with what comes close.
        """
        known = [a.name for custom in self.kind.custom for a in custom.attributes]
        unknown = [field for field in mapping.values() if "." in field and field not in known]
        if unknown:
            close = {word: None for field in unknown for word in close_to(field, known)}
            hint = f"did you mean {' or '.join(close)}?" if close else f"they have {', '.join(known) or 'none'}"
            raise RejectedError([f"leads have no custom field {field!r}" for field in unknown], hint=hint)

    def _owner(self, column: str) -> tuple[CustomFields, Attribute] | None:
        return self._owners.get(fold(column)) or self._owners.get(fold(_ASIDE.sub(" ", column)))

    def typed(self, column: str) -> Typed | None:
        """Return what a column is for whom the way it is written matters, or None."""
        owner = self._owner(column)
        return None if owner is None else typed_of(owner[1].codec)

    def take(self, extra: list[dict[str, str]], warnings: dict[int, list[str]]) -> dict[str, list[Scalar]]:
        """Take the values of custom fields out of what has no field; what cannot be read stays there, with a warning.

        Args:
            extra: By row, what has no field; entries are replaced, never changed.
            warnings: Index of rows to what was not understood.

        Returns:
            Stored field to values.
        """
        columns: dict[str, list[Scalar]] = {}
        if not self._owners:
            return columns
        meant: dict[str, tuple[CustomFields, Attribute] | None] = {}
        for i, values in enumerate(extra):
            left: dict[str, str] = {}
            for name, text in values.items():
                if name not in meant:
                    meant[name] = self._owner(name)
                owner = meant[name]
                if owner is None:
                    left[name] = text
                    continue
                try:
                    scalars = _read(*owner, text, self._headers.get(name, name), self._way_of(name))
                except (CrmkitError, ValueError, TypeError) as error:
                    left[name] = text
                    warnings.setdefault(i, []).append(f"{owner[1].name} {text[:_SHOWN]!r}: {_clause(error)}")
                    continue
                if any(field in columns and columns[field][i] is not None for field in scalars):
                    left[name] = text  # another column has said it already
                    continue
                for field, scalar in scalars.items():
                    columns.setdefault(field, [None] * len(extra))[i] = scalar
            if len(left) < len(values):
                extra[i] = left
        return columns


def typed_of(codec: Codec) -> Typed | None:
    """Return what a codec is for which it matters how a value is written, or None."""
    return _TYPED.get(codec.parts[0])


def plain_value(codec: Codec, text: str, column: str, way: Way) -> Any:
    """Return what a codec understands, whatever way a person wrote it in a *column*.

    Raises:
        ValueError: It is no such thing, or not written in this way.
    """
    match typed_of(codec), codec.parts[0][1]:
        case "day", _:
            return read_day(text, way.order)
        case "moment", _:
            return read_moment(text, way.order)
        case "number", "integer":
            whole = _whole(text, way)
            return text if whole is None else whole
        case "number", _:
            return f"{read_number(text, way.sign):f}"
        case "money", _:
            return read_money(text, way.sign, currency_of(column))
        case _, "boolean":
            return read_answer(text)
        case _:
            return text


def _whole(text: str, way: Way) -> int | None:
    try:
        number = read_number(text, way.sign)
    except ValueError:
        return None
    return int(number) if number == number.to_integral_value() else None


def settle_references(
    planning: Planning,
    kind: RecordType,
    columns: dict[str, list[Scalar]],
    extra: list[dict[str, str]],
    warnings: dict[int, list[str]],
) -> None:
    """Replace names by ids in columns that refer to records; what leads nowhere goes back to *extra*."""
    for name, field in kind.bonds.items():
        column = columns.get(field.name)
        if column is None:
            continue
        target = planning.schema[str(field.references)]
        found = _named(planning, target, {str(text) for text in column if text is not None})
        for i, text in enumerate(column):
            if text is None:
                continue
            column[i] = found.get(str(text))
            if column[i] is None:
                extra[i] = {**extra[i], name: str(text)}
                warnings.setdefault(i, []).append(f"there is no single {target.name} called {str(text)[:_SHOWN]!r}")


def _named(planning: Planning, target: RecordType, texts: set[str]) -> dict[str, str]:
    """Return what each text means: the id of a living record, or its key or name where only one has it."""
    place, deleted = target.position["id"], target.position["deleted_at"]
    rows = planning.get_many(target.name, sorted(texts))
    found = {str(row[place]): str(row[place]) for row in rows if row[deleted] is None}
    for field in ("key", "name"):
        left = sorted(texts - found.keys())
        if field in target.position and left:
            pairs = planning.lookup(target.name, field, left)
            held = Counter(str(value) for value, _ in pairs)
            found |= {str(value): id_ for value, id_ in pairs if held[str(value)] == 1}
    return found


def _read(custom: CustomFields, attribute: Attribute, text: str, column: str, way: Way) -> dict[str, Scalar]:
    """Return the scalars of what a cell says.

    Raises:
        ValueError: It cannot be read, or the class refuses it.
    """
    value = attribute.codec.parse(plain_value(attribute.codec, text, column, way))
    inner = attribute.name.partition(".")[2]
    definition: attrs.Attribute[Any] = getattr(attrs.fields(custom.cls), inner)
    if definition.validator is not None:
        definition.validator(custom.load({attribute.name: value}), definition, value)
    return dict(zip(attribute.fields, attribute.codec.encode(value), strict=True))


def _clause(error: Exception) -> str:
    return str(error.args[0] if error.args else error)


_TYPED: Final[Mapping[tuple[str, str], Typed]] = {
    ("", "day"): "day",
    ("", "moment"): "moment",
    ("", "integer"): "number",
    ("", "decimal"): "number",
    ("_minor", "integer"): "money",
}
"""The first scalar of a codec to what it is."""
