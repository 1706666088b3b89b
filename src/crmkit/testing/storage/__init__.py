"""The storage contract as tests.

A back end keeps the contract if this passes::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self, tmp_path: Path) -> MyStorage:
            return MyStorage(tmp_path / "store")

        def reopen(self, storage: Storage) -> Storage:
            return MyStorage(...)  # another object for the same place

What it means to keep records is said here only; `crmkit.storage.memory` is the shortest
back end that passes.
"""

from __future__ import annotations

from crmkit.testing.storage.changes import ChangeTests
from crmkit.testing.storage.finding import FindingTests
from crmkit.testing.storage.groups import GroupTests
from crmkit.testing.storage.keeping import KeepingTests
from crmkit.testing.storage.meaning import MeaningTests
from crmkit.testing.storage.transactions import TransactionTests
from crmkit.testing.storage.values import ValueTests
from crmkit.testing.storage.words import SearchTests

__all__ = ["StorageContract"]


class StorageContract(
    ValueTests,
    ChangeTests,
    TransactionTests,
    FindingTests,
    GroupTests,
    SearchTests,
    KeepingTests,
    MeaningTests,
):
    """Subclass this, and provide a ``storage`` fixture: a new, empty, unprepared store.

    Attributes:
        lacks: What the back end can't do: the name of a test, and the reason. Such a test
            must fail; when it passes after all, the run fails.
        examples: How the random tests look for examples: the same ones each time.
    """
