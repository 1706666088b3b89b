"""The plugins of one workspace: found, checked, put in order, called, and blamed by name.

Whatever is wrong with a plugin that somebody asked for by name (an argument, a file) is a
`PluginError` at once. One that was merely found (in the folder, among the installed
packages) is left out as a whole and listed as broken, and the others go on.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from crmkit import __version__
from crmkit.core.declare import declared
from crmkit.core.fields import CustomFields, close_to
from crmkit.core.ports.ambient import Clock
from crmkit.core.ports.notifiers import Notifier
from crmkit.core.ports.plugins import (
    Committed,
    Contribution,
    ConversionRule,
    LeadMatcher,
    MergeRule,
    Report,
    StageGuard,
)
from crmkit.core.ports.pulling import LeadSourceKind
from crmkit.core.ports.sources import Importer
from crmkit.core.schema import RecordType
from crmkit.errors import ConfigError, NotFoundError, PluginError
from crmkit.plugins.checking import KINDS, Flaw, Kind, check_hooks, flaws_of, items_of, kinds_of, name_of, run
from crmkit.plugins.discovery import Found, Origin, in_arguments, in_entry_points, in_files, in_folder
from crmkit.plugins.hookspecs import HOOKS, PROJECT, HookSpecs, StorageScheme
from crmkit.services.settings import PluginSettings

if TYPE_CHECKING:
    from crmkit.core.changes import ChangeSet

__all__ = ["Failure", "LoadedExtensions", "PluginInfo", "PluginManager", "Status"]

_log = logging.getLogger("crmkit.plugins")


class Status(StrEnum):
    """What has become of a plugin."""

    ACTIVE = "active"
    DISABLED = "disabled"
    BROKEN = "broken"


@attrs.frozen(kw_only=True)
class PluginInfo:
    """A plugin, for a list.

    Attributes:
        name: What it is called in settings.
        version: Its version, or empty.
        origin: By which way it came in.
        where: The distribution, file or type it is in.
        status: What has become of it.
        reason: Why it is not active, or empty.
        hooks: The hooks it implements.
        contributions: What it contributes, as ``importer csv``.
    """

    name: str
    version: str
    origin: Origin
    where: str
    status: Status
    reason: str = ""
    hooks: tuple[str, ...] = ()
    contributions: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Failure:
    """A plugin that raised where it can break nothing.

    Attributes:
        plugin: The plugin.
        version: Its version, or empty.
        hook: The hook that raised.
        operation_id: The operation it was told of.
        error: What it raised, as one line.
    """

    plugin: str
    version: str
    hook: str
    operation_id: str
    error: str


@attrs.frozen(kw_only=True, eq=False)
class LoadedExtensions:
    """Everything that the active plugins contribute; fulfils `Extensions`.

    Attributes:
        importers: By name; crmkit's own are loaded when somebody looks.
        lead_sources: Kinds of lead source, by name.
        storages: By scheme.
        notifiers: By name.
        reports: By name.
        fields: Custom fields, by name.
        record_types: Record types, by name.
        conversion_rules: In order.
        merge_rules: In order.
        lead_matchers: In order.
        stage_guards: In order.
        listeners: Who is told of each commit, in order.
        failures: Which listeners raised, the last hundred.
    """

    _load_importers: Callable[[], Mapping[str, Contribution[Importer]]]
    lead_sources: Mapping[str, Contribution[LeadSourceKind]]
    storages: Mapping[str, Contribution[StorageScheme]]
    notifiers: Mapping[str, Contribution[Notifier]]
    reports: Mapping[str, Contribution[Report]]
    fields: Mapping[str, Contribution[CustomFields]]
    record_types: Mapping[str, Contribution[RecordType]]
    conversion_rules: Sequence[Contribution[ConversionRule]]
    merge_rules: Sequence[Contribution[MergeRule]]
    lead_matchers: Sequence[Contribution[LeadMatcher]]
    stage_guards: Sequence[Contribution[StageGuard]]
    listeners: Sequence[Contribution[Committed]]
    failures: deque[Failure] = attrs.field(factory=lambda: deque(maxlen=100), init=False)

    @property
    def importers(self) -> Mapping[str, Contribution[Importer]]:
        """The importers by name."""
        return self._load_importers()

    def committed(self, changes: ChangeSet) -> None:
        """Tell the plugins that an operation was committed; what they raise is recorded and logged."""
        for told in self.listeners:
            try:
                told.item(changes)
            except (Exception, SystemExit) as error:  # noqa: BLE001  # after the commit nothing may break
                failure = Failure(
                    plugin=told.plugin,
                    version=told.version,
                    hook=told.hook,
                    operation_id=changes.operation_id,
                    error=f"{type(error).__name__}: {error}",
                )
                self.failures.append(failure)
                name = f"{told.plugin} {told.version}".strip()
                _log.warning("plugin %s failed in %s after %s: %s", name, told.hook, changes.kind, failure.error)


class PluginManager:
    """Finds, loads and checks plugins; each manager is independent of all others.

    Args:
        settings: Which plugins are used, and in what order.
        plugins: Modules, instances with hooks, or importers, rules, guards, reports and
            notifiers themselves.
        files: Single files.
        discover: Whether installed packages and the folder of the settings are searched.
        strict: Whether a broken plugin is an error, however it was found.
        clock: The clock that crmkit's own notifiers use.

    Raises:
        PluginError: A plugin of *plugins* or *files* is wrong.
        ConfigError: The folder cannot be searched, or crmkit's own plugin is to be left out.
    """

    def __init__(
        self,
        settings: PluginSettings,
        *,
        plugins: Sequence[object] = (),
        files: Sequence[Path] = (),
        discover: bool = True,
        strict: bool = False,
        clock: Clock | None = None,
    ) -> None:
        if PROJECT in settings.disabled:
            raise ConfigError(f"{PROJECT} itself cannot be disabled", setting="plugins.disabled", hint="leave it out")
        self._settings = settings
        self._strict = strict
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(HookSpecs)
        self._infos: list[PluginInfo] = []
        self._parts: list[_Part] = []
        self._late: Found | None = _builtin_importers()
        # What somebody asked for comes before what is found, so that it wins over an installed twin.
        self._admit_all([_builtin(clock)], in_arguments(plugins), in_files(files))
        if discover:
            self._admit_all(in_folder(settings.folder), in_entry_points())
            self._check_settings()
        self._parts.sort(key=self._place)
        self._extensions = self._collected()

    def collect(self) -> LoadedExtensions:
        """Return what the plugins contribute; the same object each time."""
        return self._extensions

    def listing(self) -> list[PluginInfo]:
        """Return every plugin that was found, in the order of loading, also the broken ones."""
        self._admit_late()
        return list(self._infos)

    def chain(self, hook: str) -> list[tuple[str, str]]:
        """Return who takes part in a hook, in order, each with the reason for its place.

        Raises:
            NotFoundError: There is no such hook.
        """
        if hook not in HOOKS:
            raise NotFoundError("hook", hook, suggestions=close_to(hook, HOOKS))
        self._admit_late()
        places = {(part.plugin, self._reason(part)): None for part in self._parts if part.hook == hook}
        return list(places)

    # ---------------------------------------------------------------- loading

    def _admit_all(self, *ways: Iterable[Found]) -> None:
        for found in chain(*ways):
            if found.name in self._settings.disabled:
                self._infos.append(_info(found, Status.DISABLED, "plugins.disabled names it"))
                continue
            self._admit(found)

    def _admit(self, found: Found) -> None:
        """Load a plugin with all that it contributes, or nothing of it."""
        registered: list[str] = []
        try:
            self._check_name(found)
            found, target = _loaded(found)
            with run("it cannot be inspected"):
                info, parts = self._examined(found, target, registered)
        except Flaw as flaw:
            for name in registered:
                self._pluggy.unregister(name=name)
            self._refuse(found, flaw)
        else:
            self._infos.append(info)
            self._parts.extend(parts)

    def _admit_late(self) -> None:
        """Load crmkit's own importers: somebody looks at importers, or brings some that must not clash with them."""
        if self._late is None:
            return
        found, self._late = self._late, None
        info, parts = self._examined(found, found.load(), [])
        own = next(i for i, each in enumerate(self._infos) if each.name == PROJECT)
        before = self._infos[own]
        implemented = {*info.hooks, *before.hooks}
        self._infos[own] = attrs.evolve(
            before,
            hooks=tuple(hook for hook in HOOKS if hook in implemented),
            contributions=(*info.contributions, *before.contributions),
        )
        self._parts += [part.of(PROJECT) for part in parts]
        self._parts.sort(key=self._place)

    def _check_name(self, found: Found) -> None:
        for other in self._infos:
            if other.name == found.name:
                raise Flaw(
                    f"there is another plugin of that name, in {other.where}, and this one is in {found.where}",
                    hint="rename or disable one of them",
                )

    def _examined(self, found: Found, target: object, registered: list[str]) -> tuple[PluginInfo, list[_Part]]:
        hooks = self._register(found, target, registered)
        parts = self._unique(found, [*self._called(found, hooks), *_handed_over(found, target)])
        if not parts:
            raise Flaw("it has no hook and contributes nothing", hint=_way_out(target))
        implemented = {hook for hook, _ in hooks}
        info = _info(
            found,
            Status.ACTIVE,
            hooks=tuple(hook for hook in HOOKS if hook in implemented),
            contributions=tuple(part.label for part in parts if part.label),
        )
        return info, parts

    def _register(self, found: Found, target: object, registered: list[str]) -> list[tuple[str, pluggy.HookImpl]]:
        """Register a plugin, and the instances that hold hooks at the top of its module."""
        hooks: list[tuple[str, pluggy.HookImpl]] = []
        for suffix, holder in _holders(target):
            if not check_hooks(self._pluggy, holder):
                continue
            if twin := self._pluggy.get_name(holder):
                raise Flaw(f"it is loaded already, as {twin}", hint="give it once")
            name = found.name + suffix
            with run("it cannot be registered"):
                self._pluggy.register(holder, name)
            registered.append(name)
            for caller in self._pluggy.get_hookcallers(holder) or ():
                hooks.extend((caller.name, impl) for impl in caller.get_hookimpls() if impl.plugin is holder)
        return [(name, impl) for name, impl in hooks if name in HOOKS]

    def _called(self, found: Found, hooks: Sequence[tuple[str, pluggy.HookImpl]]) -> Iterator[_Part]:
        """Call the hooks that hand over objects; the others become a part themselves."""
        for hook, impl in hooks:
            rank = impl.trylast - impl.tryfirst
            kind = next((kind for kind in KINDS if kind.hook == hook), None)
            if kind is None:
                yield _Part(_contribution(found, hook, _listener(impl)), rank=rank)
                continue
            with run("it raised", hook=hook):
                items = items_of(kind, impl.function())
            for item in items:
                yield _Part(_contribution(found, hook, item), rank=rank, kind=kind)
            if not items:  # it takes part, though with nothing today
                yield _Part(_contribution(found, hook, None), rank=rank)

    def _unique(self, found: Found, parts: Iterable[_Part]) -> list[_Part]:
        """Leave out what the plugin hands over twice, and refuse what others hand over."""
        unique: dict[object, _Part] = {}
        for part in parts:
            unique.setdefault((part.hook, id(part.item)), part)
        if any(part.hook == "crmkit_importers" for part in unique.values()):
            self._admit_late()
        owners = {part.label: part for part in self._parts}
        for part in unique.values():
            other = owners.setdefault(part.label, part) if part.label else part
            if other is not part:
                who = "itself" if other.plugin == found.name else f"the plugin {other.provider}"
                raise Flaw(f"the {part.label} is already provided by {who}", hook=part.hook, hint="rename one of them")
        return list(unique.values())

    def _refuse(self, found: Found, flaw: Flaw) -> None:
        if found.is_explicit or self._strict:
            raise PluginError(
                flaw.args[0], plugin=found.name, version=found.version, hook=flaw.hook, hint=flaw.hint
            ) from flaw.__cause__
        self._infos.append(_info(found, Status.BROKEN, str(flaw)))
        _log.warning("plugin %s is left out: %s", found.name, flaw)

    def _check_settings(self) -> None:
        """Find misspelt names in the settings, which would otherwise be without effect or notice."""
        known = {info.name for info in self._infos}
        for setting, names in (("disabled", self._settings.disabled), ("order", self._settings.order)):
            for name in names:
                if name not in known:
                    close = close_to(name, known)
                    hint = f"did you mean {' or '.join(close)}?" if close else ""
                    reason = f"plugins.{setting} names a plugin that is not there: {name}"
                    if self._strict:
                        raise ConfigError(reason, setting=f"plugins.{setting}", hint=hint)
                    _log.warning("%s", "; ".join(filter(None, (reason, hint))))

    # --------------------------------------------------------- order and result

    def _place(self, part: _Part) -> tuple[int, int, str]:
        order = self._settings.order
        if part.plugin in order:
            return order.index(part.plugin), 0, part.plugin
        return len(order), part.rank, part.plugin

    def _reason(self, part: _Part) -> str:
        if part.plugin in self._settings.order:
            return f"plugins.order names it as number {self._settings.order.index(part.plugin) + 1}"
        return {-1: "it asks to be first", 0: "by name", 1: "it asks to be last"}[part.rank]

    def _ordered(self, hook: str) -> list[Contribution[Any]]:
        return [part.contribution for part in self._parts if part.hook == hook and part.item is not None]

    def _named(self, hook: str) -> dict[str, Contribution[Any]]:
        return dict(sorted((name_of(one.item), one) for one in self._ordered(hook)))

    def _importers(self) -> Mapping[str, Contribution[Importer]]:
        self._admit_late()
        return self._named("crmkit_importers")

    def _collected(self) -> LoadedExtensions:
        return LoadedExtensions(
            load_importers=self._importers,
            lead_sources=self._named("crmkit_lead_sources"),
            storages=self._named("crmkit_storages"),
            notifiers=self._named("crmkit_notifiers"),
            reports=self._named("crmkit_reports"),
            fields=self._named("crmkit_fields"),
            record_types=self._named("crmkit_record_types"),
            conversion_rules=self._ordered("crmkit_conversion_rules"),
            merge_rules=self._ordered("crmkit_merge_rules"),
            lead_matchers=self._ordered("crmkit_lead_matchers"),
            stage_guards=self._ordered("crmkit_stage_guards"),
            listeners=self._ordered("crmkit_committed"),
        )


@attrs.frozen
class _Part:
    """One thing that a plugin takes part in.

    Attributes:
        contribution: What it hands over, or a function to be called.
        rank: -1 to go first, 1 to go last, 0 otherwise.
        kind: The kind of object it hands over, or None.
    """

    contribution: Contribution[Any]
    rank: int = 0
    kind: Kind | None = None

    def of(self, plugin: str) -> _Part:
        """Return it as a contribution of another plugin."""
        return attrs.evolve(self, contribution=attrs.evolve(self.contribution, plugin=plugin))

    @property
    def plugin(self) -> str:
        return self.contribution.plugin

    @property
    def provider(self) -> str:
        return f"{self.plugin} {self.contribution.version}".strip()

    @property
    def hook(self) -> str:
        return self.contribution.hook

    @property
    def item(self) -> Any:
        return self.contribution.item

    @property
    def label(self) -> str:
        return f"{self.kind.noun} {name_of(self.item)}" if self.kind else ""


def _builtin(clock: Clock | None) -> Found:
    def load() -> object:
        from crmkit.plugins.builtin.plugin import BuiltinPlugin  # a plugin like any other, hence loaded like one

        return BuiltinPlugin(clock)

    return Found(name=PROJECT, version=__version__, origin=Origin.BUILTIN, where=PROJECT, load=load)


def _builtin_importers() -> Found:
    def load() -> object:
        from crmkit.plugins.builtin.importers import BuiltinImporters

        return BuiltinImporters()

    name = f"{PROJECT}:importers"
    return Found(name=name, version=__version__, origin=Origin.BUILTIN, where=PROJECT, load=load)


def _loaded(found: Found) -> tuple[Found, object]:
    """Load a plugin; only now a single file tells its version."""
    with run("it cannot be loaded"):
        target = found.load()
        version = found.version or str(getattr(target, "__version__", ""))
        return attrs.evolve(found, version=version), target


def _info(
    found: Found, status: Status, reason: str = "", *, hooks: tuple[str, ...] = (), contributions: tuple[str, ...] = ()
) -> PluginInfo:
    return PluginInfo(
        name=found.name,
        version=found.version,
        origin=found.origin,
        where=found.where,
        status=status,
        reason=reason,
        hooks=hooks,
        contributions=contributions,
    )


def _contribution(found: Found, hook: str, item: Any) -> Contribution[Any]:
    return Contribution(plugin=found.name, version=found.version, hook=hook, item=item)


def _listener(impl: pluggy.HookImpl) -> Committed:
    """Return the hook as a function of the changes, whether or not it takes them."""
    call: Callable[..., object] = impl.function
    takes_changes = bool(impl.argnames or impl.kwargnames)

    def listener(changes: ChangeSet) -> None:
        result = call(changes) if takes_changes else call()
        if inspect.isgenerator(result):  # its body has not run yet
            deque(result, maxlen=0)

    return listener


def _holders(target: object) -> Iterator[tuple[str, object]]:
    """Go through what may hold hooks, each with what its name ends in."""
    yield "", target
    if isinstance(target, ModuleType):
        for name, value in _own(target):
            if isinstance(value, HookSpecs):
                yield f":{name}", value


def _handed_over(found: Found, target: object) -> Iterator[_Part]:
    """Go through the objects that need no hook: the plugin itself, or what stands at the top of its module."""
    for kind in kinds_of(target):
        yield from (_Part(_contribution(found, kind.hook, item), kind=kind) for item in items_of(kind, [target]))
    if isinstance(target, ModuleType):
        for _, value in _own(target):
            for kind in kinds_of(value):
                # Of an object nobody handed over we cannot know that it was meant to be one, unless it was declared.
                if declared(value) is not value or not flaws_of(kind, value):
                    for item in items_of(kind, [value]):
                        yield _Part(_contribution(found, kind.hook, item), kind=kind)


def _own(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Go through the public objects that were made in a module or in its package."""
    package = module.__name__.partition(".")[0]
    seen: set[int] = set()
    for name, value in list(vars(module).items()):
        made_in = getattr(value, "__module__", None)
        if name.startswith("_") or id(value) in seen or not isinstance(made_in, str):
            continue
        if made_in.partition(".")[0] == package:
            seen.add(id(value))
            yield name, value


def _way_out(target: object) -> str:
    """Say what the author of an empty plugin may have meant."""
    if isinstance(target, ModuleType):
        for name, value in _own(target):
            for kind in kinds_of(value):
                return f"{name} is no {kind.noun} yet: {'; '.join(flaws_of(kind, value))}"
            if inspect.isclass(value) and issubclass(value, HookSpecs):
                return f"make an instance at the top of the module: plugin = {name}()"
    return "mark a function with @crmkit.hookimpl or, say, @crmkit.importer"
