"""Notes, calls, meetings, mails and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmkit.facade.base import Face

if TYPE_CHECKING:
    from crmkit.core.activity import Activity
    from crmkit.core.records import Stored

__all__ = ["FollowingUp"]


class FollowingUp(Face):
    """Notes, calls, meetings, mails and tasks."""

    def note(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Write a note about a record, which may be named by its id, e-mail address or name."""
        return self._activity("note", about, text, **more)

    def call(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a telephone call about a record."""
        return self._activity("call", about, text, **more)

    def meeting(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a meeting about a record."""
        return self._activity("meeting", about, text, **more)

    def email(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a mail that was written or received elsewhere."""
        return self._activity("email", about, text, **more)

    def task(self, about: str | Stored, text: str, *, due: datetime | None = None, **more: Any) -> Activity:
        """Plan a task about a record."""
        return self._activity("task", about, text, due_at=due, **more)

    def _activity(
        self,
        kind: str,
        about: str | Stored,
        text: str,
        *,
        also_about: Iterable[str | Stored] = (),
        **more: Any,
    ) -> Activity:
        from crmkit.core.activity import ActivityKind
        from crmkit.services.activities import log_activity

        ids = [self._id_of_any(record) for record in (about, *also_about)]
        return log_activity(self.workspace, ActivityKind(kind), text, about=ids, **self._ids(more)).value

    def complete(self, *tasks: str | Activity, **more: Any) -> list[Activity]:
        """Tick off tasks."""
        from crmkit.services.activities import complete_tasks

        return complete_tasks(self.workspace, tasks, **more).value

    def tasks_due(self, until: datetime | None = None) -> list[tuple[Activity, list[Any]]]:
        """Return open tasks with what they are about, the most urgent first; None means all."""
        from crmkit.services.activities import tasks_due

        return tasks_due(self.workspace, until=until)
