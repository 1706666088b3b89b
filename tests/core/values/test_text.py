from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values.text import clean, clean_column, fold, fold_column

cells = st.sampled_from(
    ["", " ", "Lyon", " Lyon", "a  b", "N/A", "-", "x\ny", "é", "Straße", "O'B-C", "  x", "\u200bz"]
)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_case_does_not_matter_to_folding(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("L'Été  à la Plage!", "l ete a la plage"),
        ("Straße", "strasse"),
        ("Øresund ŁÓDŹ", "oresund lodz"),
        ("Œuvre Æsir", "oeuvre aesir"),
        ("Smith-Jones_2", "smith jones 2"),
        ("e\u0301", "e"),
        ("İstanbul", "istanbul"),
        ("ﬃ ℌ", "ffi h"),
        ("Иван", "иван"),
        ("…", ""),
    ],
)
def test_folding_leaves_what_a_person_calls_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    "text",
    ["", "  ", "\u00a0", "N/A", "n/a", "-", "--", "null", "NULL", "None", "(not set)", "Unknown", "\ufeff"],
)
def test_placeholders_say_nothing(text: str) -> None:
    assert clean(text) is None


def test_nothing_says_nothing() -> None:
    assert clean(None) is None


@pytest.mark.parametrize("name", ["Na", "Null", "Nan", "Nil", "Nina", "-5", "0"])
def test_names_that_look_like_placeholders_stay(name: str) -> None:
    assert clean(name) == name


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t b\r\nc ", "a b c"),
        ("a\u00a0\u202fb\u3000c", "a b c"),
        ("a\x00b", "ab"),
        ("\ufeffa\u200b", "a"),
        ("a\ud800b", "a\ufffdb"),
        ("Zoë 🎉", "Zoë 🎉"),
    ],
)
def test_what_nobody_wrote_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters()))
def test_what_is_clean_can_be_stored_and_stays(text: str) -> None:
    cleaned = clean(text)

    assert cleaned is None or clean(cleaned) == cleaned
    assert "\x00" not in (cleaned or "").encode().decode()


@given(st.lists(cells | st.text(max_size=8)))
def test_a_column_is_folded_as_each_text_is(texts: list[str]) -> None:
    assert fold_column(texts) == [fold(text) for text in texts]


@given(st.lists(st.none() | cells | st.text(max_size=8)))
def test_a_column_is_cleaned_as_each_text_is(texts: list[str | None]) -> None:
    assert clean_column(texts) == [clean(text) for text in texts]


@given(st.text(), st.text())
def test_texts_beside_each_other_are_folded_alone(one: str, other: str) -> None:
    assert fold(f"{one} {other}") == " ".join(filter(None, [fold(one), fold(other)]))
