"""The memory back end keeps the storage contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from crmkit.storage.memory import MemoryStorage
from crmkit.testing import StorageContract


class TestMemoryStorage(StorageContract):
    lacks: ClassVar = {"test_a_store_opened_again_has_everything": "memory is gone with the object"}

    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()
