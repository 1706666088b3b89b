"""The pull itself: what a kind of lead source hands over is imported, a batch at a time, each once.

Nobody holds a lock, and nothing is leased: an import has an idempotency key that follows from
the batch, so of two processes that import the same one, each part is written by one of them, and
a pull that is killed leaves an import that the next pull goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import attrs

from crmkit.core.imports import ImportReport
from crmkit.core.lead_source import LeadSource, PulledItem
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.pulling import Batch, LeadSourceKind, PassedOver
from crmkit.core.ports.sources import Source
from crmkit.core.records import Stored
from crmkit.errors import ConflictError, CrmkitError, PluginError, RejectedError, StorageError, UnreadableError
from crmkit.services.importing import ImportProgress, choose_importer, import_leads
from crmkit.services.operations import Outcome
from crmkit.services.pulling.configure import kind_of
from crmkit.services.pulling.ledger import Ledger, Note
from crmkit.services.pulling.overview import all_sources, find_source
from crmkit.services.pulling.recipe import Recipe
from crmkit.services.pulling.report import PulledBatch, PullOutcome, PullReport
from crmkit.services.workspace import Workspace

__all__ = ["Watch", "pull_source", "pull_sources"]

Watch = Callable[[str, ImportProgress], None]
"""Called after each part of an import, with the name of the file or page."""


def pull_source(
    workspace: Workspace,
    source: str | Stored,
    *,
    dry_run: bool = False,
    batch_size: int | None = None,
    progress: Watch | None = None,
) -> PullReport:
    """Ask one lead source for new leads, and import them.

    Each file or page is an import of its own, with its own operation, and is taken once however
    often this is called, from however many places at once. Killed at any point, the next call
    goes on where this one stopped.

    Args:
        workspace: Where.
        source: The lead source: a record, id or name.
        dry_run: Import each file or page, and roll it back; nothing is noted. Each is tried by
            itself, so that one does not see the leads of another.
        batch_size: How many rows a part of an import has; None leaves it to the import.
        progress: Called after each part of an import. What it raises stops the pull.

    Returns:
        What became of each file or page. What stops the pull of the source is told there.

    Raises:
        NotFoundError: There is no such lead source.
        RejectedError: Inside ``crm.operation``.
        StorageError: The workspace failed.
    """
    if workspace.open_planning is not None:
        raise RejectedError(
            "a pull makes operations of its own and cannot be part of another", hint="do it before or after the block"
        )
    how = {} if batch_size is None else {"batch_size": batch_size}
    return _Pull(workspace, find_source(workspace, source), dry_run=dry_run, progress=progress, how=how).run()


def pull_sources(
    workspace: Workspace,
    sources: Sequence[str | Stored] = (),
    *,
    dry_run: bool = False,
    batch_size: int | None = None,
    progress: Watch | None = None,
) -> list[PullReport]:
    """Pull several lead sources, or all when none is named, by name; one that fails does not stop the others.

    See `pull_source`.
    """
    found = [find_source(workspace, source) for source in sources] if sources else all_sources(workspace)
    ids = [source.id for source in found]
    how: dict[str, Any] = {"dry_run": dry_run, "batch_size": batch_size, "progress": progress}
    return [pull_source(workspace, id_, **how) for id_ in dict.fromkeys(ids)]


_SHOWN: Final = 20
"""How many rows with a problem the report of a batch lists; the others are in the workspace."""


class _Pull:
    """One pull of one lead source."""

    def __init__(
        self,
        workspace: Workspace,
        source: LeadSource,
        *,
        dry_run: bool,
        progress: Watch | None,
        how: Mapping[str, Any],
    ) -> None:
        self._workspace = workspace
        self._source = source
        self._ledger = Ledger(workspace, source)
        self._dry_run = dry_run
        self._progress = progress
        self._how = how
        self._batches: list[PulledBatch] = []
        self._known = 0
        self._tried: dict[str, Note] = {}  # what a dry run would have noted

    def run(self) -> PullReport:
        error: CrmkitError | None = None
        try:
            for batch in self._handed_over():
                if not self._take(batch):
                    break
        except StorageError:
            raise
        except CrmkitError as stopped:
            error = stopped
        if not self._dry_run:
            failed = [f"{each.name}: {each.detail}" for each in self._batches if each.outcome is PullOutcome.FAILED]
            self._ledger.close(next(iter(failed), None) if error is None else str(error))
        return PullReport(
            source=self._source.name,
            source_id=self._source.id,
            kind=self._source.kind,
            batches=tuple(self._batches),
            known=self._known,
            cursor=self._ledger.cursor,
            error=error,
        )

    @cached_property
    def _kind(self) -> Contribution[LeadSourceKind]:
        return kind_of(self._workspace, self._source.kind)

    @cached_property
    def _recipe(self) -> Recipe:
        return Recipe.of(self._workspace, self._source)

    @cached_property
    def _circumstances(self) -> str:
        """The digest of what decides whether a file can be imported, apart from the file."""
        importers = self._workspace.extensions.importers.items()
        return self._recipe.digest(sorted([name, each.version] for name, each in importers))

    def _handed_over(self) -> Iterator[Batch | PassedOver]:
        """Go through what the kind hands over; what its code raises is its own failure."""
        with self._kind.blamed():
            batches = iter(self._kind.item.pull(self._ledger.cursor, dict(self._source.settings)))
        try:
            while True:
                with self._kind.blamed():
                    batch = next(batches, None)
                    if batch is not None:
                        _check(batch)
                if batch is None:
                    return
                yield batch
        finally:
            if isinstance(batches, Generator):
                batches.close()

    def _take(self, batch: Batch | PassedOver) -> bool:
        """Import a batch if it is new; return whether to go on."""
        if isinstance(batch, PassedOver):
            self._tell(batch.name, PullOutcome.PASSED_OVER, batch.reason)
            return True
        if batch.source is None:
            return self._settle(batch, None, None)
        name = batch.source.name
        seen = self._ledger.item(name)
        if seen is not None and batch.stamp and seen.stamp == batch.stamp and self._is_done(seen, batch):
            return self._pass_by(batch, seen, None)
        try:
            with self._kind.blamed():
                sha256 = batch.source.sha256
        except UnreadableError as error:  # not noted: whether it has changed cannot be told
            self._tell(name, PullOutcome.FAILED, str(error).removeprefix(f"{name}: "))
            return batch.cursor is None
        imports = 0 if seen is None else seen.imports
        note = Note(name=name, sha256=sha256, stamp=batch.stamp, imports=imports, recipe=self._circumstances)
        if seen is not None and seen.sha256 == sha256 and self._is_done(seen, batch):
            return self._pass_by(batch, seen, note)
        twin = self._tried.get(sha256) or self._ledger.twin(note)
        if twin is not None:
            detail = f"has the content of {twin.name}"
            self._tell(name, PullOutcome.KNOWN, detail)
            return self._settle(batch, attrs.evolve(note, import_id=twin.import_id, detail=detail), seen)
        return self._import(batch, batch.source, note, seen)

    def _is_done(self, seen: PulledItem, batch: Batch) -> bool:
        """Whether there is nothing more to do about an unchanged batch.

        What failed is left alone until something changes; but what stands in the way of all
        that follows is tried each time.
        """
        return seen.imported or (batch.cursor is None and seen.recipe == self._circumstances)

    def _pass_by(self, batch: Batch, seen: PulledItem, note: Note | None) -> bool:
        """Leave alone what is done; a new stamp of it is noted, so that it need not be read again."""
        if seen.imported:
            self._known += 1
        else:
            self._tell(seen.name, PullOutcome.FAILED_BEFORE, seen.detail or "")
        if note is not None and batch.stamp and batch.stamp != seen.stamp:
            same = {name: getattr(seen, name) for name in ("imported", "recipe", "import_id", "outcomes", "detail")}
            return self._settle(batch, attrs.evolve(note, **same), seen)
        return batch.cursor in (None, self._ledger.cursor) or self._settle(batch, None, seen)

    def _import(self, batch: Batch, source: Source, note: Note, seen: PulledItem | None) -> bool:
        race = _Race(self._workspace)
        try:
            outcome = self._imported(source, note, race)
        except (ConflictError, PluginError, RejectedError) as error:
            if race.is_lost():
                self._tell(note.name, PullOutcome.TAKEN, "another process is importing it")
                return batch.cursor is None
            if isinstance(error, ConflictError):
                raise
            detail = str(error).removeprefix(f"{note.name}: ")
            self._tell(note.name, PullOutcome.FAILED, detail)
            kept = attrs.evolve(note, imported=False, detail=detail)
            return self._settle(attrs.evolve(batch, cursor=None), kept, seen) and batch.cursor is None
        report = outcome.value
        if outcome.replayed:
            self._tell(note.name, PullOutcome.KNOWN, "another pull imported it")
        else:
            self._tell(note.name, PullOutcome.IMPORTED, "", report)
        counts = {name.value: count for name, count in report.outcomes.items()}
        done = attrs.evolve(note, imports=note.imports + 1, import_id=outcome.operation_id, outcomes=counts)
        return self._settle(batch, done, seen)

    def _imported(self, source: Source, note: Note, race: _Race) -> Outcome[ImportReport]:
        importer = choose_importer(self._workspace.extensions.importers, source, self._recipe.importer).item.name
        # The same batch asked for again in the same way: by a later pull, when this one is killed, or by another one.
        asked = self._recipe.import_digest(importer, note.name, note.imports, note.sha256)
        race.begin(f"{self._source.id}:{asked}")

        def watch(progress: ImportProgress) -> None:
            race.parts += 1
            if self._progress is not None:
                self._progress(source.name, progress)

        return import_leads(
            self._workspace,
            source,
            importer=importer,
            **self._recipe.arguments,
            reason=f"pulled from {self._source.name}",
            key=race.key,
            dry_run=self._dry_run,
            progress=watch,
            **self._how,
        )

    def _settle(self, batch: Batch, note: Note | None, seen: PulledItem | None) -> bool:
        if self._dry_run:
            self._ledger.cursor = batch.cursor or self._ledger.cursor
            if note is not None and note.imported:
                self._tried.setdefault(note.sha256, note)
            return True
        if self._ledger.settle(note, seen, batch.cursor):
            return True
        self._tell(self._source.name, PullOutcome.TAKEN, "another process has pulled or changed it meanwhile")
        return False

    def _tell(self, name: str, outcome: PullOutcome, detail: str, report: ImportReport | None = None) -> None:
        if report is not None:
            more = len(report.problems[_SHOWN:])
            report = attrs.evolve(report, problems=report.problems[:_SHOWN], unlisted=report.unlisted + more)
        self._batches.append(PulledBatch(name=name, outcome=outcome, detail=detail, report=report))


def _check(batch: object) -> None:
    """Find out what could not be kept, while it can be told whose fault it is."""
    if not isinstance(batch, (Batch, PassedOver)):
        raise TypeError(f"it handed over {type(batch).__name__} instead of a Batch")
    texts = (batch.name, batch.reason) if isinstance(batch, PassedOver) else (batch.cursor, batch.stamp)
    names = (batch.source.name,) if isinstance(batch, Batch) and batch.source is not None else ()
    for text in (*texts, *names):
        if text is not None and b"\0" in text.encode():  # of a lone surrogate it is the encoding that raises
            raise ValueError(f"it handed over a text with a NUL: {text!r}")


class _Race:
    """Whether somebody else writes the same import: each part raises the version of its operation by one.

    Attributes:
        key: The idempotency key of the import.
        parts: How many parts were written here.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._before = 0
        self.key = ""
        self.parts = 0

    def begin(self, key: str) -> None:
        self.key = key
        self._before = self._version()

    def is_lost(self) -> bool:
        return self._version() > self._before + self.parts

    def _version(self) -> int:
        with self._workspace.storage.read() as view:
            found = view.lookup("operation", "key", [self.key])
            rows = view.get_many("operation", [found[0][1]]) if found else []
        return int(rows[0][self._workspace.schema["operation"].position["version"]] or 0) if rows else 0
