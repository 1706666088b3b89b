"""``crmkit search``: find records of every type by words."""

from __future__ import annotations

from typing import Any

import click

from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command
from crmkit.services.search import search as search_all

__all__ = ["search"]


@command("search")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many of each type."
)
def search(session: Session, words: tuple[str, ...], limit: int) -> None:
    """Find records of every type that have all the words, or words that begin so.

    Accents and capitals do not count.
    """
    found = search_all(session.workspace, " ".join(words), limit=limit)
    rows = [(kind.replace("_", " "), r.label, _more(r), r.id) for kind, records in found.items() for r in records]
    table = Table(("Kind", "Name", "More", Column("Id", whole=True)), rows)
    session.show(found, table if rows else "Nothing was found.")


def _more(record: Any) -> str:
    facts = (getattr(record, name, None) for name in ("company", "email", "domain", "title", "city", "amount"))
    return next((str(fact) for fact in facts if fact), "")
