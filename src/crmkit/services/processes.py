"""Starting a process of the same interpreter that runs one of crmkit's modules."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["start_module"]


def start_module(module: str, *arguments: str, packages: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start ``python -m module`` with pipes to its standard input and from its standard output.

    A script that starts it needs no guard, and nothing is loaded from the folder that
    somebody happens to be in.

    Args:
        module: The module.
        arguments: What it is told.
        packages: What it imports besides crmkit, from where this process would have it; those that are
            not there are left out.

    Raises:
        OSError: No process can be started.
    """
    environment = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_OWN)}
    environment["PYTHONPATH"] = os.pathsep.join(_homes(("crmkit", *packages)))
    return subprocess.Popen(
        [sys.executable or "python3", "-P", "-B", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


_KEPT: Final = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "PYTHONPYCACHEPREFIX")
_OWN: Final = "CRMKIT_READING_"


def _homes(packages: tuple[str, ...]) -> list[str]:
    """Return the folders from which this process has these packages."""
    specs = map(find_spec, packages)
    homes = [str(Path(spec.origin).parents[1]) for spec in specs if spec is not None and spec.origin is not None]
    return list(dict.fromkeys(homes))
