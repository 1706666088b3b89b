"""Expressions checked against the declared fields: every name known, every value of its kind.

Pure: what a path through references leads to is for the caller to look up, see
`Asked`. All that is wrong is reported at once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

import attrs

from crmkit.core.codecs import Codec, codec_for
from crmkit.core.expressions import AllOf, AnyOf, Expression, Negation, Test, Verb, quoted
from crmkit.core.fields import ANY, Field, Kind, Scalar
from crmkit.core.periods import days_of, moments_of
from crmkit.core.query import All, Compare, Condition, Not, Op, Order
from crmkit.core.query import Any as AnyCondition
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to
from crmkit.core.values.email import Email
from crmkit.core.values.money import UNUSUAL_DIGITS, Money
from crmkit.core.values.names import name_key
from crmkit.core.values.text import fold
from crmkit.errors import RejectedError

__all__ = ["Asked", "Called", "Link", "Place", "Question", "check_question", "fields_named", "locate", "orders_of"]

_MOST_LINKS: Final = 3
_MOST_COMPARISONS: Final = 500
_DEEPEST: Final = 40


@attrs.frozen
class Link:
    """A step from one record to another.

    Attributes:
        field: The reference.
        type: The record type it leads to.
    """

    field: str
    type: str


@attrs.frozen
class Called:
    """That a record is called by one of these names, in the way of people."""

    names: tuple[str, ...]


@attrs.frozen
class Asked:
    """One test, understood.

    Attributes:
        links: From the record asked about to the one that the condition is for.
        where: What that one fulfils. A record whose links lead nowhere does not fulfil it.
        negated: Whether the test asks for the contrary of all that.
    """

    links: tuple[Link, ...]
    where: Condition | Called
    negated: bool = False


@attrs.frozen
class Question:
    """An expression, understood.

    Attributes:
        type: The record type it is about.
        expression: What was asked; as text it is the same whenever it is asked.
        asked: Each of its tests, understood.
    """

    type: str
    expression: Expression
    asked: Mapping[Test, Asked]

    def condition(self, follow: Callable[[Asked], Condition]) -> Condition:
        """Return it as a condition on the fields of its type.

        Args:
            follow: Turns a test into such a condition; asked once for each test.
        """
        known = {test: follow(asked) for test, asked in self.asked.items()}
        return _condition(self.expression, known, negated=False)


def check_question(schema: Schema, kind: str, expression: Expression, *, now: datetime) -> Question:
    """Check every name and value of an expression.

    Args:
        schema: The record types.
        kind: The record type it is about.
        expression: What is asked.
        now: What ``-30d`` and ``today`` go by.

    Raises:
        RejectedError: With all that is wrong.
    """
    asked: dict[Test, Asked] = {}
    problems: list[str] = []
    for test in _tests(expression, 0):
        if test in asked:
            continue
        try:
            asked[test] = _understood(schema, kind, test, now)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise RejectedError(dict.fromkeys(problems))
    count = sum(_comparisons(each.where) for each in asked.values())
    if count > _MOST_COMPARISONS:
        raise RejectedError(f"the condition makes {count} comparisons; at most {_MOST_COMPARISONS} are possible")
    return Question(kind, expression, asked)


def orders_of(kind: RecordType, names: Sequence[str]) -> tuple[Order, ...]:
    """Return the fields to order by; ``-created_at`` is descending, money goes by currency first.

    Raises:
        RejectedError: With all names that cannot be ordered by.
    """
    orders: list[Order] = []
    problems: list[str] = []
    for name in names:
        plain, descending = name.removeprefix("-"), name.startswith("-")
        try:
            fields = fields_named(kind, plain)
            orders += [Order(each, descending) for each in reversed(fields) if each not in {o.field for o in orders}]
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise RejectedError(problems)
    return tuple(orders)


def fields_named(kind: RecordType, name: str) -> tuple[str, ...]:
    """Return the stored fields of what records can be ordered or grouped by: of money its minor units and currency.

    Raises:
        ValueError: There is no such field of the record itself, or it has no order.
    """
    if name in kind.attribute:
        fields = kind.attribute[name].fields
    elif name in kind.visible_names:
        fields = (name,)
    elif any(_steps(kind, name)):
        raise ValueError(f"{name} belongs to another record; only a field of the {kind.name} itself is possible here")
    elif link := _reference(kind, name):
        fields = (link.field,)
    else:
        raise ValueError(_unknown(kind, name, name))
    if kind.field(fields[0]).kind is Kind.JSON:
        raise ValueError(f"{name} can be neither ordered nor grouped by")
    return fields


@attrs.frozen
class Place:
    """What a path leads to.

    Attributes:
        links: The references that were followed.
        type: The record type where it ends.
        name: The name of what it ends at: an attribute, a stored field, or a reference
            without its ``_id`` that stands for the record itself.
    """

    links: tuple[Link, ...]
    type: RecordType
    name: str


def locate(schema: Schema, kind: str, path: str) -> Place:
    """Return what a path leads to.

    Raises:
        ValueError: There is no such field; says what comes close.
    """
    type_, rest = schema[kind], path
    links: tuple[Link, ...] = ()
    while True:
        if _is_known(type_, rest):
            return Place(links, type_, rest)
        link = next((found for found in _steps(type_, rest) if found), None)
        if link is None:
            raise ValueError(_unknown(type_, rest, path))
        if len(links) == _MOST_LINKS:
            raise ValueError(f"{path} goes through more than {_MOST_LINKS} records")
        links, rest = (*links, link[0]), link[1]
        type_ = schema[link[0].type]


# --------------------------------------------------------------------- names


def _is_known(kind: RecordType, name: str) -> bool:
    if name in kind.attribute or name in kind.visible_names:
        return True
    return _reference(kind, name) is not None or _is_person_name(kind, name)


def _reference(kind: RecordType, name: str) -> Link | None:
    """Return the reference that a name such as ``account`` stands for, if it leads to one type of records.

    The stored field is ``account_id``, which stands for the id; or a custom ``booth``, which has no such ending.
    """
    for stored in (f"{name}_id", name):
        field = kind.fields[kind.position[stored]] if stored in kind.position else None
        if field is None or field.references in (None, ANY) or field.hidden or field.carried:
            continue
        if stored != name and name in kind.attribute:
            continue  # a plain field of that name comes first
        return None if name.endswith("_id") else Link(field.name, str(field.references))
    return None


def _is_person_name(kind: RecordType, name: str) -> bool:
    # People have no stored name; the key made of first and last name tells as much.
    return name == "name" and "name" not in kind.position and "name_key" in kind.position


def _steps(kind: RecordType, path: str) -> Iterator[tuple[Link, str] | None]:
    """Yield each reference that a path may begin with, and the rest of it; a custom one has a dot in its name."""
    parts = path.split(".")
    for cut in range(1, len(parts)):
        link = _reference(kind, ".".join(parts[:cut]))
        yield None if link is None else (link, ".".join(parts[cut:]))


def _unknown(kind: RecordType, name: str, path: str) -> str:
    people = ["name"] if _is_person_name(kind, "name") else []
    references = [f.name.removesuffix("_id") for f in kind.references if _reference(kind, f.name.removesuffix("_id"))]
    _, dot, tail = name.partition(".")
    close = close_to(
        name, [*people, *kind.attribute, *references, *(f"{each}{dot}{tail}" for each in references if dot)]
    )
    hint = f"; did you mean {' or '.join(path.removesuffix(name) + each for each in close)}?" if close else ""
    return f"there is no field of {kind.name} {name!r}{hint}"


# -------------------------------------------------------------------- values


_ORDERED: Final = {
    Verb.LESS: Op.LT,
    Verb.AT_MOST: Op.LE,
    Verb.MORE: Op.GT,
    Verb.AT_LEAST: Op.GE,
}
_EXACT: Final = frozenset({Verb.EQUALS, Verb.IN, Verb.EMPTY})
_WORDS: Final = _EXACT | {Verb.CONTAINS}
_SCALE: Final = _EXACT | {*_ORDERED, Verb.BETWEEN}
_VERBS: Final[Mapping[Kind, frozenset[Verb]]] = {
    Kind.TEXT: _SCALE | {Verb.CONTAINS},
    Kind.INTEGER: _SCALE,
    Kind.DECIMAL: _SCALE,
    Kind.MOMENT: _SCALE,
    Kind.DAY: _SCALE,
    Kind.BOOLEAN: _EXACT,
}
_LIST: Final = frozenset({Verb.HAS, Verb.IN, Verb.EMPTY})
_MAPPING: Final = frozenset({Verb.EQUALS, Verb.EMPTY})

_TEXT: Final = codec_for(str, owner="text")
_WHOLE: Final = codec_for(int, owner="number")

Span = tuple[Scalar, Scalar]
"""The first and the last scalar that a value stands for; mostly the same."""


def _understood(schema: Schema, kind: str, test: Test, now: datetime) -> Asked:
    place = locate(schema, kind, test.path)
    try:
        _check_ids(schema, place, test)
        return _asked(place, test, now)
    except ValueError as error:
        raise ValueError(f"{test.path} {error}") from None


def _check_ids(schema: Schema, place: Place, test: Test) -> None:
    """Refuse a name where an id is expected: it would find nothing, without saying why."""
    position = place.type.position.get(place.name)
    target = None if position is None else place.type.fields[position].references
    if target in (None, ANY) or test.verb not in _EXACT or not place.name.endswith("_id"):
        return
    wrong = [value for value in test.values if not value.startswith(f"{schema[str(target)].prefix}_")]
    if wrong:
        raise ValueError(f"holds ids; ask for {test.path.removesuffix('_id')} = {quoted(wrong[0])}")


def _asked(place: Place, test: Test, now: datetime) -> Asked:
    type_, name, attribute = place.type, place.name, place.type.attribute.get(place.name)
    if test.verb is not Verb.EMPTY and (link := _reference(type_, name)):
        _allow(test, _EXACT, hint="compare one of its fields")
        return Asked((*place.links, link), Called(tuple(_plain(value) for value in test.values)))
    if test.verb is Verb.EMPTY:
        # Asked the other way round, since a record whose links lead nowhere has nothing there either.
        return Asked(place.links, Compare(_first_field(type_, name), Op.NE, None), negated=True)
    if attribute is None and _is_person_name(type_, name):
        return Asked(place.links, _person_name(test))
    if attribute is not None and len(attribute.fields) > 1:
        return Asked(place.links, _money(attribute.fields, test))
    field = type_.field(name)
    if field.kind is Kind.JSON:
        assert attribute is not None  # noqa: S101  # every list and mapping is one
        return Asked(place.links, _json(field.name, attribute.codec, test))
    codec = attribute.codec if attribute else _PLAIN[field.kind]
    return Asked(place.links, _simple(type_, field, codec, test, now))


def _first_field(type_: RecordType, name: str) -> str:
    if name in type_.attribute:
        return type_.attribute[name].fields[0]
    link = _reference(type_, name)
    if link is not None:
        return link.field
    return "name_key" if _is_person_name(type_, name) else name


def _simple(type_: RecordType, field: Field, codec: Codec, test: Test, now: datetime) -> Condition:
    """Return the condition on a field that one scalar is stored in."""
    _allow(test, _VERBS[field.kind])
    if test.verb is Verb.CONTAINS:
        return Compare(field.name, Op.CONTAINS, _words(test.values[0]))
    spans = [_span(field, codec, value, now) for value in test.values]
    name = field.name
    if test.verb in _EXACT and "email_key" in type_.position and name == "email":
        # Addresses that differ in case only are one.
        name, spans = "email_key", [(Email.trusted(str(low)).key,) * 2 for low, _ in spans]
    return _compared(name, test.verb, spans)


def _span(field: Field, codec: Codec, value: str, now: datetime) -> Span:
    """Return the first and the last scalar that a value stands for."""
    if field.kind is Kind.MOMENT:
        first, last = (codec.encode(moment)[0] for moment in moments_of(value.strip(), now))
        return first, last
    if field.kind is Kind.DAY:
        first, last = (codec.encode(day)[0] for day in days_of(value.strip(), now))
        return first, last
    scalar = codec.encode(codec.parse(value))[0]
    return scalar, scalar


def _compared(name: str, verb: Verb, spans: Sequence[Span]) -> Condition:
    low, high = spans[0] if spans else (None, None)
    match verb:
        case Verb.EQUALS:
            return _within(name, low, high)
        case Verb.IN if all(first == last for first, last in spans):
            return Compare(name, Op.IN, tuple(first for first, _ in spans))
        case Verb.IN:
            return AnyCondition(tuple(_within(name, *span) for span in spans))
        case Verb.BETWEEN:
            return All((Compare(name, Op.GE, low), Compare(name, Op.LE, spans[1][1])))
    # What comes before a period comes before its first moment, what comes after it after its last.
    return Compare(name, _ORDERED[verb], high if verb in (Verb.AT_MOST, Verb.MORE) else low)


def _within(name: str, low: Scalar, high: Scalar) -> Condition:
    if low == high:
        return Compare(name, Op.EQ, low)
    return All((Compare(name, Op.GE, low), Compare(name, Op.LE, high)))


def _person_name(test: Test) -> Condition:
    _allow(test, _WORDS)
    if test.verb is Verb.CONTAINS:
        return Compare("name_key", Op.CONTAINS, name_key(_words(test.values[0])))
    return Compare("name_key", Op.IN, tuple(name_key(_plain(value)) for value in test.values))


def _json(name: str, codec: Codec, test: Test) -> Condition:
    if codec.decode is not None and codec.decode(None) == ():
        _allow(test, _LIST)
        return AnyCondition(tuple(Compare(name, Op.HAS, _plain(value)) for value in test.values))
    _allow(test, _MAPPING)
    try:
        value = json.loads(test.values[0])
    except (ValueError, RecursionError):
        raise ValueError("must be a mapping, written as JSON") from None
    return Compare(name, Op.EQ, codec.encode(codec.parse(value))[0])


# --------------------------------------------------------------------- money


def _money(fields: tuple[str, ...], test: Test) -> Condition:
    _allow(test, _SCALE)
    amounts = [_amount(value) for value in test.values]
    if test.verb is Verb.IN:
        return AnyCondition(tuple(_of_money(fields, Verb.EQUALS, amount) for amount in amounts))
    if test.verb is Verb.BETWEEN:
        low, high = amounts
        return All((_of_money(fields, Verb.AT_LEAST, low), _of_money(fields, Verb.AT_MOST, high)))
    return _of_money(fields, test.verb, amounts[0])


def _amount(value: str) -> Money | Decimal:
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    try:
        return Money.parse(text)
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no amount such as 1000 or '1000 EUR'") from None


_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def _of_money(fields: tuple[str, ...], verb: Verb, amount: Money | Decimal) -> Condition:
    minor, currency = fields
    if isinstance(amount, Money):
        return All((Compare(currency, Op.EQ, amount.currency), _of_minor(minor, verb, Decimal(amount.minor))))
    # A bare number counts in any currency, so the minor units depend on how many decimals that has.
    by_digits: dict[int, list[str]] = {}
    for code, digits in UNUSUAL_DIGITS.items():
        by_digits.setdefault(digits, []).append(code)
    choices = [
        All((Compare(currency, Op.IN, tuple(codes)), _of_minor(minor, verb, _shifted(amount, digits))))
        for digits, codes in by_digits.items()
    ]
    usual = Not(Compare(currency, Op.IN, tuple(UNUSUAL_DIGITS)))
    return AnyCondition((All((usual, _of_minor(minor, verb, _shifted(amount, 2)))), *choices))


def _shifted(amount: Decimal, digits: int) -> Decimal:
    return amount.scaleb(digits, _EXACTLY)


_EXACTLY: Final = Context(prec=100)
_LARGEST: Final = 2**63 - 1


def _of_minor(name: str, verb: Verb, bound: Decimal) -> Condition:
    """Return the condition that whole minor units are equal to, less or more than a number that may have a rest."""
    whole = bound == bound.to_integral_value(context=_EXACTLY)
    if verb is Verb.EQUALS and not (whole and abs(bound) <= _LARGEST):
        return AnyCondition(())
    upwards = verb in (Verb.MORE, Verb.AT_LEAST)
    if not whole:  # more than 2.5 is at least 3, and at most 2.5 is at most 2
        verb, bound = (
            (Verb.AT_LEAST, Decimal(math.ceil(bound))) if upwards else (Verb.AT_MOST, Decimal(math.floor(bound)))
        )
    if abs(bound) > _LARGEST:
        return Compare(name, Op.NE, None) if upwards == (bound < 0) else AnyCondition(())
    return Compare(name, Op.EQ if verb is Verb.EQUALS else _ORDERED[verb], int(bound))


# ------------------------------------------------------------------- helpers


_PLAIN: Final[Mapping[Kind, Codec]] = {Kind.TEXT: _TEXT, Kind.INTEGER: _WHOLE}


def _allow(test: Test, verbs: frozenset[Verb], *, hint: str = "") -> None:
    if test.verb not in verbs:
        possible = ", ".join(verb.value for verb in Verb if verb in verbs)
        told = f"; {hint}" if hint else ""
        raise ValueError(f"cannot be asked for with {test.verb.value} (possible: {possible}{told})")


def _plain(value: str) -> str:
    """Return a text that can be stored and so be compared."""
    text: str | None = _TEXT.parse(value)
    if text is None:
        raise ValueError("is compared with an empty text; ask whether it is empty")
    return text


def _words(value: str) -> str:
    text = _plain(value)
    if not fold(text):
        raise ValueError(f"is searched for {value!r}, in which there is neither letter nor digit")
    return text


def _tests(expression: Expression, depth: int) -> Iterator[Test]:
    if depth > _DEEPEST:
        raise RejectedError(f"the condition is nested more than {_DEEPEST} deep")
    if isinstance(expression, Test):
        yield expression
    elif isinstance(expression, Negation):
        yield from _tests(expression.part, depth + 1)
    elif isinstance(expression, (AllOf, AnyOf)):
        for part in expression.parts:
            yield from _tests(part, depth + 1)


def _condition(expression: Expression, known: Mapping[Test, Condition], *, negated: bool) -> Condition:
    """Put conditions together; a "not" moves inwards, so that depth costs a back end as little as can be."""
    if isinstance(expression, Negation):
        return _condition(expression.part, known, negated=not negated)
    if isinstance(expression, (AllOf, AnyOf)):
        parts = tuple(_condition(part, known, negated=negated) for part in expression.parts)
        return All(parts) if isinstance(expression, AllOf) is not negated else AnyCondition(parts)
    assert isinstance(expression, Test)  # noqa: S101  # there is nothing else
    condition = known[expression]
    if not negated:
        return condition
    return condition.part if isinstance(condition, Not) else Not(condition)


def _comparisons(where: Condition | Called) -> int:
    if isinstance(where, (Compare, Called)):
        return 1
    return _comparisons(where.part) if isinstance(where, Not) else sum(map(_comparisons, where.parts))
