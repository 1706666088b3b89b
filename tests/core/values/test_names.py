from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values.names import name_case, name_key, name_key_column, split_name, split_salutation


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Jules Etienne", "Jules", "Etienne"),
        ("Jules ETIENNE", "Jules", "ETIENNE"),
        ("ETIENNE Jules", "Jules", "ETIENNE"),
        ("Etienne, Jules", "Jules", "Etienne"),
        ("JULES ETIENNE", "JULES", "ETIENNE"),
        ("Madonna", None, "Madonna"),
        ("Jean Pierre Dupont", "Jean Pierre", "Dupont"),
        ("MARTIN Jean-Luc", "Jean-Luc", "MARTIN"),
        ("Charles de Gaulle", "Charles", "de Gaulle"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Otto von der Heide", "Otto", "von der Heide"),
        ("Jean de LA FONTAINE", "Jean", "de LA FONTAINE"),
        ("DE LA FONTAINE Jean", "Jean", "DE LA FONTAINE"),
        ("LE GOFF Anne", "Anne", "LE GOFF"),
        ("Conan O'BRIEN", "Conan", "O'BRIEN"),
        ("Ronald McDONALD", "Ronald", "McDONALD"),
        ("Wei LI", "Wei", "LI"),
        ("JP Morgan", "JP", "Morgan"),
        ("J. R. R. Tolkien", "J. R. R.", "Tolkien"),
        ("Minh Do", "Minh", "Do"),
        ("Martin Luther King, Jr.", "Martin Luther", "King Jr."),
        ("John SMITH III", "John", "SMITH III"),
        ("King, Jr.", None, "King Jr."),
        ("Jules,", None, "Jules"),
        ("", None, None),
        (" , ", None, None),
    ],
)
def test_a_full_name_is_parted_by_what_it_shows(text: str, first: str | None, last: str | None) -> None:
    assert split_name(text) == (first, last)


@given(st.text("aB-',. éÉ"))
def test_no_letter_of_a_name_is_lost(text: str) -> None:
    parts = split_name(text)

    assert sorted("".join(filter(None, parts)).replace(" ", "")) == sorted(text.replace(",", "").replace(" ", ""))


@pytest.mark.parametrize(
    ("text", "salutation", "rest"),
    [
        ("M. Jules Etienne", "M.", "Jules Etienne"),
        ("Herr Dr. Müller", "Herr Dr.", "Müller"),
        ("Sig.ra Rossi", "Sig.ra", "Rossi"),
        ("Mr & Mrs Smith", "Mr & Mrs", "Smith"),
        ("Mme", "Mme", ""),
        ("Mrs.", "Mrs.", ""),
        ("Jules", None, "Jules"),
        ("HR Manager", None, "HR Manager"),
        ("& Co", None, "& Co"),
        ("", None, ""),
    ],
)
def test_a_salutation_is_parted_from_the_name(text: str, salutation: str | None, rest: str) -> None:
    assert split_salutation(text) == (salutation, rest)


@pytest.mark.parametrize(
    ("text", "cased"),
    [
        ("ETIENNE", "Etienne"),
        ("etienne", "Etienne"),
        ("O'BRIEN", "O'Brien"),
        ("MCDONALD", "McDonald"),
        ("MACRON", "Macron"),
        ("d'artagnan", "d'Artagnan"),
        ("D’ARTAGNAN", "d’Artagnan"),
        ("JEAN DE LA FONTAINE", "Jean de la Fontaine"),
        ("LE GOFF", "Le Goff"),
        ("jean-pierre", "Jean-Pierre"),
        ("VAN", "Van"),
        ("JP", "JP"),
        ("john smith iii", "John Smith III"),
        ("McDonald", "McDonald"),
        ("van der Berg", "van der Berg"),
        ("李", "李"),
    ],
)
def test_case_is_mended_only_where_there_is_one_case(text: str, cased: str) -> None:
    assert name_case(text) == cased


@given(st.text("abcdivmoAEMCDÉé '-.", max_size=12))
def test_mending_case_twice_is_mending_it_once(text: str) -> None:
    assert name_case(name_case(text)) == name_case(text)


def test_spellings_of_one_name_share_a_key() -> None:
    assert name_key("O’Brien") == name_key("OBRIEN") == "obrien"
    assert name_key("Jean-Pierre  ÉTIENNE") == "jean pierre etienne"


@given(st.lists(st.sampled_from(["O’Brien", "OBRIEN", "Le Goff", "", "É'a"]) | st.text(max_size=6)))
def test_a_column_of_names_is_folded_as_each_name_is(names: list[str]) -> None:
    assert name_key_column(names) == [name_key(name) for name in names]
