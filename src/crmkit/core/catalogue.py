"""The catalogue: what a workspace remembers of all that was ever declared in it.

A plugin may be absent today and back tomorrow. Its fields and record types are in the
catalogue, so they travel along untouched meanwhile: through undo, merge, copy and export.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit.core.declare import record_type
from crmkit.core.fields import Field, Kind
from crmkit.core.records import Record
from crmkit.core.schema import RecordType, Schema
from crmkit.errors import ConfigError

__all__ = ["Catalogue", "catalogue_of", "completed"]

Catalogue = Mapping[str, Mapping[str, Any]]
"""What a workspace remembers of declarations: record type to prefix, plural and fields."""


def catalogue_of(schema: Schema) -> Catalogue:
    """Return what a schema declares, as plain JSON values, for a workspace to keep."""
    return {
        kind.name: {
            "prefix": kind.prefix,
            "plural": kind.plural,
            "fields": {field.name: {"kind": field.kind.value, "references": field.references} for field in kind.fields},
        }
        for kind in schema
    }


def completed(schema: Schema, kept: Catalogue) -> Schema:
    """Return a schema with all that a workspace holds besides, so that it travels along untouched.

    Args:
        schema: What is declared now.
        kept: The catalogue the workspace keeps.

    Raises:
        ConfigError: A field is declared as another kind than the workspace holds.
    """
    types = []
    for kind in schema:
        known = kept.get(kind.name, {}).get("fields", {})
        _check_kinds(kind, known)
        absent = {name: entry for name, entry in known.items() if name not in kind.position}
        types.append(kind.carrying(_carried(absent)) if absent else kind)
    types += [_absent_type(name, entry) for name, entry in kept.items() if name not in schema.types]
    return Schema(types)


def _absent_type(name: str, entry: Mapping[str, Any]) -> RecordType:
    bare = record_type(
        Record, name=name, plural=entry["plural"], prefix=entry["prefix"], made_by="a plugin that is absent"
    )
    return bare.carrying(_carried({n: more for n, more in entry["fields"].items() if n not in bare.position}))


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
