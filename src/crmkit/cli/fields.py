"""``FIELD=VALUE`` arguments, and moments as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import click

from crmkit.cli.state import Session
from crmkit.core.fields import ANY

__all__ = ["MOMENT", "parse_fields"]


def parse_fields(session: Session, kind: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Return field to value, with the records that fields refer to found by name.

    ``owner=Ada`` says the same as ``owner_id=user_…``; an empty value empties a field. Whether
    fields and values are right is for the service to say, all at once.

    Raises:
        click.UsageError: An argument is no ``FIELD=VALUE``, or a field is there twice.
        NotFoundError: A record it refers to is not there.
    """
    targets: dict[str, tuple[str, str]] = {}
    for attribute, field in session.workspace.schema[kind].bonds.items():
        if field.references and field.references != ANY:
            targets[attribute] = targets[attribute.removesuffix("_id")] = (attribute, field.references)
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{pair!r} is no FIELD=VALUE, such as city=Lyon")
        field_name, target = targets.get(name, (name, ""))
        if field_name in values:
            raise click.UsageError(f"{field_name} is there twice")
        values[field_name] = session.resolve(target, text) if target and text else text
    return values


class _Moment(click.ParamType[datetime]):
    """A day or moment as people write it, in local time."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value).strip().lower()
        try:
            day = _day(text)
            # Noon, so that it is the same day nearly everywhere.
            local = datetime.combine(day, time(12)) if day else datetime.fromisoformat(text)
            return local.astimezone()  # one without a time zone is local
        except (ValueError, OverflowError):  # the first and last days of the calendar have no local time
            self.fail(f"{value!r} is no date: write 2026-01-31, '2026-01-31 14:30', today, tomorrow or +3d", param, ctx)


_AHEAD = re.compile(r"\+(\d{1,4})([dw])")
_WORDS = {"today": 0, "tomorrow": 1}


def _day(text: str) -> date | None:
    """Return the day that a text says, or None when it says a time too."""
    ahead = _AHEAD.fullmatch(text)
    if ahead or text in _WORDS:
        days = int(ahead[1]) * (7 if ahead[2] == "w" else 1) if ahead else _WORDS[text]
        return datetime.now().astimezone().date() + timedelta(days=days)
    return date.fromisoformat(text) if len(text) == len("2026-01-31") else None


MOMENT = _Moment()
"""The type of an option that takes a day or moment."""
