"""How single values look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from crmkit.cli.output import words


@pytest.fixture
def living_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Move this process to another time zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("JST-9", datetime(2026, 1, 31, 20, 30, tzinfo=UTC), "1 Feb 2026 05:30"),
        ("JST-9", datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "31 Dec 9999 23:59"),  # for ever
        ("EST+5", datetime(1, 1, 1, tzinfo=UTC), "1 Jan 1 00:00"),
    ],
)
def test_a_moment_is_told_in_local_time_if_it_has_one(
    living_in: Callable[[str], None], zone: str, moment: datetime, text: str
) -> None:
    living_in(zone)

    assert words(moment) == text
