"""Duplicates: found by keys, in groups, with evidence."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.core.query import Compare, Op
from crmkit.errors import RejectedError
from crmkit.services.convert import convert_lead
from crmkit.services.deals import open_deal
from crmkit.services.duplicates import DuplicateGroup, Strength, find_duplicates
from crmkit.services.edit import add_records, delete_records
from crmkit.services.merge import merge
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.services.conftest import open_workspace
from tests.services.test_edit import add
from tests.services.test_merge import with_pipeline
from tests.tracing import cost


def told(groups: list[DuplicateGroup]) -> list[tuple[set[str], Strength, tuple[str, ...]]]:
    return [({member.id for member in group.members}, group.strength, group.evidence) for group in groups]


def test_people_meet_by_e_mail_also_a_further_one(workspace: Workspace) -> None:
    one = add(workspace, "contact", first_name="Jules", email="Jules@hospy.example")
    other = add(workspace, "contact", first_name="Jules", email="j@gmail.com")
    add(workspace, "contact_point", person_id=other, kind="email", value="jules@hospy.example")
    add(workspace, "contact", first_name="Jules", email="somebody@else.example")

    groups = find_duplicates(workspace, "contacts")

    assert told(groups) == [({one.id, other.id}, Strength.STRONG, ("e-mail jules@hospy.example",))]


def test_people_who_share_an_address_under_other_names_meet_only_weakly(workspace: Workspace) -> None:
    jules = [add(workspace, "contact", first_name="Jules", email="info@hospy.example") for _ in range(2)]
    marie = add(workspace, "contact", first_name="Marie", email="info@hospy.example")

    groups = find_duplicates(workspace, "contact")

    assert told(groups) == [
        ({each.id for each in jules}, Strength.STRONG, ("e-mail info@hospy.example",)),
        (
            {marie.id, *(each.id for each in jules)},
            Strength.WEAK,
            ("e-mail info@hospy.example, but another name",),
        ),
    ]


def test_people_meet_by_phone_with_the_name_and_never_by_one_of_them(workspace: Workspace) -> None:
    one = add(workspace, "contact", first_name="Jules", last_name="ETIENNE", phone="+33142685300")
    other = add(workspace, "contact", first_name="jules", last_name="Étienne", mobile="+33142685300")
    add(workspace, "contact", first_name="Marie", phone="+33142685300")
    add(workspace, "contact", first_name="Jules", last_name="Etienne", phone="+33142685301")

    groups = find_duplicates(workspace, "contact")

    assert told(groups) == [({one.id, other.id}, Strength.LIKELY, ("phone +33142685300 and name",))]


def test_whoever_meets_one_of_a_group_belongs_to_it(workspace: Workspace) -> None:
    a = add(workspace, "contact", first_name="Jules", email="j@hospy.example")
    b = add(workspace, "contact", first_name="Jules", email="j@hospy.example", phone="+33142685300", city="Lyon")
    c = add(workspace, "contact", first_name="Jules", phone="+33142685300")

    groups = find_duplicates(workspace, "contact")

    assert [[member.id for member in group.members] for group in groups] == [[b.id, a.id, c.id]]
    assert groups[0].evidence == ("e-mail j@hospy.example", "phone +33142685300 and name")
    assert groups[0].strength is Strength.LIKELY


def test_a_lead_that_is_a_contact_already_is_found_with_it(workspace: Workspace) -> None:
    contact = add(workspace, "contact", first_name="Jules", email="j@hospy.example")
    lead = add(workspace, "lead", first_name="Jules", email="j@hospy.example")
    for name in ("A", "B"):
        add(workspace, "contact", first_name="Ada", email="ada@hospy.example", last_name=name)

    groups = find_duplicates(workspace, "lead")

    assert [([m.id for m in g.members], [c.id for c in g.contacts]) for g in groups] == [([lead.id], [contact.id])]


def test_the_converted_the_deleted_and_the_merged_are_none(workspace: Workspace) -> None:
    leads = [add(workspace, "lead", first_name="Jules", company=name, email="j@gmail.com") for name in "ABCD"]
    convert_lead(workspace, leads[0])
    delete_records(workspace, "lead", [leads[1]])
    merge(workspace, leads[2], [leads[3]])

    groups = find_duplicates(workspace, "lead")

    assert [[member.id for member in group.members] for group in groups] == [[leads[2].id]]
    assert len(groups[0].contacts) == 1


def test_companies_meet_by_domain_and_legal_name(workspace: Workspace) -> None:
    one = add(workspace, "account", name="Hospy Médias", domain="hospy.example")
    other = add(workspace, "account", name="HOSPY MEDIAS SARL", domain="hospy.example")
    south = add(workspace, "account", name="Hospy Sud", domain="hospy.example")
    rivals = [add(workspace, "account", name="Acme", domain=domain) for domain in ("acme.example", "acme.test")]
    for name in ("Ada", "Grace"):
        add(workspace, "account", name=name, domain="gmail.com")

    groups = find_duplicates(workspace, "account")

    assert told(groups) == [
        (
            {one.id, other.id, south.id},
            Strength.LIKELY,
            ("domain hospy.example and name", "domain hospy.example", "name hospy medias"),
        ),
        ({each.id for each in rivals}, Strength.WEAK, ("name acme, but another domain",)),
    ]


def test_open_deals_of_one_account_and_name_meet(workspace: Workspace) -> None:
    with_pipeline(workspace)
    account = add(workspace, "account", name="Hospy")
    same = [open_deal(workspace, "Screens", account=account.id).value for _ in range(2)]
    open_deal(workspace, "Screens")

    assert told(find_duplicates(workspace, "deal")) == [
        ({deal.id for deal in same}, Strength.LIKELY, ("account and name Screens",))
    ]


def test_groups_can_be_limited_and_chosen(workspace: Workspace) -> None:
    for address in ("a@x.example", "b@x.example"):
        for city in ("Lyon", "Nice"):
            add(workspace, "contact", first_name=address, email=address, city=city if address[0] == "a" else None)

    chosen = find_duplicates(workspace, "contact", where=Compare("city", Op.EQ, "Nice"))

    assert find_duplicates(workspace, "contact", where="city = Nice and email ~ a@") == chosen
    assert [group.evidence for group in chosen] == [("e-mail a@x.example",)]
    assert len(find_duplicates(workspace, "contact", limit=1)) == 1


def test_other_record_types_are_refused(workspace: Workspace) -> None:
    with pytest.raises(RejectedError, match="duplicates are found among lead, contact, account, deal"):
        find_duplicates(workspace, "campaign")


def test_merging_a_group_leaves_no_duplicates(workspace: Workspace) -> None:
    for _ in range(3):
        add(workspace, "contact", first_name="Jules", email="j@hospy.example")
    group = find_duplicates(workspace, "contact")[0]

    merge(workspace, group.members[0], group.members[1:])

    assert find_duplicates(workspace, "contact") == []


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"first_name": st.sampled_from(["Jules", "Marie"])},
        optional={
            "email": st.sampled_from([f"{i}@acme.example" for i in range(4)]),
            "phone": st.sampled_from([f"+3314268530{i}" for i in range(4)]),
            "mobile": st.sampled_from([f"+3314268530{i}" for i in range(4)]),
        },
    ),
    max_size=9,
)


@settings(max_examples=80)
@given(people=PEOPLE)
def test_the_groups_are_those_that_comparing_every_pair_would_find(people: list[dict[str, Any]]) -> None:
    workspace = open_workspace(MemoryStorage())
    records = [add(workspace, "contact", **values) for values in people]

    found = {
        frozenset(ids) for ids, strength, _ in told(find_duplicates(workspace, "contact")) if strength.value != "weak"
    }

    groups = [{record.id} for record in records]
    for one in records:
        for other in records:
            numbers = {one.phone, one.mobile} & {other.phone, other.mobile} - {None}
            if one.first_name == other.first_name and (numbers or (one.email and one.email == other.email)):
                mine = next(group for group in groups if one.id in group)
                theirs = next(group for group in groups if other.id in group)
                if mine is not theirs:
                    groups.remove(theirs)
                    mine |= theirs
    assert found == {frozenset(group) for group in groups if len(group) > 1}


def test_finding_them_costs_statements_by_the_batch(tmp_path: Path, connections: list[sqlite3.Connection]) -> None:
    def statements(count: int) -> int:
        workspace = open_workspace(SqliteStorage(tmp_path / f"{count}.db"))
        rows = [{"first_name": "Jules", "email": f"{i // 2}@acme.example"} for i in range(count)]
        add_records(workspace, "contact", rows)
        return cost(connections[-1], lambda: find_duplicates(workspace, "contact"))

    assert statements(400) == statements(800)
