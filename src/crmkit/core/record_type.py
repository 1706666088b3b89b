"""Record types: what is known of a kind of record.

A record is an attrs class; `crmkit.core.declare` reads its attributes into fields, which
are all that storage, query, log, undo and export know. Built-in and custom types are
declared the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import attrs

from crmkit.core.fields import ANY, Attribute, CustomFields, Derived, Field, Row, Scalar, made
from crmkit.core.records import Record, Stored
from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError, NotFoundError

__all__ = ["RecordType"]


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
        together: Groups of fields that are often asked for together, of living records:
            the first ones in conditions or an order, the others only shown or added up.
        search: The fields that full-text search looks at.
        undo: What an undo does with a created one: ``delete`` makes it a tombstone,
            ``keep`` leaves it (a consent stays given), ``cancel`` sets its status.
        made_by: What makes such records instead of a plain ``add``, as a hint; empty
            when a plain ``add`` does.
        unlisted: Field to the values with which a record is left out of lists, unless
            somebody asks for that field.
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
    together: tuple[tuple[str, ...], ...] = ()
    search: tuple[str, ...] = ()
    undo: Literal["delete", "keep", "cancel"] = "delete"
    made_by: str = ""
    unlisted: Mapping[str, tuple[Scalar, ...]] = attrs.field(factory=dict)
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

    def counted(self, number: int) -> str:
        """Return a number of such records in words: ``2 campaign members``."""
        return f"{number} {(self.name if number == 1 else self.plural).replace('_', ' ')}"

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

    @property
    def is_absent(self) -> bool:
        """Whether what declared this type is absent now, so that its records only travel along."""
        return self.cls is Record

    @cached_property
    def editable_names(self) -> tuple[str, ...]:
        """The attributes that an edit may set."""
        return tuple(a.name for a in self.attributes if a.editable)

    @cached_property
    def bonds(self) -> Mapping[str, Field]:
        """The attributes that hold an id, with their fields; in contrast to `references` only what people see."""
        places = {field.name: field for field in self.references if not field.carried}
        return {a.name: places[a.fields[0]] for a in self.attributes if a.fields[0] in places}

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """The fields that hold ids of other records."""
        return tuple(field for field in self.fields if field.references)

    @property
    def targets(self) -> list[tuple[str, str]]:
        """The fields that refer to records of one other type, each with the name of that type."""
        others = ((field.name, str(field.references)) for field in self.references)
        return [(field, target) for field, target in others if target not in (ANY, self.name)]

    def leading_to(self, name: str) -> list[Field]:
        """Return the fields through which a record of another type can be referred to."""
        return [field for field in self.references if field.references in (name, ANY)]

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
        return self.build(values) if self.custom else made(self.cls, values)

    def build(self, values: Mapping[str, Any]) -> Any:
        """Build a record from attribute values, those of custom fields by their dotted names."""
        own = {name: value for name, value in values.items() if "." not in name}
        if self.custom:
            own["custom"] = {custom.cls: custom.load(values) for custom in self.custom}
        return made(self.cls, own)

    def values_of(self, record: Any) -> dict[str, Any]:
        """Return the attribute values of a record, those of custom fields by their dotted names."""
        values = {a.name: getattr(record, a.name) for a in self.attributes if "." not in a.name}
        for custom in self.custom:
            values |= custom.values_of(record[custom.cls])
        return values

    def value_of(self, record: Any, name: str) -> Any:
        """Return one attribute value of a record, also that of a custom field by its dotted name."""
        group, dot, inner = name.partition(".")
        if not dot:
            return getattr(record, name)
        return getattr(record[next(custom.cls for custom in self.custom if custom.name == group)], inner)

    def carried(self, row: Row) -> dict[str, Scalar]:
        """Return what a row holds for plugins that are absent now, as it is stored; nothing is left out."""
        return {name: row[place] for name, place in self._carried_places if row[place] is not None}

    @cached_property
    def _carried_places(self) -> tuple[tuple[str, int], ...]:
        return tuple((field.name, self.position[field.name]) for field in self.fields if field.carried)

    def load_many(self, rows: Iterable[Row]) -> list[Any]:
        """Build the records of rows, in order."""
        load = self.load
        return [load(row) for row in rows]

    def encode(self, values: Mapping[str, Any]) -> dict[str, Scalar]:
        """Turn attribute values that are already checked into scalars by field."""
        scalars: dict[str, Scalar] = {}
        for name, value in values.items():
            fields, encode = self._encoders[name]
            encoded = encode(value)
            if len(fields) == 1:
                scalars[fields[0]] = encoded[0]
            else:
                scalars.update(zip(fields, encoded, strict=True))
        return scalars

    @cached_property
    def _encoders(self) -> Mapping[str, tuple[tuple[str, ...], Callable[[Any], tuple[Scalar, ...]]]]:
        return {a.name: (a.fields, a.codec.encode) for a in self.attributes}

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
        derived = self.derived if changed is None else self.dependent(changed)
        return {d.name: d.compute(*map(row.get, d.sources)) for d in derived}

    def dependent(self, changed: Iterable[str]) -> list[Derived]:
        """Return the derived fields that depend on some fields."""
        fields = set(changed)
        return [d for d in self.derived if not fields.isdisjoint(d.sources)]

    def derive_columns(self, columns: Mapping[str, Sequence[Scalar]], count: int) -> dict[str, list[Scalar]]:
        """Compute the derived fields of many rows, in columns."""
        nothing: Sequence[Scalar] = [None] * count
        derived: dict[str, list[Scalar]] = {}
        for d in self.derived:
            sources = [columns.get(source, nothing) for source in d.sources]
            if d.compute_columns is not None:
                derived[d.name] = d.compute_columns(*sources)
            else:
                derived[d.name] = [d.compute(*values) for values in zip(*sources, strict=True)]
        return derived
