"""Records as a sheet of a workbook (XLSX), with numbers, days and moments as such; row by row, in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from crmkit.core.record_type import RecordType
from crmkit.errors import ConfigError, RejectedError
from crmkit.services.exporting.columns import Column, Form, columns_of
from crmkit.services.exporting.companions import Batch
from crmkit.services.tabular import protected, unprotected

__all__ = ["write_workbook"]


def write_workbook(file: IO[bytes], kind: RecordType, batches: Iterable[Batch]) -> int:
    """Write a sheet with a row for each record, and further sheets for what has no room on one.

    Raises:
        ConfigError: The library that writes workbooks is not installed.
        RejectedError: A text is too long for a cell.
    """
    try:
        from xlsxwriter import Workbook  # type: ignore[import-untyped]  # it ships no types
        from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]  # likewise
    except ImportError as error:
        message = "workbooks are written with XlsxWriter, which is not installed"
        raise ConfigError(message, hint="install it with: pip install 'crmkit[xlsx]'; or export as CSV") from error
    with TemporaryDirectory(prefix="crmkit-") as folder:  # where the rows wait until the book is put together
        book = Workbook(file, {"constant_memory": True, "tmpdir": folder, "use_zip64": True})
        try:
            sheets = _Sheets(book, kind)
            for batch in batches:
                sheets.write(batch)
        finally:
            try:
                book.close()
            except FileCreateError as error:
                reason = f"the workbook cannot be written: {error}"
                raise RejectedError(reason, hint="is there room on the disk?") from error
    return sheets.count


_MOST_ROWS: Final = 1_048_576
_LONGEST_TEXT: Final = 32_767
_EXACT_DIGITS: Final = 15
_FIRST_YEAR: Final = 1900
_LONGEST_NAME: Final = 25
_FORMATS: Final = {Form.DAY: "yyyy-mm-dd", Form.MOMENT: "yyyy-mm-dd hh:mm:ss"}
_METHODS: Final = {
    Form.NUMBER: "write_number",
    Form.TRUTH: "write_boolean",
    Form.DAY: "write_datetime",
    Form.MOMENT: "write_datetime",
}
_WIDTHS: Final = {Form.TEXT: 20, Form.NUMBER: 12, Form.TRUTH: 8, Form.DAY: 12, Form.MOMENT: 20}

_Cell = tuple[str, Any, Any]
"""How a cell is written: the method of the sheet, the value, and its format."""


class _Sheets:
    """The sheets of a workbook, written a row at a time."""

    def __init__(self, book: Any, kind: RecordType) -> None:
        self.count = 0
        self._book = book
        self._plural = kind.plural[:_LONGEST_NAME]
        self._columns = columns_of(kind, typed=True)
        self._formats = {form: book.add_format({"num_format": text}) for form, text in _FORMATS.items()}
        self._bold = book.add_format({"bold": True})
        # Excel then keeps it a text even when somebody edits the cell.
        self._kept = book.add_format({"quote_prefix": True})
        self._open_sheet()

    def write(self, batch: Batch) -> None:
        """Write some records."""
        for row in zip(*(self._cells(column, batch) for column in self._columns), strict=True):
            if self._row == _MOST_ROWS:
                self._open_sheet()
            for place, cell in enumerate(row):
                if cell is not None:
                    method, value, form = cell
                    getattr(self._sheet, method)(self._row, place, value, form)
            self._row += 1
        self.count += len(batch.rows)

    def _open_sheet(self) -> None:
        number = len(self._book.worksheets()) + 1
        self._sheet = self._book.add_worksheet(self._plural if number == 1 else f"{self._plural} {number}")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, _WIDTHS[column.form])
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, column.name, self._bold)
        self._row = 1

    def _cells(self, column: Column, batch: Batch) -> Sequence[_Cell | None]:
        texts = column.texts(batch)
        if column.form is Form.TEXT:
            return [self._text(text, column, batch, i) if text else None for i, text in enumerate(texts)]
        put, form = _METHODS[column.form], self._formats.get(column.form)
        return [
            None if value is None else (put, value, form) if _fits(value) else self._text(texts[i], column, batch, i)
            for i, value in enumerate(column.values(batch))
        ]

    def _text(self, text: str, column: Column, batch: Batch, i: int) -> _Cell:
        if len(text) > _LONGEST_TEXT // 2 and len(text.encode("utf-16-le")) // 2 > _LONGEST_TEXT:
            reason = f"{column.name} of {batch.columns['id'][i]} has {len(text)} characters, too many for a cell"
            raise RejectedError(reason, hint="export as CSV or JSON lines")
        if text[0].isalnum():
            return "write_string", text, None
        # An import takes an apostrophe off again; so a text that looks as if it had one gets one.
        return "write_string", text if unprotected(text) == text else protected(text), self._kept


def _fits(value: Any) -> bool:
    """Whether a spreadsheet can hold a value exactly: its numbers have 15 digits, and its time begins in 1900."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return len(str(abs(value))) <= _EXACT_DIGITS
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits) <= _EXACT_DIGITS and abs(value.adjusted()) <= _EXACT_DIGITS
    return not isinstance(value, (date, datetime)) or value.year > _FIRST_YEAR
