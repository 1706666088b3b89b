"""How fast an export is: beside the import of the same people, and the bare reading of their rows.

Every job runs in a process of its own, so that its memory is its own; the ratios of one run count.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from measuring import seconds_of

import crmkit

_FORMATS: Final = ("csv", "jsonl", "vcf", "xlsx")


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000", help="leads, separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="how often each job is done; the best counts")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        name, *paths = options.job
        seconds = _JOBS[name](*map(Path, paths))
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), size, options.repeats)


def compare(folder: Path, size: int, repeats: int) -> None:
    """Import leads, export them in each format, import them again, and print what each took."""
    source = folder / "source.csv"
    write_leads(source, size)
    jobs = {"import of a CSV table": ("import", "crm.db", "source.csv"), "bare": ("bare", "crm.db", "bare.csv")}
    for ending in _FORMATS:
        jobs[ending] = ("export", "crm.db", f"leads.{ending}")
    jobs["import of a workbook"] = ("import", "again.db", "leads.xlsx")
    jobs |= {"export all": ("export all", "crm.db", "all.jsonl"), "import all": ("import all", "copy.db", "all.jsonl")}
    best: dict[str, tuple[float, float]] = {}
    for _ in range(repeats):
        for name, (what, database, file) in jobs.items():
            if what.startswith("import"):
                for stale in folder.glob(f"{database}*"):
                    stale.unlink()
            done = job(what, folder / database, folder / file)
            best[name] = min(best.get(name, done), done)
    imported = best["import of a CSV table"][0]
    told("import of a CSV table", size, imported)
    told("SELECT * and csv.writer, without names and checks", size, best["bare"][0])
    for ending in _FORMATS:
        against = best["import of a workbook"][0] if ending == "xlsx" else imported
        told(f"export as {ending}", size, *best[ending], against)
    told("export of the whole workspace", size, *best["export all"], best["import all"][0])
    told("import of the whole workspace", size, *best["import all"])


def told(what: str, size: int, seconds: float, memory: float = 0, against: float | None = None) -> None:
    """Print a line; an export must take no longer than the import of the same."""
    verdict = (
        "" if against is None else f"{seconds / against:.2f} x its import  {'ok' if seconds <= against else 'MISSED'}"
    )
    room = f"{memory:.0f} MB" if memory else ""
    print(f"{size:>9,} {what:<50} {size / seconds:>10,.0f} leads/s {room:>8}  {verdict}", flush=True)


def job(name: str, *paths: Path) -> tuple[float, float]:
    """Do one job in a process of its own, and return its seconds and its peak memory in megabytes."""
    command = [sys.executable, __file__, "--job", name, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def _import(database: Path, source: Path) -> float:
    with crmkit.open(database, create=True, discover=False) as crm:
        return seconds_of(lambda: crm.import_leads(source, batch_size=10_000))


def _export(database: Path, target: Path) -> float:
    with crmkit.open(database, discover=False) as crm:
        return seconds_of(lambda: crm.export("leads", target))


def _export_all(database: Path, target: Path) -> float:
    with crmkit.open(database, discover=False) as crm:
        return seconds_of(lambda: crm.export_all(target))


def _import_all(database: Path, source: Path) -> float:
    with crmkit.open(database, create=True, discover=False) as crm:
        return seconds_of(lambda: crm.import_all(source))


def _bare(database: Path, target: Path) -> float:
    def copy() -> None:
        with target.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(connection.execute("SELECT * FROM lead ORDER BY id"))

    with closing(sqlite3.connect(database)) as connection:
        return seconds_of(copy)


_JOBS: Final[Mapping[str, Callable[..., float]]] = {
    "import": _import,
    "export": _export,
    "export all": _export_all,
    "import all": _import_all,
    "bare": _bare,
}


def write_leads(path: Path, size: int) -> None:
    """Write a trade-show file, the same for the same size."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["First name", "Last name", "Company", "E-mail", "Phone", "Job title", "City", "Country", "Notes"]
        )
        for i in range(size):
            first, last = ("Jules", "Zoé", "Björn", "Inés")[i % 4], ("Étienne", "Martin", "Müller", "García")[i % 5 % 4]
            table.writerow(
                [
                    *(first, f"{last} {i % 977}", f"Société {i // 12}", f"p{i}@company{i // 12}.example"),
                    *(
                        f"+33 6 {i // 10**6 % 100:02} {i // 10**4 % 100:02} {i // 100 % 100:02} {i % 100:02}",
                        "Acheteur",
                    ),
                    *("Lyon", "France", "wants a quote, and a visit in September" if i % 3 else ""),
                ]
            )


if __name__ == "__main__":
    main()
