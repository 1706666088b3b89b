"""How fast a trade show goes through crmkit: import, mail, conversion; and how that grows."""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs

import crmkit

_FIRST = ("Jules", "Marie", "Ada", "Anaïs", "Karl", "Zoé", "Luca", "Inés", "Paul", "Nora")
_LAST = ("Etienne", "Durand", "Lovelace", "Müller", "Rossi", "García", "O'Brien", "Le Goff", "Nguyen", "Petit")


@attrs.frozen
class Timing:
    """How long one job took for so many rows, in seconds."""

    job: str
    rows: int
    seconds: float

    @property
    def per_row_us(self) -> float:
        """Microseconds for a row."""
        return self.seconds / self.rows * 1e6


def main() -> None:
    """Run all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="rows, separated by commas")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    before: dict[str, Timing] = {}
    print(f"{'job':<10} {'rows':>9} {'rows/s':>9} {'growth':>7}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for timing in run(Path(folder), size):
                grown = timing.per_row_us / before[timing.job].per_row_us if timing.job in before else 1.0
                before[timing.job] = timing
                print(f"{timing.job:<10} {timing.rows:>9,} {timing.rows / timing.seconds:>9,.0f} {grown:>7.2f}")


def run(folder: Path, size: int) -> list[Timing]:
    """Time every job on a new workspace of one size."""
    source = folder / "leads.csv"
    write_leads(source, size)
    with crmkit.open(folder / "crm.db", create=True, discover=False) as crm:
        campaign = crm.campaigns.add(name="Salon")
        timings = [
            timed("import", size, lambda: crm.import_leads(source, campaign=campaign)),
            timed("mail", size, lambda: crm.send("thank_you", campaign=campaign)),
        ]
        leads = [lead.id for lead in crm.leads]
        timings.append(timed("convert", len(leads), lambda: crm.convert_many(leads)))
    return timings


def timed(job: str, rows: int, work: Callable[[], object]) -> Timing:
    """Do some work once, and take its time."""
    started = time.perf_counter()
    work()
    return Timing(job, rows, time.perf_counter() - started)


def write_leads(path: Path, size: int) -> None:
    """Write a trade-show file: people of companies of two to fifty, the same for the same size."""
    chance = random.Random(size)  # noqa: S311  # not for secrets
    with path.open("w", encoding="cp1252", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Prénom", "Nom", "Société", "Fonction", "E-mail", "Téléphone", "Ville", "Pays", "Notes"])
        company, left = 0, 0
        for i in range(size):
            if not left:
                company, left = company + 1, chance.randint(2, 50)
            left -= 1
            first, last = chance.choice(_FIRST), chance.choice(_LAST)
            table.writerow(
                [
                    first,
                    last.upper(),
                    f"Société {company}",
                    chance.choice(["Directrice", "Acheteur", "Ingénieur", ""]),
                    f"person{i}@company{company}.example",
                    f"06 39 98 {i % 10000 // 100:02} {i % 100:02}",
                    chance.choice(["Lyon", "Paris", "Nantes"]),
                    "France",
                    chance.choice(["", "wants a quote", "met at the booth"]),
                ]
            )


if __name__ == "__main__":
    main()
