"""Grouping rows in plain Python, and adding them to groups that are there already."""

from __future__ import annotations

from collections.abc import Iterable

from crmkit.core.fields import Row, Scalar
from crmkit.core.query import Aggregate, Measure, rank_of
from crmkit.core.record_type import RecordType

__all__ = ["grouped"]

_Line = tuple[Scalar, ...]


def grouped(question: Aggregate, kind: RecordType, rows: Iterable[Row], *, lines: Iterable[_Line] = ()) -> list[_Line]:
    """Return the answer to a question of groups: the group's values, then its measures; ordered by the group.

    Args:
        question: The question; its conditions are not looked at again.
        kind: The record type.
        rows: The rows that count.
        lines: What the answer is without these rows.
    """
    group_places = [kind.position[kind.field(name).name] for name in question.group_by]
    measures = [(measure, kind.position[kind.field(name).name]) for measure, name in question.measures]
    groups: dict[_Line, list[list[Scalar]]] = {} if group_places else {(): [[] for _ in measures]}
    for line in lines:
        values = groups.setdefault(line[: len(group_places)], [[] for _ in measures])
        for column, value in zip(values, line[len(group_places) :], strict=True):
            column.append(value)
    for row in rows:
        values = groups.setdefault(tuple(row[place] for place in group_places), [[] for _ in measures])
        for column, (measure, place) in zip(values, measures, strict=True):
            column.append(int(row[place] is not None) if measure is Measure.COUNT else row[place])
    answer = [
        (
            *group,
            *(_measured(m, name, kind, column) for (m, name), column in zip(question.measures, values, strict=True)),
        )
        for group, values in groups.items()
    ]
    ranks = [rank_of(kind, name) for name in question.group_by]
    return sorted(answer, key=lambda line: [rank(value) for rank, value in zip(ranks, line, strict=False)])


def _measured(measure: Measure, field: str, kind: RecordType, values: Iterable[Scalar]) -> Scalar:
    present = [value for value in values if value is not None]
    if measure is Measure.COUNT:
        return sum(int(value) for value in present)
    if not present:
        return None
    if measure is Measure.SUM:
        return sum(int(value) for value in present)
    return (min if measure is Measure.MIN else max)(present, key=rank_of(kind, field))
