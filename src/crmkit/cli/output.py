"""How results look: tables and cards for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

import attrs
import click

from crmkit.core.plain import plain
from crmkit.core.values.money import Money

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = [
    "Card",
    "Column",
    "Drawing",
    "Part",
    "Table",
    "console",
    "plain",
    "print_json",
    "print_parts",
    "printable",
    "words",
]

_PIPE_WIDTH = 120


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        align: Where its cells stand.
        wrap: Whether long cells go on below, instead of ending in an ellipsis.
        whole: Whether its cells are never cut: ids, that people copy.
    """

    title: str
    align: Literal["left", "right"] = "left"
    wrap: bool = False
    whole: bool = False


@attrs.frozen
class Table:
    """Rows under headings; a cell may be any value that `words` understands.

    Attributes:
        columns: The columns, or just their headings.
        rows: The rows, each with one cell per column.
        title: A line above, or empty.
    """

    columns: Sequence[str | Column]
    rows: Sequence[Sequence[Any]]
    title: str = ""


@attrs.frozen
class Card:
    """One thing with its fields, one below the other; empty ones are left out.

    Attributes:
        title: What it is.
        fields: Name and value of each.
    """

    title: str
    fields: Iterable[tuple[str, Any]]


@attrs.frozen
class Drawing:
    """Anything else that rich can draw.

    Attributes:
        draw: From the number of columns there are to what is drawn; called only when it is printed.
    """

    draw: Callable[[int], RenderableType]


Part = str | Table | Card | Drawing
"""What can be printed: a line of text, a table, a card or a drawing."""


def words(value: Any) -> str:
    """Return a value as people read it; nothing is an empty text, moments are in local time."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return value.format()
    if isinstance(value, datetime):
        local = _local(value)
        return f"{local.day} {local:%b %Y %H:%M}"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    if isinstance(value, Enum):
        return str(value.value).replace("_", " ")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {words(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(words(part) for part in value)
    return str(value)


def _local(moment: datetime) -> datetime:
    """Return a moment in local time; the ends of the calendar, which mean "for ever", may have none."""
    try:
        return moment.astimezone()
    except (ValueError, OverflowError):
        return moment


def printable(text: str) -> str:
    """Return a text without what could command a terminal: data comes from strangers."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "�" for c in text)


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_parts(parts: Iterable[Part], *, indent: int = 0) -> None:
    """Print lines, tables, cards and drawings, one after another."""
    margin = " " * indent
    for part in parts:
        if isinstance(part, str):
            click.echo("\n".join(margin + line if line else "" for line in _safe(part).split("\n")))
        else:
            _print_rich(part, margin)


_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def _safe(text: str) -> str:
    """Return a line with its colours, but nothing else that could command a terminal."""
    return "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(text))


def console() -> Console:
    """Return standard output as rich draws on it: in colours on a terminal, and wide enough in a pipe."""
    from rich.console import Console

    context = click.get_current_context(silent=True)
    return Console(
        file=sys.stdout,
        # None leaves a terminal, or COLUMNS, to tell its own.
        width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=True if context is not None and context.color is False else None,
    )


def _print_rich(part: Table | Card | Drawing, margin: str) -> None:
    canvas = console()
    canvas.width -= len(margin)
    for renderable in _drawn(part, canvas.width):
        with canvas.capture() as captured:
            canvas.print(renderable)
        # Blanks that fill a line would be in the way of whoever copies or compares it.
        for line in captured.get().rstrip("\n").split("\n"):
            click.echo((margin + line).rstrip())


def _drawn(part: Table | Card | Drawing, width: int) -> Iterable[RenderableType]:
    if isinstance(part, Drawing):
        return [part.draw(width)]
    return _table(part) if isinstance(part, Table) else _card(part)


def _table(table: Table) -> Iterator[RenderableType]:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    if table.title:
        yield Text(printable(table.title), style="bold")
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1))
    for column in table.columns:
        spec = Column(column) if isinstance(column, str) else column
        grid.add_column(
            Text(spec.title),
            justify=spec.align,
            no_wrap=spec.whole or not spec.wrap,
            overflow="fold" if spec.wrap else "ellipsis",
            min_width=max(len(spec.title), _longest(table.rows, len(grid.columns))) if spec.whole else None,
        )
    for row in table.rows:
        grid.add_row(*(Text(" ".join(printable(words(cell)).split())) for cell in row))
    yield grid


def _longest(rows: Sequence[Sequence[Any]], place: int) -> int:
    return max((len(words(row[place])) for row in rows), default=0)


def _card(card: Card) -> Iterator[RenderableType]:
    from rich.table import Table as RichTable
    from rich.text import Text

    yield Text(printable(card.title), style="bold")
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in card.fields:
        if text := printable(words(value)).strip():
            grid.add_row(Text(f"  {name.replace('_', ' ')}"), Text(text))
    if grid.row_count:
        yield grid
