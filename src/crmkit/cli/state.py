"""What all commands share: the common options, the workspace they lead to, and printing.

A command is a function that takes a `Session` first::

    @command("note")
    @click.argument("name")
    @click.argument("text")
    @writing  # adds --dry-run, --key and --reason; they arrive as **how
    def note(session: Session, name: str, text: str, **how: Unpack[Writing]) -> None:
        record = session.find(name)
        outcome = log_activity(session.workspace, ActivityKind.NOTE, text, about=[record], **how)
        session.done(outcome, f"Noted about {record.label}.")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from crmkit.errors import ConfigError

if TYPE_CHECKING:
    from crmkit.app import CRM
    from crmkit.cli.output import Part
    from crmkit.plugins.manager import PluginManager
    from crmkit.services.operations import Outcome
    from crmkit.services.settings import Settings
    from crmkit.services.workspace import Workspace

__all__ = ["Session", "Writing", "command", "common_options", "group", "looking_back", "writing"]

F = TypeVar("F", bound=Callable[..., Any])

_CONFIG = Path("crmkit.toml")
_USUAL = Path("crm.db")


class Session:
    """What the common options say, and what they lead to, opened when it is first needed.

    Attributes:
        db: Where the workspace is, or None: look in the usual places.
        config: A file with settings that may name code, or None.
        plugin_files: Files to use as plugins.
        no_plugins: Whether installed plugins are left out.
        actor: Who acts, or None.
        as_json: Whether results are printed as JSON.
        debug: Whether errors come with a traceback.
        dry_run: Whether nothing is to be written.
        moment: The moment whose state is looked at, as `CRM.at` takes it, or None: now.
    """

    def __init__(self) -> None:
        self.db: str | None = None
        self.config: str | None = None
        self.plugin_files: tuple[str, ...] = ()
        self.no_plugins = False
        self.actor: str | None = None
        self.as_json = False
        self.debug = False
        self.dry_run = False
        self.moment: str | None = None
        self._opened: CRM | None = None

    # -------------------------------------------------------------- workspace

    @cached_property
    def settings(self) -> Settings:
        """The settings of ``--config``, else of ``./crmkit.toml``, which may name no code."""
        from crmkit.services.config import load_settings
        from crmkit.services.settings import Settings

        if self.config is not None:
            return load_settings(Path(self.config), trusted=True)
        return load_settings(_CONFIG, trusted=False) if _CONFIG.is_file() else Settings()

    @property
    def url(self) -> str | None:
        """Where the workspace is or would be, or None when nothing says so."""
        configured = self.settings.url
        if self.config is not None:  # asked for explicitly, it counts more than the environment
            return self.db or configured or os.environ.get("CRMKIT_URL") or None
        return self.db or os.environ.get("CRMKIT_URL") or configured

    @cached_property
    def crm(self) -> CRM:
        """The workspace, open until the command ends.

        Raises:
            ConfigError: There is no workspace in the usual places.
            NotFoundError: There is none where it should be.
        """
        url = self.url or (str(_USUAL) if _USUAL.exists() else None)
        if url is None:
            raise ConfigError(
                "there is no workspace here", setting="url", hint="make one with: crmkit init (or name one with --db)"
            )
        return self.open(url)

    def open(self, url: str, *, create: bool = False) -> CRM:
        """Open a workspace with the plugins and settings of the options, instead of the usual one."""
        from crmkit.app import open as open_crm

        self._opened = open_crm(
            url,
            create=create,
            plugin_files=self.plugin_files,
            discover=not self.no_plugins,
            settings=self.settings,
            actor=self.actor,
        )
        self.crm = self._opened if self.moment is None else self._opened.at(self.moment)
        if self.moment is not None:
            self.say(f"As of {self.crm.workspace.clock.now().astimezone():%Y-%m-%d %H:%M:%S}")
        return self.crm

    @property
    def workspace(self) -> Workspace:
        """The workspace, for services."""
        return self.crm.workspace

    @cached_property
    def plugins(self) -> PluginManager:
        """The plugins, which can be looked at without a workspace."""
        from crmkit.plugins.manager import PluginManager

        return PluginManager(
            self.settings.plugins,
            configured=self.settings.plugin,
            files=[Path(file) for file in self.plugin_files],
            discover=not self.no_plugins,
        )

    def close(self) -> None:
        """Let go of the workspace, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    # ------------------------------------------------------------------ names

    def resolve(self, kind: str, name: str) -> str:
        """Return the id of the record of one type that a person names."""
        from crmkit.services.resolve import resolve

        with self.workspace.reading() as view:
            return resolve(view, self.workspace.schema, kind, name)

    def find(self, name: str, kind: str | None = None, *, deleted: bool = False) -> Any:
        """Return the record that a person names.

        Args:
            name: An id, e-mail address, key or name.
            kind: Its type; None means: any that people work with.
            deleted: Look among the deleted records only.
        """
        from crmkit.services.search import find_deleted, find_record

        kinds = None if kind is None else (kind,)
        return (find_deleted if deleted else find_record)(self.workspace, name, kinds=kinds)

    # --------------------------------------------------------------- printing

    def show(self, value: Any, *parts: Part | None) -> None:
        """Print a result: with ``--json`` the value, else the parts.

        Args:
            value: A record, a list of them, or anything made of records and plain values.
            parts: Lines of text, tables and cards; None is left out.
        """
        from crmkit.cli.output import print_json, print_parts

        if self.as_json:
            print_json(value)
        else:
            print_parts(part for part in parts if part is not None)

    def done(self, outcome: Outcome[Any], *parts: Part | None, value: Any = None) -> None:
        """Print what a writing command did, and how to take it back.

        Args:
            outcome: What the service returned.
            parts: Lines of text, tables and cards; None is left out.
            value: What ``--json`` shows as the result; None means the outcome's value.
        """
        self.show(
            {
                "operation_id": None if self.dry_run else outcome.operation_id,
                "dry_run": self.dry_run,
                "replayed": outcome.replayed,
                "result": outcome.value if value is None else value,
            },
            *parts,
            click.style(self._footer(outcome), dim=True),
        )

    def _footer(self, outcome: Outcome[Any]) -> str:
        if outcome.replayed:
            return "This was done before with the same key; nothing was done again."
        if outcome.operation_id is None:
            return "There was nothing to change."
        if self.dry_run:
            return "This was a dry run: nothing was written."
        return f"Undo with: crmkit undo {outcome.operation_id}"

    def say(self, text: str) -> None:
        """Print a message that is no result; it goes to standard error, and to people only."""
        if not self.as_json:
            click.echo(text, err=True)


class Writing(TypedDict):
    """What `writing` adds to a command; hand it on to the service."""

    reason: str | None
    key: str | None
    dry_run: bool


def writing(function: F) -> F:
    """Add ``--dry-run``, ``--key`` and ``--reason``; put it right above the function, so that they come last."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001  # click's way
        ctx.ensure_object(Session).dry_run = value
        return value

    for option in (
        click.option("--reason", metavar="TEXT", help="Why, for the log."),
        click.option("--key", metavar="TEXT", help="An idempotency key: the same key does it once."),
        click.option("--dry-run", is_flag=True, callback=remember, help="Do all of it, and roll it back."),
    ):
        function = option(function)
    return function


def looking_back(function: F) -> F:
    """Add ``--at``, for a command that only reads; the workspace of the session is then that of the past."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        ctx.ensure_object(Session).moment = value

    help_ = "Show the state as of then: 2026-01-31, -30d, 'last month', 2026-01-31T09:30Z, or after an operation."
    return click.option("--at", metavar="MOMENT", callback=remember, expose_value=False, help=help_)(function)


def command(
    name: str, *, parent: click.Group | None = None, **more: Any
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command that takes the `Session` first, and the common options anywhere.

    Args:
        name: What people type.
        parent: The group it belongs to, or None for a command of its own.
        more: What `click.command` takes.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        def with_session(*args: Any, **options: Any) -> None:
            function(click.get_current_context().ensure_object(Session), *args, **options)

        make: Callable[[Callable[..., None]], click.Command] = click.command(name, **_with_epilog(more))
        made = make(update_wrapper(with_session, function))
        made.params.extend(common_options(hidden=True))
        if parent is not None:
            parent.add_command(made)
        return made

    return decorate


def group(name: str, help: str, **more: Any) -> click.Group:  # noqa: A002  # as click calls it
    """Make a group of commands, such as ``crmkit lead``; give it to `command` as the parent."""
    return click.Group(name, help=help, params=list(common_options(hidden=True)), **_with_epilog(more))


def common_options(*, hidden: bool = False) -> Sequence[click.Option]:
    """Return the options that every command takes; each is remembered in the `Session`."""

    def remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        # They may stand before and after the command; where they don't stand they say nothing.
        if value not in (None, (), False):
            session = ctx.ensure_object(Session)
            before = getattr(session, str(parameter.name))
            setattr(session, str(parameter.name), before + value if isinstance(value, tuple) else value)

    def option(*names: str, **more: Any) -> click.Option:
        return click.Option(names, callback=remember, expose_value=False, hidden=hidden, **more)

    return (
        option("--db", metavar="URL", help="The workspace: a path, or an address such as sqlite:crm.db."),
        option("--config", metavar="FILE", help="A crmkit.toml; unlike one lying here it may name plugins."),
        option("--plugin", "plugin_files", metavar="FILE", multiple=True, help="A Python file to use as a plugin."),
        option("--no-plugins", is_flag=True, help="Leave out the installed plugins."),
        option("--as", "actor", metavar="USER", help="Who acts; stands in the log."),
        option("--json", "as_json", is_flag=True, help="Print results, and errors, as JSON."),
        option("--debug", is_flag=True, help="Show the traceback of an error."),
    )


def _with_epilog(more: dict[str, Any]) -> dict[str, Any]:
    return {"epilog": "Every command also takes --json, --db and the other options of crmkit --help.", **more}
