"""The plugins of one workspace: found, checked, put in order, called, and blamed by name.

Whatever is wrong with a plugin that somebody asked for by name (an argument, a file) is a
`PluginError` at once. One that was merely found (in the folder, among the installed
packages) is left out as a whole and listed as broken, and the others go on.
"""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import attrs
import pluggy

from crmkit import __version__
from crmkit.core.declarations import declared
from crmkit.core.ports.ambient import Clock
from crmkit.core.ports.contribution import Contribution
from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError, NotFoundError, PluginError
from crmkit.plugins.checking import KINDS, Flaw, Kind, check_hooks, flaws_of, items_of, kinds_of, name_of, run
from crmkit.plugins.discovery import Found, Origin, in_arguments, in_entry_points, in_files, in_folder
from crmkit.plugins.extensions import LoadedExtensions
from crmkit.plugins.hookspecs import HOOKS, PROJECT, HookSpecs
from crmkit.plugins.log import log
from crmkit.services.settings import PluginSettings

__all__ = ["PluginInfo", "PluginManager", "Status"]


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


class PluginManager:
    """Finds, loads and checks plugins; each manager is independent of all others.

    Args:
        settings: Which plugins are used, and in what order.
        configured: What each plugin is configured with, by its name.
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
        configured: Mapping[str, Mapping[str, Any]] | None = None,
        plugins: Sequence[object] = (),
        files: Sequence[Path] = (),
        discover: bool = True,
        strict: bool = False,
        clock: Clock | None = None,
    ) -> None:
        if PROJECT in settings.disabled:
            raise ConfigError(f"{PROJECT} itself cannot be disabled", setting="plugins.disabled", hint="leave it out")
        self._settings = settings
        self._configured = configured or {}
        self._strict = strict
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(HookSpecs)
        self._infos: list[PluginInfo] = []
        self._parts: list[_Part] = []
        self._late: dict[str, pluggy.HookImpl] = {}
        self._late_guard = threading.RLock()
        self._own = Found(
            name=PROJECT, version=__version__, origin=Origin.BUILTIN, where=PROJECT, load=partial(_builtin, clock)
        )
        self._admit_own()
        # What somebody asked for comes before what is found, so that it wins over an installed twin.
        self._admit_all(in_arguments(plugins), in_files(files))
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
        for hook in HOOKS:
            self._load_own(hook)
        own = [part.label for hook in HOOKS for part in self._parts if (part.plugin, part.hook) == (PROJECT, hook)]
        first, *others = self._infos
        return [attrs.evolve(first, contributions=tuple(own)), *others]

    def chain(self, hook: str) -> list[tuple[str, str]]:
        """Return who takes part in a hook, in order, each with the reason for its place.

        Raises:
            NotFoundError: There is no such hook.
        """
        if hook not in HOOKS:
            raise NotFoundError("hook", hook, suggestions=close_to(hook, HOOKS))
        self._load_own(hook)
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

    def _admit_own(self) -> None:
        """Take note of crmkit's own hooks, which are called when somebody looks at what they hand over."""
        self._late = dict(self._register(self._own, self._own.load(), []))
        self._infos.append(_info(self._own, Status.ACTIVE, hooks=tuple(hook for hook in HOOKS if hook in self._late)))

    def _load_own(self, hook: str) -> None:
        """Call crmkit's own hook: somebody looks at such objects, or brings some that must not clash with them."""
        with self._late_guard:
            if hook in self._late:
                own = self._called(self._own, [(hook, self._late[hook])])
                self._parts = sorted([*self._parts, *own], key=self._place)
                del self._late[hook]

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
        """Call the hooks that are called while opening; the others become a part themselves."""
        # Whatever a plugin hands over may depend on what it is configured with.
        for hook, impl in sorted(hooks, key=lambda each: each[0] != "crmkit_configured"):
            rank = impl.trylast - impl.tryfirst
            kind = next((kind for kind in KINDS if kind.hook == hook), None)
            if hook == "crmkit_configured":
                with run("it raised", hook=hook):
                    _tell(impl, self._configured.get(found.name, {}))
                yield _Part(_contribution(found, hook, None), rank=rank)
                continue
            if kind is None:
                yield _Part(_contribution(found, hook, partial(_tell, impl)), rank=rank)
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
        for hook in {part.hook for part in unique.values()}:
            self._load_own(hook)
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
        log().warning("plugin %s is left out: %s", found.name, flaw)

    def _check_settings(self) -> None:
        """Find misspelt names in the settings, which would otherwise be without effect or notice."""
        known = {info.name for info in self._infos}
        named = {
            "plugins.disabled": self._settings.disabled,
            "plugins.order": self._settings.order,
            "[plugin]": self._configured,
        }
        for setting, names in named.items():
            for name in names:
                if name not in known:
                    close = close_to(name, known)
                    if names is self._configured and not close:
                        continue  # a plugin that is given to some programs, and not to this one
                    hint = f"did you mean {' or '.join(close)}?" if close else ""
                    reason = f"{setting} names a plugin that is not there: {name}"
                    if self._strict:
                        raise ConfigError(reason, setting=setting, hint=hint)
                    log().warning("%s", "; ".join(filter(None, (reason, hint))))

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
        self._load_own(hook)
        return dict(sorted((name_of(one.item), one) for one in self._ordered(hook)))

    def _collected(self) -> LoadedExtensions:
        return LoadedExtensions(
            named=self._named,
            fields=self._named("crmkit_fields"),
            record_types=self._named("crmkit_record_types"),
            conversion_rules=self._ordered("crmkit_conversion_rules"),
            merge_rules=self._ordered("crmkit_merge_rules"),
            lead_matchers=self._ordered("crmkit_lead_matchers"),
            stage_guards=self._ordered("crmkit_stage_guards"),
            listeners=self._ordered("crmkit_committed"),
        )


class _Part(NamedTuple):
    """One thing that a plugin takes part in.

    Attributes:
        contribution: What it hands over, or a function to be called.
        rank: -1 to go first, 1 to go last, 0 otherwise.
        kind: The kind of object it hands over, or None.
    """

    contribution: Contribution[Any]
    rank: int = 0
    kind: Kind | None = None

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


def _builtin(clock: Clock | None) -> object:
    from crmkit.plugins.builtin.plugin import BuiltinPlugin  # a plugin like any other, hence loaded like one

    return BuiltinPlugin(clock)


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


def _tell(impl: pluggy.HookImpl, told: object) -> None:
    """Call a hook that hands over nothing, whether or not it takes its argument."""
    result = impl.function(told) if impl.argnames or impl.kwargnames else impl.function()
    if inspect.isgenerator(result):  # its body has not run yet
        deque(result, maxlen=0)


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
