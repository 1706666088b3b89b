"""What a large transaction wrote gets into the database beside whatever comes next."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from crmkit.storage.sqlite import SqliteStorage
from crmkit.storage.sqlite.checkpoints import Checkpoints
from tests.storage.child import counters, opened

LARGE = 3000


@pytest.fixture
def storage(tmp_path: Path) -> SqliteStorage:
    return opened(tmp_path / "crm.db", create=True)


def written(storage: SqliteStorage, count: int) -> None:
    with storage.write() as change:
        change.insert("counter", counters(1, count))


def in_the_database_itself(folder: Path) -> int:
    """Count the counters without looking at the write-ahead log."""
    bare = folder / "bare.db"
    shutil.copy(folder / "crm.db", bare)
    with closing(sqlite3.connect(f"{bare.as_uri()}?immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM counter").fetchone()[0])


def settled() -> None:
    for thread in threading.enumerate():
        if thread.name == "crmkit-checkpoint":
            thread.join()


def test_a_large_transaction_is_moved_into_the_database(storage: SqliteStorage, tmp_path: Path) -> None:
    written(storage, LARGE)
    settled()

    assert in_the_database_itself(tmp_path) == LARGE
    storage.close()


def test_a_small_one_waits_in_the_log(storage: SqliteStorage, tmp_path: Path) -> None:
    storage.close()  # which empties the log
    storage = opened(tmp_path / "crm.db")
    written(storage, 10)
    settled()

    assert in_the_database_itself(tmp_path) == 0
    storage.close()


def test_a_reader_keeps_its_view_meanwhile(storage: SqliteStorage, tmp_path: Path) -> None:
    reading = opened(tmp_path / "crm.db")
    with reading.read() as view:
        written(storage, LARGE)
        settled()
        seen = view.get_many("counter", ["counter_000001"])

    assert seen == []
    storage.close()
    reading.close()


def test_closing_waits_for_it(storage: SqliteStorage) -> None:
    written(storage, LARGE)

    storage.close()

    assert "crmkit-checkpoint" not in [thread.name for thread in threading.enumerate()]


def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "gone.db")

    checkpoints.begin()
    checkpoints.wait()

    assert list(tmp_path.iterdir()) == []
