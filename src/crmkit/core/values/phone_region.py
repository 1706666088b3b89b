"""In whose form are these phone numbers? Told by what stands beside them, and by the numbers themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from crmkit.core.values.phone import is_valid_in, parse_phones
from crmkit.core.values.places import language_code, region_of_language

__all__ = ["Guess", "guess_region"]


class Guess(NamedTuple):
    """The country, as ISO 3166 alpha-2, and why this one."""

    region: str
    evidence: str


def guess_region(
    numbers: Iterable[str], *, countries: Iterable[str], domains: Iterable[str], language: str | None
) -> Guess | None:
    """Return the country in whose form most numbers without a country code are written, or None.

    What points to a country only counts when most of the numbers are valid there: first the
    countries that are named, then those of the numbers with a country code, also where only the
    plus is lost, then the endings of domains, then how the digits are grouped, then the language.
    With nothing to go by, numbers that fit the plan of one country, and hardly any other's, are of
    that country.

    Args:
        numbers: As they were written.
        countries: The ISO codes of the countries that are named, as often as they are.
        domains: The domains of the addresses and websites.
        language: What the people or the header speak.
    """
    written = dict.fromkeys(part.strip() for number in numbers for part in _BETWEEN.split(number))
    abroad = [number for number in written if number.startswith(("+", "00"))][:_LOOKED_AT]
    local = [number for number in written if number not in abroad and _is_long(number)][:_LOOKED_AT]
    if not local:
        return None
    hints = (
        ("most rows that name a country name {}", countries),
        ("most numbers with a country code are of {}", map(_region_of, abroad)),
        ("most numbers are of {} when a plus is put before them", map(_region_with_plus, local)),
        ("most addresses that end in a country end in that of {}", map(_region_of_domain, domains)),
    )
    for evidence, regions in hints:
        counted = Counter(filter(None, regions))
        for region, count in counted.most_common(1):
            if 2 * count > counted.total() and (valid := _valid(local, region)) * 2 >= len(local):
                return Guess(region, f"{evidence.format(region)}, where {valid} of {len(local)} numbers are valid")
    return _by_themselves(local, language)


_LOOKED_AT: Final = 200
_COMPARED: Final = 20
_SHORTEST: Final = 8
"""Shorter numbers lack the code of their area, and would be valid in some small country."""
_WITH_CODE: Final = 11
"""So many digits has a number with the code of its country; fewer may be one of home."""
_FEWEST: Final = 5
"""So many numbers at least are needed to speak for themselves."""

_MOST: Final = 0.9
_CLEARLY_LESS: Final = 0.75

_SPOKEN_IN: Final[Mapping[str, str]] = {
    "en": "US GB IN AU IE ZA NZ SG NG KE PH PK HK AE",
    "fr": "FR BE CH CA LU MA TN SN CI DZ",
    "de": "DE AT CH LU",
    "it": "IT CH",
    "es": "ES MX AR CO CL PE EC UY",
    "pt": "PT BR AO MZ",
    "nl": "NL BE",
    "ar": "EG SA AE MA DZ TN JO LB KW QA",
}
"""Language to where it is spoken, the likeliest first; each plan of North America is that of the US, or of Canada."""

# Without the countries that write like France, which is the likeliest of them.
_LARGE: Final = (
    *"US GB FR DE IT ES IN BR MX JP CN KR AU NL BE CH AT PL SE NO DK FI PT IE CZ HU RO GR TR ZA NG KE EG".split(),
    *"SA AE IL PK BD LK ID MY SG PH TH VN NZ AR CL CO PE UA LU".split(),
)

# Endings that are bought for their sound.
_NO_COUNTRIES: Final = frozenset("ai am app cc co dj eu fm gg io la ly me nu sh tk to tv vc ws".split())


def _by_themselves(local: Sequence[str], language: str | None) -> Guess | None:
    home = region_of_language(language) if language else None
    at_home = _valid(local, home) if home else 0
    grouped = [number for number in local if len(_groups(number)) > 1][:_COMPARED]
    if home and at_home >= _MOST * len(local) and (not grouped or _alike(grouped, home) * 2 >= len(grouped)):
        return Guess(home, f"the language is {language}, and the numbers are as in {home}")
    primary = language_code(language) if language else None
    spoken = _SPOKEN_IN.get(primary or "", "").split()
    for regions, least in ((spoken, 1), (_LARGE, 2)):
        if best := _foremost({region: _alike(grouped, region) for region in regions}, max(least, len(grouped) / 2)):
            return Guess(best, f"the digits are grouped as in {best}")
    if best := _foremost({region: _valid(local, region) for region in spoken}, max(_FEWEST, _MOST * len(local))):
        return Guess(best, f"the language is {language}, which is spoken in {best}, where most numbers are valid")
    if home and at_home * 2 >= len(local):
        return Guess(home, f"the language is {language}, and most numbers are valid in {home}")
    if best := _foremost({region: _valid(local, region) for region in _LARGE}, max(_FEWEST, _MOST * len(local))):
        return Guess(best, f"the numbers are valid in {best}, and in hardly any other country")
    if home and primary != "en":  # people write English everywhere
        return Guess(home, f"the language is {language}, though few numbers are valid in {home}")
    return None


def _foremost(counted: Mapping[str, int], least: float) -> str | None:
    """Return what has the least, and clearly more than the next, if there is any."""
    (best, most), (_, second) = (*Counter(counted).most_common(2), ("", 0), ("", 0))[:2]
    return best if most >= least and second <= most * _CLEARLY_LESS else None


def _alike(numbers: Iterable[str], region: str) -> int:
    """Count the numbers that are written as people in a country group their digits."""
    import phonenumbers

    count = 0
    for number in numbers:
        if is_valid_in(number, region):
            parsed = phonenumbers.parse(number, region)
            national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            count += _bare(_groups(national)) == _bare(_groups(number))
    return count


def _bare(groups: Sequence[str]) -> list[str]:
    """Leave out the zero that is dialled before a number at home."""
    return [groups[0].removeprefix("0"), *groups[1:]]


def _valid(numbers: Iterable[str], region: str) -> int:
    return sum(is_valid_in(number, region) for number in numbers)


def _region_of(number: str) -> str | None:
    import phonenumbers

    try:
        code = phonenumbers.parse(number.replace("00", "+", 1) if number.startswith("00") else number).country_code
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.region_code_for_country_code(code or 0).replace("ZZ", "") or None


def _region_with_plus(number: str) -> str | None:
    digits = "".join(_groups(number))
    if len(digits) < _WITH_CODE or digits.startswith("0"):
        return None
    values, _ = parse_phones([f"+{digits}"], [None])
    return _region_of(values[0]) if values[0] else None


def _region_of_domain(domain: str) -> str | None:
    ending = domain.rpartition(".")[2].lower()
    if len(ending) != 2 or ending in _NO_COUNTRIES:  # noqa: PLR2004  the endings of countries
        return None
    return "GB" if ending == "uk" else ending.upper()


def _is_long(number: str) -> bool:
    return sum(map(len, _groups(number))) >= _SHORTEST


def _groups(number: str) -> list[str]:
    return _DIGITS.findall(number)


_BETWEEN: Final = re.compile(r"[\n;,|]|:::")
_DIGITS: Final = re.compile(r"[0-9]+")
