"""The process in which one reader runs: ``python -m crmkit.services.reading.child TASK``.

The source comes on standard input; frames leave on standard output, a line of JSON each.
The last one says ``end`` or ``refused``; a stream without either belongs to a child that died.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from crmkit.services.reading.limits import Limits, Refusal

__all__ = ["READERS", "main"]

READERS: Final = ("spreadsheet", "markup", "vcard", "mail", "json_rows", "entries", "archive")
"""The modules that can be run here; each has ``read(stream, limits, **arguments)``."""


def main(task: str) -> int:
    """Run the reader of a task, which is JSON: ``reader``, ``limits``, ``size_bytes``, ``arguments``."""
    asked = json.loads(task)
    if asked["reader"] not in READERS:
        return 2
    limits = Limits(**asked["limits"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    out = sys.stdout.buffer
    try:
        is_limited = limits.enforce(asked["size_bytes"])
        # Whatever a library prints must not get between the frames.
        out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        reader = import_module(f"crmkit.services.reading.{asked['reader']}")
        arguments = asked["arguments"]
        if asked["reader"] == "spreadsheet":  # what it uses takes memory before it can be counted
            arguments["is_limited"] = is_limited
        for frame in _guarded(reader.read(sys.stdin.buffer, limits, **arguments), limits):
            out.write(encoded(frame))
            out.flush()
    except BrokenPipeError:  # nobody listens any more
        os._exit(0)
    return 0


def encoded(frame: Mapping[str, Any]) -> bytes:
    """Return a frame as a line."""
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _guarded(frames: Iterator[Mapping[str, Any]], limits: Limits) -> Iterator[Mapping[str, Any]]:
    """Turn whatever goes wrong into a last frame."""
    try:
        yield from frames
    except Refusal as refusal:
        yield {"refused": [refusal.reason, refusal.hint]}
    except MemoryError:
        hint = f"part it, save it as CSV, or allow more than {limits.memory_mb:,} with CRMKIT_READING_MEMORY_MB"
        yield {"refused": ["needs too much memory", hint]}
    except RecursionError:
        yield {"refused": ["is nested too deeply", "export it again as a flat table, for instance as CSV"]}
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # a reader that trips over a file costs that file, not the program
        reason = f"is broken ({type(error).__name__}: {str(error)[:200]})"
        yield {"refused": [reason, "open and save it once in the program that made it, or save it as CSV"]}
    else:
        yield {"end": True}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
