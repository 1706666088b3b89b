"""``--where``: which records a command is about, in the language that `crmkit.core.expression_text` reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["split_names", "where_option"]

F = TypeVar("F", bound=Callable[..., Any])


def where_option(help: str) -> Callable[[F], F]:  # noqa: A002  # as click calls it
    """Add ``--where`` to a command; the texts arrive as *where*, a tuple."""
    return click.option(
        "--where", multiple=True, metavar="TEXT", help=f"{help} Such as 'status = new and created_at > -30d'."
    )


def split_names(_context: click.Context, _parameter: click.Parameter, values: Any) -> tuple[str, ...]:
    """Return the names in the values of an option that takes several, parted by commas: a callback for click."""
    given = values if isinstance(values, tuple) else (values or "",)
    return tuple(name.strip() for value in given for name in value.split(",") if name.strip())
