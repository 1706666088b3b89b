"""Whether an installed package names a group is found without the slow import that reading them needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_GROUP = "[crmkit]\nbadges = badges:plugin\n"


def _found(*folders: Path) -> list[str]:
    """Return the names that are found, and whether the slow module was needed, in a program of its own."""
    program = (
        "import sys\n"
        f"sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
        "from crmkit.plugins.entry_points import sorted_entry_points\n"
        "names = [point.name for _, _, point in sorted_entry_points('crmkit')]\n"
        "print(*names, 'importlib.metadata' in sys.modules)"
    )
    # Without site-packages, which may hold plugins.
    command = [sys.executable, "-S", "-c", f"import sys; sys.path += {_needed()!r}\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _needed() -> list[str]:
    return [str(Path(__file__).parents[2] / "src")]


def _installed(folder: Path, text: str | None) -> Path:
    info = folder / "badges-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: badges\nVersion: 1.0\n")
    if text is not None:
        (info / "entry_points.txt").write_text(text)
    return folder


@pytest.mark.parametrize("text", [None, "", "[console_scripts]\ncrmkit = crmkit.cli:main\n", "[crmkit.commands]\n"])
def test_without_the_group_nothing_slow_is_imported(tmp_path: Path, text: str | None) -> None:
    assert _found(_installed(tmp_path, text), tmp_path / "not there") == ["False"]


def test_a_package_with_the_group_is_found(tmp_path: Path) -> None:
    assert _found(tmp_path / "not there", _installed(tmp_path / "there", _GROUP)) == ["badges", "True"]


def test_a_package_in_an_archive_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("badges-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: badges\nVersion: 1.0\n")
        file.writestr("badges-1.0.dist-info/entry_points.txt", _GROUP)

    assert _found(archive) == ["badges", "True"]


def test_a_package_of_an_older_layout_is_found(tmp_path: Path) -> None:
    info = tmp_path / "badges-1.0.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: badges\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_GROUP)

    assert _found(tmp_path) == ["badges", "True"]
