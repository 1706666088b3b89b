"""The lead sources with what was taken from each."""

from __future__ import annotations

from typing import cast

import attrs

from crmkit.core.lead_source import LeadSource, PulledItem, PullState
from crmkit.core.query import Aggregate, Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.errors import NotFoundError
from crmkit.services.resolve import id_of, resolve
from crmkit.services.workspace import Workspace

__all__ = ["SourceState", "all_sources", "find_source", "source_state", "source_states", "taken_from"]


@attrs.frozen(kw_only=True)
class SourceState:
    """A lead source, and how far its pulls came.

    Attributes:
        source: The lead source.
        state: How far the pulls came; None when it was never pulled.
        imported: How many files or pages are imported.
        failed: How many could not be, and are tried again when they change.
    """

    source: LeadSource
    state: PullState | None = None
    imported: int = 0
    failed: int = 0


def find_source(workspace: Workspace, named: str | Stored) -> LeadSource:
    """Return the living lead source that a record, id or name means.

    Raises:
        NotFoundError: There is none.
    """
    with workspace.reading() as view:
        source_id = resolve(view, workspace.schema, "lead_source", named)
        [found] = workspace.schema["lead_source"].load_many(view.get_many("lead_source", [source_id]))
    if found.deleted_at is not None:
        raise NotFoundError(
            "lead source", found.name, hint=f"it was removed; bring it back with: crmkit restore {found.id}"
        )
    return cast("LeadSource", found)


def all_sources(workspace: Workspace) -> list[LeadSource]:
    """Return every lead source, by name."""
    with workspace.reading() as view:
        rows = view.find(Query(type="lead_source", order=(Order("name"),)))
        return workspace.schema["lead_source"].load_many(rows)


def source_states(workspace: Workspace) -> list[SourceState]:
    """Return every lead source with how much was taken from it, by name."""
    sources = all_sources(workspace)
    with workspace.reading() as view:
        counted = view.aggregate(Aggregate(type="pulled_item", group_by=("lead_source_id", "imported")))
        states: list[PullState] = workspace.schema["pull_state"].load_many(view.find(Query(type="pull_state")))
    counts = {(id_, bool(imported)): int(count or 0) for id_, imported, count in counted}
    state_of = {state.lead_source_id: state for state in states}
    return [
        SourceState(
            source=source,
            state=state_of.get(source.id),
            imported=counts.get((source.id, True), 0),
            failed=counts.get((source.id, False), 0),
        )
        for source in sources
    ]


def source_state(workspace: Workspace, source: str | Stored) -> SourceState:
    """Return one lead source with how much was taken from it.

    Raises:
        NotFoundError: There is no such lead source.
    """
    found = find_source(workspace, source)
    return next(state for state in source_states(workspace) if state.source.id == found.id)


def taken_from(workspace: Workspace, source: str | Stored, *, limit: int = 20) -> list[PulledItem]:
    """Return the files or pages of a lead source, the one that was taken last first."""
    mine = Compare("lead_source_id", Op.EQ, id_of(source))
    order = (Order("updated_at", descending=True), Order("id", descending=True))
    with workspace.reading() as view:
        rows = view.find(Query(type="pulled_item", where=mine, order=order, limit=limit))
        return workspace.schema["pulled_item"].load_many(rows)
