"""The importer contract catches every mistake we could think of, and a sound importer passes it."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmkit.core.drafts import DraftBatch, LeadDraft, Problem
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.plugins.importer import Row, importer
from crmkit.testing import ImporterContract

SAMPLE = """Ticket;Visitor;Mail;Firm
1;Zoé Lefèvre;zoe@phare.example;Phare
2;Léa Petit;lea@lotus.example;
3;Max Roux;max@roux.example;Roux
"""
COLUMNS = ["Ticket", "Visitor", "Mail", "Firm"]


@importer("tickets", columns=COLUMNS, summary="visitors of a fair")
def tickets(row: Row) -> LeadDraft:
    return LeadDraft(
        source_id=row["Ticket"], full_name=row["Visitor"], email=row["Mail"] or None, company=row["Firm"] or None
    )


class Broken:
    """Hands everything on; the mistakes override what they get wrong."""

    name = "tickets"
    summary = "visitors of a fair"

    def identify(self, source: Source) -> int:
        return tickets.identify(source)

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        reading = tickets.read(source, options)
        return attrs.evolve(reading, batches=self.changed(reading.batches))

    def changed(self, batches: Iterator[DraftBatch]) -> Iterator[DraftBatch]:
        yield from map(self.change, batches)

    def change(self, batch: DraftBatch) -> DraftBatch:
        return batch


class Greedy(Broken):
    """Takes all files."""

    def identify(self, source: Source) -> int:
        return 100


class Blind(Broken):
    """Takes none."""

    def identify(self, source: Source) -> int:
        return 0


class Fragile(Broken):
    """Looks for a header where there may be none."""

    def identify(self, source: Source) -> int:
        assert b";" in source.head()
        return tickets.identify(source)


class Lossy(Broken):
    """Forgets the last row."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        columns = {name: column[:-1] for name, column in batch.columns.items()}
        return attrs.evolve(batch, lines=batch.lines[:-1], cells=batch.cells[:-1], columns=columns)


class Silent(Broken):
    """Leaves a row empty, and says nothing."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        columns = {name: [None, *column[1:]] for name, column in batch.columns.items()}
        return attrs.evolve(batch, columns=columns)


class Touchy(Broken):
    """Lets one bad row end it all."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        if batch.problems or any(cell == "?" or "☠" in cell for cells in batch.cells for cell in cells):
            raise ValueError
        return batch


class Moody(Broken):
    """Gives another id each time."""

    count = itertools.count()

    def change(self, batch: DraftBatch) -> DraftBatch:
        return attrs.evolve(batch, columns={**batch.columns, "source_id": [str(next(self.count)) for _ in batch.lines]})


class Restless(Moody):
    """Gives another address, too."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        moody = super().change(batch)
        emails = [f"{number}@moody.example" for number in moody.columns["source_id"]]
        return attrs.evolve(moody, columns={**moody.columns, "email": emails})


class Talkative(Broken):
    """Takes a name over from the row before."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        firms: list[object] = []
        for firm in batch.columns.get("company", [None] * len(batch)):
            firms.append(firm or (firms[-1] if firms else None))
        return attrs.evolve(batch, columns={**batch.columns, "company": firms})


class Naive(Broken):
    """Parts lines at semicolons, whatever the file does."""

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        def batches() -> Iterator[DraftBatch]:
            with source.open() as stream:
                lines = stream.read().decode("utf-8", "replace").splitlines()
            rows = [(line, text.split(";")) for line, text in enumerate(lines, 1)][1:]
            yield DraftBatch.of([(n, cells, LeadDraft(source_id=cells[0], email=cells[2])) for n, cells in rows])

        return Reading(header=tuple(COLUMNS), findings=(), batches=batches())


class Sloppy(Broken):
    """Gives a text where a list belongs."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        return attrs.evolve(batch, columns={**batch.columns, "tags": ["fair"] * len(batch)})


class Confused(Broken):
    """Complains about a line that it never gave."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        return attrs.evolve(batch, problems=[Problem(line=99, reason="what?", fatal=False)])


class Hoarding(Broken):
    """Reads all before it gives anything."""

    def changed(self, batches: Iterator[DraftBatch]) -> Iterator[DraftBatch]:
        yield from list(batches)


class Forgetful(Broken):
    """Does not read what it used to."""

    def change(self, batch: DraftBatch) -> DraftBatch:
        return attrs.evolve(batch, columns={k: v for k, v in batch.columns.items() if k != "company"})


class Proud(Broken):
    """Says no number from 0 to 100."""

    def identify(self, source: Source) -> int:
        return 3 * tickets.identify(source)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    (folder / "tickets.csv").write_text(SAMPLE, encoding="utf-8")
    leads = [
        {"line": 2, "source_id": "1", "full_name": "Zoé Lefèvre", "company": "Phare", "email": "zoe@phare.example"},
        {"line": 3, "source_id": "2", "full_name": "Léa Petit", "email": "lea@lotus.example"},
        {"line": 4, "source_id": "3", "full_name": "Max Roux", "company": "Roux", "email": "max@roux.example"},
    ]
    golden = {"leads": leads, "ignored": {}, "problems": []}
    (folder / "tickets.csv.expected.json").write_text(json.dumps(golden), encoding="utf-8")
    return folder


def _failures(subject: Importer, folder: Path) -> set[str]:
    """Run the whole contract, and return the names of the tests that fail."""
    contract = type("Contract", (ImporterContract,), {"importer": subject, "samples": folder})
    failed = set()
    for name, test in inspect.getmembers(contract, inspect.isfunction):
        if not name.startswith("test_"):
            continue
        for arguments in _arguments(test, contract):
            try:
                test(contract(), **arguments)
            except Exception:  # noqa: BLE001  however it fails
                failed.add(name)
    return failed


def _arguments(test: Callable[..., None], contract: type[ImporterContract]) -> Iterator[dict[str, Any]]:
    from crmkit.testing.foreign import FOREIGN

    values: dict[str, list[Any]] = {
        "sample": list(contract.sample_paths()),
        "table": list(contract.table_paths()),
        "foreign": list(FOREIGN),
    }
    values |= {mark.args[0]: mark.args[1] for mark in getattr(test, "pytestmark", ())}
    names = [name for name in inspect.signature(test).parameters if name != "self"]
    for chosen in itertools.product(*(values[name] for name in names)):
        yield dict(zip(names, chosen, strict=True))


def test_a_sound_importer_passes(samples: Path) -> None:
    assert _failures(tickets, samples) == set()
    assert _failures(Broken(), samples) == set()


@pytest.mark.parametrize(
    ("subject", "test"),
    [
        (Greedy(), "test_it_takes_no_file_of_others_for_its_own"),
        (Greedy(), "test_it_wants_neither_empty_nor_broken_files"),
        (Fragile(), "test_it_wants_neither_empty_nor_broken_files"),
        (Blind(), "test_it_recognises_each_of_its_samples"),
        (Proud(), "test_it_recognises_each_of_its_samples"),
        (Lossy(), "test_every_row_is_accounted_for"),
        (Silent(), "test_every_row_is_accounted_for"),
        (Touchy(), "test_one_bad_row_never_costs_its_neighbours"),
        (Moody(), "test_it_reads_the_same_each_time"),
        (Moody(), "test_looking_at_a_file_changes_nothing"),
        (Moody(), "test_it_reads_what_is_expected"),
        (Restless(), "test_an_import_accounts_for_every_row_and_can_be_repeated"),
        (Talkative(), "test_the_order_of_rows_does_not_matter"),
        (Naive(), "test_the_dialect_does_not_matter"),
        (Sloppy(), "test_drafts_are_made_of_texts"),
        (Confused(), "test_drafts_are_made_of_texts"),
        (Hoarding(), "test_it_does_not_hold_the_whole_file"),
        (Forgetful(), "test_it_reads_what_is_expected"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Broken) else value,
)
def test_a_mistake_is_caught(subject: Importer, test: str, samples: Path) -> None:
    assert test in _failures(subject, samples)


def test_each_test_catches_some_mistake(samples: Path) -> None:
    mistakes = [
        Greedy(),
        Blind(),
        Lossy(),
        Touchy(),
        Moody(),
        Restless(),
        Talkative(),
        Naive(),
        Sloppy(),
        Hoarding(),
        Forgetful(),
    ]

    caught = set().union(*(_failures(mistake, samples) for mistake in mistakes))

    tests = {name for name, _ in inspect.getmembers(ImporterContract, inspect.isfunction) if name.startswith("test_")}
    assert tests == caught


def test_a_lack_that_names_no_test_is_refused() -> None:
    with pytest.raises(TypeError, match="test_it_flies"):
        type("Contract", (ImporterContract,), {"lacks": {"test_it_flies": "no wings"}})


def test_a_folder_without_samples_is_an_error_and_not_a_pass(tmp_path: Path) -> None:
    class Contract(ImporterContract):
        importer = tickets
        samples = tmp_path

    with pytest.raises(FileNotFoundError, match="no samples"):
        Contract.sample_paths()


def test_an_importer_may_be_named_by_its_module() -> None:
    class Contract(ImporterContract):
        importer = "crmkit.plugins.builtin.formats.zoho:ZOHO"

    assert Contract.subject().name == "zoho"
