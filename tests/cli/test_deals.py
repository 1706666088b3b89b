"""Deals from the command line, and the board they stand on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

import crmkit
from crmkit.cli.board import board_view
from crmkit.core.deal import Deal
from crmkit.core.pipeline import Pipeline, Stage
from crmkit.core.values.money import Money
from crmkit.services.board import Board, Card, Column

from .conftest import CommandLine

AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
def sales(shop: CommandLine) -> CommandLine:
    """The shop with Jules converted, and a deal of his."""
    shop.run("convert", "Jules")
    shop.run("deal", "open", "40 seats", "--account", "Hospy Médias", "--contact", "Jules Etienne=decision_maker")
    return shop


def test_a_deal_is_opened_with_its_contacts_and_their_roles(sales: CommandLine) -> None:
    text = sales.out("deal", "show", "40 seats")

    assert "Deal: 40 seats" in text
    assert "Hospy Médias" in text
    assert "Jules ETIENNE" in text
    with crmkit.open(sales.folder / "crm.db", discover=False) as crm:
        assert crm.collection("link").one(kind="contact").role == "decision_maker"


def test_opening_says_where_the_deal_stands(sales: CommandLine) -> None:
    text = sales.out("deal", "open", "Pilot", "--amount", "9500 EUR", "--stage", "proposal", "--probability", "60")

    assert text.startswith("Opened: Pilot, €9,500.00, Proposal, 60 %.\n")


def test_a_deal_goes_through_the_stages_and_is_won(sales: CommandLine) -> None:
    sales.run("deal", "set", "40 seats", "amount=24000 EUR", "expected_close_on=2026-12-24")

    moved = sales.out("deal", "move", "40 seats", "Proposal")
    won = sales.out("deal", "win", "40 seats", "--reason", "signed")

    assert moved.startswith("Moved: 40 seats, €24,000.00, Proposal, 50 %.")
    assert won.startswith("Won: 40 seats, €24,000.00, Closed won, 100 %.")


def test_a_move_is_refused_with_all_reasons_at_once(sales: CommandLine) -> None:
    result = sales.run("deal", "move", "40 seats", "negotiation", code=3)

    assert "Negotiation needs an amount" in result.stderr
    assert "Negotiation needs an expected close date" in result.stderr
    assert result.stdout == ""


def test_a_deal_is_lost_for_a_reason_of_the_list(sales: CommandLine) -> None:
    refused = sales.run("deal", "lose", "40 seats", "rain", code=3)
    lost = sales.out("deal", "lose", "40 seats", "competitor", "they were faster")

    assert "price, competitor, no_budget" in refused.stderr
    assert lost.startswith("Lost: 40 seats, Closed lost, 0 %, competitor, they were faster.")


def test_a_closed_deal_is_reopened_where_it_was(sales: CommandLine) -> None:
    sales.run("deal", "lose", "40 seats", "timing")

    text = sales.out("deal", "reopen", "40 seats", "they called back")

    assert text.startswith("Reopened: 40 seats, Qualification, 10 %.")


def test_a_probability_is_said_and_taken_back(sales: CommandLine) -> None:
    said = sales.out("deal", "set", "40 seats", "probability=33")
    taken_back = sales.out("deal", "set", "40 seats", "probability=")

    assert "Qualification, 33 %" in said
    assert "Qualification, 10 %" in taken_back


@pytest.mark.parametrize(
    ("field", "way"),
    [
        ("probability_percent=33", "crmkit deal set NAME probability=PERCENT"),
        ("stage=proposal", "crmkit deal move"),
        ("lost_reason=price", "crmkit deal lose"),
    ],
)
def test_what_is_not_edited_says_how_it_is_changed(sales: CommandLine, field: str, way: str) -> None:
    assert way in sales.run("deal", "set", "40 seats", field, code=3).stderr


@pytest.mark.parametrize("fields", [("probability=33", "name=x"), ("probability=many",), ("no pair",)])
def test_wrong_fields_are_wrong_usage(sales: CommandLine, fields: tuple[str, ...]) -> None:
    sales.run("deal", "set", "40 seats", *fields, code=2)


def test_a_dry_run_moves_nothing(sales: CommandLine) -> None:
    text = sales.out("deal", "move", "40 seats", "needs_analysis", "--dry-run")

    assert "Needs analysis, 25 %" in text
    assert "nothing was written" in text
    assert sales.json("deal", "show", "40 seats")["record"]["probability_percent"] == 10


def test_a_move_is_undone_by_its_operation(sales: CommandLine) -> None:
    operation = sales.json("deal", "move", "40 seats", "needs_analysis")["operation_id"]

    sales.run("undo", operation)

    assert sales.json("deal", "show", "40 seats")["record"]["probability_percent"] == 10


def test_a_stage_or_deal_that_is_not_there_is_named(sales: CommandLine) -> None:
    assert "there is no deal 'Yacht'" in sales.run("deal", "win", "Yacht", code=4).stderr
    assert "there is no stage" in sales.run("deal", "move", "40 seats", "propsal", code=4).stderr


def test_the_board_shows_stages_with_deals_and_sums(sales: CommandLine) -> None:
    sales.run("deal", "open", "Pilot", "--amount", "9500 EUR", "--stage", "proposal")

    text = sales.out("board")

    assert "2 open deals, €9,500.00, weighted €4,750.00" in text
    assert "Qualification" in text
    assert "40 seats" in text
    assert "≈ €4,750.00" in text


def test_the_board_is_json_too(sales: CommandLine) -> None:
    board = sales.json("board")

    assert board["columns"][0]["stage"]["key"] == "qualification"
    assert board["columns"][0]["cards"][0]["deal"]["name"] == "40 seats"


def a_board(*columns: Column) -> Board:
    pipeline = Pipeline(id="pipeline_1", created_at=AT, updated_at=AT, key="sales", title="Sales")
    return Board(pipeline=pipeline, at=AT, columns=columns)


def a_column(number: int, *names: str, count: int | None = None, idle_days: int = 0, stale: bool = False) -> Column:
    stage = Stage(
        id=f"stage_{number}",
        created_at=AT,
        updated_at=AT,
        pipeline_id="pipeline_1",
        key=f"s{number}",
        title=f"Stage {number}",
        position=number,
        default_probability=10,
    )
    money = Money("1000", "EUR")
    cards = [
        Card(
            deal=Deal(
                id=f"deal_{number}_{i}",
                created_at=AT - timedelta(days=idle_days),
                updated_at=AT,
                name=name,
                pipeline_id="pipeline_1",
                stage_id=stage.id,
                probability_percent=10,
                amount=money,
            ),
            account="Hospy Médias",
            idle_days=idle_days,
            stale=stale,
        )
        for i, name in enumerate(names)
    ]
    sums = {"EUR": money} if names else {}
    return Column(stage=stage, count=count or len(names), total=sums, weighted=sums, cards=tuple(cards))


def drawn(board: Board, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(board_view(board, width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [24, 40, 80, 100, 120, 200])
def test_a_board_fits_the_terminal_whatever_its_width(width: int) -> None:
    board = a_board(*(a_column(n, f"A deal with a name that is rather long {n}") for n in range(1, 8)))

    lines = drawn(board, width)

    assert max(map(len, lines)) <= width
    for number in range(1, 8):
        assert any(f"Stage {number}" in line for line in lines)


def test_stages_that_do_not_fit_go_on_below() -> None:
    board = a_board(*(a_column(n) for n in range(1, 7)))

    lines = drawn(board, 60)

    assert sum("Stage" in line for line in lines) == 2


def test_a_stale_deal_is_marked() -> None:
    lines = drawn(a_board(a_column(1, "Old", idle_days=45, stale=True), a_column(2, "New")), 100)

    assert sum("! idle 45 days" in line for line in lines) == 1


def test_deals_that_are_not_shown_are_counted() -> None:
    lines = drawn(a_board(a_column(1, "One", count=12)), 100)

    assert any("12 deals" in line for line in lines)
    assert any("… 11 more" in line for line in lines)
