"""Export the records of one type: a table or workbook for people, JSON lines for programs, cards for address books."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any, Final, Literal, cast, get_args

from crmkit.core.query import Query
from crmkit.core.record_type import RecordType
from crmkit.errors import RejectedError
from crmkit.services.exporting.cards import check_cards, write_cards
from crmkit.services.exporting.columns import columns_of
from crmkit.services.exporting.companions import batches
from crmkit.services.exporting.csv_table import write_csv
from crmkit.services.exporting.json_lines import write_json_lines
from crmkit.services.exporting.workbook import write_workbook
from crmkit.services.files import replacing, replacing_bytes
from crmkit.services.questions import Wanted, condition_of, understood
from crmkit.services.workspace import Workspace

__all__ = ["ExportFormat", "export_columns", "export_records", "format_of_name"]

ExportFormat = Literal["csv", "xlsx", "jsonl", "vcard"]


def export_records(
    workspace: Workspace,
    kind: str,
    destination: str | PathLike[str] | IO[Any],
    *,
    format: ExportFormat | None = None,  # noqa: A002  # the word everybody expects
    delimiter: str = ",",
    where: Wanted | Sequence[Wanted] = (),
    deleted: bool = False,
) -> int:
    """Write the records of one type, a batch at a time, and return how many there are.

    A table (CSV, XLSX) has a column for each visible field, and beside each reference one with
    what a person calls the record; activities say what they are about, deals with whom they
    are, leads and contacts their further addresses. Moments are in UTC. No cell is a formula.
    JSON lines have the same values typed, those that only crmkit needs, and those of plugins
    that are absent now, as they are stored. Cards are for leads, contacts and accounts.

    Args:
        workspace: Where.
        kind: The record type, by name or plural.
        destination: A file, written whole or not at all, or an open stream; of bytes for a workbook.
        format: ``csv``, ``xlsx``, ``jsonl`` or ``vcard``; None means what the file's name ends in, else CSV.
        delimiter: What parts the cells of a CSV table.
        where: Which records: texts such as ``status = new``, or expressions; all must hold.
        deleted: Whether deleted ones are written too.

    Raises:
        NotFoundError: There is no such record type.
        RejectedError: The file cannot be written, or an option or condition makes no sense.
        ConfigError: The library that writes workbooks is not installed.
    """
    type_ = workspace.schema.named(kind)
    chosen = format or (format_of_name(str(destination)) if isinstance(destination, (str, PathLike)) else "csv")
    if chosen not in get_args(ExportFormat):
        raise RejectedError(f"{chosen!r} is no format (possible: {', '.join(get_args(ExportFormat))})")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise RejectedError(f"the delimiter must be one character, not {delimiter!r}", hint="take , or ; or a tab")
    if chosen == "vcard":
        check_cards(type_)
    conditions: Sequence[Wanted] = where if isinstance(where, (list, tuple)) else [cast("Wanted", where)]
    wanted = understood(workspace, type_.name, conditions)
    with workspace.reading() as view:
        query = Query(type=type_.name, where=condition_of(view, workspace.schema, wanted), deleted=deleted)
        records = batches(view, workspace.schema, query)
        with _opened(destination, chosen) as file:
            if chosen == "xlsx":
                return write_workbook(file, type_, records)
            if chosen == "vcard":
                return write_cards(file, type_, records)
            if chosen == "jsonl":
                return write_json_lines(file, type_, records)
            return write_csv(file, type_, records, delimiter=delimiter)


def export_columns(type_: RecordType) -> tuple[str, ...]:
    """Return the header of the table of a record type."""
    return tuple(column.name for column in columns_of(type_))


def format_of_name(name: str) -> ExportFormat:
    """Return the format that the name of a file asks for; what says nothing is a table."""
    return _ENDINGS.get(Path(name).suffix.lower(), "csv")


@contextmanager
def _opened(destination: str | PathLike[str] | IO[Any], chosen: ExportFormat) -> Iterator[IO[Any]]:
    if not isinstance(destination, (str, PathLike)):
        if (chosen == "xlsx") is isinstance(destination, io.TextIOBase):
            raise RejectedError(f"{chosen} goes to a stream of {'bytes' if chosen == 'xlsx' else 'text'}")
        yield destination
    elif chosen == "xlsx":
        with replacing_bytes(destination) as file:
            yield file
    else:
        with replacing(destination, encoding="utf-8-sig" if chosen == "csv" else "utf-8") as text:
            yield text


_ENDINGS: Final[dict[str, ExportFormat]] = {
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".vcf": "vcard",
    ".vcard": "vcard",
}
