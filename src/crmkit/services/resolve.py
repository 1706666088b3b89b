"""Finding the record a person means: by id, e-mail, key or name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmkit.core.fields import Row
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to
from crmkit.core.values.company import company_key
from crmkit.core.values.email import Email
from crmkit.core.values.names import name_key
from crmkit.core.values.text import fold
from crmkit.errors import AmbiguousMatchError, NotFoundError
from crmkit.services.aliases import current_id

__all__ = ["called", "id_of", "resolve"]

_MOST = 20


def id_of(value: str | Stored) -> str:
    """Return the id of a record, or the text that already is one."""
    return value.id if isinstance(value, Stored) else value


def resolve(view: ReadTransaction, schema: Schema, kind: str, named: str | Stored) -> str:
    """Return the id of the one living record that a text names.

    Tried in turn: the id (also of a record that was merged into this one), the e-mail address, the
    unique key or name, the folded name, and the beginning of words.

    Args:
        view: Where to look.
        schema: The record types.
        kind: The record type.
        named: A record, an id, or what a person calls the record.

    Raises:
        NotFoundError: Nothing has that name; names what comes close.
        AmbiguousMatchError: Several have it.
    """
    if isinstance(named, Stored):
        return named.id
    type_ = schema[kind]
    text = named.strip()
    if rows := view.get_many(kind, [text]):
        return text if rows[0][type_.position["deleted_at"]] is None else current_id(view, schema, text)
    for ids in _attempts(view, type_, text):
        if len(ids) == 1:
            return ids[0]
        if ids:
            records = type_.load_many(view.get_many(kind, ids[:_MOST]))
            reason = f"{text!r} names several {type_.plural.replace('_', ' ')}"
            raise AmbiguousMatchError(reason, [(r.id, r.label, _evidence(r)) for r in records])
    raise NotFoundError(kind.replace("_", " "), text, suggestions=_suggestions(view, type_, text))


def called(view: ReadTransaction, schema: Schema, kind: str, named: str) -> list[str]:
    """Return the ids of all living records of a type that are called so, by id, e-mail, key or whole name.

    Raises:
        NotFoundError: None is; names what comes close.
    """
    type_, text = schema[kind], named.strip()
    if view.get_many(kind, [text]):
        return [text]
    for ids in _exactly(view, type_, text):
        if ids:
            return ids
    raise NotFoundError(kind.replace("_", " "), text, suggestions=_suggestions(view, type_, text))


def _exactly(view: ReadTransaction, kind: RecordType, text: str) -> Iterator[list[str]]:
    yield from _by_keys(view, kind, text)
    for field in ("name", "title"):
        if field in kind.position and "name_key" not in kind.position and fold(text):
            rows = view.find(Query(type=kind.name, where=Compare(field, Op.CONTAINS, text)))
            yield _ids(kind, [row for row in rows if fold(str(row[kind.position[field]])) == fold(text)])


def _attempts(view: ReadTransaction, kind: RecordType, text: str) -> Iterator[list[str]]:
    position = kind.position
    yield from _by_keys(view, kind, text)
    if "company_key" in position:
        same = [id_ for _, id_ in view.lookup(kind.name, "company_key", [company_key(text)])]
        rows = view.get_many(kind.name, same)
        yield _ids(kind, [row for row in rows if fold(str(row[position["name"]])) == fold(text)])
    if kind.search:
        yield sorted(view.search(kind.name, fold(text).split(), limit=_MOST))


def _by_keys(view: ReadTransaction, kind: RecordType, text: str) -> Iterator[list[str]]:
    position = kind.position
    if "email_key" in position and "@" in text:
        try:
            yield [id_ for _, id_ in view.lookup(kind.name, "email_key", [Email(text).key])]
        except ValueError:
            yield []
    for field in ("key", "name"):
        if field in position:
            yield [id_ for _, id_ in view.lookup(kind.name, field, [text])]
    if "name_key" in position:
        yield [id_ for _, id_ in view.lookup(kind.name, "name_key", [name_key(text)])]


def _ids(kind: RecordType, rows: Sequence[Row]) -> list[str]:
    return [str(row[kind.position["id"]]) for row in rows]


def _evidence(record: Any) -> str:
    for name in ("email", "company", "domain", "city", "phone"):
        value = getattr(record, name, None)
        if value:
            return str(value)
    return f"made {record.created_at:%Y-%m-%d}"


def _suggestions(view: ReadTransaction, kind: RecordType, text: str) -> list[str]:
    """Return the labels of recent records that come close to a misspelt one."""
    recent = view.find(Query(type=kind.name, order=(Order("id", descending=True),), limit=1000))
    labels = {fold(record.label): record.label for record in kind.load_many(recent)}
    return [labels[close] for close in close_to(fold(text), labels)]
