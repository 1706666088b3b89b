"""The SQLite back end keeps the storage contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.core.ports.storage import Storage
from crmkit.storage.sqlite import SqliteStorage
from crmkit.testing import StorageContract


class TestSqliteStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> SqliteStorage:
        return SqliteStorage(tmp_path / "crm.db")

    def reopen(self, storage: Storage) -> Storage:
        return SqliteStorage(storage.url.removeprefix("sqlite:"))
