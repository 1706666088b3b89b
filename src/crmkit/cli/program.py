"""The ``crmkit`` command: finds commands by name, loads the one that is called, reports errors."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from crmkit import __version__
from crmkit.cli.commands import COMMANDS
from crmkit.cli.state import Session, common_options
from crmkit.errors import CrmkitError, PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["main"]

_INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


class Program(click.Group):
    """A group whose commands stand in a table, and are loaded when they are called."""

    def main(self, *args: Any, **more: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        return super().main(*args, **{"prog_name": self.name, **more})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in _from_plugins() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name].target.partition(":")
            return getattr(import_module(module), attribute)  # type: ignore[no-any-return]  # by the table
        added = _from_plugins().get(cmd_name)
        return None if added is None else _load(*added)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items() if entry.section == section])
        if added := _from_plugins():
            with formatter.section("From plugins"):
                formatter.write_dl([(name, _origin(name, distribution)) for name, (distribution, _) in added.items()])

    def invoke(self, ctx: click.Context) -> Any:
        session = ctx.ensure_object(Session)
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do
        except KeyboardInterrupt:
            click.echo("\nInterrupted.", err=True)
            ctx.exit(_INTERRUPTED)
        except Exception as error:
            if session.debug or (isinstance(error, click.ClickException) and not session.as_json):
                raise
            from crmkit.cli.failures import report

            ctx.exit(report(_blamed(error, ctx.invoked_subcommand), as_json=session.as_json))
        finally:
            session.close()


def _from_plugins() -> dict[str, tuple[str, EntryPoint]]:
    from crmkit.plugins.commands import command_names

    return command_names()


def _origin(name: str, distribution: str) -> str:
    return (
        f"Not available: {distribution} calls it like one of crmkit's own."
        if name in COMMANDS
        else f"From {distribution}."
    )


def _load(distribution: str, point: EntryPoint) -> click.Command:
    try:
        loaded = point.load()
    except Exception as error:
        raise PluginError(f"it cannot be loaded: {error}", plugin=distribution, hook=f"command {point.name}") from error
    if not isinstance(loaded, click.Command):
        raise PluginError("it is no click command", plugin=distribution, hook=f"command {point.name}")
    return loaded


def _blamed(error: Exception, name: str | None) -> Exception:
    """Return what a command raised; an accident in one of a plugin is that plugin's failure."""
    if (
        isinstance(error, (CrmkitError, click.ClickException))
        or name is None
        or name in COMMANDS
        or name not in _from_plugins()
    ):
        return error
    distribution, _ = _from_plugins()[name]
    failure = PluginError(f"{type(error).__name__}: {error}", plugin=distribution, hook=f"command {name}")
    failure.__cause__ = error
    return failure


_EPILOG = """
\b
The workspace is --db, else CRMKIT_URL, else what ./crmkit.toml says,
else ./crm.db. Records are named by id, e-mail address, key or name.

\b
Exit codes:
  0  done                       5  somebody else changed it meanwhile
  1  an unexpected error        6  the storage failed
  2  wrong usage                7  a plugin failed
  3  refused, with reasons      8  a setting is wrong
  4  there is no such thing     9  mail cannot be delivered now

\b
Completion: eval "$(_CRMKIT_COMPLETE=bash_source crmkit)", or zsh_source, or
for fish: _CRMKIT_COMPLETE=fish_source crmkit | source
"""

main = Program(
    "crmkit",
    help="A CRM in one file: leads in, mail out, conversion, deals, and nothing that cannot be undone.",
    epilog=_EPILOG,
    params=list(common_options()),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
click.version_option(__version__, message="%(prog)s %(version)s")(main)
