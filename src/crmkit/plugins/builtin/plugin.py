"""What crmkit itself contributes, on the hooks that everybody has."""

from __future__ import annotations

from collections.abc import Iterable

from crmkit.core.ports.ambient import Clock
from crmkit.core.ports.notifiers import Notifier
from crmkit.core.ports.plugins import Report
from crmkit.core.ports.pulling import LeadSourceKind
from crmkit.plugins.builtin.funnel import FunnelReport
from crmkit.plugins.builtin.lead_sources import builtin_lead_sources
from crmkit.plugins.builtin.notifiers import builtin_notifiers
from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl

__all__ = ["BuiltinPlugin"]


class BuiltinPlugin(HookSpecs):
    """crmkit's own plugin, but for its importers, which are loaded when one is wanted.

    Args:
        clock: Tells notifiers the moment for the Date header, and the folder how old its files are; the
            machine's by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    @hookimpl
    def crmkit_storages(self) -> Iterable[StorageScheme]:
        """A file, or memory; as text, since plugins know no back end."""
        return [
            StorageScheme(
                scheme="sqlite",
                target="crmkit.storage.sqlite:SqliteStorage",
                address="PATH",
                summary="one SQLite file",
            ),
            StorageScheme(
                scheme="memory",
                target="crmkit.storage.memory:MemoryStorage",
                summary="gone when the program ends; for tests",
            ),
        ]

    @hookimpl
    def crmkit_notifiers(self) -> Iterable[Notifier]:
        """A folder, SMTP, the console, a webhook."""
        return builtin_notifiers(self._clock)

    @hookimpl
    def crmkit_lead_sources(self) -> Iterable[LeadSourceKind]:
        """A folder, an HTTP endpoint."""
        return builtin_lead_sources(self._clock)

    @hookimpl
    def crmkit_reports(self) -> Iterable[Report]:
        """The funnel of a campaign."""
        return [FunnelReport()]
