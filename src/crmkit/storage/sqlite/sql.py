"""Queries as SQL. Names come from the declared fields only, values go as parameters only."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache

from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.query import Aggregate, All, Compare, Condition, Measure, Not, Op, Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.values.text import fold
from crmkit.storage.sqlite.connection import DECIMAL_COLLATION, FOLD_FUNCTION

__all__ = [
    "SEARCH_KEY",
    "aggregate_sql",
    "column_name",
    "columns",
    "find_sql",
    "json_list",
    "ordered",
    "quoted",
    "with_whole_sums",
]

SEARCH_KEY = "search_key"
"""The column of a searched table that its search index refers to."""

_Sql = tuple[str, list[Scalar]]

# One text per number (see `Kind.DECIMAL`), so equality needs no collation and can use an index.
_EQUAL = {Op.EQ: "=", Op.NE: "IS NOT"}
_NEVER_NONE = frozenset({"id", "version", "created_at", "updated_at"})


def find_sql(query: Query, kind: RecordType) -> _Sql:
    """Return the statement and parameters for the rows of a query."""
    clauses, parameters = _where(query.where, kind, deleted=query.deleted)
    if query.after is not None:
        behind, more = _behind(query, kind)
        clauses.append(behind)
        parameters += more
    order = ", ".join(ordered(kind, o.field) + (" DESC" if o.descending else "") for o in query.full_order)
    text = f"SELECT {columns(kind)} FROM {quoted(kind.name)}{_and(clauses)} ORDER BY {order}"
    if query.limit is not None:
        text += " LIMIT ?"
        parameters.append(query.limit)
    return text, parameters


def aggregate_sql(question: Aggregate, kind: RecordType) -> _Sql:
    """Return the statement and parameters for the groups of an aggregate.

    SQLite's ``sum`` fails beyond 63 bits. So a sum is made of the lower 32 bits of its
    numbers, and that of the upper ones stands at the end of the line: see `with_whole_sums`.
    """
    clauses, parameters = _where(question.where, kind, deleted=question.deleted)
    groups = [_column(kind, name) for name in question.group_by]
    measures = [_measure(measure, name, kind) for measure, name in question.measures]
    upper = [f"sum({_column(kind, name)} >> 32)" for measure, name in question.measures if measure is Measure.SUM]
    text = f"SELECT {', '.join(groups + measures + upper)} FROM {quoted(kind.name)}{_and(clauses)}"
    if groups:
        order = ", ".join(ordered(kind, name) for name in question.group_by)
        text += f" GROUP BY {', '.join(groups)} ORDER BY {order}"
    return text, parameters


def with_whole_sums(question: Aggregate, rows: list[Row]) -> list[Row]:
    """Put the two halves of each sum together in the rows of `aggregate_sql`."""
    first = len(question.group_by)
    sums = [first + i for i, (measure, _) in enumerate(question.measures) if measure is Measure.SUM]
    if not sums:
        return rows
    width = first + len(question.measures)
    return [_with_whole_sums(row, sums, width) for row in rows]


def _with_whole_sums(row: Row, sums: list[int], width: int) -> Row:
    line = list(row[:width])
    for place, upper in zip(sums, row[width:], strict=True):
        if upper is not None:
            line[place] = (int(upper) << 32) + int(line[place] or 0)
    return tuple(line)


@lru_cache(256)
def columns(kind: RecordType) -> str:
    """Return the columns of a row, in order."""
    return ", ".join(quoted(name) for name in kind.field_names)


def column_name(field: str) -> str:
    """Return the column of a field: a custom field is written with an underscore for its dot."""
    return field.replace(".", "_")


@lru_cache(4096)
def quoted(name: str) -> str:
    """Return a name of the schema as an SQL identifier."""
    return '"' + column_name(name).replace('"', '""') + '"'


def ordered(kind: RecordType, name: str) -> str:
    """Return a field as something to order by."""
    field = kind.field(name)
    return quoted(name) + (f" COLLATE {DECIMAL_COLLATION}" if field.kind is Kind.DECIMAL else "")


def json_list(values: Collection[Scalar]) -> str:
    """Return values for ``IN (SELECT value FROM json_each(?))``: any number, one parameter."""
    text = json.dumps(list(values), ensure_ascii=False)
    if "\\u0000" not in text:
        return text
    # SQLite would cut these short and find others; no stored text holds a NUL.
    return json.dumps([value for value in values if not (isinstance(value, str) and "\0" in value)], ensure_ascii=False)


def _where(where: Condition | None, kind: RecordType, *, deleted: bool) -> tuple[list[str], list[Scalar]]:
    clauses = [] if deleted else ['"deleted_at" IS NULL']
    parameters: list[Scalar] = []
    if where is not None:
        clauses.append(_condition(where, kind, parameters))
    return clauses, parameters


def _and(clauses: list[str]) -> str:
    return f" WHERE {' AND '.join(clauses)}" if clauses else ""


def _condition(condition: Condition, kind: RecordType, parameters: list[Scalar]) -> str:
    if isinstance(condition, Compare):
        return _compare(condition, kind, parameters)
    if isinstance(condition, Not):
        # Two-valued: what SQL does not know does not hold, and so its negation does.
        return f"NOT coalesce({_condition(condition.part, kind, parameters)}, 0)"
    parts = [_condition(part, kind, parameters) for part in condition.parts]
    if isinstance(condition, All):
        return f"({' AND '.join(parts)})" if parts else "1"
    return f"({' OR '.join(parts)})" if parts else "0"


def _compare(condition: Compare, kind: RecordType, parameters: list[Scalar]) -> str:
    field, op, value = kind.field(condition.field), condition.op, condition.value
    column = quoted(field.name)
    if op is Op.IN:
        values: tuple[Scalar, ...] = value  # type: ignore[assignment]  # a tuple, by the meaning of IN
        parameters.append(json_list([v for v in values if v is not None]))
        listed = f"{column} IN (SELECT value FROM json_each(?))"
        return f"({listed} OR {column} IS NULL)" if None in values else listed
    if value is None:
        return f"{column} IS NULL" if op is Op.EQ else f"{column} IS NOT NULL" if op is Op.NE else "0"
    if op is Op.CONTAINS:
        parameters.append(fold(str(value)))
        return f"instr({FOLD_FUNCTION}({column}), ?) > 0"
    parameters.append(value)  # type: ignore[arg-type]  # a tuple only with IN
    if op is Op.HAS:
        # The keys of a list are numbers, those of a mapping are text.
        return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ? AND typeof(key) = 'integer')"
    if op in _EQUAL:
        return f"{column} {_EQUAL[op]} ?"
    return f"{ordered(kind, field.name)} {op.value} ?"


def _behind(query: Query, kind: RecordType) -> _Sql:
    """The rows behind the last one of a page: behind in the first field, or equal there and behind in the next."""
    choices: list[str] = []
    parameters: list[Scalar] = []
    equal: list[str] = []
    equal_parameters: list[Scalar] = []
    for order, value in zip(query.full_order, query.after or (), strict=True):
        step = _step(order, value, kind)
        choices.append(" AND ".join([*equal, step]))
        parameters += equal_parameters
        if "?" in step:
            parameters.append(value)
        equal.append(f"{quoted(order.field)} IS ?")
        equal_parameters.append(value)
    behind = f"({' OR '.join(choices)})"
    first, value = query.full_order[0], (query.after or (None,))[0]
    if value is not None and (first.field in _NEVER_NONE or not first.descending):
        # Implied by the rest, but this part SQLite can look up in an index.
        behind += f" AND {ordered(kind, first.field)} {'<=' if first.descending else '>='} ?"
        parameters.append(value)
    return behind, parameters


def _step(order: Order, value: Scalar, kind: RecordType) -> str:
    column = ordered(kind, order.field)
    if not order.descending:
        return f"{column} IS NOT NULL" if value is None else f"{column} > ?"
    if value is None:
        return "0"
    return f"{column} < ?" if order.field in _NEVER_NONE else f"({column} < ? OR {column} IS NULL)"


def _measure(measure: Measure, name: str, kind: RecordType) -> str:
    if measure in (Measure.MIN, Measure.MAX):
        return f"{measure.value}({ordered(kind, name)})"
    if measure is Measure.SUM:
        return f"sum({_column(kind, name)} & 4294967295)"
    return f"{measure.value}({_column(kind, name)})"


def _column(kind: RecordType, name: str) -> str:
    return quoted(kind.field(name).name)
