"""The record types of one workspace.

crmkit's own are loaded when somebody looks at them: whoever opens a workspace to add a lead
need not wait for what is known of deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from crmkit.core.fields import CustomFields, Field
    from crmkit.core.record_type import RecordType

__all__ = ["LateType", "Schema"]


class LateType(NamedTuple):
    """A record type that is loaded when somebody looks at it; it stands after those it refers to.

    Attributes:
        name: The name of the type.
        plural: Its plural.
        prefix: Its prefix.
        load: Returns the type.
    """

    name: str
    plural: str
    prefix: str
    load: Callable[[], RecordType]

    def then(self, change: Callable[[RecordType], RecordType]) -> LateType:
        """Return this type with a change that is made when it is loaded."""
        return self._replace(load=lambda: change(self.load()))


class Schema:
    """The record types of one workspace, in the order in which they can be written.

    A type stands after the types it refers to, so that rows written in this order
    never refer to one that is not there yet (but to themselves).

    Attributes:
        given: The types by name as they were given: late ones have only names.
        types: The types by name; a late one is loaded by looking at it.
    """

    def __init__(self, types: Iterable[RecordType | LateType]) -> None:
        self.given: dict[str, RecordType | LateType] = {}
        for each in types:
            if each.name in self.given:
                msg = f"two record types are called {each.name!r}"
                raise ValueError(msg)
            self.given[each.name] = each
        self.types: Mapping[str, RecordType] = _Types(self.given)
        self._by_prefix = {each.prefix: each.name for each in self.given.values()}

    def __iter__(self) -> Iterator[RecordType]:
        return iter(self.types.values())

    def __getitem__(self, name: str) -> RecordType:
        try:
            return self.types[name]
        except KeyError:
            raise NotFoundError("record type", name, suggestions=close_to(name, self.types)) from None

    def of(self, cls: type) -> RecordType:
        """Return the record type of a class.

        Raises:
            NotFoundError: There is none, for example since the workspace was opened without it.
        """
        own_last = sorted(self.given.values(), key=lambda each: isinstance(each, LateType))
        for each in map(self.types.__getitem__, [one.name for one in own_last]):
            if each.cls is cls and not each.is_absent:
                return each
        hint = "name the class in crmkit.open(record_types=[...]) or in a plugin"
        raise NotFoundError("record type", cls.__name__, hint=hint)

    def named(self, name: str) -> RecordType:
        """Return the record type that people call so, by its name or plural.

        Raises:
            NotFoundError: There is none.
        """
        for each in self.given.values():
            if name in (each.name, each.plural):
                return self.types[each.name]
        close = close_to(name, [word for each in self.given.values() for word in (each.name, each.plural)])
        raise NotFoundError("record type", name, suggestions=close)

    def including(self, types: Iterable[RecordType]) -> Schema:
        """Return this schema with further record types.

        Raises:
            ConfigError: One is called like another, or they refer to each other in a circle.
        """
        everything = dict(self.given)
        for each in types:
            for other in everything.values():
                same = {each.name, each.plural, each.prefix} & {other.name, other.plural, other.prefix}
                if same:
                    message = f"there is a record type called {min(same)} already"
                    raise ConfigError(message, setting=each.name, hint="give it another name, plural and prefix")
            everything[each.name] = each
        return Schema(_in_order(everything))

    def extended(self, customs: Iterable[CustomFields]) -> Schema:
        """Return this schema with custom fields.

        Raises:
            ConfigError: Custom fields name a record type that is not there, take a taken name, or
                make record types refer to each other in a circle.
        """
        types = dict(self.given)
        for custom in customs:
            for name in custom.on:
                if name not in types:
                    message = f"the custom fields {custom.name} are for a {name}, which is no record type"
                    raise ConfigError(message, setting=custom.name, hint=" or ".join(close_to(name, types)))
                types[name] = _loaded(types[name]).extended(custom)
        return Schema(_in_order(types))

    def adopt(self, wider: Schema) -> None:
        """Take over the types of a wider schema: the workspace has heard of more, and all who hold this one see it."""
        self.given, self.types, self._by_prefix = wider.given, wider.types, wider._by_prefix

    def type_of(self, record_id: str) -> RecordType:
        """Return the record type an id belongs to.

        Raises:
            NotFoundError: The text is not an id of this workspace.
        """
        found = self._by_prefix.get(record_id.rpartition("_")[0])
        if found is None:
            raise NotFoundError("record", record_id)
        return self.types[found]

    def referrers(self, name: str) -> list[tuple[RecordType, Field]]:
        """Return every field through which a record of that type can be referred to."""
        return [(each, field) for each in self for field in each.leading_to(name)]


class _Types(Mapping[str, "RecordType"]):
    """Record types by name, each loaded when it is asked for."""

    def __init__(self, given: Mapping[str, RecordType | LateType]) -> None:
        self._given = given
        self._found: dict[str, RecordType] = {}

    def __getitem__(self, name: str) -> RecordType:
        found = self._found.get(name)
        # Of two threads that load it at once, both get the same one.
        return found or self._found.setdefault(name, _loaded(self._given[name]))

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _loaded(given: RecordType | LateType) -> RecordType:
    return given.load() if isinstance(given, LateType) else given


def _in_order(types: Mapping[str, RecordType | LateType]) -> list[RecordType | LateType]:
    """Return record types so that each stands after those it refers to, and otherwise as they were.

    Raises:
        ConfigError: A reference leads nowhere, or they refer to each other in a circle.
    """
    done: dict[str, RecordType | LateType] = {}
    path: list[str] = []

    def place(each: RecordType | LateType) -> None:
        if each.name in path:
            circle = " → ".join([*path[path.index(each.name) :], each.name])
            message = f"record types refer to each other in a circle: {circle}"
            raise ConfigError(message, setting=each.name, hint="leave one of the references out, and link the records")
        if each.name in done:
            return
        path.append(each.name)
        for field, target in _loaded(each).targets:
            if target not in types:
                message = f"{each.name}.{field} refers to a {target}, which is no record type"
                raise ConfigError(message, setting=each.name, hint=" or ".join(close_to(target, types)))
            place(types[target])
        path.pop()
        done[each.name] = each

    for each in types.values():
        if isinstance(each, LateType):  # those it refers to stand before it, and so are placed
            done.setdefault(each.name, each)
        else:
            place(each)
    return list(done.values())
