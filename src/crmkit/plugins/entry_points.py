"""What installed packages name in an entry point group; cheap, for ``crmkit --help`` reads it too."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint  # slow to import, and seldom needed

__all__ = ["sorted_entry_points"]


def sorted_entry_points(group: str) -> list[tuple[str, str, EntryPoint]]:
    """Return the entry points of a group with distribution and version, by name and distribution.

    The order they are found in depends on the file system; nothing may depend on that.
    """
    from importlib.metadata import entry_points

    found = [(*_distribution(point), point) for point in entry_points(group=group)]
    return sorted(found, key=lambda entry: (entry[2].name, entry[0], entry[2].value))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    with suppress(Exception):  # one damaged package must not hide all others
        if point.dist is not None:
            return str(point.dist.name), str(point.dist.version)
    return "a package without metadata", ""
