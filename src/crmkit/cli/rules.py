"""``crmkit rules``: the rules of plugins for conversions and merges, and what one of them would have changed."""

from __future__ import annotations

import click

from crmkit.cli.naming import in_words
from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command, group
from crmkit.services.try_rule import try_rule

__all__ = ["rules"]

rules = group("rules", "List the rules for conversions and merges, or try one on past leads.")


@command("list", parent=rules, help="List rules and matchers in the order in which they are asked.")
def list_rules(session: Session) -> None:
    """Of two rules for one field the later one wins, and the plan says so."""
    extensions = session.workspace.extensions
    found = [
        (kind, each)
        for kind, contributions in (
            ("conversion", extensions.conversion_rules),
            ("merge", extensions.merge_rules),
            ("matcher", extensions.lead_matchers),
        )
        for each in contributions
    ]
    rows = [(each.item.name, kind, f"{each.plugin} {each.version}".strip()) for kind, each in found]
    value = [{"rule": e.item.name, "for": kind, "plugin": e.plugin, "version": e.version} for kind, e in found]
    session.show(value, Table(("Rule", "For", "Plugin"), rows) if rows else "No plugin brings a rule.")


@command("try", parent=rules, help="Show what a rule would have changed in past conversions; nothing is written.")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many leads.")
def try_(session: Session, name: str, limit: int) -> None:
    """Each lead is decided again as it was before its conversion, without the rule and with it."""
    trial = try_rule(session.workspace, name, limit=limit)
    rows: list[tuple[object, ...]] = []
    for lead in trial.leads:
        label: object = lead.label
        for each in lead.differences:
            old, new = (in_words(session.workspace, value) or "–" for value in (each.without, each.with_rule))
            rows.append((label, each.what.replace("_", " "), old, new))
            label = ""
        rows += [("", "why", "", reason) for reason in lead.reasons]
    columns = ("Lead", "What", Column("Without it", wrap=True), Column("With it", wrap=True))
    leads = "lead" if trial.tried == 1 else "leads"
    summary = f"The rule {trial.rule} makes a difference for {len(trial.leads)} of {trial.tried} {leads}."
    session.show(trial, Table(columns, rows) if rows else None, "" if rows else None, summary, "Nothing was written.")
