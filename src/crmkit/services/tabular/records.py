"""Records with names (cards, mails, JSON) as a table."""

from __future__ import annotations

from typing import Any, Final

from crmkit.core.drafts import Finding
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.errors import UnreadableError
from crmkit.services.reading.apart import peek_apart
from crmkit.services.reading.formats import Format
from crmkit.services.tabular.grid import Grid, RecordGrid
from crmkit.services.tabular.header import MAX_COLUMNS, Header, unique_names

__all__ = ["open_records"]


def open_records(source: Source, kind: Format, options: ReadingOptions) -> tuple[Grid, Header, tuple[Finding, ...]]:
    """Make a table whose columns are the names that the first records use.

    Raises:
        UnreadableError: It cannot be read, or has no records.
    """
    reader, told = _READERS[kind]
    arguments: dict[str, Any] = {**told, "encoding": options.encoding}
    records = [
        record
        for frame in peek_apart(reader, source, frames=_FRAMES, **arguments)
        for _, record, _ in frame.get("records", ())
    ]
    if not records:
        raise UnreadableError("has no records", source=source.name, hint="export it again and look at it")
    names = list(dict.fromkeys(name for record in records for name in record))[:MAX_COLUMNS]
    evidence = f"the names that the first {len(records):,} records use" if len(records) > 1 else "the names it uses"
    header = Header(names=unique_names(names), cells=(), line=0, evidence=evidence)
    findings = (
        Finding(what="format", value=kind.value, evidence="its beginning says so"),
        Finding(what="columns", value=str(len(names)), evidence=evidence),
    )
    return RecordGrid(source, reader, arguments, names), header, findings


_FRAMES: Final = 5
_READERS: Final[dict[Format, tuple[str, dict[str, Any]]]] = {
    Format.VCARD: ("vcard", {}),
    Format.MAIL: ("mail", {"several": False}),
    Format.MAILBOX: ("mail", {"several": True}),
    Format.ENTRIES: ("entries", {}),
    Format.JSON: ("json_rows", {"lines": False}),
    Format.JSON_LINES: ("json_rows", {"lines": True}),
}
