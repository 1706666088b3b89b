"""LDIF, and other blocks of ``name: value`` lines, to records of named texts; a block at a time.

Frames are ``{"records": [[line, {name: text}, fault], …]}``; a line is that on which a block begins.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from crmkit.services.reading.limits import Limits
from crmkit.services.reading.lines import Lines, decoded

__all__ = ["read"]


def read(stream: BinaryIO, limits: Limits, *, encoding: str | None = None) -> Iterator[dict[str, Any]]:
    """Read blocks, parted by blank lines; comments and the version of LDIF are passed over."""
    batch: list[list[Any]] = []
    for number, lines, fault in _blocks(Lines(stream, limits.cell_chars, encoding), limits):
        batch.append(_record(number, lines, fault))
        if len(batch) == _BATCH:
            yield {"records": batch}
            batch = []
    yield {"records": batch}


_BATCH: Final = 200
_SHOWN: Final = 2000
_MOST_LINES: Final = 2000
_FIELD: Final = re.compile(r"([^\s:][^:]{0,80}?)\s*:(:?)\s*(.*)", re.DOTALL)
_GROUP: Final = frozenset({"groupofnames", "groupofuniquenames", "organizationalunit", "domain"})


def _blocks(lines: Lines, limits: Limits) -> Iterator[tuple[int, list[str], str]]:
    """Yield where each block begins, its lines with folded ones made whole, and what is wrong with it."""
    block: list[str] = []
    begins, size, fault = 0, 0, ""
    for number, line, is_cut in lines:
        if not line.strip():
            if block:
                yield begins, block, fault
            block, size, fault = [], 0, ""
            continue
        if line.startswith("#") or (not block and line.startswith("version:")):
            continue
        begins = begins if block else number
        size += len(line)
        if is_cut or size > limits.cell_chars or len(block) >= _MOST_LINES:
            fault = "the entry is too long"
        elif line.startswith(" ") and block:
            block[-1] += line[1:]
        else:
            block.append(line)
    if block:
        yield begins, block, fault


def _record(number: int, lines: Sequence[str], fault: str) -> list[Any]:
    record: dict[str, str] = {}
    kinds: set[str] = set()
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            fault = fault or f"{line[:_SHOWN]!r} is no line of an entry"
            continue
        name, is_coded, text = found.groups()
        value = _decoded(text) if is_coded else text.strip()
        if name.lower() == "objectclass":
            kinds.add(value.lower())
        elif value:
            record[name] = f"{record[name]}; {value}" if name in record else value
    if fault:
        return [number, {"Entry": "\n".join(lines)[:_SHOWN]}, fault]
    return [number, record, "ignored: a group, and no person" if kinds & _GROUP else ""]


def _decoded(text: str) -> str:
    try:
        return decoded(b64decode(text.strip(), validate=True))
    except ValueError:
        return text
