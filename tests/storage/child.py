"""What another process does to a workspace, as commands: ``python child.py COMMAND PATH …``."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.declare import record_type
from crmkit.core.fields import Scalar
from crmkit.core.query import Query
from crmkit.core.records import Record, Stored
from crmkit.core.schema import Schema
from crmkit.errors import CrmkitError
from crmkit.storage.sqlite import SqliteStorage

_NOW = moment_text(datetime(2026, 1, 1, tzinfo=UTC))
_NOBODY = 65534


@attrs.frozen(kw_only=True, slots=True)
class Counter(Stored):
    """A number that many count up."""

    count: int


@attrs.frozen(kw_only=True, slots=True)
class Note(Record):
    """Some text."""

    text: str


COUNTER = record_type(Counter, name="counter")
SCHEMA = Schema((COUNTER, record_type(Note, name="note", search=["text"])))


def counters(first: int, count: int) -> dict[str, list[Scalar]]:
    """Return columns of counters that stand at 0."""
    same: dict[str, Scalar] = {"version": 1, "created_at": _NOW, "updated_at": _NOW, "operation_id": "", "count": 0}
    ids: list[Scalar] = [f"counter_{i:06}" for i in range(first, first + count)]
    return {"id": ids, **{name: [value] * count for name, value in same.items()}}


def opened(path: str | Path, *, create: bool = False, lock_timeout_s: float = 30.0) -> SqliteStorage:
    """Open a workspace of counters and notes."""
    storage = SqliteStorage(path, lock_timeout_s=lock_timeout_s)
    storage.prepare(SCHEMA, create=create)
    return storage


def number_of_counters(path: str | Path) -> int:
    """Count the counters with a connection of its own."""
    storage = opened(path)
    try:
        with storage.read() as view:
            return len(view.find(Query(type="counter")))
    finally:
        storage.close()


def hold_foreign(path: str) -> None:
    """Lock the file as a program would that knows nothing of crmkit."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    _say("held")
    sys.stdin.readline()


def hold_own(path: str) -> None:
    """Keep a write transaction of crmkit open."""
    with opened(path).write():
        _say("held")
        sys.stdin.readline()


def increment(path: str, total: str) -> None:
    """Count up until the total is reached, and tell how often it was this process."""
    storage = opened(path)
    place = COUNTER.position
    _say("ready")
    sys.stdin.readline()
    mine = 0
    while True:
        with storage.write() as change:
            row = change.get_many("counter", ["counter_000000"])[0]
            count, version = int(row[place["count"]] or 0), int(row[place["version"]] or 0)
            if count == int(total):
                break
            change.update("counter", ["counter_000000"], [version], {"count": [count + 1]})
        mine += 1
    _say(mine)


def fill_up(path: str) -> None:
    """Write until no space is left, then with space again; tell what came of it."""
    storage = opened(path)
    limit = Path(path).stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    _tell(lambda: _insert(storage, 1, 20_000))
    with storage.read() as view:
        _say(len(view.find(Query(type="counter"))))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _tell(lambda: _insert(storage, 1, 10))
    storage.close()


def unprivileged(path: str) -> None:
    """Read and write as somebody who may do less than root."""
    with TemporaryDirectory() as scratch:  # what is loaded late may not be there for everybody to read
        elsewhere = f"{scratch}/elsewhere.db"
        opened(elsewhere, create=True).close()
        warm = opened(elsewhere)
        _insert(warm, 1, 1)
        warm.close()
    if os.getuid() == 0:
        os.setuid(_NOBODY)
    storage = SqliteStorage(path)
    _tell(lambda: storage.prepare(SCHEMA, create=True))
    _tell(lambda: _insert(storage, 1, 1))


def die_creating(path: str) -> None:
    """Create a workspace again and again, killed one statement later each time; open what is left."""

    def create() -> None:
        opened(path, create=True)

    _die_at_each_statement(create, lambda: _remains(path))


def die_writing(path: str) -> None:
    """Insert ten counters again and again, killed one statement later each time."""

    def write() -> None:
        _insert(opened(path), 1, 10)

    def check() -> None:
        assert number_of_counters(path) in (1, 11)

    _die_at_each_statement(write, check)


def _die_at_each_statement(act: Callable[[], None], check: Callable[[], None]) -> None:
    allowed = 0
    while True:
        process = os.fork()
        if process == 0:
            _kill_after(allowed)
            act()
            os._exit(0)
        _, status = os.waitpid(process, 0)
        check()
        if not os.WIFSIGNALED(status):
            _say(allowed)
            return
        allowed += 1


def _kill_after(allowed: int) -> None:
    connect = sqlite3.connect
    left = [allowed]

    def traced(_statement: str) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    def connect_traced(*args: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)  # type: ignore[call-overload]  # handed on
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = connect_traced  # type: ignore[assignment]  # in this process, which ends soon


def _remains(path: str) -> None:
    storage = opened(path, create=True)
    _insert(storage, 0, 1)
    assert number_of_counters(path) == 1
    storage.close()
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()
    for file in Path(path).parent.iterdir():
        file.unlink()


def _insert(storage: SqliteStorage, first: int, count: int) -> None:
    with storage.write() as change:
        change.insert("counter", counters(first, count))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _tell(act: Callable[[], object]) -> None:
    try:
        act()
    except CrmkitError as error:
        _say(type(error).__name__)
    else:
        _say("done")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
