"""A workspace with a kind of lead source that hands over what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
import pytest

from crmkit.core.lead_source import LeadSource
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.pulling import Batch, LeadSourceKind, PassedOver
from crmkit.core.ports.sources import Importer
from crmkit.services.pulling import add_source
from crmkit.services.workspace import Workspace
from tests.import_samples import JsonImporter


class Scripted:
    """Hands over what stands in `batches`, and remembers the cursors it was asked with."""

    name = "scripted"
    summary = "what a test says"
    settings: Mapping[str, str] = {"place": "where", "room": "which room there"}

    def __init__(self) -> None:
        self.batches: Callable[[str | None], Iterable[Any]] = lambda _cursor: ()
        self.asked: list[str | None] = []
        self.handed_over: list[Any] = []

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch | PassedOver]:
        self.asked.append(cursor)
        for batch in self.batches(cursor):
            self.handed_over.append(batch)
            yield batch


def with_kinds(
    workspace: Workspace, *kinds: LeadSourceKind, importers: Iterable[Importer] = (), version: str = "1"
) -> Workspace:
    """Return the workspace with these kinds and importers and no other plugin."""

    class Some(NoExtensions):
        pass

    def contributed(hook: str, items: Iterable[Any]) -> dict[str, Contribution[Any]]:
        return {each.name: Contribution(plugin=each.name, version=version, hook=hook, item=each) for each in items}

    extensions = Some()
    extensions.lead_sources = contributed("crmkit_lead_sources", kinds)
    extensions.importers = contributed("crmkit_importers", importers or [JsonImporter()])
    return attrs.evolve(workspace, extensions=extensions, open_operations=threading.local())


@pytest.fixture
def kind() -> Scripted:
    return Scripted()


@pytest.fixture
def crm(workspace: Workspace, kind: Scripted) -> Workspace:
    """A workspace that knows the kind ``scripted``."""
    return with_kinds(workspace, kind)


@pytest.fixture
def source(crm: Workspace) -> LeadSource:
    """A lead source of that kind."""
    return add_source(crm, "Website", "scripted", {"place": "here"}).value
