"""Writing the whole workspace: each record on a line of its own, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Final, TextIO

from crmkit.core.fields import Field, Kind, Row, Scalar
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Query
from crmkit.core.record_type import RecordType
from crmkit.errors import RejectedError
from crmkit.services.files import replacing
from crmkit.services.whole_workspace.outline import header_line, travelling, what_travels
from crmkit.services.workspace import Workspace

__all__ = ["export_workspace"]


def export_workspace(workspace: Workspace, destination: str | PathLike[str] | TextIO) -> dict[str, int]:
    """Write every record of every type, deleted ones and those of absent plugins too, but not the log.

    It is one consistent view, written in bounded memory. The same content always gives the
    same bytes.

    Args:
        workspace: Where; also one as of a past moment.
        destination: A file, written whole or not at all, or an open stream.

    Returns:
        Record type to the number of its records, of those that have any.

    Raises:
        RejectedError: The file cannot be written, or this thread keeps an operation open.
    """
    if workspace.open_planning is not None:
        raise RejectedError("an open operation cannot be exported", hint="export before or after the block")
    with workspace.storage.read() as view:
        kinds = what_travels(workspace.schema)
        counts = {kind.name: _count(view, kind) for kind in kinds}
        if isinstance(destination, (str, PathLike)):
            with replacing(destination) as file:
                _write(file, view, kinds, counts)
        else:
            _write(destination, view, kinds, counts)
    return {name: count for name, count in counts.items() if count}


def _count(view: ReadTransaction, kind: RecordType) -> int:
    _, where = travelling(kind)
    return int(view.aggregate(Aggregate(type=kind.name, where=where, deleted=True))[0][0] or 0)


def _write(file: TextIO, view: ReadTransaction, kinds: Sequence[RecordType], counts: dict[str, int]) -> None:
    file.write(header_line(counts, kinds) + "\n")
    for kind in kinds:
        fields, where = travelling(kind)
        if counts[kind.name]:
            for rows in view.iterate(Query(type=kind.name, where=where, deleted=True)):
                file.writelines(_lines(kind, fields, rows))


def _lines(kind: RecordType, fields: Sequence[Field], rows: Sequence[Row]) -> Iterator[str]:
    """Return the lines of some records; built in columns, since that costs a third of an object per row."""
    columns = list(zip(*rows, strict=True))
    pieces = [_pieces(field, columns[kind.position[field.name]]) for field in fields]
    head = f'{{"{kind.name}": {{'
    for line in zip(*(piece for piece in pieces if piece is not None), strict=True):
        yield head + ", ".join(filter(None, line)) + "}}\n"


def _pieces(field: Field, column: Sequence[Scalar]) -> list[str] | None:
    """Return a field of some records as JSON, empty where it is None; None when all are."""
    if not any(value is not None for value in column):
        return None
    head, text = f"{_quoted(field.name)}: ", _TEXT[field.kind]
    return ["" if value is None else head + text(value) for value in column]


_quoted: Final[Callable[[object], str]] = json.JSONEncoder(ensure_ascii=False).encode
_TEXT: Final[dict[Kind, Callable[[Scalar], str]]] = {
    Kind.TEXT: _quoted,
    Kind.INTEGER: str,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
    Kind.DECIMAL: lambda value: f'"{value}"',
    Kind.MOMENT: lambda value: f'"{value}"',
    Kind.DAY: lambda value: f'"{value}"',
    Kind.JSON: str,
}
