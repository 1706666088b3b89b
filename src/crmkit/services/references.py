"""What records refer to: whether it is there, and whether it lives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from crmkit.core.fields import ANY, Row
from crmkit.core.planning import Planning
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record
from crmkit.errors import NotFoundError

__all__ = ["belonging_to_deleted", "dangling"]


def dangling(planning: Planning, kind: RecordType, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the references that lead nowhere, or to a deleted record."""
    problems: list[str] = []
    for field in kind.references:
        ids = sorted({str(row[field.name]) for row in rows if row.get(field.name)})
        by_type: dict[str, list[str]] = {}
        for id_ in ids:
            try:
                target = planning.schema.type_of(id_).name
            except NotFoundError:
                target = ""
            if not target or field.references not in (ANY, target):
                problems.append(f"{field.name} {id_!r} is not the id of a {field.references}")
            else:
                by_type.setdefault(target, []).append(id_)
        for target, wanted in by_type.items():
            position = planning.schema[target].position
            rows_found = planning.get_many(target, wanted)
            alive = {row[position["id"]] for row in rows_found if row[position["deleted_at"]] is None}
            problems += [f"{field.name} {id_} does not exist" for id_ in wanted if id_ not in alive]
    return problems


def belonging_to_deleted(
    planning: Planning, kind: RecordType, rows: Sequence[Row], *, reviving: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Find records that would live on although what they belong to is deleted.

    Args:
        planning: Where to look.
        kind: Their type; links and memberships may lead to a tombstone.
        rows: The records as they would be.
        reviving: What comes back together with them.

    Yields:
        The id of a record, and what it belongs to, as one clause.
    """
    if not issubclass(kind.cls, Record):
        return
    living = [row for row in rows if row[kind.position["deleted_at"]] is None]
    for field in kind.references:
        if field.references in (None, ANY):
            continue
        target, place = planning.schema[field.references], kind.position[field.name]
        wanted = {str(row[place]) for row in living if row[place] is not None} - set(reviving)
        records = {record.id: record for record in target.load_many(planning.get_many(target.name, list(wanted)))}
        for row in living:
            owner = records.get(str(row[place]))
            if owner is not None and owner.deleted_at is not None:
                belongs = f"the {target.name.replace('_', ' ')} {owner.label}, which is deleted"
                yield str(row[kind.position["id"]]), f"{kind.load(row).label} belongs to {belongs}"
