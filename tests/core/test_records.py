"""What all records are: values that are equal, hashed and shown by what they carry."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from crmkit.core.account import Account
from crmkit.core.builtin import builtin_schema
from crmkit.core.contact import Contact
from crmkit.core.lead import Lead
from crmkit.core.records import Record

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def jules(**more: Any) -> Lead:
    return Lead(id="lead_1", created_at=NOON, updated_at=NOON, first_name="Jules", **more)


@pytest.mark.parametrize("other", [{"version": 2}, {"tags": ("vip",)}, {"last_name": "ETIENNE"}, {"company": "Hospy"}])
def test_records_are_equal_when_all_they_carry_is(other: dict[str, Any]) -> None:
    assert jules() == jules()
    assert jules() != jules(**other)


def test_records_of_different_types_are_never_equal() -> None:
    same: dict[str, Any] = {"id": "lead_1", "created_at": NOON, "updated_at": NOON}

    assert Contact(**same, first_name="Jules") != jules()
    assert jules() != "lead_1"


def test_records_can_stand_in_sets_also_with_custom_fields() -> None:
    with_custom = attrs.evolve(jules(), version=2, custom={dict: {"booth": "B12"}})

    assert {jules(), jules(), with_custom} == {jules(), with_custom}


def test_a_record_shows_all_it_carries_and_is_pickled() -> None:
    account = Account(id="account_1", created_at=NOON, updated_at=NOON, name="Hospy Médias")

    assert repr(account).startswith("Account(id='account_1', version=1, ")
    assert "name='Hospy Médias'" in repr(account)
    assert pickle.loads(pickle.dumps(account)) == account  # noqa: S301  # its own


def test_a_record_type_of_ones_own_may_let_attrs_write_its_comparison() -> None:
    @attrs.frozen(kw_only=True)
    class Booth(Record):
        name: str

    booth = Booth(id="booth_1", created_at=NOON, updated_at=NOON, name="B12")

    assert booth == attrs.evolve(booth)
    assert booth != attrs.evolve(booth, name="B13")


def test_crmkits_own_records_share_one_comparison_so_that_importing_them_is_fast() -> None:
    written = [kind.cls.__name__ for kind in builtin_schema() if {"__eq__", "__repr__"} & vars(kind.cls).keys()]

    assert written == []
