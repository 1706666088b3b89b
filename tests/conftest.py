"""How hypothesis searches: at will on one's own machine, the same way each time in CI. And what tests share."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import pytest
from hypothesis import settings

# No deadlines: how long an example takes depends on what else the machine does.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Every connection to SQLite that is made."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*args, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    return made
