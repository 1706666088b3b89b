"""The history of a record: who changed what, when, why, by which rule, from which file and row.

`history` tells it change by change, `provenance` value by value. Both come from the log
alone: the record as it is, folded back through its changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.conversion import Action, Conversion
from crmkit.core.fields import Attribute, Row
from crmkit.core.operation import Change, ImportRow, Operation, RowOutcome
from crmkit.core.past import row_before
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import All, Compare, Op, Query
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["HistoryEntry", "Origin", "ValueChange", "history", "provenance"]


@attrs.frozen(kw_only=True)
class ValueChange:
    """One value that one operation changed.

    Attributes:
        field: The attribute; of custom fields the dotted name.
        old: The value before.
        new: The value afterwards.
        rule: The rule that decided it, or None; ``default`` is the usual mapping of a conversion.
        from_record: The lead whose conversion brought the value, or None.
        from_field: The field of that lead that was copied, or None.
    """

    field: str
    old: Any
    new: Any
    rule: str | None = None
    from_record: str | None = None
    from_field: str | None = None


@attrs.frozen(kw_only=True)
class HistoryEntry:
    """What one operation did to a record.

    Attributes:
        at: When, in UTC.
        actor: Who, or None.
        operation_id: The operation.
        kind: What it was: ``edit``, ``import``, ``convert``, ``undo`` …
        what: ``created``, ``changed``, ``deleted`` or ``restored``.
        version: The version of the record afterwards.
        changes: The values it changed; of a new record all that it had.
        why: Why this record was touched, as the log has it, or None.
        reason: Why the operation was done, in the words of whoever did it, or None.
        undoes: The operation it took back, or None.
        file: The imported file, or None.
        row: The line of that file, or None.
    """

    at: datetime
    actor: str | None
    operation_id: str
    kind: str
    what: str
    version: int
    changes: tuple[ValueChange, ...]
    why: str | None = None
    reason: str | None = None
    undoes: str | None = None
    file: str | None = None
    row: int | None = None


@attrs.frozen(kw_only=True)
class Origin:
    """Where a value comes from.

    Attributes:
        value: The value.
        at: When it came, in UTC.
        actor: Who brought it, or None.
        operation_id: By which operation.
        kind: What that was: ``edit``, ``import``, ``convert`` …
        why: Why: the reason of the operation, else what the log says of the record, or None.
        rule: The rule that decided it, or None.
        file: The imported file, or None.
        row: The line of that file, or None.
        from_record: The lead whose conversion brought it, or None.
        from_field: The field of that lead that was copied, or None.
        earlier: Where the lead had it from, or None.
    """

    value: Any
    at: datetime
    actor: str | None
    operation_id: str
    kind: str
    why: str | None = None
    rule: str | None = None
    file: str | None = None
    row: int | None = None
    from_record: str | None = None
    from_field: str | None = None
    earlier: Origin | None = None

    @property
    def first(self) -> Origin:
        """Where the value first came into the workspace."""
        return self if self.earlier is None else self.earlier.first


def history(workspace: Workspace, record: str | Stored, *, field: str | None = None) -> list[HistoryEntry]:
    """Return what happened to the values of a record, the oldest first.

    Args:
        workspace: Where.
        record: The record or its id; a deleted one has a history too.
        field: Only what changed this attribute.

    Raises:
        NotFoundError: There is no such record, or no such attribute.
    """
    record_id = id_of(record)
    kind = workspace.schema.type_of(record_id)
    if field is not None and field not in kind.attribute:
        kind.field(field)  # a clear error, unless it is one of several fields of an attribute
        field = next((a.name for a in kind.attributes if field in a.fields), field)
    with workspace.reading() as view:
        entries = _Historian(view, workspace.schema).entries(record_id)
    if field is None:
        return entries
    return [
        attrs.evolve(entry, changes=changes)
        for entry in entries
        if (changes := tuple(change for change in entry.changes if change.field == field))
    ]


def provenance(workspace: Workspace, record: str | Stored) -> dict[str, Origin]:
    """Return for each value of a record where it comes from.

    A value that an undo brought back comes from where it came from before, and a value that
    a conversion copied from a lead tells where the lead had it from.

    Args:
        workspace: Where.
        record: The record or its id.

    Raises:
        NotFoundError: There is no such record.
    """
    record_id = id_of(record)
    with workspace.reading() as view:
        historian = _Historian(view, workspace.schema)
        origins = _origins(historian.entries(record_id))
        leads = sorted({origin.from_record for origin in origins.values() if origin.from_record})
        theirs = {lead_id: historian.entries(lead_id) for lead_id in leads}
    return {
        name: _traced(origin, theirs.get(origin.from_record or "", ()))
        for name, origin in origins.items()
        if not _is_empty(origin.value)
    }


_PLUMBING = frozenset(a.name for a in attrs.fields(Stored))
"""What every record carries; what happens to it is told by the entry itself."""


class _Historian:
    """Reads histories from one view."""

    def __init__(self, view: ReadTransaction, schema: Schema) -> None:
        self._view = view
        self._schema = schema

    def entries(self, record_id: str) -> list[HistoryEntry]:
        """Return the history of one record."""
        kind = self._schema.type_of(record_id)
        rows = self._view.get_many(kind.name, [record_id])
        if not rows:
            raise NotFoundError(kind.name.replace("_", " "), record_id)
        log = self._log(record_id)
        states = _states(kind, rows[0], log)
        first: Stored = kind.load(states[0])
        ids = {first.operation_id, *(change.operation_id for change in log)}
        operations = self._operations(ids)
        lines = self._lines(record_id, operations)
        conversions = self._conversions(kind, record_id)

        def entry(
            of: Stored, what: str, version: int, changes: tuple[ValueChange, ...], row: int | None
        ) -> HistoryEntry:
            operation = operations.get(of.operation_id)
            imported = operation is not None and operation.kind == "import"
            return HistoryEntry(
                at=of.created_at,
                actor=operation.actor if operation else None,
                operation_id=of.operation_id,
                kind=operation.kind if operation else "",
                what=what,
                version=version,
                changes=changes,
                why=of.why if isinstance(of, Change) else None,
                reason=operation.reason if operation else None,
                undoes=operation.undoes if operation else None,
                file=operation.result.get("source") if operation and imported else None,
                row=row,
            )

        blank: Row = (None,) * len(kind.fields)
        decided = _Decisions(kind, conversions)
        entries = [entry(first, "created", 1, tuple(decided.changes(blank, states[0], first, {})), first.source_row)]
        for place, change in enumerate(log):
            changes = tuple(decided.changes(states[place], states[place + 1], change, change.fields))
            row = lines.get(change.operation_id)
            entries.append(entry(change, _what(change), change.to_version, changes, row))
        return entries

    def _log(self, record_id: str) -> list[Change]:
        ids = [id_ for _, id_ in self._view.lookup("change", "record_id", [record_id])]
        changes: list[Change] = self._schema["change"].load_many(self._view.get_many("change", ids))
        return sorted(changes, key=lambda change: change.to_version)

    def _operations(self, ids: set[str]) -> dict[str, Operation]:
        rows = self._view.get_many("operation", sorted(ids))
        return {operation.id: operation for operation in self._schema["operation"].load_many(rows)}

    def _lines(self, record_id: str, operations: Mapping[str, Operation]) -> dict[str, int]:
        """Return the lines of imported files that changed the record, by operation."""
        imports = tuple(sorted(operation.id for operation in operations.values() if operation.kind == "import"))
        if not imports:
            return {}
        where = All((Compare("operation_id", Op.IN, imports), Compare("record_id", Op.EQ, record_id)))
        rows: list[ImportRow] = self._schema["import_row"].load_many(
            self._view.find(Query(type="import_row", where=where))
        )
        telling = sorted(rows, key=lambda row: (row.outcome is RowOutcome.UPDATED, row.line))
        return {row.operation_id: row.line for row in telling}

    def _conversions(self, kind: RecordType, record_id: str) -> dict[str, list[Conversion]]:
        """Return the conversions that made or filled the record, by operation; undone ones too."""
        field = f"{kind.name}_id"
        if kind.name not in ("contact", "account"):
            return {}
        query = Query(type="conversion", where=Compare(field, Op.EQ, record_id), deleted=True)
        found: dict[str, list[Conversion]] = {}
        for conversion in self._schema["conversion"].load_many(self._view.find(query)):
            found.setdefault(conversion.operation_id, []).append(conversion)
        return found


@attrs.frozen
class _Decisions:
    """Tells the changes of values, and what conversions decided about them."""

    _kind: RecordType
    _conversions: Mapping[str, Sequence[Conversion]]

    def changes(
        self, before: Row, after: Row, of: Stored, logged: Mapping[str, Sequence[Any]]
    ) -> Iterator[ValueChange]:
        """Return what differs between two states, with the rules of the log entry."""
        for attribute in self._kind.attributes:
            if attribute.name in _PLUMBING:
                continue
            old, new = _value(self._kind, attribute, before), _value(self._kind, attribute, after)
            if old == new or (_is_empty(old) and _is_empty(new)):
                continue
            rule = next((pair[2] for f in attribute.fields if len(pair := logged.get(f, ())) > 2), None)  # noqa: PLR2004  # old, new, rule
            yield self._decided(ValueChange(field=attribute.name, old=old, new=new, rule=rule), of.operation_id)

    def _decided(self, change: ValueChange, operation_id: str) -> ValueChange:
        for conversion in self._conversions.get(operation_id, ()):
            decision = conversion.decided.get(f"{self._kind.name}.{change.field}")
            if decision is None or decision[0] == Action.KEEP.value:
                continue
            _, rule, source = decision
            copied = source if rule == "default" else None  # what a rule sets is the rule's own
            return attrs.evolve(change, rule=rule, from_record=conversion.lead_id, from_field=copied)
        return change


def _states(kind: RecordType, row: Row, log: Sequence[Change]) -> list[Row]:
    """Return the row as it was at first and after each change."""
    states = [row]
    for place in range(len(log) - 1, -1, -1):
        states.append(row_before(kind, states[-1], log[place], log[place - 1] if place else None))
    return states[::-1]


def _what(change: Change) -> str:
    if "deleted_at" not in change.fields:
        return "changed"
    return "restored" if change.fields["deleted_at"][1] is None else "deleted"


def _value(kind: RecordType, attribute: Attribute, row: Row) -> Any:
    scalars = [row[kind.position[field]] for field in attribute.fields]
    return scalars[0] if attribute.codec.decode is None else attribute.codec.decode(*scalars)


def _is_empty(value: Any) -> bool:
    return value in (None, "", (), {})


def _origins(entries: Sequence[HistoryEntry]) -> dict[str, Origin]:
    """Return where each value comes from after these entries; of empty ones, who emptied them."""
    origins: dict[str, Origin] = {}
    before: dict[tuple[str, str], Origin | None] = {}  # operation and field to the origin it replaced
    for entry in entries:
        for change in entry.changes:
            replaced = origins.get(change.field)
            taken_back = before.get((entry.undoes or "", change.field))
            before[entry.operation_id, change.field] = replaced
            same = taken_back is not None and taken_back.value == change.new
            origins[change.field] = taken_back if same and taken_back else _origin(entry, change)
    return origins


def _origin(entry: HistoryEntry, change: ValueChange) -> Origin:
    return Origin(
        value=change.new,
        at=entry.at,
        actor=entry.actor,
        operation_id=entry.operation_id,
        kind=entry.kind,
        why=entry.reason or entry.why,
        rule=change.rule,
        file=entry.file,
        row=entry.row,
        from_record=change.from_record,
        from_field=change.from_field,
    )


def _traced(origin: Origin, of_the_lead: Sequence[HistoryEntry]) -> Origin:
    """Return an origin with where the lead had the value from, at the time of its conversion."""
    if origin.from_field is None:
        return origin
    until_then = [entry for entry in of_the_lead if entry.at <= origin.at]
    return attrs.evolve(origin, earlier=_origins(until_then).get(origin.from_field))
