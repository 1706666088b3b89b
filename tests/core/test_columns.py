"""Columns that take no place for each value are columns like any other."""

from __future__ import annotations

import pytest

from crmkit.core.columns import Repeated, shared


def test_a_repeated_value_is_read_like_a_list_of_it() -> None:
    column = Repeated("x", 3)

    assert (len(column), column[2], column[-1], list(column[1:])) == (3, "x", "x", ["x", "x"])
    assert column == ["x", "x", "x"]
    assert column != ["x", "x"]
    with pytest.raises(IndexError):
        column[3]


def test_equal_values_of_a_column_become_one_object() -> None:
    column = [str(b"Lyon", "ascii"), None, str(b"Lyon", "ascii")]
    assert column[0] is not column[2]

    one = shared(column)

    assert one == column
    assert one[0] is one[2]
