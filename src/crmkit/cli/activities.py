"""``crmkit note``, ``call``, ``meeting``, ``email`` and ``task``: following up on somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

import click

from crmkit.cli.fields import MOMENT
from crmkit.cli.output import words
from crmkit.cli.state import Session, Writing, command, writing
from crmkit.core.activity import ActivityKind, Direction
from crmkit.services.activities import log_activity

__all__ = ["call", "email", "meeting", "note", "task"]


def _activity_command(kind: ActivityKind, done: str, summary: str) -> click.Command:
    """Make the command that notes an activity of one kind."""
    is_task = kind is ActivityKind.TASK
    made_with_others = kind in (ActivityKind.CALL, ActivityKind.EMAIL)

    def add(
        session: Session,
        name: str,
        text: str,
        *,
        record_kind: str | None,
        body: str | None,
        owner: str | None,
        when: datetime | None,
        direction: str | None = None,
        **how: Unpack[Writing],
    ) -> None:
        record = session.find(name, record_kind)
        outcome = log_activity(
            session.workspace,
            kind,
            text,
            about=[record],
            body=body,
            owner=session.resolve("user", owner) if owner else None,
            due_at=when if is_task else None,
            happened_at=None if is_task else when,
            direction=Direction(direction) if direction else None,
            **how,
        )
        due = f" (due {words(when)})" if is_task and when else ""
        session.done(outcome, f"{done} {record.label}: {text}{due}")

    decorators = [
        click.argument("name"),
        click.argument("text"),
        click.option("--due" if is_task else "--at", "when", type=MOMENT, help=_UNTIL if is_task else _SINCE),
        click.option("--body", metavar="TEXT", help="All the rest that there is to say."),
        click.option("--owner", metavar="USER", help="Who has to do it, or did it."),
        click.option(
            "--kind", "record_kind", metavar="KIND", help="Look only among records of this kind: lead, contact …"
        ),
        writing,
    ]
    if made_with_others:
        choice = click.Choice([each.value for each in Direction])
        decorators.insert(3, click.option("--direction", type=choice, help="Who began it."))
    for decorate in reversed(decorators):
        add = decorate(add)
    return command(kind.value, help=f"{summary}\n\nNAME is an id, e-mail address or name, TEXT one line about it.")(add)


_UNTIL = "Until when: 2026-01-31, '2026-01-31 14:30', today, tomorrow, +3d."
_SINCE = "When it was: 2026-01-31, '2026-01-31 14:30', today; usually now."

note = _activity_command(ActivityKind.NOTE, "Noted about", "Write a note about a record.")
call = _activity_command(ActivityKind.CALL, "Noted a call with", "Note a telephone call.")
meeting = _activity_command(ActivityKind.MEETING, "Noted a meeting with", "Note a meeting.")
email = _activity_command(
    ActivityKind.EMAIL, "Noted a mail with", "Note a mail that was written or received elsewhere."
)
task = _activity_command(ActivityKind.TASK, "Planned a task about", "Plan a task about a record.")
