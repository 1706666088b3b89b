"""``crmkit export``: the records of one type as a table or as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmkit.cli.asking import where_option
from crmkit.cli.state import Session, command

if TYPE_CHECKING:
    from crmkit.services.export import ExportFormat

__all__ = ["export"]


@command("export")
@click.argument("kind")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="By default what the file's name ends in.")
@click.option("--delimiter", metavar="CHARACTER", default=",", help="What parts the cells; French Excel wants ;")
@where_option("Only records that fulfil this; may be repeated.")
@click.option("--deleted", is_flag=True, help="Write deleted records too.")
def export(
    session: Session,
    kind: str,
    file: str | None,
    form: ExportFormat | None,
    *,
    delimiter: str,
    where: Sequence[str],
    deleted: bool,
) -> None:
    r"""Write the records of a type (leads, contacts, deals …) to FILE, or to standard output.

    A table is for spreadsheets: UTF-8 with a byte order mark, references by id and by name, and
    no cell that could be a formula (an apostrophe goes before it; an import takes it off again).
    JSON lines are for programs: one object a line, with typed values.
    """
    from crmkit.services.export import export_records

    to_stream = file is None or file == "-"
    path = None if to_stream else Path(str(file))
    if form is None:
        form = "jsonl" if session.as_json or (path and path.suffix in (".jsonl", ".ndjson", ".json")) else "csv"
    named = "\t" if delimiter in ("tab", "\\t") else delimiter
    destination = path or sys.stdout
    count = export_records(
        session.workspace, kind, destination, format=form, delimiter=named, where=where, deleted=deleted
    )
    told = f"{count} {'record' if count == 1 else 'records'}"
    if path is None:
        session.say(f"Wrote {told}.")
    else:
        session.show({"kind": kind, "file": str(path), "format": form, "records": count}, f"Wrote {told} to {path}.")
