"""Ids: UUIDv7 with a type prefix, made by the client, the same for the same inputs.

The id of an operation comes from its moment and from chance. The ids of all that it
creates derive from that one and a counter, so a plan made twice, or an import that was
killed and resumed, gives the same ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from crmkit.core.ports.ambient import Chance

__all__ = ["IdSequence", "new_operation_id"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTER_BITS = 28  # 268 million records in one operation
_TAIL_BITS = 74 - _COUNTER_BITS  # a UUIDv7 has 74 free bits behind its milliseconds


def new_operation_id(at: datetime, chance: Chance) -> str:
    """Return the id of an operation that begins at that moment."""
    bits = chance.bits(74)
    return "op_" + _uuid7(_milliseconds(at), bits >> 62, bits & (2**62 - 1))


class IdSequence:
    """Makes the ids of one operation's records.

    Args:
        operation_id: The operation.
        at: Its moment.
        used: How many ids it has made already, in parts applied before.
    """

    def __init__(self, operation_id: str, at: datetime, *, used: int = 0) -> None:
        self.used = used
        self._ms = _milliseconds(at)
        digest = hashlib.sha256(operation_id.encode()).digest()
        self._tail = int.from_bytes(digest[:8], "big") % 2**_TAIL_BITS

    def next(self, prefix: str) -> str:
        """Return one new id."""
        return next(self.take(prefix, 1))

    def take(self, prefix: str, count: int) -> Iterator[str]:
        """Return *count* new ids, in ascending order."""
        first = self.used
        self.used += count
        # The counter fills the 12 bits before the variant and the 16 bits behind it, so that ids sort by it.
        low_bits = _COUNTER_BITS - 12
        for k in range(first, first + count):
            yield f"{prefix}_{_uuid7(self._ms, k >> low_bits, (k % 2**low_bits) << _TAIL_BITS | self._tail)}"


def _uuid7(milliseconds: int, a: int, b: int) -> str:
    """Return the 32 hexadecimal digits of RFC 9562, section 5.7: time, version 7, 12 bits, variant, 62 bits."""
    return f"{milliseconds:012x}7{a:03x}{0x8000000000000000 | b:016x}"


def _milliseconds(at: datetime) -> int:
    delta = at - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000
