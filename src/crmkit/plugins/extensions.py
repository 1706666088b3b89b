"""What all plugins of a workspace contribute, and which of them failed after a commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from crmkit.core.ports.contribution import Contribution
from crmkit.plugins.log import log

if TYPE_CHECKING:
    from crmkit.core.changes import ChangeSet
    from crmkit.core.fields import CustomFields
    from crmkit.core.ports.notifiers import Notifier
    from crmkit.core.ports.plugins import Committed, ConversionRule, LeadMatcher, MergeRule, Report, StageGuard
    from crmkit.core.ports.pulling import LeadSourceKind
    from crmkit.core.ports.sources import Importer
    from crmkit.core.record_type import RecordType
    from crmkit.plugins.hookspecs import StorageScheme

__all__ = ["Failure", "LoadedExtensions"]


class Failure(NamedTuple):
    """A plugin that raised where it can break nothing.

    Attributes:
        plugin: The plugin.
        version: Its version, or empty.
        hook: The hook that raised.
        operation_id: The operation it was told of.
        error: What it raised, as one line.
    """

    plugin: str
    version: str
    hook: str
    operation_id: str
    error: str


@attrs.frozen(kw_only=True, eq=False)
class LoadedExtensions:
    """Everything that the active plugins contribute; fulfils `Extensions`.

    Attributes:
        fields: Custom fields, by name.
        record_types: Record types, by name.
        conversion_rules: In order.
        merge_rules: In order.
        lead_matchers: In order.
        stage_guards: In order.
        listeners: Who is told of each commit, in order.
        failures: Which listeners raised, the last hundred.
    """

    _named: Callable[[str], Mapping[str, Contribution[Any]]]
    fields: Mapping[str, Contribution[CustomFields]]
    record_types: Mapping[str, Contribution[RecordType]]
    conversion_rules: Sequence[Contribution[ConversionRule]]
    merge_rules: Sequence[Contribution[MergeRule]]
    lead_matchers: Sequence[Contribution[LeadMatcher]]
    stage_guards: Sequence[Contribution[StageGuard]]
    listeners: Sequence[Contribution[Committed]]
    failures: deque[Failure] = attrs.field(factory=lambda: deque(maxlen=100), init=False)

    # What crmkit itself has of these is loaded when somebody looks.

    @property
    def importers(self) -> Mapping[str, Contribution[Importer]]:
        """The importers by name."""
        return self._named("crmkit_importers")

    @property
    def lead_sources(self) -> Mapping[str, Contribution[LeadSourceKind]]:
        """The kinds of lead source by name."""
        return self._named("crmkit_lead_sources")

    @property
    def storages(self) -> Mapping[str, Contribution[StorageScheme]]:
        """The storages by scheme."""
        return self._named("crmkit_storages")

    @property
    def notifiers(self) -> Mapping[str, Contribution[Notifier]]:
        """The notifiers by name."""
        return self._named("crmkit_notifiers")

    @property
    def reports(self) -> Mapping[str, Contribution[Report]]:
        """The reports by name."""
        return self._named("crmkit_reports")

    def committed(self, changes: ChangeSet) -> None:
        """Tell the plugins that an operation was committed; what they raise is recorded and logged."""
        for told in self.listeners:
            try:
                told.item(changes)
            except (Exception, SystemExit) as error:  # noqa: BLE001  # after the commit nothing may break
                failure = Failure(
                    plugin=told.plugin,
                    version=told.version,
                    hook=told.hook,
                    operation_id=changes.operation_id,
                    error=f"{type(error).__name__}: {error}",
                )
                self.failures.append(failure)
                name = f"{told.plugin} {told.version}".strip()
                log().warning("plugin %s failed in %s after %s: %s", name, told.hook, changes.kind, failure.error)
