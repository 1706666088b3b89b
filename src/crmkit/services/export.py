"""Export the records of one type, as a table for spreadsheets or as JSON lines for machines."""

from __future__ import annotations

import csv
import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from os import PathLike
from typing import Any, Final, Literal, TextIO

import attrs

from crmkit.core.codecs import moment_text, to_json
from crmkit.core.fields import ANY, Field, close_to
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Condition, Query
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType, Schema
from crmkit.core.values.money import Money
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.files import replacing
from crmkit.services.tabular import protected
from crmkit.services.workspace import Workspace

__all__ = ["ExportFormat", "export_columns", "export_records"]

ExportFormat = Literal["csv", "jsonl"]


def export_records(
    workspace: Workspace,
    kind: str,
    destination: str | PathLike[str] | TextIO,
    *,
    format: ExportFormat = "csv",  # noqa: A002  # the word everybody expects
    delimiter: str = ",",
    where: Condition | None = None,
    deleted: bool = False,
) -> int:
    """Write the records of one type, a batch at a time, and return how many there are.

    A table has a column for each visible field, and beside each reference one with what a
    person calls the record; moments are in UTC. Its file is UTF-8 with a byte order mark, and no cell in it is a
    formula. JSON lines have the same values typed, and those that only crmkit needs.

    Args:
        workspace: Where.
        kind: The record type, by name or plural.
        destination: A file, written whole or not at all, or an open stream.
        format: ``csv`` or ``jsonl``.
        delimiter: What parts the cells of a table.
        where: Which records; None means all.
        deleted: Whether deleted ones are written too.

    Raises:
        NotFoundError: There is no such record type.
        RejectedError: The file cannot be written, or an option makes no sense.
    """
    type_ = _named(workspace.schema, kind)
    if format not in _WRITERS:
        raise RejectedError(f"{format!r} is no format (possible: {', '.join(_WRITERS)})")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise RejectedError(f"the delimiter must be one character, not {delimiter!r}", hint="take , or ; or a tab")
    query = Query(type=type_.name, where=where, deleted=deleted)
    with workspace.reading() as view:
        batches = _Batches(view, workspace.schema, type_, query)
        if isinstance(destination, (str, PathLike)):
            encoding = "utf-8-sig" if format == "csv" else "utf-8"
            with replacing(destination, encoding=encoding) as file:
                return _WRITERS[format](file, batches, delimiter)
        return _WRITERS[format](destination, batches, delimiter)


def export_columns(type_: RecordType) -> tuple[str, ...]:
    """Return the header of the table of a record type."""
    columns: list[str] = []
    for name in _attributes(type_):
        columns.append(name)
        label = _label_column(type_, name)
        if label:
            columns.append(label)
    return tuple(columns)


def _json_value(value: Any) -> Any:
    """Return a value of a record as JSON has it: moments as ISO 8601, money as amount and currency."""
    if isinstance(value, Money):
        return {"amount": f"{value.amount:f}", "currency": value.currency}
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _json_value(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_json_value(each) for each in value]
    return value


_FOR_CRMKIT: Final = ("version", "deleted_at", "operation_id", "source_row", "import_key")
"""What a person has no use for in a table."""
_LAST: Final = ("owner_id", "tags", "created_at", "updated_at")


def _named(schema: Schema, kind: str) -> RecordType:
    for type_ in schema:
        if kind in (type_.name, type_.plural):
            return type_
    names = [type_.plural for type_ in schema]
    raise NotFoundError("record type", kind, suggestions=close_to(kind, names))


def _attributes(type_: RecordType) -> list[str]:
    names = [a.name for a in type_.attributes if a.name not in _FOR_CRMKIT]
    return [*(n for n in names if n not in _LAST), *(n for n in _LAST if n in names)]


def _label_column(type_: RecordType, attribute: str) -> str | None:
    """Return the column beside a reference that says what a person calls the record, if it can have one."""
    field = type_.fields[type_.position[type_.attribute[attribute].fields[0]]]
    name = attribute.removesuffix("_id")
    return name if field.references and name not in type_.attribute else None


class _Batches:
    """Records of a type in batches, each with the labels of what it refers to."""

    def __init__(self, view: ReadTransaction, schema: Schema, type_: RecordType, query: Query) -> None:
        self._view = view
        self._schema = schema
        self._query = query
        self.type = type_

    def __iter__(self) -> Iterator[list[Any]]:
        for rows in self._view.iterate(self._query):
            yield self.type.load_many(rows)

    def labels(self, records: Sequence[Any]) -> dict[str, str]:
        """Return id to label of everything the records refer to; one question for each type."""
        wanted: dict[str, set[str]] = {}
        for field in self.type.references:
            ids = {value for record in records if (value := getattr(record, field.name))}
            for id_ in ids:
                wanted.setdefault(self._target(field, id_), set()).add(id_)
        found: dict[str, str] = {}
        for kind, ids in wanted.items():
            loaded: list[Stored] = self._schema[kind].load_many(self._view.get_many(kind, sorted(ids)))
            found |= {record.id: record.label for record in loaded}
        return found

    def _target(self, field: Field, id_: str) -> str:
        return self._schema.type_of(id_).name if field.references == ANY else str(field.references)


def _write_table(file: TextIO, batches: _Batches, delimiter: str) -> int:
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(export_columns(batches.type))
    columns = [(name, _label_column(batches.type, name)) for name in _attributes(batches.type)]
    count = 0
    for records in batches:
        labels = batches.labels(records)
        for record in records:
            cells: list[str] = []
            for name, label in columns:
                value = getattr(record, name)
                cells.append(protected(_cell(value)))
                if label:
                    cells.append(protected(labels.get(value, "")))
            writer.writerow(cells)
        count += len(records)
    return count


def _cell(value: Any) -> str:
    """Return a value as a person writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"  # spreadsheets know no time zones
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return to_json(_json_value(value)) if value else ""
    if isinstance(value, enum.Enum):
        return str(value.value)
    return str(value)


def _write_lines(file: TextIO, batches: _Batches, _delimiter: str) -> int:
    count = 0
    for records in batches:
        for record in records:
            values = {a.name: _json_value(getattr(record, a.name)) for a in attrs.fields(type(record))}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
        count += len(records)
    return count


_WRITERS: Final = {"csv": _write_table, "jsonl": _write_lines}
