"""An importer for one kind of table: said as data, or a function from a row to a draft, or both.

As data, an importer is the columns it is known by, and what they mean::

    acme = importer(
        "acme-badges",
        columns=["BadgeID", "First", "Last", "Opt-out"],
        map={"BadgeID": "source_id", "First": "first_name", "Last": "last_name"},
        consent={"Opt-out": "opt_out"},
        tags={"Booth": "booth {}"},
        source="Trade show",
    )

Columns it says nothing about are read by the words of their headers, as the importer
``csv`` does. What data cannot say, a function of two parameters does: it is handed the
row and the draft that the data made. A function of one parameter makes the draft alone::

    @importer("acme-badges", columns=["BadgeID", "First", "Last", "Email"])
    def acme(row: Row) -> LeadDraft | None:
        return LeadDraft(source_id=row["BadgeID"], first_name=row["First"], last_name=row["Last"], email=row["Email"])

Encodings, delimiters, preambles and broken rows are crmkit's business. What was made can
be called with a row, so its tests need no file: ``acme(Row.of({"BadgeID": "7", …}))``.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, TypeVar, cast

import attrs

from crmkit.core.drafts import DRAFT_FIELDS, DraftBatch, Finding, LeadDraft, Problem
from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.errors import CrmkitError, PluginError, RejectedError, UnreadableError
from crmkit.plugins.builtin.headers import header_language, header_words, is_header_word
from crmkit.plugins.builtin.workbook import read_sheets
from crmkit.plugins.column_names import ColumnName
from crmkit.plugins.drafting import Meaning, draft_rows
from crmkit.plugins.form import Form, Sign
from crmkit.plugins.peeking import peek
from crmkit.services.tabular import (
    Columns,
    Row,
    RowBatch,
    Table,
    UnknownColumnError,
    open_table,
    peek_table,
)

__all__ = [
    "DeclaredImporter",
    "DraftFunction",
    "LeadDraft",
    "Row",
    "RowFunction",
    "RowImporter",
    "Sign",
    "importer",
]

_T = TypeVar("_T")

RowFunction = Callable[[Row], LeadDraft | None]
DraftFunction = Callable[[Row, LeadDraft], LeadDraft | None]


def importer(
    name: str,
    *,
    columns: Sequence[str | Sequence[str]],
    variants: Sequence[Sequence[str | Sequence[str]]] = (),
    summary: str = "",
    source: str | None = None,
    map: Mapping[str, str | Sequence[str]] | None = None,  # noqa: A002  it reads well where it is written
    split: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str] | Callable[[str], str]] | None = None,
    consent: Mapping[str, Sign | Mapping[str, Sign]] | None = None,
    tags: Mapping[str, str | Mapping[str, str]] | None = None,
    ignore: Sequence[str] = (),
    skip: Mapping[str, Sequence[str]] | None = None,
    sections: Mapping[str, bool] | None = None,
    files: Mapping[str, Sign] | None = None,
    only_with: Sequence[str] = (),
) -> DeclaredImporter:
    """Make an importer out of what is known about one kind of table.

    A column is named as in the header, whatever its case, accents and punctuation; ``*``
    stands for anything (``E-mail * - Value``). A name that a file has not got is no error.
    The result is an importer, and decorates a row function:

    * ``function(row, draft)`` is handed the draft that the data made, and returns one;
    * ``function(row)`` makes the whole draft; nothing but how to recognise the file may be
      said as data then.

    The function is called once per record, in the order of the file, and must depend on
    nothing but its arguments. None means that the row is no lead; it is counted as
    ignored. If it raises, the row is rejected with the error as reason, and the next row
    is read.

    Args:
        name: Unique, lower case with dashes; part of the identity of what is imported.
        columns: The columns by which a file is recognised; all must be in its header, of
            several in one place at least one. Of two importers that know a file, the one
            that names more columns reads it.
        variants: Other sets of columns by which a file is recognised as well.
        summary: One line for a list; the first line of the function's docstring by default.
        source: Where such leads come from, when neither row nor user says it.
        map: Column to the field of a draft it fills, or to several; ``extra`` keeps it under
            its own name. Of several columns for one field the first that is filled goes first.
        split: What parts several values in one cell of a column. The first fills the field;
            further addresses go to ``other_emails``.
        values: What the values of a column become before anything else: by a table, but for
            case, or by a function that takes and returns a text.
        consent: What a column says of mail: what a yes in it means, or what each word means.
            ``opt_out``: this address must not be mailed; a no says nothing. ``opt_in``: this
            person agreed; a no is a refusal. A blank, or a word that is not in the table, says
            nothing; an ``opt_out`` in any column goes before an ``opt_in``.
        tags: What tag the value of a column becomes: ``{}`` in a text is the value; or by a table.
        ignore: Columns that are left out, since they repeat others or are no facts about a person.
        skip: Values of a column by which a row is no lead; it is counted as ignored.
        sections: Titles, alone in their row, to whether the rows below are people; ``*`` as above.
        files: Names of files, with ``*``, to what they say of mail to everybody in them who
            neither objects nor speaks of consent in a column.
        only_with: The columns that a function of two parameters is about: where a file has none of
            them it is not asked, which makes reading much faster.

    Raises:
        PluginError: Something of it will not do.
    """
    if callable(name):
        raise PluginError('write @importer("name", columns=[…])', plugin=_called(name), hook="importer")
    if not _NAME.fullmatch(name):
        raise PluginError("a name has lower case letters, digits and dashes", plugin=name, hook="importer")
    for alternatives in (columns, *variants):
        if isinstance(alternatives, str) or not alternatives:
            raise PluginError("columns is a list of at least one column name", plugin=name, hook="importer")
    form = Form.of(
        signatures=(columns, *variants),
        source=source,
        map=map or {},
        split=split or {},
        values=values or {},
        consent=consent or {},
        tags=tags or {},
        ignore=ignore,
        skip=skip or {},
        sections=sections or {},
        files=files or {},
    )
    if flaw := form.flaw():
        raise PluginError(flaw, plugin=name, hook="importer")
    return DeclaredImporter(name, summary, form, only_with=only_with)


class _TableImporter:
    """What both kinds have: how a table is recognised and opened."""

    def __init__(self, name: str, summary: str, form: Form) -> None:
        self.name = name
        self.summary = summary
        self._form = form

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are needed, each by its first name."""
        return tuple(names[0].text for names in self._form.signatures[0].parts)

    def identify(self, source: Source) -> int:
        """Say 50 to 99 when all needed columns are there: the more, the more columns are named here."""
        table = self._opened(lambda known: _peeked(source, known), ReadingOptions())
        if table is None:
            return 0
        further = self._first_rows(table) if self._form.sections else iter(())
        return next(filter(None, map(self._form.sureness, chain([table.header], (row.cells for row in further)))), 0)

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read.

        Raises:
            UnreadableError: This is no table, or one without a needed column.
            RejectedError: The user maps columns that are not there, or that a function reads.
        """
        return read_sheets(
            source,
            options,
            importer=self.name,
            opened=lambda some: self._table(source, some)[0],
            flaw=lambda table: "" if self._form.knows(table.header) else f"its columns are not those of {self.name}",
            read=lambda some: self._read_one(source, some),
        )

    def _read_one(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read the table, or the sheet that the options name."""
        table, title = self._table(source, options)
        missing = [signature.missing(table.header) for signature in self._form.signatures]
        if all(missing):
            errors = [UnknownColumnError(column, table.header) for column in missing[0]]
            raise UnreadableError(
                "; ".join(map(str, errors)), source=source.name, hint="name the --header-line, or another importer"
            )
        return Reading(
            header=table.header,
            findings=table.findings if title is None else _below(title, table.findings),
            batches=self._batches(table, self._form.meaning(table.header, source.name, options)),
            language=header_language(table.header),
            source_label=self._form.source,
        )

    def _table(self, source: Source, options: ReadingOptions) -> tuple[Table, str | None]:
        """Open the table, and return the title of the section that its header is in, if it has one."""
        title, asked = None, options
        if self._form.sections and options.header_line is None:
            title, line = self._header_below_title(source, options)
            asked = attrs.evolve(options, header_line=line)
        table = self._opened(lambda known: open_table(source, asked, known=known), options)
        if self._form.sections and asked.header_line is None and not self._form.knows(table.header):
            line = next((row.line for row in self._first_rows(table) if self._form.knows(row.cells)), None)
            if line is not None:
                table = open_table(source, attrs.evolve(options, header_line=line))
                return attrs.evolve(table, findings=_found_by_columns(table.findings)), None
        return table, title

    @staticmethod
    def _first_rows(table: Table) -> Iterator[Row]:
        return islice(table.rows(), _ROWS_ABOVE)

    def _batches(self, table: Table, meaning: Meaning) -> Iterator[DraftBatch]:
        raise NotImplementedError

    def _row_batches(self, table: Table) -> Iterator[RowBatch]:
        is_listing = True
        for rows in table.batches():
            if self._form.sections:
                is_listing = self._form.set_aside(rows, is_listing=is_listing)
            yield rows

    def _draft(self, row: Row) -> LeadDraft:
        """Make the draft of a single row by the data alone."""
        header = row.columns.names
        rows = RowBatch(lines=[row.line], cells=[row.cells], kinds={}, problems=row.problems)
        batch = draft_rows(header, rows, self._form.meaning(header, "", ReadingOptions()))
        return next(_drafts(batch))

    def _opened(self, opened: Callable[[Callable[[str], bool]], _T], options: ReadingOptions) -> _T:
        """Open a table, whose header may be made of words that only this importer, or its user, knows."""
        known = header_words(options)
        table = opened(known)
        header = cast("Table", table).header if table is not None else ()
        is_clear = sum(map(known, header)) > 1 or self._form.knows(header)
        if is_clear or not self._form.is_strange:
            return table
        return opened(lambda cell: known(cell) or any(name.means(cell) for name in self._form.needed))

    def _header_below_title(self, source: Source, options: ReadingOptions) -> tuple[str | None, int | None]:
        """Find the header of the first section with people, when the table has titles."""
        top = open_table(source, attrs.evolve(options, header_line=0), known=is_header_word)
        title = None
        for row in islice(top.rows(), _TOP_ROWS):
            found = self._form.title(row.cells)
            if found is not None:
                title = row.cells[0].strip() if found[1] else None
            elif title is not None and self._form.knows(row.cells):
                return title, row.line
        return None, None


class DeclaredImporter(_TableImporter):
    """An importer that is data; as a decorator it takes a function for what data cannot say."""

    def __init__(self, name: str, summary: str, form: Form, *, only_with: Sequence[str] = ()) -> None:
        super().__init__(name, summary, form)
        self._only_with = tuple(only_with)

    def __call__(self, function: RowFunction | DraftFunction) -> RowImporter:
        """Make an importer that asks *function* as well.

        Raises:
            PluginError: It takes neither a row nor a row and a draft.
        """
        return RowImporter(self.name, self.summary, self._form, function, only_with=self._only_with)

    def draft(self, row: Row) -> LeadDraft:
        """Turn one row into a draft."""
        return self._draft(row)

    def _batches(self, table: Table, meaning: Meaning) -> Iterator[DraftBatch]:
        for rows in self._row_batches(table):
            yield draft_rows(table.header, rows, meaning)


class RowImporter(_TableImporter):
    """An importer that asks a row function; calling it calls the function."""

    def __init__(
        self,
        name: str,
        summary: str,
        form: Form,
        function: RowFunction | DraftFunction,
        *,
        only_with: Sequence[str] = (),
    ) -> None:
        super().__init__(name, summary or next(iter((function.__doc__ or "").splitlines()), ""), form)
        self._only_with = [ColumnName(column) for column in only_with]
        functools.update_wrapper(self, function)
        parameters = len(inspect.signature(function).parameters)
        if parameters not in (1, 2):
            raise PluginError("a row function takes a row, or a row and a draft", plugin=name, hook="importer")
        self._adds = parameters == 2  # noqa: PLR2004  row and draft
        if form.says_something and not self._adds:
            raise PluginError(
                f"{_called(function)}(row, draft) takes two, since columns are mapped as data",
                plugin=name,
                hook="importer",
            )
        self._function = function

    def __call__(self, row: Row) -> LeadDraft | None:
        """Turn one row into a draft."""
        return self._asked(row, self._draft(row)) if self._adds else cast("RowFunction", self._function)(row)

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        if options.mapping and not self._adds:
            raise RejectedError(
                f"the importer {self.name} maps its columns itself",
                hint="leave the mapping out, or use the importer csv",
            )
        return super().read(source, options)

    def _batches(self, table: Table, meaning: Meaning) -> Iterator[DraftBatch]:
        if self._only_with and not any(name.places(table.header) for name in self._only_with):
            for rows in self._row_batches(table):
                yield draft_rows(table.header, rows, meaning)
            return
        columns = Columns(table.header)
        for some in self._row_batches(table):
            made = _with_extra(draft_rows(table.header, some, meaning) if self._adds else _without_drafts(some))
            problems, ignored = list(made.problems), dict(made.ignored)
            silent = {*ignored, *(problem.line for problem in problems if problem.fatal)}
            amended = _Amended(made)
            for i, (line, cells, draft) in enumerate(zip(made.lines, made.cells, _drafts(made), strict=True)):
                found = None
                if line not in silent:
                    found = self._checked(Row(line, cells, columns), draft, problems, ignored)
                if found is not draft:  # most functions leave most drafts as they are
                    amended.put(i, found or _NOTHING, instead_of=draft)
            yield amended.batch(sorted(problems, key=lambda problem: problem.line), ignored)

    def _asked(self, row: Row, draft: LeadDraft) -> LeadDraft | None:
        return cast("DraftFunction", self._function)(row, draft)

    def _checked(
        self, row: Row, draft: LeadDraft, problems: list[Problem], ignored: dict[int, str]
    ) -> LeadDraft | None:
        try:
            found = self._asked(row, draft) if self._adds else cast("RowFunction", self._function)(row)
        except (UnknownColumnError, CrmkitError) as error:
            flaw = str(error)
        except Exception as error:  # noqa: BLE001  whatever a stranger's function raises costs one row
            flaw = f"{_called(self._function)} of {self.name} failed: {type(error).__name__}: {error}"
        else:
            if found is None:
                ignored[row.line] = f"no lead for {self.name}"
                return None
            flaw = "" if found is draft else self._flaw(found, draft)
            if not flaw:
                return found
        problems.append(Problem(line=row.line, reason=flaw))
        return None

    def _flaw(self, found: object, draft: LeadDraft) -> str:
        """Say what is wrong with what the function returned instead of a draft, or nothing."""
        function = f"{_called(self._function)} of {self.name}"
        if not isinstance(found, LeadDraft):
            return f"{function} returned {type(found).__name__} instead of LeadDraft or None"
        for field in DRAFT_FIELDS:
            value = getattr(found, field)
            if value is not getattr(draft, field) and not _FITS.get(field, _is_text)(value):
                return f"{function} returned {type(value).__name__} as {field}"
        return ""


class _Amended:
    """The columns of a batch while a function goes through its drafts."""

    def __init__(self, made: DraftBatch) -> None:
        self._made = made
        self._columns: dict[str, list[object]] = {
            name: [value or None for value in column] if name in _TEXTS else list(column)
            for name, column in made.columns.items()
        }

    def put(self, i: int, draft: LeadDraft, *, instead_of: LeadDraft) -> None:
        """Take another draft for row *i*."""
        for name in DRAFT_FIELDS:
            value = getattr(draft, name)
            if value is not getattr(instead_of, name):
                column = self._columns.setdefault(name, [getattr(_NOTHING, name)] * len(self._made))
                column[i] = value

    def batch(self, problems: Sequence[Problem], ignored: Mapping[int, str]) -> DraftBatch:
        """Return the whole."""
        return DraftBatch(
            lines=self._made.lines,
            cells=self._made.cells,
            columns={
                name: column
                for name, column in self._columns.items()
                if any(value or value is False for value in column)
            },
            problems=tuple(problems),
            ignored=ignored,
        )


_NOTHING: Final = LeadDraft()
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TOP_ROWS: Final = 2000
_ROWS_ABOVE: Final = 20


def _peeked(source: Source, known: Callable[[str], bool]) -> Table | None:
    if known is is_header_word:
        return peek(source)
    try:
        return peek_table(source, known=known)
    except UnreadableError:
        return None


def _below(title: str, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Say why the header is where it is."""
    return _found_by_columns(findings, f"it stands below {title!r} and ")


def _found_by_columns(findings: Sequence[Finding], where: str = "it ") -> tuple[Finding, ...]:
    evidence = f"{where}has the columns that are needed"
    return tuple(attrs.evolve(each, evidence=evidence) if each.what == "header" else each for each in findings)


def _without_drafts(rows: RowBatch) -> DraftBatch:
    return DraftBatch(
        lines=rows.lines, cells=rows.cells, columns={}, problems=tuple(rows.problems), ignored=rows.ignored
    )


def _with_extra(batch: DraftBatch) -> DraftBatch:
    """Give each draft an ``extra``, for a function may write into it and return the draft itself."""
    if "extra" in batch.columns:
        return batch
    return attrs.evolve(batch, columns={**batch.columns, "extra": [{} for _ in batch.lines]})


def _drafts(batch: DraftBatch) -> Iterator[LeadDraft]:
    """Return each row of a batch as an object."""
    names = tuple(batch.columns)
    if not names:
        yield from [LeadDraft()] * len(batch)
    columns: list[Sequence[Any]] = [
        [value or None for value in column] if name in _TEXTS else column for name, column in batch.columns.items()
    ]
    for values in zip(*columns, strict=True):
        yield LeadDraft(**dict(zip(names, values, strict=True)))


def _called(function: object) -> str:
    return getattr(function, "__name__", repr(function))


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(text, str) for text in value)


def _is_answer(value: object) -> bool:
    return value is None or isinstance(value, bool)


_FITS: Final[Mapping[str, Callable[[object], bool]]] = {
    "other_emails": _is_texts,
    "tags": _is_texts,
    "opt_out": _is_answer,
    "consent": _is_answer,
    "extra": lambda value: isinstance(value, Mapping),
}
_TEXTS: Final = frozenset(DRAFT_FIELDS) - _FITS.keys()
