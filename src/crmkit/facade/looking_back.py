"""What was done, how it was then, and taking it back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from crmkit.core.spelling import close_to
from crmkit.errors import NotFoundError
from crmkit.facade.base import Done, Face, operation_id_of

if TYPE_CHECKING:
    from crmkit.core.ports.plugins import ReportPage
    from crmkit.core.records import Stored
    from crmkit.services.history import HistoryEntry, Origin
    from crmkit.services.log import LoggedOperation
    from crmkit.services.timeline import TimelineEntry
    from crmkit.services.undo import UndoReport

__all__ = ["LookingBack"]


class LookingBack(Face):
    """What was done, how it was then, and taking it back."""

    def timeline(self, record: str | Stored) -> list[TimelineEntry]:
        """Return what happened to a record and what belongs to it, the oldest first."""
        from crmkit.services.timeline import timeline

        return timeline(self.workspace, self._id_of_any(record))

    def history(self, record: str | Stored, *, field: str | None = None) -> list[HistoryEntry]:
        """Return what happened to the values of a record, or of one field, the oldest first.

        Who, when, what, why, by which rule, and from which file and row.
        """
        from crmkit.services.history import history

        return history(self.workspace, self._id_of_any(record), field=field)

    def provenance(self, record: str | Stored) -> dict[str, Origin]:
        """Return for each value of a record where it comes from."""
        from crmkit.services.history import provenance

        return provenance(self.workspace, self._id_of_any(record))

    def at(self, moment: date | str | Done, *, before: bool = False) -> Self:
        """Return the workspace as it was at a moment, to be read only.

        It needs no closing, and reads as long as this one is open.

        Args:
            moment: An aware moment, or a day: the end of it; or a text such as ``2026-01-31T09:30:00Z``,
                ``2026-01-31``, ``-30d`` or ``last month``; or an operation, its id, or what it
                gave: right after that operation.
            before: Right before that moment, day or operation instead.

        Raises:
            RejectedError: It is no moment, or says no time zone.
            NotFoundError: There is no such operation.
        """
        from crmkit.services.as_of import past_of

        return type(self)(past_of(self.workspace, moment, before=before), self.plugins)

    def log(self, *, limit: int = 20, **more: Any) -> list[LoggedOperation]:
        """Return operations, the newest first; of one ``kind``, or of one ``record``."""
        from crmkit.services.log import recent_operations

        return recent_operations(self.workspace, limit=limit, **more)

    def undo(self, operation: str | Done, **more: Any) -> UndoReport:
        """Take an operation back.

        Args:
            operation: The operation or its id; or what it gave, such as a conversion result, an
                import report or a new record: anything with an ``operation_id``.
            more: ``only``, ``keep_changed``, ``reason``, ``key`` and ``dry_run``.

        Raises:
            NotReversibleError: Something stands in the way: `.obstacles`.
        """
        from crmkit.services.undo import undo

        return undo(self.workspace, operation_id_of(operation), **more).value

    def redo(self, operation: str | Done, **more: Any) -> UndoReport:
        """Do an undone operation again, with the same ids; named as for `undo`."""
        from crmkit.services.undo import redo

        return redo(self.workspace, operation_id_of(operation), **more).value

    def report(self, name: str, **options: Any) -> ReportPage:
        """Compute a report on one consistent view.

        Raises:
            NotFoundError: There is no such report.
            RejectedError: An option is wrong.
        """
        from crmkit.core.ports.plugins import Context

        known = self.workspace.extensions.reports
        if name not in known:
            raise NotFoundError("report", name, suggestions=close_to(name, known))
        texts = {key: str(getattr(value, "id", value)) for key, value in options.items()}
        with self.workspace.reading() as view:
            context = Context(view, self.workspace.schema, at=self.workspace.clock.now(), actor=self.workspace.actor)
            with known[name].blamed():
                return known[name].item.compute(context, texts)
