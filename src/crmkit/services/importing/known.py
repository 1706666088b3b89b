"""Rows that were imported before, and that say nothing new since nobody touched what they became.

A file that is imported again with a few rows changed has mostly such rows. They are
recognised by their keys alone, before they are typed and matched: a row is the same when
all its words are, and its lead is as that row made it when it still has its first version.
A row that was merged into such a lead when it was made, and comes after the one that made
it as it did then, repeats it again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from crmkit.core.changes import digest_of
from crmkit.core.drafts import DraftBatch
from crmkit.core.operation import RowOutcome
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, All, Compare, Op, Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.services.preparing.job import Job

__all__ = ["Known", "known_rows", "said_besides", "was_said", "without"]


class Known(NamedTuple):
    """The rows of a part that say nothing new.

    Attributes:
        leads: Index of the rows that leads were made of, to the lead.
        repeats: Index of those that repeat one of these rows, to the lead and what there is to say.
    """

    leads: Mapping[int, str] = {}
    repeats: Mapping[int, tuple[str, str]] = {}


def known_rows(
    planning: Planning, batch: DraftBatch, keys: Sequence[str], job: Job, *, said: str, sample: int = 100
) -> Known:
    """Return the rows that say nothing new.

    Args:
        planning: The operation; nothing is remembered, for nothing will be written about these rows.
        batch: The drafts.
        keys: What identifies each row.
        job: What is asked of them.
        said: What is said besides by each row; leads of which something else was said are not the same.
        sample: When most of so many rows are new, the others are not looked at.
    """
    if job.policy == "update":
        return Known()  # what people changed in a row that was merged into another one would be taken back
    first = list(islice(_plain_rows(batch, keys[: 2 * sample]), sample))
    if 2 * len(_untouched(planning, first, job, said)) < max(len(first), 1):
        return Known()
    places = _plain_rows(batch, keys)
    made = _untouched(planning, list(places), job, said)
    leads = {places[key]: lead for key, (lead, _) in made.items()}
    if job.policy == "skip":
        return Known(leads)
    rest = {key: i for key, i in places.items() if key not in made}
    lines = {lead_and_operation: batch.lines[places[key]] for key, lead_and_operation in made.items()}
    return Known(leads, _repeats(planning, batch, rest, lines))


def was_said(view: ReadTransaction, schema: Schema, said: str) -> bool:
    """Whether one of the newest imports said the same, so that its rows may come again."""
    imports = Query(
        type="operation",
        where=Compare("kind", Op.EQ, "import"),
        order=(Order("at", descending=True),),
        limit=_NEWEST,
    )
    return any(each.result.get("said") == said for each in schema["operation"].load_many(view.find(imports)))


def said_besides(job: Job, made_by: str, lead: RecordType) -> str:
    """Return a digest of all that a row becomes a lead with besides its own words."""
    facts: dict[str, Any] = {
        "made_by": made_by,
        "fields": list(lead.field_names),
        "region": job.region,
        "regions": sorted((language or "", region or "") for language, region in job.regions.items()),
        "campaign": job.campaign_id,
        "source": job.source_label,
        "owner": job.owner_id,
        "tags": list(job.tags),
    }
    return digest_of(facts)


def without(batch: DraftBatch, known: Collection[int]) -> tuple[DraftBatch, list[int]]:
    """Return the rows of a batch that are left, and where they are in the whole."""
    left = [i for i in range(len(batch)) if i not in known]
    rest = DraftBatch(
        lines=[batch.lines[i] for i in left],
        cells=[batch.cells[i] for i in left],
        columns={name: [column[i] for i in left] for name, column in batch.columns.items()},
        problems=batch.problems,  # none is about a row that is known
        ignored=batch.ignored,
    )
    return rest, left


_NEWEST: Final = 20
_SEVERAL: Final = re.compile(r"[;,|\s<]")


def _plain_rows(batch: DraftBatch, keys: Sequence[str]) -> dict[str, int]:
    """Return those of the first rows, of which there is a key, that it tells all of.

    They have no words on mail, no further address, and no id that their source gave them.
    """
    odd: set[int] = set()
    count = len(keys)
    for name in ("source_id", "other_emails", "opt_out"):
        odd.update(i for i, value in enumerate(batch.columns.get(name, ())[:count]) if value)
    odd.update(i for i, value in enumerate(batch.columns.get("consent", ())[:count]) if value is not None)
    emails = batch.columns.get("email", ())[:count]
    odd.update(i for i, value in enumerate(emails) if value and _SEVERAL.search(str(value).strip()))
    told = {*batch.ignored, *(problem.line for problem in batch.problems)}
    if told:
        odd.update(i for i, line in enumerate(batch.lines[:count]) if line in told)
    places: dict[str, int] = {}
    for i, key in enumerate(keys):
        if i not in odd:
            places.setdefault(key, i)
    return places


def _untouched(planning: Planning, keys: Sequence[str], job: Job, said: str) -> dict[str, tuple[str, str]]:
    """Return the living leads that were made of these rows and are as they were made: key to lead and operation."""
    if not keys:
        return {}
    as_made = All((Compare("import_key", Op.IN, tuple(keys)), Compare("version", Op.EQ, 1)))
    found = planning.aggregate(Aggregate(type="lead", where=as_made, group_by=("import_key", "id", "operation_id")))
    operations = _operations(planning, {str(operation) for _, _, operation, _ in found})
    alike = {operation.id for operation in operations if operation.result.get("said") == said}
    made = {str(key): (str(id_), str(operation)) for key, id_, operation, _ in found if operation in alike}
    if job.campaign_id is None or not made:
        return made
    ids = tuple(id_ for id_, _ in made.values())
    joined = All((Compare("person_id", Op.IN, ids), Compare("campaign_id", Op.EQ, job.campaign_id)))
    members = planning.aggregate(Aggregate(type="campaign_member", where=joined, group_by=("person_id",)))
    still = {person for person, _ in members}
    return {key: lead for key, lead in made.items() if lead[0] in still}


def _repeats(
    planning: Planning, batch: DraftBatch, places: Mapping[str, int], lines: Mapping[tuple[str, str], int]
) -> dict[int, tuple[str, str]]:
    """Return those rows that were merged into a lead when it was made.

    Args:
        planning: The operation.
        batch: The drafts.
        places: Key to index of the rows that may be some.
        lines: Leads, with the operation that made them, to the line that they were made of.
    """
    merging = {
        each.id for each in _operations(planning, {operation for _, operation in lines}) if each.result["merges"]
    }
    if not places or not merging:
        return {}
    merged = All((Compare("import_key", Op.IN, tuple(places)), Compare("outcome", Op.EQ, RowOutcome.DUPLICATE.value)))
    group = ("import_key", "record_id", "operation_id", "reason")
    repeats: dict[int, tuple[str, str]] = {}
    for key, lead, operation, reason, _ in planning.aggregate(
        Aggregate(type="import_row", where=merged, group_by=group)
    ):
        i, line = places[str(key)], lines.get((str(lead), str(operation)))
        told = _REPEATS.fullmatch(str(reason))
        if told and operation in merging and line is not None and line < batch.lines[i]:
            repeats[i] = str(lead), f"repeats line {line}{told[1]}"
    return repeats


def _operations(planning: Planning, ids: Collection[str]) -> list[Any]:
    """Return earlier imports."""
    rows = planning.view.get_many("operation", sorted({*ids} - {planning.operation_id}))
    return planning.schema["operation"].load_many(rows)


_REPEATS: Final = re.compile(r"repeats line \d+(|; .*)", re.DOTALL)
"""What is said of a row that repeats another one, and besides."""
