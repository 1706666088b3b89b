"""Countries and languages: from however people name them to ISO codes."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from crmkit.core.values.text import fold

__all__ = ["country_code", "language_code", "region_of_language"]


def country_code(text: str) -> str | None:
    """Return the ISO 3166 alpha-2 code of a country, or None when the text names none.

    Understood are alpha-2 and alpha-3 codes, the names that CLDR gives in
    English, French, German, Italian and Spanish, usual other names
    (``UK``, ``USA``, ``Holland``), and what is dialled before a number
    (``+49``) where it means one country.
    Kosovo is ``XK``, as in CLDR, though ISO has not assigned it.
    """
    return _country(text.strip()) if len(text) <= _LONGEST else None


def language_code(text: str) -> str | None:
    """Return the ISO 639-1 code of a language, or None when the text names none that has one.

    Understood are tags (``fr``, ``fr-FR``, ``pt_BR``), three-letter codes
    (``fra``, ``fre``), the names in English, French, German, Italian and
    Spanish, and what each of the larger languages calls itself.
    """
    return _language(text.strip()) if len(text) <= _LONGEST else None


def region_of_language(text: str) -> str | None:
    """Return the country that a language points to: its own region (``fr-BE``), or where most speak it.

    Good enough to read phone numbers that name no country, and only because
    a number is then checked against that country's plan.
    """
    return _region(text.strip()) if len(text) <= _LONGEST else None


_CACHED: Final = 4096
_LONGEST: Final = 80  # characters; no name is longer
_ALPHA_2: Final = 2  # letters
_ALPHA_3: Final = 3


@lru_cache(_CACHED)
def _country(text: str) -> str | None:
    if len(text) == _ALPHA_2 and (code := text.upper()) in _CODES:
        return code
    if dialled := _DIALLED.fullmatch(text):
        return _country_dialled(int(dialled[1]))
    return _countries().get(_place_key(text))


def _country_dialled(code: int) -> str | None:
    import phonenumbers

    if code in _SHARED_CODES:
        return None
    region = phonenumbers.region_code_for_country_code(code)
    return region if region in _CODES else None


@lru_cache(_CACHED)
def _language(text: str) -> str | None:
    primary = _TAG.fullmatch(text)
    if primary and (code := primary[1].lower()) in _language_codes():
        return code  # nearly all are, and the names need not be loaded
    known = _languages()
    return (known.get(primary[1].lower()) if primary else None) or known.get(fold(_BRACKETED.sub("", text)))


@lru_cache(_CACHED)
def _region(text: str) -> str | None:
    if (tag := _TAG.fullmatch(text)) and (region := (tag[2] or "").upper()) in _CODES:
        return region
    language = _language(text)
    if language is None:
        return None
    from babel.core import get_global

    likely = str(get_global("likely_subtags").get(language, "")).rpartition("_")[2]
    return likely if likely in _CODES else None


_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_]([a-z]{2}))?(?:[-_][a-z0-9]+)*(?:\.\S*)?", re.IGNORECASE)
_DIALLED: Final = re.compile(r"\+ ?(\d{1,3})")
_SHARED_CODES: Final = frozenset({1, 7})  # North America; Russia and Kazakhstan
_BRACKETED: Final = re.compile(r"\([^()]*\)")
_LOCALES: Final = ("en", "fr", "de", "it", "es")

_ISO_3166: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG
VI VN VU WF WS XK YE YT ZA ZM ZW
"""
_CODES: Final = frozenset(_ISO_3166.split())

# Names that CLDR has not, or not in this form.
_OTHER_NAMES: Final = {
    "AE": "uae, emirates, emirats, eau, emirati arabi",
    "BA": "bosnia, bosnie, bosnien",
    "CD": "drc, rdc, democratic republic of congo, republique democratique du congo",
    "CG": "congo, republic of congo, republique du congo",
    "CI": "ivory coast, cote d ivoire, elfenbeinkuste",
    "CN": "people s republic of china, prc, pr china, republique populaire de chine",
    "CV": "cape verde, cap vert, kap verde",
    "CZ": "czech republic, republique tcheque, tschechische republik, repubblica ceca, republica checa,"
    " ceska republika",
    "DE": "frg, brd, bundesrepublik deutschland, federal republic of germany",
    "DK": "danmark",
    "ES": "espana",
    "FI": "suomi",
    "GB": "uk, great britain, grande bretagne, grossbritannien, gran bretagna, gran bretana, england, angleterre,"
    " inghilterra, inglaterra, scotland, ecosse, schottland, scozia, escocia, wales, pays de galles, northern ireland,"
    " irlande du nord, united kingdom of great britain and northern ireland",
    "GR": "el, hellas, ellada",
    "HK": "hong kong, hongkong",
    "IE": "republic of ireland, eire",
    "IR": "islamic republic of iran",
    "KP": "dprk",
    "KR": "republic of korea, korea, coree",
    "LA": "lao pdr",
    "MA": "maroc",
    "MD": "republic of moldova, moldavie",
    "MK": "macedonia, macedoine, fyrom",
    "MM": "burma, birmanie, birma, birmania, myanmar",
    "MO": "macao, macau",
    "NL": "holland, hollande, olanda, holanda, nederland, pb",
    "NO": "norge",
    "PL": "polska",
    "PS": "palestine, palastina, palestina, state of palestine",
    "RO": "romania",
    "RU": "russian federation, federation de russie, russische foderation",
    "SE": "sverige",
    "SY": "syrian arab republic",
    "SZ": "swaziland",
    "TR": "turkey, turkiye",
    "TW": "republic of china",
    "US": "usa, u s a, u s, united states of america, etats unis d amerique, vereinigte staaten von amerika, america,"
    " amerique, stati uniti d america, ee uu, eeuu, eua",
    "VA": "vatican, holy see, saint siege",
    "VN": "viet nam",
}
_CONNECTING: Final = frozenset({"the", "and", "of", "et", "und", "y", "e", "ed", "la", "le", "les", "el", "die", "l"})

# Whose own name is worth knowing. Loading each costs a millisecond or two.
_OWN_NAMES: Final = (
    "ar bg ca cs da de el en es et fi fr ga he hr hu id it ja ko lt lv nb nl nn pl pt ro ru sk sl sr sv th tr uk vi zh"
)


def _place_key(text: str) -> str:
    words = fold(text).split()
    return " ".join([word for word in words if word not in _CONNECTING] or words)


def _names(locale: str, kind: str) -> dict[str, str]:
    """Return what a locale itself calls territories or languages; to load it as a whole costs ten times as much."""
    import pickle

    from babel.localedata import resolve_locale_filename

    # Not by `localedata.load`: it would keep the locale as it is here, without what it inherits, for everybody.
    with open(resolve_locale_filename(locale), "rb") as file:  # noqa: PTH123  a path of Babel's own
        named = pickle.load(file)[kind]  # noqa: S301  so is what it holds
    return {str(code): str(name) for code, name in named.items()}


@cache
def _language_codes() -> frozenset[str]:
    from babel.core import get_global

    aliases = get_global("language_aliases")
    return frozenset(code for code in _names("en", "languages") if len(code) == _ALPHA_2 and code not in aliases)


@cache
def _countries() -> dict[str, str]:
    from babel.core import get_global

    found: dict[str, str] = {}
    for alias, codes in get_global("territory_aliases").items():
        if len(alias) == _ALPHA_3 and alias.isalpha() and len(codes) == 1:
            found[alias.lower()] = codes[0]
    for locale in reversed(_LOCALES):  # where two languages disagree, English is right
        for code, name in _names(locale, "territories").items():
            if code in _CODES:
                found[_place_key(name)] = code
                found.setdefault(_place_key(_BRACKETED.sub("", name)), code)
    for code, names in _OTHER_NAMES.items():
        found.update((_place_key(name), code) for name in names.split(","))
    return found


@cache
def _languages() -> dict[str, str]:
    from babel.core import get_global

    aliases = get_global("language_aliases")
    codes = _language_codes()
    found: dict[str, str] = {}
    for locale in reversed(_LOCALES):
        for code, name in _names(locale, "languages").items():
            if code in codes:
                found[fold(name)] = code
    for code in _OWN_NAMES.split():
        found[fold(_names(code, "languages").get(code, code))] = code
    found.update((alias, code) for alias, code in aliases.items() if code in codes and len(alias) <= _ALPHA_3)
    found.update((code, code) for code in codes)
    return found
