"""What stands beside a record in an export: what it refers to by name, and what is bound to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from crmkit.core.contact import PointKind
from crmkit.core.fields import Row
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Query
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema

__all__ = ["SHOWN_AS", "Batch", "batches", "bound_names", "shown_names"]


@attrs.frozen
class Batch:
    """Some records of one type.

    Attributes:
        rows: As they are stored.
        columns: The same, by field.
        labels: Id to what a person calls it, of everything that they refer to.
        bound: Name of what is bound to records (see `bound_names`) to a list for each of them:
            ids of records, or further addresses and numbers.
        roles: What each bound contact is in a deal, by both ids, where it was said.
    """

    rows: Sequence[Row]
    columns: Mapping[str, Sequence[Any]]
    labels: Mapping[str, str]
    bound: Mapping[str, Sequence[Sequence[str]]]
    roles: Mapping[tuple[str, str], str]


def bound_names(kind: RecordType) -> tuple[str, ...]:
    """Return the names of what is bound to records of a type: ``about_ids`` of an activity …"""
    return tuple(_LINKED.get(kind.name, ())) + (tuple(_POINTS) if kind.name in _PERSONS else ())


def shown_names(kind: RecordType) -> tuple[str, ...]:
    """Return the columns that only name for people what others hold as ids."""
    return tuple(SHOWN_AS[name] for name in bound_names(kind) if name in SHOWN_AS)


def batches(view: ReadTransaction, schema: Schema, query: Query) -> Iterator[Batch]:
    """Go through records with all that stands beside them; a few questions for each thousand."""
    kind = schema[query.type]
    for rows in view.iterate(query):
        columns = dict(zip(kind.field_names, zip(*rows, strict=True), strict=True))
        ids = columns["id"]
        bound: dict[str, list[list[str]]] = {}
        roles: dict[tuple[str, str], str] = {}
        if kind.name in _LINKED:
            links, roles = _linked(view, schema, kind, ids)
            bound |= links
        if kind.name in _PERSONS:
            bound |= _points(view, schema, ids)
        mentioned = {value for name in kind.bonds for value in columns[name] if value is not None}
        mentioned |= {id_ for name in _LINKED.get(kind.name, ()) for some in bound[name] for id_ in some}
        yield Batch(rows, columns, _labels(view, schema, mentioned), bound, roles)


SHOWN_AS: Final = {"about_ids": "about", "contact_ids": "contacts"}
"""Column of ids to the one beside it, with names."""
_LINKED: Final = {"activity": {"about_ids": "about"}, "deal": {"contact_ids": "contact"}}
"""Record type to what it is linked to: the name of the column, and the kind of the link."""
_POINTS: Final = {"other_emails": PointKind.EMAIL.value, "other_phones": PointKind.PHONE.value}
_PERSONS: Final = ("lead", "contact")


def _linked(
    view: ReadTransaction, schema: Schema, kind: RecordType, ids: Sequence[str]
) -> tuple[dict[str, list[list[str]]], dict[tuple[str, str], str]]:
    place = schema["link"].position
    rows = view.get_many("link", [id_ for _, id_ in view.lookup("link", "from_id", ids)])
    found: dict[str, dict[str, list[str]]] = {link: {} for link in _LINKED[kind.name].values()}
    roles: dict[tuple[str, str], str] = {}
    for row in rows:
        what, from_id, to_id, role = (row[place[name]] for name in ("kind", "from_id", "to_id", "role"))
        if what in found:
            found[str(what)].setdefault(str(from_id), []).append(str(to_id))
            if role:
                roles[str(from_id), str(to_id)] = str(role)
    return {name: _for_each(ids, found[link]) for name, link in _LINKED[kind.name].items()}, roles


def _points(view: ReadTransaction, schema: Schema, ids: Sequence[str]) -> dict[str, list[list[str]]]:
    place = schema["contact_point"].position
    rows = view.get_many("contact_point", [id_ for _, id_ in view.lookup("contact_point", "person_id", ids)])
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in _POINTS.values()}
    for row in rows:
        found[str(row[place["kind"]])].setdefault(str(row[place["person_id"]]), []).append(str(row[place["value"]]))
    return {name: _for_each(ids, found[kind]) for name, kind in _POINTS.items()}


def _for_each(ids: Sequence[str], found: Mapping[str, list[str]]) -> list[list[str]]:
    return [found.get(id_, []) for id_ in ids]


def _labels(view: ReadTransaction, schema: Schema, ids: Iterable[str]) -> dict[str, str]:
    """Return what people call these records; one question for each type."""
    wanted: dict[str, list[str]] = {}
    for id_ in sorted(ids):
        wanted.setdefault(schema.type_of(id_).name, []).append(id_)
    found: dict[str, str] = {}
    for name, some in wanted.items():
        found |= {record.id: record.label for record in schema[name].load_many(view.get_many(name, some))}
    return found
