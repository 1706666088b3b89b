"""``crmkit.open``: the one place where storage, plugins and services meet."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import attrs

from crmkit.core.account import Account
from crmkit.core.activity import Activity, ActivityKind, Direction
from crmkit.core.builtin import builtin_schema
from crmkit.core.campaign import Campaign
from crmkit.core.contact import Contact
from crmkit.core.conversion import ConversionResult
from crmkit.core.deal import Deal
from crmkit.core.fields import close_to
from crmkit.core.lead import Lead
from crmkit.core.message import Template
from crmkit.core.pipeline import Pipeline, Stage
from crmkit.core.planning import Planning
from crmkit.core.ports.ambient import Chance, Clock, SystemChance, SystemClock
from crmkit.core.ports.plugins import Context, ReportPage
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.core.query import Query
from crmkit.core.records import Stored
from crmkit.core.user import User
from crmkit.errors import ConfigError, NotFoundError
from crmkit.plugins.manager import PluginManager
from crmkit.services.collections import Collection
from crmkit.services.config import load_settings
from crmkit.services.operations import Request, open_operation, run
from crmkit.services.resolve import id_of
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace

if TYPE_CHECKING:
    from crmkit.services.board import Board
    from crmkit.services.convert import ConversionPlan
    from crmkit.services.deliver import DeliveryReport
    from crmkit.services.importing import ImportReport
    from crmkit.services.log import LoggedOperation
    from crmkit.services.queue_mail import QueueReport
    from crmkit.services.timeline import TimelineEntry
    from crmkit.services.undo import UndoReport

__all__ = ["CRM", "open"]


def open(  # noqa: A001  # crmkit.open reads well, and is meant to
    url: str | PathLike[str] | None = None,
    *,
    create: bool = False,
    plugins: Sequence[object] = (),
    plugin_files: Sequence[str | PathLike[str]] = (),
    discover: bool = True,
    config: str | PathLike[str] | None = None,
    settings: Settings | None = None,
    actor: str | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> CRM:
    """Open a workspace.

    Args:
        url: A path, ``sqlite:PATH``, ``memory:``, or what a plugin's storage understands;
            None means the one that the settings name.
        create: Make the workspace when it is not there, with a sales pipeline and mail
            templates to begin with. A workspace in memory is always made.
        plugins: Modules or objects to use as plugins, before those that are installed.
        plugin_files: Python files to use as plugins.
        discover: Whether installed plugins are used.
        config: A ``crmkit.toml``, or None.
        settings: Settings made by the program; not together with *config*.
        actor: Who acts; stands in the log.
        clock: Tells the time; None means the clock of this machine.
        chance: The source of everything random; None means that of this machine.

    Raises:
        NotFoundError: There is no such workspace, and it should not be made.
        NotAWorkspaceError: There is something else in its place.
        ConfigError: The URL or a setting is wrong.
        PluginError: A plugin given here is wrong; an installed one is listed as broken instead.
    """
    if config is not None and settings is not None:
        message = "give either config or settings, not both"
        raise ConfigError(message)
    chosen = settings or (load_settings(Path(config), trusted=True) if config is not None else Settings())
    manager = PluginManager(
        chosen.plugins,
        plugins=plugins,
        files=[Path(file) for file in plugin_files],
        discover=discover,
        clock=clock,
    )
    place = str(url) if url is not None else chosen.url
    if place is None:
        message = "no workspace is named"
        raise ConfigError(message, setting="url", hint="name one, such as crm.db")
    extensions = manager.collect()
    storage = _storage(place, extensions.storages)
    schema = storage.prepare(builtin_schema(), create=create or place == "memory:")
    workspace = Workspace(
        storage=storage,
        schema=schema,
        extensions=extensions,
        settings=chosen,
        clock=clock or SystemClock(),
        chance=chance or SystemChance(),
        actor=actor,
    )
    if create or place == "memory:":
        _begin(workspace)
    return CRM(workspace, manager)


def _storage(url: str, schemes: Mapping[str, Any]) -> Any:
    scheme, colon, rest = url.partition(":")
    # A single letter before the colon is a drive, not a scheme.
    if not colon or len(scheme) == 1:
        scheme, rest = "sqlite", url
    if scheme not in schemes:
        close = close_to(scheme, schemes)
        hint = f"did you mean {close[0]}:?" if close else f"known are {', '.join(sorted(schemes))}, or a plain path"
        message = f"no storage opens {scheme}: addresses"
        raise ConfigError(message, setting="url", hint=hint)
    with schemes[scheme].blamed():
        return schemes[scheme].item.open(rest)


def _begin(workspace: Workspace) -> None:
    """Give a new workspace its pipeline and templates; does nothing in one that has had an operation."""
    from crmkit.services.mail_templates import plan_default_templates  # brings in Liquid
    from crmkit.services.pipelines import plan_default_pipeline

    with workspace.storage.read() as view:
        if view.find(Query(type="operation", limit=1)):
            return

    def plan(planning: Planning) -> Mapping[str, Any]:
        plan_default_pipeline(planning)
        plan_default_templates(planning)
        return {}

    # The key keeps two processes that begin at once from doing it twice.
    run(workspace, Request(kind="begin", key="crmkit:begin"), plan, lambda _view, _result: None)


class Done(Protocol):
    """What an operation gave."""

    @property
    def operation_id(self) -> str | None: ...


def _operation_id(operation: str | Done) -> str:
    named = operation if isinstance(operation, str) else operation.operation_id
    if named is None:
        raise NotFoundError("operation", type(operation).__name__, hint="nothing was changed, so nothing can be undone")
    return named


class CRM:
    """An open workspace: its collections, and what can be done with them.

    Usable from several threads, and as a context manager that closes it. Every method that
    changes data takes ``reason``, ``key`` (an idempotency key: the second call with the
    same key gives the first result) and ``dry_run`` (do all of it, and roll it back).

    Attributes:
        leads, contacts, accounts, deals, campaigns, activities, pipelines, stages, users, templates:
            The collections.
    """

    def __init__(self, workspace: Workspace, plugins: PluginManager) -> None:
        self.workspace = workspace
        self.plugins = plugins
        self.leads: Collection[Lead] = Collection(workspace, "lead")
        self.contacts: Collection[Contact] = Collection(workspace, "contact")
        self.accounts: Collection[Account] = Collection(workspace, "account")
        self.deals: Collection[Deal] = Collection(workspace, "deal")
        self.campaigns: Collection[Campaign] = Collection(workspace, "campaign")
        self.activities: Collection[Activity] = Collection(workspace, "activity")
        self.pipelines: Collection[Pipeline] = Collection(workspace, "pipeline")
        self.stages: Collection[Stage] = Collection(workspace, "stage")
        self.users: Collection[User] = Collection(workspace, "user")
        self.templates: Collection[Template] = Collection(workspace, "template")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the workspace; closing twice is no error."""
        self.workspace.storage.close()

    @property
    def url(self) -> str:
        """Where the workspace lives, without password."""
        return self.workspace.storage.url

    def collection(self, kind: str) -> Collection[Any]:
        """Return the collection of any record type, by its name (``lead``) or plural (``leads``)."""
        plurals = {each.plural: each.name for each in self.workspace.schema}
        return Collection(self.workspace, self.workspace.schema[plurals.get(kind, kind)].name)

    def get(self, record_id: str) -> Any:
        """Return the record with that id, whatever its type.

        Raises:
            NotFoundError: There is none.
        """
        return self.collection(self.workspace.schema.type_of(record_id).name).get(record_id)

    def acting_as(self, user: str | User) -> CRM:
        """Return the same workspace with somebody else acting in it."""
        name = user.name if isinstance(user, User) else user
        return CRM(attrs.evolve(self.workspace, actor=name), self.plugins)

    @contextmanager
    def operation(self, reason: str, *, key: str | None = None, dry_run: bool = False) -> Iterator[None]:
        """Make everything that this thread does in the block one operation, all or nothing.

        The block sees its own changes, and others see nothing until it ends. No lock is held
        meanwhile: when others have changed what the block relied on, it is refused.

        Raises:
            StalePlanError: Others changed what the block relied on; nothing was written.
        """
        with open_operation(self.workspace, Request(kind="edit", reason=reason, key=key, dry_run=dry_run)):
            yield

    # Leads in

    def import_leads(
        self,
        source: str | PathLike[str] | Source,
        *,
        campaign: str | Campaign | None = None,
        importer: str | None = None,
        options: ReadingOptions | None = None,
        rejects: str | PathLike[str] | None = None,
        **more: Any,
    ) -> ImportReport:
        """Import leads from a file; the same file again changes nothing.

        Args:
            source: A path, or a source.
            campaign: The campaign they come from; a record, id or name.
            importer: The name of the importer; None means: the surest of all.
            options: What is known about the file; None means: find out.
            rejects: Where to write the rows that were rejected, with line and reason;
                None means nowhere. Mended, that file can be imported again.
            more: ``policy``, ``source_label``, ``owner``, ``tags``, ``batch_size``, ``max_errors``,
                ``progress``, ``reason``, ``key`` and ``dry_run``; see `crmkit.services.importing`.

        Raises:
            UnreadableError: It is no file that an importer knows.
            RejectedError: Too many rows are wrong; nothing was imported.
        """
        from crmkit.services.importing import import_leads, write_rejects
        from crmkit.services.sources import FileSource

        opened = FileSource(Path(source)) if isinstance(source, (str, PathLike)) else source
        chosen = None if campaign is None else self._id("campaign", campaign)
        outcome = import_leads(self.workspace, opened, campaign=chosen, importer=importer, options=options, **more)
        if rejects is not None:
            write_rejects(self.workspace, outcome.value, Path(rejects))
        return outcome.value

    # Following up

    def note(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Write a note about a record."""
        return self._activity(ActivityKind.NOTE, about, text, **more)

    def call(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a telephone call about a record."""
        return self._activity(ActivityKind.CALL, about, text, **more)

    def meeting(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a meeting about a record."""
        return self._activity(ActivityKind.MEETING, about, text, **more)

    def email(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a mail that was written or received elsewhere."""
        return self._activity(ActivityKind.EMAIL, about, text, **more)

    def task(self, about: str | Stored, text: str, *, due: datetime | None = None, **more: Any) -> Activity:
        """Plan a task about a record."""
        return self._activity(ActivityKind.TASK, about, text, due_at=due, **more)

    def _activity(
        self,
        kind: ActivityKind,
        about: str | Stored,
        text: str,
        *,
        also_about: Iterable[str | Stored] = (),
        **more: Any,
    ) -> Activity:
        from crmkit.services.activities import log_activity

        direction = more.pop("direction", None)
        return log_activity(
            self.workspace,
            kind,
            text,
            about=[about, *also_about],
            direction=Direction(direction) if direction else None,
            **more,
        ).value

    def complete(self, *tasks: str | Activity, **more: Any) -> builtins.list[Activity]:
        """Tick off tasks."""
        from crmkit.services.activities import complete_tasks

        return complete_tasks(self.workspace, tasks, **more).value

    def tasks_due(self, until: datetime | None = None) -> builtins.list[tuple[Activity, builtins.list[Any]]]:
        """Return open tasks with what they are about, the most urgent first; None means all."""
        from crmkit.services.activities import tasks_due

        return tasks_due(self.workspace, until=until)

    # Conversion

    def plan_conversion(self, lead: str | Lead, **options: Any) -> ConversionPlan:
        """Plan a conversion without doing anything: field by field what goes where, and why.

        Args:
            lead: The lead, its id, e-mail address or name.
            options: ``contact``, ``account``, ``with_account``, ``deal``, ``deal_values`` and ``owner``.

        Raises:
            RejectedError: It cannot be converted; with all reasons.
            AmbiguousMatchError: Several contacts or accounts match equally well.
        """
        from crmkit.services.convert import ConversionOptions, plan_conversion

        return plan_conversion(self.workspace, self._id("lead", lead), options=ConversionOptions(**self._ids(options)))

    def convert(
        self,
        lead: str | Lead | ConversionPlan,
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **options: Any,
    ) -> ConversionResult:
        """Convert a lead into a contact and an account; a second time gives the first result back.

        Args:
            lead: The lead, its id, e-mail address or name; or a plan, to do just that.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            options: As in `plan_conversion`.

        Raises:
            RejectedError: It cannot be converted; with all reasons.
            AmbiguousMatchError: Several contacts or accounts match equally well.
            StalePlanError: What the plan relied on has moved; make it anew.
        """
        from crmkit.services.convert import (
            ConversionOptions,
            ConversionPlan,
            convert_lead,
            convert_planned,
        )

        if isinstance(lead, ConversionPlan):
            return convert_planned(self.workspace, lead, reason=reason, key=key, dry_run=dry_run).value
        return convert_lead(
            self.workspace,
            self._id("lead", lead),
            options=ConversionOptions(**self._ids(options)),
            reason=reason,
            key=key,
            dry_run=dry_run,
        ).value

    def convert_many(
        self, leads: Iterable[str | Lead], *, all_or_nothing: bool = False, **more: Any
    ) -> builtins.list[ConversionResult]:
        """Convert many leads in one operation, with one result for each."""
        from crmkit.services.convert import convert_leads

        return convert_leads(self.workspace, leads, all_or_nothing=all_or_nothing, **more).value

    # Deals

    def open_deal(self, name: str, **values: Any) -> Deal:
        """Open a deal: ``account``, ``contacts``, ``roles``, ``amount``, ``pipeline``, ``stage`` …"""
        from crmkit.services.deals import open_deal

        return open_deal(self.workspace, name, **values).value

    def move_deal(self, deal: str | Deal, stage: str | Stage, **more: Any) -> Deal:
        """Move a deal to another stage.

        Raises:
            RejectedError: The stage demands something; with all reasons at once.
        """
        from crmkit.services.deals import move_deal

        return move_deal(self.workspace, self._id("deal", deal), id_of(stage), **more).value

    def win_deal(self, deal: str | Deal, **more: Any) -> Deal:
        """Close a deal as won."""
        from crmkit.services.deals import win_deal

        return win_deal(self.workspace, self._id("deal", deal), **more).value

    def lose_deal(self, deal: str | Deal, lost_reason: str, comment: str | None = None, **more: Any) -> Deal:
        """Close a deal as lost, with a reason of the list; ``other`` needs a comment."""
        from crmkit.services.deals import lose_deal

        return lose_deal(self.workspace, self._id("deal", deal), lost_reason, comment, **more).value

    def reopen_deal(self, deal: str | Deal, *, reason: str, **more: Any) -> Deal:
        """Open a closed deal again; its old close stays in its history."""
        from crmkit.services.deals import reopen_deal

        return reopen_deal(self.workspace, self._id("deal", deal), reason=reason, **more).value

    def board(self, pipeline: str | None = None) -> Board:
        """Return a pipeline as a board: its stages with their deals and sums."""
        from crmkit.services.board import board

        return board(self.workspace, pipeline)

    # Messages

    def send(self, template: str, *, campaign: str | Campaign | None = None, **more: Any) -> QueueReport:
        """Queue a mail to each member of a campaign, once however often this is called.

        Args:
            template: The key of the template; each person gets it in their language.
            campaign: The campaign; a record, id or name.
            more: ``people`` (instead of all members), ``purpose``, ``once``, ``reason``, ``key`` and ``dry_run``.
        """
        from crmkit.services.queue_mail import queue_mail

        chosen = None if campaign is None else self._id("campaign", campaign)
        return queue_mail(self.workspace, template, campaign=chosen, **more).value

    def deliver(self, notifier: str = "folder", **options: Any) -> DeliveryReport:
        """Hand the queued mails to a notifier: ``folder``, ``smtp``, ``console``, ``webhook`` or a plugin's.

        Args:
            notifier: Its name.
            options: What it needs: ``folder``, ``host``, ``port``, ``url`` …; and ``limit``.
        """
        from crmkit.services.deliver import deliver

        limit = options.pop("limit", None)
        texts = {name: str(value) for name, value in options.items()}
        return deliver(self.workspace, notifier, options=texts, limit=limit)

    # Looking back

    def timeline(self, record: str | Stored) -> builtins.list[TimelineEntry]:
        """Return what happened to a record and what belongs to it, the oldest first."""
        from crmkit.services.timeline import timeline

        return timeline(self.workspace, id_of(record))

    def log(self, *, limit: int = 20, **more: Any) -> builtins.list[LoggedOperation]:
        """Return operations, the newest first; of one ``kind``, or of one ``record``."""
        from crmkit.services.log import recent_operations

        return recent_operations(self.workspace, limit=limit, **more)

    def undo(self, operation: str | Done, **more: Any) -> UndoReport:
        """Take an operation back.

        Args:
            operation: The operation or its id; or what it gave, such as a conversion result, an
                import report or a new record: anything with an ``operation_id``.
            more: ``only``, ``keep_changed``, ``reason``, ``key`` and ``dry_run``.

        Raises:
            NotReversibleError: Something stands in the way: `.obstacles`.
        """
        from crmkit.services.undo import undo

        return undo(self.workspace, _operation_id(operation), **more).value

    def redo(self, operation: str | Done, **more: Any) -> UndoReport:
        """Do an undone operation again, with the same ids; named as for `undo`."""
        from crmkit.services.undo import redo

        return redo(self.workspace, _operation_id(operation), **more).value

    def report(self, name: str, **options: Any) -> ReportPage:
        """Compute a report on one consistent view.

        Raises:
            NotFoundError: There is no such report.
            RejectedError: An option is wrong.
        """
        known = self.workspace.extensions.reports
        if name not in known:
            raise NotFoundError("report", name, suggestions=close_to(name, known))
        texts = {key: str(id_of(value) if isinstance(value, Stored) else value) for key, value in options.items()}
        with self.workspace.reading() as view:
            context = Context(view, self.workspace.schema, at=self.workspace.clock.now(), actor=self.workspace.actor)
            with known[name].blamed():
                return known[name].item.compute(context, texts)

    def _id(self, kind: str, named: str | Stored) -> str:
        """Return the id of a record that may be named as a person would."""
        return named.id if isinstance(named, Stored) else self.collection(kind).find(named).id

    def _ids(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with names of records resolved."""
        kinds = {"contact": "contact", "account": "account", "owner": "user"}
        return {
            name: self._id(kinds[name], value) if name in kinds and value is not None else value
            for name, value in options.items()
        }
