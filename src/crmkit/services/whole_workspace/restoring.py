"""Putting the file of a whole workspace into a fresh one: one operation, all of it or nothing.

Ids, versions and moments are kept; nothing else but this accepts ids from outside. The log
stays behind, so each record names this operation and its line as where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import attrs

from crmkit.core.catalogue import completed
from crmkit.core.changes import ChangeSet, Creates
from crmkit.core.fields import ANY, Field, Row, Scalar
from crmkit.core.imports import ImportReport
from crmkit.core.operation import Operation, RowOutcome
from crmkit.core.ports.sources import Source
from crmkit.core.ports.storage import ReadTransaction, WriteTransaction
from crmkit.core.query import Aggregate, Compare, Condition, Not, Op, Query, both
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import KeyReusedError, NotFoundError, RejectedError
from crmkit.services.importing.progress import ImportProgress
from crmkit.services.importing.report import report_of, summary_of
from crmkit.services.operations import Outcome, Request, begin_planning, insert_operation, write_changes
from crmkit.services.preparing.counted import CountedSource
from crmkit.services.whole_workspace.outline import Outline, travelling, what_travels
from crmkit.services.whole_workspace.reading import Batch, Problems, read_batches, read_outline
from crmkit.services.workspace import BEGIN_KEY, Workspace

__all__ = ["import_workspace"]


def import_workspace(
    workspace: Workspace,
    source: Source,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
    progress: Callable[[ImportProgress], None] | None = None,
) -> Outcome[ImportReport]:
    """Import the file of a whole workspace into a fresh one.

    Fresh is one that has nothing but what it began with, which goes for good. What the file
    has of plugins that are absent here travels along; a workspace that never heard of them
    keeps their declarations from then on.

    Importing the same file again changes nothing. Plugins are told of the operation without
    its records, for nobody is new here.

    Args:
        workspace: Where.
        source: The file.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back; what would need new declarations is read and checked, not written.
        progress: Called after each batch of records. What it raises stops the import, and nothing is written.

    Raises:
        RejectedError: The workspace holds something; says what.
        UnreadableError: Something is wrong with the file; with all reasons, and nothing is written.
        NewerWorkspaceError: A newer crmkit wrote it.
    """
    if workspace.open_planning is not None:
        raise RejectedError(
            "a workspace is imported by an operation of its own", hint="do it before or after the block"
        )
    request = Request(kind="import", reason=reason, key=key, arguments={"workspace": source.sha256}, dry_run=dry_run)
    with workspace.storage.read() as view:
        earlier = _earlier(view, workspace, request)
        if earlier is not None:
            return earlier
        _refuse_unless_fresh(view, workspace)
    outline = read_outline(source, workspace.schema)
    wider = completed(workspace.schema, outline.catalogue)
    if not dry_run:
        _make_room(workspace, source, outline, wider)
    done: Outcome[ImportReport] | None = None
    with suppress(_RolledBack), workspace.storage.write() as transaction:
        earlier = _earlier(transaction, workspace, request)
        if earlier is not None:
            return earlier
        _refuse_unless_fresh(transaction, workspace)
        done = _Restoring(workspace, transaction, source, request, outline=outline, wider=wider).run(progress)
        if dry_run:
            raise _RolledBack
    assert done is not None and done.changes is not None  # noqa: PT018, S101  # or it has raised
    if not dry_run:
        workspace.extensions.committed(done.changes)
    return done


IMPORTER: Final = "workspace"
"""What stands as the importer in the log."""

_READS: Final = 500


class _RolledBack(Exception):  # noqa: N818  # not an error: how a dry run leaves its transaction
    pass


def _earlier(view: ReadTransaction, workspace: Workspace, request: Request) -> Outcome[ImportReport] | None:
    """Return what an earlier call with the same key gave, or that the file is imported already."""
    kind = workspace.schema["operation"]
    if request.key is not None and (found := view.lookup("operation", "key", [request.key])):
        named: Operation = kind.load(view.get_many("operation", [found[0][1]])[0])
        if named.request != request.digest:
            raise KeyReusedError(request.key)
        report = report_of(view, workspace.schema, named)
        return Outcome(value=report, operation_id=named.id, changes=None, replayed=True)
    same: list[Operation] = kind.load_many(
        view.find(Query(type="operation", where=both(_is("kind", "import"), _is("request", request.digest))))
    )
    undone = {value for value, _ in view.lookup("operation", "undoes", [each.id for each in same])}
    there = next((each for each in same if each.id not in undone), None)
    if there is None:
        return None
    report = report_of(view, workspace.schema, there)
    unchanged = attrs.evolve(report, outcomes={RowOutcome.UNCHANGED: report.read}, operation_id=None)
    return Outcome(value=unchanged, operation_id=None, changes=None)


def _is(field: str, value: Scalar) -> Compare:
    return Compare(field, Op.EQ, value)


def _begun(view: ReadTransaction) -> Condition:
    """Return what the records fulfil that a workspace began with and that nobody changed since."""
    found = view.lookup("operation", "key", [BEGIN_KEY])
    beginning = both(_is("operation_id", found[0][1] if found else ""), _is("version", 1))
    assert beginning is not None  # noqa: S101  # of two conditions
    return beginning


def _refuse_unless_fresh(view: ReadTransaction, workspace: Workspace) -> None:
    held = []
    for kind in what_travels(workspace.schema):
        more = both(Not(_begun(view)), travelling(kind)[1])
        count = view.aggregate(Aggregate(type=kind.name, where=more, deleted=True))[0][0]
        if count:
            held.append(f"{count} {(kind.name if count == 1 else kind.plural).replace('_', ' ')}")
    if held:
        reason = f"the workspace holds something already: {', '.join(held)} (deleted ones count)"
        raise RejectedError(reason, hint="import into a new one: crmkit --db NEW.db init")


def _make_room(workspace: Workspace, source: Source, outline: Outline, wider: Schema) -> None:
    """Let the workspace keep the declarations of what only the file knows; nothing is done for a broken file."""
    if all(
        kind.name in workspace.schema.types and kind.field_names == workspace.schema[kind.name].field_names
        for kind in wider
    ):
        return
    problems = Problems(source.name)
    for _ in read_batches(source, outline, wider, problems):
        pass
    problems.refuse_if_any()
    workspace.schema.adopt(workspace.storage.prepare(wider, create=True))


class _Restoring:
    """One import into an open transaction; for a dry run no room was made, so it writes what there is a place for."""

    def __init__(
        self,
        workspace: Workspace,
        transaction: WriteTransaction,
        source: Source,
        request: Request,
        *,
        outline: Outline,
        wider: Schema,
    ) -> None:
        self._schema: Schema = workspace.schema
        self._transaction = transaction
        self._source = CountedSource(source)
        self._outline = outline
        self._wider = wider
        self._request = request
        self._problems = Problems(source.name)
        count = sum(outline.counts.values())
        self._report = ImportReport(
            source=source.name, importer=IMPORTER, outcomes={RowOutcome.CREATED: count}, read=count
        )
        summary = summary_of(self._report, sha256=source.sha256)
        self._changes: ChangeSet = begin_planning(workspace, transaction, request).change_set(summary)

    def run(self, progress: Callable[[ImportProgress], None] | None) -> Outcome[ImportReport]:
        """Write everything, and refuse everything when something is wrong."""
        counts = {name: {"created": count} for name, count in self._outline.counts.items() if count}
        facts = self._schema["operation"].encode({"counts": counts})
        self._erase_beginning()
        insert_operation(self._transaction, self._schema, self._changes, self._request, **facts)
        rows = 0
        for batch in read_batches(self._source, self._outline, self._wider, self._problems):
            if batch.kind.name in self._schema.types:
                self._insert(batch)
            rows += len(batch.lines)
            if progress is not None:
                progress(
                    ImportProgress(
                        rows=rows,
                        outcomes={RowOutcome.CREATED: rows},
                        bytes_read=self._source.bytes_read,
                        size_bytes=self._source.size_bytes,
                    )
                )
        self._problems.refuse_if_any()
        self._check_references()
        self._problems.refuse_if_any()
        operation_id = self._changes.operation_id
        report = attrs.evolve(self._report, operation_id=None if self._request.dry_run else operation_id)
        return Outcome(value=report, operation_id=operation_id, changes=self._changes)

    def _erase_beginning(self) -> None:
        """Remove the pipeline and templates the workspace began with: the file has its own."""
        beginning = _begun(self._transaction)
        for kind in reversed(what_travels(self._schema)):  # those that refer to others first
            rows = self._transaction.find(Query(type=kind.name, where=beginning, deleted=True))
            if rows:
                self._transaction.erase(kind.name, [str(row[kind.position["id"]]) for row in rows])

    def _insert(self, batch: Batch) -> None:
        try:
            with self._transaction.savepoint():
                self._write(batch)
        except RejectedError as error:
            if len(batch.lines) > 1:
                for each in _halves(batch):
                    self._insert(each)
                return
            self._problems.add(f"line {batch.lines[0]}: {error}")
            if self._problems.is_full:  # finding more costs more than it tells
                self._problems.refuse_if_any()

    def _write(self, batch: Batch) -> None:
        kind, count = self._schema[batch.kind.name], len(batch.lines)
        told = self._outline.catalogue[kind.name]["fields"]
        newer = {name: value for name, value in kind.defaults().items() if value is not None and name not in told}
        columns: dict[str, Sequence[Scalar]] = {
            **{name: values for name, values in batch.columns.items() if name in kind.position},
            **{name: [value] * count for name, value in newer.items()},
            "operation_id": [self._changes.operation_id] * count,
            "source_row": batch.lines,
        }
        columns |= kind.derive_columns(columns, count)
        created = Creates(type=kind.name, columns=columns)
        write_changes(self._transaction, self._schema, attrs.evolve(self._changes, creates=(created,)))

    def _check_references(self) -> None:
        """Look whether every reference leads to a record of the right type."""
        for kind in what_travels(self._schema):
            if kind.references and self._outline.counts.get(kind.name):
                for rows in self._transaction.iterate(Query(type=kind.name, deleted=True), batch=_READS):
                    for field in kind.references:
                        self._check_reference(kind, field, rows)

    def _check_reference(self, kind: RecordType, field: Field, rows: Sequence[Row]) -> None:
        place, id_place, line_place = (kind.position[name] for name in (field.name, "id", "source_row"))
        wanted: dict[str, set[str]] = {}
        for id_ in {str(row[place]) for row in rows if row[place] is not None}:
            wanted.setdefault(self._target(field, id_), set()).add(id_)
        missing = wanted.pop("", set())
        for target in wanted.keys() & self._schema.types.keys():
            ids = wanted[target]
            there = self._schema[target].position["id"]
            missing |= ids - {str(row[there]) for row in self._transaction.get_many(target, sorted(ids))}
        for row in rows if missing else ():
            if row[place] in missing:
                reason = f"{field.name} {row[place]} of {row[id_place]} is no record that is there"
                self._problems.add(f"line {row[line_place]}: {reason}")

    def _target(self, field: Field, id_: str) -> str:
        """Return the type that an id is of, or nothing where it cannot be of the right one."""
        try:
            found = self._wider.type_of(id_).name
        except NotFoundError:
            return ""
        return found if field.references in (ANY, found) else ""


def _halves(batch: Batch) -> Iterator[Batch]:
    middle = len(batch.lines) // 2
    for part in (slice(None, middle), slice(middle, None)):
        yield Batch(batch.kind, batch.lines[part], {name: values[part] for name, values in batch.columns.items()})
