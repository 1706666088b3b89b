"""How fast the SQLite back end is: beside raw SQL and sqlite-utils, and at three sizes.

Everything is measured in one run, on the same rows, tables and indexes; compare the ratios.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from measuring import Line, seconds_of
from sqlite_utils import Database

import crmkit
from crmkit.core.builtin import builtin_schema
from crmkit.core.codecs import moment_text
from crmkit.core.fields import Row, Scalar
from crmkit.core.query import Aggregate, Compare, Measure, Op, Order, Query
from crmkit.core.schema import Schema
from crmkit.storage.sqlite import SqliteStorage

_FIRST = "Jules Marie Ada Anaïs Karl Zoé Luca Inés Paul Nora".split()
_LAST = "Etienne Durand Lovelace Müller Rossi García O'Brien Nguyen Petit Moreau".split()
_BATCH = 10_000

T = TypeVar("T")
Columns = dict[str, list[Scalar]]


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000,1000000", help="records, separated by commas")
    parser.add_argument("--inserts", type=int, default=50_000, help="rows for comparing inserts")
    parser.add_argument("--repeats", type=int, default=3, help="how often an insert is measured; the best counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines: list[Line] = []
        lines += opening(Path(folder))
        lines += inserting(Path(folder), options.inserts, options.repeats)
        for size in map(int, options.sizes.split(",")):
            lines += reading(Path(folder) / f"{size}.db", size)
        print(*lines, sep="\n")


# ------------------------------------------------------------------ opening


def opening(folder: Path) -> list[Line]:
    """Compare opening a workspace with the start of Python itself."""
    path = folder / "opened.db"
    crmkit.open(path, create=True, discover=False).close()
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled

    def started(program: str) -> float:
        def run() -> object:
            return subprocess.run([sys.executable, "-c", program], check=True, env=environment)

        run()
        return min(seconds_of(run) for _ in range(15))

    bare = started("pass")
    opened = started(f"import crmkit; crmkit.open({str(path)!r})")
    beside = (opened - bare) * 1000
    return [
        Line(f"crmkit.open, beside {bare * 1000:.0f} ms of Python itself", f"{beside:.0f} ms", "<= 60 ms", beside <= 60)
    ]


# ------------------------------------------------------------------ inserting


def inserting(folder: Path, count: int, repeats: int) -> list[Line]:
    """Compare bulk inserts of the same leads into the same tables and indexes."""
    schema = builtin_schema()
    batches = [leads(first, min(_BATCH, count - first), schema) for first in range(0, count, _BATCH)]
    names = [*batches[0], "search_key"]
    keys = iter(range(1, count + 1))
    rows = [[(*row, next(keys)) for row in zip(*batch.values(), strict=True)] for batch in batches]
    records = [[dict(zip(names, row, strict=True)) for row in some] for some in rows]
    ways: dict[str, Callable[[Path], None]] = {
        "executemany": lambda path: raw_insert(path, names, rows),
        "contract": lambda path: contract_insert(path, schema, batches),
        "sqlite-utils": lambda path: utils_insert(path, records, whole=False),
        "in one": lambda path: utils_insert(path, records, whole=True),
    }
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(repeats):
        for name, insert in ways.items():
            path = folder / f"insert_{turn}_{name}.db"
            made(path, schema).close()
            best[name] = min(best[name], seconds_of(lambda insert=insert, path=path: insert(path)))  # type: ignore[misc]  # bound now
            path.unlink()
    slower, faster = best["contract"] / best["executemany"], best["sqlite-utils"] / best["contract"]
    return [
        Line(f"insert {count:,} leads, raw executemany", f"{count / best['executemany']:,.0f} rows/s"),
        Line("  through the contract, time against that", f"{slower:.2f} x", "<= 1.5 x", slower <= 1.5),
        Line("  sqlite-utils insert_all, time against the contract", f"{faster:.2f} x", ">= 2 x", faster >= 2),
        Line("  the same inside one transaction", f"{best['in one'] / best['contract']:.2f} x"),
    ]


def contract_insert(path: Path, schema: Schema, batches: Sequence[Columns]) -> None:
    """Insert as crmkit does."""
    storage = made(path, schema)
    with storage.write() as change:
        for columns in batches:
            change.insert("lead", columns)
    storage.close()


def raw_insert(path: Path, names: Sequence[str], batches: Sequence[Sequence[Row]]) -> None:
    """Insert as nobody can do it faster in Python: finished tuples, two statements for a batch."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        configure(connection)
        connection.execute("BEGIN IMMEDIATE")
        last = 0
        for rows in batches:
            places = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO lead ({', '.join(names)}) VALUES ({places})", rows)  # noqa: S608  # names of our own
            connection.execute(_INDEX, (last,))
            last += len(rows)
        connection.execute("COMMIT")


def utils_insert(path: Path, batches: Sequence[Sequence[dict[str, Scalar]]], *, whole: bool) -> None:
    """Insert as one would with sqlite-utils; the search index is filled as above."""
    with closing(sqlite3.connect(path)) as connection:
        configure(connection)
        database = Database(connection, execute_plugins=False)
        if whole:
            with database.atomic():
                _fill(database, batches)
        else:
            _fill(database, batches)


def _fill(database: Database, batches: Sequence[Sequence[dict[str, Scalar]]]) -> None:
    last = 0
    for records in batches:
        database.table("lead").insert_all(records)
        database.execute(_INDEX, (last,))
        last += len(records)


_INDEX = "INSERT INTO lead_fts (rowid, search_text) SELECT search_key, search_text FROM lead WHERE search_key > ?"


def configure(connection: sqlite3.Connection) -> None:
    """Give a connection what the back end gives its own."""
    for pragma in ("synchronous = FULL", "cache_size = -40960", "temp_store = MEMORY", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


# ------------------------------------------------------------------ reading


def reading(path: Path, size: int) -> list[Line]:
    """Measure getting, paging, searching and adding up in a workspace of so many leads and deals."""
    schema = builtin_schema()
    storage = made(path, schema)
    with storage.write() as change:
        for first in range(0, size, _BATCH):
            change.insert("lead", leads(first, min(_BATCH, size - first), schema))
        _insert_deals(change, schema, size)
    chance = _chance(1)
    ids = [f"lead_{chance.randrange(size):012}" for _ in range(500)]
    with storage.read() as view:
        one = typical(lambda id_: view.get_many("lead", [id_]), ids)
        newest = (Order("id", descending=True),)
        page = typical(lambda _: view.find(Query(type="lead", order=newest, limit=50)), range(100))
        later = typical(lambda id_: view.find(Query(type="lead", order=newest, limit=50, after=(id_,))), ids[:100])
        question = Aggregate(
            type="deal",
            where=Compare("closed_at", Op.EQ, None),
            group_by=("stage_id", "amount_currency"),
            measures=((Measure.COUNT, "id"), (Measure.SUM, "amount_minor")),
        )
        totals = typical(lambda _: view.aggregate(question), range(10))
        words = {
            "one of them": ["person500"],
            "name and company": ["durand", "company7"],
            "a tenth of all": ["durand"],
            "a tenth, first letters": ["dur"],
            "everybody": ["societe"],
        }
        searches = {
            name: typical(lambda asked: view.search("lead", asked, limit=20), [some] * 10)
            for name, some in words.items()
        }
    storage.close()
    with crmkit.open(path, discover=False) as crm:
        whole = typical(crm.leads.get, ids)
    at_100k = size == 100_000
    return [
        Line(f"{size:>9,} records: get by id", f"{one * 1e6:.0f} us", "< 50 us", one < 50e-6),
        Line("           crm.leads.get, as a record", f"{whole * 1e6:.0f} us"),
        Line("           page of the 50 newest", f"{page * 1e3:.2f} ms", "< 2 ms", page < 2e-3),
        Line("           page of 50 from anywhere", f"{later * 1e3:.2f} ms", "< 2 ms", later < 2e-3),
        *(
            Line(
                f"           search: {name}",
                f"{seconds * 1e3:.2f} ms",
                "< 5 ms" if at_100k else "",
                seconds < 5e-3 if at_100k else None,
            )
            for name, seconds in searches.items()
        ),
        Line(
            "           open deals by stage and currency",
            f"{totals * 1e3:.1f} ms",
            "< 25 ms" if at_100k else "",
            totals < 25e-3 if at_100k else None,
        ),
    ]


def _insert_deals(change: object, schema: Schema, count: int) -> None:
    insert = change.insert  # type: ignore[attr-defined]  # a write transaction
    insert("pipeline", filled(schema, "pipeline", ["pipeline_1"], key=["sales"], title=["Sales"]))
    stages = [f"stage_{i}" for i in range(6)]
    insert(
        "stage",
        filled(
            schema,
            "stage",
            stages,
            pipeline_id=["pipeline_1"] * 6,
            key=list(stages),
            title=list(stages),
            position=list(range(6)),
            default_probability=[10, 25, 50, 80, 100, 0],
        ),
    )
    chance = _chance(2)
    for first in range(0, count, _BATCH):
        some = range(first, min(first + _BATCH, count))
        ids: list[str] = [f"deal_{i:012}" for i in some]
        stage = [chance.choice(stages) for _ in some]
        insert(
            "deal",
            filled(
                schema,
                "deal",
                ids,
                name=[f"Deal {i}" for i in some],
                search_text=[f"deal {i}" for i in some],
                amount_minor=[chance.randrange(10**7) for _ in some],
                amount_currency=[chance.choice(["EUR", "EUR", "USD", "CHF"]) for _ in some],
                pipeline_id=["pipeline_1"] * len(some),
                stage_id=list(stage),
                probability_percent=[50] * len(some),
                closed_at=[_moment(i) if s > "stage_3" else None for i, s in zip(some, stage, strict=True)],
            ),
        )


# ------------------------------------------------------------------ rows


def leads(first: int, count: int, schema: Schema) -> Columns:
    """Return columns of trade-show leads, the same for the same numbers."""
    chance = _chance(first)
    numbers = range(first, first + count)
    names = [(chance.choice(_FIRST), chance.choice(_LAST)) for _ in numbers]
    emails = [f"person{i}@company{i // 20}.example" for i in numbers]
    folded = [
        f"{a} {b} societe company{i // 20} {e}".lower() for i, (a, b), e in zip(numbers, names, emails, strict=True)
    ]
    return filled(
        schema,
        "lead",
        [f"lead_{i:012}" for i in numbers],
        first_name=[a for a, _ in names],
        last_name=[b for _, b in names],
        company=[f"Société company{i // 20}" for i in numbers],
        title=[chance.choice(["Directrice", "Acheteur", None]) for _ in numbers],
        email=list(emails),
        phone=[f"+3363998{i % 10000:04}" for i in numbers],
        city=[chance.choice(["Lyon", "Paris", "Nantes"]) for _ in numbers],
        country=["FR"] * count,
        notes=[chance.choice([None, "wants a quote"]) for _ in numbers],
        email_key=list(emails),
        name_key=[f"{a} {b}".lower() for a, b in names],
        search_text=list(folded),
        source_row=list(numbers),
        created_at=[_moment(i) for i in numbers],
    )


def filled(schema: Schema, kind: str, ids: Sequence[str], **columns: Sequence[Scalar]) -> Columns:
    """Return columns with all that a record carries besides."""
    moment = _moment(0)
    whole: Columns = {"id": list(ids)}
    system: dict[str, Scalar] = {"version": 1, "created_at": moment, "updated_at": moment, "operation_id": "op_1"}
    for name, value in {**schema[kind].defaults(), **system}.items():
        whole[name] = list(columns.get(name, [value] * len(ids)))
    return {**whole, **{name: list(column) for name, column in columns.items()}}


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # not for secrets


def _moment(seconds: int) -> str:
    return moment_text(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


def made(path: Path, schema: Schema) -> SqliteStorage:
    """Open a workspace with the tables of a schema."""
    storage = SqliteStorage(path)
    storage.prepare(schema, create=True)
    return storage


# ------------------------------------------------------------------ time


def typical(call: Callable[[T], object], arguments: Iterable[T]) -> float:
    """Return the median time of a call, in seconds."""
    return median(_times(call, arguments))


def _times(call: Callable[[T], object], arguments: Iterable[T]) -> Iterator[float]:
    for argument in arguments:
        started = time.perf_counter()
        call(argument)
        yield time.perf_counter() - started


if __name__ == "__main__":
    main()
