"""How a pipeline looks in a terminal: its stages side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crmkit.cli.output import printable
from crmkit.core.pipeline import StageKind
from crmkit.core.values.money import Money, sum_by_currency
from crmkit.services.board import Board, Card, Column

__all__ = ["board_view"]


def board_view(board: Board, width: int) -> RenderableType:
    """Draw a board; stages that do not fit beside each other go on below."""
    most = max(1, (width - 1) // (_NARROWEST + 3))
    rows = -(-len(board.columns) // most)
    size = -(-len(board.columns) // rows) if rows else 1
    parts = [board.columns[start : start + size] for start in range(0, len(board.columns), size)]
    open_ones = [column for column in board.columns if column.stage.kind is StageKind.OPEN]
    count = sum(column.count for column in open_ones)
    sums = _sum([column.total for column in open_ones]), _sum([column.weighted for column in open_ones])
    title = Text(printable(board.pipeline.title), style="bold")
    facts = f"   {count} open {'deal' if count == 1 else 'deals'}"
    if sums[0]:
        facts += f", {sums[0]}, weighted {sums[1]}"
    title.append(facts, style="dim")
    return Group(title, *(_side_by_side(part, size, width) for part in parts))


_NARROWEST = 13
_COLOURS = {StageKind.OPEN: "cyan", StageKind.WON: "green", StageKind.LOST: "red"}


def _side_by_side(columns: Sequence[Column], size: int, width: int) -> Table:
    each = (width - 1) // size - 3
    table = Table(box=box.ROUNDED, border_style="dim", padding=(0, 1))
    for column in columns:
        head = Text(printable(column.stage.title), style=f"bold {_COLOURS[column.stage.kind]}")
        table.add_column(head, width=each, overflow="fold")
    table.add_row(*(Group(*_sums(column)) for column in columns))
    if any(column.cards for column in columns):
        table.add_section()
        table.add_row(*(Group(*_cards(column)) for column in columns))
    return table


def _sums(column: Column) -> Iterator[Text]:
    yield Text(f"{column.count} {'deal' if column.count == 1 else 'deals'}", style="bold" if column.count else "dim")
    for currency, total in column.total.items():
        yield _line(total.format())
        if column.stage.kind is StageKind.OPEN:
            yield _line(f"≈ {column.weighted[currency].format()}", style="dim")


def _cards(column: Column) -> Iterator[Text]:
    for i, card in enumerate(column.cards):
        if i:
            yield Text()
        yield from _card(card, is_open=column.stage.kind is StageKind.OPEN)
    hidden = column.count - len(column.cards)
    if hidden > 0:
        yield Text(f"… {hidden} more", style="dim")


def _card(card: Card, *, is_open: bool) -> Iterator[Text]:
    deal = card.deal
    yield Text(printable(deal.name), style="bold", overflow="fold")
    if card.account:
        yield _line(card.account)
    if deal.amount is not None:
        yield _line(deal.amount.format())
    if is_open:
        yield _line(f"{deal.probability_percent} %", style="dim")
    if deal.lost_reason:
        yield _line(deal.lost_reason.replace("_", " "), style="dim")
    if card.stale:
        yield _line(f"! idle {card.idle_days} days", style="yellow")


def _line(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")


def _sum(each: Iterable[Mapping[str, Money]]) -> str:
    monies = sum_by_currency(money for amounts in each for money in amounts.values())
    return " + ".join(money.format() for money in monies.values())
