"""Names of people: parted, cased and compared, and never guessed beyond what the text shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from crmkit.core.values.text import fold, fold_column

__all__ = ["name_case", "name_key", "name_key_column", "split_name", "split_salutation"]


def split_name(text: str) -> tuple[str | None, str | None]:
    """Part a full name into first and last name, each as it was written.

    In this order: a comma ends the last name (``Etienne, Jules``); words in
    capitals among others are the last name (``Jules ETIENNE``, ``ETIENNE
    Jules``); else the last name begins with the first particle (``Ludwig van
    Beethoven``) or is the last word, so that a compound first name stays whole
    (``Jean Pierre Dupont``). ``Jr.``, ``III`` and the like stay with the last
    name. One word is taken for the last name: greeting somebody by a wrong
    first name is worse than by none.

    Salutations are not expected here: see `split_salutation`.
    """
    head, comma, tail = text.partition(",")
    if comma and head.strip() and tail.strip(" ,") and not _is_suffix(tail):
        return _joined(tail.replace(",", " ").split()), _joined(head.split())
    words = text.replace(",", " ").split()
    suffix: list[str] = []
    while len(words) > 1 and _is_suffix(words[-1]):
        suffix.append(words.pop())
    suffix.reverse()
    cut, capitals_first = _cut(words)
    if capitals_first:
        return _joined(words[cut:]), _joined(words[:cut] + suffix)
    return _joined(words[:cut]), _joined(words[cut:] + suffix)


def split_salutation(text: str) -> tuple[str | None, str]:
    """Part ``Mr``, ``Mme``, ``Herr Dr.``, ``Sig.ra`` … from the name that follows.

    A text that is nothing but a salutation gives an empty rest, which tells a
    column of salutations from one of job titles.
    """
    words = text.split()
    count = 0
    while count < len(words) and _is_salutation(words[count]):
        count += 1
    while count and words[count - 1] == "&":  # it joins two of them, or belongs to the name
        count -= 1
    return _joined(words[:count]), " ".join(words[count:])


def name_case(text: str) -> str:
    """Give a name that is all capitals, or all small, the case it would be written in.

    ``ETIENNE`` becomes ``Etienne``, ``O'BRIEN`` ``O'Brien``, ``MCDONALD``
    ``McDonald``, ``JEAN DE LA FONTAINE`` ``Jean de la Fontaine``,
    ``D'ARTAGNAN`` ``d'Artagnan``. ``MACDONALD`` becomes ``Macdonald``, since
    ``Macron`` is no ``MacRon``. Any other name is left as its owner wrote it.
    """
    if not (text.isupper() or text.islower()):
        return text
    words = text.split()
    if len(words) == 1:
        return _cased(text)
    cased = []
    for position, word in enumerate(words):
        small = word.lower()
        article = small in _ARTICLES and position > 0 and words[position - 1].lower() in _SMALL
        cased.append(small if small in _SMALL or article else _cased(word))
    return " ".join(cased)


def name_key(text: str) -> str:
    """Fold a name for comparison: ``O’Brien`` equals ``OBRIEN``, ``Jean-Pierre`` ``jean pierre``."""
    return fold(text.translate(_APOSTROPHES))


def name_key_column(texts: Sequence[str]) -> list[str]:
    """Fold many names, as `name_key` does each."""
    known = {text: text.translate(_APOSTROPHES) for text in set(texts)}
    return fold_column([known[text] for text in texts])


_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’‘ʼ`´"))

_SMALL: Final = frozenset(
    {*("de", "du", "des", "del", "della", "delle", "degli", "dei", "di", "da", "do", "dos", "das")}
    | {*("van", "von", "vom", "der", "den", "ter", "ten", "zu", "zum", "zur", "af", "av", "y")}
)
_ARTICLES: Final = frozenset({"la", "le", "les", "las", "los", "lo", "el"})
_PARTICLES: Final = (
    (_SMALL - {"y"}) | _ARTICLES | {"al", "ben", "bin", "bint", "ibn", "st", "saint", "sainte", "mac", "mc"}
)

_SUFFIXES: Final = frozenset(
    {"jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "cpa", "esq", "dds", "junior", "senior"}
)

_SALUTATIONS: Final = frozenset(
    {
        *("mr", "mrs", "ms", "miss", "mx", "mister", "sir", "madam", "dr", "doctor", "prof", "professor", "rev"),
        *("m", "mm", "mme", "mmes", "mlle", "mlles", "monsieur", "madame", "mademoiselle", "docteur", "maître"),
        *("herr", "herrn", "frau", "fräulein", "dipl.-ing", "doktor", "mag"),
        *(
            "sig",
            "sig.ra",
            "sig.na",
            "sigra",
            "signor",
            "signore",
            "signora",
            "signorina",
            "dott",
            "dott.ssa",
            "dottore",
        ),
        *("dottoressa", "ing", "avv", "sr", "sra", "srta", "señor", "señora", "señorita", "senhor", "senhora", "dra"),
        *("dhr", "mevr", "mw", "mr&mrs", "&"),
    }
)


def _is_salutation(word: str) -> bool:
    return word.rstrip(".").lower() in _SALUTATIONS


def _is_suffix(word: str) -> bool:
    return word.strip(" .,").replace(".", "").lower() in _SUFFIXES


def _joined(words: list[str]) -> str | None:
    return " ".join(words) or None


def _cut(words: list[str]) -> tuple[int, bool]:
    """Return where the name is parted, and whether the last name comes before that."""
    capitals = [_in_capitals(word) for word in words]
    if any(capitals) and not all(capitals):
        if capitals[-1]:
            start = len(words) - 1
            while start and (capitals[start - 1] or words[start - 1].lower() in _PARTICLES):
                start -= 1
            return start or 1, False
        end = capitals.index(False)
        # JP Morgan is no Mr. JP: two capitals are initials rather than a name, but for particles (LE GOFF Anne).
        if any(len(word) > 2 for word in words[:end]):  # noqa: PLR2004
            return end, True
    for position, word in enumerate(words):
        if position and word.lower() in _PARTICLES:
            return position, False
    return max(len(words) - 1, 0), False


def _in_capitals(word: str) -> bool:
    # An initial is a capital too, but says nothing.
    return word.removeprefix("Mc").isupper() and len(word.strip(".")) > 1 and "." not in word


_PARTS: Final = re.compile(r"[^\W\d_]+")
_NUMERALS: Final = frozenset({"ii", "iii", "iv"})
_AFTER_MC: Final = re.compile(r"mc(?=[^\W\d_]{3})")


def _cased(word: str) -> str:
    """Capitalise each part of one word, which stands in one case."""
    if len(word) in {2, 3} and word.isupper() and not set(word) & set("AEIOUYÀÂÄÉÈÊËÎÏÔÖÙÛÜ"):
        return word  # JP, DJ: initials rather than a name
    return _PARTS.sub(lambda part: _part(part, word), word.lower())


def _part(part: re.Match[str], word: str) -> str:
    text = part[0]
    if text == "d" and word[part.end() : part.end() + 1] in {"'", "’"} and part.end() + 1 < len(word):
        return text
    if _AFTER_MC.match(text):
        return f"Mc{text[2:].capitalize()}"
    return text.upper() if text in _NUMERALS else text.capitalize()
