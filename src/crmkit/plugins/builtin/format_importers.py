"""The importers for what is no text table: workbooks, cards, mails, JSON.

Each makes a table of its source, and reads it by the words of its header, as the importer
``csv`` does. Named importers see the same tables, so the export of some system is theirs as
a workbook, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

import attrs

from crmkit.core.drafts import DraftBatch, Finding
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.plugins.builtin.headers import field_of, header_language, is_header_word, map_header
from crmkit.plugins.builtin.joined import Piece, joined
from crmkit.plugins.drafting import Meaning, draft_rows
from crmkit.plugins.peeking import peek
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.tabular import Table, open_table, sheets_with_rows

__all__ = ["FormatImporter", "format_importers"]


@attrs.frozen(kw_only=True)
class FormatImporter:
    """Reads leads out of some formats.

    Attributes:
        name: Its name.
        summary: One line for a list.
        formats: What it reads.
        sure: How sure it is of its formats; None: by the words of the header, as for text tables.
        declared: What columns mean beyond their words: from the header, place to field.
    """

    name: str
    summary: str
    formats: frozenset[Format]
    sure: int | None = None
    declared: Callable[[Sequence[str]], Mapping[int, str]] = lambda _: {}

    def identify(self, source: Source) -> int:
        """Say 100 or what the header is worth for its formats, 0 for others."""
        if format_of(source) not in self.formats:
            return 0
        if self.sure is not None:
            return self.sure
        table = peek(source)
        if table is None:  # it is ours to say why it cannot be read
            return _UNREADABLE
        known = sum(map(is_header_word, table.header))
        return _READABLE if known >= min(2, len(table.header)) else _UNREADABLE

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read; of a workbook every sheet with people, unless one is asked for."""
        kind = format_of(source)
        if kind in _OF_SHEETS and options.sheet is None and options.header_line is None:
            sheets = [name for name in sheets_with_rows(source, kind) if _has_people(source, name)]
            if len(sheets) > 1:
                return self._read_all(source, sheets, options)
        return self._read_one(source, options)

    def _language(self, header: Sequence[str]) -> str | None:
        """Return the language of the header where people wrote it; programs write English everywhere."""
        language = header_language(header)
        return language if language != "en" or not self.formats.isdisjoint(_OF_SHEETS) else None

    def _read_all(self, source: Source, sheets: Sequence[str], options: ReadingOptions) -> Reading:
        readings = [self._read_one(source, attrs.evolve(options, sheet=name)) for name in sheets]
        pieces = [Piece(name, self.name, reading) for name, reading in zip(sheets, readings, strict=True)]
        findings = [
            Finding(what="format", value=format_of(source).value, evidence="its first bytes say so"),
            *(Finding(what="sheet", value=piece.name, evidence=f"it has people: {piece.found}") for piece in pieces),
        ]
        return joined(pieces, findings)

    def _read_one(self, source: Source, options: ReadingOptions) -> Reading:
        table = open_table(source, options, known=is_header_word)
        fields = map_header(table.header, options.mapping, self.declared(table.header))
        meaning = Meaning(fields={index: (field,) for index, field in fields.items()})
        return Reading(
            header=table.header,
            findings=table.findings,
            batches=_drafts(table, meaning),
            language=self._language(table.header),
        )


def format_importers() -> Sequence[Importer]:
    """Return one importer for each kind of format."""
    return (
        FormatImporter(
            name="spreadsheet",
            summary="a sheet of a workbook (XLSX, XLS, ODS, HTML table), by the words of its header",
            formats=_OF_SHEETS,
        ),
        FormatImporter(
            name="vcard",
            summary="address book cards (vCard 2.1, 3.0, 4.0)",
            formats=frozenset({Format.VCARD}),
            sure=100,
        ),
        FormatImporter(
            name="mail",
            summary="the senders of mails (.eml, mbox), with their message as notes",
            formats=frozenset({Format.MAIL, Format.MAILBOX}),
            sure=100,
            declared=_of_mails,
        ),
        FormatImporter(
            name="json",
            summary="objects, one for each person (JSON, JSON lines), by the words of their names",
            formats=frozenset({Format.JSON, Format.JSON_LINES}),
            declared=_of_json,
        ),
    )


_OF_SHEETS: Final = frozenset({Format.WORKBOOK, Format.MARKUP})
_PEOPLE: Final = frozenset({"email", "full_name", "first_name", "last_name", "phone", "mobile"})
_FEW: Final = 2
_READABLE: Final = 40
_UNREADABLE: Final = 10
_MAIL: Final = {"Message-ID": "source_id", "Message": "extra"}


def _has_people(source: Source, sheet: str) -> bool:
    """Whether the header of a sheet has a way to reach somebody, or to call them, and more."""
    table = open_table(source, ReadingOptions(sheet=sheet), known=is_header_word)
    fields = {field_of(name) for name in table.header if is_header_word(name)}
    return len(fields) >= _FEW and bool(fields & _PEOPLE)


def _drafts(table: Table, meaning: Meaning) -> Iterator[DraftBatch]:
    with closing(table.batches()) as batches:
        for rows in batches:
            yield draft_rows(table.header, rows, meaning)


def _of_mails(header: Sequence[str]) -> dict[int, str]:
    return {index: _MAIL[name] for index, name in enumerate(header) if name in _MAIL}


def _of_json(header: Sequence[str]) -> dict[int, str]:
    """Of a dotted name that says nothing as a whole, the last word may, unless another name says it."""
    taken = {field for name in header if (field := field_of(name))}
    found: dict[int, str] = {}
    for index, name in enumerate(header):
        _, dot, last = name.rpartition(".")
        field = field_of(last) if dot and not field_of(name) else None
        if field not in (None, "extra", *taken, *found.values()):
            found[index] = str(field)
    return found
