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

from crmkit.core.drafts import DraftBatch
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.core.values.text import fold
from crmkit.plugins.builtin.by_values import told_by_values
from crmkit.plugins.builtin.headers import field_of, header_language, header_words, is_header_word, map_header
from crmkit.plugins.builtin.workbook import OF_SHEETS, read_sheets
from crmkit.plugins.drafting import Meaning, draft_rows
from crmkit.plugins.peeking import peek
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.tabular import Table, open_table

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
        return read_sheets(
            source,
            options,
            importer=self.name,
            opened=lambda some: open_table(source, some, known=header_words(some)),
            flaw=lambda table: _flaw(table, options),
            read=lambda some: self._read_one(source, some),
        )

    def _language(self, header: Sequence[str]) -> str | None:
        """Return the language of the header where people wrote it; programs write English everywhere."""
        language = header_language(header)
        return language if language != "en" or not self.formats.isdisjoint(OF_SHEETS) else None

    def _read_one(self, source: Source, options: ReadingOptions) -> Reading:
        table = open_table(source, options, known=header_words(options))
        fields = map_header(table.header, options.mapping, self.declared(table.header), options.synonyms)
        told, findings = told_by_values(table, fields) if self.formats <= OF_SHEETS else ({}, [])
        fields |= told
        meaning = Meaning(fields={index: (field,) for index, field in fields.items()})
        return Reading(
            header=table.header,
            findings=(*table.findings, *findings),
            batches=_drafts(table, meaning),
            language=self._language(table.header),
        )


def format_importers() -> Sequence[Importer]:
    """Return one importer for each kind of format."""
    return (
        FormatImporter(
            name="spreadsheet",
            summary="a sheet of a workbook (XLSX, XLS, ODS, HTML table), by the words of its header",
            formats=OF_SHEETS,
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
            name="entries",
            summary="entries of an address book (LDIF), and other blocks of name: value lines",
            formats=frozenset({Format.ENTRIES}),
            declared=_of_entries,
        ),
        FormatImporter(
            name="json",
            summary="objects, one for each person (JSON, JSON lines), by the words of their names",
            formats=frozenset({Format.JSON, Format.JSON_LINES}),
            declared=_of_json,
        ),
    )


_PEOPLE: Final = frozenset({"email", "full_name", "first_name", "last_name", "phone", "mobile"})
_FEW: Final = 2
_READABLE: Final = 40
_UNREADABLE: Final = 10
# What LDAP calls things.
_ENTRY: Final = {
    "sn": "last_name",
    "cn": "full_name",
    "mozillaSecondEmail": "other_emails",
    "o": "company",
    "l": "city",
    "st": "region",
    "c": "country",
    "mozillaWorkUrl": "website",
    "mozillaHomeUrl": "extra",
    "dn": "extra",
}
_BARE: Final = frozenset({"value", "number", "address"})
_MAIL: Final = {"Message-ID": "source_id", "Message": "extra"}


def _flaw(table: Table, options: ReadingOptions) -> str:
    """Say why a sheet lists no people: nothing in it is a way to reach or to call somebody."""
    known = header_words(options)
    words = [name for name in table.header if known(name)]
    fields = set(map_header(words, synonyms=options.synonyms).values())
    if {fold(name) for name in table.header} & {fold(column) for column in options.mapping}:
        return ""
    if table.is_headed:
        return "" if len(fields) >= _FEW and fields & _PEOPLE else "its header names no people"
    told, _ = told_by_values(table, {})
    return "" if told else "it has no header, and no column of addresses or numbers"


def _drafts(table: Table, meaning: Meaning) -> Iterator[DraftBatch]:
    with closing(table.batches()) as batches:
        for rows in batches:
            yield draft_rows(table.header, rows, meaning)


def _of_mails(header: Sequence[str]) -> dict[int, str]:
    return {index: _MAIL[name] for index, name in enumerate(header) if name in _MAIL}


def _of_entries(header: Sequence[str]) -> dict[int, str]:
    return {index: _ENTRY[name] for index, name in enumerate(header) if name in _ENTRY}


def _of_json(header: Sequence[str]) -> dict[int, str]:
    """Of a dotted name that says nothing as a whole, the last words may, unless another name says it."""
    taken = {field for name in header if (field := field_of(name))}
    found: dict[int, str] = {}
    for index, name in enumerate(header):
        parts = [part for part in name.split(".") if not part.isdigit()]
        if len(parts) < _FEW or field_of(name):
            continue
        of_list = parts[-2] if parts[-1] in _BARE else ""  # phones.1.number
        field = field_of(" ".join(parts[-2:])) or (of_list and field_of(of_list)) or field_of(parts[-1])
        if field not in (None, "extra", *taken, *found.values()):
            found[index] = str(field)
    return found
