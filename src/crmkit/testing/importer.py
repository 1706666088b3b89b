"""The importer contract as tests.

An importer keeps the contract if this passes::

    class TestBadges(ImporterContract):
        importer = "acme_badges:badges"  # or the importer itself
        samples = "samples"              # a folder beside this file

Beside each sample ``scans.csv`` lies ``scans.csv.expected.json``, which says what is read
out of it. Run pytest once with ``CRMKIT_UPDATE_SAMPLES=1`` to have it written, look at it,
and keep it: from then on it is compared.
"""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

import attrs
import pytest

import crmkit
from crmkit.core.drafts import DRAFT_FIELDS, DraftBatch, LeadDraft
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.plugins.builtin.importers import builtin_importers
from crmkit.services.sources import BytesSource
from crmkit.services.tabular import open_table
from crmkit.testing.foreign import FOREIGN, JUNK

__all__ = ["ImporterContract"]

_UPDATE = "CRMKIT_UPDATE_SAMPLES"
_GOLDEN = ".expected.json"
_TEXTS = (".csv", ".tsv", ".txt")


class ImporterContract:
    """Subclass this, and say which importer, and where its samples are.

    Attributes:
        importer: The importer, or where it is: ``module:name``.
        samples: A folder of files that the importer reads; a relative one is beside the
            file of the test, or in the folder in which pytest runs.
        lacks: What the importer need not do: the name of a test, and the reason. Such a
            test must fail; when it passes after all, the run fails.
    """

    importer: ClassVar[Importer | str]
    samples: ClassVar[str | Path]
    lacks: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        unknown = sorted(name for name in cls.lacks if not hasattr(cls, name))
        if unknown:
            raise TypeError(f"{cls.__name__}.lacks names no test of the contract: {', '.join(unknown)}")

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Run a test for each sample, each table among them, each file of somebody else."""
        for name, values in (("sample", cls.sample_paths()), ("table", cls.table_paths())):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=lambda path: path.name)
        if "foreign" in metafunc.fixturenames:
            metafunc.parametrize("foreign", list(FOREIGN))

    @classmethod
    def sample_paths(cls) -> list[Path]:
        """Return the samples, in order.

        Raises:
            FileNotFoundError: There are none.
        """
        folder = Path(inspect.getfile(cls)).parent / cls.samples
        folder = folder if folder.is_dir() else Path(cls.samples)
        found = sorted(path for path in folder.glob("*") if path.is_file() and not path.name.endswith(_GOLDEN))
        if not found:
            raise FileNotFoundError(f"there are no samples in {folder}")
        return found

    @classmethod
    def table_paths(cls) -> list[Path]:
        """Return those samples that are tables in a text file."""
        return [path for path in cls.sample_paths() if path.suffix.lower() in _TEXTS]

    @classmethod
    def subject(cls) -> Importer:
        """Return the importer."""
        if not isinstance(cls.importer, str):
            return cls.importer
        module, _, name = cls.importer.partition(":")
        return cast("Importer", getattr(import_module(module), name))

    @pytest.fixture(autouse=True)
    def _declared_lack(self, request: pytest.FixtureRequest) -> None:
        reason = self.lacks.get(request.node.originalname)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    # Which files are its own.

    def test_it_recognises_each_of_its_samples(self, sample: Path) -> None:
        """Among all importers of crmkit, and without being named, it is the surest."""
        sure = _sureness(self.subject(), _source(sample))

        mine = sure.pop(self.subject().name)

        assert 0 < mine <= 100
        assert mine > max(sure.values()), f"others are as sure: {sure}"

    def test_it_takes_no_file_of_others_for_its_own(self, foreign: str) -> None:
        """Of a file that somebody else knows better, that one is surer."""
        source = BytesSource(foreign, FOREIGN[foreign])
        sure = _sureness(self.subject(), source)

        mine = sure.pop(self.subject().name)

        assert isinstance(mine, int)
        assert mine == 0 or mine < max(sure.values()) or foreign.partition(".")[0] == self.subject().name

    def test_it_wants_neither_empty_nor_broken_files(self) -> None:
        """It says so without raising."""
        wanted = {name for name, data in JUNK.items() if self.subject().identify(BytesSource(name, data)) != 0}

        assert not wanted

    def test_looking_at_a_file_changes_nothing(self, sample: Path) -> None:
        """Asked twice, it says the same, and the file is read from its start afterwards."""
        source = _source(sample)

        answers = {self.subject().identify(source), self.subject().identify(_source(sample))}

        assert len(answers) == 1
        assert _rows(self.subject(), source) == _rows(self.subject(), _source(sample))

    # What is read.

    def test_it_reads_what_is_expected(self, sample: Path) -> None:
        """The drafts are those beside the sample."""
        found = _golden(self.subject(), _source(sample))
        golden = sample.with_name(sample.name + _GOLDEN)
        if os.environ.get(_UPDATE):
            golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

        assert golden.exists(), f"run pytest once with {_UPDATE}=1, and look at {golden.name}"
        assert found == json.loads(golden.read_text(encoding="utf-8"))

    def test_drafts_are_made_of_texts(self, sample: Path) -> None:
        """Each column has an entry per row, of the kind that its field needs."""
        for batch in _batches(self.subject(), _source(sample)):
            known = set(batch.lines)
            assert {problem.line for problem in batch.problems} <= known
            assert set(batch.ignored) <= known
            assert len(batch.cells) == len(batch)
            for name, column in batch.columns.items():
                assert name in DRAFT_FIELDS
                assert len(column) == len(batch)
                assert all(_fits(name, value) for value in column), name

    def test_it_reads_the_same_each_time(self, sample: Path) -> None:
        """Nothing depends on the moment, on chance or on what was read before."""
        first = _golden(self.subject(), _source(sample))

        for other in self.sample_paths():
            _rows(self.subject(), _source(other))

        assert _golden(self.subject(), _source(sample)) == first

    def test_every_row_is_accounted_for(self, table: Path) -> None:
        """Each row of the table comes once, in order, verbatim, as a draft or with a reason."""
        grid = _Grid.of(self.subject(), table)

        batches = _batches(self.subject(), _source(table))

        told = [(line, list(cells)) for batch in batches for line, cells in zip(batch.lines, batch.cells, strict=True)]
        assert [line for line, _ in told] == sorted({line for line, _ in told})
        assert [cells for _, cells in told if any(cells)] == [cells for cells in grid.below if any(cells)]
        for batch in batches:
            explained = {*batch.ignored, *(problem.line for problem in batch.problems)}
            drafts = dict(zip(batch.lines, _drafts(batch), strict=True))
            silent = [line for line, draft in drafts.items() if draft == LeadDraft() and line not in explained]
            assert not silent, f"lines {silent} are neither drafts nor explained"

    # What must not matter.

    @pytest.mark.parametrize("broken", ["alone", "short", "long", "strange", "open"])
    def test_one_bad_row_never_costs_its_neighbours(self, table: Path, broken: str) -> None:
        """Whatever stands in one row, the others are read as ever."""
        grid = _Grid.of(self.subject(), table)
        expected = _rows(self.subject(), grid.with_rows(grid.records))
        width = len(grid.header)
        bad = {
            "alone": ["?"],
            "short": ["x"] * (width // 2),
            "long": ["x"] * (width + 3),
            "strange": ["☠ 31/31/2000 @@"] * width,
            "open": [],
        }[broken]

        source = grid.with_rows([*grid.records[:1], bad, *grid.records[1:]])
        if broken == "open":
            source = grid.with_rows(grid.records, behind='"opened and never closed')
        found = _rows(self.subject(), source)

        for row in expected:
            assert row in found
        assert len(found) <= len(expected) + 1

    def test_the_order_of_rows_does_not_matter(self, table: Path) -> None:
        """Shuffled, they give the same drafts."""
        grid = _Grid.of(self.subject(), table)
        shuffled = list(grid.records)
        random.Random(1).shuffle(shuffled)  # noqa: S311  no secret

        once, again = (_rows(self.subject(), grid.with_rows(rows)) for rows in (shuffled, shuffled[::-1]))

        assert _sorted(once) == _sorted(again) == _sorted(_rows(self.subject(), grid.with_rows(grid.records)))

    @pytest.mark.parametrize("variant", ["crlf", "bom", "semicolon", "tab", "quoted", "utf-16", "newline in header"])
    def test_the_dialect_does_not_matter(self, table: Path, variant: str) -> None:
        """However the table is written, it says the same."""
        grid = _Grid.of(self.subject(), table)
        expected = _rows(self.subject(), grid.source())

        assert _rows(self.subject(), grid.in_dialect(variant)) == expected

    def test_it_does_not_hold_the_whole_file(self, table: Path) -> None:
        """The first batch is there long before the last row is read."""
        grid = _Grid.of(self.subject(), table)
        source = _Counted(grid.with_rows(grid.records * (20_000 // max(len(grid.records), 1))))
        batches = iter(self.subject().read(source, ReadingOptions()).batches)
        before = source.bytes_read

        next(batches)

        assert source.bytes_read - before < source.size_bytes / 2

    # What becomes of it.

    def test_an_import_accounts_for_every_row_and_can_be_repeated(self, sample: Path) -> None:
        """All rows are counted; the same file again creates nothing and changes nothing."""
        with crmkit.open("memory:", plugins=_needed(self.subject()), discover=False) as crm:
            once = crm.import_leads(sample, importer=self.subject().name)
            again = crm.import_leads(sample, importer=self.subject().name)

        assert once.read == sum(once.outcomes.values())
        assert once.created > 0
        assert (again.created, again.updated) == (0, 0)


def _source(path: Path) -> BytesSource:
    return BytesSource(path.name, path.read_bytes())


def _needed(importer: Importer) -> list[Importer]:
    """Return what must be handed to crmkit, which has importers of its own."""
    own = {(type(other), other.name) for other in builtin_importers()}
    return [] if (type(importer), importer.name) in own else [importer]


def _sureness(importer: Importer, source: Source) -> dict[str, int]:
    others = {other.name: other for other in builtin_importers()}
    return {name: each.identify(source) for name, each in (others | {importer.name: importer}).items()} | {"nobody": 0}


def _batches(importer: Importer, source: Source) -> list[DraftBatch]:
    return list(importer.read(source, ReadingOptions()).batches)


def _drafts(batch: DraftBatch) -> Iterator[LeadDraft]:
    for i in range(len(batch)):
        said = {name: column[i] for name, column in batch.columns.items()}
        yield LeadDraft(
            **cast("dict[str, Any]", {name: value for name, value in said.items() if value not in (None, "")})
        )


def _rows(importer: Importer, source: Source) -> list[dict[str, Any]]:
    """Return the drafts without their lines; ignored and rejected rows are none."""
    batches = _batches(importer, source)
    return [row for batch in batches for row in (_told(draft) for draft in _leads(batch)) if row]


def _leads(batch: DraftBatch) -> Iterator[LeadDraft]:
    fatal = {problem.line for problem in batch.problems if problem.fatal}
    for line, draft in zip(batch.lines, _drafts(batch), strict=True):
        if line not in batch.ignored and line not in fatal:
            yield draft


def _told(draft: LeadDraft) -> dict[str, Any]:
    """Return what a draft says, as JSON."""
    said = {name: getattr(draft, name) for name in DRAFT_FIELDS}
    lists = {name: list(said[name]) for name in ("other_emails", "tags")}
    return {name: value for name, value in {**said, **lists}.items() if value not in (None, "", [], {})}


def _sorted(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def _golden(importer: Importer, source: Source) -> dict[str, Any]:
    reading: Reading = importer.read(source, ReadingOptions())
    batches = list(reading.batches)
    leads = [
        {"line": line, **said}
        for batch in batches
        for line, draft in zip(batch.lines, _drafts(batch), strict=True)
        if (said := _told(draft)) and line not in batch.ignored
    ]
    golden: dict[str, Any] = {
        "leads": leads,
        "ignored": {str(line): reason for batch in batches for line, reason in sorted(batch.ignored.items())},
        "problems": [
            {"line": problem.line, "reason": problem.reason, "fatal": problem.fatal}
            for batch in batches
            for problem in batch.problems
        ],
    }
    return {"source": reading.source_label, **golden} if reading.source_label else golden


def _fits(field: str, value: object) -> bool:
    if field in {"tags", "other_emails"}:
        return (
            isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(text, str) for text in value)
        )
    if field == "extra":
        return isinstance(value, Mapping) and all(isinstance(text, str) for text in (*value, *value.values()))
    if field in {"opt_out", "consent"}:
        return value is None or isinstance(value, bool)
    return value is None or isinstance(value, str)


@attrs.frozen
class _Grid:
    """A sample as rows of cells, to be written in another way; records are the rows that are leads."""

    name: str
    above: list[list[str]]
    header: list[str]
    below: list[list[str]]
    records: list[list[str]]

    @classmethod
    def of(cls, importer: Importer, path: Path) -> _Grid:
        """Read a table from its first line, and find its header again."""
        reading = importer.read(_source(path), ReadingOptions())
        names, batches = reading.header, list(reading.batches)
        leads = {line for batch in batches for line in batch.lines} - {
            line for batch in batches for line in (*batch.ignored, *(p.line for p in batch.problems if p.fatal))
        }
        rows = list(open_table(_source(path), ReadingOptions(header_line=0)).rows())
        place = next(i for i, row in enumerate(rows) if _named(row.cells)[: len(names)] == [*names])
        below = open_table(_source(path), ReadingOptions(header_line=rows[place].line)).rows()
        told = [(list(row.cells), row.line) for row in below]
        return cls(
            name=path.name,
            above=[list(row.cells) for row in rows[:place]],
            header=list(rows[place].cells),
            below=[cells for cells, _ in told],
            records=[cells for cells, line in told if line in leads],
        )

    def source(self) -> BytesSource:
        """Return the whole table, in plain CSV."""
        return self._written(self.below)

    def with_rows(self, records: Sequence[Sequence[str]], *, behind: str = "") -> BytesSource:
        """Return the table with these records and nothing else, but for a line *behind* them."""
        return self._written(records, behind=behind)

    def in_dialect(self, variant: str) -> BytesSource:
        """Return the whole table, written in another way."""
        return {
            "crlf": lambda: self._written(self.below, lineterminator="\r\n"),
            "bom": lambda: self._written(self.below, encoding="utf-8-sig"),
            "semicolon": lambda: self._written(self.below, delimiter=";"),
            "tab": lambda: self._written(self.below, delimiter="\t"),
            "quoted": lambda: self._written(self.below, quoting=csv.QUOTE_ALL),
            "utf-16": lambda: self._written(self.below, encoding="utf-16"),
            "newline in header": lambda: self._written(
                self.below, header=[cell.replace(" ", "\n") for cell in self.header]
            ),
        }[variant]()

    def _written(
        self,
        rows: Sequence[Sequence[str]],
        *,
        encoding: str = "utf-8",
        header: Sequence[str] = (),
        behind: str = "",
        **dialect: Any,
    ) -> BytesSource:
        text = io.StringIO(newline="")
        csv.writer(text, **{"lineterminator": "\n", **dialect}).writerows([*self.above, header or self.header, *rows])
        return BytesSource(self.name, (text.getvalue() + behind).encode(encoding))


def _named(cells: Sequence[str]) -> list[str]:
    """Name cells as a header would."""
    from crmkit.services.tabular.header import unique_names

    return list(unique_names(cells))


class _Counted:
    """A source that knows how much of it was read."""

    def __init__(self, source: BytesSource) -> None:
        self._source = source
        self.name = source.name
        self.size_bytes = source.size_bytes
        self.sha256 = source.sha256
        self.bytes_read = 0

    def head(self, count: int = 65536) -> bytes:
        return self._source.head(count)

    def open(self) -> io.BufferedReader:
        return io.BufferedReader(_CountedStream(self, self._source.open()))


class _CountedStream(io.RawIOBase):
    def __init__(self, counted: _Counted, stream: Any) -> None:
        self._counted = counted
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.readinto(buffer)
        self._counted.bytes_read += count
        return count
