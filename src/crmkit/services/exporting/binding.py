"""Binding again what an export said is bound to a record: what an activity is about, further addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crmkit.core.contact import PointKind
from crmkit.core.planning import Planning
from crmkit.core.values.email import Email
from crmkit.core.values.phone import Phone
from crmkit.errors import NotFoundError
from crmkit.services.aliases import current_ids

__all__ = ["bound_problems", "plan_bound", "words_in"]


def words_in(value: Any) -> list[str]:
    """Return what a cell or a list of a file names."""
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return [text for word in words if (text := str(word).strip())]


def bound_problems(planning: Planning, bound: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what cannot be bound: records that are not there, and what is neither address nor number."""
    problems = []
    for name, words in bound.items():
        if name == _ABOUT:
            problems += [f"{name}: {word} does not exist" for word in words if not _is_there(planning, word)]
        for word in words if name in _POINTS else ():
            try:
                _PARSED[_POINTS[name]](word)
            except ValueError as error:
                problems.append(f"{name}: {word!r} {error}")
    return problems


def plan_bound(planning: Planning, record_id: str, bound: Mapping[str, Sequence[str]]) -> bool:
    """Bind what is not bound yet, and tell whether there was something; nothing is taken away."""
    added = False
    for name, words in bound.items():
        if name == _ABOUT:
            wanted = [current_ids(planning, planning.schema, [word])[word] for word in words]
            there = _values(planning, "link", "from_id", record_id, "to_id", kind="about")
            for id_ in dict.fromkeys(wanted):
                if id_ not in there:
                    planning.create("link", {"kind": "about", "from_id": record_id, "to_id": id_})
                    added = True
        elif name in _POINTS:
            point = _POINTS[name]
            there = _values(planning, "contact_point", "person_id", record_id, "value", kind=point.value)
            for value in dict.fromkeys(_PARSED[point](word) for word in words):
                if value not in there:
                    planning.create("contact_point", {"person_id": record_id, "kind": point, "value": value})
                    added = True
    return added


_ABOUT: Final = "about_ids"
_POINTS: Final = {"other_emails": PointKind.EMAIL, "other_phones": PointKind.PHONE}
_PARSED: Final[dict[PointKind, Any]] = {PointKind.EMAIL: Email, PointKind.PHONE: lambda text: Phone.parse(text, None)}


def _is_there(planning: Planning, record_id: str) -> bool:
    try:
        kind = planning.schema.type_of(record_id)
    except NotFoundError:
        return False
    now = current_ids(planning, planning.schema, [record_id])[record_id]
    rows = planning.get_many(kind.name, [now])
    return bool(rows) and rows[0][kind.position["deleted_at"]] is None


def _values(planning: Planning, name: str, owner: str, record_id: str, field: str, *, kind: str) -> set[str]:
    """Return what bonds of a kind lead to from a record."""
    place = planning.schema[name].position
    rows = planning.get_many(name, [id_ for _, id_ in planning.lookup(name, owner, [record_id])])
    return {str(row[place[field]]) for row in rows if row[place["kind"]] == kind}
