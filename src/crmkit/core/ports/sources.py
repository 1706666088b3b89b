"""What an importer is given, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, runtime_checkable

import attrs

if TYPE_CHECKING:
    from crmkit.core.drafts import DraftBatch, Finding
    from crmkit.core.values.dates import DateOrder

__all__ = ["Importer", "ImporterOfParts", "Reading", "ReadingOptions", "Source"]


class Source(Protocol):
    """Bytes that somebody wants imported: a file, standard input, a download.

    Attributes:
        name: The name to show and to look for an ending in; never to be opened.
        size_bytes: How long it is.
        sha256: The digest of its content, in hexadecimal.
    """

    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...

    def head(self, count: int = 65536) -> bytes:
        """Return the first *count* bytes, or all when there are fewer."""
        ...

    def open(self) -> BinaryIO:
        """Return a new stream from the start; the caller closes it."""
        ...


@attrs.frozen(kw_only=True)
class ReadingOptions:
    """What the user says about a source; None means: find out.

    Attributes:
        encoding: A codec name such as ``cp1252``.
        delimiter: One character.
        header_line: On which line the header stands, counted from 1; 0 when there is none.
        mapping: Header as written to draft field; goes before every synonym.
        region: The country, as ISO 3166 alpha-2, in whose form phone numbers
            without a country code are read.
        sheet: The sheet of a workbook, by its name or its number from 1.
        date_order: In which order day, month and year stand, in all columns: ``dmy``, ``mdy``, ``ymd``.
        synonyms: Words of the user's headers to draft field; they go before crmkit's own words.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    mapping: Mapping[str, str] = attrs.field(factory=dict)
    region: str | None = None
    sheet: str | None = None
    date_order: DateOrder | None = None
    synonyms: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Reading:
    """A source being read.

    Attributes:
        header: The names of the cells of each row, for the rejects file; empty
            when the source has no rows of cells.
        findings: What was detected, with evidence.
        batches: The rows, a batch at a time; reading happens as this is iterated.
            It ends early only by raising.
        language: ISO 639-1 code of the language the header is written in, or None.
        source_label: Where leads of this kind of source come from (`Lead.source`), unless
            a row or the user says something else; None when there is nothing to say.
        place: Says where a line really is, when lines count through several files:
            ``leads.csv, line 3``. It is asked while the batches are iterated.
    """

    header: tuple[str, ...]
    findings: tuple[Finding, ...]
    batches: Iterator[DraftBatch]
    language: str | None = None
    source_label: str | None = None
    place: Callable[[int], str] | None = None


class Importer(Protocol):
    """Reads leads out of one kind of source.

    crmkit calls `identify` of every importer, takes the surest, and then calls
    its `read` once. Nothing is written meanwhile.

    Attributes:
        name: Unique, lower case with dashes; part of the identity of what it imports.
        summary: One line for a list.
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...

    def identify(self, source: Source) -> int:
        """Say how sure this importer is that the source is its own.

        Cheap and without effect: look at `Source.name` and `Source.head`.

        Returns:
            0 for "not mine" up to 100 for "certainly mine". Two equal best
            answers are an error that lists both.
        """
        ...

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Begin to read.

        Raises:
            UnreadableError: This is not such a source, or broken as a whole. One
                broken row is a `Problem` in its batch instead.
        """
        ...


@runtime_checkable
class ImporterOfParts(Importer, Protocol):
    """An importer of sources that hold others, such as an archive."""

    def among(self, choose: Callable[[Source], Importer]) -> Self:
        """Return this importer, knowing how to find one for a part.

        Called each time it is chosen, before `read`.

        Args:
            choose: Returns the importer of a source, or raises `UnreadableError`.
        """
        ...
