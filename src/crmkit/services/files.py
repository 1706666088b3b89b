"""Files written whole or not at all, and readable by their owner alone."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from crmkit.errors import RejectedError

__all__ = ["replacing", "replacing_bytes"]


@contextmanager
def replacing(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Write beside the file, and put the new one in its place when the block ends well.

    What is written is about people, so the new file is the user's own (as `tempfile` has it).

    Args:
        path: The file; one that is there is replaced.
        encoding: How it is written.

    Raises:
        RejectedError: It cannot be written; what was there is untouched.
    """
    with replacing_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
        try:
            yield text
        finally:
            text.detach()


@contextmanager
def replacing_bytes(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Do the same with a file of bytes.

    Raises:
        RejectedError: It cannot be written; what was there is untouched.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        beside = Path(name)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123  # a handle
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = f"{path} cannot be written: {(error.strerror or str(error)).lower()}"
        raise RejectedError(reason, hint="name another file") from error
