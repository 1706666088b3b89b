"""Queries as SQL. Names come from the declared fields only, values go as parameters only."""

from __future__ import annotations

import json
from collections.abc import Iterable

from crmkit.core.query import Aggregate, All, Any, Compare, Condition, Measure, Not, Op, Query
from crmkit.core.schema import Kind, RecordType, Scalar
from crmkit.core.values.text import fold

__all__ = ["DECIMAL_COLLATION", "FOLD_FUNCTION", "aggregate_sql", "find_sql", "json_list", "quoted"]

FOLD_FUNCTION = "crmkit_fold"
DECIMAL_COLLATION = "crmkit_decimal"

_Sql = tuple[str, list[Scalar]]


def find_sql(query: Query, kind: RecordType) -> _Sql:
    """Return the statement and parameters for the rows of a query."""
    clauses, parameters = _where(query.where, kind, deleted=query.deleted)
    if query.after is not None:
        behind, more = _behind(query, kind)
        clauses.append(behind)
        parameters += more
    order = ", ".join(
        _ordered(kind, o.field) + (" DESC" if o.descending else "") for o in query.full_order
    )
    text = f"SELECT {columns(kind)} FROM {quoted(kind.name)}{_and(clauses)} ORDER BY {order}"
    if query.limit is not None:
        text += " LIMIT ?"
        parameters.append(query.limit)
    return text, parameters


def aggregate_sql(question: Aggregate, kind: RecordType) -> _Sql:
    """Return the statement and parameters for the groups of an aggregate."""
    clauses, parameters = _where(question.where, kind, deleted=question.deleted)
    groups = [_column(kind, name) for name in question.group_by]
    measures = [_measure(measure, name, kind) for measure, name in question.measures]
    text = f"SELECT {', '.join(groups + measures)} FROM {quoted(kind.name)}{_and(clauses)}"
    if groups:
        text += f" GROUP BY {', '.join(groups)} ORDER BY {', '.join(groups)}"
    return text, parameters


def columns(kind: RecordType) -> str:
    """Return the columns of a row, in order."""
    return ", ".join(quoted(name) for name in kind.field_names)


def quoted(name: str) -> str:
    """Return a name of the schema as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def json_list(values: Iterable[Scalar]) -> str:
    """Return values for ``IN (SELECT value FROM json_each(?))``: any number, one parameter."""
    return json.dumps(list(values), ensure_ascii=False)


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
        parameters.append(json_list(v for v in values if v is not None))
        listed = f"{column} IN (SELECT value FROM json_each(?))"
        return f"({listed} OR {column} IS NULL)" if None in values else listed
    if value is None:
        return f"{column} IS NULL" if op is Op.EQ else f"{column} IS NOT NULL" if op is Op.NE else "0"
    if op is Op.CONTAINS:
        parameters.append(fold(str(value)))
        return f"instr({FOLD_FUNCTION}({column}), ?) > 0"
    parameters.append(value)  # type: ignore[arg-type]  # a tuple only with IN
    if op is Op.HAS:
        return f"EXISTS (SELECT 1 FROM json_each({column}) AS item WHERE item.value = ?)"
    if op is Op.NE:
        return f"{column} IS NOT ?"
    return f"{_ordered(kind, field.name)} {op.value} ?"


def _behind(query: Query, kind: RecordType) -> _Sql:
    """The rows behind the last one of a page: behind in the first field, or equal there and behind in the next."""
    choices: list[str] = []
    parameters: list[Scalar] = []
    equal: list[str] = []
    equal_parameters: list[Scalar] = []
    for order, value in zip(query.full_order, query.after or (), strict=True):
        column = _ordered(kind, order.field)
        if order.descending:
            step = "0" if value is None else f"({column} < ? OR {column} IS NULL)"
        else:
            step = f"{column} IS NOT NULL" if value is None else f"{column} > ?"
        choices.append(" AND ".join([*equal, step]))
        parameters += equal_parameters
        if "?" in step:
            parameters.append(value)
        equal.append(f"{column} IS ?")
        equal_parameters.append(value)
    return f"({' OR '.join(choices)})", parameters


def _measure(measure: Measure, name: str, kind: RecordType) -> str:
    if measure in (Measure.MIN, Measure.MAX):
        return f"{measure.value}({_ordered(kind, name)})"
    return f"{measure.value}({_column(kind, name)})"


def _column(kind: RecordType, name: str) -> str:
    return quoted(kind.field(name).name)


def _ordered(kind: RecordType, name: str) -> str:
    field = kind.field(name)
    return quoted(name) + (f" COLLATE {DECIMAL_COLLATION}" if field.kind is Kind.DECIMAL else "")
