"""How far an import has come, in rows and in bytes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmkit.core.operation import RowOutcome

__all__ = ["ImportProgress"]


@attrs.frozen(kw_only=True)
class ImportProgress:
    """Where an import stands.

    Attributes:
        rows: How many rows are done, those of an interrupted run before included.
        outcomes: What became of them.
        bytes_read: How far the source was read.
        size_bytes: How long it is.
    """

    rows: int
    outcomes: Mapping[RowOutcome, int]
    bytes_read: int
    size_bytes: int
