"""What crmkit itself contributes, on the hooks that everybody has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crmkit.core.ports.ambient import Clock
from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl

if TYPE_CHECKING:
    from crmkit.core.ports.notifiers import Notifier
    from crmkit.core.ports.plugins import Report
    from crmkit.core.ports.pulling import LeadSourceKind
    from crmkit.core.ports.sources import Importer

__all__ = ["BuiltinPlugin"]


class BuiltinPlugin(HookSpecs):
    """crmkit's own plugin.

    Its hooks are called when somebody looks at what they hand over, and only then load it: most programs that
    open a workspace import nothing and mail nobody.

    Args:
        clock: Tells notifiers the moment for the Date header, and the folder how old its files are; the
            machine's by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    @hookimpl
    def crmkit_importers(self) -> Iterable[Importer]:
        """Text tables, workbooks, cards, mails, JSON, archives, and the exports of other systems."""
        from crmkit.plugins.builtin.importers import builtin_importers

        return builtin_importers()

    @hookimpl
    def crmkit_lead_sources(self) -> Iterable[LeadSourceKind]:
        """A folder, an HTTP endpoint."""
        from crmkit.plugins.builtin.lead_sources import builtin_lead_sources

        return builtin_lead_sources(self._clock)

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
        from crmkit.plugins.builtin.notifiers import builtin_notifiers

        return builtin_notifiers(self._clock)

    @hookimpl
    def crmkit_reports(self) -> Iterable[Report]:
        """The funnel of a campaign."""
        from crmkit.plugins.builtin.funnel import FunnelReport

        return [FunnelReport()]
