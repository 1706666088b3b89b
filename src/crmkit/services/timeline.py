"""The timeline of a record: all that happened to it, in one list.

A contact shows what happened to the lead it was, an account what happened to its contacts
and deals, and every record what happened to those that were merged into it, so that
nothing is out of sight after a conversion or a merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.fields import Attribute
from crmkit.core.operation import Change, Operation
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError
from crmkit.services.aliases import current_id, merged_into
from crmkit.services.workspace import Workspace

__all__ = ["TimelineEntry", "changed_values", "timeline"]


@attrs.frozen(kw_only=True)
class TimelineEntry:
    """One thing that happened.

    Attributes:
        at: When, in UTC.
        kind: ``created``, ``changed``, ``deleted``, ``note``, ``call``, ``task``, ``mail``,
            ``stage``, ``campaign``, ``converted`` …
        text: What, in one line.
        actor: Who, or None.
        record_id: The record it happened to.
        operation_id: The operation it was part of.
        source_row: The line of the imported file it comes from, or None.
    """

    at: datetime
    kind: str
    text: str
    actor: str | None
    record_id: str
    operation_id: str
    source_row: int | None = None


def timeline(workspace: Workspace, record_id: str) -> list[TimelineEntry]:
    """Return what happened to a record and to what belongs to it, the oldest first.

    Raises:
        NotFoundError: There is no such record.
    """
    with workspace.reading() as view:
        reader = _Reader(view, workspace.schema)
        return reader.entries(reader.circle(record_id))


class _Reader:
    def __init__(self, view: ReadTransaction, schema: Schema) -> None:
        self._view = view
        self._schema = schema
        self._operations: dict[str, Operation] = {}
        self._labels: dict[str, str] = {}

    def circle(self, record_id: str) -> list[str]:
        """Return the record and those whose story it tells too; of a merged one, that of what it was merged into."""
        kind = self._schema.type_of(record_id).name
        ids = [current_id(self._view, self._schema, record_id)]
        if not self._load(kind, ids):
            raise NotFoundError(kind.replace("_", " "), record_id)
        if kind == "account":
            ids += self._referring("contact", "account_id", ids) + self._referring("deal", "account_id", ids)
        if kind in ("account", "contact"):
            origins = self._load("link", self._referring("link", "from_id", ids))
            ids += [link.to_id for link in origins if link.kind == "origin"]
        ids += merged_into(self._view, self._schema, ids)
        return list(dict.fromkeys(ids))

    def entries(self, ids: Sequence[str]) -> list[TimelineEntry]:
        """Return everything that happened to these records."""
        by_kind: dict[str, list[str]] = {}
        for id_ in ids:
            by_kind.setdefault(self._schema.type_of(id_).name, []).append(id_)
        records = [record for kind, some in by_kind.items() for record in self._load(kind, some)]
        changes: list[Change] = self._load("change", self._referring("change", "record_id", ids))
        links = [link for link in self._load("link", self._referring("link", "to_id", ids)) if link.kind == "about"]
        children = {link.from_id for link in links}
        noted = self._load("activity", [id_ for id_ in children if self._is(id_, "activity")])
        activities = [activity for activity in noted if activity.deleted_at is None]
        mails = {*self._referring("message", "person_id", ids), *(id_ for id_ in children if self._is(id_, "message"))}
        messages = self._load("message", sorted(mails))
        members = self._load("campaign_member", self._referring("campaign_member", "person_id", ids))
        campaigns = {c.id: c.label for c in self._load("campaign", sorted({m.campaign_id for m in members}))}
        steps = self._load("stage_change", self._referring("stage_change", "deal_id", ids))
        stages = {s.id: s.label for s in self._load("stage", sorted({step.to_stage_id for step in steps}))}
        everything = [*records, *changes, *activities, *messages, *members, *steps]
        self._load_operations({each.operation_id for each in everything})
        found = [
            *(self._entry(r, r.created_at, "created", f"{self._noun(r.id)} {r.label}", r.id) for r in records),
            *(self._changed(change) for change in changes),
            *(self._activity(activity) for activity in activities),
            *(
                self._entry(m, m.sent_at or m.created_at, "mail", f"{m.label}: {m.status.value}", m.id)
                for m in messages
            ),
            *(
                self._entry(m, m.created_at, "campaign", f"{campaigns.get(m.campaign_id, '?')}: {m.status.value}", m.id)
                for m in members
            ),
            *(self._entry(s, s.moved_at, "stage", _step_text(s, stages), s.deal_id) for s in steps),
        ]
        ordered = sorted(found, key=lambda entry: (entry.at, entry.kind != "created", entry.record_id))
        # A lead and the contact it became are members of the same campaign, which is one thing.
        once = {(entry.kind, entry.text) if entry.kind == "campaign" else entry: entry for entry in reversed(ordered)}
        return [entry for entry in ordered if once.get((entry.kind, entry.text), entry) is entry]

    def _changed(self, change: Change) -> TimelineEntry:
        kind = self._schema.type_of(change.record_id)
        fields = change.fields
        what = "changed"
        if "deleted_at" in fields:
            what = "restored" if fields["deleted_at"][1] is None else "deleted"
        parts = [f"{name}: {old} → {new}" for name, old, new in changed_values(kind, fields)]
        label = f"{self._noun(change.record_id)} {self._labels.get(change.record_id, kind.name)}"
        text = f"{label}, {', '.join(parts)}" if parts else label
        if change.why:
            text += f" ({change.why})"
        return self._entry(change, change.created_at, what, text, change.record_id)

    def _activity(self, activity: Any) -> TimelineEntry:
        at = activity.done_at or activity.happened_at or activity.created_at
        text = activity.subject + (f": {activity.body}" if activity.body else "")
        if activity.is_open_task:
            text += f" (due {activity.due_at:%Y-%m-%d})" if activity.due_at else " (open)"
        return self._entry(activity, at, activity.kind.value, text, activity.id)

    def _entry(self, of: Any, at: datetime, kind: str, text: str, record_id: str) -> TimelineEntry:
        operation = self._operations.get(of.operation_id)
        return TimelineEntry(
            at=at,
            kind=kind,
            text=text,
            actor=operation.actor if operation else None,
            record_id=record_id,
            operation_id=of.operation_id,
            source_row=getattr(of, "source_row", None),
        )

    def _noun(self, record_id: str) -> str:
        return self._schema.type_of(record_id).name.replace("_", " ")

    def _is(self, record_id: str, kind: str) -> bool:
        return self._schema.type_of(record_id).name == kind

    def _load(self, kind: str, ids: Sequence[str]) -> list[Any]:
        """Return the records with these ids."""
        type_: RecordType = self._schema[kind]
        records = type_.load_many(self._view.get_many(kind, ids)) if ids else []
        self._labels.update((record.id, record.label) for record in records)
        return records

    def _load_operations(self, ids: Iterable[str]) -> None:
        for operation in self._load("operation", sorted(ids)):
            self._operations[operation.id] = operation

    def _referring(self, kind: str, field: str, ids: Sequence[str]) -> list[str]:
        return [id_ for _, id_ in self._view.lookup(kind, field, ids)]


def _step_text(step: Any, stages: dict[str, str]) -> str:
    text = f"{'moved to' if step.from_stage_id else 'opened in'} {stages.get(step.to_stage_id, '?')}"
    return f"{text} ({step.reason})" if step.reason else text


def changed_values(kind: RecordType, fields: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str, str]]:
    """Return what a log entry changed as people read it: attribute, old and new value.

    References are left out: their ids say nothing to people.
    """
    for attribute in kind.attributes:
        if attribute.name == "deleted_at" or attribute.name.endswith("_id"):
            continue
        if not any(name in fields for name in attribute.fields):
            continue
        yield attribute.name, _shown(attribute, fields, 0), _shown(attribute, fields, 1)


def _shown(attribute: Attribute, fields: Mapping[str, Sequence[Any]], side: int) -> str:
    scalars = [fields[name][side] if name in fields else None for name in attribute.fields]
    if all(scalar is None for scalar in scalars):
        return "–"
    if None in scalars or attribute.codec.decode is None:
        return str(next(scalar for scalar in scalars if scalar is not None))
    value = attribute.codec.decode(*scalars)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(getattr(value, "value", value))
