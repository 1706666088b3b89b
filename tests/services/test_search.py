"""Finding records across types."""

from __future__ import annotations

from typing import Any

import pytest

from crmkit.core.activity import ActivityKind
from crmkit.errors import AmbiguousMatchError, NotFoundError
from crmkit.services.activities import log_activity
from crmkit.services.cards import record_card
from crmkit.services.convert import convert_lead
from crmkit.services.edit import add_records, delete_records
from crmkit.services.search import find_deleted, find_record, search
from crmkit.services.workspace import Workspace


def add(workspace: Workspace, type_name: str, /, **values: Any) -> Any:
    return add_records(workspace, type_name, [values]).value[0]


def test_search_finds_every_type_by_the_beginnings_of_words(workspace: Workspace) -> None:
    lead = add(workspace, "lead", last_name="ETIENNE", company="Hospy Médias")
    account = add(workspace, "account", name="Hospy Médias")
    add(workspace, "account", name="Other")

    found = search(workspace, "medias HOSP")

    assert [(hit.kind, hit.record) for hit in found] == [("account", account), ("lead", lead)]
    assert search(workspace, "  ") == []


def test_an_exact_name_comes_before_a_part_of_one_and_that_before_other_words(workspace: Workspace) -> None:
    add(workspace, "lead", last_name="ETIENNE", company="Hospy")
    part = add(workspace, "account", name="Hospy Médias")

    by_part = find_record(workspace, "hospy")
    exact = add(workspace, "campaign", name="Hospy")

    assert by_part == part
    assert find_record(workspace, "hospy") == exact


def test_what_a_lead_became_comes_before_the_lead_which_an_id_still_means(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", last_name="ETIENNE")
    result = convert_lead(workspace, lead).value

    found = find_record(workspace, "Jules ETIENNE")

    assert result.conversion is not None
    assert found.id == result.conversion.contact_id
    assert find_record(workspace, lead.id).conversion_id == result.conversion.id
    assert find_record(workspace, "Jules ETIENNE", kinds=["lead"]).id == lead.id


def test_several_of_a_name_are_all_listed_with_their_kind(workspace: Workspace) -> None:
    lead = add(workspace, "lead", last_name="PETIT", company="Fils")
    contact = add(workspace, "contact", last_name="PETIT")

    with pytest.raises(AmbiguousMatchError) as caught:
        find_record(workspace, "petit")

    assert caught.value.candidates == ((lead.id, "PETIT", "lead, Fils"), (contact.id, "PETIT", "contact"))


def test_nothing_of_a_name_names_what_comes_close(workspace: Workspace) -> None:
    add(workspace, "account", name="Hospy Médias")

    with pytest.raises(NotFoundError) as caught:
        find_record(workspace, "Hopsy Medias")

    assert caught.value.suggestions == ("Hospy Médias",)


def test_a_deleted_record_is_found_among_the_deleted_only(workspace: Workspace) -> None:
    gone = add(workspace, "lead", last_name="GONE")
    alive = add(workspace, "lead", last_name="ALIVE")
    delete_records(workspace, "lead", [gone])

    assert find_deleted(workspace, "gone").id == gone.id
    with pytest.raises(NotFoundError):
        find_record(workspace, "GONE")
    with pytest.raises(NotFoundError):
        find_deleted(workspace, "ALIVE")
    assert find_deleted(workspace, alive.id) == alive


def test_a_card_holds_all_that_belongs_to_a_record(workspace: Workspace) -> None:
    salon = add(workspace, "campaign", name="Salon")
    lead = add(workspace, "lead", last_name="ETIENNE", company="Hospy", campaign_id=salon)
    add(workspace, "contact_point", person_id=lead.id, kind="email", value="jules@home.example")
    note = log_activity(workspace, ActivityKind.NOTE, "wants a demo", about=[lead]).value
    conversion = convert_lead(workspace, lead).value.conversion

    assert conversion is not None
    assert conversion.account_id is not None
    of_lead, of_account = record_card(workspace, lead.id), record_card(workspace, conversion.account_id)
    assert of_lead.references == {"campaign_id": salon}
    assert [point.value for point in of_lead.points] == ["jules@home.example"]
    assert [r.id for r in of_lead.related["converted into"]] == [conversion.contact_id, conversion.account_id]
    assert [r.id for r in of_account.related["contacts"]] == [conversion.contact_id]
    assert [r.id for r in of_account.related["origin"]] == [lead.id]
    assert {r.id for r in record_card(workspace, note.id).related["about"]} == {
        lead.id,
        conversion.contact_id,
        conversion.account_id,
    }
    assert record_card(workspace, salon.id).members == {"met": 2}
    assert [entry.text for entry in of_lead.timeline if entry.kind == "note"] == ["wants a demo"]


def test_a_card_of_nothing_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        record_card(workspace, "lead_0")
