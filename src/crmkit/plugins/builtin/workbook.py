"""Every sheet of a workbook that an importer knows, as one source; the others are named with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.plugins.builtin.joined import Piece, joined
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.tabular import Table, sheets_with_rows

__all__ = ["OF_SHEETS", "read_sheets"]

OF_SHEETS: Final = frozenset({Format.WORKBOOK, Format.MARKUP})
"""The formats that have sheets."""


def read_sheets(
    source: Source,
    options: ReadingOptions,
    *,
    importer: str,
    opened: Callable[[ReadingOptions], Table],
    flaw: Callable[[Table], str],
    read: Callable[[ReadingOptions], Reading],
) -> Reading:
    """Read all sheets that are known, or where none is each of them, or the one that was asked for.

    Args:
        source: A source of any format; one without sheets is simply read.
        options: What the user says about it.
        importer: The name of who reads it.
        opened: Makes a table of the sheet that the options name.
        flaw: Says why a sheet is not known, or nothing.
        read: Reads the sheet that the options name.
    """
    kind = format_of(source)
    if kind not in OF_SHEETS or options.sheet is not None or options.header_line is not None:
        return read(options)
    flaws = {name: flaw(opened(attrs.evolve(options, sheet=name))) for name in sheets_with_rows(source, kind)}
    known = [name for name, found in flaws.items() if not found] or list(flaws)
    if len(flaws) <= 1:
        return read(options)
    readers = {name: partial(_read_sheet, read, name) for name in known}
    if len(known) == 1:
        return _alone(readers[known[0]](options), flaws)
    pieces = [Piece.opened(name, importer, reader, options) for name, reader in readers.items()]
    if all(piece.reading is None for piece in pieces):
        return read(options)  # says why the best of them cannot be read
    return joined(pieces, _findings(kind, pieces, flaws), options.mapping)


def _read_sheet(read: Callable[[ReadingOptions], Reading], name: str, options: ReadingOptions) -> Reading:
    return read(attrs.evolve(options, sheet=name))


def _alone(reading: Reading, flaws: Mapping[str, str]) -> Reading:
    kept = [
        attrs.evolve(each, evidence="the only one with the columns that are needed") if each.what == "sheet" else each
        for each in reading.findings
        if each.what != "other sheets"
    ]
    return attrs.evolve(reading, findings=(*kept, *_left_out(flaws)))


def _findings(kind: Format, pieces: Sequence[Piece], flaws: Mapping[str, str]) -> Iterator[Finding]:
    yield Finding(what="format", value=kind.value, evidence="its first bytes say so")
    are_known = not all(flaws.values())
    for piece in pieces:
        evidence = "it has the columns that are needed" if are_known else flaws[piece.name]
        yield Finding(what="sheet", value=piece.name, evidence=f"{evidence}: {piece.found}")
    if are_known:
        yield from _left_out(flaws)
    first = pieces[0].reading.findings if pieces[0].reading else ()
    yield from (each for each in first if each.what in ("hidden sheets", "charts and macros"))


def _left_out(flaws: Mapping[str, str]) -> Iterator[Finding]:
    for name, flaw in flaws.items():
        if flaw:
            yield Finding(what="left out", value=name, evidence=f"{flaw}; --sheet reads it alone")
