"""Batches of any size, cut into parts of one size."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.drafts import DraftBatch, LeadDraft, Problem
from crmkit.services.preparing.parts import in_parts


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(1, 8), st.integers(0, 30))
def test_parts_hold_the_same_rows_in_order_but_for_those_skipped(sizes: list[int], size: int, skip: int) -> None:
    lines = iter(range(1, 100))
    batches = []
    for count in sizes:
        mine = [next(lines) for _ in range(count)]
        rows = [(line, [str(line)], LeadDraft(email=f"{line}@x.example" if line % 3 else None)) for line in mine]
        problems = [Problem(line=line, reason="?") for line in mine if line % 2]
        batches.append(DraftBatch.of(rows, problems, {line: "blank" for line in mine if line % 5 == 0}))
    expected = list(range(1, sum(sizes) + 1))[skip:]

    parts = list(in_parts(batches, size, skip=skip))

    assert [len(part) for part, _ in parts[:-1]] == [size] * (len(parts) - 1)
    assert [is_last for _, is_last in parts] == [False] * (len(parts) - 1) + [True] * bool(parts)
    assert list(chain.from_iterable(part.lines for part, _ in parts)) == expected
    for part, _ in parts:
        assert [cells[0] for cells in part.cells] == [str(line) for line in part.lines]
        assert [problem.line for problem in part.problems] == [line for line in part.lines if line % 2]
        assert list(part.ignored) == [line for line in part.lines if line % 5 == 0]
        emails = part.columns.get("email", [None] * len(part))
        assert emails == [f"{line}@x.example" if line % 3 else None for line in part.lines]
