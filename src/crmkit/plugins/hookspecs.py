"""Every hook of crmkit, typed and documented.

A plugin is a module with functions, or an instance with methods, that have the name of a
hook and are marked with `hookimpl`::

    @crmkit.hookimpl
    def crmkit_committed(changes: ChangeSet) -> None:
        print(changes.kind, changes.counts)

A class that derives from `HookSpecs` lets a type checker find wrong arguments and results.
A plugin that only contributes objects needs no hook: those that stand at the top of its
module are found there (see `crmkit.plugins.rules` and `crmkit.plugins.importer`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import pluggy

from crmkit.errors import ConfigError

if TYPE_CHECKING:
    from crmkit.core.changes import ChangeSet
    from crmkit.core.fields import CustomFields
    from crmkit.core.ports.notifiers import Notifier
    from crmkit.core.ports.plugins import ConversionRule, LeadMatcher, MergeRule, Report, StageGuard
    from crmkit.core.ports.pulling import LeadSourceKind
    from crmkit.core.ports.sources import Importer
    from crmkit.core.ports.storage import Storage
    from crmkit.core.record_type import RecordType

__all__ = ["HOOKS", "PROJECT", "HookSpecs", "StorageScheme", "hookimpl", "hookspec"]

PROJECT: Final = "crmkit"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)


@attrs.frozen(kw_only=True)
class StorageScheme:
    """A kind of workspace URL, and what opens it.

    Attributes:
        scheme: What stands before the colon.
        target: ``module:callable`` that returns a `Storage`, given what follows the colon;
            imported when the first such URL is opened.
        address: A word for what follows the colon, such as ``PATH``; empty when nothing does.
        summary: One line for a list.
    """

    scheme: str
    target: str
    address: str = ""
    summary: str = ""

    def open(self, address: str) -> Storage:
        """Return the back end at that address, not yet prepared.

        Raises:
            ConfigError: The address is missing, or there should be none.
        """
        if bool(address) != bool(self.address):
            what = f"needs its {self.address}" if self.address else f"takes nothing after the colon, not {address!r}"
            raise ConfigError(f"{self.scheme}: {what}", setting="url", hint=f"write {self.scheme}:{self.address}")
        module, _, name = self.target.partition(":")
        make: Callable[..., Storage] = getattr(importlib.import_module(module), name)
        return make(address) if address else make()


class HookSpecs:
    """The hooks; also the base class for plugins that are written as a class.

    The first tells a plugin what it is configured with, and the last what was committed. All
    others hand over objects. They are collected once, while a workspace is opened and before
    it is read, plugin by plugin: crmkit's own, those given by the caller, single files, the
    folder, installed packages. A hook may be a generator.
    """

    @hookspec
    def crmkit_configured(self, settings: Mapping[str, Any]) -> None:
        """Take note of what the plugin is configured with.

        Called once, while a workspace is opened and before any other hook of the same plugin;
        no transaction is open. Each plugin gets its own settings and no others, so there is
        no order.

        The result is ignored. If it raises, say of a setting that is wrong, the plugin is left
        out as a whole and listed as broken; `PluginError` is raised instead when the plugin was
        given by the caller.

        Args:
            settings: What stands under ``[plugin.NAME]``, as TOML reads it; empty when nothing does.
        """

    @hookspec
    def crmkit_importers(self) -> Iterable[Importer]:
        """Hand over importers, which read leads out of files.

        Called once, while a workspace is opened; no transaction is open. The order does not
        matter: of all importers the surest reads a file. Names are unique among all plugins.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller.
        """
        return ()

    @hookspec
    def crmkit_lead_sources(self) -> Iterable[LeadSourceKind]:
        """Hand over kinds of lead source, which are asked for new leads again and again.

        Called once, while a workspace is opened; no transaction is open. The order does not
        matter: a configured lead source names its kind. Names are unique among all plugins.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller. If a *kind* raises later, that pull
        stops: what was imported stays, and the next pull goes on from there.
        """
        return ()

    @hookspec
    def crmkit_storages(self) -> Iterable[StorageScheme]:
        """Hand over the schemes of workspace URLs that the plugin can open.

        Called once, while a workspace is opened and before its URL is understood; no
        transaction is open. The order does not matter: schemes are unique among all
        plugins. The target of a scheme is imported only for a URL that has it.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller.
        """
        return ()

    @hookspec
    def crmkit_notifiers(self) -> Iterable[Notifier]:
        """Hand over notifiers, which carry messages out of the house.

        Called once, while a workspace is opened; no transaction is open. The order does not
        matter: the user names the notifier. Names are unique among all plugins.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller.
        """
        return ()

    @hookspec
    def crmkit_conversion_rules(self) -> Iterable[ConversionRule]:
        """Hand over rules that amend or veto the conversion of leads.

        Called once, while a workspace is opened; no transaction is open. The order matters:
        of two rules for one field the later one wins. First come the plugins named in the
        setting ``plugins.order``, then by name; within a plugin as handed over. ``tryfirst``
        and ``trylast`` go before the name, but after the setting.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller. If a *rule* raises later, that
        conversion is refused and nothing is written.
        """
        return ()

    @hookspec
    def crmkit_merge_rules(self) -> Iterable[MergeRule]:
        """Hand over rules that amend or veto the merge of records.

        Called once, while a workspace is opened; no transaction is open. The order matters:
        of two rules for one field the later one wins. First come the plugins named in the
        setting ``plugins.order``, then by name; within a plugin as handed over. ``tryfirst``
        and ``trylast`` go before the name, but after the setting.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller. If a *rule* raises later, that merge
        is refused and nothing is written.
        """
        return ()

    @hookspec
    def crmkit_lead_matchers(self) -> Iterable[LeadMatcher]:
        """Hand over matchers, which find the contacts and accounts that leads may stand for.

        Called once, while a workspace is opened; no transaction is open. The order does not
        matter: all are asked, and what they find is united with what crmkit finds.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller. If a *matcher* raises later, that
        conversion is refused and nothing is written.
        """
        return ()

    @hookspec
    def crmkit_stage_guards(self) -> Iterable[StageGuard]:
        """Hand over guards that may refuse moves of deals.

        Called once, while a workspace is opened; no transaction is open. All guards are
        asked and all reasons reported, in the order of the plugins: those named in the
        setting ``plugins.order``, then by name; within a plugin as handed over.
        ``tryfirst`` and ``trylast`` go before the name, but after the setting.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller. If a *guard* raises later, that
        move is refused and nothing is written.
        """
        return ()

    @hookspec
    def crmkit_reports(self) -> Iterable[Report]:
        """Hand over reports, which answer questions about the whole workspace.

        Called once, while a workspace is opened; no transaction is open. The order does not
        matter: the user names the report. Names are unique among all plugins.

        None is an error, an empty list is not. If it raises or hands over something else,
        the plugin is left out as a whole and listed as broken; `PluginError` is raised
        instead when the plugin was given by the caller.
        """
        return ()

    @hookspec
    def crmkit_fields(self) -> Iterable[type | CustomFields]:
        """Hand over custom fields: classes declared with `custom_fields`.

        Called once, while a workspace is opened and before it is migrated; no transaction is
        open. The order does not matter: fields stand as handed over, and the names of the
        classes are unique among all plugins. Declared classes at the top of a plugin's module
        are found without this hook.

        None is an error, an empty list is not. If it raises or hands over something else, or
        fields that the records have already, the plugin is left out as a whole and listed as
        broken; `PluginError` is raised instead when the plugin was given by the caller. What
        the workspace holds of a plugin that is left out travels along untouched.
        """
        return ()

    @hookspec
    def crmkit_record_types(self) -> Iterable[type | RecordType]:
        """Hand over record types: classes declared with `custom_record`.

        Called once, while a workspace is opened and before it is migrated; no transaction is
        open. The order does not matter: a type stands after those it refers to, whoever
        brings them, and names are unique among all plugins. Declared classes at the top of a
        plugin's module are found without this hook.

        None is an error, an empty list is not. If it raises or hands over something else, or a
        type that is called like one of crmkit's own, the plugin is left out as a whole and
        listed as broken; `PluginError` is raised instead when the plugin was given by the
        caller. Records of a plugin that is left out stay where they are, untouched.
        """
        return ()

    @hookspec
    def crmkit_committed(self, changes: ChangeSet) -> None:
        """Take note of an operation that was committed.

        Called at most once per operation, right after its commit, in the thread that
        applied it and outside any transaction; never for a dry run, nor for a call that
        only gave back an earlier result. A crash in between loses the call: who needs more
        queues a message. An import is committed, and told, part by part; a whole workspace
        that is imported is told without its records, since nobody is new. The order is that
        of the plugins: those named in the setting ``plugins.order``, then by name;
        ``tryfirst`` and ``trylast`` go before the name, but after the setting.

        The result is ignored. An exception is recorded, logged, and changes nothing: the
        operation stands, and the other plugins are told.

        Args:
            changes: All that was changed; frozen.
        """


HOOKS: Final = {
    name: tuple(member.__code__.co_varnames[1 : member.__code__.co_argcount])
    for name, member in vars(HookSpecs).items()
    if hasattr(member, f"{PROJECT}_spec")
}
"""Each hook with the names of its arguments."""
