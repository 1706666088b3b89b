"""What installed packages name in an entry point group; cheap, for ``crmkit --help`` reads it too."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint  # slow to import, and seldom needed

__all__ = ["sorted_entry_points"]


def sorted_entry_points(group: str) -> list[tuple[str, str, EntryPoint]]:
    """Return the entry points of a group with distribution and version, by name and distribution.

    The order they are found in depends on the file system; nothing may depend on that.
    """
    if not _is_named(group):
        return []
    from importlib.metadata import entry_points

    found = [(*_distribution(point), point) for point in entry_points(group=group)]
    return sorted(found, key=lambda entry: (entry[2].name, entry[0], entry[2].value))


def _is_named(group: str) -> bool:
    """Tell whether an installed package may name the group; seldom one does, and then the slow import is saved."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True  # packages may come from anywhere
    header = f"[{group}]".encode()
    return any(_holds(folder or ".", header) for folder in dict.fromkeys(sys.path))


def _holds(folder: str, header: bytes) -> bool:
    """Tell whether an entry point file of a folder has a line; also when only `importlib.metadata` can say."""
    try:
        entries = list(Path(folder).iterdir())
    except FileNotFoundError:
        return False
    except OSError:  # an archive, for example
        return True
    for entry in entries:
        if entry.suffix in (".egg", ".egg-info"):
            return True
        if entry.suffix == ".dist-info":
            with suppress(OSError):
                if header in (entry / "entry_points.txt").read_bytes():
                    return True
    return False


def _distribution(point: EntryPoint) -> tuple[str, str]:
    with suppress(Exception):  # one damaged package must not hide all others
        if point.dist is not None:
            return str(point.dist.name), str(point.dist.version)
    return "a package without metadata", ""
