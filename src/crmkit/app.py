"""``crmkit.open``: the one place where storage, plugins and services meet."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import attrs

from crmkit.core.builtin import builtin_schema
from crmkit.core.declare import fields_of, type_of
from crmkit.core.fields import CustomFields, close_to
from crmkit.core.ports.ambient import Chance, Clock, SystemChance, SystemClock
from crmkit.core.records import Stored
from crmkit.core.schema import RecordType, Schema
from crmkit.errors import ConfigError, NotFoundError
from crmkit.plugins.manager import LoadedExtensions, PluginManager
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace

# Whatever opening does not need is loaded by the method that does, so that a program starts fast.
if TYPE_CHECKING:
    from crmkit.core.activity import Activity
    from crmkit.core.campaign import Campaign
    from crmkit.core.conversion import ConversionResult
    from crmkit.core.deal import Deal
    from crmkit.core.lead import Lead
    from crmkit.core.merging import MergeResult
    from crmkit.core.message import Template
    from crmkit.core.pipeline import Pipeline, Stage
    from crmkit.core.planning import Planning
    from crmkit.core.ports.plugins import ReportPage
    from crmkit.core.ports.sources import ReadingOptions, Source
    from crmkit.core.query import Condition
    from crmkit.core.user import User
    from crmkit.services.board import Board
    from crmkit.services.collections import Collection
    from crmkit.services.convert import ConversionPlan
    from crmkit.services.deliver import DeliveryReport
    from crmkit.services.duplicates import DuplicateGroup
    from crmkit.services.history import HistoryEntry, Origin
    from crmkit.services.importing import ImportReport
    from crmkit.services.log import LoggedOperation
    from crmkit.services.merge import MergePlan
    from crmkit.services.queue_mail import QueueReport
    from crmkit.services.search import Hit
    from crmkit.services.timeline import TimelineEntry
    from crmkit.services.try_rule import RuleTrial
    from crmkit.services.typed_collections import (
        AccountCollection,
        ActivityCollection,
        CampaignCollection,
        ContactCollection,
        DealCollection,
        LeadCollection,
        UserCollection,
    )
    from crmkit.services.undo import UndoReport

__all__ = ["CRM", "open"]

R = TypeVar("R", bound=Stored)
T = TypeVar("T")


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
    fields: Sequence[type | CustomFields] = (),
    record_types: Sequence[type | RecordType] = (),
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
        fields: Custom fields of this application, besides those of plugins: classes declared
            with `custom_fields`. Those that are new are added to the workspace.
        record_types: Record types of this application, besides those of plugins: classes
            declared with `custom_record`.

    Raises:
        NotFoundError: There is no such workspace, and it should not be made.
        NotAWorkspaceError: There is something else in its place.
        ConfigError: The URL or a setting is wrong, or custom fields and record types do not
            fit each other or what the workspace holds.
        PluginError: A plugin given here is wrong; an installed one is listed as broken instead.
    """
    if config is not None and settings is not None:
        message = "give either config or settings, not both"
        raise ConfigError(message)
    chosen = settings or (_settings(Path(config)) if config is not None else Settings())
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
    declared = _declared(extensions, fields, record_types)
    storage = _storage(place, extensions.storages)
    schema = storage.prepare(declared, create=create or place == "memory:")
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


def _settings(config: Path) -> Settings:
    from crmkit.services.config import load_settings

    return load_settings(config, trusted=True)


def _declared(
    extensions: LoadedExtensions, fields: Sequence[type | CustomFields], record_types: Sequence[type | RecordType]
) -> Schema:
    """Return crmkit's own record types with those, and the custom fields, of plugins and the application."""
    try:
        kinds = _once([*(one.item for one in extensions.record_types.values()), *map(type_of, record_types)])
        customs = _once([*(one.item for one in extensions.fields.values()), *map(fields_of, fields)])
    except TypeError as error:
        raise ConfigError(str(error), setting="fields or record_types") from None
    twice = [name for name, count in Counter(custom.name for custom in customs).items() if count > 1]
    if twice:
        message = f"two classes of custom fields are called {twice[0]}"
        raise ConfigError(message, setting=twice[0], hint="name one of them: custom_fields(..., name=...)")
    return builtin_schema().including(kinds).extended(customs)


def _once(items: Iterable[T]) -> builtins.list[T]:
    """Return each object once: a plugin and the application may both name a class."""
    return builtins.list({id(item): item for item in items}.values())


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
    from crmkit.core.query import Query
    from crmkit.services.mail_templates import plan_default_templates  # brings in Liquid
    from crmkit.services.operations import Request, run
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

    leads: LeadCollection
    contacts: ContactCollection
    accounts: AccountCollection
    deals: DealCollection
    campaigns: CampaignCollection
    activities: ActivityCollection
    pipelines: Collection[Pipeline]
    stages: Collection[Stage]
    users: UserCollection
    templates: Collection[Template]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Collection[Any]:
            """Make the collection of that name when it is used first."""
            if name not in CRM.__annotations__:
                message = f"a CRM has no attribute {name!r}"
                raise AttributeError(message)
            made = self.__dict__[name] = self.collection(name)
            return made

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

    def __getitem__(self, cls: type[R]) -> Collection[R]:
        """Return the collection of the records of a class: ``crm[Booth]``, ``crm[Lead]``.

        Raises:
            NotFoundError: The workspace was opened without that class.
        """
        from crmkit.services.typed_collections import collection_of

        return collection_of(self.workspace, self.workspace.schema.of(cls).name)

    def collection(self, kind: str) -> Collection[Any]:
        """Return the collection of any record type, by its name (``lead``) or plural (``leads``).

        Raises:
            NotFoundError: There is no such record type.
        """
        from crmkit.services.typed_collections import collection_of

        return collection_of(self.workspace, self.workspace.schema.named(kind).name)

    def get(self, record_id: str) -> Any:
        """Return the record with that id, whatever its type.

        Raises:
            NotFoundError: There is none.
        """
        return self.collection(self.workspace.schema.type_of(record_id).name).get(record_id)

    def search(self, text: str, *, kinds: Sequence[str] | None = None, limit: int = 20) -> builtins.list[Hit]:
        """Find living records by words or their beginnings, whatever accents and case, the best fit first.

        Args:
            text: Any text; deals are found by the words of their account too.
            kinds: Names or plurals of record types; None means all that can be searched.
            limit: At most so many.

        Raises:
            NotFoundError: There is no such record type.
            RejectedError: One of them cannot be searched.
        """
        from crmkit.services.search import search

        return search(self.workspace, text, kinds=kinds, limit=limit)

    def acting_as(self, user: str | User) -> CRM:
        """Return the same workspace with somebody else acting in it."""
        name = user if isinstance(user, str) else user.name
        return CRM(attrs.evolve(self.workspace, actor=name), self.plugins)

    @contextmanager
    def operation(self, reason: str, *, key: str | None = None, dry_run: bool = False) -> Iterator[None]:
        """Make everything that this thread does in the block one operation, all or nothing.

        The block sees its own changes, and others see nothing until it ends. No lock is held
        meanwhile: when others have changed what the block relied on, it is refused.

        Raises:
            StalePlanError: Others changed what the block relied on; nothing was written.
        """
        from crmkit.services.operations import Request, open_operation

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

    def import_records(
        self,
        kind: str | type[Stored],
        source: str | PathLike[str] | Source,
        *,
        mapping: Mapping[str, str] | None = None,
        **more: Any,
    ) -> ImportReport:
        """Import records of any type from a table or JSON lines, by the names of its fields.

        Args:
            kind: The record type: its class, name or plural.
            source: A path, or a source.
            mapping: Column to field, where they are called differently.
            more: ``reason``, ``key`` and ``dry_run``.

        Raises:
            RejectedError: It has columns that are no fields, with all of these; or no row is good.
        """
        from crmkit.core.ports.sources import ReadingOptions
        from crmkit.services.import_records import import_records
        from crmkit.services.sources import FileSource

        schema = self.workspace.schema
        name = schema.of(kind).name if isinstance(kind, type) else schema.named(kind).name
        opened = FileSource(Path(source)) if isinstance(source, (str, PathLike)) else source
        options = ReadingOptions(mapping=mapping or {})
        return import_records(self.workspace, name, opened, options=options, **more).value

    # Following up

    def note(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Write a note about a record."""
        return self._activity("note", about, text, **more)

    def call(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a telephone call about a record."""
        return self._activity("call", about, text, **more)

    def meeting(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a meeting about a record."""
        return self._activity("meeting", about, text, **more)

    def email(self, about: str | Stored, text: str, **more: Any) -> Activity:
        """Note a mail that was written or received elsewhere."""
        return self._activity("email", about, text, **more)

    def task(self, about: str | Stored, text: str, *, due: datetime | None = None, **more: Any) -> Activity:
        """Plan a task about a record."""
        return self._activity("task", about, text, due_at=due, **more)

    def _activity(
        self,
        kind: str,
        about: str | Stored,
        text: str,
        *,
        also_about: Iterable[str | Stored] = (),
        **more: Any,
    ) -> Activity:
        from crmkit.core.activity import ActivityKind, Direction
        from crmkit.services.activities import log_activity

        direction = more.pop("direction", None)
        return log_activity(
            self.workspace,
            ActivityKind(kind),
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
            AlreadyConvertedError: It is converted; with the first result.
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

    def try_rule(self, name: str, *, limit: int = 100) -> RuleTrial:
        """Try a conversion rule on the leads that were converted last: what would have been otherwise.

        Raises:
            NotFoundError: There is no such rule.
        """
        from crmkit.services.try_rule import try_rule

        return try_rule(self.workspace, name, limit=limit)

    # Duplicates

    def duplicates(
        self, kind: str = "contact", *, where: Condition | str | None = None, limit: int | None = None
    ) -> builtins.list[DuplicateGroup]:
        """Return groups of records that seem to be one, the surest first, with what speaks for it.

        Args:
            kind: ``lead``, ``contact``, ``account`` or ``deal``, or its plural.
            where: Only groups with a record that fulfils this, given as for a collection.
            limit: At most so many.
        """
        from crmkit.services.duplicates import find_duplicates

        return find_duplicates(self.workspace, kind, where=where, limit=limit)

    def plan_merge(
        self, winner: str | Stored, *losers: str | Stored, choose: Mapping[str, str | Stored] | None = None
    ) -> MergePlan:
        """Plan a merge without doing anything: field by field what the winner will hold, and why.

        Args:
            winner: The record that stays, or its id.
            losers: Those that become part of it.
            choose: Field to the record whose value is wanted.

        Raises:
            RejectedError: They cannot be merged, or are merged already; with all reasons.
        """
        from crmkit.services.merge import plan_merge

        return plan_merge(self.workspace, winner, losers, choose=choose)

    def merge(
        self,
        winner: str | Stored | MergePlan,
        *losers: str | Stored,
        choose: Mapping[str, str | Stored] | None = None,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> MergeResult:
        """Merge records of one type into the first; a second time gives the first result back.

        What is empty is filled, nothing is overwritten, and all that belongs to the others
        belongs to the winner then. Their ids still open it. Leads are merged into a contact by
        converting them into it.

        Args:
            winner: The record that stays, or its id; or a plan, to do just that.
            losers: Those that become part of it.
            choose: Field to the record whose value is wanted, instead of what the rules give.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.

        Raises:
            RejectedError: They cannot be merged; with all reasons.
            StalePlanError: What the plan relied on has moved; make it anew.
        """
        from crmkit.services.merge import MergePlan, merge, merge_planned

        if isinstance(winner, MergePlan):
            return merge_planned(self.workspace, winner, reason=reason, key=key, dry_run=dry_run).value
        return merge(self.workspace, winner, losers, choose=choose, reason=reason, key=key, dry_run=dry_run).value

    # Deals

    def open_deal(self, name: str, *custom: object, **values: Any) -> Deal:
        """Open a deal: ``account``, ``contacts``, ``roles``, ``amount``, ``pipeline``, ``stage`` …

        Custom fields are objects of their classes, or mappings of names to values.
        """
        from crmkit.services.deals import open_deal

        return open_deal(self.workspace, name, custom=custom, **values).value

    def move_deal(self, deal: str | Deal, stage: str | Stage, **more: Any) -> Deal:
        """Move a deal to another stage.

        Raises:
            RejectedError: The stage demands something; with all reasons at once.
        """
        from crmkit.services.deals import move_deal
        from crmkit.services.resolve import id_of

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

    def set_probability(self, deal: str | Deal, percent: int | None, **more: Any) -> Deal:
        """Say how likely a deal is won, 0 to 100; None goes back to what its stage says.

        What is said holds from stage to stage, until the deal is closed.

        Raises:
            RejectedError: It is closed, or the number is no percentage.
        """
        from crmkit.services.deals import set_probability

        return set_probability(self.workspace, self._id("deal", deal), percent, **more).value

    def board(self, pipeline: str | None = None) -> Board:
        """Return a pipeline as a board: its stages with their deals and sums."""
        from crmkit.services.board import board

        return board(self.workspace, pipeline)

    # Pipelines

    def add_pipeline(self, name: str, title: str, stages: Sequence[Mapping[str, Any]], **more: Any) -> Pipeline:
        """Add a pipeline: its key, its title, and its stages in order.

        Each stage is a mapping with a ``key``, for an open one a ``default_probability``, for others
        ``kind="won"`` or ``kind="lost"``, and what else differs from the usual: ``required_fields``,
        ``follows``, ``max_days``, ``title``, ``titles``. ``currency`` is that of amounts without one.

        Raises:
            RejectedError: With all that is wrong.
        """
        from crmkit.services.pipelines import add_pipeline

        return add_pipeline(self.workspace, name, title, stages, **more).value[0]

    def add_stage(self, pipeline: str | Pipeline | None, stage: Mapping[str, Any], **more: Any) -> Stage:
        """Add a stage to a pipeline (None: the usual one), behind the stage ``after`` or the last open one."""
        from crmkit.services.pipelines import add_stage

        stages = add_stage(self.workspace, pipeline, stage, **more).value[1]
        return next(each for each in stages if each.key == stage["key"])

    def update_stage(self, pipeline: str | Pipeline | None, stage: str | Stage, **changes: Any) -> Stage:
        """Change a stage of a pipeline (None: the usual one); its key, kind and place stay."""
        from crmkit.services.pipelines import update_stage
        from crmkit.services.stages import stage_named

        return stage_named(update_stage(self.workspace, pipeline, stage, changes).value[1], stage)

    def remove_stage(self, pipeline: str | Pipeline | None, stage: str | Stage, **more: Any) -> None:
        """Remove a stage from a pipeline; its deals move to the stage ``move_to`` first."""
        from crmkit.services.pipelines import remove_stage

        remove_stage(self.workspace, pipeline, stage, **more)

    def remove_pipeline(self, pipeline: str | Pipeline, **more: Any) -> Pipeline:
        """Remove a pipeline that holds no deal, with its stages."""
        from crmkit.services.pipelines import remove_pipeline

        return remove_pipeline(self.workspace, pipeline, **more).value

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
        from crmkit.services.resolve import id_of
        from crmkit.services.timeline import timeline

        return timeline(self.workspace, id_of(record))

    def history(self, record: str | Stored, *, field: str | None = None) -> builtins.list[HistoryEntry]:
        """Return what happened to the values of a record, or of one field, the oldest first.

        Who, when, what, why, by which rule, and from which file and row.
        """
        from crmkit.services.history import history

        return history(self.workspace, record, field=field)

    def provenance(self, record: str | Stored) -> dict[str, Origin]:
        """Return for each value of a record where it comes from."""
        from crmkit.services.history import provenance

        return provenance(self.workspace, record)

    def at(self, moment: datetime | str | Done, *, before: bool = False) -> CRM:
        """Return the workspace as it was at a moment, to be read only.

        It needs no closing, and reads as long as this one is open.

        Args:
            moment: An aware moment, or a text such as ``2026-01-31T09:30:00Z``, ``2026-01-31`` (the
                end of that day), ``-30d`` or ``last month``; or an operation, its id, or what it
                gave: right after that operation.
            before: Right before that moment, day or operation instead.

        Raises:
            RejectedError: It is no moment, or says no time zone.
            NotFoundError: There is no such operation.
        """
        from crmkit.services.as_of import past_of

        return CRM(past_of(self.workspace, moment, before=before), self.plugins)

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
        from crmkit.core.ports.plugins import Context

        known = self.workspace.extensions.reports
        if name not in known:
            raise NotFoundError("report", name, suggestions=close_to(name, known))
        texts = {key: str(value.id if isinstance(value, Stored) else value) for key, value in options.items()}
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
