"""Preparing parts in another process, beside planning and writing them in this one.

Two threads would share one interpreter, and both jobs are mostly computing in it. The other
process is a help and nothing more: when it cannot be started, or ends, this one goes on alone.
"""

from __future__ import annotations

import marshal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Self

import attrs

from crmkit.core.drafts import DraftBatch
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.services.preparing.job import Job
from crmkit.services.preparing.prepared import Prepared, unpacked
from crmkit.services.preparing.worker import FRAME, TO_CLEAN, TO_KNOW
from crmkit.services.processes import start_module
from crmkit.services.sources import FileSource

__all__ = ["Worker", "WorkerGoneError", "prepared_beside"]


def prepared_beside(
    worker: Worker,
    raw: Iterator[tuple[DraftBatch, bool]],
    prepare: Callable[[tuple[DraftBatch, bool]], Prepared],
    *,
    is_known: Callable[[], bool],
) -> Iterator[Prepared]:
    """Prepare the first part here while the worker begins, and take the others from it as long as it lives.

    Args:
        worker: Prepares the parts from the second one on; closed at the end.
        raw: All parts.
        prepare: Prepares one here.
        is_known: Whether the rows of the next part are expected to be known.
    """
    taken = 0
    with worker:
        worker.ask(is_known=is_known())
        yield from map(prepare, islice(raw, 1))
        try:
            while part := worker.answer():
                worker.ask(is_known=is_known())
                taken += 1
                yield part
        except WorkerGoneError:
            pass
        else:
            return
    for _ in islice(raw, taken):
        pass
    yield from map(prepare, raw)


class WorkerGoneError(Exception):
    """The worker has ended before its work was done."""


class Worker:
    """A process that prepares parts; a context manager that ends it.

    Attributes:
        process: The process.
        answers: Where it answers.
        bytes_read: How far it had read the source when it gave its last answer.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  # both were asked for
        assert process.stdout is not None  # noqa: S101
        self.process = process
        self.answers = process.stdout
        self.bytes_read = 0
        self._asked = process.stdin

    @classmethod
    def start(cls, source: Source, job: Job, options: ReadingOptions, *, size: int, skip: int) -> Self | None:
        """Start a worker for one of crmkit's own importers.

        Args:
            source: What is read.
            job: What is asked of each row, and the name of the importer.
            options: What is known about the source.
            size: How many rows a part has.
            skip: How many rows are left out at the beginning.

        Returns:
            The worker; None when the source is too short for one, is no file, or no process can be started.
        """
        if not isinstance(source, FileSource) or source.size_bytes < WORTHWHILE_BYTES:
            return None
        task: dict[str, Any] = {
            "path": str(source.path),
            "name": source.name,
            "importers": _OWN_IMPORTERS,
            "job": {**attrs.asdict(job, recurse=False), "regions": dict(job.regions)},
            "options": {
                **attrs.asdict(options, recurse=False),
                "mapping": dict(options.mapping),
                "synonyms": dict(options.synonyms),
            },
            "size": size,
            "skip": skip,
        }
        try:
            told = marshal.dumps(task)
            worker = cls(start_module("crmkit.services.preparing.worker", packages=_PACKAGES))
        except (OSError, ValueError):  # ValueError: an option is a text of somebody's own class
            return None
        worker._tell(told)
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self.answers.close()
        with suppress(OSError):  # what was left in the buffer
            self._asked.close()

    def ask(self, *, is_known: bool) -> None:
        """Ask for the next part."""
        self._tell(TO_KNOW if is_known else TO_CLEAN)

    def answer(self) -> Prepared | None:
        """Wait for the part that was asked for first; None after the last one.

        Raises:
            WorkerGoneError: The process has ended.
        """
        head = self.answers.read(FRAME.size)
        if len(head) < FRAME.size:
            raise WorkerGoneError
        self.bytes_read, size = FRAME.unpack(head)
        data = self.answers.read(size)
        if len(data) < size:
            raise WorkerGoneError
        return unpacked(data) if data else None

    def _tell(self, what: bytes) -> None:
        with suppress(OSError):  # it is gone, as the next answer will show
            self._asked.write(what)
            self._asked.flush()


WORTHWHILE_BYTES: Final = 2 << 20
"""How long a source must be; with a shorter one this process is done when another one has begun."""

_OWN_IMPORTERS: Final = "crmkit.plugins.builtin.importers:builtin_importers"
"""As text, since services know no plugin."""

_PACKAGES: Final = ("attr", "babel", "email_validator", "phonenumbers", "pluggy", "python_calamine")
