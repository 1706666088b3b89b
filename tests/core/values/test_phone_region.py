"""In whose form phone numbers are, told by what stands beside them and by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crmkit.core.values.phone_region import guess_region

FRENCH = ["06 12 34 56 78", "01 42 68 53 00"]
INDIAN = ["9876543210", "8023456789", "9012345678", "9845012345", "7411112222"]
AMERICAN = ["(650) 253-0000", "212-555-0123"]


def guessed(
    numbers: Sequence[str], *, countries: Sequence[str] = (), domains: Sequence[str] = (), language: str | None = None
) -> str | None:
    guess = guess_region(numbers, countries=countries, domains=domains, language=language)
    return None if guess is None else guess.region


def test_the_countries_that_rows_name_go_first() -> None:
    assert guessed(FRENCH, countries=["FR", "FR", "BE"], domains=["a.ch"], language="en") == "FR"


def test_numbers_with_a_country_code_speak_for_those_without() -> None:
    assert guessed([*INDIAN, "+91 98765 43211", "+91 98765 43212"], language="en") == "IN"


def test_numbers_that_have_lost_their_plus_speak_for_their_country() -> None:
    assert guessed(["33612345678", "33142685300", "0612345678"], language="en") == "FR"


def test_the_endings_of_addresses_speak_for_numbers_unless_they_are_bought_for_their_sound() -> None:
    assert guessed(["0612345678"], domains=["a.fr", "b.fr", "c.example"], language="en") == "FR"
    assert guessed(["0612345678"], domains=["a.ai", "b.io"], language="en") is None


@pytest.mark.parametrize(
    ("numbers", "language", "region"),
    [
        (FRENCH, "fr", "FR"),
        (["0475 12 34 56", "02 512 34 56"], "fr", "BE"),
        (["079 123 45 67", "044 668 18 00"], "de", "CH"),
        (["030 1234567", "0171 1234567"], "de", "DE"),
        (AMERICAN, "en", "US"),
        (["020 7946 0958", "0161 496 0000", "07911 123456"], "en", "GB"),
        (INDIAN, "en", "IN"),
        (["98240 17356"], "en", "IN"),  # in India a zero is dialled before it, though nobody writes it
    ],
)
def test_a_language_means_the_country_that_the_numbers_fit(numbers: list[str], language: str, region: str) -> None:
    assert guessed(numbers, language=language) == region


def test_english_does_not_make_numbers_american_where_they_are_not_valid() -> None:
    assert guessed(["06 12 34 56 78", "01 42 68 53 00", "03 88 12 34 56"], language="en") == "FR"
    assert guessed(["06 12 34 56 78"], language="en") is None  # one number is not enough to tell


def test_what_points_to_a_country_where_most_numbers_are_not_valid_is_passed_over() -> None:
    assert guessed(AMERICAN, countries=["FR"], domains=["a.fr"], language="en") == "US"


def test_numbers_without_an_area_code_are_of_no_country() -> None:
    assert guessed(["555-0301", "555-0302"], language="en") is None


def test_the_evidence_is_told() -> None:
    guess = guess_region(FRENCH, countries=["FR"], domains=[], language=None)

    assert guess == ("FR", "most rows that name a country name FR, where 2 of 2 numbers are valid")
