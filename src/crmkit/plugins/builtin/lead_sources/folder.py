"""A folder that files are dropped into: by people, by a scanner, by an upload."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import Final

from crmkit.core.ports.ambient import Clock, SystemClock
from crmkit.core.ports.pulling import Batch, PassedOver
from crmkit.errors import NotFoundError, RejectedError, UnreadableError

__all__ = ["FolderSource"]


class FolderSource:
    """Hands over the files of ``settings["path"]``, those that were changed first first.

    A file that is still being written is left to the next pull: one that was changed a moment
    ago, or is called like a download that is not done. Nothing is ever moved or deleted, and
    sub-folders are not looked into.

    Args:
        clock: Tells how long ago a file was changed; the machine's by default.
    """

    name = "folder"
    summary = "the files that are dropped into a folder"
    settings: Mapping[str, str] = {
        "path": "the folder",
        "pattern": "which files, such as *.csv; all when it is left out",
        "settle_s": "how long a file must have been left alone, in seconds; 2 when it is left out",
    }

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Make the path absolute: the next pull may be started from anywhere."""
        problems: list[str] = []
        path = Path(settings.get("path", "")).expanduser().absolute()
        if not settings.get("path"):
            problems.append(_NO_PATH)
        elif not path.is_dir():
            problems.append(f"there is no folder {path}")
        if _seconds(settings) is None:
            problems.append(f"settle_s must be a number of seconds, not {settings['settle_s']!r}")
        if problems:
            raise RejectedError(problems, hint="make the folder first, and write path=FOLDER")
        return {**settings, "path": str(path)}

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch | PassedOver]:
        """Hand over the files; each stands for itself, so there is no cursor."""
        if not settings.get("path"):
            raise RejectedError(_NO_PATH)
        path = Path(settings["path"])
        settle_s = _seconds(settings) or 0
        for file, state in _files(path, settings.get("pattern", "*")):
            # Another name may hold bytes that are no text.
            name = os.fsencode(file.name).decode("utf-8", "backslashreplace")
            # A clock that is ahead must not hide a file for ever, so the distance counts in both directions.
            age_s = abs(self._clock.now().timestamp() - state.st_mtime)
            if reason := _unfit(name, state, is_fresh=age_s < settle_s):
                yield PassedOver(name=name, reason=reason)
                continue
            yield from _batch(file, name, state)


_NO_PATH: Final = "a folder needs its path"
_USUAL_SETTLE_S: Final = 2.0
_UNFINISHED: Final = (".part", ".partial", ".crdownload", ".download", ".filepart", ".opdownload", ".tmp", ".temp")


def _seconds(settings: Mapping[str, str]) -> float | None:
    try:
        seconds = float(settings.get("settle_s") or _USUAL_SETTLE_S)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _files(folder: Path, pattern: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Go through the files, the oldest first: what a later one says is newer."""
    found: list[tuple[int, str, os.stat_result]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                hidden = entry.name.startswith((".", "~$"))
                if not hidden and fnmatch(entry.name, pattern) and not entry.is_dir():
                    state = entry.stat(follow_symlinks=False)
                    found.append((state.st_mtime_ns, entry.name, state))
    except OSError as error:
        reason = f"cannot be read ({(error.strerror or str(error)).lower()})"
        raise UnreadableError(reason, source=str(folder), hint="look whether it is there, and may be read") from error
    for _, name, state in sorted(found, key=lambda each: each[:2]):
        yield folder / name, state


def _unfit(name: str, state: os.stat_result, *, is_fresh: bool) -> str:
    """Say why a file is not taken this time, or nothing."""
    if S_ISLNK(state.st_mode):
        return "is a link; only files are read"
    if not S_ISREG(state.st_mode):
        return "is not a regular file"
    if name.lower().endswith(_UNFINISHED):
        return "is still being written, to go by its name"
    if is_fresh:
        return "was changed a moment ago; the next pull takes it"
    return "" if state.st_size else "is empty"


def _batch(file: Path, name: str, state: os.stat_result) -> Iterator[Batch | PassedOver]:
    from crmkit.services.sources import FileSource

    try:
        source = FileSource(file, name=name)
    except (NotFoundError, UnreadableError):
        yield PassedOver(name=name, reason="was changed or taken away meanwhile")
        return
    yield Batch(source=source, stamp=f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}")
