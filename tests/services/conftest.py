"""A workspace to try services on: on each back end, with a clock and chance that repeat."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmkit.core.builtin import builtin_schema
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.ports.storage import Storage
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage


class SteppingClock:
    """A clock that goes on by one second whenever it is asked."""

    def __init__(self, start: datetime = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)) -> None:
        self.moment = start

    def now(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment


class SeededChance:
    """Chance that repeats."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)  # noqa: S311  # not for secrets

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)


def open_workspace(storage: Storage) -> Workspace:
    """Return a workspace without plugins on that back end."""
    schema = builtin_schema()
    storage.prepare(schema, create=True)
    return Workspace(
        storage=storage,
        schema=schema,
        extensions=NoExtensions(),
        settings=Settings(),
        clock=SteppingClock(),
        chance=SeededChance(),
        actor="Ada",
    )


STORAGES: dict[str, Callable[[Path], Storage]] = {
    "memory": lambda _folder: MemoryStorage(),
    "sqlite": lambda folder: SqliteStorage(folder / "crm.db"),
}


@pytest.fixture(params=list(STORAGES))
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    storage = STORAGES[request.param](tmp_path)
    yield open_workspace(storage)
    storage.close()
