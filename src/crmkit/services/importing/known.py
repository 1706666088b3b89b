"""Rows that were imported before, and that say nothing new since nobody touched what they became.

A file that is imported again with a few rows changed has mostly such rows. They are
recognised by their keys alone, before they are typed and matched: a row is the same when
all its words are, and its lead is as that row made it when it still has its first version.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from crmkit.core.changes import digest_of
from crmkit.core.drafts import DraftBatch
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, All, Compare, Op, Order, Query
from crmkit.core.schema import RecordType, Schema
from crmkit.services.importing.job import Job

__all__ = ["known_rows", "said_besides", "was_said", "without"]


def known_rows(
    planning: Planning, batch: DraftBatch, keys: Sequence[str], job: Job, *, said: str, sample: int = 100
) -> dict[int, str]:
    """Return the rows that say nothing new: index to the lead they became.

    Args:
        planning: The operation; nothing is remembered, for nothing will be written about these rows.
        batch: The drafts.
        keys: What identifies each row.
        job: What is asked of them.
        said: What is said besides by each row; leads of which something else was said are not the same.
        sample: When most of so many rows are new, the others are not looked at.
    """
    if job.policy == "update":
        return {}  # what people changed in a row that was merged into another one would be taken back
    first = list(islice(_plain_rows(batch, keys[: 2 * sample]), sample))
    if 2 * len(_untouched(planning, first, job, said)) < max(len(first), 1):
        return {}
    places = _plain_rows(batch, keys)
    return {places[key]: id_ for key, id_ in _untouched(planning, list(places), job, said).items()}


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


def _untouched(planning: Planning, keys: Sequence[str], job: Job, said: str) -> Mapping[str, str]:
    """Return the living leads that were made of these rows and are as they were made, by key."""
    if not keys:
        return {}
    as_made = All((Compare("import_key", Op.IN, tuple(keys)), Compare("version", Op.EQ, 1)))
    found = planning.aggregate(Aggregate(type="lead", where=as_made, group_by=("import_key", "id", "operation_id")))
    operations = {str(operation) for _, _, operation, _ in found} - {planning.operation_id}
    kind = planning.schema["operation"]
    loaded = kind.load_many(planning.view.get_many("operation", sorted(operations)))
    alike = {operation.id for operation in loaded if operation.result.get("said") == said}
    untouched = {str(key): str(id_) for key, id_, operation, _ in found if operation in alike}
    if job.campaign_id is None or not untouched:
        return untouched
    joined = All(
        (Compare("person_id", Op.IN, tuple(untouched.values())), Compare("campaign_id", Op.EQ, job.campaign_id))
    )
    members = planning.aggregate(Aggregate(type="campaign_member", where=joined, group_by=("person_id",)))
    still = {person for person, _ in members}
    return {key: id_ for key, id_ in untouched.items() if id_ in still}
