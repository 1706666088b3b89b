"""How a record type is declared: fields, codecs, references.

A record is an attrs class; `record_type` reads its attributes into `Field`
declarations, which are all that storage, query, log, undo and export know. Built-in
and custom types are declared the same way.

Between the core and a back end travel *scalars* only: text, whole numbers and None.
A `Kind` says how a scalar is to be understood and ordered. So a change, its log row
and its undo are the same values, and a back end needs no knowledge of records.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, TypeVar

import attrs

from crmkit.core.codecs import Codec, codec_for
from crmkit.core.values.text import fold
from crmkit.errors import ConfigError, NotFoundError

__all__ = [
    "ANY",
    "Attribute",
    "Catalogue",
    "CustomFields",
    "Derived",
    "Field",
    "Kind",
    "Record",
    "RecordType",
    "Row",
    "Scalar",
    "Schema",
    "Stored",
    "close_to",
    "custom_fields",
    "record_type",
    "stored",
]

Scalar = str | int | None
"""What a back end stores in one place: text, a whole number, or nothing."""

Row = tuple[Scalar, ...]
"""The scalars of one record, in the order of `RecordType.fields`."""

Catalogue = Mapping[str, Mapping[str, Any]]
"""What a workspace remembers of declarations: record type to prefix, plural and fields."""

ANY = "*"
"""The target of a reference that may lead to any record type."""


class Kind(enum.Enum):
    """How a scalar is to be understood and ordered. None sorts before everything.

    Attributes:
        TEXT: Text, ordered by code point.
        INTEGER: A whole number of at most 63 bits and a sign.
        BOOLEAN: 0 or 1.
        DECIMAL: An exact number as plain text, ordered as a number.
        MOMENT: ``2026-01-31T09:30:00.000000Z``, so that text order is time order.
        DAY: ``2026-01-31``.
        JSON: Canonical JSON text; equality only.
    """

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    MOMENT = "moment"
    DAY = "day"
    JSON = "json"


@attrs.frozen(kw_only=True)
class Field:
    """One stored place of a record type.

    Attributes:
        name: Its name, the same in Python, queries, files and the database.
        kind: How its scalars are to be understood.
        required: Whether None is refused.
        indexed: Whether conditions on it must be fast.
        references: The record type its ids lead to, `ANY`, or None when it holds no id.
        editable: Whether a plain edit may set it; otherwise only crmkit does.
        hidden: Computed from other fields, for look-ups; not shown to people.
        carried: Declared by a plugin that is absent now: it travels along untouched,
            through undo, merge, copy and export, and is not shown to people.
    """

    name: str
    kind: Kind
    required: bool = False
    indexed: bool = False
    references: str | None = None
    editable: bool = True
    hidden: bool = False
    carried: bool = False


@attrs.frozen(kw_only=True)
class Derived:
    """A stored field that is computed from others, for look-ups.

    Attributes:
        name: The name of the field.
        sources: The fields it is computed from.
        compute: From their scalars, in that order, to its own.
    """

    name: str
    sources: tuple[str, ...]
    compute: Callable[..., Scalar]


F = TypeVar("F")


@attrs.frozen(kw_only=True, slots=True)
class Stored:
    """What every stored thing carries.

    Attributes:
        id: Time-ordered and unique everywhere; its prefix names the record type.
        version: How often it was saved; 1 when it is new.
        created_at: The moment of the operation that made it, in UTC.
        updated_at: The moment of the last operation that changed it, in UTC.
        deleted_at: When it was deleted, in UTC, or None while it lives.
        operation_id: The operation that made it.
        source_row: The line of the imported file it comes from, or None.
    """

    id: str
    version: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    operation_id: str = ""
    source_row: int | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.id


@attrs.frozen(kw_only=True, slots=True)
class Record(Stored):
    """What every business record carries besides.

    The custom fields of a class are read with ``lead[BadgeScan].booth``.

    Attributes:
        owner_id: The user who is responsible, or None.
        tags: Words put on it, sorted.
        custom: The values of custom fields, by their class.
    """

    owner_id: str | None = attrs.field(default=None, metadata={"references": "user"})
    tags: tuple[str, ...] = ()
    custom: Mapping[type, Any] = attrs.field(factory=dict, metadata={"stored": False})

    def __getitem__(self, fields: type[F]) -> F:
        """Return the custom fields of a class.

        Raises:
            NotFoundError: The workspace was opened without that class for this record type.
        """
        try:
            found: F = self.custom[fields]
        except KeyError:
            hint = "name the class in crmkit.open(fields=[...]) or in a plugin"
            raise NotFoundError(
                f"group of custom fields of this {type(self).__name__}", fields.__name__, hint=hint
            ) from None
        return found


_SYSTEM = frozenset(a.name for a in attrs.fields(Stored))


def stored(
    *, indexed: bool = False, references: str | None = None, editable: bool = True, required: bool = False
) -> dict[str, Any]:
    """Return the metadata of an attribute: ``attrs.field(metadata=stored(indexed=True))``.

    Args:
        indexed: Conditions on it must be fast.
        references: The record type whose id it holds; `ANY` for any.
        editable: A plain edit may set it.
        required: It may not be None; also meant by an annotation without ``| None`` and no default.
    """
    return {"indexed": indexed, "references": references, "editable": editable, "required": required}


@attrs.frozen(kw_only=True)
class Attribute:
    """One attribute of a record class and how it is stored."""

    name: str
    codec: Codec
    fields: tuple[str, ...]
    default: Any
    required: bool
    editable: bool


@attrs.frozen(kw_only=True)
class CustomFields:
    """Further fields of record types, as an attrs class.

    Attributes:
        cls: The attrs class; every attribute has a default, for the records made before.
        name: What stands before the dot in filters, files and commands: ``badge_scan.booth``.
        on: The record types that have them.
        attributes: The attributes, with the dotted names they have on a record.
        fields: Their stored fields.
    """

    cls: type
    name: str
    on: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    fields: tuple[Field, ...]

    def load(self, values: Mapping[str, Any]) -> Any:
        """Build the object of the class from values by dotted name; what is missing has its default."""
        start = len(self.name) + 1
        known = {
            a.name[start:]: a.default if values[a.name] is None and not a.codec.optional else values[a.name]
            for a in self.attributes
        }
        return self.cls(**known)

    def values_of(self, custom: Any) -> dict[str, Any]:
        """Return the values of an object of the class, by dotted name."""
        start = len(self.name) + 1
        return {a.name: getattr(custom, a.name[start:]) for a in self.attributes}


@attrs.frozen(kw_only=True, eq=False)
class RecordType:
    """A declared record type.

    Attributes:
        name: ``lead``: singular, also the name of its table.
        plural: ``leads``: the name of its collection.
        prefix: What its ids begin with, before the underscore.
        cls: The attrs class.
        attributes: Its attributes in order.
        fields: Its stored fields in order; a row has one scalar for each.
        unique: Groups of fields whose values no two living records may share;
            a group with a None in it does not count.
        search: The fields that full-text search looks at.
        undo: What an undo does with a created one: ``delete`` makes it a tombstone,
            ``keep`` leaves it (a consent stays given), ``cancel`` sets its status.
        made_by: What makes such records instead of a plain ``add``, as a hint; empty
            when a plain ``add`` does.
        custom: The custom fields that were added to it.
    """

    name: str
    plural: str
    prefix: str
    cls: type[Stored]
    attributes: tuple[Attribute, ...]
    fields: tuple[Field, ...]
    derived: tuple[Derived, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    search: tuple[str, ...] = ()
    undo: Literal["delete", "keep", "cancel"] = "delete"
    made_by: str = ""
    custom: tuple[CustomFields, ...] = ()

    def extended(self, custom: CustomFields) -> RecordType:
        """Return this type with custom fields.

        Raises:
            ConfigError: One of them has a name that is taken, or the type takes none.
        """
        if not issubclass(self.cls, Record):
            message = f"a {self.name} takes no custom fields"
            raise ConfigError(message, setting=custom.name)
        taken = {name.replace(".", "_") for name in self.field_names} & {
            f.name.replace(".", "_") for f in custom.fields
        }
        if taken:
            message = f"a {self.name} already has the field {', '.join(sorted(taken))}"
            raise ConfigError(message, setting=custom.name, hint="give the custom fields another name")
        return attrs.evolve(
            self,
            attributes=(*self.attributes, *custom.attributes),
            fields=(*self.fields, *custom.fields),
            custom=(*self.custom, custom),
        )

    def carrying(self, fields: Iterable[Field]) -> RecordType:
        """Return this type with fields that only travel along: a plugin declared them that is absent now."""
        return attrs.evolve(self, fields=(*self.fields, *fields))

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Field name to its place in a row."""
        return {field.name: i for i, field in enumerate(self.fields)}

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields in order."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def attribute(self) -> Mapping[str, Attribute]:
        """Attribute name to attribute."""
        return {a.name: a for a in self.attributes}

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """The fields that hold ids of other records."""
        return tuple(field for field in self.fields if field.references)

    def field(self, name: str) -> Field:
        """Return the field of that name.

        Raises:
            NotFoundError: There is none.
        """
        try:
            return self.fields[self.position[name]]
        except KeyError:
            raise NotFoundError(f"field of {self.name}", name, suggestions=close_to(name, self.visible_names)) from None

    @cached_property
    def visible_names(self) -> tuple[str, ...]:
        """The names that people use."""
        return tuple(field.name for field in self.fields if not (field.hidden or field.carried))

    @cached_property
    def _plan(self) -> tuple[tuple[str, int, int, Callable[..., Any] | None], ...]:
        # attribute, first and last place in the row, decoder (None: as it is)
        plan = []
        for a in self.attributes:
            first = self.position[a.fields[0]]
            plan.append((a.name, first, first + len(a.fields), a.codec.decode))
        return tuple(plan)

    def load(self, row: Row) -> Any:
        """Build the record of a row."""
        values: dict[str, Any] = {}
        for name, first, last, decode in self._plan:
            value = row[first]
            if decode is not None:
                value = decode(value) if last == first + 1 else decode(*row[first:last])
            values[name] = value
        return self.build(values) if self.custom else self.cls(**values)

    def build(self, values: Mapping[str, Any]) -> Any:
        """Build a record from attribute values, those of custom fields by their dotted names."""
        own = {name: value for name, value in values.items() if "." not in name}
        if self.custom:
            own["custom"] = {custom.cls: custom.load(values) for custom in self.custom}
        return self.cls(**own)

    def values_of(self, record: Any) -> dict[str, Any]:
        """Return the attribute values of a record, those of custom fields by their dotted names."""
        values = {a.name: getattr(record, a.name) for a in self.attributes if "." not in a.name}
        for custom in self.custom:
            values |= custom.values_of(record[custom.cls])
        return values

    def load_many(self, rows: Iterable[Row]) -> list[Any]:
        """Build the records of rows, in order."""
        load = self.load
        return [load(row) for row in rows]

    def encode(self, values: Mapping[str, Any]) -> dict[str, Scalar]:
        """Turn attribute values that are already checked into scalars by field."""
        scalars: dict[str, Scalar] = {}
        for name, value in values.items():
            a = self.attribute[name]
            scalars.update(zip(a.fields, a.codec.encode(value), strict=True))
        return scalars

    def defaults(self) -> dict[str, Scalar]:
        """Return the scalars of the attributes that have a default."""
        return dict(self._defaults)

    @cached_property
    def _defaults(self) -> dict[str, Scalar]:
        known = {a.name: a.default for a in self.attributes if a.default is not attrs.NOTHING}
        return self.encode(known)

    def derive(self, row: dict[str, Scalar], *, changed: Iterable[str] | None = None) -> dict[str, Scalar]:
        """Compute the derived fields of one row of scalars.

        Args:
            row: All scalars by field.
            changed: Only compute what depends on these fields; None means all.
        """
        wanted = None if changed is None else set(changed)
        return {
            d.name: d.compute(*(row.get(source) for source in d.sources))
            for d in self.derived
            if wanted is None or not wanted.isdisjoint(d.sources)
        }

    def derive_columns(self, columns: Mapping[str, Sequence[Scalar]], count: int) -> dict[str, list[Scalar]]:
        """Compute the derived fields of many rows, in columns."""
        nothing: Sequence[Scalar] = [None] * count
        return {
            d.name: [d.compute(*values) for values in zip(*(columns.get(s, nothing) for s in d.sources), strict=True)]
            for d in self.derived
        }


def record_type(
    cls: type[Stored],
    *,
    name: str,
    plural: str | None = None,
    prefix: str | None = None,
    derived: Sequence[Derived] = (),
    unique: Sequence[tuple[str, ...]] = (),
    indexed: Sequence[str] = (),
    search: Sequence[str] = (),
    undo: Literal["delete", "keep", "cancel"] = "delete",
    made_by: str = "",
) -> RecordType:
    """Declare a record type from an attrs class that extends `Record` (or `Stored`).

    Args:
        cls: The attrs class, frozen and keyword-only; its annotations give the kinds.
        name: Singular, lower case with underscores.
        plural: The name of the collection; by default the name with an ``s``.
        prefix: What its ids begin with; by default the name.
        derived: Fields computed from others.
        unique: Groups of fields that no two living records may share.
        indexed: Derived fields whose look-ups must be fast.
        search: The text fields that full-text search looks at.
        undo: See `RecordType`.
        made_by: See `RecordType`.

    Raises:
        TypeError: An attribute has a type that crmkit cannot store.
    """
    attributes, fields = _declared(cls)
    everything = list(derived)
    if search:
        everything.append(Derived(name="search_text", sources=tuple(search), compute=_search_text))
    fields.extend(
        Field(name=d.name, kind=Kind.TEXT, indexed=d.name in indexed, editable=False, hidden=True) for d in everything
    )
    return RecordType(
        name=name,
        plural=plural or name + "s",
        prefix=prefix or name,
        cls=cls,
        attributes=tuple(attributes),
        fields=tuple(fields),
        derived=tuple(everything),
        unique=tuple(unique),
        search=tuple(search),
        undo=undo,
        made_by=made_by,
    )


def custom_fields(cls: type, *, on: Sequence[str], name: str | None = None) -> CustomFields:
    """Declare custom fields from an attrs class.

    Args:
        cls: The attrs class, frozen and keyword-only; every attribute has a default.
        on: The names of the record types that get them.
        name: What stands before the dot; by default the name of the class, as ``badge_scan``.

    Raises:
        TypeError: An attribute has a type that crmkit cannot store, or no default.
    """
    group = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    attributes, fields = _declared(cls, prefix=group + ".")
    missing = [a.name for a in attributes if a.default is attrs.NOTHING]
    if missing:
        message = f"give {', '.join(missing)} a default: records made before the field was have none"
        raise TypeError(message)
    return CustomFields(
        cls=cls,
        name=group,
        on=tuple(on),
        attributes=tuple(attributes),
        # A column that is added later holds nothing in the rows that are there.
        fields=tuple(attrs.evolve(field, required=False) for field in fields),
    )


def _declared(cls: type, *, prefix: str = "") -> tuple[list[Attribute], list[Field]]:
    """Read the attributes of an attrs class, and the fields they are stored in."""
    attrs.resolve_types(cls)
    attributes: list[Attribute] = []
    fields: list[Field] = []
    for a in attrs.fields(cls):
        meta = a.metadata
        if not meta.get("stored", True):
            continue
        codec = codec_for(a.type, owner=f"{cls.__name__}.{a.name}")
        default = a.default.factory() if isinstance(a.default, attrs.Factory) else a.default  # type: ignore[arg-type]
        required = bool(meta.get("required")) or (default is attrs.NOTHING and not codec.optional)
        editable = a.name not in _SYSTEM and meta.get("editable", True)
        name = prefix + a.name
        places = tuple(name + suffix for suffix, _ in codec.parts)
        attributes.append(
            Attribute(name=name, codec=codec, fields=places, default=default, required=required, editable=editable)
        )
        fields.extend(
            Field(
                name=place,
                kind=Kind(kind),
                required=required,
                indexed=meta.get("indexed", False) or bool(meta.get("references")) or a.name == "operation_id",
                references=meta.get("references"),
                editable=editable,
            )
            for place, (_, kind) in zip(places, codec.parts, strict=True)
        )
    return attributes, fields


def _search_text(*texts: Scalar) -> str:
    return fold(" ".join(str(text) for text in texts if text is not None))


class Schema:
    """The record types of one workspace, in the order in which they can be written.

    A type stands after the types it refers to, so that rows written in this order
    never refer to one that is not there yet (but to themselves).
    """

    def __init__(self, types: Iterable[RecordType]) -> None:
        self.types: dict[str, RecordType] = {}
        for each in types:
            if each.name in self.types:
                msg = f"two record types are called {each.name!r}"
                raise ValueError(msg)
            self.types[each.name] = each
        self._by_prefix = {each.prefix: each for each in self.types.values()}

    def __iter__(self) -> Iterator[RecordType]:
        return iter(self.types.values())

    def __getitem__(self, name: str) -> RecordType:
        try:
            return self.types[name]
        except KeyError:
            raise NotFoundError("record type", name, suggestions=close_to(name, self.types)) from None

    def extended(self, customs: Iterable[CustomFields]) -> Schema:
        """Return this schema with custom fields.

        Raises:
            ConfigError: Custom fields name a record type that is not there, or take a taken name.
        """
        types = dict(self.types)
        for custom in customs:
            for name in custom.on:
                if name not in types:
                    message = f"the custom fields {custom.name} are for a {name}, which is no record type"
                    raise ConfigError(message, setting=custom.name, hint=" or ".join(close_to(name, types)))
                types[name] = types[name].extended(custom)
        return Schema(types.values())

    def catalogue(self) -> Catalogue:
        """Return what this schema declares, as plain JSON values, for a workspace to keep."""
        return {
            each.name: {
                "prefix": each.prefix,
                "plural": each.plural,
                "fields": {
                    field.name: {"kind": field.kind.value, "references": field.references} for field in each.fields
                },
            }
            for each in self
        }

    def completed(self, kept: Catalogue) -> Schema:
        """Return this schema with all that a workspace holds besides, so that it travels along untouched.

        Args:
            kept: The catalogue the workspace keeps: also what absent plugins declared.

        Raises:
            ConfigError: A field is declared as another kind than the workspace holds.
        """
        types = []
        for each in self:
            known = kept.get(each.name, {}).get("fields", {})
            _check_kinds(each, known)
            absent = {name: entry for name, entry in known.items() if name not in each.position}
            types.append(each.carrying(_carried(absent)) if absent else each)
        for name in [name for name in kept if name not in self.types]:
            entry = kept[name]
            bare = record_type(
                Record, name=name, plural=entry["plural"], prefix=entry["prefix"], made_by="a plugin that is absent"
            )
            absent = {field: more for field, more in entry["fields"].items() if field not in bare.position}
            types.append(bare.carrying(_carried(absent)))
        return Schema(types)

    def type_of(self, record_id: str) -> RecordType:
        """Return the record type an id belongs to.

        Raises:
            NotFoundError: The text is not an id of this workspace.
        """
        found = self._by_prefix.get(record_id.rpartition("_")[0])
        if found is None:
            raise NotFoundError("record", record_id)
        return found

    def referrers(self, name: str) -> list[tuple[RecordType, Field]]:
        """Return every field through which a record of that type can be referred to."""
        return [(each, field) for each in self for field in each.references if field.references in (name, ANY)]


def _carried(fields: Mapping[str, Mapping[str, Any]]) -> list[Field]:
    return [
        Field(name=name, kind=Kind(entry["kind"]), references=entry["references"], editable=False, carried=True)
        for name, entry in fields.items()
    ]


def _check_kinds(kind: RecordType, known: Mapping[str, Mapping[str, Any]]) -> None:
    for field in kind.fields:
        before = known.get(field.name, {}).get("kind", field.kind.value)
        if before != field.kind.value:
            message = f"{kind.name}.{field.name} is declared as {field.kind.value}, but the workspace holds {before}"
            raise ConfigError(
                message,
                setting=f"{kind.name}.{field.name}",
                hint="declare a field of another name, copy the values over, and drop the old one",
            )


def close_to(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that come close to a misspelt one, best first."""
    return get_close_matches(word, list(known), n=2, cutoff=0.6)
