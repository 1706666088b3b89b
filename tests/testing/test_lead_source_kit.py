"""The contract of lead sources catches every mistake we could think of, and sound kinds pass it."""

from __future__ import annotations

import inspect
import itertools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from crmkit.core.ports.pulling import Batch, LeadSourceKind, PassedOver
from crmkit.plugins.builtin.lead_sources import FolderSource
from crmkit.plugins.rules import lead_source
from crmkit.services.sources import BytesSource
from crmkit.testing import LeadSourceContract

GUESTS = [f"anna{number}@berg.example" for number in range(6)]
SETTINGS = {"book": "guests"}


def page(number: int, *, name: str = "", content: str = "") -> BytesSource:
    table = "\n".join(["Email", *GUESTS[2 * number - 2 : 2 * number], content])
    return BytesSource(name or f"page {number}", table.encode())


@lead_source("guest-book", settings={"book": "which book"})
def guest_book(cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch | PassedOver]:
    """Three pages, from the one after the cursor on."""
    assert set(settings) == {"book"}
    yield PassedOver(name="page 4", reason="is being written")
    for number in range(int(cursor or 0) + 1, 4):
        yield Batch(source=page(number), cursor=str(number))


class TestGuestBook(LeadSourceContract):
    @pytest.fixture
    def kind(self) -> LeadSourceKind:
        return guest_book

    @pytest.fixture
    def settings(self) -> Mapping[str, str]:
        return SETTINGS


class TestFolder(LeadSourceContract):
    @pytest.fixture
    def kind(self) -> LeadSourceKind:
        return FolderSource()

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Mapping[str, str]:
        for number in (1, 2, 3):
            file = tmp_path / f"{number}.csv"
            with page(number).open() as stream:
                file.write_bytes(stream.read())
            os.utime(file, (time.time() - 60,) * 2)
        return {"path": str(tmp_path)}


class Broken:
    """Hands over the guest book; the mistakes override what they get wrong."""

    name = "guest-book"
    summary = "a guest book"
    settings: Mapping[str, str] = {"book": "which book"}

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        yield from guest_book.pull(cursor, settings)


class Deaf(Broken):
    """Always begins at the beginning."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        yield from guest_book.pull(None, settings)


class Hasty(Broken):
    """Says that all is done with the first page."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        for number in range(int(cursor or 0) + 1, 4):
            yield Batch(source=page(number), cursor="3")


class Skipping(Broken):
    """Leaves out a page when it goes on."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        yield from guest_book.pull(cursor and str(int(cursor) + 1), settings)


class Nameless(Broken):
    """Calls all pages the same."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        for number in range(int(cursor or 0) + 1, 4):
            yield Batch(source=page(number, name="page"), cursor=str(number))


class Moody(Broken):
    """Writes the hour into each page."""

    _hours = itertools.count()

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        for number in range(int(cursor or 0) + 1, 4):
            hour = f"hour{next(self._hours)}@clock.example"
            yield Batch(source=page(number, content=hour), cursor=str(number))


class Greedy(Broken):
    """Takes away what it hands over."""

    def __init__(self) -> None:
        self._left = [1, 2, 3]

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        while self._left:
            number = self._left.pop(0)
            yield Batch(source=page(number), cursor=str(number))


class Raw(Broken):
    """Hands over bytes."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        yield from (b"Email\n", b"ada@example.com\n")


class Mute(Broken):
    """Has nothing to hand over, so that nothing is tried."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        yield from ()


class Secretive(Broken):
    """Does not say which settings it takes."""

    settings: Mapping[str, str] = {}


class Silent(Broken):
    """Does not say what its settings mean."""

    settings: Mapping[str, str] = {"book": ""}


class Fickle(Broken):
    """Changes the settings each time it looks at them."""

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        return {"book": settings["book"] + "!"}


class Inventive(Broken):
    """Keeps a setting that nobody can give."""

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        return {**settings, "page": "1"}


class Unreadable(Broken):
    """Hands over what nobody can read."""

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterator[Any]:
        for number in (1, 2):
            yield Batch(source=BytesSource(f"{number}", b"\x89PNG\r\n\x1a\n" + bytes([number])))


MISTAKES = [
    each for each in list(globals().values()) if inspect.isclass(each) and issubclass(each, Broken) and each != Broken
]


def complaints(kind: Any) -> list[str]:
    """Return the tests of the contract that a kind does not pass."""
    contract = LeadSourceContract()
    failed = []
    for name, test in inspect.getmembers(contract, inspect.ismethod):
        if name.startswith("test_"):
            given = {"kind": kind, "settings": SETTINGS}
            try:
                test(**{each: given[each] for each in inspect.signature(test).parameters})
            except Exception:  # noqa: BLE001  # any failure is a complaint
                failed.append(name)
    return failed


def test_a_sound_kind_passes() -> None:
    assert complaints(guest_book) == complaints(Broken()) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_found(mistake: type[Broken]) -> None:
    assert complaints(mistake())


def test_each_test_of_the_contract_finds_some_mistake() -> None:
    found = {name for mistake in MISTAKES for name in complaints(mistake())}

    assert found == {name for name in dir(LeadSourceContract) if name.startswith("test_")}
