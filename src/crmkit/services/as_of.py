"""The state as of a moment: the whole workspace as it was, read-only.

`past_of` gives a workspace whose storage reads the present state and takes back, with the
log, what happened after the moment. Records that were not changed since are answered by
the back end as they are; the others are folded back in memory. So a question costs what it
costs now, and besides that a few statements for each thousand records changed since.

Delivering mail is no operation, so it is not in the log. Whether a message had left or been
given up by then is told from its tries; when it is tried next, what its last error was,
whether it is held back, and its version are those of now.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import NoReturn, Protocol, cast

import attrs

from crmkit.core.codecs import moment_text, parse_moment
from crmkit.core.fields import Row, Scalar
from crmkit.core.grouping import grouped
from crmkit.core.ids import first_id
from crmkit.core.message import MessageStatus
from crmkit.core.operation import Change
from crmkit.core.past import row_as_of
from crmkit.core.periods import moments_of
from crmkit.core.ports.storage import ReadTransaction, Storage
from crmkit.core.query import (
    Aggregate,
    All,
    Compare,
    Condition,
    Not,
    Op,
    Order,
    Query,
    both,
    has_words,
    is_after,
    matches,
    sort_rows,
)
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.workspace import Workspace

__all__ = ["AsOf", "PastStorage", "past_of"]

_BATCH = 1000
_MICROSECOND = timedelta(microseconds=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC) + _MICROSECOND


class _Done(Protocol):
    """What an operation gave."""

    @property
    def operation_id(self) -> str | None: ...


def past_of(workspace: Workspace, moment: date | str | _Done, *, before: bool = False) -> Workspace:
    """Return a workspace as it was at a moment; whatever would change it is refused.

    Args:
        workspace: The workspace of now.
        moment: An aware moment, a day, or a text that names one (see `crmkit.core.periods`): of a day
            or a longer period its end. Or an operation, its id, or anything with an
            ``operation_id``: right after that operation.
        before: Right before that moment, period or operation instead.

    Raises:
        RejectedError: It is no moment, or says no time zone.
        NotFoundError: There is no such operation.
    """
    first, last = _span(workspace, moment)
    at = max(first, _BEGINNING) - _MICROSECOND if before else last
    past = PastStorage(workspace.storage, workspace.schema, at)
    return attrs.evolve(workspace, storage=past, clock=_Stopped(at), open_operations=threading.local())


def _span(workspace: Workspace, moment: date | str | _Done) -> tuple[datetime, datetime]:
    """Return the first and the last moment of what is named."""
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = moment.isoformat()
    if isinstance(moment, (datetime, str)) and not str(moment).startswith("op_"):
        try:
            if isinstance(moment, str):
                return moments_of(moment.strip(), workspace.clock.now())
            return parse_moment(moment), parse_moment(moment)
        except ValueError as error:
            hint = "name a moment with its time zone, a day, how long ago, or an operation"
            raise RejectedError(f"{str(moment)!r} {error}", hint=hint) from None
    operation_id = moment if isinstance(moment, str) else cast("_Done", moment).operation_id
    with workspace.reading() as view:
        rows = view.get_many("operation", [operation_id]) if operation_id else []
    if not rows:
        raise NotFoundError("operation", str(operation_id), hint="crmkit log lists them")
    at = parse_moment(rows[0][workspace.schema["operation"].position["at"]])
    return at, at


@attrs.frozen
class _Stopped:
    """The clock of the past: what is overdue is so by the moment that is looked at."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


class _Fold:
    """The records that were changed since the moment, as they were; kept as long as nothing new happens.

    Attributes:
        mark: What has happened when it was made.
        ids: Record type to the records that were changed since.
        rows: Record type to these as they were, for the types that were asked for.
        answer: The last query, and those of the rows that answer it in order: the next page
            will be asked for soon.
    """

    def __init__(self, mark: object, ids: Mapping[str, Sequence[str]]) -> None:
        self.mark = mark
        self.ids = ids
        self.rows: dict[str, list[Row]] = {}
        self.answer: tuple[Query, list[Row]] | None = None


class PastStorage:
    """A back end as it was at a moment.

    Args:
        storage: The back end of now.
        schema: Its schema.
        moment: What happened at that very moment has happened.
    """

    def __init__(self, storage: Storage, schema: Schema, moment: datetime) -> None:
        self._storage = storage
        self._schema = schema
        self.moment = moment
        self._fold: _Fold | None = None

    @property
    def url(self) -> str:
        """Where it lives, without password."""
        return self._storage.url

    def prepare(self, schema: Schema, *, create: bool) -> Schema:
        """Do nothing: it was prepared when it was opened."""
        return self._schema

    @contextmanager
    def read(self) -> Iterator[AsOf]:
        """Open a consistent view of then."""
        with self._storage.read() as view:
            past = AsOf(view, self._schema, self.moment, self._fold)
            yield past
        self._fold = past.fold or self._fold

    def write(self) -> NoReturn:
        """Refuse.

        Raises:
            RejectedError: Always.
        """
        raise RejectedError(
            f"the past cannot be changed: this is the state as of {moment_text(self.moment)}",
            hint="make the change in the workspace of now, or undo the operation",
        )

    def close(self) -> None:
        """Do nothing: the workspace of now stays open."""


class AsOf:
    """A view of the state as of a moment.

    Args:
        view: The view of now.
        schema: The record types.
        moment: What happened at that very moment has happened.
        fold: What an earlier view of the same moment had to fold back, or None.
    """

    def __init__(self, view: ReadTransaction, schema: Schema, moment: datetime, fold: _Fold | None = None) -> None:
        self._view = view
        self._schema = schema
        self._moment = moment
        self._there = Compare("created_at", Op.LE, moment_text(moment))
        self._known = fold
        self.fold: _Fold | None = None

    def get_many(self, kind: str, ids: Sequence[str]) -> list[Row]:
        """Return the rows with these ids, deleted ones too, ordered by id; unknown ids are left out."""
        return self._folded(self._schema[kind], ids)

    def lookup(self, kind: str, field: str, values: Sequence[Scalar]) -> list[tuple[Scalar, str]]:
        """Find living records by the values of one field, many at once."""
        type_ = self._schema[kind]
        place, id_place = type_.position[type_.field(field).name], type_.position["id"]
        wanted = tuple(value for value in values if value is not None)
        if not wanted:
            return []
        rows = self.find(Query(type=kind, where=Compare(field, Op.IN, wanted), order=(Order(field),)))
        return [(row[place], str(row[id_place])) for row in rows]

    def find(self, query: Query) -> list[Row]:
        """Return the rows a query asks for."""
        kind = self._schema[query.type]
        mine = self._folded_answer(kind, query)[: query.limit]
        rows = self._view.find(attrs.evolve(query, where=self._untouched(kind, query.where)))
        return sort_rows([*rows, *mine], query, kind)[: query.limit] if mine else rows

    def iterate(self, query: Query, *, batch: int = 1000) -> Iterator[list[Row]]:
        """Return the rows a query asks for, in lists of at most *batch*."""
        kind = self._schema[query.type]
        mine = self._folded_answer(kind, query)
        untouched = self._view.iterate(attrs.evolve(query, where=self._untouched(kind, query.where)), batch=batch)
        rows = islice(chain.from_iterable(_interleaved(untouched, mine, query, kind)), query.limit)
        while some := list(islice(rows, batch)):
            yield some

    def aggregate(self, question: Aggregate) -> list[tuple[Scalar, ...]]:
        """Return one tuple per group: the group's values, then its measures; ordered by the group."""
        kind = self._schema[question.type]
        mine = self._folded_matches(kind, question.where, deleted=question.deleted)
        lines = self._view.aggregate(attrs.evolve(question, where=self._untouched(kind, question.where)))
        return grouped(question, kind, mine, lines=lines) if mine else lines

    def search(self, kind: str, words: Sequence[str], *, limit: int) -> list[str]:
        """Find living records whose search text has every word; those changed since come last."""
        type_ = self._schema[kind]
        if not words or not type_.search:
            return []
        text_place, id_place = type_.position["search_text"], type_.position["id"]
        changed = set(self._changed(type_))
        found: list[str] = []
        size = limit + len(changed)
        while True:
            ids = self._view.search(kind, words, limit=size)
            there = {row[id_place] for row in self._view.find(Query(type=kind, where=self._among(ids)))}
            found = [id_ for id_ in ids if id_ in there and id_ not in changed]
            if len(found) >= limit or len(ids) < size:
                break
            size *= 2  # many of them came later
        for row in self._folded_matches(type_, None, deleted=False):
            if has_words(row[text_place], words):
                found.append(str(row[id_place]))
        return found[:limit]

    def _among(self, ids: Sequence[str]) -> Condition:
        return All((Compare("id", Op.IN, tuple(ids)), self._there))

    def _untouched(self, kind: RecordType, where: Condition | None) -> Condition | None:
        """Return the condition for those rows that are now as they were then."""
        changed = tuple(self._changed(kind))
        return both(where, self._there, Not(Compare("id", Op.IN, changed)) if changed else None)

    def _folded_answer(self, kind: RecordType, query: Query) -> list[Row]:
        """Return the rows that were changed since and answer a query but for its limit, in order."""
        if not self._changed(kind):
            return []
        fold, whole = self._current_fold(), attrs.evolve(query, limit=None, after=None)
        answer = fold.answer
        if answer is None or answer[0] != whole:
            rows = self._folded_matches(kind, query.where, deleted=query.deleted)
            answer = fold.answer = whole, sort_rows(rows, query, kind)
        return answer[1][bisect_left(answer[1], True, key=is_after(query, kind)) :]  # noqa: FBT003  # False, … True

    def _folded_matches(self, kind: RecordType, where: Condition | None, *, deleted: bool) -> list[Row]:
        """Return the rows that were changed since, as they were, if they fulfilled the condition then."""
        ids = self._changed(kind)
        if not ids:
            return []
        fold = self._current_fold()
        if kind.name not in fold.rows:
            fold.rows[kind.name] = self._folded(kind, ids)
        wanted, place = matches(where, kind), kind.position["deleted_at"]
        return [row for row in fold.rows[kind.name] if (deleted or row[place] is None) and wanted(row)]

    def _folded(self, kind: RecordType, ids: Sequence[str]) -> list[Row]:
        """Return rows as they were then; those that were not there yet are left out."""
        place, created_at = kind.position["id"], kind.position["created_at"]
        then = str(self._there.value)
        rows = [row for row in self._view.get_many(kind.name, ids) if str(row[created_at]) <= then]
        log = self._log([str(row[place]) for row in rows])
        rows = [row_as_of(kind, row, log.get(str(row[place]), ()), self._moment) for row in rows]
        return self._before_tries(rows, kind, log) if kind.name == "message" else rows

    def _before_tries(self, rows: Sequence[Row], kind: RecordType, log: Mapping[str, Sequence[Change]]) -> list[Row]:
        """Return messages as they were before they were tried: that is not in the log."""
        place = kind.position["id"]
        since = Compare("attempted_at", Op.GT, self._there.value)
        mine = Compare("mail_id", Op.IN, tuple(row[place] for row in rows))
        tries: dict[str, list[datetime]] = {}
        for each in self._schema["delivery"].load_many(
            self._view.find(Query(type="delivery", where=All((mine, since))))
        ):
            tries.setdefault(each.mail_id, []).append(each.attempted_at)
        return [
            _before(row, kind, tries[str(row[place])], log.get(str(row[place]), ()), self._moment)
            if row[place] in tries
            else row
            for row in rows
        ]

    def _log(self, ids: Sequence[str]) -> dict[str, list[Change]]:
        """Return the changes of records, in order of their versions."""
        kind = self._schema["change"]
        log: dict[str, list[Change]] = {}
        for start in range(0, len(ids), _BATCH):
            where = Compare("record_id", Op.IN, tuple(ids[start : start + _BATCH]))
            for change in kind.load_many(self._view.find(Query(type="change", where=where))):
                log.setdefault(change.record_id, []).append(change)
        for changes in log.values():
            changes.sort(key=lambda change: change.to_version)
        return log

    def _changed(self, kind: RecordType) -> Sequence[str]:
        """Return the records of a type that were changed since."""
        return self._current_fold().ids.get(kind.name, ())

    def _current_fold(self) -> _Fold:
        if self.fold is None:
            mark = self._mark()
            reusable = self._known is not None and self._known.mark == mark
            self.fold = self._known if reusable else _Fold(mark, self._changed_since())
        return cast("_Fold", self.fold)

    def _changed_since(self) -> dict[str, list[str]]:
        then = self._there.value

        def since(kind: str, moment: str, record: str) -> Aggregate:
            # The first condition follows from the second, but it is one that an index answers.
            where = All((Compare("id", Op.GE, first_id(kind, self._moment)), Compare(moment, Op.GT, then)))
            return Aggregate(type=kind, where=where, group_by=("id", record), measures=())

        log = self._view.aggregate(since("change", "created_at", "record_id"))
        tries = self._view.aggregate(since("delivery", "attempted_at", "mail_id"))
        touched = (str(line[-1]) for line in (*log, *tries))
        ids: dict[str, list[str]] = {}
        for id_ in dict.fromkeys(touched):
            ids.setdefault(self._schema.type_of(id_).name, []).append(id_)
        return ids

    def _mark(self) -> object:
        """Return what differs as soon as an operation, or a part of one, has been applied."""
        newest = Query(type="operation", order=(Order("at", descending=True),), limit=1)
        unfinished = All((Compare("kind", Op.EQ, "import"), Compare("finished", Op.EQ, 0)))
        tried = Query(type="delivery", order=(Order("id", descending=True),), limit=1)
        queries = (newest, Query(type="operation", where=unfinished), tried)
        return [
            (row[position["id"]], row[position["version"]])
            for query in queries
            for position in [self._schema[query.type].position]
            for row in self._view.find(query)
        ]


def _before(row: Row, kind: RecordType, tries: Iterable[datetime], log: Iterable[Change], moment: datetime) -> Row:
    """Return a message, folded back already, as it was before those tries that came before what was folded back."""
    until = next((change.created_at for change in log if change.created_at > moment), None)
    count = sum(until is None or attempted_at <= until for attempted_at in tries)
    if not count:
        return row
    values = dict(zip(kind.field_names, row, strict=True))
    attempts = int(values["attempts"] or 0) - count
    values |= {"status": MessageStatus.QUEUED.value, "sent_at": None, "attempts": attempts}
    return tuple(values.values())


def _interleaved(
    batches: Iterable[list[Row]], rows: Sequence[Row], query: Query, kind: RecordType
) -> Iterator[list[Row]]:
    """Put sorted rows where they belong among sorted batches."""
    places = [kind.position[order.field] for order in query.full_order]
    taken = 0
    for batch in batches:
        last = tuple(batch[-1][place] for place in places)
        behind = is_after(attrs.evolve(query, after=last), kind)
        first, taken = taken, next((i for i in range(taken, len(rows)) if behind(rows[i])), len(rows))
        yield sort_rows([*batch, *rows[first:taken]], query, kind) if first < taken else batch
    yield list(rows[taken:])
