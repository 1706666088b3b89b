"""Comparing a plan with one that was printed before: ``--plan --compare FILE``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from crmkit.cli.naming import in_words
from crmkit.cli.output import Column, Part, Table
from crmkit.cli.state import Session
from crmkit.errors import UnreadableError
from crmkit.services.comparing import PlanComparison, compare_plans

__all__ = ["compare_option", "show_comparison"]

compare_option = click.option(
    "--compare",
    "compared",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --plan: show what differs from a plan that --plan --json printed into FILE.",
)


def show_comparison(session: Session, file: Path, plans: Sequence[Any]) -> None:
    """Print what plans do otherwise than those in a file; each is compared with that of the same record."""
    before = {_about(plan): plan for plan in _read(file)}
    comparisons: list[PlanComparison] = []
    for plan in plans:
        about = plan.lead.id if hasattr(plan, "lead") else plan.winner.id
        if about not in before:
            raise UnreadableError(f"it holds no plan for {about}", source=str(file))
        comparisons.append(compare_plans(before[about], plan))
    parts: list[Part] = []
    for plan, comparison in zip(plans, comparisons, strict=True):
        label = plan.lead.label if hasattr(plan, "lead") else plan.winner.label
        parts += [*([""] if parts else []), *_parts(session, label, comparison)]
    session.show(
        comparisons[0] if len(plans) == 1 else comparisons,
        *parts,
        "",
        click.style("Nothing was done.", dim=True),
    )


def _read(file: Path) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableError(f"it is no JSON: {error}", source=str(file)) from error
    return found if isinstance(found, list) else [found]


def _about(plan: Any) -> str | None:
    """Return the id of the record a printed plan is about."""
    record = (plan.get("lead") or plan.get("winner")) if isinstance(plan, Mapping) else None
    return record.get("id") if isinstance(record, Mapping) else None


def _parts(session: Session, label: str, comparison: PlanComparison) -> Iterator[Part]:
    if not comparison:
        yield f"The plan for {label} is the same."
        return
    shown = partial(in_words, session.workspace)
    rows = [
        (_about_in_words(session, each.what), *(_cell(shown(value), why) for value, why in ends))
        for each in comparison
        for ends in [((each.one, each.one_why), (each.other, each.other_why))]
    ]
    columns = ("What", Column("In the file", wrap=True), Column("Now", wrap=True))
    yield Table(columns, rows, title=f"What differs in the plan for {label}")


def _about_in_words(session: Session, what: str) -> str:
    place, of, record_id = what.partition(" of ")
    return place.replace("_", " ") + (f"{of}{in_words(session.workspace, record_id)}" if of else "")


def _cell(value: str, why: str) -> str:
    return f"{value or '–'} ({why})" if why else value or "–"
