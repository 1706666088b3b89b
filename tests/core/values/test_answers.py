"""Yes and no, in the languages of the headers that are read."""

from __future__ import annotations

import pytest

from crmkit.core.values.answers import read_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Oui", True),
        ("Sì", True),
        ("ja", True),
        ("X", True),
        ("1", True),
        ("Non", False),
        ("Nein", False),
        ("0", False),
    ],
)
def test_a_yes_is_told_from_a_no(text: str, *, answer: bool) -> None:
    assert read_answer(text) is answer


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_answer("perhaps")
