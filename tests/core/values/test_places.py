from __future__ import annotations

import os
import subprocess
import sys

import pytest
from babel import Locale

from crmkit.core.values.places import _CODES, country_code, language_code, region_of_language

NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


def test_the_country_codes_are_those_of_babel() -> None:
    known = {code for code in map(str, Locale("en").territories) if len(code) == 2}

    assert known - NO_COUNTRIES == _CODES


@pytest.mark.parametrize("language", ["en", "fr", "de", "it", "es"])
def test_every_country_is_known_by_its_name(language: str) -> None:
    names = {code: name for code, name in Locale(language).territories.items() if code in _CODES}

    assert {code: country_code(name) for code, name in names.items()} == {code: code for code in names}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "FR"),
        ("CHE", "CH"),
        ("UK", "GB"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("Royaume-Uni", "GB"),
        (" deutschland ", "DE"),
        ("The Netherlands", "NL"),
        ("Holland", "NL"),
        ("Bosnia and Herzegovina", "BA"),
        ("Cote d'Ivoire", "CI"),
        ("Czech Republic", "CZ"),
        ("Hong Kong", "HK"),
        ("Turkey", "TR"),
        ("Russian Federation", "RU"),
        ("EU", None),
        ("xx", None),
        ("Paris", None),
        ("", None),
        ("x" * 10_000_000, None),
    ],
)
def test_countries_by_code_name_and_other_name(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-FR", "fr"),
        ("fr_FR.UTF-8", "fr"),
        ("zh-Hant-TW", "zh"),
        ("fra", "fr"),
        ("ger", "de"),
        ("Français", "fr"),
        ("french", "fr"),
        ("Französisch", "fr"),
        ("francese", "fr"),
        ("日本語", "ja"),
        ("English (US)", "en"),
        ("iw", "he"),
        ("und", None),
        ("xx", None),
        ("", None),
        ("x" * 10_000_000, None),
    ],
)
def test_languages_by_tag_code_and_name(text: str, code: str | None) -> None:
    assert language_code(text) == code


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("fr", "FR"),
        ("fr-BE", "BE"),
        ("de", "DE"),
        ("it", "IT"),
        ("en", "US"),
        ("German", "DE"),
        ("xx", None),
        ("", None),
    ],
)
def test_a_language_points_to_a_country(text: str, region: str | None) -> None:
    assert region_of_language(text) == region


def test_names_of_countries_are_found_without_harm_to_what_else_the_locale_tells() -> None:
    script = (
        "from crmkit import Money; from crmkit.core.values.places import country_code;"
        "print(country_code('Allemagne'), Money(12000, 'EUR').format('fr'))"
    )

    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ).stdout

    assert " ".join(told.split()) == "DE 12 000,00 €"


@pytest.mark.parametrize(("text", "code"), [("+49", "DE"), ("+ 33", "FR"), ("+44", "GB"), ("+1", None), ("+999", None)])
def test_what_is_dialled_before_a_number_names_a_country_where_it_is_one(text: str, code: str | None) -> None:
    assert country_code(text) == code
