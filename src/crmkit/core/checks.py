"""What a record of a type must fulfil beyond the types of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from crmkit.core.contact import check_contact
from crmkit.core.lead import check_lead
from crmkit.core.pipeline import check_pipeline, check_stage
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.spelling import close_to
from crmkit.errors import CrmkitError, RejectedError

__all__ = ["check_record", "gathered", "parse_values", "refused_by_class"]


def gathered(kind: RecordType, given: Iterable[object], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person gives for the attributes of a record as one mapping.

    Args:
        kind: The record type.
        given: Custom fields as objects of their classes, and mappings of names to values.
        values: Attribute to value.

    Raises:
        RejectedError: An object is of no class that the type has; with all of these.
    """
    everything: dict[str, Any] = {}
    problems: list[str] = []
    groups = {custom.cls: custom.name for custom in kind.custom}
    for part in given:
        if isinstance(part, Mapping):
            everything.update(part)
        elif type(part) in groups:
            everything[groups[type(part)]] = part
        else:
            known = f"it has {', '.join(cls.__name__ for cls in groups)}" if groups else "it has none"
            problems.append(f"a {kind.name} has no custom fields {type(part).__name__} ({known})")
    if problems:
        raise RejectedError(problems)
    return {**everything, **values}


def parse_values(
    kind: RecordType, values: Mapping[str, Any], *, region: str | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Check what a person or a file gives for the attributes of a record.

    Args:
        kind: The record type.
        values: Attribute to value; a record stands for its id. Custom fields come one by
            one by their dotted names, or as a whole: ``badge_scan=BadgeScan(booth="B12")``.
        region: The country in whose form phone numbers are read, or None.

    Returns:
        The parsed values, and all that is wrong, each as one clause.
    """
    parsed: dict[str, Any] = {}
    problems: list[str] = []
    editable = kind.editable_names
    for name, value in _one_by_one(kind, values).items():
        attribute = kind.attribute.get(name)
        if attribute is None:
            close = close_to(name, editable)
            hint = f"; did you mean {close[0]}?" if close else f" (it has {', '.join(editable)})"
            problems.append(f"a {kind.name} has no field {name!r}{hint}")
        elif not attribute.editable:
            problems.append(f"{name} of a {kind.name} cannot be set by an edit{_INSTEAD.get((kind.name, name), '')}")
        elif value is None or value == "":
            if attribute.required:
                problems.append(f"{name} may not be empty")
            else:
                parsed[name] = None if attribute.codec.optional else attribute.default
        else:
            plain = value.id if isinstance(value, Stored) else value
            try:
                parse = attribute.codec.parse_in
                parsed[name] = parse(plain, region) if parse else attribute.codec.parse(plain)
            except (ValueError, TypeError) as error:
                problems.append(f"{name} {error}")
    return parsed, problems


def _one_by_one(kind: RecordType, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take groups of custom fields apart."""
    groups = {custom.name: custom for custom in kind.custom}
    if groups.keys().isdisjoint(values):
        return values
    apart: dict[str, Any] = {}
    for name, value in values.items():
        custom = groups.get(name)
        if custom is not None and isinstance(value, custom.cls):
            apart |= custom.values_of(value)
        elif custom is not None and isinstance(value, Mapping):
            apart |= {f"{name}.{inner}": part for inner, part in value.items()}
        else:
            apart[name] = value
    return apart


def check_record(kind: RecordType, values: Mapping[str, Any], old: Any, *, given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a record as it would be.

    Args:
        kind: The record type.
        values: All its attributes as they would be, already parsed.
        old: The record before, or None for a new one.
        given: What was to be parsed: what could not be read is not missing all the same.
    """
    unread = {
        name: value
        for name, value in given.items()
        if name in kind.attribute and value and str(value).strip() and values.get(name) in (None, "", (), {})
    }
    problems = [
        f"{a.name} is missing"
        for a in kind.attributes
        if a.required and a.editable and values.get(a.name) in (None, "") and a.name not in unread
    ]
    check = _CHECKS.get(kind.name)
    if check is not None and not problems:
        problems += check({**values, **unread}, old)
    if not problems and not unread:
        problems += refused_by_class(kind, values)
    return problems


def refused_by_class(kind: RecordType, values: Mapping[str, Any]) -> list[str]:
    """Let the validators of the attrs classes speak, of its own and those of its custom fields."""
    own = {name: value for name, value in values.items() if "." not in name}
    problems = _refused(kind.cls, own)
    for custom in kind.custom:
        problems += [f"{custom.name}: {problem}" for problem in _refused(custom.cls, custom.arguments(values))]
    return problems


def _refused(cls: type, values: Mapping[str, Any]) -> list[str]:
    """Return what the validators of one class say, all of them rather than the first."""
    try:
        cls(**values)
    except (CrmkitError, ValueError, TypeError) as error:
        return list(dict.fromkeys(_said_by_validators(cls, values))) or _clauses(error)
    return []


def _said_by_validators(cls: type, values: Mapping[str, Any]) -> Iterator[str]:
    bare: object = object.__new__(cls)
    for a in attrs.fields(cls):
        if a.name in values:
            object.__setattr__(bare, a.name, values[a.name])
    for a in attrs.fields(cls):
        if a.validator is not None and a.name in values:
            try:
                a.validator(bare, a, values[a.name])
            except (CrmkitError, ValueError, TypeError) as error:
                yield from _clauses(error)
            except AttributeError:
                continue  # it looks at a field that is not known yet; building it said what is wrong


def _clauses(error: Exception) -> list[str]:
    if isinstance(error, CrmkitError):
        return list(getattr(error, "reasons", (str(error),)))
    return [str(error.args[0] if error.args else error)]


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Any], list[str]]] = {
    "lead": check_lead,
    "contact": lambda new, _old: check_contact(new),
    "pipeline": check_pipeline,
    "stage": check_stage,
}

_INSTEAD: Mapping[tuple[str, str], str] = {
    ("deal", "stage_id"): "; move_deal does it, or crmkit deal move",
    ("deal", "probability_percent"): "; set_probability does it, or crmkit deal set NAME probability=PERCENT",
    ("deal", "lost_reason"): "; lose_deal does it, or crmkit deal lose",
    ("deal", "lost_comment"): "; lose_deal does it, or crmkit deal lose",
    ("deal", "closed_at"): "; win_deal and lose_deal do it, or crmkit deal win and lose",
    ("lead", "conversion_id"): "; convert does it, or crmkit convert",
}
"""What does set a value that no edit may set."""
