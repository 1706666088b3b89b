"""The import itself: one operation, applied in parts that can be resumed.

Each part is planned on a snapshot and written in one transaction together with a
checkpoint, which is kept in the row of the operation. The operation is begun by the first
part that changes something; an import that changes nothing leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import attrs

from crmkit.core.changes import ChangeSet
from crmkit.core.codecs import moment_text
from crmkit.core.drafts import DraftBatch
from crmkit.core.fields import Scalar
from crmkit.core.ids import IdSequence
from crmkit.core.imports import ImportReport, ReportedRow
from crmkit.core.operation import RowOutcome
from crmkit.core.planning import Planning
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.sources import Importer, ReadingOptions, Source
from crmkit.core.ports.storage import ReadTransaction, WriteTransaction, state_of
from crmkit.core.records import Stored as StoredRecord
from crmkit.errors import ConflictError, NotFoundError, RejectedError
from crmkit.services.importing.ahead import Ahead
from crmkit.services.importing.asked import asked_options, check_mapping, save_mapping, saved_columns
from crmkit.services.importing.beside import Worker, prepared_beside
from crmkit.services.importing.checkpoint import Earlier, Standing, added
from crmkit.services.importing.choosing import choose_importer
from crmkit.services.importing.doors import Doors, doors_of
from crmkit.services.importing.garbage import collected_by_part
from crmkit.services.importing.known import known_rows, said_besides, was_said, without
from crmkit.services.importing.plan import Verdicts, plan_part
from crmkit.services.importing.progress import ImportProgress
from crmkit.services.importing.report import LISTED, report_of, summary_of
from crmkit.services.importing.settled import (
    depends_on_crmkit_alone,
    made_by,
    report_again,
    would_change_nothing,
)
from crmkit.services.operations import (
    Outcome,
    Request,
    begin_planning,
    check_reliance,
    insert_operation,
    write_changes,
)
from crmkit.services.preparing.columns import cells_texts
from crmkit.services.preparing.counted import CountedSource
from crmkit.services.preparing.job import Job, Policy
from crmkit.services.preparing.normalise import Rows, normalise
from crmkit.services.preparing.parts import in_parts
from crmkit.services.preparing.prepared import Prepared, prepare
from crmkit.services.preparing.survey import begin_reading
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["ImportProgress", "import_leads"]


def import_leads(
    workspace: Workspace,
    source: Source,
    *,
    importer: str | None = None,
    options: ReadingOptions | None = None,
    saved_mapping: str | StoredRecord | None = None,
    save_mapping_as: str | None = None,
    campaign: str | StoredRecord | None = None,
    source_label: str | None = None,
    owner: str | StoredRecord | None = None,
    tags: Sequence[str] = (),
    policy: Policy = "fill",
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
    batch_size: int = 5000,
    max_errors: int | None = None,
    progress: Callable[[ImportProgress], None] | None = None,
) -> Outcome[ImportReport]:
    """Import a source as leads.

    It is one operation in parts, each applied with a checkpoint: an import that was
    interrupted, by whatever, goes on where it stopped when it is asked for again with the
    same source and arguments, and ends like one that was not. Importing again what is
    there changes nothing, and then there is no operation.

    Args:
        workspace: Where.
        source: What to read.
        importer: The name of the importer; None takes the surest.
        options: What is known about the source; the rest is found out.
        saved_mapping: A mapping that was saved, as a record or by name; that of the options goes before it.
        save_mapping_as: The name under which the mapping is kept when the import is done.
        campaign: The campaign that everybody joins.
        source_label: `Lead.source` of the rows that name none: ``trade_show`` …
        owner: The user responsible for new leads.
        tags: Put on every lead.
        policy: What a row does to a lead that is known: ``fill`` what is empty, ``skip``
            the row, or ``update`` what differs. A source that was imported before only
            fills: what people changed since is newer.
        reason: Why, for the log.
        key: The idempotency key; with one, there is an operation even if nothing changes.
        dry_run: Do all of it in one transaction, and roll it back.
        batch_size: How many rows a part has; a resumed import keeps its own.
        max_errors: Stop when more rows than this are rejected.
        progress: Called after each part. What it raises stops the import, which can be resumed.

    Returns:
        The report. ``changes`` is None, for it would grow with the source; ``operation_id``
        is None when there was nothing to write.

    Raises:
        UnreadableError: No importer can read the source.
        NotFoundError: There is no such importer, saved mapping, campaign or user.
        RejectedError: Too many rows are rejected, or most of the first hundred: then this
            is hardly the right importer. Nothing of that part is written.
        PluginError: The importer failed.
    """
    problems = [] if policy in get_args(Policy) else [f"policy must be fill, skip or update, not {policy!r}"]
    problems += [] if batch_size > 0 else ["batch_size must be at least 1"]
    if workspace.open_planning is not None:
        problems.append("an import is an operation of its own and cannot be part of another")
    if problems:
        raise RejectedError(problems)
    saved = None if saved_mapping is None else saved_columns(workspace, saved_mapping)
    options = asked_options(options, settings=workspace.settings, lead=workspace.schema["lead"], saved=saved)
    check_mapping(options.mapping, save_mapping_as)
    chosen = choose_importer(workspace.extensions.importers, source, importer)
    job = Job(
        source_name=source.name,
        importer=chosen.item.name,
        policy=policy,
        region=options.region,
        campaign_id=None if campaign is None else id_of(campaign),
        source_label=source_label,
        owner_id=None if owner is None else id_of(owner),
        tags=tuple(sorted(set(tags))),
    )
    request = Request(
        kind="import", reason=reason, key=key, arguments=_arguments(source, job, options), dry_run=dry_run
    )
    with workspace.storage.read() as view:
        _check_exists(view, workspace, job)
        earlier = Earlier.find(view, workspace, request)
        if earlier.replayed is not None:
            report = report_of(view, workspace.schema, earlier.replayed)
            return Outcome(value=report, operation_id=earlier.replayed.id, changes=None, replayed=True)
        again = None if key is not None else _again(view, workspace, earlier, chosen, max_errors)
    if again is not None:
        if progress is not None:
            size = source.size_bytes
            progress(ImportProgress(rows=again.read, outcomes=again.outcomes, bytes_read=size, size_bytes=size))
        save_mapping(workspace, save_mapping_as, options.mapping, dry_run=dry_run)
        return Outcome(value=again, operation_id=None, changes=None)
    if earlier.done is not None:
        job = attrs.evolve(job, policy="fill" if policy == "update" else policy)
    task = _Task(
        workspace=workspace,
        request=request,
        source=CountedSource(source),
        chosen=chosen,
        options=options,
        max_errors=max_errors,
        progress=progress,
    )
    with doors_of(workspace.storage, dry_run=dry_run) as doors:
        standing = earlier.standing or Standing(batch_size=batch_size)
        try:
            report = _Run(task, job, doors, standing, writes_all=key is not None).run()
        except _TooManyToRemember:
            report = _Run(task, job, doors, standing, writes_all=True).run()
    save_mapping(workspace, save_mapping_as, options.mapping, dry_run=dry_run)
    told = attrs.evolve(report, operation_id=None) if dry_run else report
    return Outcome(value=told, operation_id=report.operation_id, changes=None)


_MAX_PLANS: Final = 5
"""How often a part is planned anew before the conflict is reported."""

_FIRST_ROWS: Final = 100
_FEW_ROWS: Final = 5
"""Of the first hundred rows, most must be right; of a short source, some. A source of fewer than five is as it is."""


class _TooManyToRemember(Exception):  # noqa: N818  # not an error: the import is begun again
    """Something changes only after so many rows with a problem that they could not all be remembered."""


@attrs.frozen(kw_only=True)
class _Task:
    """What a run is given."""

    workspace: Workspace
    request: Request
    source: CountedSource
    chosen: Contribution[Importer]
    options: ReadingOptions
    max_errors: int | None
    progress: Callable[[ImportProgress], None] | None


class _Run:
    """One run through the source, from where the import stands.

    Args:
        task: What the run is given.
        job: What is asked of each row.
        doors: How to get at the store.
        standing: Where the import stands.
        writes_all: Begin the operation with the first part, whether or not it changes something.
    """

    def __init__(self, task: _Task, job: Job, doors: Doors, standing: Standing, *, writes_all: bool = False) -> None:
        self._task = task
        self._workspace = task.workspace
        self._doors = doors
        self._standing = standing
        self._writes_all = writes_all
        # What is to be written as soon as something changes; of very much only the first.
        self._remembered: list[ReportedRow] = []
        self._traces: list[ReportedRow] = []
        self._aliases: dict[int, str] = {}
        self._forgotten = 0
        self._expects_known = False
        self._is_forgetful = False
        self._worker: Worker | None = None
        with task.chosen.blamed():
            self._reading, found, self._custom = begin_reading(
                task.chosen.item, task.source, task.options, self._workspace.schema["lead"]
            )
        self._job = attrs.evolve(
            job,
            regions=found.regions,
            source_label=job.source_label or self._reading.source_label,
        )
        self._said = said_besides(self._job, made_by(task.chosen), self._workspace.schema["lead"])

    def run(self) -> ImportReport:
        """Go through the source to its end."""
        with self._doors.read() as view:
            self._expects_known = was_said(view, self._workspace.schema, self._said)
        try:
            with collected_by_part() as collect, self._begun() as self._ahead:
                while part := self._ahead.take():
                    self._take(part)
                    collect()
                    if self._task.progress is not None:
                        self._task.progress(self._progress())
        finally:
            if isinstance(self._reading.batches, Generator):
                self._reading.batches.close()  # and with it the file
        if self._standing.operation_id is None:
            return self._report(self._standing, problems=tuple(self._remembered), unlisted=self._forgotten)
        with self._doors.read() as view:
            rows = view.get_many("operation", [self._standing.operation_id])
            return report_of(view, self._workspace.schema, self._workspace.schema["operation"].load(rows[0]))

    def _begun(self) -> Ahead[Prepared]:
        """Begin to prepare the parts: beside this process, else in another thread."""
        # Whether somebody else's code minds where it runs, only its author knows.
        is_own = depends_on_crmkit_alone(self._task.chosen, self._workspace.schema)
        standing, size = self._standing, self._standing.batch_size
        raw = in_parts(self._batches(), size, skip=standing.rows)
        if is_own and self._reading.place is None:
            self._worker = Worker.start(
                self._task.source.counted, self._job, self._task.options, size=size, skip=standing.rows + size
            )
        if self._worker is None:
            return Ahead(map(self._prepared, raw), alone=not is_own)
        return Ahead(
            prepared_beside(self._worker, raw, self._prepared, is_known=lambda: self._expects_known), alone=True
        )

    def _prepared(self, raw: tuple[DraftBatch, bool]) -> Prepared:
        batch, is_last = raw
        with self._task.chosen.blamed():
            return prepare(batch, self._job, self._custom, is_last=is_last, is_known=self._expects_known)

    def _cleaned(self, batch: DraftBatch) -> Rows:
        with self._task.chosen.blamed():
            return normalise(batch, self._job, self._custom)

    def _batches(self) -> Iterator[DraftBatch]:
        batches = iter(self._reading.batches)
        while True:
            with self._task.chosen.blamed():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _take(self, part: Prepared) -> None:
        """Plan and apply one part, anew while others change what it relies on."""
        for attempt in range(_MAX_PLANS):
            with self._doors.read() as view:
                planning = self._planning(view)
                verdicts = self._decided(planning, part, anew=attempt > 0).placed(self._reading.place)
                changes = planning.change_set({})
                state = state_of(view)
            self._refuse_too_many(verdicts)
            if self._standing.operation_id is None and not changes and not self._writes_all:
                self._remember(verdicts)
                return
            try:
                self._apply(changes, verdicts, planning.ids.used, state, is_last=part.is_last)
            except ConflictError as error:
                # Somebody else who continues the same import is not to be raced with.
                if error.record == self._standing.operation_id or attempt == _MAX_PLANS - 1:
                    raise
            else:
                return

    def _decided(self, planning: Planning, part: Prepared, *, anew: bool) -> Verdicts:
        """Decide about the rows of a part; those that are known and untouched are unchanged."""
        job, aliases = self._job, self._known_aliases()
        known = known_rows(planning, part.batch, part.keys, job, said=self._said)
        self._expects_known = bool(known.leads)
        if not known.leads:
            # A plan changes the rows it is made of.
            rows = self._cleaned(part.batch) if anew or part.rows is None else part.rows
            return plan_part(planning, rows, job, aliases)
        rest, places = without(part.batch, {*known.leads, *known.repeats})
        met = {lead: part.batch.lines[i] for i, lead in known.leads.items()}
        return plan_part(planning, self._cleaned(rest), job, aliases, met).among(places, part.batch, known)

    def _planning(self, view: ReadTransaction) -> Planning:
        standing, request = self._standing, self._task.request
        if standing.operation_id is None or standing.at is None:
            return begin_planning(self._workspace, view, request)
        return Planning(
            view,
            self._workspace.schema,
            kind=request.kind,
            operation_id=standing.operation_id,
            at=standing.at,
            actor=self._workspace.actor,
            reason=request.reason,
            ids_used=standing.ids,
        )

    def _refuse_too_many(self, verdicts: Verdicts) -> None:
        """Stop before a part is written that shows that this leads nowhere."""
        rejected = [row for row in verdicts.problems if row.outcome is RowOutcome.REJECTED]
        examples = "; ".join(f"line {row.line}: {row.reason}" for row in rejected[:3])
        if self._standing.rows == 0:
            first = [outcome for outcome in verdicts.outcomes if outcome is not RowOutcome.IGNORED][:_FIRST_ROWS]
            bad = sum(outcome is RowOutcome.REJECTED for outcome in first)
            if 2 * bad > len(first) if len(first) == _FIRST_ROWS else bad == len(first) >= _FEW_ROWS:
                raise RejectedError(
                    f"{bad} of the first {len(first)} rows of {self._job.source_name} cannot be imported ({examples})",
                    hint=f"is {self._job.importer} the right importer, and are its columns the right ones?"
                    " Nothing was imported",
                )
        limit = self._task.max_errors
        total = self._standing.outcomes.get(RowOutcome.REJECTED.value, 0) + len(rejected)
        if limit is not None and total > limit:
            done = self._standing.operation_id
            hint = f"allow more and import it again to go on, or undo {done}" if done else "nothing was imported"
            raise RejectedError(f"rejected rows: {total}, allowed: {limit} ({examples})", hint=hint)

    def _remember(self, verdicts: Verdicts) -> None:
        self._standing = self._standing.after(verdicts)
        room = LISTED - len(self._remembered)
        self._remembered += verdicts.problems[:room]
        self._forgotten += max(len(verdicts.problems) - room, 0)
        if self._forgotten or len(self._traces) + len(verdicts.traces) > LISTED:
            self._is_forgetful = True
        else:
            self._traces += verdicts.traces
            self._aliases |= verdicts.aliases

    def _known_aliases(self) -> dict[str, str]:
        rows = (*self._remembered, *self._traces) if self._aliases else ()
        return {self._aliases[row.line]: row.record_id for row in rows if row.record_id and row.line in self._aliases}

    def _apply(self, changes: ChangeSet, verdicts: Verdicts, ids_used: int, state: Hashable, *, is_last: bool) -> None:
        """Write one part with its checkpoint."""
        if self._is_forgetful:
            raise _TooManyToRemember
        schema, request = self._workspace.schema, self._task.request
        told = sorted(
            (*self._remembered, *self._traces, *verdicts.problems, *verdicts.traces), key=lambda row: row.line
        )
        aliases = {**self._aliases, **verdicts.aliases}
        log_rows = sum(len(updated.ids) for updated in changes.updates)
        after = attrs.evolve(
            self._standing.after(verdicts),
            operation_id=changes.operation_id,
            at=changes.at,
            version=self._standing.version + 1,
            ids=ids_used,
            log_rows=self._standing.log_rows + log_rows,
            told_rows=self._standing.told_rows + len(told),
            counts=added(self._standing.counts, changes.counts),
        )
        facts = self._facts(after, is_last=is_last)
        self._ahead.begin()
        with self._doors.write() as transaction:
            if state is None or state_of(transaction) != state:
                check_reliance(transaction, schema, changes.relies_on)
            if self._standing.operation_id is None:
                insert_operation(transaction, schema, changes, request, **facts)
            else:
                columns = {name: [value] for name, value in facts.items()}
                transaction.update("operation", [changes.operation_id], [self._standing.version], columns)
            write_changes(transaction, schema, changes, log_rows_before=self._standing.log_rows)
            self._tell(transaction, changes, told, aliases)
        self._standing = after
        self._remembered.clear()
        self._traces.clear()
        self._aliases.clear()
        if not request.dry_run:
            self._workspace.extensions.committed(changes)

    def _facts(self, after: Standing, *, is_last: bool) -> dict[str, Scalar]:
        """Return what the row of the operation says when a part is done."""
        summary = {
            **summary_of(self._report(after), sha256=self._task.source.sha256),
            "met": after.met,
            "made_by": made_by(self._task.chosen),
            "said": self._said,
            "merges": self._job.policy != "skip",
        }
        return self._workspace.schema["operation"].encode(
            {
                "finished": is_last,
                "progress": {} if is_last else after.checkpoint(),
                "result": summary,
                "counts": after.counts,
            }
        )

    def _tell(
        self,
        transaction: WriteTransaction,
        changes: ChangeSet,
        told: Sequence[ReportedRow],
        aliases: Mapping[int, str],
    ) -> None:
        """Keep the rows that have a story to tell."""
        if not told:
            return
        ids = IdSequence(changes.operation_id, changes.at, used=self._standing.told_rows)
        moment = moment_text(changes.at)
        columns: dict[str, list[Scalar]] = {
            "id": list(ids.take("import_row", len(told))),
            "version": [1] * len(told),
            "created_at": [moment] * len(told),
            "updated_at": [moment] * len(told),
            "operation_id": [changes.operation_id] * len(told),
            "line": [row.line for row in told],
            "outcome": [row.outcome.value for row in told],
            "reason": [row.reason for row in told],
            # Half of a surrogate pair can be in a cell, though not in a store.
            "cells": [*cells_texts([row.cells for row in told])],
            "record_id": [row.record_id for row in told],
            "import_key": [aliases.get(row.line) if row.record_id else None for row in told],
        }
        transaction.insert("import_row", columns)

    def _report(self, standing: Standing, *, problems: tuple[ReportedRow, ...] = (), unlisted: int = 0) -> ImportReport:
        return ImportReport(
            source=self._job.source_name,
            importer=self._job.importer,
            findings=self._reading.findings,
            header=self._reading.header,
            outcomes={RowOutcome(name): count for name, count in standing.outcomes.items()},
            read=standing.rows,
            warnings=standing.warnings,
            problems=problems,
            unlisted=unlisted,
        )

    def _progress(self) -> ImportProgress:
        source = self._task.source
        beside = 0 if self._worker is None else self._worker.bytes_read
        return ImportProgress(
            rows=self._standing.rows,
            outcomes={RowOutcome(name): count for name, count in self._standing.outcomes.items()},
            bytes_read=max(source.bytes_read, beside),
            size_bytes=source.size_bytes,
        )


def _arguments(source: Source, job: Job, options: ReadingOptions) -> dict[str, Any]:
    """Return what two calls have in common that ask for the same import."""
    asked = attrs.asdict(job, filter=attrs.filters.exclude("source_name", "regions"))
    return {
        **asked,
        "tags": list(job.tags),
        "options": {**attrs.asdict(options), "mapping": dict(options.mapping)},
        "sha256": source.sha256,
    }


def _again(
    view: ReadTransaction,
    workspace: Workspace,
    earlier: Earlier,
    chosen: Contribution[Importer],
    max_errors: int | None,
) -> ImportReport | None:
    """Return the report of an import that was done before and would change nothing, or None when it must be done."""
    done = earlier.done
    if done is None or earlier.standing is not None:
        return None
    if not would_change_nothing(view, workspace.schema, done, chosen):
        return None
    report = report_again(view, workspace.schema, done)
    return None if max_errors is not None and report.rejected > max_errors else report


def _check_exists(view: ReadTransaction, workspace: Workspace, job: Job) -> None:
    for kind, id_ in (("campaign", job.campaign_id), ("user", job.owner_id)):
        if id_ is None:
            continue
        rows = view.get_many(kind, [id_])
        if not rows or rows[0][workspace.schema[kind].position["deleted_at"]] is not None:
            raise NotFoundError(kind, id_)
