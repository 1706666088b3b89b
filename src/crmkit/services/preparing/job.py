"""What is asked of an import: the same for all its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

__all__ = ["Job", "Policy"]

Policy = Literal["fill", "skip", "update"]
"""What a row does to a lead that is known: fill what is empty, nothing, or overwrite."""


@attrs.frozen(kw_only=True)
class Job:
    """What is asked of an import.

    Attributes:
        source_name: The name of the source; consents name it as their origin.
        importer: The name of the importer; part of the identity of each row.
        policy: What a row does to a lead that is known.
        region: In whose form phone numbers are read when the row names no country, or None.
        regions: What the source says of that itself: the language of a row, or None, to a country,
            or to None where it cannot be told.
        campaign_id: The campaign that all rows join, or None.
        source_label: `Lead.source` of the rows that say none themselves, or None.
        owner_id: Who is responsible for new leads, or None.
        tags: What is put on every lead, sorted.
    """

    source_name: str
    importer: str
    policy: Policy = "fill"
    region: str | None = None
    regions: Mapping[str | None, str | None] = attrs.field(factory=dict)
    campaign_id: str | None = None
    source_label: str | None = None
    owner_id: str | None = None
    tags: tuple[str, ...] = ()
