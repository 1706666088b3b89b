"""The sheet of a workbook that holds the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.core.spelling import close_to
from crmkit.errors import NotFoundError, UnreadableError
from crmkit.services.reading.apart import peek_apart
from crmkit.services.reading.formats import Format
from crmkit.services.tabular.grid import Grid, SheetGrid, trimmed
from crmkit.services.tabular.header import Header, choose_header

__all__ = ["open_sheet", "sheets_with_rows"]


def open_sheet(
    source: Source, kind: Format, options: ReadingOptions, known: Callable[[str], bool]
) -> tuple[Grid, Header, tuple[Finding, ...]]:
    """Choose the sheet that was asked for, or the one whose header says most.

    Raises:
        UnreadableError: It cannot be read, or has no rows.
        NotFoundError: There is no sheet of that name.
    """
    reader = "markup" if kind is Format.MARKUP else "spreadsheet"
    arguments: dict[str, Any] = {"encoding": options.encoding} if kind is Format.MARKUP else {}
    first = max(_FIRST, (options.header_line or 0) + 1)
    found = _looked_at(source, reader, first=first, **arguments)
    if options.sheet is not None:
        name = _named(options.sheet, list(found.states))
        if name not in found.rows:  # a hidden one
            found = _looked_at(source, reader, first=first, sheet=name, **arguments)
        chosen, evidence = name, "as asked for"
    else:
        chosen, evidence = _best(found, known)
    if not chosen or not found.rows.get(chosen):
        raise UnreadableError("has no rows", source=source.name, hint="export it again and look at it")
    header = choose_header(iter(found.rows[chosen]), options.header_line, known, source.name)
    grid = SheetGrid(source, reader, {**arguments, "sheet": chosen}, SheetGrid.date_columns(header.names))
    findings = [
        Finding(what="format", value=kind.value, evidence="its first bytes say so"),
        Finding(what="sheet", value=chosen, evidence=evidence),
        header.finding,
        *_others(found.states, chosen),
    ]
    return grid, header, tuple(findings)


def sheets_with_rows(source: Source, kind: Format) -> list[str]:
    """Return the sheets that can be seen and are not empty, in their order.

    Raises:
        UnreadableError: It cannot be read.
    """
    reader = "markup" if kind is Format.MARKUP else "spreadsheet"
    arguments = {"encoding": None} if kind is Format.MARKUP else {}
    return [name for name, rows in _looked_at(source, reader, first=_FIRST, **arguments).rows.items() if rows]


_FIRST: Final = 60
_FRAMES: Final = 10_000


@attrs.frozen
class _Found:
    """The sheets with why they are passed over, and the first rows of those that are not."""

    states: Mapping[str, str]
    rows: Mapping[str, Sequence[tuple[int, list[str]]]]


def _looked_at(source: Source, reader: str, **arguments: Any) -> _Found:
    states: dict[str, str] = {}
    rows: dict[str, list[tuple[int, list[str]]]] = {}
    for frame in peek_apart(reader, source, frames=_FRAMES, **arguments):
        states.update((name, state) for name, state in frame.get("sheets", ()))
        if "sheet" in frame:
            some = rows.setdefault(frame["sheet"], [])
            some += [(line, trimmed(list(cells))) for line, cells, fault in frame["rows"] if not fault]
    return _Found(states, rows)


def _named(wanted: str, names: Sequence[str]) -> str:
    """Find a sheet by name, whatever its case, or by its number."""
    by_name = {name.casefold(): name for name in reversed(names)}
    if found := by_name.get(wanted.strip().casefold()):
        return found
    if wanted.isdecimal() and 0 < int(wanted) <= len(names):
        return names[int(wanted) - 1]
    hint = f"there are {', '.join(names)}"
    raise NotFoundError("sheet", wanted, suggestions=close_to(wanted, names), hint=hint)


def _best(found: _Found, known: Callable[[str], bool]) -> tuple[str, str]:
    """Return the sheet whose best row has most known words; of equals the first."""
    scores: dict[str, int] = {}
    for name, rows in found.rows.items():
        filled = [cells for _, cells in rows if any(cells)]
        if filled:
            # A row of prose may hold a known word; a header is made of them.
            scores[name] = max(sum(map(known, cells)) for cells in filled[:_FIRST])
    if not scores:
        return "", ""
    best = max(scores, key=lambda name: scores[name])
    if scores[best]:
        return best, f"{scores[best]} words in a row of it name columns"
    return best, "it is the first that is not empty"


def _others(states: Mapping[str, str], chosen: str) -> list[Finding]:
    findings = []
    seen = [name for name, state in states.items() if not state and name != chosen]
    if seen:
        findings.append(Finding(what="other sheets", value=", ".join(seen), evidence="--sheet reads another"))
    for state, what in (("hidden", "hidden sheets"), ("not a table", "charts and macros")):
        names = [name for name, found in states.items() if found == state and name != chosen]
        if names:
            findings.append(Finding(what=what, value=", ".join(names), evidence="they are left out"))
    return findings
