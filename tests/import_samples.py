"""What tests of imports share: a small importer, sources made of drafts, and a whole dump."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import attrs

from crmkit.core.drafts import DraftBatch, LeadDraft, Problem
from crmkit.core.fields import Row
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.core.query import Query
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace


class JsonImporter:
    """Reads one draft a line, as JSON; a blank line is no record, and what is no JSON is broken."""

    summary = "drafts as JSON lines"

    def __init__(self, name: str = "json", *, batch: int = 7, sure: int = 80, break_at: int | None = None) -> None:
        self.name = name
        self._batch = batch
        self._sure = sure
        self._break_at = break_at

    def identify(self, source: Source) -> int:
        return self._sure if source.name.endswith(".jsonl") else 0

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        return Reading(header=("draft",), findings=(), batches=self._batches(source))

    def _batches(self, source: Source) -> Iterator[DraftBatch]:
        with source.open() as stream:
            lines = iter(enumerate(stream, 1))
            while some := list(islice(lines, self._batch)):
                rows: list[tuple[int, list[str], LeadDraft | None]] = []
                problems, ignored = [], {}
                for line, raw in some:
                    if line == self._break_at:
                        msg = "the importer broke"
                        raise RuntimeError(msg)
                    text = raw.decode().strip()
                    draft = None
                    if not text:
                        ignored[line] = "blank row"
                    else:
                        try:
                            draft = LeadDraft(**json.loads(text))
                        except ValueError:
                            problems.append(Problem(line=line, reason="is no JSON"))
                    rows.append((line, [text], draft))
                yield DraftBatch.of(rows, problems, ignored)


def people(*drafts: dict[str, Any] | str, name: str = "people.jsonl") -> BytesSource:
    """Return a source of drafts; a text stands for itself."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in drafts]
    return BytesSource(name, "\n".join(lines).encode())


def a_person(number: int, **more: Any) -> dict[str, Any]:
    """Return one of many drafts."""
    words = {
        "first_name": f"Anna{number}",
        "last_name": "Berg",
        "email": f"anna{number}@example.com",
        "company": "Hospy",
    }
    return {**words, **more}


def with_importers(workspace: Workspace, *importers: Importer) -> Workspace:
    """Return the workspace with these importers and no other plugin."""

    class Some(NoExtensions):
        pass

    extensions = Some()
    extensions.importers = {
        each.name: Contribution(plugin=each.name, version="1", hook="crmkit_importers", item=each) for each in importers
    }
    return attrs.evolve(workspace, extensions=extensions, open_operations=threading.local())


def dump(workspace: Workspace, *, without: tuple[str, ...] = ()) -> dict[str, list[Row]]:
    """Return all rows of all types but those left out."""
    with workspace.storage.read() as view:
        return {
            kind.name: view.find(Query(type=kind.name, deleted=True))
            for kind in workspace.schema
            if kind.name not in without
        }


def records(workspace: Workspace, kind: str) -> list[Any]:
    """Return the living records of a type."""
    with workspace.storage.read() as view:
        return workspace.schema[kind].load_many(view.find(Query(type=kind)))


def stopping_after(parts: int) -> Callable[[object], None]:
    """Return a progress callback that pulls the plug after so many parts."""
    seen: list[object] = []

    def stop(progress: object) -> None:
        seen.append(progress)
        if len(seen) == parts:
            raise KeyboardInterrupt

    return stop
