"""``crmkit count``: how many records there are, in groups, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from crmkit.cli.asking import split_names, where_option
from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command

if TYPE_CHECKING:
    from crmkit.services.groups import Group

__all__ = ["count"]


@command("count")
@click.argument("kind")
@where_option("Only records that fulfil this; may be repeated.")
@click.option(
    "--group-by", multiple=True, metavar="FIELD", callback=split_names, help="Count for each value; may be repeated."
)
@click.option("--sum", "sums", multiple=True, metavar="FIELD", callback=split_names, help="Add this up.")
@click.option("--min", "least", multiple=True, metavar="FIELD", callback=split_names, help="Find the least value.")
@click.option("--max", "most", multiple=True, metavar="FIELD", callback=split_names, help="Find the greatest value.")
def count(
    session: Session,
    kind: str,
    *,
    where: Sequence[str],
    group_by: Sequence[str],
    sums: Sequence[str],
    least: Sequence[str],
    most: Sequence[str],
) -> None:
    """Count the records of a type (leads, contacts, deals …), such as: crmkit count deals --group-by stage --sum amount

    All living ones count, converted leads too. Money is added up for each currency apart.
    """
    collection = session.crm.collection(kind)
    selection = collection.where(*where).including_unlisted()
    measured = [*((name, "sum") for name in sums), *((name, "min") for name in least), *((n, "max") for n in most)]
    if not group_by and not measured:
        number = selection.count()
        session.show({"kind": collection.type.name, "count": number}, collection.type.counted(number))
        return
    groups = selection.group_by(*group_by).measure(sum=sums, min=least, max=most)
    names = list(groups[0].key) if groups else list(group_by)
    titles = [name.removesuffix("_id").replace("_", " ").capitalize() for name in names]
    columns: list[str | Column] = [
        *titles,
        Column("Count", align="right"),
        *(Column(f"{measure.capitalize()} of {name.replace('_', ' ')}", align="right") for name, measure in measured),
    ]
    rows = [_row(group, names, measured) for group in groups]
    session.show(groups, Table(columns, rows) if rows else collection.type.counted(0))


def _row(group: Group, names: Sequence[str], measured: Sequence[tuple[str, str]]) -> list[object]:
    labels = [group.labels[name] or "–" for name in names]
    return [*labels, group.count, *(getattr(group, measure)[name] for name, measure in measured)]
