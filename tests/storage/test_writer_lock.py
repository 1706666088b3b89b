"""Writers of one file come one after another, in turn."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmkit.errors import LockedError, ReadOnlyError
from crmkit.storage.sqlite import SqliteStorage
from crmkit.storage.sqlite.lock import WriterLock
from crmkit.testing.schema import LARGER, SCHEMA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.db"


def test_who_waits_for_the_lock_keeps_the_turn_until_it_has_the_lock(path: Path) -> None:
    """So whoever has just written, and asks again at once, comes behind the one who waits."""
    lock = WriterLock(path, timeout_s=30)
    entered, leave = threading.Event(), threading.Event()

    def write() -> None:
        with lock.held():
            entered.set()
            leave.wait(30)

    with _taken(path, "-lock"):
        waiting = threading.Thread(target=write)
        waiting.start()
        _until(lambda: not _is_free(path, "-turn"))
        turn_while_waiting = _is_free(path, "-turn")
    assert entered.wait(30)
    turn_while_writing = _is_free(path, "-turn")
    lock_while_writing = _is_free(path, "-lock")
    leave.set()
    waiting.join()

    assert (turn_while_waiting, turn_while_writing, lock_while_writing) == (False, True, False)
    assert _is_free(path, "-lock")


def test_nobody_gets_the_lock_before_it_is_its_turn(path: Path) -> None:
    with _taken(path, "-turn"), pytest.raises(LockedError), WriterLock(path, timeout_s=0.05).held():
        pass

    assert _is_free(path, "-lock")


def test_an_exception_gives_the_lock_back(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), WriterLock(path, timeout_s=1).held():
        raise ZeroDivisionError

    assert _is_free(path, "-lock")
    assert _is_free(path, "-turn")


def test_a_folder_that_is_gone_cannot_be_written(path: Path) -> None:
    with pytest.raises(ReadOnlyError), WriterLock(path / "gone" / "crm.db", timeout_s=1).held():
        pass


@pytest.mark.parametrize("present", [True, False])
def test_a_migration_waits_for_its_turn_like_any_other_writer(path: Path, *, present: bool) -> None:
    if present:
        SqliteStorage(path).prepare(SCHEMA, create=True)
    late = SqliteStorage(path, lock_timeout_s=0.05)

    with WriterLock(path, timeout_s=1).held(), pytest.raises(LockedError):
        late.prepare(LARGER, create=True)

    assert late.prepare(LARGER, create=True)["crate"].name == "crate"


def test_opening_what_is_current_does_not_wait(path: Path) -> None:
    SqliteStorage(path).prepare(SCHEMA, create=True)

    with WriterLock(path, timeout_s=1).held():
        SqliteStorage(path, lock_timeout_s=0.05).prepare(SCHEMA, create=False)


def test_many_may_create_at_once(path: Path) -> None:
    """The first one makes it, and the others find it made."""
    barrier = threading.Barrier(6)
    storages = [SqliteStorage(path) for _ in range(6)]
    made: list[list[str]] = []

    def create(storage: SqliteStorage) -> None:
        barrier.wait()
        made.append([kind.name for kind in storage.prepare(SCHEMA, create=True)])

    threads = [threading.Thread(target=create, args=(storage,)) for storage in storages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [["shelf", "thing"]] * 6


@contextmanager
def _taken(path: Path, suffix: str) -> Iterator[None]:
    """Hold one of the two files as another process would."""
    handle = os.open(path.with_name(path.name + suffix), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _is_free(path: Path, suffix: str) -> bool:
    try:
        with _taken(path, suffix):
            return True
    except BlockingIOError:
        return False


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")
