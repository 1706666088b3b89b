"""A saved mapping: what the columns of one kind of file hold, said once and used again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.declare import record_type
from crmkit.core.records import Record

__all__ = ["MAPPING", "SavedMapping"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class SavedMapping(Record):
    """What the columns of one kind of file hold.

    It is a record of the workspace, for everybody who imports into it needs the same one: it is
    in the log, is undone like any other change, and goes with an export of the whole workspace.

    Attributes:
        name: Unique among the living.
        columns: Header as written to draft field, or to custom field by its dotted name.
    """

    name: str
    columns: Mapping[str, Any] = attrs.field(factory=dict)


MAPPING = record_type(SavedMapping, name="mapping", unique=(("name",),), search=("name",))
