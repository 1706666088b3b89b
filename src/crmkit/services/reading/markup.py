"""Tables in HTML and in Excel's XML of 2003, which many programs save as ``.xls``; records in Odoo's XML.

The frames are those of `spreadsheet`, with a sheet for each table; lines are row numbers.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, BinaryIO, Final

from crmkit.services.reading.limits import Limits, Refusal, held, too_much

__all__ = ["read", "text_of"]


def read(
    stream: BinaryIO,
    limits: Limits,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    first: int = 0,
) -> Iterator[dict[str, Any]]:
    """Read one table, or the *first* rows of each.

    Raises:
        Refusal: There is no table, or it is too large.
    """
    data = held(stream, limits)
    told = _TOLD.search(data[:2048])
    tables = _Tables(limits)
    tables.feed(text_of(data, encoding or (told[1].decode() if told else None)))
    tables.close()
    found = [table for table in (*tables.found, *tables.records()) if table[1]]
    if not found:
        raise Refusal("holds no table", "export the data itself, for instance as CSV")
    yield {"sheets": [[name, ""] for name, _ in found]}
    for name, rows in found:
        if sheet in (None, name):
            numbered = [[line, row, ""] for line, row in enumerate(rows, 1)]
            yield {"sheet": name, "rows": numbered[:first] if first else numbered}


def text_of(data: bytes, encoding: str | None = None) -> str:
    """Decode a text by what it says of itself; what is not UTF-8 is cp1252."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(codec, "replace")
    zeros = data[:64].count(0)
    if zeros * 3 > len(data[:64]):
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", "replace")
    try:
        return data.decode(encoding or "utf-8").replace("\0", "")
    except (UnicodeDecodeError, LookupError):
        return data.decode("cp1252", "replace").replace("\0", "")


_TOLD: Final = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)


class _Tables(HTMLParser):
    """Gathers the rows of each table; a table within a cell is text of that cell."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[list[str]]]] = []
        self._limits = limits
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._cells = 0
        self._depth = 0
        self._name = ""
        self._records: dict[str, list[dict[str, str]]] = {}
        self._record: dict[str, str] = {}
        self._field: str | None = None

    def records(self) -> list[tuple[str, list[list[str]]]]:
        """Return the records of Odoo's XML as tables, one for each model."""
        tables = []
        for model, records in self._records.items():
            names = list(dict.fromkeys(name for record in records for name in record))
            tables.append((model, [names, *([record.get(name, "") for name in names] for record in records)]))
        return tables

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        tag = tag.rpartition(":")[2]
        if tag == "worksheet":
            self._name = next((value or "" for name, value in attrs if name.rpartition(":")[2] == "name"), "")
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.found.append((self._name or f"Table {len(self.found) + 1}", []))
        elif self._depth == 1 and tag in ("tr", "row"):
            self._end_row()
            self._row = []
        elif self._depth == 1 and tag in ("td", "th", "cell") and self._row is not None:
            self._end_cell()
            index = told.get("ss:index") or ""
            if index.isdecimal() and int(index) <= self._limits.columns:  # Excel leaves out empty cells
                self._row.extend([""] * (int(index) - 1 - len(self._row)))
            self._cell = []
        elif tag in ("br", "p", "div") and self._cell:
            self._cell.append("\n")
        elif tag == "record" and told.get("model"):
            self._record = {"id": told.get("id") or ""}
            self._records.setdefault(str(told["model"]), []).append(self._record)
        elif tag == "field" and told.get("name") and self._records:
            self._field = str(told["name"])
            self._cell = [told.get("ref") or ""]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag.rpartition(":")[2] not in ("br", "p", "div"):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "table":
            if self._depth == 1:
                self._end_row()
            self._depth = max(self._depth - 1, 0)
        elif self._depth == 1 and tag in ("tr", "row"):
            self._end_row()
        elif self._depth == 1 and tag in ("td", "th", "cell"):
            self._end_cell()
        elif tag == "field" and self._field is not None and self._cell is not None:
            self._record[self._field] = " ".join("".join(self._cell).split())
            self._field = self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        lines = (" ".join(line.split()) for line in "".join(self._cell).split("\n"))
        self._row.append("\n".join(line for line in lines if line))
        self._cell = None
        self._cells += 1
        if len(self._row) > self._limits.columns:
            raise too_much("has a row with too many cells", "columns", self._limits.columns)
        if self._cells > self._limits.cells:
            raise too_much("has too many cells", "cells", self._limits.cells)

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is not None and self.found:
            self.found[-1][1].append(self._row)
        self._row = None
