"""What can be wrong with a plugin, found before it is used and said with a suggestion."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple

import attrs
import pluggy

from crmkit.core.builtin import builtin_schema
from crmkit.core.declarations import declared
from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError, CrmkitError
from crmkit.plugins.hookspecs import HOOKS, PROJECT, StorageScheme

__all__ = ["KINDS", "Flaw", "Kind", "check_hooks", "flaws_of", "items_of", "kinds_of", "name_of", "no_such_hook", "run"]


class Flaw(Exception):  # noqa: N818  # never seen outside; becomes a PluginError or a line of a list
    """What is wrong with a plugin.

    Attributes:
        hook: The hook it is about, or empty.
        hint: What its author can do, or empty.
    """

    def __init__(self, message: str, *, hook: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.hook = hook
        self.hint = hint

    def __str__(self) -> str:
        """Tell it in one line, for a list."""
        where = f"{self.hook}: " if self.hook else ""
        return f"{where}{self.args[0]}" + (f"; {self.hint}" if self.hint else "")


class Kind(NamedTuple):
    """One kind of object that plugins contribute.

    Attributes:
        noun: What it is called.
        hook: The hook that hands it over.
        home: ``module:name`` of the class or protocol it must fulfil.
        decorator: What declares such an object with a class, or empty.
    """

    noun: str
    hook: str
    home: str
    decorator: str = ""

    @property
    def shape(self) -> type:
        """The class or protocol it must fulfil, imported when somebody hands over something."""
        module, _, name = self.home.partition(":")
        shape: type = getattr(import_module(module), name)
        return shape

    @property
    def is_protocol(self) -> bool:
        """Whether its shape is a protocol rather than a class."""
        return bool(getattr(self.shape, "_is_protocol", False))  # typing tells only from Python 3.13 on


KINDS: Final = (
    Kind("importer", "crmkit_importers", "crmkit.core.ports.sources:Importer"),
    Kind("lead source", "crmkit_lead_sources", "crmkit.core.ports.pulling:LeadSourceKind"),
    Kind("storage", "crmkit_storages", "crmkit.plugins.hookspecs:StorageScheme"),
    Kind("notifier", "crmkit_notifiers", "crmkit.core.ports.notifiers:Notifier"),
    Kind("conversion rule", "crmkit_conversion_rules", "crmkit.core.ports.plugins:ConversionRule"),
    Kind("merge rule", "crmkit_merge_rules", "crmkit.core.ports.plugins:MergeRule"),
    Kind("lead matcher", "crmkit_lead_matchers", "crmkit.core.ports.plugins:LeadMatcher"),
    Kind("stage guard", "crmkit_stage_guards", "crmkit.core.ports.plugins:StageGuard"),
    Kind("report", "crmkit_reports", "crmkit.core.ports.plugins:Report"),
    Kind("custom fields", "crmkit_fields", "crmkit.core.fields:CustomFields", "custom_fields"),
    Kind("record type", "crmkit_record_types", "crmkit.core.record_type:RecordType", "custom_record"),
)


@contextmanager
def run(what: str, *, hook: str = "") -> Iterator[None]:
    """Run code of a stranger; whatever it raises is a flaw of the plugin.

    That includes `SystemExit`: a script put among the plugins by mistake must not end the
    program without a word. Control-C passes.
    """
    try:
        yield
    except Flaw:
        raise
    except CrmkitError as error:
        raise Flaw(f"{what}: {error}", hook=hook, hint=error.hint) from error
    except (Exception, SystemExit) as error:
        raise Flaw(f"{what}: {type(error).__name__}: {error}", hook=hook) from error


def check_hooks(manager: pluggy.PluginManager, holder: object) -> int:
    """Check every function that is, or looks like, an implementation of a hook.

    Returns:
        How many there are.

    Raises:
        Flaw: The first that is wrong.
    """
    if declared(holder) is not holder:
        return 0
    if inspect.isclass(holder):
        raise Flaw(f"{holder.__name__} is a class, not an instance", hint=f"give {holder.__name__}()")
    count = 0
    for name in dir(holder):
        options = manager.parse_hookimpl_opts(holder, name)
        if options is not None:
            if (options.get("specname") or name) in HOOKS or not options.get("optionalhook"):
                _check_hook(options.get("specname") or name, getattr(holder, name), options)
                count += 1
        elif name in HOOKS and not hasattr(inspect.getattr_static(holder, name), f"{PROJECT}_spec"):
            raise Flaw("it is not marked as a hook", hook=name, hint="put @crmkit.hookimpl above it")
    return count


def _check_hook(hook: str, function: Any, options: Mapping[str, Any]) -> None:
    if hook not in HOOKS:
        raise no_such_hook(hook)
    if options.get("wrapper") or options.get("hookwrapper"):
        raise Flaw("hooks cannot be wrapped", hook=hook, hint="leave out wrapper=True, and return what you contribute")
    if _is_async(function):
        raise Flaw(_ASYNC, hook=hook, hint=_NOT_ASYNC)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Flaw(f"the argument {parameter} is not a plain one", hook=hook, hint=_arguments(hook))
        if name not in HOOKS[hook]:
            raise Flaw(f"there is no argument {name}", hook=hook, hint=_arguments(hook))


def no_such_hook(hook: str) -> Flaw:
    """Return the flaw of a misspelt name."""
    # Without the prefix, which all names share and which would make each close to each.
    close = close_to(hook.removeprefix(_PREFIX), [name.removeprefix(_PREFIX) for name in HOOKS])
    if close:
        hint = f"did you mean {' or '.join(_PREFIX + name for name in close)}?"
    else:
        hint = f"the hooks are {', '.join(HOOKS)}"
    return Flaw(f"there is no hook {hook}", hint=hint)


_PREFIX: Final = f"{PROJECT}_"
_ASYNC: Final = "it is async"
_NOT_ASYNC: Final = "write def; crmkit is synchronous, asyncio.run can be called inside"


def _arguments(hook: str) -> str:
    return f"write def {hook}({', '.join(HOOKS[hook])})"


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def items_of(kind: Kind, result: object) -> list[Any]:
    """Return what a hook handed over, checked; a generator runs here.

    Raises:
        Flaw: It is no iterable of such objects.
    """
    if not isinstance(result, Iterable):
        hint = "return a list, an empty one for none" if result is None else "put it in a list"
        raise Flaw(f"it returned {_described(result)} instead of a list", hook=kind.hook, hint=hint)
    items = [declared(item) for item in result]
    for item in items:
        if flaws := flaws_of(kind, item):
            raise Flaw("; ".join(flaws), hook=kind.hook, hint=f"see crmkit's {kind.shape.__name__}")
    return items


def kinds_of(item: object) -> list[Kind]:
    """Return the kinds an object seems to be of, judged by the methods of its class, or by what declared it."""
    item = declared(item)
    if inspect.isclass(item) or inspect.isroutine(item) or isinstance(item, ModuleType):
        return []
    return [
        kind
        for kind in KINDS
        if (
            all(callable(getattr(type(item), name, None)) for name in _methods(kind.shape))
            if kind.is_protocol
            else isinstance(item, kind.shape)
        )
    ]


def name_of(item: Any) -> str:
    """Return the name that must be unique among the objects of a kind."""
    name: str = item.scheme if isinstance(item, StorageScheme) else item.name
    return name


def flaws_of(kind: Kind, item: Any) -> list[str]:
    """Return all that keeps an object from being of a kind, each as one clause."""
    item = declared(item)
    if inspect.isclass(item):
        if kind.decorator:
            return [f"{item.__name__} is not declared: put @crmkit.{kind.decorator}(...) above it"]
        return [f"{item.__name__} is a class, not an instance: give {item.__name__}()"]
    if not kind.is_protocol:
        if not isinstance(item, kind.shape):
            return [f"{_described(item)} is no {kind.noun}"]
        if isinstance(item, StorageScheme):
            return _flaws_of_name(item.scheme) + ([] if _TARGET.fullmatch(item.target) else [_NO_TARGET])
        return _flaws_beside_builtin(item)
    methods = _methods(kind.shape)
    if not any(hasattr(item, name) for name in methods):
        return [f"{_described(item)} is no {kind.noun}: it has no {' and no '.join(methods)}"]
    flaws = _flaws_of_name(getattr(item, "name", None))
    for name, annotation in _attributes(kind.shape).items():
        expected = str if annotation == "str" else Mapping
        if not isinstance(getattr(item, name, None), expected):
            flaws.append(f"{_described(item)} has no {name} that is {'text' if expected is str else 'a mapping'}")
    for name, arguments in methods.items():
        flaws.extend(_flaws_of_method(_described(item), getattr(item, name, None), name, arguments))
    return flaws


def _flaws_beside_builtin(item: Any) -> list[str]:
    """Return what keeps custom fields or a record type from standing beside crmkit's own."""
    from crmkit.core.record_type import RecordType

    own = builtin_schema()
    try:
        if isinstance(item, RecordType):
            own.including([attrs.evolve(item, fields=())])  # whatever it refers to may come later
        else:
            for name in item.on:
                if name in own.types:
                    own[name].extended(item)
    except ConfigError as error:
        return [str(error)]
    return []


_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_.:][a-z0-9]+)*")
_TARGET: Final = re.compile(r"[\w.]+:\w+")
_NO_TARGET: Final = "the target of a storage is written module:callable"


def _flaws_of_name(name: object) -> list[str]:
    if not isinstance(name, str) or _NAME.fullmatch(name):
        return []
    return [f"{name!r} is no name: write lower case letters, digits and dashes"]


def _flaws_of_method(item: str, method: object, name: str, arguments: tuple[str, ...]) -> list[str]:
    call = f"{name}({', '.join(arguments)})"
    if not callable(method):
        return [f"{item} has no {call}"]
    if _is_async(method):
        return [f"{name} of {item} is async: {_NOT_ASYNC}"]
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError as error:
        return [f"{name} of {item} cannot be called as {call}: {error}"]
    except ValueError:  # written in C, it has no signature
        return []
    return []


def _described(item: object) -> str:
    name = getattr(item, "name", None)
    return f"{type(item).__name__} {name!r}" if isinstance(name, str) else type(item).__name__


def _attributes(shape: type) -> dict[str, str]:
    """Return the attributes of a protocol with their types, so that no list here can grow stale."""
    return {
        name: member.fget.__annotations__["return"]
        for name, member in vars(shape).items()
        if isinstance(member, property) and member.fget
    }


def _methods(shape: type) -> dict[str, tuple[str, ...]]:
    """Return the methods of a protocol with the names of their arguments."""
    return {
        name: tuple(inspect.signature(member).parameters)[1:]
        for name, member in vars(shape).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
