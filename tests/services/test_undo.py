"""Undo takes everything back or nothing, and says what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.activity import ActivityKind
from crmkit.core.lead import LeadStatus
from crmkit.core.message import MessageStatus
from crmkit.core.planning import Planning
from crmkit.errors import CrmkitError, NotReversibleError, RejectedError
from crmkit.services.activities import log_activity
from crmkit.services.convert import convert_lead, convert_leads
from crmkit.services.edit import add_records, delete_records, restore_records, update_records
from crmkit.services.operations import Request, open_operation, run
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.test_convert import jules, load
from tests.services.test_edit import add, dump


def living(workspace: Workspace) -> dict[str, dict[str, dict[str, Any]]]:
    """Every living record, without what an undo moves on: version and updated_at; without the log."""
    state: dict[str, dict[str, dict[str, Any]]] = {}
    for name, rows in dump(workspace).items():
        kind = workspace.schema[name]
        if kind.undo == "keep":
            continue
        for row in rows:
            values = dict(zip(kind.field_names, row, strict=True))
            if values["deleted_at"] is None:
                del values["version"], values["updated_at"]
                state.setdefault(name, {})[str(values["id"])] = values
    return state


def test_an_undone_edit_gives_back_every_old_value(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", title="CEO", tags=["a"])
    before = living(workspace)
    outcome = update_records(workspace, "lead", [lead], {"title": None, "first_name": "Jim", "tags": ["b", "c"]})

    undo(workspace, str(outcome.operation_id))

    assert living(workspace) == before
    assert load(workspace, lead.id).version == 3


def test_what_was_created_becomes_a_tombstone_and_a_redo_revives_the_same_id(workspace: Workspace) -> None:
    outcome = add_records(workspace, "lead", [{"first_name": "Jules"}])
    after = living(workspace)

    undone = undo(workspace, str(outcome.operation_id)).value
    assert living(workspace) == {}
    redone = redo(workspace, str(outcome.operation_id)).value

    assert (undone.removed, redone.restored) == (1, 1)
    assert living(workspace) == after


def test_undo_and_redo_alternate(workspace: Workspace) -> None:
    outcome = add_records(workspace, "lead", [{"first_name": "Jules"}])
    operation = str(outcome.operation_id)
    with pytest.raises(NotReversibleError, match="is not undone"):
        redo(workspace, operation)
    for _ in range(2):
        undo(workspace, operation)
        with pytest.raises(NotReversibleError, match="is undone already"):
            undo(workspace, operation)
        redo(workspace, operation)

    assert len(living(workspace)["lead"]) == 1


def test_a_later_change_stands_in_the_way_and_is_named(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    first = update_records(workspace, "lead", [lead], {"title": "CEO"})
    update_records(workspace, "lead", [lead.id], {"title": "CTO"})
    before = dump(workspace)

    with pytest.raises(NotReversibleError) as caught:
        undo(workspace, str(first.operation_id))

    assert len(caught.value.obstacles) == 1
    assert caught.value.obstacles[0].startswith("the lead Jules was changed since by the edit of ")
    assert dump(workspace) == before


def test_the_undo_of_the_later_change_clears_the_way_no_more_than_it_should(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    first = update_records(workspace, "lead", [lead], {"title": "CEO"})
    second = update_records(workspace, "lead", [lead.id], {"title": "CTO"})
    undo(workspace, str(second.operation_id))

    undo(workspace, str(first.operation_id), keep_changed=False)

    assert load(workspace, lead.id).title is None


def test_a_conversion_is_taken_back_as_a_whole(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon")
    lead = jules(workspace, campaign_id=campaign)
    log_activity(workspace, ActivityKind.CALL, "He is interested", about=[lead])
    before = living(workspace)
    result = convert_lead(workspace, lead.id).value
    after = living(workspace)

    undo(workspace, str(result.operation_id))
    assert living(workspace) == before
    redo(workspace, str(result.operation_id))

    assert living(workspace) == after


def test_a_colleague_in_the_shared_account_stands_in_the_way(workspace: Workspace) -> None:
    first = convert_lead(workspace, jules(workspace)).value
    marie = add(workspace, "lead", first_name="Marie", last_name="Durand", email="marie@hospy-medias.example")
    second = convert_lead(workspace, marie).value

    with pytest.raises(NotReversibleError) as caught:
        undo(workspace, str(first.operation_id))
    assert caught.value.obstacles == ("the contact Marie Durand belongs to Hospy Médias",)

    undo(workspace, str(second.operation_id))
    undo(workspace, str(first.operation_id))
    assert "contact" not in living(workspace)


def test_a_colleague_stands_in_the_way_of_undoing_a_redo_too(workspace: Workspace) -> None:
    first = convert_lead(workspace, jules(workspace))
    undo(workspace, str(first.operation_id))
    redo(workspace, str(first.operation_id))
    convert_lead(workspace, jules(workspace, first_name="Camille", email="camille@hospy-medias.fr"))
    before = dump(workspace)

    with pytest.raises(NotReversibleError, match=r"the contact Camille .* belongs to"):
        undo(workspace, str(first.operation_id))

    assert dump(workspace) == before


@pytest.mark.parametrize("change", [{"account_id": None}, None], ids=["parted", "deleted"])
def test_nothing_comes_back_to_what_is_deleted(workspace: Workspace, change: dict[str, Any] | None) -> None:
    account = add(workspace, "account", name="Hospy Médias")
    contact = add(workspace, "contact", last_name="Etienne", account_id=account)
    if change is None:
        outcome = delete_records(workspace, "contact", [contact])
    else:
        outcome = update_records(workspace, "contact", [contact], change)
    gone = delete_records(workspace, "account", [account])

    with pytest.raises(NotReversibleError) as caught:
        undo(workspace, str(outcome.operation_id))

    assert caught.value.obstacles == ("Etienne belongs to the account Hospy Médias, which is deleted",)
    undo(workspace, str(gone.operation_id))
    undo(workspace, str(outcome.operation_id))
    assert living(workspace)["contact"][contact.id]["account_id"] == account.id


def test_a_note_of_before_goes_with_a_restored_lead_and_one_of_since_is_in_the_way(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules")
    log_activity(workspace, ActivityKind.NOTE, "of before", about=[lead])
    delete_records(workspace, "lead", [lead.id])
    operation = str(restore_records(workspace, "lead", [lead.id]).operation_id)
    undo(workspace, operation)
    assert "lead" not in living(workspace)
    redo(workspace, operation)
    log_activity(workspace, ActivityKind.NOTE, "of since", about=[lead])

    with pytest.raises(NotReversibleError) as caught:
        undo(workspace, operation)

    assert caught.value.obstacles == ("the activity note “of since” is bound to Jules",)


def test_what_was_deleted_together_comes_back_together(workspace: Workspace) -> None:
    account = add(workspace, "account", name="Hospy Médias")
    contact = add(workspace, "contact", last_name="Etienne", account_id=account)
    with open_operation(workspace, Request(kind="edit")) as both:
        delete_records(workspace, "contact", [contact])
        delete_records(workspace, "account", [account])

    undo(workspace, both.operation_id)

    assert set(living(workspace)) == {"account", "contact"}


def test_an_erasure_is_for_good(workspace: Workspace) -> None:
    def plan(planning: Planning) -> dict[str, Any]:
        return {"id": planning.create("lead", {"first_name": "Jules"})}

    outcome = run(workspace, Request(kind="erase"), plan, lambda _view, _result: None)

    with pytest.raises(NotReversibleError, match="cannot be undone"):
        undo(workspace, str(outcome.operation_id))


def test_an_undo_is_an_operation_of_its_own(workspace: Workspace) -> None:
    operation = str(add_records(workspace, "lead", [{"first_name": "Jules"}]).operation_id)

    with open_operation(workspace, Request(kind="edit")):
        for way in (undo, redo):
            with pytest.raises(RejectedError, match=f"an? {way.__name__} cannot be part of an open operation"):
                way(workspace, operation)


def test_what_stands_in_the_way_can_be_kept_and_the_rest_undone(workspace: Workspace) -> None:
    lead = jules(workspace)
    result = convert_lead(workspace, lead.id).value
    assert result.conversion is not None
    update_records(workspace, "contact", [result.conversion.contact_id], {"title": "PDG"})

    report = undo(workspace, str(result.operation_id), keep_changed=True).value

    kept = living(workspace)
    assert set(kept["contact"]) == {result.conversion.contact_id}
    assert set(kept["account"]) == {result.conversion.account_id}  # the contact still belongs to it
    assert load(workspace, lead.id).status is LeadStatus.NEW
    assert any("Jules ETIENNE was changed since" in text for text in report.kept)


def test_a_bulk_can_be_undone_for_some_of_its_records(workspace: Workspace) -> None:
    leads = [
        jules(workspace),
        add(workspace, "lead", first_name="Marie", email="marie@hospy-medias.example"),
        add(workspace, "lead", first_name="Ada", company="Lovelace"),
    ]
    results = convert_leads(workspace, leads).value
    operation = str(results[0].operation_id)

    undo(workspace, operation, only=[leads[2].id, leads[1].id])

    assert [load(workspace, lead.id).status.value for lead in leads] == ["converted", "new", "new"]
    names = {row["name"] for row in living(workspace)["account"].values()}
    assert names == {"Hospy Médias"}
    assert len(living(workspace)["contact"]) == 1
    undo(workspace, operation, keep_changed=True)
    assert "contact" not in living(workspace)


def test_what_the_operation_did_nothing_to_is_not_undone_in_silence(workspace: Workspace) -> None:
    other = add(workspace, "lead", first_name="Jules")
    bulk = add_records(workspace, "lead", [{"first_name": "Marie"}, {"first_name": "Ada"}])
    operation, (marie, ada) = str(bulk.operation_id), bulk.value
    undo(workspace, operation, only=[marie])
    before = dump(workspace)

    for once_more in ([other], [marie], [ada, other]):
        with pytest.raises(NotReversibleError, match=f"has nothing of {once_more[-1].id} to take back"):
            undo(workspace, operation, only=once_more)

    assert dump(workspace) == before


@pytest.mark.parametrize("named", ["contact_id", "account_id", "id"])
def test_what_a_lead_became_may_stand_for_it(workspace: Workspace, named: str) -> None:
    leads = [jules(workspace), add(workspace, "lead", first_name="Ada", company="Lovelace")]
    results = convert_leads(workspace, leads).value

    undo(workspace, str(results[0].operation_id), only=[getattr(results[1].conversion, named)])

    assert [load(workspace, lead.id).status.value for lead in leads] == ["converted", "new"]
    assert load(workspace, leads[1].id).conversion_id is None
    assert {row["name"] for row in living(workspace)["account"].values()} == {"Hospy Médias"}


def test_queued_mail_is_cancelled_and_sent_mail_is_listed(workspace: Workspace) -> None:
    def plan(planning: Planning) -> dict[str, Any]:
        for status, sent_at in (
            (MessageStatus.QUEUED, None),
            (MessageStatus.SENT, planning.at),
            (MessageStatus.CANCELLED, None),
        ):
            planning.create(
                "message",
                {
                    "status": status,
                    "sent_at": sent_at,
                    "dedupe_key": status.value,
                    "template_key": "thank_you",
                    "address": "jules@hospy.example",
                    "address_key": "jules@hospy.example",
                    "subject": "Thank you",
                    "text": "…",
                    "message_id": f"{status.value}@crm.example",
                },
            )
        return {}

    outcome = run(workspace, Request(kind="send"), plan, lambda _view, _result: None)

    report = undo(workspace, str(outcome.operation_id)).value

    assert report.cancelled == 1
    assert [text[:55] for text in report.sent] == ["the mail “Thank you” to jules@hospy.example was sent at "[:55]]
    statuses = {row["dedupe_key"]: row["status"] for row in living(workspace)["message"].values()}
    assert statuses == {None: "cancelled", "sent": "sent", "cancelled": "cancelled"}
    redo(workspace, str(outcome.operation_id))
    statuses = {row["dedupe_key"]: row["status"] for row in living(workspace)["message"].values()}
    assert statuses == {"queued": "queued", "sent": "sent", "cancelled": "cancelled"}


def test_a_dry_run_of_an_undo_reports_and_changes_nothing(workspace: Workspace) -> None:
    outcome = add_records(workspace, "lead", [{"first_name": "Jules"}])
    before = dump(workspace)

    report = undo(workspace, str(outcome.operation_id), dry_run=True).value

    assert report.removed == 1
    assert dump(workspace) == before


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "update", "delete", "convert", "note"]), st.integers(0, 5), st.text("abc", max_size=2)
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_undoing_everything_backwards_leads_back_step_by_step(steps: list[tuple[str, int, str]]) -> None:
    workspace = open_workspace(MemoryStorage())
    states, operations = [], []
    for what, which, text in steps:
        before = living(workspace)
        operation = step(workspace, what, which, text)
        if operation:
            states.append(before)
            operations.append(operation)
    after = living(workspace)

    for operation, state in zip(reversed(operations), reversed(states), strict=True):
        undo(workspace, operation)
        assert living(workspace) == state
    for operation in operations:
        redo(workspace, operation)

    assert living(workspace) == after


def step(workspace: Workspace, what: str, which: int, text: str) -> str | None:
    """Do one of many things; what is refused does not count."""
    leads = list(living(workspace).get("lead", {}))
    if what == "add" or not leads:
        row = {"first_name": f"Lead {text}", "company": text, "email": f"{text or 'x'}@acme.example"}
        return add_records(workspace, "lead", [row]).operation_id
    lead = leads[which % len(leads)]
    try:
        if what == "update":
            return update_records(workspace, "lead", [lead], {"title": text, "tags": [text]}).operation_id
        if what == "delete":
            return delete_records(workspace, "lead", [lead]).operation_id
        if what == "convert":
            return convert_lead(workspace, lead).operation_id
        return log_activity(workspace, ActivityKind.NOTE, f"note {text}", about=[lead]).operation_id
    except CrmkitError:
        return None
