"""Where plugins come from: they are found here, and loaded later, one by one."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import attrs

from crmkit.errors import ConfigError
from crmkit.plugins.entry_points import sorted_entry_points

__all__ = ["Found", "Origin", "in_arguments", "in_entry_points", "in_files", "in_folder"]

GROUP = "crmkit"


class Origin(enum.StrEnum):
    """By which way a plugin came in."""

    BUILTIN = "builtin"
    ARGUMENT = "argument"
    FILE = "file"
    FOLDER = "folder"
    ENTRY_POINT = "entry point"


@attrs.frozen(kw_only=True)
class Found:
    """A plugin that was found and is not loaded yet.

    Attributes:
        name: What it is called in settings and lists.
        version: Its version, or empty when it has none or loading will tell.
        origin: By which way it came in.
        where: The distribution, file or type it is in.
        load: Returns the plugin; may run code of strangers and raise anything.
    """

    name: str
    version: str = ""
    origin: Origin
    where: str
    load: Callable[[], object] = attrs.field(repr=False)

    @property
    def is_explicit(self) -> bool:
        """Whether somebody asked for this very plugin, so that its faults are errors at once."""
        return self.origin in (Origin.BUILTIN, Origin.ARGUMENT, Origin.FILE)


def in_arguments(plugins: Iterable[object]) -> Iterator[Found]:
    """Find what a program hands over: modules, instances, importers, rules …"""
    for plugin in plugins:
        yield Found(
            name=_name_of(plugin),
            origin=Origin.ARGUMENT,
            where=plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__qualname__,
            load=partial(_itself, plugin),
        )


def in_files(paths: Iterable[Path], origin: Origin = Origin.FILE) -> Iterator[Found]:
    """Find single files; the stem of the file is the name."""
    for path in paths:
        yield Found(name=path.stem, origin=origin, where=str(path), load=partial(_load_file, path))


def in_folder(folder: str | None) -> Iterator[Found]:
    """Find the files of the configured folder, but for those that begin with ``_`` or ``.``.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder:
        return
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ConfigError(f"there is no folder {folder}", setting="plugins.folder", hint="make it, or mend the setting")
    files = sorted(file for file in path.glob("*.py") if not file.name.startswith(("_", ".")))
    yield from in_files(files, Origin.FOLDER)


def in_entry_points() -> Iterator[Found]:
    """Find what installed packages name in the entry point group ``crmkit``."""
    for distribution, version, point in sorted_entry_points(GROUP):
        yield Found(name=point.name, version=version, origin=Origin.ENTRY_POINT, where=distribution, load=point.load)


def _itself(plugin: object) -> object:
    return plugin


def _name_of(plugin: object) -> str:
    name = None if isinstance(plugin, ModuleType) else getattr(plugin, "name", None)
    for candidate in (name, getattr(plugin, "__name__", None)):
        if isinstance(candidate, str) and candidate:
            return candidate
    return type(plugin).__name__


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    from hashlib import sha256  # brings in OpenSSL, which opening a workspace can do without

    # Two folders may each have a badges.py, and neither may shadow an installed badges.
    name = f"{path.stem}__{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path, loader=SourceFileLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
