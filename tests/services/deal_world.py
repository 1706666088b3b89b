"""A workspace with a pipeline and a few records, for the tests of deals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from crmkit.core.planning import Planning
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import NoExtensions, StageGuard
from crmkit.core.ports.storage import ReadTransaction, Storage
from crmkit.services.operations import Request, run
from crmkit.services.pipelines import plan_default_pipeline
from crmkit.services.workspace import Workspace


def do(workspace: Workspace, plan: Callable[[Planning], Any]) -> Any:
    """Plan and apply something, and return what the plan returned."""
    request = Request(kind="test")
    return run(
        workspace, request, lambda planning: {"value": plan(planning)}, lambda _view, result: result["value"]
    ).value


def add(workspace: Workspace, kind: str, **values: Any) -> str:
    """Add one record, and return its id."""
    return str(do(workspace, lambda planning: planning.create(kind, values)))


def with_sales(workspace: Workspace) -> Workspace:
    """Give a workspace the usual pipeline."""
    do(workspace, plan_default_pipeline)
    return workspace


def load(workspace: Workspace, kind: str, record_id: str) -> Any:
    """Return a record as it is stored."""
    return workspace.load_many(kind, [record_id])[0]


def guarded(workspace: Workspace, *guards: StageGuard) -> Workspace:
    """Return the same workspace, with guards of a plugin."""

    class Guarded(NoExtensions):
        stage_guards: Sequence[Contribution[StageGuard]] = tuple(
            Contribution(plugin="strict", version="1.0", hook="crmkit_stage_guards", item=guard) for guard in guards
        )

    return attrs.evolve(workspace, extensions=Guarded())


class CountingStorage:
    """A back end that counts the questions it is asked."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.questions = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    @contextmanager
    def read(self) -> Any:
        with self._storage.read() as view:
            yield _CountingView(self, view)


class _CountingView:
    def __init__(self, owner: CountingStorage, view: ReadTransaction) -> None:
        self._owner = owner
        self._view = view

    def __getattr__(self, name: str) -> Any:
        self._owner.questions += 1
        return getattr(self._view, name)
