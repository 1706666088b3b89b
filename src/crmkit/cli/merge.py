"""``crmkit duplicates`` and ``crmkit merge``: what seems to be one, and making it one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import click

from crmkit.cli.asking import where_option
from crmkit.cli.naming import in_words
from crmkit.cli.output import Card, Column, Part, Table
from crmkit.cli.plans import compare_option, show_comparison
from crmkit.cli.state import Session, Writing, command, writing
from crmkit.core.conversion import CHOSEN, Action
from crmkit.core.merging import MergeResult
from crmkit.errors import NotFoundError
from crmkit.services.convert import plan_conversion
from crmkit.services.duplicates import DuplicateGroup, find_duplicates
from crmkit.services.merge import MergePlan, options_of_merge, plan_merge
from crmkit.services.merge import merge as merge_records

__all__ = ["duplicates", "merge"]


@command("duplicates")
@click.argument("kind", type=click.Choice(["leads", "contacts", "accounts", "deals"]))
@where_option("Only groups with a record that fulfils this; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many groups.")
def duplicates(session: Session, kind: str, *, where: tuple[str, ...], limit: int) -> None:
    """List groups of records that seem to be one, with what speaks for it, the surest first.

    Leads are also held against contacts.
    """
    wanted = " and ".join(f"({text})" for text in where) or None
    groups = find_duplicates(session.workspace, kind, where=wanted, limit=limit)
    parts: list[Part] = []
    for group in groups:
        parts += [*([""] if parts else []), *_group_parts(session, group)]
    session.show(groups, *(parts or [f"No {kind} seem to be there twice."]))


def _group_parts(session: Session, group: DuplicateGroup) -> Iterator[Part]:
    rows = [(r.label, *_facts(session, r), r.id) for r in (*group.members, *group.contacts)]
    columns = ("Name", "E-mail or domain", "City", Column("Id", whole=True))
    yield Table(columns, rows, title=f"{group.strength.value.capitalize()}: {'; '.join(group.evidence)}")
    first, *others = (member.id for member in group.members)
    winner = group.contacts[0].id if group.contacts else first
    losers = [first, *others] if group.contacts else others
    yield click.style(f"Merge with: crmkit merge {winner} {' '.join(losers)}", dim=True)


def _facts(session: Session, record: Any) -> tuple[Any, Any]:
    reach = getattr(record, "email", None) or getattr(record, "domain", None)
    account = getattr(record, "account_id", None)
    return reach or (in_words(session.workspace, account) if account else None), getattr(record, "city", None)


@command("merge")
@click.argument("winner", metavar="WINNER")
@click.argument("losers", nargs=-1, required=True, metavar="LOSER…")
@click.option("--plan", "only_plan", is_flag=True, help="Show field by field what it would do, and do nothing.")
@compare_option
@click.option("--field", "choices", multiple=True, metavar="FIELD=NAME", help="Take this field from that record.")
@click.option("--kind", metavar="KIND", help="Look only among records of this kind: lead, contact …")
@writing
def merge(
    session: Session,
    winner: str,
    losers: tuple[str, ...],
    *,
    only_plan: bool,
    compared: Path | None,
    choices: tuple[str, ...],
    kind: str | None,
    **how: Unpack[Writing],
) -> None:
    """Merge records into the first: duplicate leads, contacts, accounts or deals become one.

    What is empty in the winner is filled, nothing is overwritten, and all that belongs to the others
    belongs to it then. Their ids still open it. A lead is merged into a contact by a conversion.
    """
    if compared is not None and not only_plan:
        raise click.UsageError("--compare goes with --plan")
    winner_id = _id(session, winner, kind)
    type_ = session.workspace.schema.type_of(winner_id).name
    named = {name: _loser_id(session, name, winner_id, type_) for name in losers}
    ids = list(named.values())
    named.setdefault(winner, winner_id)
    choose = {field: _chosen(session, name, named, type_) for field, name in map(_parted, choices)}
    if not only_plan:
        outcome = merge_records(session.workspace, winner_id, ids, choose=choose, **how)
        session.done(outcome, *_lines(session, outcome.value))
        return
    parts: list[Part] = []
    value: Any
    if type_ == "contact" and all(id_.startswith("lead_") for id_ in ids):
        from crmkit.cli.convert import conversion_plan_parts

        options = options_of_merge(session.crm.contacts.get(winner_id).id, ids, choose)
        value = [plan_conversion(session.workspace, id_, options=options) for id_ in ids]
        for each in value:
            parts += [*([""] if parts else []), *conversion_plan_parts(session.workspace, each)]
    else:
        value = plan_merge(session.workspace, winner_id, ids, choose=choose)
        parts = _plan_parts(session, value)
    if compared is not None:
        show_comparison(session, compared, value if isinstance(value, list) else [value])
    else:
        session.show(value, *parts, "", click.style("Nothing was done yet.", dim=True))


def _id(session: Session, name: str, kind: str | None) -> str:
    """Return the id of the record that a person names; an id stays itself, also that of a merged record."""
    record = session.find(name, kind)
    try:
        session.workspace.schema.type_of(name)
    except NotFoundError:
        return str(record.id)
    return name


def _loser_id(session: Session, name: str, winner_id: str, kind: str) -> str:
    """Return who is meant; a name that leads to no other contact may be that of a lead."""
    if kind != "contact":
        return _id(session, name, kind)
    try:
        found = _id(session, name, None if name.startswith("lead_") else kind)
    except NotFoundError:
        return _id(session, name, "lead")
    if found != winner_id or name == winner_id:
        return found
    try:
        return _id(session, name, "lead")
    except NotFoundError:
        return found


def _parted(choice: str) -> tuple[str, str]:
    field, equals, name = choice.partition("=")
    if not (field and equals and name):
        raise click.UsageError(f"--field {choice}: write it as FIELD=NAME, such as title=LOSER")
    return field, name


def _chosen(session: Session, name: str, named: dict[str, str], kind: str) -> str:
    return named[name] if name in named else _id(session, name, kind)


def _lines(session: Session, result: MergeResult) -> Iterator[str]:
    kind = session.workspace.schema.type_of(result.winner.id).name.replace("_", " ")
    ids = [m.loser_id for m in result.merges if m.winner_id == result.winner.id] or [
        conversion.lead_id for conversion in result.conversions
    ]
    losers = ", ".join(in_words(session.workspace, id_) for id_ in ids)
    if result.outcome == "already":
        yield f"{losers or 'That'} is part of the {kind} {result.winner.label} already."
        return
    done = "Converted" if result.outcome == "converted" else "Merged"
    yield f"{done} {losers} into the {kind} {result.winner.label} ({result.winner.id})."
    kept = [
        f"{_plainly(name)}: {in_words(session.workspace, v)}" for m in result.merges for name, v in m.unmapped.items()
    ]
    if kept:
        yield f"Kept with the merge: {', '.join(kept)}"


def _plan_parts(session: Session, plan: MergePlan) -> list[Part]:
    shown = partial(in_words, session.workspace)
    labels = {loser.id: loser.label for loser in plan.losers}
    rows: list[tuple[Any, ...]] = [
        (
            _plainly(each.field),
            f"({shown(each.old)})" if each.action is Action.KEEP else shown(each.new),
            each.action,
            labels.get(each.source, ""),
            each.reason if each.rule in ("default", CHOSEN) else f"{each.reason} (rule {each.rule})",
        )
        for each in plan.fields
    ]
    names = ", ".join(labels.values())
    headings = ("Field", Column("Value", wrap=True), "Action", "From", Column("Why", wrap=True))
    table = Table(headings, rows, title=f"Merge of {names} into {plan.winner.label}")
    rest = [
        ("keeps with it", _unmapped(plan, shown, labels)),
        ("links", [f"{count} {_plainly(name)}" for name, count in plan.linked.items()]),
        ("rules differ", plan.conflicts),
        ("mind", plan.warnings),
    ]
    return [table, *([Card("Besides", rest)] if any(value for _, value in rest) else [])]


def _unmapped(plan: MergePlan, shown: Any, labels: dict[str, str]) -> Sequence[str]:
    return [
        f"{_plainly(name)} of {labels[id_]}: {shown(value)}"
        for id_, values in plan.unmapped.items()
        for name, value in values.items()
    ]


def _plainly(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ")
