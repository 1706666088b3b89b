"""Whether an import that was done before would change anything: then its source need not be read again."""

from __future__ import annotations

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.imports import ImportReport
from crmkit.core.operation import Operation, RowOutcome
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.sources import Importer, ImporterOfParts
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, All, Compare, Op
from crmkit.core.schema import Schema
from crmkit.services.importing.report import report_of

__all__ = ["depends_on_crmkit_alone", "made_by", "report_again", "would_change_nothing"]


def depends_on_crmkit_alone(chosen: Contribution[Importer], schema: Schema) -> bool:
    """Whether nobody else's code has a say in what rows become."""
    return chosen.is_own and not isinstance(chosen.item, ImporterOfParts) and not schema["lead"].custom


def made_by(chosen: Contribution[Importer]) -> str:
    """Return what made drafts of a source; another version may make others."""
    return f"{chosen.item.name} {chosen.version}"


def would_change_nothing(
    view: ReadTransaction, schema: Schema, done: Operation, chosen: Contribution[Importer]
) -> bool:
    """Whether the same source would say nothing new.

    It is so when all that the import made is as the import left it, and none of its rows met
    somebody who was there before. That is a question of what was done, not of what it said, so
    it takes two questions for each record type, however long the source is.

    Args:
        view: Where to look.
        schema: The record types.
        done: A finished import of that source, asked for with the same arguments.
        chosen: Who would read it now.
    """
    facts = done.result
    if not depends_on_crmkit_alone(chosen, schema) or facts.get("made_by") != made_by(chosen) or facts["met"]:
        return False
    return all(
        _count(view, kind, done) == count.get("created", 0) and not _count(view, kind, done, touched=True)
        for kind, count in done.counts.items()
    )


def report_again(view: ReadTransaction, schema: Schema, done: Operation) -> ImportReport:
    """Return the report of doing an import again that changes nothing."""
    before = report_of(view, schema, done)
    outcomes = dict(before.outcomes)
    outcomes[RowOutcome.UNCHANGED] = outcomes.get(RowOutcome.UNCHANGED, 0) + outcomes.pop(RowOutcome.CREATED, 0)
    problems = tuple(
        attrs.evolve(row, outcome=RowOutcome.UNCHANGED) if row.outcome is RowOutcome.CREATED else row
        for row in before.problems
    )
    return attrs.evolve(before, outcomes=outcomes, problems=problems, operation_id=None)


def _count(view: ReadTransaction, kind: str, done: Operation, *, touched: bool = False) -> int:
    """Count the records that an import made, or those of them that were touched since, deleted ones too."""
    mine = Compare("operation_id", Op.EQ, done.id)
    where = All((mine, Compare("updated_at", Op.NE, moment_text(done.at)))) if touched else mine
    return int(view.aggregate(Aggregate(type=kind, where=where, deleted=True))[0][0] or 0)
