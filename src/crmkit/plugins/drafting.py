"""From the columns of a table to drafts, a batch at a time and without an object per row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import attrs

from crmkit.core.drafts import DraftBatch, Problem
from crmkit.core.values.answers import NO, YES
from crmkit.core.values.text import fold
from crmkit.plugins.builtin.synonyms import REACH
from crmkit.services.tabular import RowBatch, unprotected

__all__ = ["FIELD_OF_SIGN", "Meaning", "Sign", "draft_rows"]

Sign = Literal["opt_out", "opt_in"]
"""What a yes says: that an address must not be mailed, or that its owner agreed to be."""

FIELD_OF_SIGN: Final[Mapping[Sign, str]] = {"opt_out": "opt_out", "opt_in": "consent"}
"""The field of a draft that becomes True."""

_NOTHING: Final[Mapping[int, Any]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Meaning:
    """What the columns of a table mean; all are named by their place, from 0.

    Attributes:
        fields: The fields of a draft that a column fills: also ``extra`` and `REACH`. Of several
            columns for one field the first goes first.
        splits: What parts the values in a cell.
        values: What a value becomes before anything else: a table of folded words, or a function.
        consents: What a word, folded, says of mail; what is not in the table says nothing.
        tags: What tag a cell becomes: a text with ``{}`` for the value, or a table of folded words.
        skips: Folded words by which a row is no lead.
        every: What each row says of mail that neither objects nor speaks of consent itself.
    """

    fields: Mapping[int, tuple[str, ...]]
    splits: Mapping[int, str] = _NOTHING
    values: Mapping[int, Mapping[str, str] | Callable[[str], str]] = _NOTHING
    consents: Mapping[int, Mapping[str, Sign]] = _NOTHING
    tags: Mapping[int, str | Mapping[str, str]] = _NOTHING
    skips: Mapping[int, frozenset[str]] = _NOTHING
    every: Sign | None = None


def draft_rows(header: Sequence[str], rows: RowBatch, meaning: Meaning) -> DraftBatch:
    """Make drafts of some rows."""
    return _Drafts(header, rows, meaning).batch()


class _Drafts:
    """Columns of drafts in the making, out of one batch of rows."""

    def __init__(self, header: Sequence[str], rows: RowBatch, meaning: Meaning) -> None:
        self._header = header
        self._rows = rows
        self._meaning = meaning
        self._cells: list[Sequence[str]] = _columns(rows, len(header))
        if meaning.skips or meaning.values:
            changeable: list[Sequence[str]] = [list(column) for column in self._cells]
            self._cells = changeable
        self._drafts: dict[str, list[object]] = {}
        self._lists: dict[str, list[Sequence[str]]] = {}
        self._extra: list[dict[str, str]] = [{} for _ in rows.lines]
        self._kept: set[str] = {name for cells in rows.beyond.values() for name in cells}
        self._problems = list(rows.problems)
        self._ignored = rows.ignored
        self._keep_surplus()
        for index, words in meaning.skips.items():
            self._skip(index, words)
        for index, change in meaning.values.items():
            self._change(index, change)
        for index, fields in meaning.fields.items():
            if any(self._cells[index]):
                for field in fields:
                    self._take(index, field)
        for index, states in meaning.consents.items():
            self._read_signs(index, states)
        for index, form in meaning.tags.items():
            self._tag(index, form)
        if meaning.every is not None:
            self._answer_for_the_silent(FIELD_OF_SIGN[meaning.every])

    def batch(self) -> DraftBatch:
        """Return what was taken."""
        columns: dict[str, Sequence[object]] = {**self._drafts, **self._lists}
        if any(self._extra):
            columns["extra"] = self._extra
        return DraftBatch(
            lines=self._rows.lines,
            cells=self._rows.cells,
            columns=columns,
            problems=tuple(self._problems),
            ignored=self._ignored,
        )

    def _take(self, index: int, field: str) -> None:
        """Fill a field from the column at *index*."""
        if field == "extra":
            self._keep(index, self._header[index])
        elif "." in field:  # a custom field: crmkit finds it by its name
            self._keep(index, field)
        elif field in _LISTS:
            self._append(field, index)
        elif field == REACH:
            self._reach(index)
        elif field in _REFUSALS:
            self._answer(field, self._answers(field, index))
        elif index in self._meaning.splits:
            self._fill_first(field, index, self._meaning.splits[index])
        else:
            self._fill(field, self._cells[index], index)

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
                self._set_aside(place, index, self._cells[index][place])

    def _fill_first(self, field: str, index: int, between: str) -> None:
        """Of several values in a cell the first fills the field; further addresses and the rest are kept."""
        parted = [[part for raw in cell.split(between) if (part := raw.strip())] for cell in self._cells[index]]
        self._fill(field, [parts[0] if parts else "" for parts in parted], index)
        for place, (_, *more) in ((place, parts) for place, parts in enumerate(parted) if len(parts) > 1):
            if field == "email":
                others = self._lists.setdefault("other_emails", [()] * len(parted))
                others[place] = (*others[place], *more)
            else:
                self._set_aside(place, index, "; ".join(more))

    def _reach(self, index: int) -> None:
        """Part addresses from numbers; what is neither is kept."""
        parts = [[p for raw in _BETWEEN_REACHES.split(cell) if (p := raw.strip())] for cell in self._cells[index]]
        for field, is_one in (("email", _is_address), ("phone", _is_number)):
            self._fill(field, [next(filter(is_one, some), "") for some in parts], index)
        for place, some in enumerate(parts):
            used = {next(filter(is_one, some), "") for is_one in (_is_address, _is_number)}
            if rest := [part for part in some if part not in used]:
                self._set_aside(place, index, "; ".join(rest))

    def _append(self, field: str, index: int) -> None:
        between = self._meaning.splits.get(index)
        parts: list[Sequence[str]] = [_parts(cell, between) if cell else () for cell in self._cells[index]]
        had = self._lists.get(field)
        self._lists[field] = parts if had is None else [(*a, *b) for a, b in zip(had, parts, strict=True)]

    def _tag(self, index: int, form: str | Mapping[str, str]) -> None:
        if not any(self._cells[index]):
            return
        words: list[str] = [
            "" if not cell else form.replace("{}", cell) if isinstance(form, str) else form.get(fold(cell), "")
            for cell in self._cells[index]
        ]
        alone: dict[str, Sequence[str]] = {word: (word,) if word else () for word in set(words)}
        had = self._lists.get("tags")
        self._lists["tags"] = (
            [alone[word] for word in words]
            if had is None
            else [(*a, *alone[word]) if word else a for a, word in zip(had, words, strict=True)]
        )

    def _read_signs(self, index: int, states: Mapping[str, Sign]) -> None:
        signs = [states.get(fold(cell)) if cell else None for cell in self._cells[index]]
        for sign, field in FIELD_OF_SIGN.items():
            if sign in signs:
                self._answer(field, [True if said == sign else None for said in signs])

    def _answer(self, field: str, answers: Sequence[bool | None]) -> None:
        """Fill ``opt_out`` or ``consent``; of several columns for one of them, one refusal is enough."""
        had = self._drafts.get(field, answers)
        no = _REFUSALS[field]
        self._drafts[field] = [new if old is None or new is no else old for old, new in zip(had, answers, strict=True)]

    def _answer_for_the_silent(self, field: str) -> None:
        """Say what the whole file says, in the rows that neither object nor speak of consent."""
        silent = [None] * len(self._rows.lines)
        objections, consents = self._drafts.get("opt_out", silent), self._drafts.get("consent", silent)
        self._drafts[field] = [
            True if not objection and consent is None else own
            for objection, consent, own in zip(objections, consents, self._drafts.get(field, silent), strict=True)
        ]

    def _skip(self, index: int, words: frozenset[str]) -> None:
        """Ignore the rows whose cell is one of *words*."""
        for place, cell in enumerate(self._cells[index]):
            if cell and fold(cell) in words:
                self._ignored[self._rows.lines[place]] = f"{self._header[index]} is {cell!r}"
                self._extra[place].clear()
                for column in self._cells:
                    cast("list[str]", column)[place] = ""

    def _change(self, index: int, change: Mapping[str, str] | Callable[[str], str]) -> None:
        column = cast("list[str]", self._cells[index])
        if isinstance(change, Mapping):
            column[:] = [change.get(fold(cell), cell) if cell else cell for cell in column]
            return
        known: dict[str, str] = {"": ""}
        for place, cell in enumerate(column):
            if cell in known:
                column[place] = known[cell]
                continue
            try:
                column[place] = known[cell] = change(cell)
            except Exception as error:  # noqa: BLE001  whatever a stranger's function raises costs one row
                reason = f"{cell!r} as {self._header[index]}: {type(error).__name__}: {error}"
                self._problems.append(Problem(line=self._rows.lines[place], reason=reason, value=cell))

    def _keep(self, index: int, name: str) -> None:
        if name not in self._kept:
            self._kept.add(name)
            for extra, cell in zip(self._extra, self._cells[index], strict=True):
                if cell:
                    extra[name] = cell
            return
        for place, cell in enumerate(self._cells[index]):
            if cell and self._extra[place].setdefault(name, cell) != cell:
                self._extra[place][f"{self._header[index]} ({index + 1})"] = cell

    def _set_aside(self, place: int, index: int, text: str) -> None:
        self._extra[place][self._header[index]] = text
        self._kept.add(self._header[index])

    def _keep_surplus(self) -> None:
        """Keep the cells that lie beyond the last column."""
        if self._rows.beyond:
            places = {line: place for place, line in enumerate(self._rows.lines)}
            for line, cells in self._rows.beyond.items():
                self._extra[places[line]].update({name: unprotected(cell) for name, cell in cells.items()})

    def _answers(self, field: str, index: int) -> list[bool | None]:
        """Read a column that says who must not be mailed, or who agreed to be."""
        answers: list[bool | None] = []
        for place, cell in enumerate(self._cells[index]):
            answer = _answer(cell, refusal=_REFUSALS[field])
            if answer is None and cell.strip():
                reason = f"{self._header[index]!r} says neither yes nor no"
                line = self._rows.lines[place]
                self._problems.append(Problem(line=line, reason=reason, field=field, value=cell, fatal=False))
            answers.append(answer)
        return answers


_LISTS: Final = frozenset({"tags", "other_emails"})
_REFUSALS: Final[Mapping[str, bool]] = {"opt_out": True, "consent": False}
"""The fields that speak of mail, and what a refusal is in them."""
_PARTS: Final = re.compile(r":::|[,;|\n]")


_BETWEEN_REACHES: Final = re.compile(r"[/;,|\n]|:::")


def _is_address(text: str) -> bool:
    return "@" in text


def _is_number(text: str) -> bool:
    return "@" not in text and sum(map(str.isdigit, text)) > _FEWEST_DIGITS


_FEWEST_DIGITS: Final = 3


def _parts(cell: str, between: str | None) -> tuple[str, ...]:
    parts = cell.split(between) if between else _PARTS.split(cell)
    return tuple(part for part in (raw.strip(' \t"') for raw in parts) if part)


def _columns(batch: RowBatch, width: int) -> list[Sequence[str]]:
    """Turn rows into columns; rows that are no records become empty."""
    rows = batch.cells
    if batch.kinds:
        nothing = [""] * width
        rows = [nothing if line in batch.kinds else row for line, row in zip(batch.lines, rows, strict=True)]
    columns = list(zip(*rows, strict=False))[:width]  # not strict: what is longer is surplus
    return [[unprotected(cell) for cell in column] if _has_guards(column) else column for column in columns]


def _has_guards(column: Sequence[str]) -> bool:
    joined = "\n".join(column)  # one search in a long text is far cheaper than one per cell
    if "'" not in joined and "=" not in joined:
        return False
    return joined.startswith(("'", '="')) or "\n'" in joined or '\n="' in joined


# Whether it is a refusal; said of the address itself, whichever way the column asks.
_STATES: Final = {
    "unsubscribed": True, "opted out": True, "opt out": True, "do not allow": True, "blacklisted": True,
    "desinscrit": True, "desabonne": True, "abgemeldet": True,
    "subscribed": False, "opted in": False, "opt in": False, "allow": False, "inscrit": False, "abonne": False,
}  # fmt: skip
_DATE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


@lru_cache(maxsize=1024)
def _answer(cell: str, *, refusal: bool) -> bool | None:
    word = fold(cell)
    if word in _STATES:
        return _STATES[word] is refusal
    if word in YES or _DATE.search(cell):  # a date says since when
        return True
    if word in NO:
        return False
    return None
