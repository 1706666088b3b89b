"""A lead source: a place that is asked for new leads again and again, and what was taken from it.

The lead source itself is what people configured. How far its pulls came is kept beside it: that
is bookkeeping, which an undo of the configuration must neither restore nor stumble over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.records import Record, Stored

__all__ = ["LEAD_SOURCE", "PULLED_ITEM", "PULL_STATE", "LeadSource", "PullState", "PulledItem"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class LeadSource(Record):
    """A place that leads are pulled from: a folder that files are dropped into, an address on the web.

    Its owner is responsible for the new leads, and its tags are put on all of them.

    Attributes:
        name: Unique among the living.
        kind: The `LeadSourceKind` that knows how to pull it, by name.
        settings: What that kind wants to know, as texts by name; never a secret.
        campaign_id: The campaign that everybody joins, or None.
        importer: The importer that reads what comes; None takes the surest.
        options: How it is imported: ``policy``, ``source_label``, ``max_errors``, ``saved_mapping``,
            and what `ReadingOptions` has.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    campaign_id: str | None = attrs.field(default=None, metadata=stored(references="campaign"))
    importer: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class PullState(Stored):
    """How far the pulls of a lead source came.

    Attributes:
        lead_source_id: The lead source.
        cursor: Where the next pull goes on, in the words of its kind, or None: at the beginning.
        cursor_of: The digest of the kind and settings that the cursor is about; with others it
            says nothing.
        pulled_at: When it was pulled last, in UTC, or None.
        last_error: Why the last pull had to stop, or what failed in it first; None when all was fine.
    """

    lead_source_id: str = attrs.field(metadata=stored(references="lead_source"))
    cursor: str | None = None
    cursor_of: str | None = None
    pulled_at: datetime | None = None
    last_error: str | None = None


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class PulledItem(Stored):
    """A file or page of a lead source, as it was taken last: why it is not taken again.

    Attributes:
        lead_source_id: The lead source.
        name: What the file or page is called there.
        sha256: The digest of its content.
        stamp: What its kind said that changes with the content, or None.
        imported: Whether all of it is imported; otherwise it could not be.
        imports: How often it was imported, each time with another content.
        recipe: The digest of how it was to be imported; what failed is tried again with another one.
        import_id: The import, or None when there was nothing to write.
        outcomes: How many of its rows became what.
        detail: Why it could not be imported, or whose content it repeats; None when it simply was imported.
    """

    lead_source_id: str = attrs.field(metadata=stored(references="lead_source"))
    name: str = attrs.field(metadata=stored(indexed=True))
    sha256: str = attrs.field(metadata=stored(indexed=True))
    stamp: str | None = None
    imported: bool = True
    imports: int = 0
    recipe: str
    import_id: str | None = None
    outcomes: Mapping[str, Any] = attrs.field(factory=dict)
    detail: str | None = None


LEAD_SOURCE = record_type(LeadSource, name="lead_source", prefix="source", unique=(("name",),), search=("name",))
PULL_STATE = record_type(
    PullState,
    name="pull_state",
    unique=(("lead_source_id",),),
    undo="keep",
    made_by="pulling a lead source",
)
PULLED_ITEM = record_type(
    PulledItem,
    name="pulled_item",
    prefix="pulled",
    unique=(("lead_source_id", "name"),),
    undo="keep",  # what an undone import took is not taken again behind one's back
    made_by="pulling a lead source",
)
