"""The importer for any table in a text file: CSV, TSV, in every dialect, by the words of its header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from crmkit.core.drafts import DraftBatch, Problem
from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.core.values.text import fold
from crmkit.errors import UnreadableError
from crmkit.plugins.builtin.headers import CONSENT, header_language, is_header_word, map_header
from crmkit.services.tabular import RowBatch, Table, open_table, peek_table, unprotected

__all__ = ["CsvImporter"]


class CsvImporter:
    """Reads leads out of text tables, a batch of columns at a time."""

    name = "csv"
    summary = "any table in a text file (CSV, TSV …), by the words of its header"

    def identify(self, source: Source) -> int:
        """Say 40 for a table with a header we can read, 10 for other text, 0 for anything else."""
        if _OTHER_FORMATS.match(source.head().lstrip(b"\xef\xbb\xbf \t\r\n")):
            return 0
        try:
            table = peek_table(source, known=is_header_word)
        except UnreadableError:
            return 0
        known = sum(map(is_header_word, table.header))
        return 40 if known >= min(2, len(table.header)) else 10

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read."""
        table = open_table(source, options, known=is_header_word)
        fields = map_header(table.header, options.mapping)
        return Reading(
            header=table.header,
            findings=table.findings,
            batches=_drafts(table, fields),
            language=header_language(table.header),
        )


# vCard, JSON, XML and HTML, mbox, mail
_OTHER_FORMATS = re.compile(
    rb"BEGIN:VCARD|[{\[]\s*[\"{\[\]}]|<[\w!?]|From \S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) |"
    rb"(?:From|To|Cc|Subject|Date|Message-ID|MIME-Version|Received|Return-Path|Delivered-To|Sender|Reply-To|Content-\w+"
    rb"|X-[\w-]+):[ \t\r\n]",
    re.IGNORECASE,
)


def _drafts(table: Table, fields: Mapping[int, str]) -> Iterator[DraftBatch]:
    for batch in table.batches():
        drafts = _Drafts(table.header, batch)
        for index, field in fields.items():
            drafts.take(index, field)
        yield drafts.batch()


class _Drafts:
    """Columns of drafts in the making, out of one batch of rows."""

    def __init__(self, header: Sequence[str], rows: RowBatch) -> None:
        self._header = header
        self._rows = rows
        self._cells = _columns(rows, len(header))
        self._drafts: dict[str, list[object]] = {}
        self._lists: dict[str, Sequence[Sequence[str]]] = {}
        self._extra: list[dict[str, str]] = [{} for _ in rows.lines]
        self._problems = list(rows.problems)
        self._keep_surplus()

    def take(self, index: int, field: str) -> None:
        """Fill a field from the column at *index*; of several columns for one field the first goes first."""
        column = self._cells[index]
        if not any(column):
            return
        if field == "extra":
            self._keep(index)
        elif field in _LISTS:
            self._append(field, column)
        elif field in ("opt_out", CONSENT):
            self._refuse(self._refusals(index, consent=field == CONSENT))
        else:
            self._fill(field, column, index)

    def batch(self) -> DraftBatch:
        """Return what was taken so far."""
        columns: dict[str, Sequence[object]] = {**self._drafts, **self._lists}
        if any(self._extra):
            columns["extra"] = self._extra
        return DraftBatch(
            lines=self._rows.lines,
            cells=self._rows.cells,
            columns=columns,
            problems=tuple(self._problems),
            ignored=self._rows.ignored,
        )

    def _fill(self, field: str, values: Sequence[object], index: int) -> None:
        had = self._drafts.get(field)
        if had is None:
            self._drafts[field] = list(values)
            return
        for place, value in enumerate(values):
            if value in (None, ""):
                continue
            if had[place] in (None, ""):
                had[place] = value
            elif had[place] != value:
                self._extra[place][self._header[index]] = self._cells[index][place]

    def _append(self, field: str, column: Sequence[str]) -> None:
        parts = [_parts(cell) if cell else () for cell in column]
        had = self._lists.get(field)
        self._lists[field] = parts if had is None else [(*a, *b) for a, b in zip(had, parts, strict=True)]

    def _refuse(self, refusals: list[bool | None]) -> None:
        """Of several columns that speak of mail, one refusal is enough."""
        had = self._drafts.get("opt_out", refusals)
        self._drafts["opt_out"] = [new if old is None or new else old for old, new in zip(had, refusals, strict=True)]

    def _keep(self, index: int) -> None:
        name = self._header[index]
        for place, cell in enumerate(self._cells[index]):
            if cell:
                self._extra[place][name] = cell

    def _keep_surplus(self) -> None:
        """Keep the cells that lie beyond the last column."""
        width = len(self._header)
        for place, cells in enumerate(self._rows.cells):
            if len(cells) > width and self._rows.lines[place] not in self._rows.kinds:
                surplus = enumerate(cells[width:], width + 1)
                self._extra[place].update({f"column_{number}": unprotected(cell) for number, cell in surplus if cell})

    def _refusals(self, index: int, *, consent: bool) -> list[bool | None]:
        """Read who must not be mailed out of a column of refusals, or of consents."""
        refusals: list[bool | None] = []
        for place, cell in enumerate(self._cells[index]):
            refusal = _refusal(cell, consent=consent)
            if refusal is None and cell.strip():
                reason = f"{self._header[index]!r} says neither yes nor no"
                line = self._rows.lines[place]
                self._problems.append(Problem(line=line, reason=reason, field="opt_out", value=cell, fatal=False))
            refusals.append(refusal)
        return refusals


_LISTS = frozenset({"tags", "other_emails"})
_PARTS = re.compile(r":::|[,;|\n]")


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part for part in (raw.strip(' \t"') for raw in _PARTS.split(cell)) if part)


def _columns(batch: RowBatch, width: int) -> list[Sequence[str]]:
    """Turn rows into columns; rows that are no records become empty."""
    rows = batch.cells
    if batch.kinds:
        nothing = [""] * width
        rows = [nothing if line in batch.kinds else row for line, row in zip(batch.lines, rows, strict=True)]
    columns = zip(*rows, strict=False)  # not strict: what is longer is surplus
    return [[unprotected(cell) for cell in column] if _has_guards(column) else column for column in columns]


def _has_guards(column: Sequence[str]) -> bool:
    joined = "\n".join(column)  # one search in a long text is far cheaper than one per cell
    return joined.startswith(("'", '="')) or "\n'" in joined or '\n="' in joined


# Said of the address itself, whichever way the column asks.
_STATES = {
    "unsubscribed": True, "opted out": True, "opt out": True, "do not allow": True, "blacklisted": True,
    "desinscrit": True, "desabonne": True, "abgemeldet": True,
    "subscribed": False, "opted in": False, "opt in": False, "allow": False, "inscrit": False, "abonne": False,
}  # fmt: skip
_YES = frozenset("yes y oui o ja j si s true vrai wahr vero verdadero 1 x on t checked".split())
_NO = frozenset("no n non nein false faux falsch falso 0 off f unchecked".split())
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


@lru_cache(maxsize=1024)
def _refusal(cell: str, *, consent: bool) -> bool | None:
    word = fold(cell)
    if word in _STATES:
        return _STATES[word]
    if word in _YES or _DATE.search(cell):  # a date says since when
        return not consent
    if word in _NO:
        return consent
    return None
