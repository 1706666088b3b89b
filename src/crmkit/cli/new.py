"""``crmkit new``: begin a plugin of one's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Final

import click

from crmkit import __version__
from crmkit.cli.state import Session, command, group
from crmkit.errors import RejectedError

__all__ = ["new"]

new = group("new", "Begin a plugin of your own.")

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUFFIX: Final = ".template"


@command("importer", parent=new)
@click.argument("name")
@click.option("--into", "folder", type=click.Path(path_type=Path), help="Where; ./NAME by default.")
def importer(session: Session, name: str, folder: Path | None) -> None:
    """Make a package with an importer NAME, samples, and tests that pass.

    Change the columns and the sample to those of your files, and run its tests.
    """
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(module):
        raise RejectedError(f"{name!r} is no name", hint="lower case letters, digits and dashes, as in acme-badges")
    if module == "tests" or find_spec(module) is not None:
        reason = f"{module} is the name of another module, which would hide this one"
        raise RejectedError(reason, hint=f"name it otherwise, such as {name}-files")
    target = folder or Path(name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RejectedError(f"{target} is there already", hint="name another folder with --into")
    title = name.replace("-", " ")
    words = {"name": name, "module": module, "function": f"read_{module}", "title": title, "version": __version__}
    written = []
    for template, place in _templates(files("crmkit.cli").joinpath("scaffold", "importer"), Path()):
        path = target / place.with_name(place.name.replace("module", module))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
        written.append(path)
    session.show(
        {"folder": str(target), "files": sorted(map(str, written))},
        f"Made {target}.",
        f"\nWhat next:\n  cd {target}\n  pip install -e '.[dev]'\n  pytest",
    )


def _templates(folder: Traversable, place: Path) -> Iterator[tuple[Traversable, Path]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, place / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield entry, place / entry.name.removesuffix(_SUFFIX)
