"""What the tests of the whole workspace share: workspaces with and without classes, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

import crmkit
from crmkit.app import CRM, _begin
from crmkit.core.builtin import builtin_schema
from crmkit.core.declarations import fields_of, type_of
from crmkit.core.ports.storage import Storage
from crmkit.core.query import Query
from crmkit.plugins.manager import PluginManager
from crmkit.services.settings import PluginSettings, Settings
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.services.conftest import SeededChance, SteppingClock


@crmkit.custom_fields("lead", "contact", "deal")
class BadgeScan:
    booth: str | None = None
    minutes: int | None = None
    hot: bool = False
    topics: tuple[str, ...] = ()
    budget: crmkit.Money | None = None


@crmkit.custom_record("booth", search=("name",), unique=(("name",),))
class Booth(crmkit.Record):
    name: str
    size: Decimal | None = None
    campaign_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="campaign"))


@crmkit.custom_record("visit")
class Visit(crmkit.Record):
    booth_id: str = attrs.field(metadata=crmkit.stored(references="booth"))
    lead_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="lead"))
    answers: dict[str, Any] = attrs.field(factory=dict)


FIELDS: tuple[type, ...] = (BadgeScan,)
TYPES: tuple[type, ...] = (Booth, Visit)
BACK_ENDS = ("memory", "sqlite")


@contextmanager
def stored(back_end: str, folder: Path, name: str) -> Iterator[Storage]:
    """Make a back end that stays, so that it can be opened again with other classes."""
    storage: Storage = MemoryStorage() if back_end == "memory" else SqliteStorage(folder / f"{name}.db")
    try:
        yield storage
    finally:
        storage.close()


def opened(storage: Storage, *, fields: Sequence[type] = FIELDS, types: Sequence[type] = TYPES, day: int = 15) -> CRM:
    """Open it on some day, with some of the classes above, as `crmkit.open` does."""
    plugins = PluginManager(PluginSettings(), discover=False)
    schema = builtin_schema().including(map(type_of, types)).extended(map(fields_of, fields))
    workspace = Workspace(
        storage=storage,
        schema=storage.prepare(schema, create=True),
        extensions=plugins.collect(),
        settings=Settings(),
        clock=SteppingClock(datetime(2026, 1, day, 9, 0, tzinfo=UTC)),
        chance=SeededChance(),
        actor="Ada",
    )
    _begin(workspace)
    return CRM(workspace, plugins)


def content(crm: CRM) -> dict[str, list[dict[str, Any]]]:
    """Return all that must survive: every row but those of the log, and but what leads into it."""
    found: dict[str, list[dict[str, Any]]] = {}
    with crm.workspace.storage.read() as view:
        for kind in crm.workspace.schema:
            if kind.name in ("operation", "change"):
                continue
            rows = [
                {name: value for name, value in zip(kind.field_names, row, strict=True) if value is not None}
                for row in view.find(Query(type=kind.name, deleted=True))
            ]
            left = {"operation_id", "source_row"}
            if kind.name == "import_row":
                rows = [row for row in rows if "import_key" in row]  # by which a row is recognised next time
                left.add("cells")
            if rows:
                found[kind.name] = [{name: row[name] for name in row if name not in left} for row in rows]
    return found
