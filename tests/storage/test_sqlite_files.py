"""One workspace in one file: what else may lie there, who else may write, and what may go wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import pytest

from crmkit.core.builtin import builtin_schema
from crmkit.core.declare import record_type
from crmkit.core.fields import Scalar, stored
from crmkit.core.query import Query
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record
from crmkit.core.schema import Schema
from crmkit.errors import (
    ConfigError,
    LockedError,
    NewerWorkspaceError,
    NotAWorkspaceError,
    NotFoundError,
    RejectedError,
    StorageError,
)
from crmkit.storage.sqlite import SqliteStorage
from tests.storage.child import SCHEMA, counters, number_of_counters, opened

_CHILD = Path(__file__).with_name("child.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A workspace with one counter."""
    file = tmp_path / "crm.db"
    storage = opened(file, create=True)
    with storage.write() as change:
        change.insert("counter", counters(0, 1))
    storage.close()
    return file


# What else may lie there.


def test_a_file_of_another_kind_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100)

    with pytest.raises(NotAWorkspaceError) as caught:
        SqliteStorage(file).prepare(SCHEMA, create=True)

    assert caught.value.hint
    assert file.read_text() == "Dear Sir or Madam, " * 100
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_database_of_another_application_is_not_touched(tmp_path: Path, journal: str) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute(f"PRAGMA journal_mode = {journal}")
        other.execute("CREATE TABLE lead (id TEXT)")
        other.commit()
        before = {each: each.read_bytes() for each in tmp_path.iterdir()}

        with pytest.raises(NotAWorkspaceError):
            SqliteStorage(file).prepare(SCHEMA, create=True)

        assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_workspace_of_a_newer_crmkit_is_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(NewerWorkspaceError) as caught:
        opened(path)

    assert (caught.value.found, path.read_bytes()) == (99, before)


def test_a_newer_format_is_seen_before_it_reaches_the_main_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")  # stands in the write-ahead log while this is open

        with pytest.raises(NewerWorkspaceError):
            opened(path)


@pytest.mark.parametrize("create", [True, False])
def test_a_missing_folder_is_named(tmp_path: Path, *, create: bool) -> None:
    with pytest.raises(NotFoundError):
        opened(tmp_path / "no" / "crm.db", create=create)

    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_only_made_when_asked(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        opened(tmp_path / "crm.db")
    assert list(tmp_path.iterdir()) == []

    opened(tmp_path / "crm.db", create=True).close()

    assert number_of_counters(tmp_path / "crm.db") == 0


def test_a_folder_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(NotAWorkspaceError):
        opened(tmp_path, create=True)


def test_an_empty_file_becomes_a_workspace_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    file.touch()

    with pytest.raises(NotAWorkspaceError):
        opened(file)
    assert file.stat().st_size == 0

    opened(file, create=True).close()
    assert number_of_counters(file) == 0


# Who may write.


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_tried(path: Path) -> None:
    with _public_copy(path, folder_mode=0o555, file_mode=0o666) as copy:
        assert _run("unprivileged", copy) == ["ReadOnlyError", "ReadOnlyError"]


def test_nothing_is_made_in_a_folder_that_cannot_be_written(path: Path) -> None:
    with _public_copy(path, folder_mode=0o555, file_mode=0o666) as copy:
        assert _run("unprivileged", copy.with_name("new.db"))[0] == "ReadOnlyError"
        assert list(copy.parent.iterdir()) == [copy]


def test_a_file_that_cannot_be_written_can_be_read(path: Path) -> None:
    with _public_copy(path, folder_mode=0o777, file_mode=0o444) as copy:
        assert _run("unprivileged", copy) == ["done", "ReadOnlyError"]
        assert number_of_counters(copy) == 1


@pytest.mark.parametrize("holder", ["hold_foreign", "hold_own"])
def test_who_waits_too_long_for_another_program_hears_of_it(path: Path, holder: str) -> None:
    storage = opened(path, lock_timeout_s=0.2)

    with _running(holder, path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError) as caught, storage.write():
            pass
        with storage.read() as view:
            assert len(view.find(Query(type="counter"))) == 1
    with storage.write() as change:
        change.insert("counter", counters(1, 1))

    assert caught.value.waited_s >= 0.2
    assert number_of_counters(path) == 2
    storage.close()


def test_eight_processes_share_fairly_and_lose_nothing(path: Path) -> None:
    total = 800
    workers = [_start("increment", path, total) for _ in range(8)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()

    commits = [int(worker.communicate(timeout=120)[0]) for worker in workers]

    assert [worker.returncode for worker in workers] == [0] * 8
    assert sum(commits) == total
    assert min(commits) >= total / len(workers) / 4, commits


# What may go wrong.


def test_a_full_disk_leaves_everything_as_it_was(path: Path) -> None:
    assert _run("fill_up", path) == ["FullError", "1", "done"]

    assert number_of_counters(path) == 11


def test_a_kill_while_creating_leaves_something_that_opens(tmp_path: Path) -> None:
    statements = _run("die_creating", tmp_path / "crm.db")

    assert int(statements[-1]) > 10


def test_a_kill_while_writing_leaves_all_or_nothing(path: Path) -> None:
    statements = _run("die_writing", path)

    assert int(statements[-1]) > 10
    assert number_of_counters(path) == 11


def test_a_foreign_key_is_there_and_is_checked_at_the_commit(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "crm.db")
    storage.prepare(Schema(_shelves()), create=True)
    with storage.write() as change:
        change.insert("book", {**_row("book_1"), "shelf_id": ["shelf_1"], "sequel_of_id": ["book_1"]})
        change.insert("shelf", _row("shelf_1"))

    with pytest.raises(RejectedError, match="does not exist"), storage.write() as change:
        change.insert("book", {**_row("book_2"), "shelf_id": ["shelf_9"]})

    storage.close()
    assert _foreign_keys(tmp_path / "crm.db", "book") == {("shelf_id", "shelf", "id"), ("sequel_of_id", "book", "id")}


def test_every_reference_of_the_built_in_types_is_a_foreign_key(tmp_path: Path) -> None:
    schema = builtin_schema()
    storage = SqliteStorage(tmp_path / "crm.db")

    storage.prepare(schema, create=True)

    storage.close()
    for kind in schema:
        wanted = {(field.name, field.references, "id") for field in kind.references if field.references in schema.types}
        assert _foreign_keys(tmp_path / "crm.db", kind.name) == wanted


# Migrations.


def test_a_new_field_is_none_in_old_records(tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    shelf, _ = _shelves()
    old = SqliteStorage(file)
    old.prepare(Schema((shelf, record_type(_PlainBook, name="book"))), create=True)
    with old.write() as change:
        change.insert("book", _row("book_1"))
    old.close()

    new = SqliteStorage(file)
    new.prepare(Schema(_shelves()), create=False)

    with new.read() as view:
        assert [row[-3:-1] for row in view.find(Query(type="book"))] == [(None, None)]
    with new.write() as change:
        change.insert("shelf", _row("shelf_1"))
        change.update("book", ["book_1"], [1], {"shelf_id": ["shelf_1"]})
    with pytest.raises(RejectedError), new.write() as change:
        change.update("book", ["book_1"], [2], {"shelf_id": ["shelf_9"]})
    with new.write() as change:
        change.update("book", ["book_1"], [2], {"search_text": ["dune"]})
        assert change.search("book", ["dun"], limit=1) == ["book_1"]
    new.close()


def test_what_is_no_longer_declared_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    shelf, book = _shelves()
    storage = SqliteStorage(file)
    storage.prepare(Schema((shelf, book)), create=True)
    with storage.write() as change:
        change.insert("shelf", _row("shelf_1"))
        change.insert("book", {**_row("book_1"), "shelf_id": ["shelf_1"]})
    storage.close()
    without = SqliteStorage(file)
    without.prepare(Schema((record_type(_PlainBook, name="book"),)), create=False)
    with without.write() as change:
        change.update("book", ["book_1"], [1], {"name": ["renamed"]})
    without.close()

    again = SqliteStorage(file)
    again.prepare(Schema((shelf, book)), create=False)

    with again.read() as view:
        found = book.load(view.get_many("book", ["book_1"])[0])
    assert (found.name, found.shelf_id) == ("renamed", "shelf_1")
    again.close()


def test_a_field_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    storage = SqliteStorage(file)
    storage.prepare(Schema((record_type(_PlainBook, name="book"),)), create=True)
    storage.close()

    with pytest.raises(ConfigError) as caught:
        SqliteStorage(file).prepare(Schema((record_type(_NumberedBook, name="book"),)), create=False)

    assert caught.value.setting == "book.name"


# Connections.


def test_opening_a_current_workspace_loads_no_heavy_package(path: Path) -> None:
    script = (
        "import sys; from tests.storage.child import number_of_counters; "
        "assert number_of_counters(sys.argv[1]) == 1; "
        "print(sorted({'sqlite_utils', 'cattrs', 'click', 'pluggy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, cwd=_ROOT)

    assert done.stdout == "[]\n"


def test_closing_lets_another_thread_finish_reading(path: Path) -> None:
    storage = opened(path)
    reading, closed = threading.Event(), threading.Event()
    seen: list[int] = []

    def read() -> None:
        with storage.read() as view:
            reading.set()
            closed.wait(10)
            seen.append(len(view.find(Query(type="counter"))))

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait(10)

    storage.close()
    closed.set()
    thread.join(10)

    assert seen == [1]
    with pytest.raises(StorageError, match="closed"), storage.read():
        pass
    assert not path.with_name(path.name + "-wal").exists()  # the last connection has gone


def test_threads_that_have_ended_leave_no_connection_open(path: Path, connections: list[sqlite3.Connection]) -> None:
    storage = opened(path)

    def read() -> None:
        with storage.read() as view:
            view.get_many("counter", ["counter_000000"])

    for _ in range(20):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    still_open = sum(map(_is_open, connections))
    storage.close()
    assert len(connections) > 20
    assert still_open == 2  # of this thread, and of the last one
    assert not any(map(_is_open, connections))


def test_a_transaction_that_sqlite_ended_writes_nothing_more(path: Path, connections: list[sqlite3.Connection]) -> None:
    """A full disk can roll back the whole; what followed would be committed at once."""
    storage = opened(path)

    with pytest.raises(StorageError, match="ended"), storage.write() as change:  # noqa: PT012  # in this order
        change.insert("counter", counters(1, 1))
        connections[-1].rollback()
        change.insert("counter", counters(2, 1))
    with pytest.raises(StorageError), storage.write() as change:  # noqa: PT012  # likewise
        change.insert("counter", counters(1, 1))
        connections[-1].rollback()

    storage.close()
    assert number_of_counters(path) == 1


_ROOT = Path(__file__).parents[2]


@attrs.frozen(kw_only=True, slots=True)
class _Shelf(Record):
    name: str


@attrs.frozen(kw_only=True, slots=True)
class _PlainBook(Record):
    name: str


@attrs.frozen(kw_only=True, slots=True)
class _Book(Record):
    name: str
    shelf_id: str | None = attrs.field(default=None, metadata=stored(references="shelf"))
    sequel_of_id: str | None = attrs.field(default=None, metadata=stored(references="book"))


@attrs.frozen(kw_only=True, slots=True)
class _NumberedBook(Record):
    name: int


def _shelves() -> tuple[RecordType, RecordType]:
    shelf = record_type(_Shelf, name="shelf", plural="shelves")
    return shelf, record_type(_Book, name="book", search=["name"])


def _row(id_: str) -> dict[str, list[Scalar]]:
    columns = {name: [column[0]] for name, column in counters(0, 1).items() if name != "count"}
    return {**columns, "id": [id_], "name": [id_]}


def _foreign_keys(path: Path, table: str) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as plain:
        return {(key[3], key[2], key[4]) for key in plain.execute(f'PRAGMA foreign_key_list("{table}")')}


def _start(command: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, _CHILD, command, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _running(command: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    with _start(command, *arguments) as process:
        try:
            yield process
        finally:
            process.communicate("done\n", timeout=30)


def _run(command: str, *arguments: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, _CHILD, command, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@contextmanager
def _public_copy(path: Path, *, folder_mode: int, file_mode: int) -> Iterator[Path]:
    """Copy a workspace to where any user can come; the folders of pytest are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / path.name
        copy.write_bytes(path.read_bytes())
        copy.chmod(file_mode)
        folder.chmod(folder_mode)
        try:
            yield copy
        finally:
            folder.chmod(0o700)


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.total_changes  # noqa: B018  # asks, and raises when it is closed
    except sqlite3.ProgrammingError:
        return False
    return True
