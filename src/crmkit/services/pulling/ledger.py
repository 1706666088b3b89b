"""What was taken from a lead source, and how far it came: bookkeeping, as a checkpoint is.

A file or page is noted in one transaction together with the cursor that it allows to move on,
and only after its import has ended. Killed in between, the next pull finds the cursor where it
was, asks for the same batch again, and the idempotency key of its import gives the result back.
Two processes settle the same batch to the same effect; a cursor moves on from where it was when
the batch was asked for, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmkit.core.changes import digest_of
from crmkit.core.codecs import moment_text, to_json
from crmkit.core.fields import Scalar
from crmkit.core.ids import IdSequence, new_operation_id
from crmkit.core.lead_source import LeadSource, PulledItem, PullState
from crmkit.core.ports.storage import ReadTransaction, WriteTransaction
from crmkit.core.records import Stored
from crmkit.services.workspace import Workspace

__all__ = ["Ledger", "Note"]


@attrs.frozen(kw_only=True)
class Note:
    """What is to be noted of a file or page; see `PulledItem`."""

    name: str
    sha256: str
    stamp: str = ""
    imported: bool = True
    imports: int = 0
    recipe: str
    import_id: str | None = None
    outcomes: Mapping[str, int] = attrs.field(factory=dict)
    detail: str | None = None


class Ledger:
    """The books of one lead source during one pull.

    Args:
        workspace: Where.
        source: The lead source as the pull found it.

    Attributes:
        cursor: Where the pull is.
    """

    def __init__(self, workspace: Workspace, source: LeadSource) -> None:
        self._workspace = workspace
        self._source_id = source.id
        self._about = _about(source)
        with workspace.storage.read() as view:
            self.cursor = self._cursor(self._state(view))

    def item(self, name: str) -> PulledItem | None:
        """Return what is noted of a file or page of that name."""
        with self._workspace.storage.read() as view:
            return self._item(view, name)

    def twin(self, note: Note) -> PulledItem | None:
        """Return another file or page with the same content that was imported in the same way."""
        with self._workspace.storage.read() as view:
            same = self._items(view, "sha256", note.sha256)
        return next(
            (item for item in same if item.imported and item.name != note.name and item.recipe == note.recipe), None
        )

    def settle(self, note: Note | None, seen: PulledItem | None, cursor: str | None) -> bool:
        """Note what became of a batch, and let the cursor move on.

        Args:
            note: What to note, or None when there is nothing but the cursor.
            seen: What was noted of it when the batch was looked at.
            cursor: Where the next pull begins, or None when the cursor stays.

        Returns:
            Whether the pull may go on: False when somebody else has moved the cursor, changed
            the settings or removed the lead source meanwhile.
        """
        with self._workspace.storage.write() as transaction:
            if not self._is_as_it_was(transaction):
                return False
            if note is not None:
                self._write(transaction, note, seen)
            return cursor is None or self._move(transaction, cursor)

    def close(self, error: str | None) -> None:
        """Note that the lead source was pulled, and why that had to stop."""
        with self._workspace.storage.write() as transaction:
            told = {"pulled_at": moment_text(self._workspace.clock.now()), "last_error": error}
            self._put(transaction, "pull_state", self._state(transaction), told)

    def _move(self, transaction: WriteTransaction, cursor: str) -> bool:
        state = self._state(transaction)
        now = self._cursor(state)
        if now not in (self.cursor, cursor):
            return False
        if now != cursor:
            self._put(transaction, "pull_state", state, {"cursor": cursor, "cursor_of": self._about})
        self.cursor = cursor
        return True

    def _write(self, transaction: WriteTransaction, note: Note, seen: PulledItem | None) -> None:
        there = self._item(transaction, note.name)
        if (there and there.version) != (seen and seen.version):
            return  # somebody else was faster, and what they noted is newer
        told: dict[str, Scalar] = {
            "name": note.name,
            "sha256": note.sha256,
            "stamp": note.stamp or None,
            "imported": int(note.imported),
            "imports": note.imports,
            "recipe": note.recipe,
            "import_id": note.import_id,
            "outcomes": to_json(note.outcomes) if note.outcomes else None,
            "detail": note.detail,
        }
        self._put(transaction, "pulled_item", there, told)

    def _put(self, transaction: WriteTransaction, kind: str, there: Stored | None, told: Mapping[str, Scalar]) -> None:
        """Write a line of the books, over the one that is there."""
        now = self._workspace.clock.now()
        values: dict[str, Scalar] = {**told, "updated_at": moment_text(now)}
        if there is not None:
            transaction.update(kind, [there.id], [there.version], {name: [value] for name, value in values.items()})
            return
        ids = IdSequence(new_operation_id(now, self._workspace.chance), now)
        values |= {
            "id": ids.next(self._workspace.schema[kind].prefix),
            "version": 1,
            "created_at": moment_text(now),
            "operation_id": "",
            "lead_source_id": self._source_id,
        }
        transaction.insert(kind, {name: [value] for name, value in values.items()})

    def _is_as_it_was(self, view: ReadTransaction) -> bool:
        """Whether the lead source is still there, with the settings that the pull began with."""
        rows = view.get_many("lead_source", [self._source_id])
        found: list[LeadSource] = self._workspace.schema["lead_source"].load_many(rows)
        return bool(found) and found[0].deleted_at is None and _about(found[0]) == self._about

    def _state(self, view: ReadTransaction) -> PullState | None:
        ids = [id_ for _, id_ in view.lookup("pull_state", "lead_source_id", [self._source_id])]
        found: list[PullState] = self._workspace.schema["pull_state"].load_many(view.get_many("pull_state", ids))
        return found[0] if found else None

    def _cursor(self, state: PullState | None) -> str | None:
        return state.cursor if state is not None and state.cursor_of == self._about else None

    def _item(self, view: ReadTransaction, name: str) -> PulledItem | None:
        return next(iter(self._items(view, "name", name)), None)

    def _items(self, view: ReadTransaction, field: str, value: str) -> list[PulledItem]:
        ids = [id_ for _, id_ in view.lookup("pulled_item", field, [value])]
        rows = view.get_many("pulled_item", ids) if ids else []
        found: list[PulledItem] = self._workspace.schema["pulled_item"].load_many(rows)
        return [item for item in found if item.lead_source_id == self._source_id]


def _about(source: LeadSource) -> str:
    return digest_of([source.kind, dict(source.settings)])
