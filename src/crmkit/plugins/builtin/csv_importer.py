"""The importer for any table in a text file: CSV, TSV, in every dialect, by the words of its header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.core.values.text import fold
from crmkit.errors import UnreadableError
from crmkit.plugins.builtin.by_values import told_by_values
from crmkit.plugins.builtin.headers import header_language, header_words, is_header_word, map_header
from crmkit.plugins.builtin.synonyms import REACH
from crmkit.plugins.drafting import Meaning, draft_rows
from crmkit.plugins.peeking import peek
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.tabular import open_table

__all__ = ["CsvImporter"]


class CsvImporter:
    """Reads leads out of text tables, a batch of columns at a time."""

    name = "csv"
    summary = "any table in a text file (CSV, TSV …), by the words of its header"

    def identify(self, source: Source) -> int:
        """Say 40 for a table with a header we can read, 10 for other text, 1 for neither, 0 for other formats."""
        if format_of(source) is not Format.TEXT:
            return 0
        table = peek(source)
        if table is None:  # if nobody else knows it, it is ours to say why it cannot be read
            return 1
        known = sum(map(is_header_word, table.header))
        return 40 if known >= min(2, len(table.header)) else 10

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read."""
        table = open_table(source, options, known=header_words(options))
        fields = map_header(table.header, options.mapping, synonyms=options.synonyms)
        told, findings = told_by_values(table, fields)
        fields |= told
        if not options.mapping and not _lists_people(table.header, fields):
            raise UnreadableError(
                "lists no people: no column is for a name, an e-mail address or a phone number",
                source=source.name,
                hint="name the columns, for instance --map 'Account=company'",
            )
        meaning = Meaning(fields={index: (field,) for index, field in fields.items()})
        return Reading(
            header=table.header,
            findings=(*table.findings, *findings),
            batches=(draft_rows(table.header, rows, meaning) for rows in table.batches()),
            language=header_language(table.header),
        )


_PERSON = frozenset({"full_name", "first_name", "last_name", "email", "other_emails", "phone", "mobile", REACH})
_PLACE = frozenset({"website", "street", "postal_code", "city", "country"})
_DEALS = frozenset(
    {"stagename", "stage name", "deal stage", "deal name", "closedate", "close date", "isclosed", "iswon"}
)


def _lists_people(header: Sequence[str], fields: Mapping[int, str]) -> bool:
    """Tell whether somebody is named, or could be reached; a table of deals has names, too, but of deals."""
    if not any(map(is_header_word, header)):
        return True  # no header to tell by: the rows will
    taken = set(fields.values())
    found = taken & _PERSON
    is_of_deals = len(_DEALS.intersection(map(fold, header))) >= len(_DEALS) // 4
    names = found or ("company" in taken and taken & _PLACE)  # companies to be won are where they can be found
    return bool(found - {"full_name"} or (names and not is_of_deals))
