"""The board: what stands where, exact to the cent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.values.money import Money
from crmkit.services.board import board
from crmkit.services.deals import move_deal, open_deal, set_probability, win_deal
from crmkit.services.edit import delete_records
from crmkit.services.pipelines import add_pipeline
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import SteppingClock, open_workspace
from tests.services.deal_world import CountingStorage, add, with_sales


def stages(**first: Any) -> list[dict[str, Any]]:
    """The stages of a short pipeline."""
    return [{"key": "a", "default_probability": 10, **first}, {"key": "b", "kind": "won"}, {"key": "c", "kind": "lost"}]


def columns(workspace: Workspace, **options: Any) -> dict[str, Any]:
    return {column.stage.key: column for column in board(workspace, **options).columns}


def test_each_column_has_its_deals_and_sums_by_currency(workspace: Workspace) -> None:
    with_sales(workspace)
    account = add(workspace, "account", name="Hospy Médias")
    open_deal(workspace, "a", account=account, amount="10.05 EUR")
    open_deal(workspace, "b", amount="0.10 EUR")
    open_deal(workspace, "c", amount="5 USD")
    open_deal(workspace, "d")

    column = columns(workspace)["qualification"]

    assert column.count == 4
    assert {c: str(m) for c, m in column.total.items()} == {"EUR": "10.15 EUR", "USD": "5.00 USD"}
    assert {c: str(m) for c, m in column.weighted.items()} == {"EUR": "1.02 EUR", "USD": "0.50 USD"}
    assert [card.deal.name for card in column.cards] == ["d", "c", "b", "a"]
    assert [card.account for card in column.cards] == [None, None, None, "Hospy Médias"]


def test_a_deleted_deal_and_another_pipeline_do_not_count(workspace: Workspace) -> None:
    with_sales(workspace)
    gone = open_deal(workspace, "gone", amount="1 EUR").value
    delete_records(workspace, "deal", [gone])
    add_pipeline(workspace, "other", "Other", stages())
    open_deal(workspace, "elsewhere", pipeline="other", amount="1 EUR")

    assert all(column.count == 0 for column in board(workspace).columns)
    assert columns(workspace, pipeline="other")["a"].count == 1


def test_a_deal_that_rests_too_long_is_stale_and_a_closed_one_never(workspace: Workspace) -> None:
    add_pipeline(workspace, "quick", "Quick", stages(max_days=7))
    account = add(workspace, "account", name="Hospy Médias")
    open_deal(workspace, "resting")
    win_deal(workspace, open_deal(workspace, "won", account=account, amount="1 EUR").value)
    later = attrs.evolve(workspace, clock=SteppingClock(workspace.clock.now() + timedelta(days=8)))

    shown = columns(later)

    assert [(card.deal.name, card.idle_days, card.stale) for card in shown["a"].cards] == [("resting", 8, True)]
    assert [card.stale for card in shown["b"].cards] == [False]


def test_a_board_costs_the_same_questions_however_many_deals() -> None:
    workspace = with_sales(open_workspace(MemoryStorage()))
    counting = CountingStorage(workspace.storage)
    watched = attrs.evolve(workspace, storage=counting)
    costs = []
    for _ in range(3):
        for number in range(10):
            open_deal(workspace, f"deal {number}", amount="1 EUR")
        before = counting.questions
        board(watched)
        costs.append(counting.questions - before)

    assert costs[0] == costs[1] == costs[2]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    deals=st.lists(
        st.tuples(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD"]), st.integers(0, 100)), max_size=8
    )
)
def test_the_sums_are_exact(deals: list[tuple[int, str, int]]) -> None:
    workspace = with_sales(open_workspace(MemoryStorage()))
    for minor, currency, percent in deals:
        deal = open_deal(workspace, "x", amount=Money.from_minor(minor, currency)).value
        set_probability(workspace, move_deal(workspace, deal, "proposal").value, percent)

    column = columns(workspace)["proposal"]

    for currency in {currency for _, currency, _ in deals}:
        mine = [(minor, percent) for minor, c, percent in deals if c == currency]
        assert column.total[currency].minor == sum(minor for minor, _ in mine)
        exact = sum(minor * percent for minor, percent in mine)
        assert abs(column.weighted[currency].minor * 100 - exact) <= 50
