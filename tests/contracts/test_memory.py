"""The memory back end keeps the storage contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from crmkit.core.ports.storage import Storage
from crmkit.storage.memory import MemoryStorage
from crmkit.testing import StorageContract


class TestMemoryStorage(StorageContract):
    lacks: ClassVar = {
        "test_what_is_not_there_is_not_made_unasked": "memory is always empty at first",
        "test_two_processes_lose_nothing": "memory belongs to one process",
    }

    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    def reopen(self, storage: Storage) -> Storage:
        return storage  # memory is gone with the object
