"""What a class was declared as, with `custom_fields` or `custom_record`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.core.fields import CustomFields
    from crmkit.core.record_type import RecordType

__all__ = ["declared", "fields_of", "type_of", "value_of"]


def declared(item: object) -> object:
    """Return what `custom_fields` or `custom_record` declared with a class; anything else as it is."""
    if not isinstance(item, type):
        return item
    return vars(item).get("__crmkit_fields__") or vars(item).get("__crmkit_type__") or item


def fields_of(cls: type | CustomFields) -> CustomFields:
    """Return what `custom_fields` declared.

    Raises:
        TypeError: The class was not declared.
    """
    from crmkit.core.fields import CustomFields

    found = declared(cls)
    if not isinstance(found, CustomFields):
        message = f"{_called(cls)} is not declared; put @crmkit.custom_fields(...) above it"
        raise TypeError(message)
    return found


def type_of(cls: type | RecordType) -> RecordType:
    """Return what `custom_record` declared.

    Raises:
        TypeError: The class was not declared.
    """
    from crmkit.core.record_type import RecordType

    found = declared(cls)
    if not isinstance(found, RecordType):
        message = f"{_called(cls)} is not declared; put @crmkit.custom_record(...) above it"
        raise TypeError(message)
    return found


def value_of(record: Any, name: str) -> Any:
    """Return an attribute of a record or, by its dotted name, a custom field; None when it has none of that name."""
    group, dot, inner = name.partition(".")
    if not dot:
        return getattr(record, name, None)
    for cls, custom in getattr(record, "custom", {}).items():
        if fields_of(cls).name == group:
            return getattr(custom, inner, None)
    return None


def _called(item: object) -> str:
    return item.__name__ if isinstance(item, type) else repr(item)
