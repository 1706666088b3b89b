"""What a workspace holds of plugins that are absent now: it travels along untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit.core.declare import record_type
from crmkit.core.fields import Field, Kind
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record
from crmkit.errors import ConfigError

__all__ = ["absent_type", "completed_type"]


def completed_type(kind: RecordType, known: Mapping[str, Mapping[str, Any]]) -> RecordType:
    """Return a record type with the fields that a workspace holds besides.

    Args:
        kind: What is declared now.
        known: The fields the workspace holds, by name, with kind and reference.

    Raises:
        ConfigError: A field is declared as another kind than the workspace holds.
    """
    _check_kinds(kind, known)
    absent = {name: entry for name, entry in known.items() if name not in kind.position}
    return kind.carrying(_carried(absent)) if absent else kind


def absent_type(name: str, entry: Mapping[str, Any]) -> RecordType:
    """Return a record type that a workspace holds, as far as its entry in the catalogue tells."""
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
