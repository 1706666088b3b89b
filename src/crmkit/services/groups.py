"""Groups of records, and what is counted and added up in them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import ANY, Kind, Row, Scalar
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Condition, Measure
from crmkit.core.questions import fields_named
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import RejectedError
from crmkit.services.workspace import Workspace

__all__ = ["Group", "Groups"]


@attrs.frozen(kw_only=True)
class Group:
    """Records that have the same values.

    Attributes:
        key: Field to the value that all have; a reference has the id of the record.
        labels: The same for people: a reference has what the record is called.
        count: How many records.
        sum: Field to the sum of its values, or None where none has one.
        min: Field to the least value, or None.
        max: Field to the greatest value, or None.
    """

    key: Mapping[str, Any]
    labels: Mapping[str, str]
    count: int
    sum: Mapping[str, Any] = attrs.field(factory=dict)
    min: Mapping[str, Any] = attrs.field(factory=dict)
    max: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Groups:
    """Records by the values they share; asked for numbers, it gives a `Group` for each.

    Groups are ordered by their keys. Money is measured for each currency apart, so that measuring
    ``amount`` makes ``amount_currency`` part of the key.
    """

    _workspace: Workspace
    _kind: str
    _by: tuple[str, ...]
    _deleted: bool = attrs.field(kw_only=True)
    _where: Callable[[ReadTransaction], Condition | None] = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._checked(self._by, ())

    def count(self) -> list[Group]:
        """Return the groups with how many records are in them."""
        return self.measure()

    def sum(self, *fields: str) -> list[Group]:
        """Return the groups with the sums of whole numbers or money, exact."""
        return self.measure(sum=fields)

    def min(self, *fields: str) -> list[Group]:
        """Return the groups with the least values."""
        return self.measure(min=fields)

    def max(self, *fields: str) -> list[Group]:
        """Return the groups with the greatest values."""
        return self.measure(max=fields)

    def measure(
        self,
        *,
        sum: Sequence[str] = (),  # noqa: A002  # the words everybody expects
        min: Sequence[str] = (),  # noqa: A002  # likewise
        max: Sequence[str] = (),  # noqa: A002  # likewise
    ) -> list[Group]:
        """Return the groups with several measures at once.

        Raises:
            RejectedError: A field is unknown or cannot be measured so; with all reasons.
        """
        measures = [(m, name) for m, names in zip(_MEASURES, (sum, min, max), strict=True) for name in names]
        question = self._checked(self._by, measures)
        schema = self._workspace.schema
        with self._workspace.reading() as view:
            lines = view.aggregate(attrs.evolve(question, where=self._where(view)))
            return self._groups(view, schema, question, measures, lines)

    def _checked(self, by: Sequence[str], measures: Sequence[tuple[Measure, str]]) -> Aggregate:
        """Return the question to the back end: stored fields instead of names."""
        kind = self._workspace.schema[self._kind]
        groups: dict[str, None] = {}
        measured: list[tuple[Measure, str]] = [(Measure.COUNT, "id")]
        problems: list[str] = []
        for name in by:
            try:
                groups.update(dict.fromkeys(fields_named(kind, name)))
            except ValueError as error:
                problems.append(str(error))
        for measure, name in measures:
            try:
                first, *currency = fields_named(kind, name)
                if measure is Measure.SUM and kind.field(first).kind is not Kind.INTEGER:
                    problems.append(f"{name} cannot be added up; only whole numbers and money can")
                groups.update(dict.fromkeys(currency))
                measured.append((measure, first))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise RejectedError(dict.fromkeys(problems))
        return Aggregate(type=kind.name, group_by=tuple(groups), measures=tuple(measured), deleted=self._deleted)

    def _groups(
        self,
        view: ReadTransaction,
        schema: Schema,
        question: Aggregate,
        measures: Sequence[tuple[Measure, str]],
        lines: Sequence[Row],
    ) -> list[Group]:
        kind = schema[self._kind]
        names = list(self._by)
        covered = {field for name in names for field in fields_named(kind, name)}
        names += [field for field in question.group_by if field not in covered]
        stored = [dict(zip(question.group_by, line, strict=False)) for line in lines]
        keys = [
            {name: _value(kind, name, [row[f] for f in fields_named(kind, name)]) for name in names} for row in stored
        ]
        labels = _Labels(view, schema)
        for name in names:
            labels.want(kind, name, [key[name] for key in keys])
        found: list[Group] = []
        for key, row, line in zip(keys, stored, lines, strict=True):
            count, *results = line[len(question.group_by) :]
            measured: dict[Measure, dict[str, Any]] = {measure: {} for measure in _MEASURES}
            for (measure, name), result in zip(measures, results, strict=True):
                _, *currency = fields_named(kind, name)
                measured[measure][name] = _value(kind, name, [result, *(row[field] for field in currency)])
            found.append(
                Group(
                    key=key,
                    labels={name: labels.of(value) for name, value in key.items()},
                    count=int(count or 0),
                    sum=measured[Measure.SUM],
                    min=measured[Measure.MIN],
                    max=measured[Measure.MAX],
                )
            )
        return found


_MEASURES = (Measure.SUM, Measure.MIN, Measure.MAX)


def _value(kind: RecordType, name: str, scalars: Sequence[Scalar]) -> Any:
    attribute = kind.attribute.get(name)
    if attribute is None or attribute.codec.decode is None:
        return scalars[0]
    return attribute.codec.decode(*scalars)


class _Labels:
    """What people call the records that keys refer to; read once for each type."""

    def __init__(self, view: ReadTransaction, schema: Schema) -> None:
        self._view = view
        self._schema = schema
        self._known: dict[str, str] = {}

    def want(self, kind: RecordType, name: str, values: Sequence[Any]) -> None:
        field = kind.field(fields_named(kind, name)[0])
        if field.references is None:
            return
        wanted: dict[str, list[str]] = {}
        for id_ in dict.fromkeys(value for value in values if value is not None):
            target = self._schema.type_of(id_).name if field.references == ANY else field.references
            wanted.setdefault(target, []).append(id_)
        for target, ids in wanted.items():
            records = self._schema[target].load_many(self._view.get_many(target, ids))
            self._known |= {record.id: record.label for record in records}

    def of(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, enum.Enum):
            return str(value.value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return self._known.get(value, str(value)) if isinstance(value, str) else str(value)
