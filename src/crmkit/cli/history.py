"""``crmkit history``: who changed which value, when and why, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from crmkit.cli.naming import in_words
from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command, looking_back
from crmkit.errors import NotFoundError
from crmkit.services.history import HistoryEntry, Origin, ValueChange, provenance
from crmkit.services.history import history as history_of

__all__ = ["history"]

_QUIET = ("import_key",)
"""What a program knows a record by says nothing to people; ``--json`` and ``--field`` show it."""


@command("history")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Look only among records of this kind: lead, contact …")
@click.option("--field", metavar="FIELD", help="Only what happened to this field.")
@click.option("--values", is_flag=True, help="Show where each present value comes from instead.")
@looking_back
def history(session: Session, name: str, *, kind: str | None, field: str | None, values: bool) -> None:
    """Tell who changed which value of a record, when, why, and from which file and line.

    With --values, show for each value that it has where it comes from; of what a conversion copied, also where the
    lead had it from.
    """
    record = session.find(name, kind)
    entries = history_of(session.workspace, record, field=field)  # says also whether there is such a field
    if not values:
        shown = [row for entry in entries for row in _rows(session, entry, everything=field is not None)]
        columns = ("When", Column("What", wrap=True), "Field", Column("Old", wrap=True), Column("New", wrap=True))
        table = Table((*columns, Column("Why", wrap=True), "Who"), shown)
        session.show(entries, table if shown else "Nothing has happened to it.")
        return
    origins = {
        each: origin
        for each, origin in provenance(session.workspace, record).items()
        if each == field or (field is None and each not in _QUIET)
    }
    if field is not None and not origins:
        raise NotFoundError("value", field, hint="it is empty; leave out --values to see what it was")
    session.show(origins, _origins_table(session, origins))


def _rows(session: Session, entry: HistoryEntry, *, everything: bool) -> Iterator[tuple[object, ...]]:
    """Return a line for each value; only the first says when, what and who."""
    what = f"{entry.what}, {_done_by(entry.kind, entry.file, entry.row)}"
    why = entry.reason or entry.why or ""
    first = True
    for change in entry.changes:
        if everything or change.field not in _QUIET:
            old, new = in_words(session.workspace, change.old), in_words(session.workspace, change.new)
            cells = (_named(change.field), old, new, _decision(session, change) or why)
            yield (entry.at, what, *cells, entry.actor) if first else ("", "", *cells, "")
            first = False
    if first:
        yield entry.at, what, "", "", "", why, entry.actor


def _origins_table(session: Session, origins: Mapping[str, Origin]) -> Table:
    rows = [
        (_named(field), in_words(session.workspace, origin.value), _story(session, origin), origin.at, origin.actor)
        for field, origin in origins.items()
    ]
    return Table(("Field", Column("Value", wrap=True), Column("From", wrap=True), "When", "Who"), rows)


def _story(session: Session, origin: Origin) -> str:
    """Say in words where a value comes from, the last step first."""
    text = _done_by(origin.kind, origin.file, origin.row)
    if origin.from_field:
        text += f", {_named(origin.from_field)} of {in_words(session.workspace, origin.from_record)}"
    elif origin.rule:
        text += f", rule {origin.rule}"
    if origin.why:
        text += f" ({origin.why})"
    return f"{text} ← {_story(session, origin.earlier)}" if origin.earlier else text


def _decision(session: Session, change: ValueChange) -> str:
    if change.from_field:
        return f"{_named(change.from_field)} of {in_words(session.workspace, change.from_record)}"
    return f"rule {change.rule}" if change.rule else ""


def _done_by(kind: str, file: str | None, row: int | None) -> str:
    if file is None:
        return kind.replace("_", " ") or "elsewhere"
    return f"{file}, line {row}" if row is not None else file


def _named(field: str) -> str:
    return field.removesuffix("_id").replace("_", " ")
