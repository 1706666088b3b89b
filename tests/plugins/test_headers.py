"""What headers mean, beyond the samples of the importers."""

from __future__ import annotations

import pytest

from crmkit.plugins.builtin.headers import field_of, header_language, map_header


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("jobtitle", "title"),
        ("MobilePhone", "mobile"),
        ("Quelle est votre adresse e-mail ?", "email"),
        ("Nom de votre entreprise", "company"),
        ("And your *last name*?", "last_name"),
        ("What's your email, {{field:1}}?", "email"),
        ("Which company do you work for?", "company"),
        ("Telefon Mobil", "mobile"),
        ("Work ZIP/Postal Code", "postal_code"),
    ],
)
def test_a_header_is_known_by_the_words_that_matter(header: str, field: str) -> None:
    assert field_of(header) == field


@pytest.mark.parametrize(
    "header", ["Company contact", "Parent's e-mail", "Number of employees at the company", "Email type"]
)
def test_words_around_another_one_are_not_left_out(header: str) -> None:
    assert field_of(header) in (None, "extra")


def test_what_a_database_puts_before_all_columns_is_left_out() -> None:
    found = map_header(["kun_id", "kun_firma", "kun_telefon", "kun_ort", "changed"])

    assert found == {0: "extra", 1: "company", 2: "phone", 3: "city", 4: "extra"}


def test_a_prefix_of_some_columns_says_what_they_are_about() -> None:
    found = map_header(["name", "email", "parent_name", "parent_email", "parent_phone", "parent_city"])

    assert {place: field for place, field in found.items() if field != "extra"} == {0: "full_name", 1: "email"}


def test_a_question_for_the_name_beside_one_for_the_first_name_asks_for_the_last_name() -> None:
    found = map_header(["Quel est votre nom ?", "Quel est votre prénom ?"])

    assert found == {0: "last_name", 1: "first_name"}


def test_the_parts_of_a_name_tell_the_language() -> None:
    assert header_language(["Personne - Téléphone - Travail", "Personne - Prénom"]) == "fr"
