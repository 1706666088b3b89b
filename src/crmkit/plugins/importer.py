"""The short form of an importer: a function from a row to a draft.

An importer for one kind of table is a name, the columns it is known by and a
function::

    @importer("acme-badges", columns=["BadgeID", "First", "Last", "Email"])
    def acme(row: Row) -> LeadDraft | None:
        return LeadDraft(source_id=row["BadgeID"], first_name=row["First"], last_name=row["Last"], email=row["Email"])

Encodings, delimiters, preambles and broken rows are crmkit's business. The
decorated function can still be called, so its tests need no file:
``acme(Row.of({"BadgeID": "7", …}))``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from crmkit.core.drafts import DRAFT_FIELDS, DraftBatch, LeadDraft, Problem
from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.errors import CrmkitError, PluginError, RejectedError, UnreadableError
from crmkit.plugins.builtin.headers import header_language, is_header_word
from crmkit.services.tabular import Columns, Row, RowKind, Table, UnknownColumnError, open_table, peek_table

__all__ = ["LeadDraft", "Row", "RowFunction", "RowImporter", "importer"]

RowFunction = Callable[[Row], LeadDraft | None]


def importer(name: str, *, columns: Sequence[str], summary: str = "") -> Callable[[RowFunction], RowImporter]:
    """Make an importer of a function that turns one row into a draft.

    The function is called once per record, in the order of the file, and must
    depend on nothing but the row. None means that the row is no lead; it is
    counted as ignored. If it raises, the row is rejected with the error as
    reason, and the next row is read.

    Args:
        name: Unique, lower case with dashes; part of the identity of what is imported.
        columns: The columns by which a file is recognised; all must be in its
            header, whatever their order, case and accents.
        summary: One line for a list; the first line of the function's docstring by default.

    Raises:
        PluginError: The name or the columns will not do.
    """
    if callable(name):
        raise PluginError('write @importer("name", columns=[…])', plugin=_called(name), hook="importer")
    if not _NAME.fullmatch(name):
        raise PluginError("a name has lower case letters, digits and dashes", plugin=name, hook="importer")
    if isinstance(columns, str) or not columns:
        raise PluginError("columns is a list of at least one column name", plugin=name, hook="importer")
    return functools.partial(RowImporter, name, tuple(columns), summary)


class RowImporter:
    """An importer made of a row function; calling it calls the function."""

    def __init__(self, name: str, columns: tuple[str, ...], summary: str, function: RowFunction) -> None:
        functools.update_wrapper(self, function)
        self.name = name
        self.columns = columns
        self.summary = summary or next(iter((function.__doc__ or "").splitlines()), "")
        self._function = function
        self._own = Columns(columns)

    def __call__(self, row: Row) -> LeadDraft | None:
        """Turn one row into a draft, as the function does."""
        return self._function(row)

    def identify(self, source: Source) -> int:
        """Say 90 to 99 when all columns are there: the more, the fewer others there are."""
        try:
            table = peek_table(source, known=self._known)
        except UnreadableError:
            return 0
        if self._missing(table):
            return 0
        return 90 + 9 * len(self.columns) // len(table.header)

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read.

        Raises:
            UnreadableError: This is no table, or one without a needed column.
            RejectedError: The user maps columns, which this importer does itself.
        """
        if options.mapping:
            raise RejectedError(
                f"the importer {self.name} maps its columns itself",
                hint="leave the mapping out, or use the importer csv",
            )
        table = open_table(source, options, known=self._known)
        if missing := self._missing(table):
            raise UnreadableError(
                "; ".join(map(str, missing)), source=source.name, hint="name the --header-line, or another importer"
            )
        return Reading(
            header=table.header,
            findings=table.findings,
            batches=self._batches(table),
            language=header_language(table.header),
        )

    def _known(self, cell: str) -> bool:
        return cell in self._own or is_header_word(cell)

    def _missing(self, table: Table) -> list[UnknownColumnError]:
        present = Columns(table.header)
        return [UnknownColumnError(name, table.header) for name in self.columns if name not in present]

    def _batches(self, table: Table) -> Iterator[DraftBatch]:
        rows = table.rows()
        while some := list(islice(rows, _BATCH)):
            problems: list[Problem] = []
            ignored: dict[int, str] = {}
            drafts = [(row.line, row.cells, self._draft(row, problems, ignored)) for row in some]
            yield DraftBatch.of(drafts, problems, ignored)

    def _draft(self, row: Row, problems: list[Problem], ignored: dict[int, str]) -> LeadDraft | None:
        problems.extend(row.problems)
        if row.kind is RowKind.BROKEN:
            return None
        if row.kind is not RowKind.DATA:
            ignored[row.line] = row.kind.value
            return None
        try:
            draft = self._function(row)
        except (UnknownColumnError, CrmkitError) as error:
            flaw = str(error)
        except Exception as error:  # noqa: BLE001  whatever a stranger's function raises costs one row
            flaw = f"{_called(self._function)} of {self.name} failed: {type(error).__name__}: {error}"
        else:
            if draft is None:
                ignored[row.line] = f"no lead for {self.name}"
                return None
            flaw = self._flaw(draft)
            if not flaw:
                return draft
        problems.append(Problem(line=row.line, reason=flaw))
        return None

    def _flaw(self, draft: object) -> str:
        """Say what is wrong with what the function returned, or nothing."""
        function = f"{_called(self._function)} of {self.name}"
        if not isinstance(draft, LeadDraft):
            return f"{function} returned {type(draft).__name__} instead of LeadDraft or None"
        for field in DRAFT_FIELDS:
            value = getattr(draft, field)
            fits = _FITS.get(field, _is_text)
            if not fits(value):
                return f"{function} returned {type(value).__name__} as {field}"
        return ""


_BATCH = 1000
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _called(function: object) -> str:
    return getattr(function, "__name__", repr(function))


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(text, str) for text in value)


_FITS: Mapping[str, Callable[[object], bool]] = {
    "other_emails": _is_texts,
    "tags": _is_texts,
    "opt_out": lambda value: value is None or isinstance(value, bool),
    "extra": lambda value: isinstance(value, Mapping),
}
