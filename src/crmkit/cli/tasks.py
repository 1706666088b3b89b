"""``crmkit tasks``: what is to be done."""

from __future__ import annotations

from datetime import datetime, time
from typing import Unpack

import click

from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, Writing, command, writing
from crmkit.services.activities import complete_tasks, tasks_due

__all__ = ["tasks"]


@command("tasks")
@click.argument("which", type=click.Choice(["due"]), required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that are done.")
@click.option("--owner", metavar="USER", help="Only this user's.")
@click.option("--done", "done", metavar="TASK", multiple=True, help="Tick off this one, by its id or words of it.")
@writing
def tasks(
    session: Session,
    *,
    which: str | None,
    everything: bool,
    owner: str | None,
    done: tuple[str, ...],
    **how: Unpack[Writing],
) -> None:
    """List open tasks, the most urgent first; with "due" only those that are due today or were before."""
    if done:
        ids = [session.resolve("activity", name) for name in done]
        outcome = complete_tasks(session.workspace, ids, **how)
        session.done(outcome, *(f"Done: {task.subject}" for task in outcome.value))
        return
    owner_id = session.resolve("user", owner) if owner else None
    today = session.workspace.clock.now().astimezone().date()
    until = datetime.combine(today, time.max).astimezone() if which else None
    found = tasks_due(session.workspace, until=until, owner=owner_id, also_done=everything)
    rows = [
        (task.due_at, task.subject, list(dict.fromkeys(record.label for record in about)), task.done_at)
        for task, about in found
    ]
    columns: list[str | Column] = [
        "Due",
        Column("Task", wrap=True),
        Column("About", wrap=True),
        *(["Done"] if everything else []),
    ]
    table = Table(columns, [row[: len(columns)] for row in rows])
    count = f"{len(rows)} {'task' if len(rows) == 1 else 'tasks'}"
    session.show(
        [{"task": task, "about": about} for task, about in found],
        table if rows else None,
        ("\n" if rows else "") + count,
    )
