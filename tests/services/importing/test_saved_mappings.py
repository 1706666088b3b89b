"""What columns hold: said once and used again, and in words of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit.core.imports import ImportReport
from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.saved_mapping import SavedMapping
from crmkit.errors import ConfigError, NotFoundError, RejectedError
from crmkit.services.importing import import_leads
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace
from tests.import_samples import records, with_importers

FILE = "Wer;Wo;E-Mail\nAnna Berg;Acme;anna@x.example\n"
MAPPING = {"Wer": "full_name", "Wo": "company"}


@pytest.fixture
def crm(workspace: Workspace) -> Workspace:
    from crmkit.plugins.builtin.csv_importer import CsvImporter

    return with_importers(workspace, CsvImporter())


def take(
    crm: Workspace, text: str = FILE, *, mapping: dict[str, str] | None = None, dry_run: bool = False, **asked: str
) -> ImportReport:
    source = BytesSource("kunden.csv", text.encode())
    options = ReadingOptions(mapping=mapping or {})
    return import_leads(crm, source, options=options, dry_run=dry_run, **asked).value  # type: ignore[arg-type]  # as given


def saved(crm: Workspace) -> dict[str, dict[str, str]]:
    mappings: list[SavedMapping] = records(crm, "mapping")
    return {each.name: dict(each.columns) for each in mappings if each.deleted_at is None}


def test_a_mapping_is_saved_with_an_import_and_used_for_another_file(crm: Workspace) -> None:
    take(crm, mapping=MAPPING, save_mapping_as="shop")
    take(crm, FILE.replace("Anna Berg;Acme;anna", "Paul Roth;Beta;paul"), saved_mapping="shop")

    leads = {lead.name: lead.company for lead in records(crm, "lead")}
    assert leads == {"Anna Berg": "Acme", "Paul Roth": "Beta"}
    assert saved(crm) == {"shop": MAPPING}


def test_what_is_said_now_goes_before_what_was_saved(crm: Workspace) -> None:
    take(crm, mapping=MAPPING, save_mapping_as="shop")
    take(crm, FILE.replace("anna", "paul"), saved_mapping="shop", mapping={"Wo": "city"}, save_mapping_as="shop")

    assert {lead.city for lead in records(crm, "lead")} == {None, "Acme"}
    assert saved(crm) == {"shop": {"Wer": "full_name", "Wo": "city"}}


def test_saving_the_same_again_is_no_operation(crm: Workspace) -> None:
    take(crm, mapping=MAPPING, save_mapping_as="shop")
    before = len(records(crm, "operation"))

    take(crm, mapping=MAPPING, save_mapping_as="shop")

    assert len(records(crm, "operation")) == before


def test_neither_a_dry_run_nor_a_refused_import_saves_a_mapping(crm: Workspace) -> None:
    take(crm, mapping=MAPPING, save_mapping_as="shop", dry_run=True)
    with pytest.raises(RejectedError, match="there is no column 'Wann'"):
        take(crm, mapping={"Wann": "notes"}, save_mapping_as="shop")

    assert saved(crm) == {}


def test_a_mapping_that_says_nothing_is_not_saved(crm: Workspace) -> None:
    with pytest.raises(RejectedError, match="no mapping to save"):
        take(crm, save_mapping_as="shop")

    assert records(crm, "lead") == []


def test_a_name_that_is_not_there_is_refused_with_what_comes_close(crm: Workspace) -> None:
    take(crm, mapping=MAPPING, save_mapping_as="shop floor")

    with pytest.raises(NotFoundError) as caught:
        take(crm, saved_mapping="shpo floor")

    assert caught.value.suggestions == ("shop floor",)


def test_a_saved_mapping_is_a_record_like_any_other() -> None:
    with crmkit.open("memory:", create=True, discover=False) as crm:
        crm.import_leads(
            BytesSource("kunden.csv", FILE.encode()),
            importer="csv",
            options=ReadingOptions(mapping=MAPPING),
            save_mapping_as="shop",
        )
        shop = crm.mappings.find("shop")
        crm.mappings.delete(shop)

        assert shop.columns == MAPPING
        assert crm.mappings.count() == 0


def test_words_of_the_settings_name_columns(tmp_path: Path) -> None:
    config = tmp_path / "crmkit.toml"
    config.write_text('[synonyms]\nfull_name = ["Wer"]\ncompany = ["Wo", "Kundenfirma"]\n', encoding="utf-8")

    with crmkit.open("memory:", config=config, create=True, discover=False) as crm:
        crm.import_leads(BytesSource("kunden.csv", FILE.encode()), importer="csv")
        [lead] = crm.leads

    assert (lead.name, lead.company) == ("Anna Berg", "Acme")


def test_words_of_ones_own_find_the_header(tmp_path: Path) -> None:
    config = tmp_path / "crmkit.toml"
    config.write_text('[synonyms]\nfull_name = ["Wer"]\ncompany = ["Wo"]\n', encoding="utf-8")
    text = "Liste der Kunden;\nWer;Wo\nAnna Berg;Acme\n"

    with crmkit.open("memory:", config=config, create=True, discover=False) as crm:
        report = crm.import_leads(BytesSource("kunden.csv", text.encode()), importer="csv")

    assert (report.created, report.header) == (1, ("Wer", "Wo"))


def test_words_of_ones_own_go_before_what_an_importer_has_no_field_for(tmp_path: Path) -> None:
    config = tmp_path / "crmkit.toml"
    config.write_text('[synonyms]\nnotes = ["Rating", "Lead Name"]\n', encoding="utf-8")
    zoho = b"Lead Name,Lead Owner,Lead Status,Rating,Email\nAnn Lee,Bob,New,hot,ann@x.example\n"

    with crmkit.open("memory:", config=config, create=True, discover=False) as crm:
        report = crm.import_leads(BytesSource("zoho.csv", zoho))
        [lead] = crm.leads

    assert report.importer == "zoho"
    assert (lead.name, lead.notes) == ("Ann Lee", "hot")


def test_a_word_for_a_field_that_is_not_there_is_refused_when_the_settings_are_read(tmp_path: Path) -> None:
    config = tmp_path / "crmkit.toml"
    config.write_text('[synonyms]\ncompny = ["Wo"]\n', encoding="utf-8")

    with pytest.raises(ConfigError, match="no field 'compny'") as caught:
        crmkit.open("memory:", config=config, create=True, discover=False)

    assert (caught.value.hint, caught.value.setting) == ("did you mean company?", "synonyms.compny")


def test_a_word_for_a_custom_field_that_is_not_there_is_refused_when_a_file_is_read(tmp_path: Path) -> None:
    config = tmp_path / "crmkit.toml"
    config.write_text('[synonyms]\n"badge_scan.booth" = ["Wo"]\n', encoding="utf-8")

    with (
        crmkit.open("memory:", config=config, create=True, discover=False) as crm,
        pytest.raises(RejectedError, match=r"no custom field 'badge_scan\.booth'"),
    ):
        crm.import_leads(BytesSource("kunden.csv", FILE.encode()), importer="csv")
