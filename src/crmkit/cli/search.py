"""``crmkit search``: find records of every type by words."""

from __future__ import annotations

from typing import Any

import click

from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command, looking_back
from crmkit.services.search import search as search_all

__all__ = ["search"]


@command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only records of this type; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@looking_back
def search(session: Session, words: tuple[str, ...], kinds: tuple[str, ...], limit: int) -> None:
    """Find records of every type that have all the words, or words that begin so, the best fit first.

    Accents and capitals do not count.
    """
    hits = search_all(session.workspace, " ".join(words), kinds=kinds or None, limit=limit)
    rows = [(hit.kind.replace("_", " "), hit.record.label, _more(hit.record), hit.record.id) for hit in hits]
    table = Table(("Kind", "Name", "More", Column("Id", whole=True)), rows)
    session.show([{"kind": h.kind, "record": h.record} for h in hits], table if rows else "Nothing was found.")


def _more(record: Any) -> str:
    facts = (getattr(record, name, None) for name in ("company", "email", "domain", "title", "city", "amount"))
    return next((str(fact) for fact in facts if fact), "")
