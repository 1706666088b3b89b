"""``crmkit export``: the records of one type as a table, workbook, JSON lines or cards; or the whole workspace."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmkit.cli.asking import where_option
from crmkit.cli.state import Session, command, looking_back

if TYPE_CHECKING:
    from crmkit.services.export import ExportFormat

__all__ = ["export"]


@command("export")
@click.argument("kind", required=False)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--all", "whole", is_flag=True, help="Everything there is, for another workspace: export --all FILE.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "xlsx", "jsonl", "vcard"]),
    help="By default what the file's name ends in.",
)
@click.option("--delimiter", metavar="CHARACTER", default=",", help="What parts the cells; French Excel wants ;")
@where_option("Only records that fulfil this; may be repeated.")
@click.option("--deleted", is_flag=True, help="Write deleted records too.")
@looking_back
def export(
    session: Session,
    kind: str | None,
    file: str | None,
    form: ExportFormat | None,
    *,
    whole: bool,
    delimiter: str,
    where: Sequence[str],
    deleted: bool,
) -> None:
    r"""Write the records of a type (leads, contacts, deals …) to FILE, or to standard output.

    A table (.csv) or workbook (.xlsx) is for people: references by id and by name, and no cell
    that could be a formula. In a table an apostrophe goes before it, which an import takes off again.
    JSON lines (.jsonl) are for programs: one object a line, with typed values. Cards (.vcf) of
    leads, contacts and accounts are for address books.

    With --all it is the whole workspace, deleted records and those of absent plugins too, as one
    file of JSON lines that makes a fresh workspace the same: crmkit import FILE. Only the log stays.
    """
    if whole:
        if file is not None or where or deleted or form not in (None, "jsonl"):
            raise click.UsageError("--all writes everything as JSON lines: crmkit export --all FILE")
        _export_all(session, kind)
        return
    if kind is None:
        raise click.UsageError("say what: crmkit export leads leads.csv, or crmkit export --all FILE")
    from crmkit.services.export import export_records, format_of_name

    path = _path(file)
    if form is None:
        form = format_of_name(str(path)) if path or not session.as_json else "jsonl"
    named = "\t" if delimiter in ("tab", "\\t") else delimiter
    destination = path or (sys.stdout.buffer if form == "xlsx" else sys.stdout)
    count = export_records(
        session.workspace, kind, destination, format=form, delimiter=named, where=where, deleted=deleted
    )
    _tell(session, path, count, {"kind": kind, "format": form})


def _export_all(session: Session, file: str | None) -> None:
    from crmkit.services.whole_workspace import export_workspace

    path = _path(file)
    counts = export_workspace(session.workspace, path or sys.stdout)
    _tell(session, path, sum(counts.values()), {"kinds": counts})


def _path(file: str | None) -> Path | None:
    return None if file is None or file == "-" else Path(file)


def _tell(session: Session, path: Path | None, count: int, value: dict[str, object]) -> None:
    told = f"{count} {'record' if count == 1 else 'records'}"
    if path is None:
        session.say(f"Wrote {told}.")
    else:
        session.show({**value, "file": str(path), "records": count}, f"Wrote {told} to {path}.")
