"""How fast an import is: beside the raw SQL that writes the same rows, sqlite-utils, and the bare readers.

Every job runs in a process of its own, so that its memory is its own; the ratios of one run count.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs
from measuring import Line

import crmkit
from crmkit.storage.sqlite.sql import SEARCH_KEY

_PART: Final = 5_000  # rows in a transaction, of the import and of the floor


@attrs.frozen
class Cost:
    """What a job cost, in its own process."""

    seconds: float
    cpu: float
    memory_mb: float
    child_mb: float


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000", help="rows, separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="how often each job is done; the best counts")
    parser.add_argument("--formats", type=int, default=20_000, help="rows for comparing formats; 0 leaves them out")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(attrs.asdict(measured(*options.job))))
        return
    before = None
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            lines, per_row = tables(Path(folder), size, options.repeats, before)
        before = per_row
        print(*lines, sep="\n", flush=True)
    if options.formats:
        with tempfile.TemporaryDirectory() as folder:
            print(*formats(Path(folder), options.formats, options.repeats), sep="\n", flush=True)


# ------------------------------------------------------------------ what is compared


def tables(folder: Path, size: int, repeats: int, before: float | None) -> tuple[list[Line], float]:
    """Compare imports of a table of one size; also return the seconds a row takes."""
    source, changed = folder / "leads.csv", folder / "changed.csv"
    write_leads(source, size)
    write_leads(changed, size, changing=100)
    cost = best(
        folder,
        repeats,
        {
            "import": ("import", source),
            "floor": ("floor", "import"),
            "again": ("again", source, "import"),
            "changed": ("again", changed, "import"),
            "listening": ("listening", source),
            "sqlite-utils": ("utils", source),
            "csv.reader": ("reader", source),
        },
    )
    whole, floor = cost["import"], cost["floor"].seconds
    over, listening = whole.seconds / floor, cost["listening"].seconds / floor
    utils, grown = cost["sqlite-utils"].seconds / whole.seconds, whole.seconds / size / (before or whole.seconds / size)
    again, changed_share = cost["again"].seconds / whole.seconds, cost["changed"].seconds / whole.seconds
    return [
        Line(f"{size:>9,} rows: raw executemany of the finished rows", f"{size / floor:,.0f} rows/s"),
        Line("           the import", f"{size / whole.seconds:,.0f} rows/s"),
        Line("             time against the floor", f"{over:.2f} x", "<= 1.5 x", over <= 1.5),
        Line("             computing against that of the floor", f"{whole.cpu / cost['floor'].cpu:.2f} x"),
        Line("             time per row against the size before", f"{grown:.2f} x", "<= 1.2 x", grown <= 1.2),
        Line("             peak memory", f"{whole.memory_mb:.0f} MB", "< 150 MB", whole.memory_mb < 150),
        Line("           sqlite-utils insert --csv, time against it", f"{utils:.2f} x", "> 1 x", utils > 1),
        Line("           csv.reader alone", f"{cost['csv.reader'].seconds / whole.seconds:.2f} x"),
        Line("           the same file again", f"{again:.3f} x", "< 0.1 x", again < 0.1),
        Line(
            "           the same file, one row in 100 changed", f"{changed_share:.2f} x", "< 0.5 x", changed_share < 0.5
        ),
        Line(
            "           with a plugin on drafts, against the floor", f"{listening:.2f} x", "<= 2.5 x", listening <= 2.5
        ),
    ], whole.seconds / size


def formats(folder: Path, size: int, repeats: int) -> list[Line]:
    """Compare other formats with their bare readers and the same rows as CSV."""
    source = folder / "leads.csv"
    write_leads(source, size)
    write_workbook(source, folder / "leads.xlsx")
    write_cards(source, folder / "leads.vcf")
    write_card_table(source, folder / "cards.csv")
    cost = best(
        folder,
        repeats,
        {
            "csv": ("import", source),
            "xlsx": ("import", folder / "leads.xlsx"),
            "bare xlsx": ("calamine", folder / "leads.xlsx"),
            "cards.csv": ("import", folder / "cards.csv"),
            "vcf": ("import", folder / "leads.vcf"),
            "bare vcf": ("cards", folder / "leads.vcf"),
        },
    )
    lines = []
    for name, table in (("xlsx", "csv"), ("vcf", "cards.csv")):
        whole = cost[name]
        over = whole.seconds / (cost[table].seconds + cost[f"bare {name}"].seconds)
        memory = f"{whole.memory_mb:.0f} + {whole.child_mb:.0f} MB"
        lines += [
            Line(f"{size:>9,} rows as {name}", f"{size / whole.seconds:,.0f} rows/s"),
            Line("             against the bare reader and the same as CSV", f"{over:.2f} x", "<= 1.5 x", over <= 1.5),
            Line("             peak memory, and that of its reader", memory),
        ]
    return lines


def best(folder: Path, repeats: int, jobs: Mapping[str, tuple[object, ...]]) -> dict[str, Cost]:
    """Do all jobs in turn, several times, and return what each cost at best."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    cost: dict[str, Cost] = {}
    for turn in range(repeats):
        for name, (kind, *arguments) in jobs.items():
            made = folder / f"{name.replace(' ', '_')}.db"
            for stale in folder.glob(f"{made.name}*"):
                stale.unlink()
            told = [str(folder / f"{each}.db") if each in jobs else str(each) for each in arguments]
            command = [sys.executable, __file__, "--job", str(kind), str(made), *told]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
            new = Cost(**json.loads(done.stdout.splitlines()[-1]))
            if turn == 0 or new.seconds < cost[name].seconds:
                cost[name] = new
    return cost


# ------------------------------------------------------------------ the jobs, each in a process of its own


def measured(kind: str, *arguments: str) -> Cost:
    """Do one job, and say what it cost."""
    seconds, cpu = _JOBS[kind](*map(Path, arguments))
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Cost(seconds, cpu, own * _MAXRSS_MB, children * _MAXRSS_MB)


Seconds = tuple[float, float]
"""By the clock, and in computing."""

_MAXRSS_MB: Final = 1 / 1024 if sys.platform != "darwin" else 1 / (1 << 20)


def seconds_of(work: Callable[[], object]) -> Seconds:
    """Return how long some work takes, by the clock and in computing."""
    started, computed = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - computed


def _import(database: Path, source: Path, *, plugins: tuple[object, ...] = (), importer: str | None = None) -> Seconds:
    with crmkit.open(database, create=True, discover=False, plugins=plugins) as crm:
        return seconds_of(lambda: crm.import_leads(source, importer=importer, batch_size=_PART))


def _again(database: Path, source: Path, filled: Path) -> Seconds:
    with closing(sqlite3.connect(filled)) as connection, closing(sqlite3.connect(database)) as copy:
        connection.backup(copy)
    return _import(database, source)


def _listening(database: Path, source: Path) -> Seconds:
    """Import with a plugin that sees each draft and may change it."""

    @crmkit.importer("scans", columns=["First name", "Last name", "E-mail", "Booth"])
    def scans(row: crmkit.Row, draft: crmkit.LeadDraft) -> crmkit.LeadDraft | None:
        return draft if row["Booth"] != "staff" else None

    return _import(database, source, plugins=(scans,), importer="scans")


def _floor(database: Path, filled: Path) -> Seconds:
    """Write the rows of a filled workspace as nobody can do it faster in Python: finished, in large statements."""
    crmkit.open(database, create=True, discover=False).close()
    spent: list[Seconds] = []
    with (
        closing(sqlite3.connect(filled)) as there,
        closing(sqlite3.connect(database, isolation_level=None)) as here,
    ):
        for pragma in (
            *("synchronous = FULL", "cache_size = -40960", "wal_autocheckpoint = 8000"),
            *("temp_store = MEMORY", "foreign_keys = ON"),
        ):
            here.execute(f"PRAGMA {pragma}")
        cursors = {name: _rows_of(there, name) for name in ("lead", "import_row", "contact_point")}
        sizes = {name: there.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in cursors}  # noqa: S608
        parts = -(-max(1, sizes["lead"]) // _PART)
        for _ in range(parts):
            rows = {name: cursor.fetchmany(-(-sizes[name] // parts)) for name, (_, cursor) in cursors.items()}
            spent.append(seconds_of(lambda rows=rows: _write(here, cursors, rows)))  # type: ignore[misc]  # called at once
        spent.append(seconds_of(lambda: here.execute("PRAGMA optimize")))
    return sum(clock for clock, _ in spent), sum(cpu for _, cpu in spent)


def _rows_of(connection: sqlite3.Connection, table: str) -> tuple[list[str], sqlite3.Cursor]:
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608  # names of our own
    return [name for name, *_ in cursor.description], cursor


def _write(
    connection: sqlite3.Connection,
    tables: Mapping[str, tuple[list[str], sqlite3.Cursor]],
    rows: Mapping[str, list[Any]],
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA defer_foreign_keys = ON")
    for table, some in rows.items():
        names, _ = tables[table]
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608
            some,
        )
        if SEARCH_KEY in names and some:
            first = some[0][names.index(SEARCH_KEY)]
            connection.execute(
                f"INSERT INTO {table}_fts (rowid, search_text) SELECT {SEARCH_KEY}, search_text FROM {table}"  # noqa: S608
                f" WHERE {SEARCH_KEY} >= ?",
                (first,),
            )
    connection.execute("COMMIT")


def _utils(database: Path, source: Path) -> Seconds:
    from sqlite_utils.cli import cli

    arguments = ["insert", str(database), "leads", str(source), "--csv"]
    return seconds_of(lambda: cli.main(arguments, standalone_mode=False))


def _reader(_database: Path, source: Path) -> Seconds:
    def read() -> None:
        with source.open(encoding="utf-8", newline="") as file:
            for _ in csv.reader(file):
                pass

    return seconds_of(read)


def _calamine(_database: Path, source: Path) -> Seconds:
    from python_calamine import CalamineWorkbook

    def read() -> None:
        for _ in CalamineWorkbook.from_path(source).get_sheet_by_index(0).iter_rows():
            pass

    return seconds_of(read)


def _cards(_database: Path, source: Path) -> Seconds:
    from crmkit.services.reading import vcard
    from crmkit.services.reading.limits import Limits

    def read() -> None:
        with source.open("rb") as file:
            for _ in vcard.read(file, Limits()):
                pass

    return seconds_of(read)


_JOBS: Final[Mapping[str, Callable[..., Seconds]]] = {
    "import": _import,
    "again": _again,
    "listening": _listening,
    "floor": _floor,
    "utils": _utils,
    "reader": _reader,
    "calamine": _calamine,
    "cards": _cards,
}


# ------------------------------------------------------------------ the files

_HEADER: Final = (
    *("First name", "Last name", "Company", "E-mail", "Phone", "Job title"),
    *("Country", "City", "Booth", "Notes", "Scanned at"),
)
_FIRST: Final = (
    "Jules Marie Ada Anaïs Karl Zoé Luca Inés Paul Nora François Chloé Hélène José Björn Siân Jean-Pierre Léa Hugo Emma"
    " Louis Alice Gabriel Rose Raphaël Jade Arthur Louise Adam Lina Maël Mia Noah Ambre Liam Julia Ethan Anna"
).split()
_LAST: Final = (
    "Etienne Durand Lovelace Müller Rossi García O'Brien Nguyen Petit Moreau Lefèvre Dubois Schröder Bianchi Núñez"
    " Martin Bernard Thomas Robert Richard Laurent Simon Michel Leroy Roux David Bertrand Morel Fournier Girard Bonnet"
    " Dupont Lambert Fontaine Rousseau Vincent Muller Faure Andre Mercier Blanc Guerin Boyer Garnier Chevalier"
).split()
_TITLES: Final = ("Directrice", "Acheteur", "Ingénieur", "Head of Sales", "CEO", "Einkäufer", "Buyer", "CTO", "")
_NOTES: Final = ("", "", "wants a quote", "met at the booth", "à rappeler en septembre", "has 12 shops, sends a list")
# Country as it is written, its cities, and a number as it is dialled there.
_PLACES: Final = (
    ("France", ("Lyon", "Paris", "Nantes", "Besançon"), "06 {:02} {:02} {:02} {:02}"),
    ("France", ("Lyon", "Paris", "Lille", "Orléans"), "+33 6 {:02} {:02} {:02} {:02}"),
    ("Belgique", ("Bruxelles", "Liège"), "+32 470 {:02} {:02} {:02}"),
    ("Germany", ("Berlin", "Köln", "München"), "+49 151 {:02}{:02}{:02}{:02}"),
    ("Italia", ("Milano", "Torino"), "+39 347 {:02}{:02}{:02}9"),
    ("Spain", ("Madrid", "Málaga"), "+34 612 {:02} {:02} {:02}"),
    ("US", ("Boston", "New York"), "+1 212 7{:02} {:02}{:02}"),
)


def write_leads(path: Path, size: int, *, changing: int = 0) -> None:
    """Write a trade-show file, the same for the same size.

    Args:
        path: The file.
        size: How many rows.
        changing: One row in so many has another note.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_HEADER)
        for i, row in enumerate(people(size)):
            if changing and i % changing == 0:
                row[9] = f"{row[9]} and changed".strip()
            table.writerow(row)


def people(size: int) -> Iterator[list[str]]:
    """Return rows: one in seven repeats an earlier one, one in twenty lacks something or has a wrong value."""
    chance = random.Random(size)  # noqa: S311  # not for secrets
    recent: list[list[str]] = []
    for i in range(size):
        if recent and chance.random() < 0.14:
            row = list(chance.choice(recent))
            row[8], row[9] = f"B{chance.randrange(40)}", chance.choice(_NOTES)  # scanned again elsewhere
        else:
            row = _person(i, chance)
            recent.append(row)
            if len(recent) > 500:
                recent[chance.randrange(500)] = recent.pop()
        row[10] = (datetime(2026, 3, 1, 9) + timedelta(seconds=7 * i)).isoformat(" ")  # noqa: DTZ001  # as devices write it
        yield row


def _person(i: int, chance: random.Random) -> list[str]:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    country, cities, number = chance.choice(_PLACES)
    company = i // 12
    plain = f"{first}.{last}".lower().encode("ascii", "ignore").decode().replace("'", "")
    row = [
        first if chance.random() < 0.8 else first.upper(),
        last if chance.random() < 0.5 else last.upper(),
        f"Société {company}" if company % 3 else f"Company {company} GmbH",
        f"{plain}{i}@company{company}.example",
        number.format(*(chance.randrange(10, 100) for _ in range(5))),
        chance.choice(_TITLES),
        country,
        chance.choice(cities),
        f"B{chance.randrange(40)}",
        chance.choice(_NOTES),
        "",
    ]
    if chance.random() < 0.05:
        place, wrong = chance.choice(((3, ""), (3, "n/a"), (3, "jules@"), (4, "12"), (4, ""), (6, "Atlantis"), (1, "")))
        row[place] = wrong
    return row


def write_workbook(table: Path, path: Path) -> None:
    """Write a table as a workbook, as plainly as the format allows."""
    import zipfile
    from xml.sax.saxutils import escape

    with table.open(encoding="utf-8", newline="") as file, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in _WORKBOOK.items():
            package.writestr(name, text)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for number, row in enumerate(csv.reader(file), 1):
                cells = "".join(
                    f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
                    for place, cell in enumerate(row)
                )
                sheet.write(f'<row r="{number}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_WORKBOOK: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Leads" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def write_cards(table: Path, path: Path) -> None:
    """Write a table as cards."""
    with table.open(encoding="utf-8", newline="") as file, path.open("w", encoding="utf-8", newline="") as cards:
        for row in csv.DictReader(file):
            cards.write(
                "BEGIN:VCARD\r\nVERSION:3.0\r\n"
                f"N:{row['Last name']};{row['First name']};;;\r\nFN:{row['First name']} {row['Last name']}\r\n"
                f"ORG:{row['Company']}\r\nTITLE:{row['Job title']}\r\nEMAIL;TYPE=work:{row['E-mail']}\r\n"
                f"TEL;TYPE=cell:{row['Phone']}\r\nADR;TYPE=work:;;;{row['City']};;;{row['Country']}\r\n"
                f"NOTE:{row['Notes'].replace(',', chr(92) + ',')}\r\nEND:VCARD\r\n"
            )


def write_card_table(table: Path, path: Path) -> None:
    """Write of a table what `write_cards` writes of it."""
    with table.open(encoding="utf-8", newline="") as file, path.open("w", encoding="utf-8", newline="") as plain:
        names = [name for name in _HEADER if name not in ("Booth", "Scanned at")]
        writer = csv.DictWriter(plain, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(csv.DictReader(file))


if __name__ == "__main__":
    main()
