"""A change set: all that one operation does, as one frozen value.

It holds columns per record type, so that ten thousand new records cost no object each,
and one record is a batch of one. It also names what it relies on: the versions of the
records that were read and the look-ups that were made, with their results, so that the
applier can find out under the write lock whether something moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.codecs import moment_text, to_json
from crmkit.core.fields import Scalar
from crmkit.core.query import Query

__all__ = ["ChangeSet", "Creates", "FieldChange", "Finds", "Lookup", "Reliance", "Updates", "digest_of"]


@attrs.frozen(kw_only=True)
class Creates:
    """New records of one type, in columns.

    Attributes:
        type: The record type.
        columns: Field to values, all of the same length; ``id`` is among them.
    """

    type: str
    columns: Mapping[str, Sequence[Scalar]]

    @property
    def ids(self) -> Sequence[str]:
        """The ids of the new records."""
        return self.columns["id"]  # type: ignore[return-value]  # ids are text


@attrs.frozen(kw_only=True)
class Updates:
    """Changes of records of one type, in columns; the same fields in each.

    Attributes:
        type: The record type.
        ids: The records.
        versions: The version each must have.
        old: Field to the values before.
        new: Field to the values afterwards; the same fields as `old`.
        why: Why, as one clause, or None.
        rules: Field to the rule that decided it, where one did.
        whys: Why for each record, where they have different reasons; instead of `why`.
    """

    type: str
    ids: Sequence[str]
    versions: Sequence[int]
    old: Mapping[str, Sequence[Scalar]]
    new: Mapping[str, Sequence[Scalar]]
    why: str | None = None
    rules: Mapping[str, str] = attrs.field(factory=dict)
    whys: Sequence[str | None] | None = None

    def why_of(self, place: int) -> str | None:
        """Return why one of the records changes."""
        return self.why if self.whys is None else self.whys[place]


@attrs.frozen(kw_only=True)
class Lookup:
    """A look-up that was made while planning, and what it found.

    Attributes:
        type: The record type.
        field: The field that was looked at.
        values: The values that were looked for.
        found: The pairs of value and id; none says "nobody has these".
    """

    type: str
    field: str
    values: tuple[Scalar, ...]
    found: tuple[tuple[Scalar, str], ...]


@attrs.frozen(kw_only=True)
class Finds:
    """A query that was made while planning, and what it found.

    Attributes:
        query: The query.
        found: The id and version of each record, in order.
    """

    query: Query
    found: tuple[tuple[str, int], ...]


@attrs.frozen(kw_only=True)
class Reliance:
    """All that a plan relies on.

    Attributes:
        versions: Record type to id to version; None says that the record was not there.
        lookups: The look-ups, the empty ones too.
        finds: The queries.
    """

    versions: Mapping[str, Mapping[str, int | None]] = attrs.field(factory=dict)
    lookups: tuple[Lookup, ...] = ()
    finds: tuple[Finds, ...] = ()


@attrs.frozen(kw_only=True)
class FieldChange:
    """One value that changes, for people to read.

    Attributes:
        record_id: The record.
        field: Its field.
        old: The scalar before; None for a new record.
        new: The scalar afterwards.
        why: Why, or None.
        rule: The rule that decided it, or None.
    """

    record_id: str
    field: str
    old: Scalar
    new: Scalar
    why: str | None = None
    rule: str | None = None


@attrs.frozen(kw_only=True)
class ChangeSet:
    """All that one operation does.

    Attributes:
        operation_id: Its id.
        kind: What is done: ``edit``, ``convert`` …
        at: The moment of all of it, in UTC.
        reason: Why, or None.
        actor: Who asked for it, or None.
        creates: New records.
        updates: Changes of records; no record is in two of them.
        warnings: What a person should know, each as one clause.
        result: What the operation gives, by name.
        relies_on: What must still be so when it is applied.
        undoes: The operation it takes back, or None.
    """

    operation_id: str
    kind: str
    at: datetime
    reason: str | None = None
    actor: str | None = None
    creates: tuple[Creates, ...] = ()
    updates: tuple[Updates, ...] = ()
    warnings: tuple[str, ...] = ()
    result: Mapping[str, Any] = attrs.field(factory=dict)
    relies_on: Reliance = Reliance()
    undoes: str | None = None

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.creates or self.updates)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many records of each type are created and updated."""
        counts: dict[str, dict[str, int]] = {}
        for created in self.creates:
            entry = counts.setdefault(created.type, {})
            entry["created"] = entry.get("created", 0) + len(created.ids)
        for updated in self.updates:
            entry = counts.setdefault(updated.type, {})
            entry["updated"] = entry.get("updated", 0) + len(updated.ids)
        return counts

    @property
    def digest(self) -> str:
        """What two plans share if and only if they do the same on the same ground."""
        return digest_of(self.as_json())

    def field_changes(self) -> Iterator[FieldChange]:
        """Go through every value that changes; made for showing, not for bulk."""
        for created in self.creates:
            for i, record_id in enumerate(created.ids):
                for field, column in created.columns.items():
                    if field != "id" and column[i] is not None:
                        yield FieldChange(record_id=record_id, field=field, old=None, new=column[i])
        for updated in self.updates:
            for i, record_id in enumerate(updated.ids):
                for field, column in updated.new.items():
                    yield FieldChange(
                        record_id=record_id,
                        field=field,
                        old=updated.old[field][i],
                        new=column[i],
                        why=updated.why_of(i),
                        rule=updated.rules.get(field),
                    )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "operation": self.operation_id,
            "kind": self.kind,
            "at": moment_text(self.at),
            "reason": self.reason,
            "actor": self.actor,
            "undoes": self.undoes,
            "creates": [{"type": c.type, "columns": {k: list(v) for k, v in c.columns.items()}} for c in self.creates],
            "updates": [
                {
                    "type": u.type,
                    "ids": list(u.ids),
                    "versions": list(u.versions),
                    "fields": {name: {"old": list(u.old[name]), "new": list(u.new[name])} for name in u.new},
                    "why": u.why if u.whys is None else list(u.whys),
                    "rules": dict(u.rules),
                }
                for u in self.updates
            ],
            "warnings": list(self.warnings),
            "result": dict(self.result),
            "relies_on": {
                "versions": {k: dict(v) for k, v in self.relies_on.versions.items()},
                "lookups": [
                    {"type": k.type, "field": k.field, "values": list(k.values), "found": [list(p) for p in k.found]}
                    for k in self.relies_on.lookups
                ],
                "finds": [{"type": f.query.type, "found": [list(p) for p in f.found]} for f in self.relies_on.finds],
            },
        }


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in hexadecimal."""
    from hashlib import sha256  # brings in OpenSSL, which opening a workspace can do without

    return sha256(to_json(value).encode()).hexdigest()
