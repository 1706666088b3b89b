"""Every importer of crmkit keeps the contract, on samples of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.core.ports.sources import Importer
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.plugins.builtin.formats import FORMATS
from crmkit.testing import ImporterContract

SAMPLES = Path(__file__).parents[1] / "samples" / "importers"
LACKS = {"csv": {"test_it_wants_neither_empty_nor_broken_files": "it is asked last, and says what is wrong with them"}}
IMPORTERS: tuple[Importer, ...] = (CsvImporter(), *FORMATS)


def _contract(subject: Importer) -> type[ImporterContract]:
    """Make the contract of one importer."""
    name = "Test" + "".join(map(str.capitalize, subject.name.split("-")))
    said = {"importer": subject, "samples": SAMPLES / subject.name, "lacks": LACKS.get(subject.name, {})}
    return type(name, (ImporterContract,), {**said, "__module__": __name__})


globals().update({contract.__name__: contract for contract in map(_contract, IMPORTERS)})


def test_every_importer_has_samples_and_every_sample_an_importer() -> None:
    assert {folder.name for folder in SAMPLES.iterdir()} == {subject.name for subject in IMPORTERS}


@pytest.mark.parametrize("subject", IMPORTERS, ids=lambda subject: subject.name)
def test_an_importer_says_in_a_line_what_it_reads(subject: Importer) -> None:
    assert 20 < len(subject.summary) < 130
