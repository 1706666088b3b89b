"""Drafts as sources write them, and the rows they become."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.drafts import DRAFT_FIELDS, DraftBatch, LeadDraft
from crmkit.core.lead import LEAD
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.preparing.job import Job
from crmkit.services.preparing.normalise import Rows, normalise

JOB = Job(source_name="people.csv", importer="csv")


def rows(*drafts: LeadDraft, job: Job = JOB) -> Rows:
    return normalise(
        DraftBatch.of([(line, [], draft) for line, draft in enumerate(drafts, 2)]), job, CustomColumns(LEAD)
    )


def the_lead(job: Job = JOB, **draft: Any) -> dict[str, Any]:
    """Return what one draft becomes, without what is empty."""
    found = rows(LeadDraft(**draft), job=job)
    assert not found.flaws
    return {name: column[0] for name, column in found.texts.items() if column[0] is not None}


@pytest.mark.parametrize(
    ("full_name", "parted"),
    [
        ("Jules ETIENNE", {"first_name": "Jules", "last_name": "Etienne"}),
        ("ETIENNE, Jules", {"first_name": "Jules", "last_name": "Etienne"}),
        ("Mme Anne LE GOFF", {"salutation": "Mme", "first_name": "Anne", "last_name": "Le Goff"}),
        ("Madonna", {"last_name": "Madonna"}),
    ],
)
def test_a_full_name_is_parted(full_name: str, parted: dict[str, str]) -> None:
    lead = the_lead(full_name=full_name)

    assert lead == parted


def test_a_full_name_that_says_something_else_than_its_parts_is_kept() -> None:
    same = rows(LeadDraft(full_name="Etienne Jules", first_name="Jules", last_name="ETIENNE"))
    other = rows(LeadDraft(full_name="Anne Le Goff", first_name="Jules", last_name="ETIENNE"))

    assert same.extra == [{}]
    assert other.extra == [{"full_name": "Anne Le Goff"}]


def test_a_job_title_in_the_column_of_salutations_becomes_the_title() -> None:
    lead = the_lead(last_name="Etienne", salutation="Directeur général")

    assert lead == {"last_name": "Etienne", "title": "Directeur général"}


def test_a_phone_number_is_read_in_the_form_of_its_country_then_of_the_region_then_of_the_source() -> None:
    in_germany = the_lead(attrs.evolve(JOB, region="FR"), last_name="A", phone="030 901820", country="Allemagne")
    in_the_region = the_lead(attrs.evolve(JOB, region="FR"), last_name="A", phone="01 42 68 53 00", language="de")
    by_language = the_lead(last_name="A", phone="01 42 68 53 00", language="français")
    by_source = the_lead(attrs.evolve(JOB, regions={None: "FR"}), last_name="A", phone="01 42 68 53 00")
    unknown = the_lead(attrs.evolve(JOB, regions={"en": None}), last_name="A", phone="212-555-0123", language="en")

    assert in_germany["phone"] == "+4930901820"
    assert {in_the_region["phone"], by_language["phone"], by_source["phone"]} == {"+33142685300"}
    assert unknown.get("phone") is None
    assert "language" not in by_source


def test_what_cannot_be_typed_is_kept_as_written_with_a_warning() -> None:
    found = rows(
        LeadDraft(
            last_name="Etienne", phone="12 ab", country="Atlantis", language="Elvish", website="-nowhere-", mobile="1"
        )
    )

    kept = {"phone": "12 ab", "country": "Atlantis", "language": "Elvish", "website": "-nowhere-", "mobile": "1"}
    assert found.extra == [kept]
    assert len(found.warnings[0]) == 5
    assert not found.flaws


def test_the_extension_of_a_number_is_kept_with_the_number_as_written() -> None:
    found = rows(LeadDraft(last_name="Etienne", phone="+1 206 555 0100 x752"))

    assert found.texts["phone"] == ["+12065550100"]
    assert found.extra == [{"phone": "+1 206 555 0100 x752"}]


def test_several_addresses_in_a_cell_are_told_apart() -> None:
    found = rows(
        LeadDraft(email="Jules <j.etienne@hospy.example>; jules@home.example", other_emails=["j@x.example", "?!"])
    )
    brackets = rows(LeadDraft(email="Jules Etienne <jules@Hospy.example>"))

    assert found.texts["email"] == ["j.etienne@hospy.example"]
    assert brackets.texts["email"] == ["jules@hospy.example"]
    assert found.extra == [{"other_emails": "?!"}]


def test_a_further_address_is_the_main_one_where_there_is_no_other() -> None:
    found = rows(LeadDraft(last_name="A", other_emails=["a@x.example", "b@x.example", "A@x.example"]))

    assert found.texts["email"] == ["A@x.example"]
    assert found.others == [("b@x.example",)]


def test_a_broken_address_is_kept_as_written_beside_whatever_else_makes_a_lead() -> None:
    found = rows(
        LeadDraft(last_name="Etienne", email="jules@"),
        LeadDraft(company="Hospy", email="invalid"),
        LeadDraft(phone="+33 1 42 68 53 00", email="Jules (at) hospy.example"),
        LeadDraft(email="Ann  Lee", other_emails=["ann@lee.example"], extra={"email": "a@"}),
        LeadDraft(email="x@hospy.example; jules@"),
    )

    assert found.flaws == {}
    assert found.texts["email"] == [None, None, None, "ann@lee.example", "x@hospy.example"]
    assert [extra["email"] for extra in found.extra] == [
        *("jules@", "invalid", "Jules (at) hospy.example", "a@; Ann Lee", "x@hospy.example; jules@"),
    ]
    assert found.warnings[1] == ["'invalid' is no e-mail address: an email address must have an @-sign"]
    assert found.warnings[4] == ["of 'x@hospy.example; jules@' only x@hospy.example is taken as e-mail address"]
    assert sorted(found.warnings) == [0, 1, 2, 3, 4]


def test_nothing_but_a_broken_address_costs_the_row() -> None:
    found = rows(LeadDraft(email="jules@", city="Lyon"))

    assert found.flaws[0][0].startswith("'jules@' is no e-mail address")


@pytest.mark.parametrize("word", ["n/a", "None", "-", "NULL", "unknown", "No e-mail", "keine", "aucun", "0", "XXX"])
def test_words_for_nothing_are_neither_addresses_nor_numbers(word: str) -> None:
    found = rows(LeadDraft(last_name="Etienne", email=word, phone=word))

    assert (found.texts["email"], found.texts["phone"], found.extra) == ([None], [None], [{}])
    assert found.warnings == {}


def test_a_row_without_anything_to_find_the_person_by_is_refused_with_what_was_not_understood() -> None:
    found = rows(LeadDraft(city="Lyon", phone="12"), LeadDraft(company="Hospy"))

    assert list(found.flaws) == [0]
    assert len(found.flaws[0]) == 2


def test_the_columns_of_a_rejects_file_are_left_out() -> None:
    plain = rows(LeadDraft(last_name="Etienne", extra={"Stand": "B12"}))
    mended = rows(LeadDraft(last_name="Etienne", extra={"Stand": "B12", "crmkit_line": "7", "crmkit_reason": "?"}))

    assert mended.extra == [{"Stand": "B12"}]
    assert mended.import_keys == plain.import_keys


def test_a_row_is_known_by_its_source_id_else_by_all_it_says() -> None:
    one = LeadDraft(last_name="Etienne", city="Lyon")

    found = rows(LeadDraft(last_name="A", source_id="77"), one, one, attrs.evolve(one, city="Nice"))

    assert found.import_keys[0] == "csv:77"
    assert found.import_keys[1] == found.import_keys[2] != found.import_keys[3]
    assert rows(one).import_keys[0] == found.import_keys[1]


def test_an_opt_out_without_an_address_is_kept() -> None:
    found = rows(LeadDraft(last_name="Etienne", opt_out=True), LeadDraft(email="a@x.example", opt_out=True))

    assert found.extra == [{"opt_out": "yes"}, {}]


def test_a_consent_without_an_address_is_kept() -> None:
    found = rows(*(LeadDraft(last_name="Etienne", opt_out=False, consent=consent) for consent in (True, False, None)))

    assert found.extra == [{"consent": "yes"}, {"consent": "no"}, {}]


def test_the_lines_of_notes_stay_lines() -> None:
    lead = the_lead(last_name="Etienne", notes="  wants a  demo\r\n\r\nin May ")

    assert lead["notes"] == "wants a demo\nin May"


TEXTS = [name for name in DRAFT_FIELDS if name not in {"other_emails", "tags", "opt_out", "consent", "extra"}]


@given(st.lists(st.dictionaries(st.sampled_from(TEXTS), st.text(max_size=30), max_size=6), min_size=1, max_size=5))
def test_any_text_becomes_a_row_that_can_be_stored_or_is_refused(drafts: list[dict[str, str]]) -> None:
    found = rows(*(LeadDraft(**draft) for draft in drafts))  # type: ignore[arg-type]  # text fields only

    for column in found.texts.values():
        assert len(column) == len(drafts)
        assert all(value is None or (value and value.encode()) for value in column)
    # A row is the same row wherever it stands.
    alone = [rows(LeadDraft(**draft)).import_keys[0] for draft in drafts]  # type: ignore[arg-type]
    assert found.import_keys == alone


def test_a_number_that_is_not_valid_is_enough_to_find_somebody_by() -> None:
    found = rows(LeadDraft(phone="99 00 11"), LeadDraft(phone="ask him"))

    assert (found.extra[0], list(found.warnings)) == ({"phone": "99 00 11"}, [0, 1])
    assert list(found.flaws) == [1]


def test_the_lines_of_what_has_no_field_stay_lines() -> None:
    found = rows(LeadDraft(last_name="Lind", extra={"Comment": "one\r\n\r\n two "}))

    assert found.extra[0] == {"Comment": "one\ntwo"}


@pytest.mark.parametrize(
    "written",
    [
        "+33 6 12 34 56 78 / 01 42 68 53 00",
        "0612345678;0142685300",
        "06 12 34 56 78\n01 42 68 53 00",
        "06 12 34 56 78 ou 01 42 68 53 00 le soir",
    ],
)
def test_of_several_numbers_in_a_cell_the_first_is_taken_and_all_are_kept(written: str) -> None:
    found = rows(LeadDraft(last_name="A", phone=written), job=attrs.evolve(JOB, region="FR"))

    kept = " ".join(written.split())
    assert found.texts["phone"] == ["+33612345678"]
    assert found.extra == [{"phone": kept}]
    assert found.warnings == {0: [f"of {kept!r} one number is taken"]}


def test_somebody_without_a_name_is_called_as_the_address_does() -> None:
    assert the_lead(email='"Lee, Ann" <ann@lee.example>') == {
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "ann@lee.example",
    }
    assert the_lead(email="Sales <sales@x.example>", last_name="Roe")["last_name"] == "Roe"
    assert the_lead(email="<ann@lee.example>") == {"email": "ann@lee.example"}


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?"])
def test_an_error_of_a_spreadsheet_is_an_empty_cell(error: str) -> None:
    assert the_lead(last_name="Lee", company=error, phone=error) == {"last_name": "Lee"}
