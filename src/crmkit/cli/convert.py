"""``crmkit convert``: leads become contacts, accounts and deals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from crmkit.cli.asking import where_option
from crmkit.cli.naming import in_words
from crmkit.cli.output import Card, Column, Part, Table, print_parts
from crmkit.cli.plans import compare_option, show_comparison
from crmkit.cli.state import Session, Writing, command, writing
from crmkit.core.conversion import CHOSEN, Action, ConversionResult, Target
from crmkit.core.lead import LeadStatus
from crmkit.errors import RejectedError
from crmkit.services.convert import (
    ConversionOptions,
    ConversionPlan,
    convert_lead,
    convert_leads,
    plan_conversion,
)
from crmkit.services.workspace import Workspace

__all__ = ["conversion_plan_parts", "convert"]


_SHOWN = 1000
"""So many results are named and printed at once."""


@command("convert")
@click.argument("names", nargs=-1, metavar="NAME…")
@where_option("All leads that fulfil this and are not converted yet; may be repeated.")
@click.option("--plan", "only_plan", is_flag=True, help="Show field by field what it would do, and do nothing.")
@compare_option
@click.option("--contact", metavar="NAME", help="Join this contact instead of finding or making one.")
@click.option("--account", metavar="NAME", help="Join this account instead of finding or making one.")
@click.option("--no-account", is_flag=True, help="Make a contact only, even if the lead has a company.")
@click.option("--deal", metavar="NAME", help="Open a deal of that name too.")
@click.option("--new-deal", is_flag=True, help="Open a deal that a rule names, else it is called after the company.")
@click.option("--into-deal", metavar="NAME", help="Let the contact take part in this open deal.")
@click.option("--amount", metavar="MONEY", help="What the deal is worth, such as '12000 EUR'.")
@click.option("--close", "expected_close_on", metavar="DAY", help="When the deal should be decided.")
@click.option("--pipeline", metavar="NAME", help="The pipeline of the deal.")
@click.option("--stage", metavar="NAME", help="The stage of the deal.")
@click.option("--owner", metavar="USER", help="Who takes over contact, account and deal.")
@click.option("--status", metavar="STATUS", help="What the lead is left as: converted, or say qualified to go on.")
@click.option(
    "--field",
    "choices",
    multiple=True,
    metavar="FIELD=WHAT",
    help="Say for a field: contact.title=keep, take or append.",
)
@click.option("--all-or-nothing", is_flag=True, help="Convert none when one of them cannot be.")
@writing
def convert(
    session: Session,
    names: tuple[str, ...],
    *,
    where: tuple[str, ...],
    only_plan: bool,
    compared: Path | None,
    all_or_nothing: bool,
    **options: Any,
) -> None:
    """Turn leads into contacts and accounts, and open a deal if you say so.

    A lead whose contact or account is there already joins it: empty fields are filled, nothing is
    overwritten. Converting twice changes nothing. When some of many cannot be converted the others
    are, and it exits with 3.
    """
    how: Writing = {"reason": options.pop("reason"), "key": options.pop("key"), "dry_run": options.pop("dry_run")}
    chosen = _options(session, **options)
    if compared is not None and not only_plan:
        raise click.UsageError("--compare goes with --plan")
    if not names and not where:
        raise click.UsageError("name the leads, or say which: --where TEXT")
    found = session.crm.leads.where(*where, "status != converted") if where else ()
    ids = list(dict.fromkeys([*(session.find(name, "lead").id for name in names), *(lead.id for lead in found)]))
    if not ids:
        session.show([], "There is no such lead that could be converted.")
    elif only_plan:
        plans, refused = _plans(session, ids, chosen)
        if compared is not None:
            show_comparison(session, compared, plans)
        else:
            _show_plans(session, plans, refused)
        if refused:
            raise click.exceptions.Exit(RejectedError.exit_code)
    elif len(ids) == 1:  # its error says more than a row of a table
        one = convert_lead(session.workspace, ids[0], options=chosen, **how)
        session.done(one, *_lines(session, [one.value]))
    else:
        with _progress(len(ids)) as progress:
            many = convert_leads(
                session.workspace, ids, options=chosen, all_or_nothing=all_or_nothing, progress=progress, **how
            )
        for start in () if session.as_json else range(0, len(many.value), _SHOWN):
            print_parts(_lines(session, many.value[start : start + _SHOWN]))
        session.done(many, value=list(many.value) if session.as_json else None)
        if any(result.outcome not in ("converted", "already") for result in many.value):
            raise click.exceptions.Exit(RejectedError.exit_code)


def _options(
    session: Session,
    *,
    contact: str | None,
    account: str | None,
    no_account: bool,
    deal: str | None,
    new_deal: bool,
    into_deal: str | None,
    owner: str | None,
    status: str | None,
    choices: tuple[str, ...],
    **deal_values: str | None,
) -> ConversionOptions:
    values = {name: value for name, value in deal_values.items() if value}
    opens = deal or (new_deal or None)
    if values and not opens:
        raise click.UsageError("--amount, --close, --pipeline and --stage go with --deal NAME or --new-deal")
    if into_deal and opens:
        raise click.UsageError("either --into-deal or a new deal")
    if no_account and account:
        raise click.UsageError("either --account or --no-account")
    return ConversionOptions(
        contact=session.resolve("contact", contact) if contact else None,
        account=session.resolve("account", account) if account else None,
        with_account=False if no_account else None,
        deal=opens,
        deal_values=values,
        into_deal=session.resolve("deal", into_deal) if into_deal else None,
        owner=session.resolve("user", owner) if owner else None,
        status=status or LeadStatus.CONVERTED,
        fields=dict(_parted(choice) for choice in choices),
    )


def _parted(choice: str) -> tuple[str, str]:
    field, equals, what = choice.partition("=")
    if not (field and equals and what):
        raise click.UsageError(f"--field {choice}: write it as FIELD=WHAT, such as contact.title=take")
    return field, what


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int, int], None] | None]:
    """Show on a terminal how far it is; elsewhere say nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Leads"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, _total: bar.update(task, completed=done)


def _lines(session: Session, results: Sequence[ConversionResult]) -> Iterator[str]:
    """Say what became of each lead."""
    conversions = [result.conversion for result in results if result.conversion]
    labels = _labels(session, "lead", [result.lead_id for result in results])
    for kind, field in (("contact", "contact_id"), ("account", "account_id"), ("deal", "deal_id")):
        labels |= _labels(session, kind, [id_ for c in conversions if (id_ := getattr(c, field))])
    for result in results:
        lead = labels.get(result.lead_id, result.lead_id)
        if result.conversion is None:
            yield f"{lead}: {result.outcome}"
            yield from (f"  • {reason}" for reason in result.reasons)
            continue
        made, already = result.conversion, result.outcome == "already"
        parts = [
            f"{'new ' if kind in made.created and not already else ''}{kind} {labels.get(id_, id_)}"
            for kind, id_ in (("contact", made.contact_id), ("account", made.account_id), ("deal", made.deal_id))
            if id_
        ]
        yield f"{lead} {'is converted already' if already else 'converted'}: {', '.join(parts)}"


def _labels(session: Session, kind: str, ids: Sequence[str]) -> dict[str, str]:
    return {record.id: record.label for record in session.workspace.load_many(kind, sorted(set(ids)))}


def _plans(
    session: Session, ids: Sequence[str], options: ConversionOptions
) -> tuple[list[ConversionPlan], dict[str, RejectedError]]:
    """Plan each lead, and return why some cannot be converted; of a single one that is an error."""
    plans: list[ConversionPlan] = []
    refused: dict[str, RejectedError] = {}
    for id_ in ids:
        try:
            plans.append(plan_conversion(session.workspace, id_, options=options))
        except RejectedError as error:
            if len(ids) == 1:
                raise
            refused[id_] = error
    return plans, refused


def _show_plans(session: Session, plans: Sequence[ConversionPlan], refused: Mapping[str, RejectedError]) -> None:
    parts: list[Part] = []
    for plan in plans:
        parts += [*([""] if parts else []), *conversion_plan_parts(session.workspace, plan)]
    labels = _labels(session, "lead", list(refused))
    for id_, error in refused.items():
        parts += [*([""] if parts else []), f"{labels[id_]} cannot be converted:"]
        parts += [f"  • {reason}" for reason in error.reasons]
    value = [*plans, *({"lead_id": id_, "reasons": error.reasons} for id_, error in refused.items())]
    session.show(value[0] if len(value) == 1 else value, *parts, "", click.style("Nothing was done yet.", dim=True))


def conversion_plan_parts(workspace: Workspace, plan: ConversionPlan) -> list[Part]:
    """Return a plan as people read it: field by field, then all the rest."""
    ends = {Target.CONTACT: plan.contact, Target.ACCOUNT: plan.account, Target.DEAL: plan.deal}
    shown = partial(in_words, workspace)
    rows: list[tuple[Any, ...]] = []
    for target in Target:
        existing = ends.get(target)
        title = f"{target.value} {existing.label}" if existing else f"new {target.value}"
        for field in (each for each in plan.fields if each.target is target):
            value = f"({shown(field.old)})" if field.action is Action.KEEP else shown(field.new)
            usual = field.rule in ("default", CHOSEN)
            why = field.reason if usual else f"{field.reason} (rule {field.rule})"
            rows.append(
                (title, _plainly(field.field), _plainly(field.source or ""), value, field.action, _plainly(why))
            )
            title = ""
    headings = (
        Column("Target", wrap=True),
        "Field",
        "From",
        Column("Value", wrap=True),
        "Action",
        Column("Why", wrap=True),
    )
    table = Table(headings, rows, title=f"Conversion of {plan.lead.label}")
    rest = [
        ("leaves", f"the lead {plan.status.value}" if plan.status is not LeadStatus.CONVERTED else ""),
        ("joins", f"deal {plan.deal.label}" if plan.deal else ""),
        ("keeps as it is", [f"{_plainly(name)}: {shown(value)}" for name, value in plan.unmapped.items()]),
        ("drops", [f"{_plainly(name)} (rule {rule})" for name, rule in plan.dropped.items()]),
        ("links too", [f"{count} {_counted(name, count)}" for name, count in plan.linked.items() if count]),
        (
            "found",
            [f"{c.target.value} {c.label} ({', '.join(c.evidence)}; {c.strength.value})" for c in plan.candidates],
        ),
        ("rules differ", plan.conflicts),
        ("mind", plan.warnings),
    ]
    return [table, *([Card("Besides", rest)] if any(value for _, value in rest) else [])]


def _plainly(name: str) -> str:
    """Return a text about fields without what only programs need in their names."""
    return name.replace("_id", "").replace("_", " ")


def _counted(plural: str, count: int) -> str:
    if count > 1:
        return plural
    return "activity" if plural == "activities" else "address" if plural == "addresses" else plural.removesuffix("s")
