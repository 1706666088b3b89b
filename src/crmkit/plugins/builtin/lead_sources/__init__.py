"""The kinds of lead source that come with crmkit: a folder that files are dropped into, an HTTP endpoint."""

from __future__ import annotations

from crmkit.core.ports.ambient import Clock
from crmkit.core.ports.pulling import LeadSourceKind
from crmkit.plugins.builtin.lead_sources.folder import FolderSource
from crmkit.plugins.builtin.lead_sources.http import HttpSource

__all__ = ["FolderSource", "HttpSource", "builtin_lead_sources"]


def builtin_lead_sources(clock: Clock | None = None) -> tuple[LeadSourceKind, ...]:
    """Return one of each; *clock* tells how long ago a file was changed."""
    return (FolderSource(clock=clock), HttpSource())
