"""Running a reader in a process of its own, and taking what it reads as it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import OrderedDict
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Final

from crmkit.core.ports.sources import Source
from crmkit.errors import ConfigError, CrmkitError, UnreadableError
from crmkit.services.processes import start_module
from crmkit.services.reading.limits import Limits, Refusal

__all__ = ["Frame", "peek_apart", "read_apart"]

Frame = Mapping[str, Any]
"""What a reader says at once."""


def read_apart(reader: str, source: Source, **arguments: Any) -> Generator[Frame, None, None]:
    """Read a source in a child process; closing the generator ends the child.

    The child is fed and read through pipes, so neither side runs ahead of the other and
    memory stays bounded.

    Args:
        reader: One of `crmkit.services.reading.child.READERS`.
        source: The bytes.
        arguments: What that reader wants to know; JSON.

    Raises:
        UnreadableError: The source is not what it seems, or costs too much, or the child died of it.
        ConfigError: A variable that sets a limit is no number.
    """
    try:
        limits = Limits.of(os.environ)
    except Refusal as refusal:
        raise ConfigError(refusal.reason, hint=refusal.hint) from None
    child = start_reader(reader, source, limits, arguments)
    out = child.stdout
    assert out is not None  # noqa: S101  # it was asked for
    feeder = _Feeder(source, child)
    watch = _Watch(child, limits)
    try:
        while True:
            with watch:
                line = out.readline(_MAX_FRAME)
            frame = json.loads(line) if line.endswith(b"\n") else None
            if feeder.error is not None:
                raise feeder.error
            if frame is None:
                raise _died(child, watch, source, limits)
            if "refused" in frame:
                reason, hint = frame["refused"]
                raise UnreadableError(reason, source=source.name, hint=hint)
            if "end" in frame:
                return
            yield frame
    finally:
        child.kill()
        child.wait()
        out.close()
        feeder.join()


def peek_apart(reader: str, source: Source, *, frames: int, **arguments: Any) -> tuple[Frame, ...]:
    """Return the first frames of a source; what was found, and what went wrong, is remembered for a while.

    Raises:
        UnreadableError: As `read_apart`.
    """
    key = (reader, source.sha256, json.dumps(arguments, sort_keys=True))
    found = _peeked.get(key)
    if found is None:
        found = _peek(reader, source, frames, arguments)
        _peeked[key] = found
        while len(_peeked) > _REMEMBERED:
            _peeked.popitem(last=False)
    if isinstance(found, _Failure):
        raise UnreadableError(found.reason, source=source.name, hint=found.hint)
    return found


_MAX_FRAME: Final = 64 << 20
_CHUNK: Final = 1 << 18
_REMEMBERED: Final = 8


class _Failure:
    """What was wrong with a source, whatever its name."""

    def __init__(self, error: UnreadableError) -> None:
        self.reason = error.reasons[0].removeprefix(f"{error.source}: ")
        self.hint = error.hint


_peeked: OrderedDict[tuple[str, str, str], tuple[Frame, ...] | _Failure] = OrderedDict()


def _peek(reader: str, source: Source, frames: int, arguments: dict[str, Any]) -> tuple[Frame, ...] | _Failure:
    reading = read_apart(reader, source, **arguments)
    try:
        return tuple(frame for frame, _ in zip(reading, range(frames), strict=False))
    except UnreadableError as error:
        return _Failure(error)
    finally:
        reading.close()


def start_reader(reader: str, source: Source, limits: Limits, arguments: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the child that runs a reader; it waits for the source on its standard input."""
    task = {
        "reader": reader,
        "limits": limits._asdict(),
        "size_bytes": source.size_bytes,
        "arguments": arguments,
    }
    try:
        return start_module("crmkit.services.reading.child", json.dumps(task), packages=("python_calamine",))
    except OSError as error:
        raise UnreadableError(
            f"cannot be read, for no process can be started ({error})",
            source=source.name,
            hint="this format is read in a process of its own; save the file as CSV",
        ) from error


class _Feeder:
    """Hands a source to a child while its frames are taken."""

    def __init__(self, source: Source, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None  # noqa: S101  # it was asked for
        self.error: CrmkitError | OSError | None = None
        self._thread = threading.Thread(target=self._run, args=(source, child.stdin), daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self, source: Source, sink: BinaryIO) -> None:
        try:
            with source.open() as stream:
                while chunk := self._chunk(stream):
                    sink.write(chunk)
        except (OSError, ValueError):  # the child is gone; why, it says itself
            pass
        except CrmkitError as error:
            self.error = error
        finally:
            with suppress(OSError):  # what was left in the buffer
                sink.close()

    def _chunk(self, stream: BinaryIO) -> bytes:
        try:
            return stream.read(_CHUNK)
        except OSError as error:
            self.error = error
            raise


class _Watch:
    """Ends a child that says nothing for too long while it is listened to."""

    def __init__(self, child: subprocess.Popen[bytes], limits: Limits) -> None:
        self.barked = False
        self._child = child
        self._limits = limits
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        self._timer = threading.Timer(self._limits.silence_s, self._bark)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _bark(self) -> None:
        self.barked = True
        self._child.kill()


def _died(child: subprocess.Popen[bytes], watch: _Watch, source: Source, limits: Limits) -> UnreadableError:
    """Say of what."""
    try:
        code = child.wait(timeout=5)
    except subprocess.TimeoutExpired:  # it goes on, with a line that has no end
        return UnreadableError("its reader said too much at once", source=source.name, hint="save it as CSV")
    if watch.barked:
        reason = f"its reader said nothing for {limits.silence_s} s"
        hint = "part the file or save it as CSV, or allow more with CRMKIT_READING_SILENCE_S"
    elif code == -getattr(signal, "SIGXCPU", 0):
        reason = f"takes more than {limits.cpu_s} s of computing to read"
        hint = "part the file or save it as CSV, or allow more with CRMKIT_READING_CPU_S"
    elif code == -signal.SIGABRT or code == -getattr(signal, "SIGSEGV", 0):
        reason = f"its reader broke down: it is broken, or needs more than {limits.memory_mb:,} MB of memory"
        hint = "save it as CSV, or allow more with CRMKIT_READING_MEMORY_MB"
    else:
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        reason = f"its reader was ended from outside ({ended})"
        hint = "try again; if the system is short of memory, save the file as CSV"
    return UnreadableError(reason, source=source.name, hint=hint)
