"""``crmkit timeline``: what happened to a record and to what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command, looking_back
from crmkit.services.timeline import TimelineEntry
from crmkit.services.timeline import timeline as entries_of

__all__ = ["timeline", "timeline_table"]


@command("timeline")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Look only among records of this kind: lead, contact …")
@click.option("--limit", type=click.IntRange(min=1), help="Only the last so many entries.")
@looking_back
def timeline(session: Session, name: str, kind: str | None, limit: int | None) -> None:
    """Tell what happened to a record, the oldest first.

    A contact tells the story of the lead it was, and an account that of its contacts and deals.
    """
    record = session.find(name, kind)
    entries = entries_of(session.workspace, record.id)
    session.show(entries[-limit:] if limit else entries, timeline_table(entries[-limit:] if limit else entries))


def timeline_table(entries: Sequence[TimelineEntry], *, title: str = "") -> Table:
    """Return entries of a timeline as a table."""
    rows = [
        (e.at, e.kind, e.text if e.source_row is None else f"{e.text} (line {e.source_row})", e.actor) for e in entries
    ]
    return Table(("When", "What", Column("Story", wrap=True), "Who"), rows, title=title)
