"""Tables in any source: from bytes to rows of cells.

Bottom-up: `encoding` and `codepages` (bytes to characters), `lines` (characters to physical
lines, within bounds), `dialect` (how lines are parted), `header` (which row names
the columns), `rows` (lines to rows), `grid` (rows of a text, a sheet, of records),
`sheets` (which sheet of a workbook), `records` (cards, mails and JSON as rows),
`table` (all of it).
"""

from __future__ import annotations

from crmkit.services.tabular.formulas import protected, unprotected
from crmkit.services.tabular.rows import Columns, Row, RowKind, UnknownColumnError
from crmkit.services.tabular.sheets import sheets_with_rows
from crmkit.services.tabular.table import RowBatch, Table, open_table, peek_table

__all__ = [
    "Columns",
    "Row",
    "RowBatch",
    "RowKind",
    "Table",
    "UnknownColumnError",
    "open_table",
    "peek_table",
    "protected",
    "sheets_with_rows",
    "unprotected",
]
