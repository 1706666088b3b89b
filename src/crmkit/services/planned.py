"""Applying a plan that was made before: just that, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from crmkit.core.changes import ChangeSet
from crmkit.core.ports.storage import ReadTransaction
from crmkit.services.operations import Outcome, Request, apply
from crmkit.services.workspace import Workspace

__all__ = ["apply_planned"]

T = TypeVar("T")


def apply_planned(
    workspace: Workspace,
    changes: ChangeSet,
    request: Request,
    finish: Callable[[ReadTransaction, Mapping[str, Any]], T],
) -> Outcome[T]:
    """Apply the changes of a plan that somebody has seen.

    Raises:
        StalePlanError: Something that it relies on or changes has moved; names all of it.
    """
    # An update checks its own version too, but would name only the first that has another.
    versions = {kind: dict(known) for kind, known in changes.relies_on.versions.items()}
    for update in changes.updates:
        versions.setdefault(update.type, {}).update(zip(update.ids, update.versions, strict=True))
    relied = attrs.evolve(changes, reason=request.reason, relies_on=attrs.evolve(changes.relies_on, versions=versions))
    return apply(workspace, relied, request, finish)
