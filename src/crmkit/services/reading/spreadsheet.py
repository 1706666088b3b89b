"""Workbooks (XLSX, XLSM, XLSB, XLS, ODS) to rows of texts.

The work is done by calamine, which holds a sheet as a whole; hence the limits. Frames are
``{"sheets": [[name, state], …]}``, then ``{"sheet": name, "rows": [[line, cells, fault], …]}``.
Lines are the row numbers that a spreadsheet shows.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from crmkit.services.reading.limits import Limits, Refusal, held, too_much

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = ["read"]


def read(
    stream: BinaryIO,
    limits: Limits,
    *,
    is_limited: bool = True,
    sheet: str | None = None,
    first: int = 0,
) -> Iterator[dict[str, Any]]:
    """Read one sheet, or the *first* rows of each that can be seen.

    Args:
        stream: The workbook.
        limits: What it may cost.
        is_limited: Whether the system ends this process when it needs too much memory.
        sheet: The sheet; None means each.
        first: How many rows of each sheet, 0 for all.

    Raises:
        Refusal: It is no workbook, one with a password, or too large.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError:
        hint = "pip install 'crmkit[xlsx]', or save it as CSV"
        raise Refusal("is a workbook, and what reads workbooks is not installed", hint) from None
    data = held(stream, limits)
    _check_zip(data, limits, is_limited=is_limited)
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        yield {"sheets": [[each.name, _state(each)] for each in book.sheets_metadata]}
        for each in book.sheets_metadata:
            if each.name == sheet or (sheet is None and _state(each) == ""):
                yield from _rows(book, each.name, limits, first)
    except PasswordError:
        raise Refusal("is protected by a password", "save it without one") from None
    except CalamineError as error:
        reason = f"is no workbook that can be read ({str(error)[:200]})"
        raise Refusal(reason, "open and save it once in a spreadsheet program, or save it as CSV") from None


_BATCH: Final = 500
_SHOWN: Final = 2000
_EXACT: Final = 1e15  # from here on a number has lost digits
_LARGE: Final = 50 << 20
_SCAN: Final = 1 << 20
_CELL: Final = re.compile(rb'<(?:\w+:)?c\s[^<>]*?r="([A-Z]{1,3})(\d{1,7})"')


def _state(sheet: Any) -> str:
    """Say why a sheet is passed over, or nothing."""
    if not str(sheet.typ).endswith("WorkSheet"):
        return "not a table"
    return "" if str(sheet.visible).endswith(".Visible") else "hidden"


def _check_zip(data: bytes, limits: Limits, *, is_limited: bool) -> None:
    """Refuse what would become too large, before anything is unpacked."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            inflated = sum(member.file_size for member in package.infolist())
            if inflated > limits.inflated_mb << 20:
                raise too_much(f"unpacks to {inflated >> 20:,} MB", "inflated_mb", limits.inflated_mb)
            if inflated > max(_LARGE, limits.ratio * len(data)):
                times = inflated // max(len(data), 1)
                raise too_much(f"unpacks to {times:,} times its length, as bombs do", "ratio", limits.ratio)
            if not is_limited:
                _check_spans(package, limits)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        reason = f"is a broken zip archive ({str(error)[:200]})"
        raise Refusal(reason, "copy or download it again, or save it as CSV") from None


def _check_spans(package: zipfile.ZipFile, limits: Limits) -> None:
    """Refuse a sheet whose cells lie so far apart that its reader would take all memory there is."""
    for member in package.infolist():
        if not re.fullmatch(r"xl/worksheets/[^/]*\.xml", member.filename):
            continue
        rows, columns, rest = 0, 0, b""
        with package.open(member) as part:
            while chunk := part.read(_SCAN):
                for letters, digits in _CELL.findall(rest + chunk):
                    rows = max(rows, int(digits))
                    columns = max(columns, _column(letters))
                rest = chunk[-100:]
        if rows * columns > limits.cells:
            raise too_much(f"has a sheet of {rows:,} × {columns:,} cells", "cells", limits.cells)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _rows(book: CalamineWorkbook, name: str, limits: Limits, first: int) -> Iterator[dict[str, Any]]:
    sheet: CalamineSheet = book.get_sheet_by_name(name)
    if sheet.height * sheet.width > limits.cells:
        raise too_much(f"has a sheet of {sheet.height:,} × {sheet.width:,} cells ({name})", "cells", limits.cells)
    if sheet.width > limits.columns:
        raise too_much(f"has a sheet with {sheet.width:,} columns ({name})", "columns", limits.columns)
    rows: list[list[Any]] = []
    taken, below_blank = 0, False
    for line, values in enumerate(sheet.iter_rows(), 1):
        cells = [value if type(value) is str else _text(value) for value in values]
        if not any(cells):  # however many there are, one says as much
            below_blank = True
            continue
        fault = ""
        if max(map(len, cells)) > limits.cell_chars:
            fault = f"a cell has more than {limits.cell_chars:,} characters"
            cells = [cell[:_SHOWN] for cell in cells]
        if below_blank and rows and rows[-1][0] < line - 1:
            rows.append([line - 1, [""] * len(cells), ""])
        below_blank = False
        rows.append([line, cells, fault])
        taken += 1
        if len(rows) >= _BATCH or taken == first:
            yield {"sheet": name, "rows": rows}
            rows = []
            below_blank = False
        if taken == first:
            return
    yield {"sheet": name, "rows": rows}


def _text(value: object) -> str:
    """Write a value as a person would, so that a phone number or postal code is one again."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < _EXACT else format(value, ".15g")
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            hours, seconds = divmod(round(value.total_seconds()), 3600)
            return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
        case _:
            return str(value)
