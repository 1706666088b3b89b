"""``crmkit rules``: the conversion rules of plugins, and what one of them would have changed."""

from __future__ import annotations

import click

from crmkit.cli.naming import in_words
from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command, group
from crmkit.services.try_rule import try_rule

__all__ = ["rules"]

rules = group("rules", "List the conversion rules, or try one on past leads.")


@command("list", parent=rules, help="List the conversion rules in the order in which they are asked.")
def list_rules(session: Session) -> None:
    """Of two rules for one field the later one wins, and the plan says so."""
    found = session.crm.workspace.extensions.conversion_rules
    rows = [(each.item.name, f"{each.plugin} {each.version}".strip()) for each in found]
    value = [{"rule": each.item.name, "plugin": each.plugin, "version": each.version} for each in found]
    session.show(value, Table(("Rule", "Plugin"), rows) if rows else "No plugin brings a conversion rule.")


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
