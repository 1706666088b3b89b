"""Export the records of one type, as a table for spreadsheets or as JSON lines for machines."""

from __future__ import annotations

import csv
import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import Any, Final, Literal, TextIO

from crmkit.core.codecs import as_json, to_json
from crmkit.core.fields import ANY, Field, Row
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Query
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType, Schema
from crmkit.errors import RejectedError
from crmkit.services.files import replacing
from crmkit.services.questions import Wanted, condition_of, understood
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
    where: Sequence[Wanted] = (),
    deleted: bool = False,
) -> int:
    """Write the records of one type, a batch at a time, and return how many there are.

    A table has a column for each visible field, and beside each reference one with what a
    person calls the record; moments are in UTC. Its file is UTF-8 with a byte order mark, and no cell in it is a
    formula. JSON lines have the same values typed, those that only crmkit needs, and those
    of plugins that are absent now, as they are stored.

    Args:
        workspace: Where.
        kind: The record type, by name or plural.
        destination: A file, written whole or not at all, or an open stream.
        format: ``csv`` or ``jsonl``.
        delimiter: What parts the cells of a table.
        where: Which records: texts such as ``status = new``, or expressions; all must hold.
        deleted: Whether deleted ones are written too.

    Raises:
        NotFoundError: There is no such record type.
        RejectedError: The file cannot be written, or an option or condition makes no sense.
    """
    type_ = workspace.schema.named(kind)
    if format not in _WRITERS:
        raise RejectedError(f"{format!r} is no format (possible: {', '.join(_WRITERS)})")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise RejectedError(f"the delimiter must be one character, not {delimiter!r}", hint="take , or ; or a tab")
    wanted = understood(workspace, type_.name, where)
    with workspace.reading() as view:
        query = Query(type=type_.name, where=condition_of(view, workspace.schema, wanted), deleted=deleted)
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


_FOR_CRMKIT: Final = ("version", "deleted_at", "operation_id", "source_row", "import_key")
"""What a person has no use for in a table."""
_LAST: Final = ("owner_id", "tags", "created_at", "updated_at")


def _attributes(type_: RecordType) -> list[str]:
    names = [a.name for a in type_.attributes if a.name not in _FOR_CRMKIT]
    return [*(n for n in names if n not in _LAST), *(n for n in _LAST if n in names)]


def _label_column(type_: RecordType, attribute: str) -> str | None:
    """Return the column beside a reference that says what a person calls the record, if it can have one."""
    name = attribute.removesuffix("_id")
    return name if attribute in type_.bonds and name not in type_.attribute else None


class _Batches:
    """Records of a type in batches, each with the labels of what it refers to."""

    def __init__(self, view: ReadTransaction, schema: Schema, type_: RecordType, query: Query) -> None:
        self._view = view
        self._schema = schema
        self._query = query
        self.type = type_

    def __iter__(self) -> Iterator[tuple[list[Row], list[dict[str, Any]]]]:
        """Go through the rows, and what they are to people: attribute to value."""
        kind = self.type
        for rows in self._view.iterate(self._query):
            yield rows, [kind.values_of(record) for record in kind.load_many(rows)]

    def labels(self, records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Return id to label of everything the records refer to; one question for each type."""
        wanted: dict[str, set[str]] = {}
        for name, field in self.type.bonds.items():
            ids = {value for record in records if (value := record[name])}
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
    for _, records in batches:
        labels = batches.labels(records)
        for record in records:
            cells: list[str] = []
            for name, label in columns:
                value = record[name]
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
        return to_json(as_json(value)) if value else ""
    if isinstance(value, enum.Enum):
        return str(value.value)
    return str(value)


def _write_lines(file: TextIO, batches: _Batches, _delimiter: str) -> int:
    count = 0
    for rows, records in batches:
        for row, record in zip(rows, records, strict=True):
            values = {name: as_json(value) for name, value in record.items()} | batches.type.carried(row)
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
        count += len(records)
    return count


_WRITERS: Final = {"csv": _write_table, "jsonl": _write_lines}
