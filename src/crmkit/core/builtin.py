"""Every record type that crmkit itself declares."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from crmkit.core.schema import LateType, Schema

if TYPE_CHECKING:
    from crmkit.core.record_type import RecordType

__all__ = ["builtin_schema", "custom_types"]


def builtin_schema() -> Schema:
    """Return the schema of a workspace without plugins: a type stands after those it refers to."""
    return Schema(_OWN.values())


def custom_types(schema: Schema) -> list[RecordType]:
    """Return the record types that plugins and the application declare, without those that are absent now."""
    return [schema[name] for name in schema.types if name not in _OWN and not schema[name].is_absent]


def _late(name: str, home: str, *, plural: str = "", prefix: str = "") -> LateType:
    """Name a record type, which its module has under its name in capitals."""

    def load() -> RecordType:
        kind: RecordType = getattr(import_module(f"crmkit.core.{home}"), name.upper())
        return kind

    return LateType(name, plural or name + "s", prefix or name, load)


_OWN: Final = {
    late.name: late
    for late in (
        _late("operation", "operation", prefix="op"),
        _late("change", "operation"),
        _late("import_row", "operation"),
        _late("user", "user"),
        _late("campaign", "campaign"),
        _late("account", "account"),
        _late("contact", "contact"),
        _late("lead", "lead"),
        _late("contact_point", "contact", prefix="point"),
        _late("pipeline", "pipeline"),
        _late("stage", "pipeline"),
        _late("deal", "deal"),
        _late("stage_change", "deal"),
        _late("conversion", "conversion"),
        _late("merge", "merging"),
        _late("activity", "activity", plural="activities"),
        _late("link", "activity"),
        _late("campaign_member", "campaign", prefix="member"),
        _late("consent", "consent"),
        _late("suppression", "consent"),
        _late("template", "message"),
        _late("message", "message", prefix="mail"),
        _late("delivery", "message", plural="deliveries"),
        _late("lead_source", "lead_source", prefix="source"),
        _late("pull_state", "lead_source"),
        _late("pulled_item", "lead_source", prefix="pulled"),
        _late("mapping", "saved_mapping"),
    )
}
