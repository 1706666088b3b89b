"""Rows that are taken many at a time are those that are taken one by one."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.ports.sources import ReadingOptions
from crmkit.services.sources import BytesSource
from crmkit.services.tabular import open_table, rows, table
from crmkit.services.tabular.dialect import Dialect, find_dialect
from crmkit.services.tabular.lines import PhysicalLines

pieces = st.lists(
    st.sampled_from(['"', "a", ",", "\n", "\r\n", "\r", " ", "", '"b\nc",', "d,e\n", "Total,5\n", "\n\n", "f" * 40]),
    max_size=80,
).map("".join)


def parsed(text: str, dialect: Dialect, width: int) -> list[tuple[int, list[str], str]]:
    return list(rows.parse_rows(PhysicalLines(StringIO(text, newline="")), dialect, width))


@given(pieces, st.integers(1, 5), st.integers(0, 3))
def test_it_does_not_matter_how_many_rows_are_taken_at_once(text: str, at_once: int, width: int) -> None:
    dialect = find_dialect([], lambda _: False, ",")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_plain_rows", lambda _reader, _lines: iter(()))
        expected = parsed(text, dialect, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_AT_ONCE", at_once)
        found = parsed(text, dialect, width)

    assert found == expected


@given(pieces)
def test_it_does_not_matter_which_rows_are_looked_at(text: str) -> None:
    source = BytesSource("x.csv", f"Name,Email,City\n{text}".encode())
    options = ReadingOptions(delimiter=",", header_line=1)
    found = [*open_table(source, options).batches(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table.Table, "_noticeable", lambda _self, rows, _sorter, _width: iter(rows))
        expected = [*open_table(source, options).batches(3)]

    assert found == expected
