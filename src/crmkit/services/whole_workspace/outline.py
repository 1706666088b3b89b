"""What travels of a workspace, and the first line of its file, which says so.

The first line is an object with the record types, their fields and how many records there
are of each, so that a file without its end is noticed, and so that what only an absent
plugin knows finds its place. Types stand in an order in which they can be written, and
that order, like everything else in the file, depends on the content alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from crmkit.core.builtin import builtin_schema
from crmkit.core.catalogue import Catalogue
from crmkit.core.fields import ANY, Field, Kind
from crmkit.core.query import Compare, Condition, Op
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import NewerWorkspaceError, UnreadableError

__all__ = [
    "FORMAT",
    "Outline",
    "header_line",
    "is_own",
    "parse_header",
    "travelling",
    "what_travels",
]

FORMAT: Final = 1
"""Raised when an older crmkit could no longer read the file."""


@attrs.frozen(kw_only=True)
class Outline:
    """What a file says that it holds.

    Attributes:
        catalogue: Record type to prefix, plural and fields; see `crmkit.core.catalogue`.
        counts: Record type to the number of its records.
    """

    catalogue: Catalogue
    counts: Mapping[str, int]


def what_travels(schema: Schema) -> list[RecordType]:
    """Return the record types that travel, each after those it refers to.

    The log stays: operations and changes. Of the rows of imports only those travel by which
    a row is recognised when its file is imported again.
    """
    waiting = {kind.name: kind for kind in schema if kind.name not in _LOG}
    ordered: list[RecordType] = []
    while waiting:
        ready = [kind for kind in waiting.values() if not _needs(kind) & waiting.keys() - {kind.name}]
        chosen = min(ready or waiting.values(), key=lambda kind: (_is_loose(kind), kind.name))
        ordered.append(waiting.pop(chosen.name))
    return ordered


def travelling(kind: RecordType) -> tuple[tuple[Field, ...], Condition | None]:
    """Return the fields of a type that travel, the id first, and which of its records do; None means all."""
    fields = sorted(
        (field for field in kind.fields if field.name not in _STAYING and not (field.hidden and kind.name in _OWN)),
        key=lambda field: (field.name != "id", field.name),
    )
    if kind.name != _ROWS:
        return tuple(fields), None
    return tuple(field for field in fields if field.name != "cells"), Compare("import_key", Op.NE, None)


def is_own(kind: RecordType, field: str) -> bool:
    """Tell whether a field is crmkit's own rather than a plugin's."""
    return kind.name in _OWN and "." not in field


def header_line(counts: Mapping[str, int], kinds: Iterable[RecordType]) -> str:
    """Return the first line of a file."""
    types = {
        kind.name: {
            "prefix": kind.prefix,
            "plural": kind.plural,
            "count": counts[kind.name],
            "fields": {field.name: _declaration(field) for field in travelling(kind)[0]},
        }
        for kind in kinds
    }
    return json.dumps({"crmkit": "workspace", "format": FORMAT, "types": types}, ensure_ascii=False)


def parse_header(line: bytes, schema: Schema, *, name: str) -> Outline:
    """Understand the first line of a file.

    Args:
        line: The line.
        schema: That of the workspace it shall go into.
        name: What the file is called.

    Raises:
        UnreadableError: It is no such line, or its types do not fit the workspace; with all reasons.
        NewerWorkspaceError: A newer crmkit wrote it.
    """
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("crmkit") != "workspace":
        hint = "a whole workspace is written with: crmkit export --all FILE"
        raise UnreadableError("does not begin like the file of a whole workspace", source=name, hint=hint)
    found = header.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise NewerWorkspaceError(url=name, found=found, supported=FORMAT)
    problems: list[str] = []
    types = header.get("types")
    outline = _outline(types if isinstance(types, dict) else {}, problems)
    if found != FORMAT or not outline.catalogue:
        problems.append("the first line is incomplete")
    problems = problems or _misfits(outline, schema)
    if problems:
        raise UnreadableError("; ".join(problems[:_SHOWN]), source=name, hint="nothing was imported")
    return outline


_LOG: Final = ("operation", "change")
_ROWS: Final = "import_row"
_STAYING: Final = ("operation_id", "source_row")  # they lead into the log
_OWN: Final = frozenset(builtin_schema().types)  # their derived fields any crmkit can compute
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TAKEN: Final = re.compile(r"crmkit_.*|sqlite_.*|.*_fts(_.*)?")  # what back ends have tables of their own for
_SYSTEM: Final = {"id": "text", "version": "integer", "created_at": "moment", "updated_at": "moment"}
_SHOWN: Final = 20


def _needs(kind: RecordType) -> set[str]:
    return {field.references for field in kind.references if field.references not in (None, ANY)}


def _is_loose(kind: RecordType) -> bool:
    """Whether it refers to records of any type, which then had better be there."""
    return any(field.references == ANY for field in kind.references)


def _declaration(field: Field) -> dict[str, str]:
    return {"kind": field.kind.value, **({"references": field.references} if field.references else {})}


def _outline(types: Mapping[str, Any], problems: list[str]) -> Outline:
    """Take the types of a header apart, and note what has not its form."""
    catalogue: dict[str, dict[str, Any]] = {}
    counts: dict[str, int] = {}
    for name, entry in types.items():
        fields = entry.get("fields") if isinstance(entry, dict) else None
        count = entry.get("count") if isinstance(entry, dict) else None
        if not (isinstance(fields, dict) and type(count) is int and count >= 0):
            problems.append(f"the record type {name} has no fields or no count")
            continue
        words = [name, entry.get("prefix"), entry.get("plural")]
        if not (_NAME.fullmatch(name) and all(isinstance(word, str) and word for word in words)) or (
            _TAKEN.fullmatch(name)
        ):
            problems.append(f"{name!r} cannot be a record type with that name, prefix and plural")
            continue
        known: dict[str, dict[str, Any]] = {}
        for field, told in fields.items():
            if not (_is_field_name(field) and isinstance(told, dict) and told.get("kind") in _KINDS):
                problems.append(f"{name} cannot have a field {field!r} of that kind")
                continue
            target = told.get("references")
            if target is not None and target != ANY and target not in types:
                problems.append(f"{name}.{field} refers to a {target}, which is no record type of the file")
            known[field] = {"kind": told["kind"], "references": target}
        problems += [
            f"{name} has no field {field} of the kind {kind}"
            for field, kind in _SYSTEM.items()
            if known.get(field, {}).get("kind") != kind
        ]
        catalogue[name] = {"prefix": words[1], "plural": words[2], "fields": known}
        counts[name] = count
    return Outline(catalogue=catalogue, counts=counts)


_KINDS: Final = frozenset(kind.value for kind in Kind)


def _is_field_name(name: str) -> bool:
    parts = name.split(".")
    return len(parts) in (1, 2) and all(part.isidentifier() for part in parts)


def _misfits(outline: Outline, schema: Schema) -> list[str]:
    """Return why the types of a file cannot stand beside those of a workspace."""
    problems: list[str] = []
    taken: dict[str, Callable[[Any], str]] = {"prefix": lambda kind: kind.prefix, "plural": lambda kind: kind.plural}
    known: Mapping[str, RecordType] = schema.types
    for name, entry in outline.catalogue.items():
        if name in _LOG:
            problems.append(f"the record type {name} is of the log, which does not travel")
        kind = known.get(name)
        for what, of in taken.items():
            same = [other.name for other in schema if of(other) == entry[what] and other.name != name]
            if same or (kind is not None and of(kind) != entry[what]):
                problems.append(f"the {what} {entry[what]} of {name} is {same[0] if same else 'another'}'s here")
        problems += [] if kind is None else _field_misfits(kind, entry["fields"])
    for what in taken:
        words = [entry[what] for entry in outline.catalogue.values()]
        problems += [f"two record types have the {what} {word}" for word in set(words) if words.count(word) > 1]
    return problems


def _field_misfits(kind: RecordType, fields: Mapping[str, Mapping[str, Any]]) -> list[str]:
    allowed = {field.name for field in travelling(kind)[0]}
    columns = {_column(name): name for name in kind.field_names}
    problems = []
    for name, told in fields.items():
        if name in kind.position:
            field = kind.field(name)
            if name not in allowed:
                problems.append(f"{kind.name}.{name} is filled by crmkit itself")
            elif told["kind"] != field.kind.value:
                problems.append(f"{kind.name}.{name} is {field.kind.value} here and {told['kind']} in the file")
        elif _column(name) in columns:
            problems.append(f"{kind.name}.{name} is called like {columns[_column(name)]} here")
    return problems


def _column(field: str) -> str:
    """Return what no two fields of a type may share: what a back end makes a column of."""
    return field.replace(".", "_").casefold()
