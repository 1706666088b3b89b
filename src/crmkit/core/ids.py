"""Ids: UUIDv7 with a type prefix, made by the client, the same for the same inputs.

The id of an operation comes from its moment and from chance. The ids of all that it
creates derive from that one and a counter, so a plan made twice, or an import that was
killed and resumed, gives the same ids.
"""

from __future__ import annotations

from datetime import UTC, datetime

from crmkit.core.ports.ambient import Chance

__all__ = ["IdSequence", "first_id", "new_operation_id"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTER_BITS = 28  # 268 million records in one operation
_TAIL_BITS = 62 - _COUNTER_BITS
_VARIANT = 1 << 63


def new_operation_id(at: datetime, chance: Chance) -> str:
    """Return the id of an operation that begins at that moment."""
    return f"op_{_moment_digits(at)}{_variant_digits(chance.bits(62))}"


def first_id(prefix: str, at: datetime) -> str:
    """Return what no id that was made at that moment sorts before; all ids made earlier do."""
    return f"{prefix}_{_moment_digits(at)}"


class IdSequence:
    """Makes the ids of one operation's records.

    They sort by the moment of the operation and then by the counter, so the order of ids
    is the order in which records were made.

    Args:
        operation_id: The operation.
        at: Its moment.
        used: How many ids it has made already, in parts applied before.
    """

    def __init__(self, operation_id: str, at: datetime, *, used: int = 0) -> None:
        self.used = used
        self._moment = _moment_digits(at)
        from hashlib import sha256  # brings in OpenSSL, which opening a workspace can do without

        digest = sha256(operation_id.encode()).digest()
        self._tail = _VARIANT | int.from_bytes(digest[:8], "big") % 2**_TAIL_BITS

    def next(self, prefix: str) -> str:
        """Return one new id."""
        k = self.used
        self.used += 1
        return f"{prefix}_{self._moment}{self._tail | k << _TAIL_BITS:x}"

    def take(self, prefix: str, count: int) -> list[str]:
        """Return *count* new ids, in ascending order."""
        first = self.used
        self.used += count
        head, tail = f"{prefix}_{self._moment}", self._tail
        return [f"{head}{tail | k << _TAIL_BITS:x}" for k in range(first, first + count)]


def _moment_digits(at: datetime) -> str:
    """Return the first 16 digits of a UUIDv7: milliseconds, the version, and the microseconds within.

    RFC 9562, section 6.2, method 3: 12 bits hold the fraction of the millisecond.
    """
    delta = at - _EPOCH
    milliseconds, microseconds = divmod((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds, 1000)
    return f"{milliseconds:012x}7{microseconds * 4096 // 1000:03x}"


def _variant_digits(bits: int) -> str:
    """Return the last 16 digits: the variant and 62 bits."""
    return f"{_VARIANT | bits:x}"
