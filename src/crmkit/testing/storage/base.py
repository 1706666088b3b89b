"""What every test of the storage contract needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from hypothesis import settings

from crmkit.core.ports.storage import Storage
from crmkit.testing.schema import SCHEMA

__all__ = ["StorageTests"]


class StorageTests:
    """What all tests of the contract share; see `crmkit.testing.StorageContract`."""

    lacks: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[settings] = settings(max_examples=100, derandomize=True, database=None, deadline=None)

    def __init_subclass__(cls) -> None:
        unknown = sorted(name for name in cls.lacks if not hasattr(cls, name))
        if unknown:
            raise TypeError(f"{cls.__name__}.lacks names no test of the contract: {', '.join(unknown)}")

    @pytest.fixture
    def storage(self) -> Storage:
        """Return a new, empty, unprepared store."""
        raise NotImplementedError("provide a fixture named storage")

    def reopen(self, storage: Storage) -> Storage:
        """Return an unprepared object for the place where *storage*, now closed, kept its records.

        Another one, unless only the object itself can find that place.
        """
        raise NotImplementedError("override reopen, or declare in lacks why nothing outlives a store")

    @pytest.fixture
    def store(self, storage: Storage) -> Iterator[Storage]:
        """Prepare the store, and close it at the end."""
        storage.prepare(SCHEMA, create=True)
        yield storage
        storage.close()

    @pytest.fixture(autouse=True)
    def _declared_lack(self, request: pytest.FixtureRequest) -> None:
        reason = self.lacks.get(request.node.originalname)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
