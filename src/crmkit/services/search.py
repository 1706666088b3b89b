"""Finding records across types: by words, or by what a person calls one."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from crmkit.core.builtin import custom_types
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import All, Compare, Not, Op, Order, Query
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.values.text import fold
from crmkit.errors import AmbiguousMatchError, NotFoundError, RejectedError
from crmkit.services.aliases import current_id
from crmkit.services.resolve import resolve
from crmkit.services.workspace import Workspace

__all__ = ["NAMED", "Fit", "Hit", "find_deleted", "find_record", "named_kinds", "search"]

NAMED = ("lead", "contact", "account", "deal", "campaign")
"""The record types of crmkit's own among which a name is looked for when none is given."""

_MOST_DELETED = 1000
_MOST_WORDS = 20
_CANDIDATES = 50


class Fit(enum.IntEnum):
    """How well a record fits what was searched for.

    Attributes:
        EXACT: It is called just so.
        BEGINNING: What it is called begins so.
        WORDS: It has every word as a whole.
        PREFIXES: It has words that begin so.
        ACCOUNT: A deal whose account was found, though it was not.
    """

    EXACT = 1
    BEGINNING = 2
    WORDS = 3
    PREFIXES = 4
    ACCOUNT = 5


@attrs.frozen
class Hit:
    """A record that a search found.

    Attributes:
        kind: The name of its record type.
        record: The record.
        fit: How well it fits, best first; within a fit the back end decides.
    """

    kind: str
    record: Any
    fit: Fit


def search(workspace: Workspace, text: str, *, kinds: Sequence[str] | None = None, limit: int = 20) -> list[Hit]:
    """Return living records that have every word, or words that begin so, the best fit first.

    Accents, case and punctuation do not count, so any text is safe. Deals are found by their
    account too.

    Args:
        workspace: Where.
        text: Words, or their beginnings; the first twenty count.
        kinds: Names or plurals of record types; None means all that can be searched.
        limit: At most so many.

    Raises:
        NotFoundError: There is no such record type.
        RejectedError: One of them cannot be searched.
    """
    schema = workspace.schema
    chosen = [kind for kind in schema if kind.search] if kinds is None else [schema.named(name) for name in kinds]
    unsearched = [f"a {kind.name} cannot be searched" for kind in chosen if not kind.search]
    if unsearched:
        raise RejectedError(unsearched)
    words = fold(text).split()[:_MOST_WORDS]
    hits: list[Hit] = []
    with workspace.reading() as view:
        found = {kind.name: view.search(kind.name, words, limit=max(limit, _CANDIDATES)) for kind in chosen if words}
        for name, ids in found.items():
            hits += _ranked(view, schema[name], ids, words)
        if "deal" in found:
            accounts = found["account"] if "account" in found else view.search("account", words, limit=limit)
            hits += _deals_of(view, schema["deal"], accounts, known=found["deal"], limit=limit)
    return sorted(hits, key=lambda hit: hit.fit)[:limit]  # the sort is stable: what came first stays first


def _deals_of(
    view: ReadTransaction, kind: RecordType, accounts: Sequence[str], *, known: Sequence[str], limit: int
) -> list[Hit]:
    if not accounts:
        return []
    where = All((Compare("account_id", Op.IN, tuple(accounts)), Not(Compare("id", Op.IN, tuple(known)))))
    query = Query(type=kind.name, where=where, order=(Order("id", descending=True),), limit=limit)
    return [Hit(kind.name, deal, Fit.ACCOUNT) for deal in kind.load_many(view.find(query))]


def _ranked(view: ReadTransaction, kind: RecordType, ids: Sequence[str], words: Sequence[str]) -> Iterator[Hit]:
    place, id_place = kind.position["search_text"], kind.position["id"]
    rows = {row[id_place]: row for row in view.get_many(kind.name, ids)}
    for id_ in ids:
        record = kind.load(rows[id_])
        yield Hit(kind.name, record, _fit(fold(record.label), str(rows[id_][place] or ""), words))


def _fit(label: str, text: str, words: Sequence[str]) -> Fit:
    wanted = " ".join(words)
    if label == wanted:
        return Fit.EXACT
    if label.startswith(wanted):
        return Fit.BEGINNING
    return Fit.WORDS if set(words) <= set(text.split()) else Fit.PREFIXES


def named_kinds(schema: Schema) -> tuple[str, ...]:
    """Return the record types among which a name is looked for when none is given."""
    return (*NAMED, *(kind.name for kind in custom_types(schema)))


def find_record(workspace: Workspace, named: str, *, kinds: Sequence[str] | None = None) -> Any:
    """Return the record a person means, whatever its type.

    An id means its record, also a deleted one; that of a merged record means what it was merged into.
    Of records of several types one that is called exactly so comes before one whose name has these
    words, that one before those which are found by other words, and what a lead became before the lead.

    Args:
        workspace: Where.
        named: An id, e-mail address, key or name.
        kinds: The record types to look among; None means `named_kinds`, and an id may be of any.

    Raises:
        NotFoundError: Nothing is called so; names what comes close.
        AmbiguousMatchError: Several are.
    """
    schema = workspace.schema
    with workspace.reading() as view:
        by_id = _by_id(view, schema, named, kinds)
        if by_id is not None:
            return by_id
        found: list[Any] = []
        close: list[str] = []
        for kind in kinds or named_kinds(schema):
            try:
                ids = [resolve(view, schema, kind, named)]
            except AmbiguousMatchError as error:
                ids = [id_ for id_, _, _ in error.candidates]
            except NotFoundError as error:
                close += error.suggestions
                continue
            found += schema[kind].load_many(view.get_many(kind, ids))
    called = [record for record in found if _is_called(record, named)]
    best = called or [record for record in found if fold(named) in fold(record.label)] or found
    present = [record for record in best if not getattr(record, "conversion_id", None)] or best
    noun = kinds[0].replace("_", " ") if kinds is not None and len(kinds) == 1 else "record"
    return _the_only(schema, present, named, noun=noun, suggestions=close)


def find_deleted(workspace: Workspace, named: str, *, kinds: Sequence[str] | None = None) -> Any:
    """Return the deleted record a person means, by its id or exact name; of several the reader must choose.

    Raises:
        NotFoundError: No deleted record is called so.
        AmbiguousMatchError: Several are.
    """
    schema = workspace.schema
    with workspace.reading() as view:
        by_id = _by_id(view, schema, named, kinds)
        if by_id is not None:
            return by_id
        found: list[Any] = []
        for kind in kinds or named_kinds(schema):
            query = Query(
                type=kind,
                where=Compare("deleted_at", Op.NE, None),
                order=(Order("deleted_at", descending=True),),
                limit=_MOST_DELETED,
                deleted=True,
            )
            found += [record for record in schema[kind].load_many(view.find(query)) if _is_called(record, named)]
    return _the_only(schema, found, named, noun="deleted record")


def _by_id(view: ReadTransaction, schema: Schema, named: str, kinds: Sequence[str] | None) -> Any:
    try:
        kind = schema.type_of(named.strip())
    except NotFoundError:
        return None
    rows = view.get_many(kind.name, [named.strip()]) if kinds is None or kind.name in kinds else []
    record = kind.load(rows[0]) if rows else None
    if record is not None and record.deleted_at is not None:
        return kind.load(view.get_many(kind.name, [current_id(view, schema, record.id)])[0])
    return record


def _is_called(record: Any, named: str) -> bool:
    names = {record.label, *(getattr(record, name, None) for name in ("name", "email", "key"))}
    return fold(named) in {fold(str(name)) for name in names if name}


def _the_only(
    schema: Schema, records: Sequence[Any], named: str, *, noun: str = "record", suggestions: Iterable[str] = ()
) -> Any:
    if len(records) == 1:
        return records[0]
    if not records:
        raise NotFoundError(noun, named, suggestions=list(dict.fromkeys(suggestions))[:3])
    candidates = [(record.id, record.label, _evidence(schema, record)) for record in records]
    hint = "name one of them by its id, or say of which kind it is"
    raise AmbiguousMatchError(f"{named!r} names several {noun}s", candidates, hint=hint)


def _evidence(schema: Schema, record: Stored) -> str:
    facts = [schema.type_of(record.id).name.replace("_", " ")]
    facts += [str(value) for name in ("company", "email", "domain") if (value := getattr(record, name, None))]
    return ", ".join(facts)
