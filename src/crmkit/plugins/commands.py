"""The commands that installed packages add to the command line, by name, unloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.plugins.entry_points import sorted_entry_points

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["command_names"]

GROUP = "crmkit.commands"


def command_names() -> dict[str, tuple[str, EntryPoint]]:
    """Return each command's distribution and entry point, by name.

    Nothing is imported: `EntryPoint.load` does that when the command is called. Of two
    packages with one command the first by name keeps it.
    """
    found: dict[str, tuple[str, EntryPoint]] = {}
    for distribution, _version, point in sorted_entry_points(GROUP):
        found.setdefault(point.name, (distribution, point))
    return found
