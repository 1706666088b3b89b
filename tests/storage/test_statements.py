"""How many statements SQLite is given, and by which index it answers them."""

from __future__ import annotations

import re
import runpy
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crmkit.core.builtin import builtin_schema
from crmkit.core.fields import Scalar
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.storage.sqlite import SqliteStorage
from crmkit.testing.schema import SCHEMA, THING, a_thing

_STORY = Path(__file__).parents[2] / "examples/trade_show/story.py"

Trace = Callable[[Callable[[], object]], list[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.db"


@pytest.fixture
def store(path: Path, connections: list[sqlite3.Connection]) -> Iterator[SqliteStorage]:
    storage = SqliteStorage(path)
    storage.prepare(SCHEMA, create=True)
    assert connections
    yield storage
    storage.close()


@pytest.fixture
def traced(connections: list[sqlite3.Connection]) -> Trace:
    """Return the statements, with their values, that a call makes SQLite run."""

    def run(act: Callable[[], object]) -> list[str]:
        statements: list[str] = []
        connections[-1].set_trace_callback(statements.append)
        try:
            act()
        finally:
            connections[-1].set_trace_callback(None)
        return [text for text in statements if not text.startswith("--")]  # what SQLite says to its own index

    return run


@pytest.fixture
def plan(path: Path, traced: Trace) -> Callable[[Callable[[], object]], str]:
    """Return how SQLite answers the one statement of a call."""

    def explain(act: Callable[[], object]) -> str:
        (statement,) = traced(act)
        with closing(sqlite3.connect(path)) as plain:
            return "\n".join(row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {statement}"))

    return explain


def _things(count: int) -> dict[str, list[Scalar]]:
    rows = [a_thing(f"thing_{i:05}", count=i, code=f"code {i}") for i in range(count)]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("count", [2, 1000])
def test_many_ids_are_one_statement(store: SqliteStorage, traced: Trace, count: int) -> None:
    with store.read() as view:
        statements = traced(lambda: view.get_many("thing", [f"thing_{i}" for i in range(count)]))

    assert len(statements) == 1


@pytest.mark.parametrize("count", [2, 100])
def test_many_values_are_one_statement(store: SqliteStorage, traced: Trace, count: int) -> None:
    with store.read() as view:
        statements = traced(lambda: view.lookup("thing", "count", range(count)))

    assert len(statements) == 1


@pytest.mark.parametrize(("field", "statements"), [("count", 2), ("code", 1)])
def test_very_many_values_are_not_looked_for_where_there_are_none(
    store: SqliteStorage, traced: Trace, field: str, statements: int
) -> None:
    with store.write() as change:
        change.insert("thing", {name: [value] for name, value in a_thing("thing_1", count=1).items()})
    with store.read() as view:
        found = traced(lambda: view.lookup("thing", field, range(1000)))

    assert len(found) == statements


@pytest.mark.parametrize(("count", "few"), [(1, 1), (512, 1), (5000, 12)])
def test_an_insert_is_few_statements_however_much_it_inserts(
    store: SqliteStorage, traced: Trace, count: int, few: int
) -> None:
    with store.write() as change:
        statements = traced(lambda: change.insert("thing", _things(count)))

    # The newest key, the rows in powers of two, and their search texts.
    assert len(statements) == 2 + few


@pytest.mark.parametrize("count", [1, 500])
def test_an_update_is_one_text_and_one_question(store: SqliteStorage, traced: Trace, count: int) -> None:
    ids = [f"thing_{i:05}" for i in range(count)]
    with store.write() as change:
        change.insert("thing", _things(count))

        plain = traced(lambda: change.update("thing", ids, [1] * count, {"note": ["x"] * count}))
        searched = traced(lambda: change.update("thing", ids, [2] * count, {"search_text": ["x"] * count}))

    assert len(plain) == count + 1
    assert len(searched) == count + 3


def test_a_view_costs_a_begin_a_snapshot_and_a_rollback(store: SqliteStorage, traced: Trace) -> None:
    def look() -> None:
        with store.read():
            pass

    assert len(traced(look)) == 3


def _scans(plan: str) -> list[str]:
    return [line for line in plan.splitlines() if line.startswith("SCAN") and "json_each" not in line]


@pytest.mark.parametrize("ids", [["thing_1"], ["thing_1", "thing_2"]])
def test_records_are_got_by_the_index_of_their_ids(
    store: SqliteStorage, plan: Callable[[Callable[[], object]], str], ids: list[str]
) -> None:
    with store.read() as view:
        how = plan(lambda: view.get_many("thing", ids))

    assert "SEARCH thing USING INDEX sqlite_autoindex_thing_1 (id=?)" in how
    assert not _scans(how)


@pytest.mark.parametrize("field", [field.name for field in THING.fields if field.indexed])
@pytest.mark.parametrize("values", [["1"], ["1", "2"]])
def test_look_ups_in_indexed_fields_use_the_index(
    store: SqliteStorage, plan: Callable[[Callable[[], object]], str], field: str, values: list[Scalar]
) -> None:
    with store.read() as view:
        how = plan(lambda: view.lookup("thing", field, values))

    assert f"({field}=?" in how
    assert not _scans(how)


@pytest.mark.parametrize("field", [field.name for field in THING.fields if field.indexed])
@pytest.mark.parametrize(("op", "value"), [(Op.EQ, "1"), (Op.IN, ("1", "2")), (Op.GT, "1"), (Op.EQ, None)])
def test_conditions_on_indexed_fields_use_the_index(
    store: SqliteStorage, plan: Callable[[Callable[[], object]], str], field: str, op: Op, value: str
) -> None:
    query = Query(type="thing", where=Compare(field, op, value), order=(Order("name"),))

    with store.read() as view:
        how = plan(lambda: view.find(query))

    assert f"({field}{'>' if op is Op.GT else '='}?" in how
    assert not _scans(how)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("field", ["id", "count", "code"])
def test_a_page_in_the_order_of_an_index_sorts_nothing_but_ties(
    store: SqliteStorage, plan: Callable[[Callable[[], object]], str], field: str, *, descending: bool
) -> None:
    query = Query(type="thing", order=(Order(field, descending),), limit=50)

    with store.read() as view:
        how = plan(lambda: view.find(query))

    assert "USING INDEX" in how
    assert "TEMP B-TREE FOR ORDER BY" not in how


def test_the_next_page_begins_where_the_last_one_ended(
    store: SqliteStorage, plan: Callable[[Callable[[], object]], str]
) -> None:
    newest = Query(type="thing", order=(Order("id", descending=True),), limit=50, after=("thing_00500",))

    with store.read() as view:
        how = plan(lambda: view.find(newest))

    assert how == "SEARCH thing USING INDEX sqlite_autoindex_thing_1 (id<?)"


def test_the_whole_story_of_a_trade_show_scans_no_big_table(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the import over mails, conversions, deals, funnel and timeline to the undo: by index, or for a reason."""
    asked, made = _listening(monkeypatch)

    runpy.run_path(str(_STORY))["main"](str(path))

    SqliteStorage(path).prepare(builtin_schema(), create=False)
    made[-1].set_trace_callback(None)
    plans = {shape: _plan(made[-1], statement) for shape, statement in _by_shape(asked).items()}
    assert len(plans) > 150, "the story is told in many statements"
    assert not {
        shape: plan
        for shape, plan in plans.items()
        if any(not _is_honest(line, shape, plan) for line in plan if line.startswith("SCAN"))
    }


_FEW_ROWS = "stage pipeline template user campaign sqlite_master crmkit_catalogue crmkit_prepared json_each CONSTANT"
_HONEST: Mapping[str, str] = {
    r"^SELECT count\(": "counting all is reading all",
    r"^UPDATE \S+ SET search_key = rowid": "of a table that was made a moment ago",
    r"^SELECT k, v FROM": "how the search index is configured",
}


def _is_honest(scan: str, shape: str, plan: list[str]) -> bool:
    """Tell whether a scan reads few rows, stops at the first ones, or is what was asked for."""
    if scan.split()[1] in _FEW_ROWS.split() or any(re.search(pattern, shape) for pattern in _HONEST):
        return True
    if "VIRTUAL TABLE INDEX" in scan:  # the search index, by words
        return scan.endswith(("M1", "=", ":"))
    in_order = "USING" in scan and not any("ORDER BY" in line for line in plan)
    return in_order and " LIMIT ?" in shape


def _listening(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[sqlite3.Connection]]:
    """Return the statements that all connections made from now on run, and the connections."""
    asked: list[str] = []
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def listening(*args: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*args, **options))
        made[-1].set_trace_callback(asked.append)
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", listening)
    return asked, made


def _by_shape(statements: list[str]) -> dict[str, str]:
    """Return one statement for each text that differs in more than its values."""
    found: dict[str, str] = {}
    for statement in statements:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            found.setdefault(re.sub(r"'(?:[^']|'')*'|\b\d+\b", "?", statement), statement)
    return found


def _plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]


def test_a_state_is_another_one_once_anybody_has_written(path: Path, store: SqliteStorage) -> None:
    other = SqliteStorage(path)
    other.prepare(SCHEMA, create=False)

    def state(storage: SqliteStorage) -> object:
        with storage.read() as view:
            return view.state()

    states = [state(store), state(store)]
    for number, writer in enumerate((store, other)):
        with writer.write() as change:
            change.insert("thing", {name: [value] for name, value in a_thing(f"thing_{number}").items()})
        states += [state(store), state(store)]
    other.close()

    assert [one == next_ for one, next_ in pairwise(states)] == [True, False, True, False, True]


@pytest.mark.parametrize("count", [15, 16, 17, 600, 1100])
def test_many_rows_in_one_statement_are_the_same_rows(store: SqliteStorage, count: int) -> None:
    rows = [
        {
            **a_thing(f"thing_{i:05}", count=None, code=f"code {i}", note="other" if i == 1 else "shared"),
            "search_text": f"t{i}",
        }
        for i in range(count)
    ]
    with store.write() as change:
        change.insert("thing", {name: [row[name] for row in rows] for name in rows[0]})
    with store.read() as view:
        found = view.get_many("thing", [str(row["id"]) for row in rows])
        by_word = view.search("thing", [f"t{count - 1}"], limit=5)

    assert found == [tuple(row.get(name) for name in THING.field_names) for row in rows]
    assert by_word == [rows[-1]["id"]]
