"""Who is known already: all the people a part of an import may mean, looked up at once.

A row has several *identities*, the surest first: its import key, its e-mail addresses,
and each of its numbers together with the name. Somebody who shares one of them is meant.
However many rows a part has, the store is asked the same few questions.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import Row, Scalar
from crmkit.core.lead import LeadStatus
from crmkit.core.planning import Planning
from crmkit.core.query import Compare, Op, Query
from crmkit.core.values.email import Email
from crmkit.services.aliases import current_ids
from crmkit.services.preparing.normalise import Rows

__all__ = ["Person", "identities", "look_up"]


@attrs.define(kw_only=True, eq=False)
class Person:
    """Somebody the store knows.

    Attributes:
        kind: ``lead`` or ``contact``.
        before: The scalars in the store.
        changes: Those that will be others.
        met_on: The line that met this person first in this part, or None.
    """

    kind: str
    before: Mapping[str, Scalar]
    changes: dict[str, Scalar] = attrs.field(factory=dict)
    met_on: int | None = None

    @property
    def id(self) -> str:
        """The id of the record."""
        return str(self.before["id"])

    @property
    def label(self) -> str:
        """What a person calls this one."""
        name = " ".join(str(self[part]) for part in ("first_name", "last_name") if self[part])
        return name or str(self["email"] or self["phone"] or self["mobile"] or self.id)

    @property
    def is_gone(self) -> bool:
        """Whether somebody deleted the record."""
        return self.before["deleted_at"] is not None

    @property
    def is_converted(self) -> bool:
        """Whether this is a lead that became a contact."""
        return self.before.get("status") == LeadStatus.CONVERTED.value

    def __getitem__(self, field: str) -> Scalar:
        return self.changes[field] if field in self.changes else self.before[field]


def identities(rows: Rows) -> Iterator[tuple[Hashable, ...]]:
    """Return by what each row is recognised, the surest first, with None in place of what it has not."""
    names = rows.name_keys
    emails = [email and ("email", email) for email in rows.email_keys]
    numbers = (
        [number and name and (number, name) for number, name in zip(rows.texts[field], names, strict=True)]
        for field in ("phone", "mobile")
    )
    usual = zip(rows.import_keys, emails, *numbers, strict=True)
    if not any(rows.others):
        return usual
    return (
        (*keys[:2], *[("email", Email.trusted(address).key) for address in others], *keys[2:]) if others else keys
        for keys, others in zip(usual, rows.others, strict=True)
    )


def look_up(planning: Planning, rows: Rows, aliases: Mapping[str, str]) -> dict[Hashable, Person]:
    """Return everybody in the store who shares an identity with a row.

    Args:
        planning: The operation.
        rows: The rows.
        aliases: Import keys to records, of rows that are not in the store yet.
    """
    usable = [i for i in range(len(rows)) if i not in rows.flaws and i not in rows.ignored]
    people: dict[Hashable, Person] = {}
    _add_by_import_key(planning, {rows.import_keys[i] for i in usable}, people)
    _add_by_alias(planning, {key for i in usable if (key := rows.import_keys[i]) not in people}, aliases, people)
    strangers = [i for i in usable if rows.import_keys[i] not in people]
    if strangers:
        _add_by_reach(planning, rows, strangers, people)
    return _as_contacts(planning, _as_winners(planning, people))


def _add_by_import_key(planning: Planning, keys: set[str], people: dict[Hashable, Person]) -> None:
    """Add the leads that were made from these rows."""
    if keys:
        same = Compare("import_key", Op.IN, tuple(sorted(keys)))
        found = planning.find(Query(type="lead", where=same, deleted=True))
        pairs = [(str(person.before["import_key"]), person) for person in _persons(planning, "lead", found)]
        _add_unless_undone(planning, pairs, people)


def _add_by_alias(
    planning: Planning, keys: set[str], aliases: Mapping[str, str], people: dict[Hashable, Person]
) -> None:
    """Add those whom these rows were about the last time, though they had been made from other rows."""
    wanted = sorted(keys)
    place = planning.schema["import_row"].position
    told = planning.get_many("import_row", [id_ for _, id_ in planning.lookup("import_row", "import_key", wanted)])
    pairs = [(str(row[place["import_key"]]), str(row[place["record_id"]])) for row in told]
    pairs += [(key, aliases[key]) for key in wanted if key in aliases]
    known = _people(planning, {id_ for _, id_ in pairs})
    _add_unless_undone(planning, [(key, known[id_]) for key, id_ in pairs if id_ in known], people)


def _add_unless_undone(planning: Planning, pairs: Sequence[tuple[str, Person]], people: dict[Hashable, Person]) -> None:
    """Add people by import key: the living first, then those that somebody deleted.

    Who is gone because an import was undone is nobody, so that it can be done again.
    """
    moments = {person.before["deleted_at"] for _, person in pairs if person.is_gone}
    undone: set[Scalar] = set()
    if moments:
        place = planning.schema["operation"].position
        ids = [id_ for _, id_ in planning.lookup("operation", "at", list(moments))]
        operations = planning.get_many("operation", ids)
        undone = {row[place["at"]] for row in operations if row[place["undoes"]] is not None}
    for key, person in sorted(pairs, key=lambda pair: pair[1].is_gone):
        if person.before["deleted_at"] not in undone:
            people.setdefault(key, person)


def _add_by_reach(planning: Planning, rows: Rows, strangers: Sequence[int], people: dict[Hashable, Person]) -> None:
    """Add those who share an address, or a number and the name."""
    phones, mobiles = rows.texts["phone"], rows.texts["mobile"]
    emails: set[Scalar] = {rows.email_keys[i] for i in strangers}
    emails.update(Email.trusted(address).key for i in strangers for address in rows.others[i])
    named = [i for i in strangers if rows.name_keys[i]]
    numbers: set[Scalar] = {number for i in named for number in (phones[i], mobiles[i])}
    by_email: list[tuple[Scalar, str]] = []
    by_number: list[tuple[Scalar, str]] = []
    for kind in ("lead", "contact"):
        by_email += planning.lookup(kind, "email_key", list(emails))
        by_number += planning.lookup(kind, "phone", list(numbers)) + planning.lookup(kind, "mobile", list(numbers))
    for key, id_ in _points(planning, emails | numbers):
        (by_email if key in emails else by_number).append((key, id_))
    known = _people(planning, {id_ for _, id_ in by_email + by_number})
    found: list[tuple[Hashable, Person]] = [(("email", key), known[id_]) for key, id_ in by_email if id_ in known]
    found += [((key, known[id_].before["name_key"]), known[id_]) for key, id_ in by_number if id_ in known]
    # Of several, a lead that one still works on goes before one that is a contact by now.
    for identity, person in sorted(found, key=lambda pair: pair[1].is_converted):
        if not person.is_gone:
            people.setdefault(identity, person)


def _points(planning: Planning, keys: Iterable[Scalar]) -> list[tuple[Scalar, str]]:
    """Return who has one of these addresses or numbers as a further one."""
    place = planning.schema["contact_point"].position
    points = [id_ for _, id_ in planning.lookup("contact_point", "value_key", list(keys))]
    return [
        (row[place["value_key"]], str(row[place["person_id"]])) for row in planning.get_many("contact_point", points)
    ]


def _people(planning: Planning, ids: Iterable[str]) -> dict[str, Person]:
    wanted: dict[str, list[str]] = {}
    for id_ in sorted(ids):
        wanted.setdefault(planning.schema.type_of(id_).name, []).append(id_)
    return {
        person.id: person
        for kind, some in wanted.items()
        for person in _persons(planning, kind, planning.get_many(kind, some))
    }


def _persons(planning: Planning, kind: str, rows: Iterable[Row]) -> list[Person]:
    names = planning.schema[kind].field_names
    return [Person(kind=kind, before=dict(zip(names, row, strict=True))) for row in rows]


def _as_winners(planning: Planning, people: dict[Hashable, Person]) -> dict[Hashable, Person]:
    """Put in the place of each one that was merged what it was merged into."""
    gone = [person.id for person in people.values() if person.is_gone]
    now = current_ids(planning, planning.schema, gone) if gone else {}
    winners = _people(planning, {id_ for id_ in now.values() if id_ not in now})
    return {identity: winners.get(now.get(person.id, ""), person) for identity, person in people.items()}


def _as_contacts(planning: Planning, people: dict[Hashable, Person]) -> dict[Hashable, Person]:
    """Put in the place of each converted lead the contact it became, and one object for each person."""
    converted = [str(person.before["conversion_id"]) for person in people.values() if person.is_converted]
    place = planning.schema["conversion"].position
    became: dict[Any, str] = {}
    if converted:
        rows = planning.get_many("conversion", converted)
        became = {row[place["id"]]: str(row[place["contact_id"]]) for row in rows}
    contacts = _people(planning, became.values())
    single: dict[str, Person] = {}
    for identity, person in people.items():
        contact = contacts.get(became.get(person.before.get("conversion_id"), ""))
        chosen = contact if person.is_converted and contact else person
        people[identity] = single.setdefault(chosen.id, chosen)
    return people
