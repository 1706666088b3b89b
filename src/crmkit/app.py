"""``crmkit.open``: the one place where storage, plugins and services meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from crmkit.core.builtin import builtin_schema
from crmkit.core.declarations import fields_of, type_of
from crmkit.core.ports.ambient import Chance, Clock, SystemChance, SystemClock
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError
from crmkit.facade.converting import Converting
from crmkit.facade.following_up import FollowingUp
from crmkit.facade.gathering import Gathering
from crmkit.facade.looking_back import LookingBack
from crmkit.facade.mailing import Mailing
from crmkit.facade.selling import Selling
from crmkit.plugins.extensions import LoadedExtensions
from crmkit.plugins.manager import PluginManager
from crmkit.services.settings import Settings
from crmkit.services.workspace import BEGIN_KEY, Workspace

# Whatever opening does not need is loaded by the method that does, so that a program starts fast.
if TYPE_CHECKING:
    from crmkit.core.fields import CustomFields
    from crmkit.core.planning import Planning
    from crmkit.core.record_type import RecordType

__all__ = ["CRM", "open"]

T = TypeVar("T")


class CRM(Gathering, FollowingUp, Converting, Selling, Mailing, LookingBack):
    """An open workspace: its collections, and what can be done with them.

    Usable from several threads, and as a context manager that closes it. Every method that
    changes data takes ``reason``, ``key`` (an idempotency key: the second call with the
    same key gives the first result) and ``dry_run`` (do all of it, and roll it back).

    Attributes:
        leads, contacts, accounts, deals, campaigns, activities, pipelines, stages, users, templates,
            lead_sources, mappings: The collections.
    """


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
        configured=chosen.plugin,
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


def _once(items: Iterable[T]) -> list[T]:
    """Return each object once: a plugin and the application may both name a class."""
    return list({id(item): item for item in items}.values())


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
    run(workspace, Request(kind="begin", key=BEGIN_KEY), plan, lambda _view, _result: None)
