"""``crmkit plugins``: what is loaded, what is broken, and who takes part in what."""

from __future__ import annotations

import click

from crmkit.cli.commands import COMMANDS
from crmkit.cli.output import Column, Table
from crmkit.cli.state import Session, command
from crmkit.plugins import commands as added
from crmkit.plugins.hookspecs import HOOKS

__all__ = ["plugins"]


@command("plugins")
@click.argument("what", type=click.Choice(["list", "hooks"]), default="list")
def plugins(session: Session, what: str) -> None:
    """List the plugins, also the broken ones with the reason; or the hooks with who takes part, in order.

    No workspace is needed.
    """
    if what == "hooks":
        _show_hooks(session)
        return
    found = session.plugins.listing()
    commands = {name: distribution for name, (distribution, _) in added.command_names().items()}
    rows = [
        (info.name, info.version, info.status, ", ".join(info.contributions) or ", ".join(info.hooks) or info.reason)
        for info in found
    ]
    broken = [f"{info.name} ({info.where}): {info.reason}" for info in found if info.reason]
    session.show(
        {"plugins": found, "commands": commands},
        Table(("Plugin", "Version", "Status", Column("Contributes", wrap=True)), rows),
        *(["", *broken] if broken else []),
        *(f"Command {name}, from {where}{_clash(name)}" for name, where in commands.items()),
    )


def _show_hooks(session: Session) -> None:
    chains = {hook: session.plugins.chain(hook) for hook in HOOKS}
    rows = [
        (hook if number == 0 else "", plugin, reason)
        for hook, chain in chains.items()
        for number, (plugin, reason) in enumerate(chain or [("–", "")])
    ]
    value = {hook: [{"plugin": plugin, "place": why} for plugin, why in chain] for hook, chain in chains.items()}
    session.show(value, Table((Column("Hook", whole=True), "Plugin", Column("Place", wrap=True)), rows))


def _clash(name: str) -> str:
    return ", is not available: crmkit has one of that name" if name in COMMANDS else ""
