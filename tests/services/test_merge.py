"""Merging: planned, lossless, once, undone like anything else."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.core.activity import ActivityKind
from crmkit.core.builtin import builtin_schema
from crmkit.core.conversion import Action
from crmkit.core.declarations import fields_of, type_of
from crmkit.core.declare import custom_fields, custom_record
from crmkit.core.fields import stored
from crmkit.core.query import Query
from crmkit.core.records import Record
from crmkit.errors import ConflictError, NotFoundError, NotReversibleError, RejectedError, StalePlanError
from crmkit.services.activities import log_activity
from crmkit.services.aliases import current_id
from crmkit.services.collections import Collection
from crmkit.services.convert import convert_lead
from crmkit.services.deals import lose_deal, open_deal, win_deal
from crmkit.services.edit import add_records, restore_records, update_records
from crmkit.services.merge import merge, merge_planned, plan_merge
from crmkit.services.operations import Request, run
from crmkit.services.pipelines import plan_default_pipeline
from crmkit.services.resolve import resolve
from crmkit.services.search import find_record
from crmkit.services.timeline import timeline
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.services.conftest import STORAGES, open_workspace
from tests.services.test_edit import add, dump
from tests.tracing import cost


def load(workspace: Workspace, record_id: str) -> Any:
    return workspace.load_many(workspace.schema.type_of(record_id).name, [record_id])[0]


def living(workspace: Workspace, kind: str) -> list[Any]:
    with workspace.storage.read() as view:
        return workspace.schema[kind].load_many(view.find(Query(type=kind)))


def two_contacts(workspace: Workspace) -> tuple[Any, Any]:
    winner = add(workspace, "contact", first_name="Jules", email="jules@hospy.example", title="PDG", tags=["vip"])
    loser = add(
        workspace,
        "contact",
        first_name="Jules",
        last_name="Etienne",
        email="j.etienne@gmail.com",
        title="Directeur",
        city="Lyon",
        tags=["salon"],
        notes="Likes tea",
    )
    return winner, loser


def with_pipeline(workspace: Workspace) -> None:
    run(workspace, Request(kind="begin"), lambda p: {"id": str(plan_default_pipeline(p))}, lambda _v, _r: None)


def test_what_is_empty_is_filled_and_nothing_is_overwritten(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)

    result = merge(workspace, winner, [loser]).value

    after = result.winner
    assert (result.outcome, after.id) == ("merged", winner.id)
    assert (after.title, after.last_name, after.city, after.tags) == ("PDG", "Etienne", "Lyon", ("salon", "vip"))
    assert (after.email, after.notes) == ("jules@hospy.example", "Likes tea")
    assert [m.unmapped for m in result.merges] == [{"title": "Directeur"}]
    assert [point.value for point in living(workspace, "contact_point")] == ["j.etienne@gmail.com"]


def test_the_plan_tells_each_field_and_writes_nothing(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    before = dump(workspace)

    plan = plan_merge(workspace, winner, [loser])

    told = {f.field: (f.old, f.new, f.action, f.source) for f in plan.fields}
    assert told["last_name"] == (None, "Etienne", Action.FILL, loser.id)
    assert told["title"] == ("PDG", "PDG", Action.KEEP, loser.id)
    assert told["tags"] == (("vip",), ("salon", "vip"), Action.APPEND, loser.id)
    assert plan.unmapped == {loser.id: {"title": "Directeur"}}
    assert all(f.reason for f in plan.fields)
    assert dump(workspace) == before


def test_a_plan_is_applied_just_as_it_is_and_refused_when_something_moved(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    plan, late = plan_merge(workspace, winner, [loser]), plan_merge(workspace, winner, [loser])

    result = merge_planned(workspace, plan).value

    assert result.operation_id == plan.changes.operation_id
    with pytest.raises(ConflictError):
        merge_planned(workspace, late)


def test_a_plan_is_refused_when_the_loser_got_a_child_meanwhile(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    plan = plan_merge(workspace, winner, [loser])
    log_activity(workspace, ActivityKind.NOTE, "Called", about=[loser])
    before = dump(workspace)

    with pytest.raises(StalePlanError):
        merge_planned(workspace, plan)

    assert dump(workspace) == before


def test_a_value_can_be_chosen_and_the_old_one_is_kept_on_the_merge(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)

    result = merge(workspace, winner, [loser], choose={"title": loser, "email": loser}).value

    assert (result.winner.title, result.winner.email) == ("Directeur", "j.etienne@gmail.com")
    assert result.merges[0].replaced == {"title": "PDG"}
    assert [point.value for point in living(workspace, "contact_point")] == ["jules@hospy.example"]


def test_the_id_of_the_loser_opens_the_winner_everywhere(workspace: Workspace) -> None:
    a, b = two_contacts(workspace)
    c = add(workspace, "contact", first_name="Jules", phone="+33142685300")
    merge(workspace, b, [c])
    merge(workspace, a, [b.id])

    contacts: Collection[Any] = Collection(workspace, "contact")

    assert [contacts.get(id_).id for id_ in (a.id, b.id, c.id)] == [a.id] * 3
    assert contacts.find(c.id).id == a.id
    assert find_record(workspace, c.id).id == a.id
    with workspace.storage.read() as view:
        assert resolve(view, workspace.schema, "contact", b.id) == a.id
    assert load(workspace, c.id).deleted_at is not None


def test_everything_that_referred_to_the_loser_refers_to_the_winner(workspace: Workspace) -> None:
    with_pipeline(workspace)
    winner, loser = add(workspace, "account", name="Hospy"), add(workspace, "account", name="Hospy SARL")
    person = add(workspace, "contact", first_name="Ada", account_id=loser)
    deal = open_deal(workspace, "Screens", account=loser.id, contacts=[person.id]).value
    daughter = add(workspace, "account", name="Hospy Sud", parent_id=loser)
    log_activity(workspace, ActivityKind.CALL, "They are interested", about=[loser])

    plan = plan_merge(workspace, winner, [loser])
    merge_planned(workspace, plan)

    assert load(workspace, person.id).account_id == winner.id
    assert load(workspace, deal.id).account_id == winner.id
    assert load(workspace, daughter.id).parent_id == winner.id
    assert plan.linked == {"account": 1, "contact": 1, "deal": 1, "link": 1}
    assert any(entry.text == "They are interested" for entry in timeline(workspace, winner.id))


def test_links_and_memberships_are_not_doubled_and_the_further_status_wins(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon")
    winner, loser = two_contacts(workspace)
    note = log_activity(workspace, ActivityKind.NOTE, "Both were there", about=[winner, loser]).value
    add(workspace, "campaign_member", campaign_id=campaign, person_id=winner, answer="maybe")
    add(workspace, "campaign_member", campaign_id=campaign, person_id=loser, status="responded", answer="yes")
    add(workspace, "contact_point", person_id=winner, kind="phone", value="+33142685300")
    add(workspace, "contact_point", person_id=loser, kind="phone", value="+33142685300", note="office")

    merge(workspace, winner, [loser])

    members = living(workspace, "campaign_member")
    assert [(m.person_id, m.status.value, m.answer) for m in members] == [(winner.id, "responded", "maybe")]
    assert [(link.from_id, link.to_id) for link in living(workspace, "link")] == [(note.id, winner.id)]
    phones = [p for p in living(workspace, "contact_point") if p.kind.value == "phone"]
    assert [(p.person_id, p.note) for p in phones] == [(winner.id, "office")]
    kept = [m.unmapped for m in living(workspace, "merge") if m.unmapped.get("answer")]
    assert kept == [{"answer": "yes"}]


def test_a_link_between_the_two_does_not_bind_the_winner_to_itself(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    add(workspace, "link", kind="knows", from_id=winner, to_id=loser)

    merge(workspace, winner, [loser])

    assert living(workspace, "link") == []


def test_an_address_that_the_winner_has_as_a_further_one_is_not_doubled(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    add(workspace, "contact_point", person_id=winner, kind="email", value=loser.email)

    merge(workspace, winner, [loser])

    assert [(p.person_id, p.value) for p in living(workspace, "contact_point")] == [(winner.id, loser.email)]


def test_losers_that_share_something_leave_it_once(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon")
    a, b, c = (add(workspace, "contact", first_name=name) for name in "ABC")
    for person in (b, c):
        add(workspace, "campaign_member", campaign_id=campaign, person_id=person)

    merge(workspace, a, [b, c])

    assert [m.person_id for m in living(workspace, "campaign_member")] == [a.id]


def test_an_account_never_becomes_its_own_parent(workspace: Workspace) -> None:
    top = add(workspace, "account", name="Top")
    middle = add(workspace, "account", name="Middle", parent_id=top)
    low = add(workspace, "account", name="Low", parent_id=middle)

    child_wins = merge(workspace, middle, [top]).value
    grandparent_loses = merge(workspace, low, [middle.id]).value

    assert child_wins.winner.parent_id is None
    assert grandparent_loses.winner.parent_id is None


def test_a_circle_over_a_third_account_is_opened_and_told(workspace: Workspace) -> None:
    top = add(workspace, "account", name="Top")
    middle = add(workspace, "account", name="Middle", parent_id=top)
    low = add(workspace, "account", name="Low", parent_id=middle)

    plan = plan_merge(workspace, low, [top])
    merge_planned(workspace, plan)

    parents = {load(workspace, middle.id).parent_id, load(workspace, low.id).parent_id}
    assert None in parents
    assert any("would belong to itself" in warning for warning in plan.warnings)


def test_merging_again_gives_the_first_result_and_changes_nothing(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    first = merge(workspace, winner, [loser]).value
    before = dump(workspace)

    again, turned = merge(workspace, winner, [loser]).value, merge(workspace, loser.id, [winner.id]).value

    assert (again.outcome, again.merges, again.operation_id) == ("already", first.merges, first.operation_id)
    assert (turned.outcome, turned.winner.id) == ("already", winner.id)
    assert dump(workspace) == before


def test_a_loser_that_is_part_of_another_is_refused_and_the_other_is_named(workspace: Workspace) -> None:
    a, b = two_contacts(workspace)
    c = add(workspace, "contact", first_name="Marie")
    merge(workspace, a, [b])

    with pytest.raises(RejectedError, match="Jules Etienne is merged into Jules Etienne already") as caught:
        merge(workspace, c, [b.id])

    assert a.id in caught.value.hint


def test_all_that_is_wrong_is_said_at_once(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    account = add(workspace, "account", name="Hospy")

    with pytest.raises(RejectedError) as mixed:
        merge(workspace, winner, [winner, account])
    with pytest.raises(RejectedError) as chosen:
        merge(workspace, winner, [loser], choose={"tilte": loser.id, "import_key": loser.id, "city": account.id})

    assert mixed.value.reasons == (
        "a record cannot be merged into itself",
        f"{account.id} is an account, not a contact",
    )
    assert chosen.value.reasons == (
        "a contact has no field 'tilte'; did you mean title?",
        "import_key of a contact cannot be chosen",
        f"city cannot be taken from {account.id}, which is not merged here",
    )


def test_what_is_not_there_or_no_business_record_is_refused(workspace: Workspace) -> None:
    winner, _ = two_contacts(workspace)
    users = [add(workspace, "user", name=name) for name in ("Ada", "Grace")]

    with pytest.raises(NotFoundError):
        merge(workspace, winner, ["contact_0"])
    with pytest.raises(RejectedError, match="users cannot be merged"):
        merge(workspace, users[0], users[1:])


def test_a_record_given_as_an_object_must_be_as_it_is_stored(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    update_records(workspace, "contact", [loser.id], {"title": "DG"})

    with pytest.raises(ConflictError):
        merge(workspace, winner, [loser])


def test_a_converted_lead_is_not_merged(workspace: Workspace) -> None:
    leads = [add(workspace, "lead", first_name="Jules", email=f"{i}@hospy.example") for i in range(2)]
    convert_lead(workspace, leads[0])

    with pytest.raises(RejectedError, match="is converted and lives on as a contact"):
        merge(workspace, leads[1].id, [leads[0].id])


def test_a_lead_that_is_a_contact_already_is_converted_into_it(workspace: Workspace) -> None:
    contact = add(workspace, "contact", first_name="Jules")
    lead = add(workspace, "lead", first_name="Jules", email="jules@hospy.example")

    result = merge(workspace, contact, [lead]).value
    again = merge(workspace, contact.id, [lead.id]).value

    assert (result.outcome, result.conversions[0].contact_id) == ("converted", contact.id)
    assert result.winner.email == "jules@hospy.example"
    assert (again.outcome, again.conversions) == ("already", result.conversions)
    assert living(workspace, "merge") == []


def test_a_lead_that_became_another_contact_is_refused_before_anything_is_written(workspace: Workspace) -> None:
    leads = [add(workspace, "lead", first_name=name) for name in ("Ada", "Grace")]
    other = add(workspace, "contact", first_name="Marie")
    convert_lead(workspace, leads[0])
    before = dump(workspace)

    with pytest.raises(RejectedError, match="is converted into the contact"):
        merge(workspace, other, [lead.id for lead in leads])

    assert dump(workspace) == before


def test_conversions_lead_to_the_winner(workspace: Workspace) -> None:
    lead = add(workspace, "lead", first_name="Jules", email="jules@hospy.example")
    conversion = convert_lead(workspace, lead).value.conversion
    assert conversion is not None
    winner = add(workspace, "contact", first_name="Jules")

    merge(workspace, winner.id, [conversion.contact_id])

    again = convert_lead(workspace, lead.id).value
    assert again.conversion is not None
    assert (again.outcome, again.conversion.contact_id) == ("already", winner.id)
    assert any(entry.record_id == lead.id for entry in timeline(workspace, winner.id))


def test_deals_keep_their_amount_and_stage_and_say_so(workspace: Workspace) -> None:
    with_pipeline(workspace)
    winner = open_deal(workspace, "Screens", amount="100 EUR").value
    loser = open_deal(workspace, "Screens 2", amount="250 EUR", stage="proposal", description="With stands").value

    plan = plan_merge(workspace, winner, [loser])
    result = merge_planned(workspace, plan).value

    assert (str(result.winner.amount), result.winner.stage_id) == ("100.00 EUR", winner.stage_id)
    assert result.winner.description == "With stands"
    assert result.merges[0].unmapped["amount"] == "250.00 EUR"
    assert plan.warnings == (
        "Screens 2 is worth 250.00 EUR; Screens keeps its 100.00 EUR",
        "Screens 2 is in another stage; Screens stays where it is",
    )
    assert len([s for s in living(workspace, "stage_change") if s.deal_id == winner.id]) == 1
    assert len([e for e in timeline(workspace, winner.id) if e.kind == "stage"]) == 2


def test_deals_of_different_accounts_or_outcomes_are_refused(workspace: Workspace) -> None:
    with_pipeline(workspace)
    accounts = [add(workspace, "account", name=name) for name in ("One", "Other")]
    deals = [open_deal(workspace, each.name, account=each.id, amount="1 EUR").value for each in accounts]
    win_deal(workspace, deals[0].id)
    lose_deal(workspace, deals[1].id, "price")

    with pytest.raises(RejectedError) as caught:
        merge(workspace, deals[0].id, [deals[1].id])

    assert caught.value.reasons == (
        "the deals One and Other are with different accounts; merge these first",
        "the deal One is won and Other is lost; only deals that are both open, both won or both lost can be merged",
    )


def test_a_dry_run_leaves_nothing_behind(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    before = dump(workspace)

    result = merge(workspace, winner, [loser], dry_run=True).value

    assert result.winner.last_name == "Etienne"
    assert dump(workspace) == before


def test_a_merged_record_is_not_restored_but_its_merge_undone(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    operation_id = merge(workspace, winner, [loser]).operation_id
    assert operation_id is not None

    with pytest.raises(RejectedError, match="Jules Etienne is merged into Jules Etienne; undo that merge"):
        restore_records(workspace, "contact", [loser.id])
    undo(workspace, operation_id)

    assert load(workspace, loser.id).deleted_at is None
    with workspace.storage.read() as view:
        assert current_id(view, workspace.schema, loser.id) == loser.id


def test_an_undo_names_what_was_changed_since_and_changes_nothing(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    operation_id = merge(workspace, winner, [loser]).operation_id
    assert operation_id is not None
    log_activity(workspace, ActivityKind.NOTE, "Later", about=[winner.id])
    update_records(workspace, "contact", [winner.id], {"city": "Nice"})
    before = dump(workspace)

    with pytest.raises(NotReversibleError, match="the contact Jules Etienne was changed since"):
        undo(workspace, operation_id)

    assert dump(workspace) == before


def test_who_gives_back_an_undone_merge_may_merge_the_other_way_round(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    first = merge(workspace, winner, [loser]).operation_id
    assert first is not None
    undo(workspace, first)
    merge(workspace, loser.id, [winner.id])

    with pytest.raises(NotReversibleError):
        redo(workspace, first)

    with workspace.storage.read() as view:
        assert current_id(view, workspace.schema, winner.id) == loser.id


def test_the_history_of_both_is_readable_on_the_winner_and_by_the_id_of_the_loser(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    update_records(workspace, "contact", [loser], {"city": "Nice"})
    log_activity(workspace, ActivityKind.NOTE, "Met at the fair", about=[loser])
    before = [(e.kind, e.text) for e in timeline(workspace, loser.id)]

    merge(workspace, winner.id, [loser.id])

    after = timeline(workspace, winner.id)
    assert set(before) <= {(e.kind, e.text) for e in after}
    assert timeline(workspace, loser.id) == after


def test_a_mail_stays_as_it_was_addressed_and_is_seen_at_the_winner(workspace: Workspace) -> None:
    winner, loser = two_contacts(workspace)
    values = {
        "person_id": loser.id,
        "template_key": "thank_you",
        "address": "j.etienne@gmail.com",
        "address_key": "j.etienne@gmail.com",
        "subject": "Merci",
        "text": "Merci",
        "message_id": "1@crm",
    }
    run(workspace, Request(kind="send"), lambda p: {"id": p.create("message", values)}, lambda _v, _r: None)

    merge(workspace, winner.id, [loser.id])

    message = living(workspace, "message")[0]
    assert (message.person_id, message.version) == (loser.id, 1)
    assert len([e for e in timeline(workspace, winner.id) if e.kind == "mail"]) == 1
    assert [(link.from_id, link.to_id) for link in living(workspace, "link")] == [(message.id, winner.id)]


@custom_fields("contact")
class Badge:
    booth: str | None = None
    staff: bool = False
    introduced_by: str | None = attrs.field(default=None, metadata=stored(references="contact"))


@custom_record("visit", unique=(("day", "visitor_id"),))
class Visit(Record):
    day: str
    visitor_id: str | None = attrs.field(default=None, metadata=stored(references="contact"))
    remark: str | None = None


@pytest.mark.parametrize("back_end", list(STORAGES))
def test_custom_fields_and_custom_records_take_part(back_end: str, tmp_path: Path) -> None:
    schema = builtin_schema().including([type_of(Visit)]).extended([fields_of(Badge)])
    storage = STORAGES[back_end](tmp_path)
    storage.prepare(schema, create=True)
    workspace = attrs.evolve(open_workspace(MemoryStorage()), storage=storage, schema=schema)
    winner = add(workspace, "contact", first_name="Jules")
    loser = add(workspace, "contact", first_name="Jules", badge={"booth": "B12", "staff": True})
    friend = add(workspace, "contact", first_name="Ada", badge={"introduced_by": loser.id})
    for person, day, remark in ((winner, "1", None), (loser, "1", "late"), (loser, "2", None)):
        add(workspace, "visit", day=day, visitor_id=person, remark=remark)

    result = merge(workspace, winner, [loser]).value

    assert (result.winner[Badge].booth, result.winner[Badge].staff) == ("B12", True)
    assert load(workspace, friend.id)[Badge].introduced_by == winner.id
    visits = sorted((v.day, v.visitor_id, v.remark) for v in living(workspace, "visit"))
    assert visits == [("1", winner.id, "late"), ("2", winner.id, None)]
    storage.close()


PEOPLE = st.fixed_dictionaries(
    {"first_name": st.sampled_from(["Jules", "Marie"])},
    optional={
        "email": st.sampled_from(["a@acme.example", "b@acme.example"]),
        "phone": st.sampled_from(["+33142685300", "+33142685301"]),
        "title": st.sampled_from(["CEO", "CTO"]),
        "city": st.sampled_from(["Lyon", "Nice"]),
        "postal_code": st.sampled_from(["69001", "06000"]),
        "notes": st.sampled_from(["tea", "coffee"]),
        "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
        "extra": st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=2),
    },
)
CHILDREN = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["note", "member", "point", "account", "origin"]),
        st.sampled_from(["met", "sent", "responded"]),
    ),
    max_size=8,
)


def grown(people: list[dict[str, Any]], children: list[tuple[int, str, str]]) -> tuple[Workspace, list[Any]]:
    """A workspace with these contacts, and what hangs on them."""
    workspace = open_workspace(MemoryStorage())
    campaign = add(workspace, "campaign", name="Salon")
    account = add(workspace, "account", name="Hospy")
    note = log_activity(workspace, ActivityKind.NOTE, "All", about=[account]).value
    records = [add(workspace, "contact", **values) for values in people]
    seen = set()
    for place, kind, status in children:
        record = records[place % len(records)]
        if (record.id, kind) in seen and kind != "point":
            continue
        seen.add((record.id, kind))
        if kind == "note":
            add(workspace, "link", kind="about", from_id=note, to_id=record)
        elif kind == "member":
            add(workspace, "campaign_member", campaign_id=campaign, person_id=record, status=status)
        elif kind == "point":
            add(workspace, "contact_point", person_id=record, kind="email", value=f"{status}@acme.example")
        elif kind == "account":
            update_records(workspace, "contact", [record.id], {"account_id": account})
        else:
            lead = add(workspace, "lead", first_name="Origin")
            add(workspace, "link", kind="origin", from_id=record, to_id=lead)
    return workspace, records


def state(workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """Every living record as its values, but for how often and when it was saved."""
    return {
        record.id: attrs.asdict(attrs.evolve(record, version=1, updated_at=record.created_at))
        for kind in workspace.schema
        if kind.name not in ("operation", "change")
        for record in living(workspace, kind.name)
    }


@settings(max_examples=60)
@given(people=st.lists(PEOPLE, min_size=2, max_size=4), children=CHILDREN)
def test_undo_brings_back_all_that_was_and_redo_all_that_came(
    people: list[dict[str, Any]], children: list[tuple[int, str, str]]
) -> None:
    workspace, records = grown(people, children)
    before = state(workspace)
    operation_id = merge(workspace, records[0].id, [r.id for r in records[1:]]).operation_id
    assert operation_id is not None
    after = state(workspace)

    undo(workspace, operation_id)
    undone = state(workspace)
    redo(workspace, operation_id)

    assert undone == before
    assert state(workspace) == after


@settings(max_examples=60)
@given(people=st.lists(PEOPLE, min_size=2, max_size=4), children=CHILDREN)
def test_nothing_is_lost(people: list[dict[str, Any]], children: list[tuple[int, str, str]]) -> None:
    """Every value of a loser is in the winner, a further address of it, or kept as unmapped on the merge."""
    workspace, records = grown(people, children)
    texts = {r.id: {(e.kind, e.text) for e in timeline(workspace, r.id)} for r in records}
    losers = [load(workspace, r.id) for r in records[1:]]

    result = merge(workspace, records[0].id, [r.id for r in losers]).value

    points = {point.value for point in living(workspace, "contact_point") if point.person_id == records[0].id}
    unmapped = {m.loser_id: m.unmapped for m in result.merges}
    for loser in losers:
        for name in ("email", "phone", "title", "city", "postal_code", "first_name", "account_id"):
            value = getattr(loser, name)
            held = value in (None, getattr(result.winner, name)) or value in points
            assert held or unmapped[loser.id].get(name) == value, (name, value)
        assert set(loser.tags) <= set(result.winner.tags)
        assert (loser.notes or "") in (result.winner.notes or "")
        for key, part in loser.extra.items():
            assert part in (result.winner.extra[key], unmapped[loser.id].get("extra", {}).get(key))
    told = {(e.kind, e.text) for e in timeline(workspace, records[0].id)}
    assert all(texts[r.id] - {t for t in texts[r.id] if t[0] == "campaign"} <= told for r in records)
    referring = {
        value
        for kind, names in (("link", ("from_id", "to_id")), ("campaign_member", ("person_id",)))
        for record in living(workspace, kind)
        for value in (getattr(record, name) for name in names)
    }
    assert referring.isdisjoint(loser.id for loser in losers)


def test_a_merge_costs_no_statement_for_each_child(tmp_path: Path, connections: list[sqlite3.Connection]) -> None:
    def statements(count: int) -> int:
        workspace = open_workspace(SqliteStorage(tmp_path / f"{count}.db"))
        winner, loser = (add(workspace, "account", name=name) for name in ("Hospy", "Hospy SARL"))
        add_records(workspace, "contact", [{"first_name": str(i), "account_id": loser} for i in range(count)])
        rows = [{"kind": "about", "from_id": winner, "to_id": loser}]
        for i in range(count):
            note = log_activity(workspace, ActivityKind.NOTE, str(i), about=[winner, loser]).value
            rows.append({"kind": "other", "from_id": note, "to_id": loser})
        add_records(workspace, "link", rows)
        return cost(connections[-1], lambda: merge(workspace, winner, [loser]))

    assert statements(3) == statements(60)
