"""Where bytes to import come from: a file, the memory, standard input."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import sys
import tempfile
import weakref
from functools import cached_property
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, Final

from crmkit.core.ports.sources import Source
from crmkit.errors import NotFoundError, UnreadableError

__all__ = ["BytesSource", "FileSource", "is_whole_workspace", "stdin_source"]


class FileSource:
    """A file; looked at when it is named, read when it is needed.

    Attributes:
        path: The file.
        name: The file's name without its folder.
    """

    def __init__(self, path: str | os.PathLike[str], *, name: str = "") -> None:
        """Look whether there is something to read.

        Args:
            path: The file.
            name: What to call it instead of its own name.

        Raises:
            NotFoundError: There is no such file.
            UnreadableError: It is a folder, a device or empty, or it may not be read.
        """
        self.path = Path(path)
        self.name = name or self.path.name
        try:
            state = self.path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _missing(self.path) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise self._unreadable(error) from error
        if S_ISDIR(state.st_mode):
            raise UnreadableError("is a folder", source=self.name, hint="name one file in it")
        if not S_ISREG(state.st_mode):
            raise UnreadableError("is not a regular file", source=self.name, hint="pipe it into standard input")
        if not state.st_size:
            raise UnreadableError("is empty", source=self.name, hint="export it again and look at its size")
        self.size_bytes = state.st_size

    @cached_property
    def sha256(self) -> str:
        """The digest of the content, in hexadecimal."""
        try:
            with self.open() as stream:
                digest = hashlib.sha256()
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
                return digest.hexdigest()
        except OSError as error:
            raise self._unreadable(error) from error

    def head(self, count: int = 65536) -> bytes:
        """Return the first *count* bytes, or all when there are fewer."""
        try:
            with self.open() as stream:
                return stream.read(count)
        except OSError as error:
            raise self._unreadable(error) from error

    def open(self) -> BinaryIO:
        """Return a new stream from the start; the caller closes it.

        Raises:
            UnreadableError: It may not be read, or is gone by now.
        """
        try:
            return self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError | ValueError) -> UnreadableError:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        hint = "ask for the right to read it" if isinstance(error, PermissionError) else ""
        return UnreadableError(f"cannot be read ({reason.lower()})", source=self.name, hint=hint)


class BytesSource:
    """Bytes at hand: a download, a part of a mail, a sample in a test."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return len(self._data)

    @cached_property
    def sha256(self) -> str:
        """The digest of the content, in hexadecimal."""
        return hashlib.sha256(self._data).hexdigest()

    def head(self, count: int = 65536) -> bytes:
        """Return the first *count* bytes, or all when there are fewer."""
        return self._data[:count]

    def open(self) -> BinaryIO:
        """Return a new stream from the start."""
        return BytesIO(self._data)


def stdin_source(stream: BinaryIO | None = None, *, name: str = "standard input") -> FileSource:
    """Spool a stream that can be read only once to a temporary file.

    The file goes away with the source. Standard input is taken when no
    *stream* is given.

    Raises:
        UnreadableError: Nothing came.
    """
    with tempfile.NamedTemporaryFile(prefix="crmkit-", delete=False) as spool:
        path = Path(spool.name)
        try:
            shutil.copyfileobj(stream or sys.stdin.buffer, spool)
            spool.flush()
            source = FileSource(path, name=name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    weakref.finalize(source, path.unlink, missing_ok=True)
    return source


def _missing(path: Path) -> NotFoundError:
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return NotFoundError("file", str(path), hint=f"the folder {path.parent} is not there either")
    close = difflib.get_close_matches(path.name, neighbours, n=3)
    return NotFoundError("file", str(path), suggestions=close, hint="" if close else "check its name and folder")


def is_whole_workspace(source: Source) -> bool:
    """Tell whether a source is the export of a whole workspace, by its first bytes."""
    return source.head(len(_MARK)) == _MARK


_MARK: Final = b'{"crmkit": "workspace"'
