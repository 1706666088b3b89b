"""The catalogue: what a workspace remembers of all that was ever declared in it.

A plugin may be absent today and back tomorrow. Its fields and record types are in the
catalogue, so they travel along untouched meanwhile: through undo, merge, copy and export.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.schema import LateType, Schema

if TYPE_CHECKING:
    from crmkit.core.record_type import RecordType

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
        ConfigError: A field is declared as another kind than the workspace holds; of a late type, only
            once that is loaded.
    """
    types = [_completed(each, kept) if each.name in kept else each for each in schema.given.values()]
    return Schema([*types, *(_absent(name, entry) for name, entry in kept.items() if name not in schema.given)])


def _completed(given: RecordType | LateType, kept: Catalogue) -> RecordType | LateType:
    def complete(kind: RecordType) -> RecordType:
        from crmkit.core.absent import completed_type  # brings in what declares fields

        return completed_type(kind, kept[kind.name]["fields"])

    return given.then(complete) if isinstance(given, LateType) else complete(given)


def _absent(name: str, entry: Mapping[str, Any]) -> RecordType:
    from crmkit.core.absent import absent_type

    return absent_type(name, entry)
