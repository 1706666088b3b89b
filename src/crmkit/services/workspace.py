"""A workspace as the services see it: where the data lives, what is declared, who acts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

from crmkit.core.ports.ambient import Chance, Clock
from crmkit.core.schema import Schema
from crmkit.services.settings import Settings

if TYPE_CHECKING:
    from crmkit.core.planning import Planning
    from crmkit.core.ports.plugins import Extensions
    from crmkit.core.ports.storage import ReadTransaction, Storage

__all__ = ["BEGIN_KEY", "Workspace"]

BEGIN_KEY: Final = "crmkit:begin"
"""The idempotency key of the operation that gave a new workspace what it began with."""


@attrs.frozen(kw_only=True)
class Workspace:
    """All that a service needs, as one argument.

    Attributes:
        storage: The back end, prepared.
        schema: The declared record types.
        extensions: What plugins contribute.
        settings: What the user configured.
        clock: Tells the time.
        chance: The source of everything random.
        actor: Who acts, or None.
    """

    storage: Storage
    schema: Schema
    extensions: Extensions
    settings: Settings
    clock: Clock
    chance: Chance
    actor: str | None = None
    _open: threading.local = attrs.field(factory=threading.local, alias="open_operations")

    @property
    def open_planning(self) -> Planning | None:
        """The operation that this thread keeps open with ``crm.operation``, or None."""
        return getattr(self._open, "planning", None)

    @contextmanager
    def keeping_open(self, planning: Planning) -> Iterator[None]:
        """Let every service called by this thread plan onto one operation."""
        self._open.planning = planning
        try:
            yield
        finally:
            self._open.planning = None

    @contextmanager
    def reading(self) -> Iterator[ReadTransaction]:
        """Open a consistent view, which shows the pending changes of an open operation."""
        planning = self.open_planning
        if planning is not None:
            yield planning
            return
        with self.storage.read() as view:
            yield view

    def load_many(self, kind: str, ids: list[str]) -> list[Any]:
        """Return records by id, ordered by id."""
        with self.reading() as view:
            return self.schema[kind].load_many(view.get_many(kind, ids))
