"""The process that prepares parts: ``python -m crmkit.services.preparing.worker``.

On standard input come the task and then a line for each part that is wanted; on standard
output an answer leaves for each, and an empty one after the last part. If anything goes wrong it just
ends: whoever asked prepares the part then, and meets the same.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, BinaryIO, Final

from crmkit.core.builtin import builtin_schema
from crmkit.core.ports.sources import Importer, ReadingOptions
from crmkit.services.preparing.counted import CountedSource
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.preparing.job import Job
from crmkit.services.preparing.parts import in_parts
from crmkit.services.preparing.prepared import packed, prepare
from crmkit.services.sources import FileSource

__all__ = ["FRAME", "TO_CLEAN", "TO_KNOW", "main", "serve"]

FRAME: Final = struct.Struct("<QQ")
"""Before each answer: how far the source was read, and how long the answer is, in bytes."""

TO_CLEAN: Final = b"clean\n"
TO_KNOW: Final = b"known\n"
"""What is asked for: a part whose rows are cleaned, or one whose rows are expected to be known."""


def main() -> int:
    """Serve whoever started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    try:
        serve(sys.stdin.buffer, out)
    except BrokenPipeError:  # nobody listens any more
        os._exit(0)
    return 0


def serve(asked: BinaryIO, out: BinaryIO) -> None:
    """Prepare one part after the other, each when it is asked for."""
    task: Mapping[str, Any] = marshal.load(asked)  # noqa: S302  # the parent is trusted
    source = CountedSource(FileSource(task["path"], name=task["name"]))
    job = Job(**task["job"])
    importer = _importer(task["importers"], job.importer)
    parts = in_parts(importer.read(source, ReadingOptions(**task["options"])).batches, task["size"], skip=task["skip"])
    custom = CustomColumns(builtin_schema()["lead"])  # of which there are none
    for what in asked:
        batch, is_last = next(parts, (None, True))
        answer = b""
        if batch is not None:
            answer = packed(prepare(batch, job, custom, is_last=is_last, is_known=what == TO_KNOW))
        out.write(FRAME.pack(source.bytes_read, len(answer)))
        out.write(answer)
        out.flush()


def _importer(origin: str, name: str) -> Importer:
    """Return the importer of a name out of those that a function returns."""
    module, _, attribute = origin.partition(":")
    contributed: Iterable[Importer] = getattr(import_module(module), attribute)()
    return next(importer for importer in contributed if importer.name == name)


if __name__ == "__main__":
    raise SystemExit(main())
