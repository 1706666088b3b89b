"""What is done to columns is what would be done to each value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.codecs import to_json
from crmkit.services.preparing.columns import (
    cells_texts,
    clean_lines_column,
    clean_lists,
    clean_mappings,
    digests,
    json_texts,
)

cells = st.sampled_from(["", " ", "Lyon", " Lyon", "a  b", "N/A", "-", "x\ny", "x\r\n- \n", "a\0b", "é", "\u200bz"])
texts = cells | st.text(max_size=8)


@given(st.lists(st.none() | texts))
def test_each_line_is_cleaned(column: list[str | None]) -> None:
    assert clean_lines_column(column) == [clean_lines_column([text])[0] for text in column]


def test_lines_stay_apart_and_empty_ones_go() -> None:
    assert clean_lines_column([" a \r\n\n- \n b\x0cc", "\n", "d\x0ce"]) == ["a\nb\nc", None, "d e"]


def test_empty_texts_go_from_lists() -> None:
    assert clean_lists([[" a ", "-", "b"], None, ()]) == [("a", "b"), (), ()]


@given(st.lists(st.none() | st.dictionaries(st.sampled_from(["a", "b", "crmkit_line", *"cdefgh"]), texts)))
def test_mappings_keep_what_says_something(mappings: list[dict[str, str] | None]) -> None:
    expected = [
        {
            name: text
            for name, written in (mapping or {}).items()
            if not name.startswith("crmkit_") and (text := clean_lines_column([written])[0])
        }
        for mapping in mappings
    ]

    assert clean_mappings(mappings) == expected


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=4)))
def test_mappings_are_written_as_canonical_json(mappings: list[Mapping[str, str]]) -> None:
    assert json_texts(mappings) == [to_json(mapping) if mapping else None for mapping in mappings]


@given(st.lists(st.lists(st.text(max_size=5), max_size=4)))
def test_cells_are_written_as_canonical_json(rows: list[list[str]]) -> None:
    assert cells_texts(rows) == [
        to_json({"cells": row}).encode(errors="replace").decode() if row else None for row in rows
    ]


@given(st.lists(st.tuples(*[st.none() | st.text("aé%=", min_size=1, max_size=4)] * 3)))
def test_what_is_not_there_does_not_count_in_a_digest(rows: list[tuple[str | None, ...]]) -> None:
    names = ("city", "email", "title")
    said = ["\x1f".join(f"{n}={text}" for n, text in zip(names, row, strict=True) if text is not None) for row in rows]

    found = digests(list(zip(names, zip(*rows, strict=True), strict=True)) if rows else [], len(rows))

    assert found == [hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest() for text in said]
