"""Declaring record types and custom fields from attrs classes."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar, cast, dataclass_transform

import attrs

from crmkit.core.codecs import codec_for
from crmkit.core.fields import Attribute, CustomFields, Derived, Field, Kind, Scalar
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record, Stored
from crmkit.core.values.text import fold, fold_column

__all__ = ["custom_fields", "custom_record", "record_type"]

T = TypeVar("T", bound=type)

_SYSTEM = frozenset(a.name for a in attrs.fields(Stored))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(attrs.field,))
def custom_fields(*on: str, name: str | None = None) -> Callable[[T], T]:
    """Declare a class as custom fields of record types::

        @crmkit.custom_fields("lead")
        class BadgeScan:
            booth: str | None = None

    The class becomes a frozen attrs class, if it is none yet.

    Args:
        on: The names of the record types that get the fields.
        name: What stands before the dot in ``badge_scan.booth``; by default the name of
            the class, with underscores.

    Raises:
        TypeError: An attribute has a type that crmkit cannot store, or no default.
    """

    def declare(cls: T) -> T:
        made: Any = cls if attrs.has(cls) else attrs.frozen(kw_only=True)(cls)
        made.__crmkit_fields__ = _custom_fields(made, on, name)
        return cast("T", made)

    return declare


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(attrs.field,))
def custom_record(name: str, **more: Any) -> Callable[[T], T]:
    """Declare a class that extends `Record` as a record type of its own::

        @crmkit.custom_record("booth", search=("name",))
        class Booth(crmkit.Record):
            name: str

    The class becomes a frozen attrs class, if it is none of its own yet.

    Args:
        name: Singular, lower case with underscores.
        more: ``plural``, ``prefix``, ``unique``, ``search`` and ``unlisted``; see `record_type`.

    Raises:
        TypeError: An attribute has a type that crmkit cannot store.
    """

    def declare(cls: T) -> T:
        if not issubclass(cls, Record):
            message = f"{cls.__name__} must extend crmkit.Record: class {cls.__name__}(crmkit.Record)"
            raise TypeError(message)
        made: Any = cls if "__attrs_attrs__" in vars(cls) else attrs.frozen(kw_only=True)(cls)
        made.__crmkit_type__ = record_type(made, name=name, **more)
        return cast("T", made)

    return declare


def record_type(
    cls: type[Stored],
    *,
    name: str,
    plural: str | None = None,
    prefix: str | None = None,
    derived: Sequence[Derived] = (),
    unique: Sequence[tuple[str, ...]] = (),
    indexed: Sequence[str] = (),
    together: Sequence[tuple[str, ...]] = (),
    search: Sequence[str] = (),
    undo: Literal["delete", "keep", "cancel"] = "delete",
    made_by: str = "",
    unlisted: Mapping[str, tuple[Scalar, ...]] | None = None,
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
        together: See `RecordType`.
        search: The text fields that full-text search looks at.
        undo: See `RecordType`.
        made_by: See `RecordType`.
        unlisted: See `RecordType`.

    Raises:
        TypeError: An attribute has a type that crmkit cannot store, or a name is none.
    """
    _check_name(name)
    attributes, fields = _declared(cls)
    everything = list(derived)
    if search:
        everything.append(
            Derived(name="search_text", sources=tuple(search), compute=_search_text, compute_columns=_search_texts)
        )
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
        together=tuple(together),
        search=tuple(search),
        undo=undo,
        made_by=made_by,
        unlisted=unlisted or {},
    )


def _custom_fields(cls: type, on: Sequence[str], name: str | None) -> CustomFields:
    group = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    _check_name(group)
    if not on:
        message = f'say which records have {cls.__name__}: @crmkit.custom_fields("lead")'
        raise TypeError(message)
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


_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no name: write lower case letters, digits and single underscores"
        raise TypeError(message)


def _declared(cls: type, *, prefix: str = "") -> tuple[list[Attribute], list[Field]]:
    """Read the attributes of an attrs class, and the fields they are stored in."""
    types = _types_of(cls)
    attributes: list[Attribute] = []
    fields: list[Field] = []
    for a in attrs.fields(cls):
        meta = a.metadata
        if not meta.get("stored", True):
            continue
        codec = codec_for(types.get(a.name, a.type), owner=f"{cls.__name__}.{a.name}")
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
                indexed=meta.get("indexed", "references" in meta) or a.name == "operation_id",
                references=meta.get("references"),
                editable=editable,
            )
            for place, (_, kind) in zip(places, codec.parts, strict=True)
        )
    return attributes, fields


def _types_of(cls: type) -> dict[str, Any]:
    """Return attribute to type, as `attrs.resolve_types` finds them; what classes share is looked at once."""
    types: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        types |= _own_types(base)
    return types


@functools.cache
def _own_types(cls: type) -> dict[str, Any]:
    return inspect.get_annotations(cls, eval_str=True)


def _search_text(*texts: Scalar) -> str:
    return fold(" ".join(str(text) for text in texts if text is not None))


def _search_texts(*columns: Sequence[Scalar]) -> list[Scalar]:
    folded = [fold_column(["" if text is None else str(text) for text in column]) for column in columns]
    return [" ".join(filter(None, texts)) for texts in zip(*folded, strict=True)]
