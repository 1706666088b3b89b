"""What the first rows of a source say about the others."""

from __future__ import annotations

import pytest

from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import ReadingOptions
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.services.importing import import_leads
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace
from tests.import_samples import records, with_importers


def take(crm: Workspace, text: str, name: str = "people.csv", *, region: str | None = None) -> ImportReport:
    source = BytesSource(name, text.encode())
    return import_leads(crm, source, options=ReadingOptions(region=region)).value


def phones(crm: Workspace) -> list[str | None]:
    return [lead.phone for lead in sorted(records(crm, "lead"), key=lambda lead: lead.source_row)]


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    return with_importers(workspace, CsvImporter())


ENGLISH = "Name,Email,Phone,Country\n"


def test_a_row_without_a_country_follows_the_most_frequent_one(crm: Workspace) -> None:
    report = take(crm, f"{ENGLISH}Ann Lee,ann@x.example,9876543210,India\nRaj Rao,raj@x.example,9845012345,\n")

    assert phones(crm) == ["+919876543210", "+919845012345"]
    [finding] = [each for each in report.findings if each.what == "phone region"]
    assert (finding.value, finding.evidence) == (
        "IN",
        "most rows that name a country name IN, where 1 of 1 numbers are valid",
    )


def test_the_region_that_was_asked_for_goes_before_the_evidence(crm: Workspace) -> None:
    report = take(crm, f"{ENGLISH}Ann Lee,ann@x.fr,0475 12 34 56,\n", region="BE")

    assert phones(crm) == ["+32475123456"]
    assert "phone region" not in {each.what for each in report.findings}


def test_a_number_of_no_known_country_is_kept_as_written_and_reported(crm: Workspace) -> None:
    report = take(crm, f"{ENGLISH}Ann Lee,ann@x.example,06 12 34 56 78,\n")

    (lead,) = records(crm, "lead")
    assert (lead.phone, lead.extra) == (None, {"phone": "06 12 34 56 78"})
    assert report.problems[0].reason == "the country of the phone number '06 12 34 56 78' is not known"
    assert ("phone region", "unknown") in {(each.what, each.value) for each in report.findings}


def test_each_language_of_the_rows_has_its_region(crm: Workspace) -> None:
    rows = "Ann Lee,fr,06 12 34 56 78\nBea Roth,de,030 1234567\nCleo Rey,de,0171 1234567\n"
    take(crm, f"Name,Language,Phone\n{rows}")

    assert phones(crm) == ["+33612345678", "+49301234567", "+491711234567"]


def test_numbers_with_a_country_code_need_no_region(crm: Workspace) -> None:
    report = take(crm, f"{ENGLISH}Ann Lee,ann@x.example,+33 6 12 34 56 78,\n")

    assert phones(crm) == ["+33612345678"]
    assert "phone region" not in {each.what for each in report.findings}


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_the_evidence_holds_for_all_rows_whatever_the_parts(crm: Workspace, batch_size: int) -> None:
    rows = "".join(f"P{number} X,p{number}@x.example,98765432{number:02},\n" for number in range(20))
    source = BytesSource("people.csv", f"{ENGLISH}{rows}Z Z,z@x.example,9876543299,India\n".encode())

    import_leads(crm, source, batch_size=batch_size)

    assert phones(crm)[:2] == ["+919876543200", "+919876543201"]
    assert None not in phones(crm)
