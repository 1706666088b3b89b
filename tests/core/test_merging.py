"""What several records give when they become one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from crmkit.core.account import ACCOUNT
from crmkit.core.campaign import CAMPAIGN_MEMBER, MemberStatus
from crmkit.core.codecs import moment_text
from crmkit.core.contact import CONTACT, PointKind
from crmkit.core.conversion import Action
from crmkit.core.fields import Field, Kind, Row, Scalar
from crmkit.core.lead import LEAD, LeadStatus
from crmkit.core.merging import MergedFields, merge_fields
from crmkit.core.record_type import RecordType
from crmkit.core.values.email import Email
from crmkit.core.values.phone import Phone

MOMENT = moment_text(datetime(2026, 1, 15, tzinfo=UTC))


def a_row(kind: RecordType, number: int, /, *, carried: Mapping[str, Scalar] | None = None, **values: Any) -> Row:
    """A row of a record whose id ends in *number*."""
    system: dict[str, Scalar] = {
        "id": f"{kind.prefix}_{number}",
        "version": 1,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    scalars: dict[str, Scalar] = {**kind.defaults(), **kind.encode(values), **system, **(carried or {})}
    return tuple(scalars.get(field) for field in kind.field_names)


def merged(kind: RecordType, winner: dict[str, Any], *losers: dict[str, Any], **more: Any) -> MergedFields:
    rows = [a_row(kind, number, **values) for number, values in enumerate((winner, *losers))]
    return merge_fields(kind, rows[0], rows[1:], **more)


def test_the_first_loser_that_has_a_value_fills_it_and_the_next_is_kept() -> None:
    out = merged(CONTACT, {"first_name": "Ada"}, {"title": "Lady"}, {"title": "Countess"})

    assert out.values == {"title": "Lady"}
    assert out.unmapped == {"contact_2": {"title": "Countess"}}
    assert [(f.action, f.source) for f in out.fields if f.field == "title"] == [
        (Action.FILL, "contact_1"),
        (Action.KEEP, "contact_2"),
    ]


def test_what_both_have_is_no_loss() -> None:
    out = merged(CONTACT, {"city": "Lyon", "notes": "Likes tea"}, {"city": "Lyon", "notes": "tea"})

    assert (out.values, out.unmapped) == ({}, {})


def test_notes_are_appended_and_tags_united() -> None:
    out = merged(CONTACT, {"notes": "Tea", "tags": ("b",)}, {"notes": "Coffee", "tags": ("a", "b")})

    assert out.values == {"notes": "Tea\n\nCoffee", "tags": ("a", "b")}


def test_of_a_mapping_the_winner_keeps_its_keys_and_the_others_are_kept() -> None:
    out = merged(CONTACT, {"extra": {"a": "1"}}, {"extra": {"a": "2", "b": "3"}})

    assert out.values == {"extra": {"a": "1", "b": "3"}}
    assert out.unmapped == {"contact_1": {"extra": {"a": "2"}}}


@pytest.mark.parametrize(
    ("mine", "theirs", "after"),
    [
        ({}, {"city": "Lyon", "street": "1 rue X"}, {"city": "Lyon", "street": "1 rue X"}),
        ({"city": "Lyon"}, {"city": "Lyon", "street": "1 rue X"}, {"street": "1 rue X"}),
        ({"city": "Nice"}, {"city": "Lyon", "street": "1 rue X"}, {}),
        ({"street": "2 rue Y"}, {"city": "Lyon"}, {}),
    ],
)
def test_an_address_is_taken_whole_or_completed_where_it_does_not_contradict(
    mine: dict[str, str], theirs: dict[str, str], after: dict[str, str]
) -> None:
    out = merged(ACCOUNT, {"name": "Hospy", **mine}, {"name": "Hospy", **theirs})

    assert out.values == after
    left = {name: value for name, value in theirs.items() if {**mine, **after}.get(name) != value}
    assert out.unmapped.get("account_1", {}) == left


def test_other_addresses_and_numbers_become_further_ones_each_once() -> None:
    out = merged(
        CONTACT,
        {"email": Email("ada@x.example"), "phone": Phone("+33142685300")},
        {"email": Email("Ada@X.example"), "phone": Phone("+33142685301"), "mobile": Phone("+33142685300")},
        {"email": Email("lady@x.example"), "mobile": Phone("+33142685301")},
    )

    assert out.points["contact_1"] == [(PointKind.PHONE, "+33142685301")]
    assert (PointKind.EMAIL, "lady@x.example") in out.points["contact_2"]
    assert out.values == {"mobile": Phone("+33142685300")}
    assert out.unmapped == {}


def test_an_account_has_no_further_numbers_so_another_one_is_kept() -> None:
    out = merged(
        ACCOUNT,
        {"name": "Hospy", "phone": Phone("+33142685300")},
        {"name": "Hospy", "phone": Phone("+33142685301")},
    )

    assert (out.points, out.unmapped) == ({}, {"account_1": {"phone": "+33142685301"}})


def test_a_choice_overwrites_and_keeps_what_it_replaced() -> None:
    out = merged(
        CONTACT,
        {"title": "Lady", "email": Email("ada@x.example")},
        {"title": "Countess", "email": Email("lady@x.example")},
        chosen={"title": "contact_1", "email": "contact_1"},
    )

    assert out.values == {"title": "Countess", "email": Email("lady@x.example")}
    assert out.replaced == {"contact_1": {"title": "Lady"}}
    assert out.points == {"contact_1": [(PointKind.EMAIL, "ada@x.example")]}
    assert {f.rule for f in out.fields if f.field in ("title", "email")} == {"chosen"}


def test_a_choice_for_the_winner_keeps_it_empty() -> None:
    out = merged(CONTACT, {"first_name": "Ada"}, {"title": "Lady"}, chosen={"title": "contact_0"})

    assert (out.values, out.unmapped) == ({}, {"contact_1": {"title": "Lady"}})


def test_a_lead_stays_as_far_as_it_has_come() -> None:
    out = merged(LEAD, {"first_name": "Ada"}, {"first_name": "Ada", "status": LeadStatus.QUALIFIED})

    assert (out.values, out.unmapped) == ({}, {"lead_1": {"status": "qualified"}})


@pytest.mark.parametrize(("mine", "theirs", "after"), [("met", "sent", "sent"), ("responded", "sent", None)])
def test_the_further_status_of_a_member_wins(mine: str, theirs: str, after: str | None) -> None:
    whole = {"campaign_id": "campaign_1", "person_id": "contact_1"}

    out = merged(
        CAMPAIGN_MEMBER,
        {**whole, "status": MemberStatus(mine)},
        {**whole, "status": MemberStatus(theirs)},
    )

    assert out.values == ({"status": MemberStatus(after)} if after else {})
    assert out.unmapped == {}


def test_nothing_comes_to_refer_to_itself() -> None:
    child_wins = merged(ACCOUNT, {"name": "A", "parent_id": "account_1"}, {"name": "A"})
    parent_wins = merged(ACCOUNT, {"name": "A"}, {"name": "A", "parent_id": "account_0"})

    assert child_wins.values == {"parent_id": None}
    assert (parent_wins.values, parent_wins.unmapped) == ({}, {})


def test_who_refers_to_what_is_merged_too_refers_to_the_same() -> None:
    out = merged(CONTACT, {"account_id": "account_1"}, {"account_id": "account_2"}, into={"account_2": "account_1"})

    assert (out.values, out.unmapped) == ({}, {})


def test_the_values_of_an_absent_plugin_travel_too() -> None:
    kind = CONTACT.carrying([Field(name=f"badge.{name}", kind=Kind.TEXT, carried=True) for name in ("hall", "booth")])

    out = merged(
        kind,
        {"first_name": "Ada", "carried": {"badge.booth": "A1"}},
        {"first_name": "Ada", "carried": {"badge.booth": "B2", "badge.hall": "5"}},
    )

    assert out.carried == {"badge.hall": "5"}
    assert out.unmapped == {"contact_1": {"badge.booth": "B2"}}
