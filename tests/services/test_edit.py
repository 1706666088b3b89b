"""Plain edits, and what stands in their way."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from crmkit.core.query import Query
from crmkit.errors import ConflictError, NotFoundError, RejectedError
from crmkit.services.convert import convert_lead
from crmkit.services.edit import add_records, delete_records, restore_records, tag_records, update_records
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace


def add(workspace: Workspace, kind: str, /, **values: Any) -> Any:
    return add_records(workspace, kind, [values]).value[0]


def dump(workspace: Workspace) -> dict[str, list[Any]]:
    """Everything that is stored, deleted or not."""
    with workspace.storage.read() as view:
        return {kind.name: view.find(Query(type=kind.name, deleted=True)) for kind in workspace.schema}


def test_a_new_record_has_what_was_given_and_says_which_operation_made_it(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", email=" Jules@Hospy.example ", phone="+33 1 42 68 53 00")

    assert (lead.first_name, lead.email, lead.phone) == ("Jules", "Jules@hospy.example", "+33142685300")
    assert (lead.version, lead.created_at, lead.updated_at) == (1, lead.created_at, lead.created_at)
    with workspace.storage.read() as view:
        operation = workspace.schema["operation"].load(view.get_many("operation", [lead.operation_id])[0])
    assert (operation.kind, operation.actor, operation.counts) == ("edit", "Ada", {"lead": {"created": 1}})


@pytest.mark.parametrize("name", [" ", "\u2028", "\t\n"])
def test_what_is_demanded_may_not_be_blank(workspace: Workspace, name: str) -> None:
    with pytest.raises(RejectedError, match="name is missing"):
        add(workspace, "campaign", name=name)


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_stored(workspace: Workspace) -> None:
    before = dump(workspace)

    with pytest.raises(RejectedError) as caught:
        add_records(
            workspace,
            "lead",
            [
                {"first_name": "Jules", "emial": "x", "score": "many"},
                {"email": "no address", "status": "disqualified"},
                {"title": "CEO"},
            ],
        )

    reasons = caught.value.reasons
    assert reasons[0] == "row 1: a lead has no field 'emial'; did you mean email?"
    assert reasons[1] == "row 1: score is not a whole number"
    assert reasons[2].startswith("row 2: email 'no address' is no e-mail address: ")
    assert reasons[3] == "row 2: a disqualified lead needs a disqualified_reason"
    assert reasons[4].startswith("row 3: a lead needs at least a name")
    assert dump(workspace) == before


def test_the_limits_of_a_class_are_kept(workspace: Workspace) -> None:
    with pytest.raises(RejectedError, match="score must be 0 to 100, not 101"):
        add(workspace, "lead", first_name="Jules", score=101)


def test_of_two_people_who_edit_the_same_record_the_second_hears_about_it(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    update_records(workspace, "lead", [lead], {"title": "CEO"})

    with pytest.raises(ConflictError) as caught:
        update_records(workspace, "lead", [lead], {"title": "CTO"})

    assert (caught.value.expected, caught.value.found) == (1, 2)


def test_a_record_named_by_its_id_is_changed_whatever_its_version(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    update_records(workspace, "lead", [lead.id], {"title": "CEO"})

    changed = update_records(workspace, "lead", [lead.id], {"title": None}).value[0]

    assert (changed.title, changed.version) == (None, 3)


def test_the_log_tells_the_old_and_the_new_value_and_why(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")

    changes = {"title": "CEO", "status": "contacted", "email": "jules@hospy.example"}
    update_records(workspace, "lead", [lead], changes, reason="a call")

    with workspace.storage.read() as view:
        change = workspace.schema["change"].load(view.find(Query(type="change"))[0])
    assert change.record_id == lead.id
    assert change.fields == {
        "title": [None, "CEO"],
        "status": ["new", "contacted"],
        "email": [None, "jules@hospy.example"],  # what is derived from it is not told
    }
    assert (change.why, change.to_version) == ("a call", 2)


def test_a_change_that_changes_nothing_writes_no_version(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")

    same = update_records(workspace, "lead", [lead], {"first_name": "Jules"}).value[0]

    assert same.version == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "converted"}, "a new lead cannot become converted"),
        ({"status": "disqualified"}, "a disqualified lead needs a disqualified_reason"),
        ({"id": "lead_1"}, "id of a lead cannot be set by an edit"),
        ({"campaign_id": "campaign_1"}, "campaign_id campaign_1 does not exist"),
        ({"owner_id": "nobody"}, "owner_id 'nobody' is not the id of a user"),
    ],
)
def test_an_edit_keeps_to_the_rules_of_a_lead(workspace: Workspace, changes: dict[str, Any], reason: str) -> None:
    lead = add(workspace, "lead", first_name="Jules")

    with pytest.raises(RejectedError, match=reason):
        update_records(workspace, "lead", [lead], changes)


def test_a_lead_that_comes_back_to_a_campaign_is_its_member_once(workspace: Workspace) -> None:
    salon, fair = (add(workspace, "campaign", name=name) for name in ("Salon", "Fair"))
    lead = add(workspace, "lead", first_name="Jules", campaign_id=salon)

    for campaign in (fair, salon):
        update_records(workspace, "lead", [lead.id], {"campaign_id": campaign})

    members = workspace.schema["campaign_member"].load_many(dump(workspace)["campaign_member"])
    assert [(member.campaign_id, member.person_id) for member in members] == [(salon.id, lead.id), (fair.id, lead.id)]


def test_what_is_wrong_with_several_of_one_name_is_said_once(workspace: Workspace) -> None:
    leads = [add(workspace, "lead", first_name="Jules") for _ in range(2)]

    with pytest.raises(RejectedError) as caught:
        update_records(workspace, "lead", leads, {"score": "high"})

    assert len(caught.value.reasons) == 1


def test_what_is_wrong_with_several_names_each_of_them(workspace: Workspace) -> None:
    jules, ada = (add(workspace, "lead", first_name=name) for name in ("Jules", "Ada"))
    delete_records(workspace, "lead", [ada])

    with pytest.raises(RejectedError) as caught:
        update_records(workspace, "lead", [jules.id, ada.id], {"title": "CEO", "score": "high"})

    assert [reason.partition(" score")[0] for reason in caught.value.reasons][:2] == ["Jules:", "Ada:"]
    assert caught.value.reasons[-1] == "Ada: Ada is deleted; restore it first"


def test_tags_are_put_on_and_taken_off_and_the_others_stay(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", tags=["salon", "cold"])

    (tagged,) = tag_records(workspace, "lead", [lead], add=["vip"], remove=["cold"]).value

    assert tagged.tags == ("salon", "vip")


def test_what_has_no_tags_cannot_be_tagged(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")

    with pytest.raises(RejectedError, match="a operation has no tags"):
        tag_records(workspace, "operation", [lead.operation_id], add=["vip"])


def test_a_record_stands_for_its_id(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon 2026")

    lead = add(workspace, "lead", first_name="Jules", campaign_id=campaign)

    assert lead.campaign_id == campaign.id


def test_a_deleted_record_can_be_restored(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")

    deleted = delete_records(workspace, "lead", [lead], reason="a test").value[0]
    restored = restore_records(workspace, "lead", [deleted]).value[0]

    assert deleted.deleted_at is not None
    assert restored.deleted_at is None


def test_what_living_records_belong_to_is_not_deleted(workspace: Workspace) -> None:
    account = add(workspace, "account", name="Hospy Médias")
    add(workspace, "contact", last_name="Etienne", account_id=account)

    with pytest.raises(RejectedError, match="the contact Etienne belongs to it"):
        delete_records(workspace, "account", [account])


def test_nothing_is_restored_to_what_is_deleted(workspace: Workspace) -> None:
    account = add(workspace, "account", name="Hospy Médias")
    contact = add(workspace, "contact", last_name="Etienne", account_id=account)
    delete_records(workspace, "contact", [contact])
    delete_records(workspace, "account", [account])

    with pytest.raises(RejectedError, match="Etienne belongs to the account Hospy Médias, which is deleted"):
        restore_records(workspace, "contact", [contact.id])

    restore_records(workspace, "account", [account.id])
    assert restore_records(workspace, "contact", [contact.id]).value[0].deleted_at is None


def test_a_record_and_what_it_is_part_of_are_restored_at_once(workspace: Workspace) -> None:
    group = add(workspace, "account", name="Hospy Group")
    branch = add(workspace, "account", name="Hospy Médias", parent_id=group)
    delete_records(workspace, "account", [group, branch])

    restored = restore_records(workspace, "account", [branch.id, group.id]).value

    assert [account.deleted_at for account in restored] == [None, None]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_that_json_has_not_is_refused(workspace: Workspace, number: str) -> None:
    with pytest.raises(RejectedError, match="extra holds a value that JSON cannot"):
        add(workspace, "lead", first_name="Jules", extra={"height": float(number)})


def test_a_converted_lead_stays_and_its_contact_may_go(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", company="Hospy")
    conversion = convert_lead(workspace, lead).value.conversion
    assert conversion is not None

    with pytest.raises(RejectedError, match="Jules is converted and stays for the reports"):
        delete_records(workspace, "lead", [lead.id])
    (gone,) = delete_records(workspace, "contact", [conversion.contact_id]).value

    assert gone.deleted_at is not None


def test_a_record_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="there is no lead 'lead_1'"):
        update_records(workspace, "lead", ["lead_1"], {"title": "CEO"})


def test_what_only_a_service_makes_cannot_be_added(workspace: Workspace) -> None:
    with pytest.raises(RejectedError, match="a conversion is made by converting a lead"):
        add(workspace, "conversion", lead_id="lead_1")


def test_a_phone_number_is_read_in_the_form_of_its_country(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", country="FR", phone="01 42 68 53 00")

    changed = update_records(workspace, "lead", [lead], {"mobile": "06 12 34 56 78"}).value[0]

    assert (changed.phone, changed.mobile) == ("+33142685300", "+33612345678")


def test_without_a_country_the_region_of_the_settings_counts(workspace: Workspace) -> None:
    lead = add(attrs.evolve(workspace, settings=Settings(region="FR")), "lead", phone="01 42 68 53 00")

    assert lead.phone == "+33142685300"
