"""What can be asked of a record type: conditions, order, pages, sums.

A query is data. A back end turns it into its own language; `matches` and `sort_key`
say in plain Python what it means, and the memory back end uses just these.

Conditions are two-valued: nothing is never "unknown". ``ne`` matches a missing value,
comparisons of order never do, and None sorts before everything.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import attrs

from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.record_type import RecordType
from crmkit.core.values.text import fold

__all__ = ["Aggregate", "All", "Any", "Compare", "Condition", "Measure", "Not", "Op", "Order", "Query", "matches"]


class Op(enum.Enum):
    """How a field is compared.

    Attributes:
        EQ: Equal; with None: is empty.
        NE: Not equal; with None: is not empty.
        LT: Before or less; so on for LE, GT, GE.
        IN: Equal to one of a tuple.
        CONTAINS: The folded text holds the folded value (accents and case do not count).
        HAS: The list holds the value.
    """

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    CONTAINS = "~"
    HAS = "has"


@attrs.frozen
class Compare:
    """One field against one value (a tuple of values for `Op.IN`)."""

    field: str
    op: Op
    value: Scalar | tuple[Scalar, ...]


@attrs.frozen
class All:
    """Every part holds; an empty one is true."""

    parts: tuple[Condition, ...]


@attrs.frozen
class Any:
    """At least one part holds; an empty one is false."""

    parts: tuple[Condition, ...]


@attrs.frozen
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compare | All | Any | Not


@attrs.frozen
class Order:
    """One field to order by."""

    field: str
    descending: bool = False


@attrs.frozen(kw_only=True)
class Query:
    """A question about the records of one type.

    Attributes:
        type: The name of the record type.
        where: Which records; None means all.
        order: By what; ties, and an empty order, go by id.
        limit: At most so many; None means all.
        after: The last row of the page before, as the scalars of the order fields
            and the id; None means from the start.
        deleted: Whether deleted records are found too.
    """

    type: str
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    after: tuple[Scalar, ...] | None = None
    deleted: bool = False

    @property
    def full_order(self) -> tuple[Order, ...]:
        """The order with the id as the last word, so that pages never overlap."""
        if any(o.field == "id" for o in self.order):
            return self.order
        return (*self.order, Order("id", self.order[-1].descending if self.order else False))


class Measure(enum.Enum):
    """What is computed over a group."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


@attrs.frozen(kw_only=True)
class Aggregate:
    """A question about groups of records.

    Attributes:
        type: The name of the record type.
        where: Which records; None means all.
        group_by: The fields that make a group; none means one group of all.
        measures: What is computed, each as measure and field; the field of COUNT
            is ``id``. Sums are of whole numbers, exact, and None where nothing was summed.
        deleted: Whether deleted records count.
    """

    type: str
    where: Condition | None = None
    group_by: tuple[str, ...] = ()
    measures: tuple[tuple[Measure, str], ...] = ((Measure.COUNT, "id"),)
    deleted: bool = False


def matches(condition: Condition | None, kind: RecordType) -> Callable[[Row], bool]:
    """Return a function that says whether a row of that type fulfils the condition."""
    if condition is None:
        return lambda _row: True
    if isinstance(condition, All):
        parts = [matches(part, kind) for part in condition.parts]
        return lambda row: all(part(row) for part in parts)
    if isinstance(condition, Any):
        parts = [matches(part, kind) for part in condition.parts]
        return lambda row: any(part(row) for part in parts)
    if isinstance(condition, Not):
        inner = matches(condition.part, kind)
        return lambda row: not inner(row)
    return _compared(condition, kind)


def has_words(text: Scalar, words: Iterable[str]) -> bool:
    """Tell whether each word begins a word of a folded text, as a search wants it."""
    present = str(text or "").split()
    return all(any(each.startswith(word) for each in present) for word in words)


def sort_rows(rows: Iterable[Row], query: Query, kind: RecordType) -> list[Row]:
    """Return rows in the order of a query."""
    ordered = list(rows)
    for order in reversed(query.full_order):
        key = order_key(kind, order.field)
        ordered.sort(key=key, reverse=order.descending)
    return ordered


def is_after(query: Query, kind: RecordType) -> Callable[[Row], bool]:
    """Return a function that says whether a row comes behind ``query.after``."""
    if query.after is None:
        return lambda _row: True
    orders = query.full_order
    keys = [order_key(kind, order.field) for order in orders]
    places = [kind.position[order.field] for order in orders]
    last: list[Scalar] = [None] * len(kind.fields)
    for place, value in zip(places, query.after, strict=True):
        last[place] = value
    bounds = [key(tuple(last)) for key in keys]

    def behind(row: Row) -> bool:
        for order, key, bound in zip(orders, keys, bounds, strict=True):
            mine = key(row)
            if mine != bound:
                return mine < bound if order.descending else mine > bound
        return False

    return behind


def order_key(kind: RecordType, field: str) -> Callable[[Row], tuple[object, ...]]:
    """Return the sort key of a field, for rows."""
    place, rank = kind.position[kind.field(field).name], rank_of(kind, field)
    return lambda row: rank(row[place])


def rank_of(kind: RecordType, field: str) -> Callable[[Scalar], tuple[object, ...]]:
    """Return the sort key of a field, for its scalars: None first, numbers as numbers."""
    if kind.field(field).kind is Kind.DECIMAL:
        return lambda value: (0,) if value is None else (1, Decimal(value))
    return lambda value: (0,) if value is None else (1, value)


def _compared(condition: Compare, kind: RecordType) -> Callable[[Row], bool]:
    field = kind.field(condition.field)
    place = kind.position[field.name]
    op, value = condition.op, condition.value
    if op is Op.IN:
        wanted = frozenset(value)  # type: ignore[arg-type]  # a tuple, by the meaning of IN
        return lambda row: row[place] in wanted
    if op is Op.EQ:
        return lambda row: row[place] == value
    if op is Op.NE:
        return lambda row: row[place] != value
    if value is None:
        return lambda _row: False
    if op is Op.CONTAINS:
        needle = fold(str(value))
        return lambda row: row[place] is not None and needle in fold(str(row[place]))
    if op is Op.HAS:
        return lambda row: row[place] is not None and _has(json.loads(str(row[place])), value)
    compare = _ORDERED[op]
    if field.kind is Kind.DECIMAL:
        bound = Decimal(value)  # type: ignore[arg-type]
        return lambda row: row[place] is not None and compare(Decimal(row[place]), bound)  # type: ignore[arg-type]
    return lambda row: row[place] is not None and compare(row[place], value)


def _has(items: object, value: object) -> bool:
    return isinstance(items, list) and value in items


_ORDERED: Mapping[Op, Callable[[object, object], bool]] = {
    Op.LT: lambda a, b: a < b,  # type: ignore[operator]
    Op.LE: lambda a, b: a <= b,  # type: ignore[operator]
    Op.GT: lambda a, b: a > b,  # type: ignore[operator]
    Op.GE: lambda a, b: a >= b,  # type: ignore[operator]
}


def both(*conditions: Condition | None) -> Condition | None:
    """Return the conjunction of conditions, leaving out those that are None."""
    present: Sequence[Condition] = [c for c in conditions if c is not None]
    if not present:
        return None
    return present[0] if len(present) == 1 else All(tuple(present))
