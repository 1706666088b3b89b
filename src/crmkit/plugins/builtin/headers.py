"""What column headers mean, by their words.

A header is compared without case, accents, punctuation and blanks at the ends;
``camelCase`` may be read as words.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from crmkit.core.drafts import DRAFT_FIELDS
from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.values.text import fold
from crmkit.errors import RejectedError
from crmkit.plugins.builtin.synonyms import REACH, SYNONYMS

__all__ = ["field_of", "header_language", "header_words", "is_header_word", "map_header"]


def map_header(
    header: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    declared: Mapping[int, str] | None = None,
    synonyms: Mapping[str, str] | None = None,
) -> dict[int, str]:
    """Say for each column which field of a draft it fills.

    Args:
        header: The names of the columns, each but once.
        mapping: What the user says: column to field; it goes before every synonym.
        declared: What an importer says: place to field, the preferred column first; it
            goes before every synonym, too.
        synonyms: The user's own words: header to field. They go before crmkit's words, and before
            an importer that knows no field for a column.

    Returns:
        Column index to a field, to `REACH`, to ``extra``, or to the dotted name of a
        custom field, of which nothing is known here. Of several columns for one field those
        that are preferred come first.

    Raises:
        RejectedError: The mapping names columns or fields that do not exist; all are listed.
    """
    told = _checked(header, mapping or {})
    own = _by_synonyms(header, synonyms or {})
    declared = {place: field for place, field in (declared or {}).items() if field != "extra" or place not in own}
    declared = {**declared, **{place: field for place, field in own.items() if place not in declared}}
    bare = _without_prefix(header)
    found = {index: declared.get(index) or field_of(name) or "extra" for index, name in enumerate(bare)}
    _settle_names(bare, found)
    _settle_titles(bare, found)
    found.update(declared)
    for index, field in told.items():
        # The user's column is the field; what else would have filled it is kept as it is.
        found = {other: "extra" if was == field and other not in told else was for other, was in found.items()}
        found[index] = field
    ranks = {index: len(declared) + _rank(bare[index], field) for index, field in found.items()}
    ranks |= {index: rank for rank, index in enumerate(declared)}
    return dict(sorted(found.items(), key=lambda item: (item[0] not in told, ranks[item[0]], item[0])))


def field_of(header: str) -> str | None:
    """Return the field that a header stands for by itself, ``extra`` for a known word without one, or None."""
    for symbol, field in _SYMBOLS.items():
        if symbol in header:
            return field
    whole = next((_FIELDS[key] for key in _readings(header) if key in _FIELDS), None)
    if whole is None and " - " in header:  # "Name - First Name": the whole, and its part
        of, _, part = header.rpartition(" - ")
        return field_of(part) if field_of(of) else None
    return whole


def is_header_word(cell: str) -> bool:
    """Tell whether a cell is a word that headers are made of."""
    return len(cell) <= _LONGEST_HEADER and field_of(cell) is not None


def header_words(options: ReadingOptions) -> Callable[[str], bool]:
    """Return what tells whether a cell is a word that headers are made of, the user's own words included."""
    own = {_key(word) for word in (*options.synonyms, *options.mapping)}
    if not own:
        return is_header_word
    return lambda cell: is_header_word(cell) or (len(cell) <= _LONGEST_HEADER and _key(cell) in own)


def header_language(header: Sequence[str]) -> str | None:
    """Return the ISO 639-1 code of the language most of the header is written in, or None."""
    votes: Counter[str] = Counter()
    for name in header:
        for part in name.split(" - "):  # "Personne - Téléphone"
            spoken = next((_LANGUAGES[key] for key in _readings(part) if key in _LANGUAGES), frozenset())
            if len(spoken) == 1:
                votes.update(spoken)
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def _with_compact(table: dict[str, _T]) -> dict[str, _T]:
    """Let a name of several words be written as one, too: ``jobtitle``."""
    return {word.replace(" ", ""): value for word, value in table.items() if " " in word} | table


_T = TypeVar("_T")

_FIELDS: Mapping[str, str] = _with_compact(
    {word: field for field, languages in SYNONYMS.items() for words in languages.values() for word in words}
)
_RANKS: Mapping[str, int] = _with_compact(
    {word: rank for languages in SYNONYMS.values() for words in languages.values() for rank, word in enumerate(words)}
)
_SYMBOLS = {"☎": "phone", "📞": "phone", "📱": "mobile", "✉": "email", "📧": "email"}
_LONGEST_HEADER = 80

# Spelled alike in several of the languages, though listed in one.
_SHARED = frozenset(
    "name contact source notes note mobile position organisation date region status message website newsletter web "
    "tel telefon role service participant profession adresse zip".split()
)

# What people put around the word that matters: "Your e-mail", "Votre adresse e-mail".
_ARTICLES = frozenset(
    "your my the a of votre vos ton ta le la les l de du des d ihr ihre deine dein tu su il tuo tua el".split()
)
_ASKING = frozenset(
    "hi hello and please enter what whats which s is quel quelle dans est wie lautet welche qual cual".split()
)
_PEOPLE = frozenset("contact lead client customer attendee participant guest visitor user person".split())
_FILLERS = _ARTICLES | _ASKING | _PEOPLE
_AT_WORK = frozenset("billing business mailing office shipping work".split())


_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])")
_ASIDE = re.compile(r"\([^)]*\)|\[[^]]*\]|\{\{[^}]*\}\}")  # in forms, the last refers to another answer


@lru_cache(maxsize=4096)
def _readings(header: str) -> tuple[str, ...]:
    """The keys under which to look a header up, the most literal first."""
    bare = _ASIDE.sub(" ", header)
    words = _key(bare).split()
    while len(words) > 1 and words[0] in _FILLERS:
        words.pop(0)
    plain = " ".join(word for word in words if word not in _ARTICLES)
    at_work = " ".join(words[1:]) if words[:1] and words[0] in _AT_WORK else ""
    return (_key(header), _key(bare), _key(_CAMEL.sub(" ", bare)), " ".join(words), plain, at_work)


def _key(text: str) -> str:
    return fold(text.replace("'", " ").replace("’", " "))


def _languages() -> Iterator[tuple[str, frozenset[str]]]:
    spoken: dict[str, set[str]] = {}
    for languages in SYNONYMS.values():
        for language, words in languages.items():
            for word in words:
                spoken.setdefault(word, set()).add(language)
    for word, tongues in spoken.items():
        yield word, frozenset() if word in _SHARED or "" in tongues else frozenset(tongues)


_LANGUAGES: Mapping[str, frozenset[str]] = dict(_languages())


def _without_prefix(header: Sequence[str]) -> Sequence[str]:
    """Take off what a database puts before the names of all its columns: ``kun_telefon``, ``kun_plz``."""
    prefixes = Counter(found[0] for name in header if (found := _PREFIX.match(name)))
    prefix, count = max(prefixes.items(), key=lambda item: item[1], default=("", 0))
    rest = [name for name in header if not name.startswith(prefix)]
    if count < _MANY or count <= len(rest) or any(field_of(name) not in (None, "extra") for name in rest):
        return header
    if sum(1 for name in header if field_of(name)) * 2 > len(header):
        return header
    return [name.removeprefix(prefix) for name in header]


_PREFIX = re.compile(r"[A-Za-z]+_")
_MANY = 4


def _rank(header: str, field: str) -> int:
    if field in {"other_emails", "tags"}:  # all are kept, in the order of the file
        return 0
    return next((_RANKS[key] for key in _readings(header) if key in _RANKS), 0)


def _by_synonyms(header: Sequence[str], synonyms: Mapping[str, str]) -> dict[int, str]:
    own = {_key(word): field for word, field in synonyms.items()}
    return {place: own[_key(name)] for place, name in enumerate(header) if own and _key(name) in own}


def _checked(header: Sequence[str], mapping: Mapping[str, str]) -> dict[int, str]:
    fields = (*DRAFT_FIELDS, REACH)
    by_key = {_key(name): index for index, name in reversed(list(enumerate(header)))}
    told, reasons = {}, []
    for column, field in mapping.items():
        index = header.index(column) if column in header else by_key.get(_key(column))
        if index is None:
            reasons.append(f"there is no column {column!r}{_meant(column, header)}")
        elif field not in fields and "." not in field:
            reasons.append(f"leads have no field {field!r} to fill from a file{_meant(field, fields)}")
        else:
            told[index] = field
    if reasons:
        raise RejectedError(reasons, hint=f"fields are {', '.join(fields)}")
    return told


def _meant(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, n=2)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""


def _settle_names(header: Sequence[str], found: dict[int, str]) -> None:
    """A bare ``Name`` or ``Nom`` beside a first name is the last name, ``Nome`` beside a last name the first."""
    fields = set(found.values())
    for index, name in enumerate(header):
        keys = set(_readings(name))
        if keys & {"name", "nom"} and "first_name" in fields and "last_name" not in fields:
            found[index] = "last_name"
        elif keys & {"nome", "nombre"} and "last_name" in fields and "first_name" not in fields:
            found[index] = "first_name"


def _settle_titles(header: Sequence[str], found: dict[int, str]) -> None:
    """A bare ``Title`` beside a job title is the salutation, as Outlook has it."""
    titles = [index for index, field in found.items() if field == "title"]
    bare = [index for index in titles if _key(_ASIDE.sub(" ", header[index])) in {"title", "titre", "titolo", "titulo"}]
    if len(bare) < len(titles) and "salutation" not in found.values():
        found.update(dict.fromkeys(bare, "salutation"))
