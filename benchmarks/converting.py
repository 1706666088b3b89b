"""How fast leads are converted: one by one, in bulk, how that grows, and what memory it takes.

The floor is the same rows put into the same tables, indexes and search by raw
``executemany``. Everything is measured in one run; compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from measuring import Line, seconds_of

import crmkit
from crmkit.core.fields import Scalar
from crmkit.core.planning import Planning
from crmkit.services.operations import Request, run

_FIRST = "Jules Marie Ada Anaïs Karl Zoé Luca Inés Paul Nora".split()
_LAST = "Etienne Durand Lovelace Müller Rossi García O'Brien Nguyen Petit Moreau".split()
_CITIES = {"Lyon": "69001", "Paris": "75011", "Nantes": "44000"}
_BATCH = 10_000
_SINGLE = 300
_LARGE = 10_000  # from here on targets count


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="leads, separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured; the best counts")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)  # the child process that converts one file
    options = parser.parse_args()
    if options.only:
        print(json.dumps(convert_all(options.only)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for line in singly(Path(folder)):
            print(line, flush=True)
        first: float | None = None
        for size in map(int, options.sizes.split(",")):
            lines, per_lead = in_bulk(Path(folder), size, options.repeats, first)
            first = first or per_lead
            print(*lines, sep="\n", flush=True)


# ------------------------------------------------------------------ one by one


def singly(folder: Path) -> list[Line]:
    """Convert leads one by one, each durable; then write the same rows bare, to see what the commits alone take."""
    before, path = folder / "before.db", folder / "single.db"
    made(before, 2 * _SINGLE)
    shutil.copy(before, path)
    with crmkit.open(path, discover=False) as crm:
        ids = [lead.id for lead in crm.leads]
        whole = [seconds_of(lambda id_=id_: crm.convert(id_)) for id_ in ids[:_SINGLE]]  # type: ignore[misc]  # bound now
    with closing(connected(path)) as converted, closing(connected(before)) as connection:
        commits = []
        for operation_id in conversions(converted):
            connection.execute("BEGIN IMMEDIATE")
            write_rows(connection, rows_of(converted, operation_id), operation_id)
            commits.append(seconds_of(lambda: connection.execute("COMMIT")))
    taken, commit = median(whole) * 1e3, median(commits) * 1e3
    return [
        Line("one by one, each its own durable transaction", f"{_SINGLE / sum(whole):,.0f} leads/s"),
        Line("  one conversion / the commit of its rows alone", f"{taken:.2f} / {commit:.2f} ms"),
        Line("  one conversion beside that", f"{taken - commit:.2f} ms", "< 1 ms", taken - commit < 1),
    ]


# ------------------------------------------------------------------ in bulk


def in_bulk(folder: Path, size: int, repeats: int, first: float | None) -> tuple[list[Line], float]:
    """Convert so many leads in one operation, in a process of its own; then write the same rows bare."""
    source, path = folder / "source.db", folder / "converted.db"
    made(source, size)
    found: list[Mapping[str, float]] = []
    floors: list[float] = []
    for _ in range(repeats):  # turn by turn, so that a busy moment favours neither
        shutil.copy(source, path)
        found.append(in_child(path))
        floors.append(write_again(source, path, folder / "floor.db"))
        path.unlink()
    source.unlink()
    best, floor = min(each["seconds"] for each in found), min(floors)
    memory, grown = max(each["memory_mb"] for each in found), best / size / (first or best / size)
    large = size >= _LARGE

    def line(what: str, told: str, target: str, *, met: bool) -> Line:
        return Line(what, told, target, met) if large else Line(what, told)

    return [
        line(f"{size:>9,} leads in bulk", f"{size / best:,.0f} leads/s", ">= 10,000 /s", met=size / best >= 1e4),
        line("           time per lead, against the first size", f"{grown:.2f} x", "<= 1.2 x", met=grown <= 1.2),
        Line("           the same rows bare: the floor", f"{size / floor:,.0f} leads/s"),
        Line("           time against the floor", f"{best / floor:.2f} x"),
        line("           memory at most", f"{memory:.0f} MB", "< 400 MB", met=memory < 400),
    ], best / size


def in_child(path: Path) -> Mapping[str, float]:
    """Convert all leads of a file in a process of its own, whose memory is measured."""
    command = [sys.executable, __file__, "--only", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def convert_all(path: Path) -> Mapping[str, float]:
    """Convert all leads of a file, in this process."""
    with closing(connected(path)) as connection:
        ids = [id_ for (id_,) in connection.execute("SELECT id FROM lead ORDER BY id")]
    with crmkit.open(path, discover=False) as crm:
        crm.convert(ids.pop())  # what is imported and compiled at the first time
        seconds = seconds_of(lambda: crm.convert_many(ids))
    return {"seconds": seconds, "memory_mb": peak_mb()}


def peak_mb() -> float:
    """Return the most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():  # what the resource module says counts the process that started this one too
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


# ------------------------------------------------------------------ the floor


def write_again(before: Path, after: Path, path: Path) -> float:
    """Write what conversions wrote into a copy of the workspace before them, as fast as Python can."""
    shutil.copy(before, path)
    with closing(connected(after)) as converted, closing(connected(path)) as connection:
        rows = {operation_id: rows_of(converted, operation_id) for operation_id in conversions(converted)}

        def write() -> None:
            connection.execute("BEGIN IMMEDIATE")
            for operation_id, some in rows.items():
                write_rows(connection, some, operation_id)
            connection.execute("COMMIT")

        seconds = seconds_of(write)
    path.unlink()
    return seconds


_Rows = dict[str, list[tuple[Scalar, ...]]]
_TABLES = ("operation", "account", "contact", "campaign_member", "contact_point", "link", "conversion", "change")
_SEARCHED = ("account", "contact")


def conversions(connection: sqlite3.Connection) -> list[str]:
    """Return the operations that converted leads, in order."""
    return [id_ for (id_,) in connection.execute("SELECT id FROM operation WHERE kind = 'convert' ORDER BY id")]


def rows_of(connection: sqlite3.Connection, operation_id: str) -> _Rows:
    """Return what an operation wrote: the rows it made, and the ends of leads."""
    made_by = {
        table: connection.execute(f"SELECT * FROM {table} WHERE operation_id = ?", (operation_id,)).fetchall()  # noqa: S608  # names of our own
        for table in _TABLES[1:]
    }
    operation = connection.execute("SELECT * FROM operation WHERE id = ?", (operation_id,)).fetchall()
    ends = "SELECT status, conversion_id, updated_at, version, id FROM lead WHERE conversion_id IN"
    leads = connection.execute(f"{ends} (SELECT id FROM conversion WHERE operation_id = ?)", (operation_id,)).fetchall()  # noqa: S608  # as above
    return {"operation": operation, **made_by, "lead": leads}


def write_rows(connection: sqlite3.Connection, rows: _Rows, operation_id: str) -> None:
    """Write rows in few statements."""
    for table in _TABLES:
        if rows[table]:
            places = ", ".join("?" * len(rows[table][0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows[table])  # noqa: S608  # names of our own
        if rows[table] and table in _SEARCHED:
            found = f"SELECT search_key, search_text FROM {table} WHERE operation_id = ?"  # noqa: S608  # as above
            connection.execute(f"INSERT INTO {table}_fts (rowid, search_text) {found}", (operation_id,))
    ends = "UPDATE lead SET status = ?, conversion_id = ?, updated_at = ?, version = ? WHERE id = ?"
    connection.executemany(ends, rows["lead"])


def connected(path: Path) -> sqlite3.Connection:
    """Return a connection such as the back end's own."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


# ------------------------------------------------------------------ the workspace


def made(path: Path, size: int) -> None:
    """Make a workspace after a trade show: people of companies of two to fifty, some of them known already."""
    people = list(_people(random.Random(size), size))  # noqa: S311  # not for secrets
    with crmkit.open(path, create=True, discover=False) as crm:
        campaign = crm.campaigns.add(name="Salon").id
        for first in range(0, size, _BATCH):

            def plan(planning: Planning, first: int = first) -> Mapping[str, str]:
                _plan_leads(planning, people[first : first + _BATCH], campaign)
                return {}

            run(crm.workspace, Request(kind="import"), plan, lambda _view, _result: None)


def _people(chance: random.Random, size: int) -> Iterator[dict[str, Scalar]]:
    company, left = 0, 0
    for i in range(size):
        is_first = not left
        if is_first:
            company, left = company + 1, chance.randint(2, 50)
        left -= 1
        city = chance.choice(list(_CITIES))
        domain = f"company{company}.example" if chance.random() < 0.95 else "gmail.com"
        yield {
            "first_name": chance.choice(_FIRST),
            "last_name": chance.choice(_LAST),
            "company": f"Société {company}" + chance.choice(["", "", " SARL"]),
            "title": chance.choice(["Directrice", "Acheteur", "Ingénieur", None]),
            "email": f"person{i - 1 if chance.random() < 0.01 else i}@{domain}",  # some stand there twice
            "phone": f"+336{i:08}" if chance.random() < 0.8 else None,
            "street": f"{i % 90 + 1} rue de la Gare" if chance.random() < 0.3 else None,
            "postal_code": _CITIES[city],
            "city": city,
            "country": "FR",
            "language": "fr",
            "source": "trade_show",
            "source_id": f"badge-{i}",
            "import_key": f"badges:{i}",
            "notes": chance.choice([None, None, "wants a quote", "met at the booth"]),
            "is_known": chance.random() < 0.02,
            "company_is_known": is_first and chance.random() < 0.1,
            "was_called": chance.random() < 0.1,
        }


def _plan_leads(planning: Planning, people: Sequence[dict[str, Scalar]], campaign: str) -> None:
    def chosen(names: Sequence[str], some: Sequence[dict[str, Scalar]]) -> dict[str, Sequence[Scalar]]:
        return {name: [person[name] for person in some] for name in names}

    count = len(people)
    columns = chosen([name for name in people[0] if name not in _FACTS], people)
    columns |= {"campaign_id": [campaign] * count, "source_row": list(range(count))}
    ids = planning.create_columns("lead", columns, count)
    planning.create_columns("campaign_member", {"campaign_id": [campaign] * count, "person_id": ids}, count)
    called = [id_ for id_, person in zip(ids, people, strict=True) if person["was_called"]]
    many = len(called)
    calls = planning.create_columns("activity", {"kind": ["call"] * many, "subject": ["Call"] * many}, many)
    planning.create_columns("link", {"kind": ["about"] * many, "from_id": calls, "to_id": called}, many)
    known = [person for person in people if person["is_known"]]
    planning.create_columns("contact", chosen(["first_name", "last_name", "email", "city"], known), len(known))
    companies = [person["company"] for person in people if person["company_is_known"]]
    planning.create_columns("account", {"name": companies}, len(companies))


_FACTS = ("is_known", "company_is_known", "was_called")


if __name__ == "__main__":
    main()
