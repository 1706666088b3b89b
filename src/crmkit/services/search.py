"""Finding records across types: by words, or by what a person calls one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.values.text import fold
from crmkit.errors import AmbiguousMatchError, NotFoundError
from crmkit.services.resolve import resolve
from crmkit.services.workspace import Workspace

__all__ = ["NAMED", "find_deleted", "find_record", "search"]

NAMED = ("lead", "contact", "account", "deal", "campaign")
"""The record types among which a name is looked for when none is given."""

_MOST_DELETED = 1000


def search(workspace: Workspace, text: str, *, limit: int = 20) -> dict[str, list[Any]]:
    """Return living records whose search text has every word, by record type, best first.

    Args:
        workspace: Where.
        text: Words, or their beginnings.
        limit: At most so many of each type.
    """
    words = fold(text).split()
    found: dict[str, list[Any]] = {}
    with workspace.reading() as view:
        for kind in workspace.schema:
            ids = view.search(kind.name, words, limit=limit) if kind.search else []
            if ids:
                records = {record.id: record for record in kind.load_many(view.get_many(kind.name, ids))}
                found[kind.name] = [records[id_] for id_ in ids]
    return found


def find_record(workspace: Workspace, named: str, *, kinds: Sequence[str] | None = None) -> Any:
    """Return the record a person means, whatever its type.

    An id means its record, also a deleted one. Of records of several types one that is called
    exactly so comes before one whose name has these words, that one before those which are found
    by other words, and what a lead became before the lead.

    Args:
        workspace: Where.
        named: An id, e-mail address, key or name.
        kinds: The record types to look among; None means `NAMED`, and an id may be of any.

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
        for kind in kinds or NAMED:
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
        for kind in kinds or NAMED:
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
    return kind.load(rows[0]) if rows else None


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
