"""Values as people read them, records by what they are called."""

from __future__ import annotations

from typing import Any

from crmkit.cli.output import words
from crmkit.errors import NotFoundError
from crmkit.services.workspace import Workspace

__all__ = ["in_words"]


def in_words(workspace: Workspace, value: Any) -> str:
    """Return a value as people read it: an id as what its record is called."""
    if isinstance(value, str):
        try:
            kind = workspace.schema.type_of(value).name
        except NotFoundError:
            return words(value)
        for record in workspace.load_many(kind, [value]):
            return str(record.label)
    return words(value)
