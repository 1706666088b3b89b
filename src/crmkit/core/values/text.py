"""Texts as they come out of files: cleaned for keeping, folded for finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

__all__ = ["clean", "clean_column", "fold", "fold_column", "says_none"]


def fold(text: str) -> str:
    """Reduce a text to what a person would call the same: for search and for keys, not for show.

    Lower case, no accents, ligatures and the like spelled out (``ß`` is
    ``ss``, ``ø`` is ``o``), and one blank for whatever is neither a letter nor
    a digit. Folding twice changes nothing.
    """
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold().translate(_SPELLED)))
        if not text.isascii():
            return _folded(text)
    return " ".join(text.lower().translate(_ASCII_BLANKS).split())


def clean(text: str | None) -> str | None:
    """Return a cell's text without what nobody wrote, or None when it says nothing.

    Blanks of all kinds, line ends included, collapse into one space each. What
    cannot be stored goes: NUL and invisible marks vanish, half of a surrogate
    pair becomes U+FFFD. Words that stand for an empty cell (``N/A``, ``-``,
    ``(not set)``) give None.
    """
    if not text:
        return None
    if not text.isprintable():
        text = text.translate(_UNSEEN)
        if not text.isprintable():
            text = _LONE_SURROGATE.sub("\ufffd", text)
    # str.split parts at every Unicode blank, non-breaking ones included.
    text = " ".join(text.split())
    return None if len(text) <= _LONGEST_PLACEHOLDER and _stands_for_nothing(text) else text


def fold_column(texts: Sequence[str]) -> list[str]:
    """Fold many texts, as `fold` does each, at a fraction of its cost."""
    known = dict.fromkeys(texts, "")
    plain = [text for text in known if text.isascii() and "\n" not in text]
    for text, folded in zip(plain, _folded_lines(plain), strict=True):
        known[text] = folded
    if len(plain) < len(known):
        known.update((text, fold(text)) for text in known if not text.isascii() or "\n" in text)
    return [known[text] for text in texts]


def clean_column(texts: Sequence[str | None]) -> list[str | None]:
    """Clean many texts, as `clean` does each; whether anything is to be done is found out for all at once."""
    known = dict.fromkeys(texts)
    written = [text for text in known if text]
    if _is_tidy(written):
        nothing = {text for text in written if len(text) <= _LONGEST_PLACEHOLDER and _stands_for_nothing(text)}
        if "" in known:
            nothing.add("")
        return [None if text in nothing else text for text in texts] if nothing else list(texts)
    for text in written:
        known[text] = clean(text)
    return [known[text] for text in texts]


def says_none(text: str) -> bool:
    """Tell whether a cell for an address or a number says that there is none: ``no e-mail``, ``keine``, ``0``.

    In other cells these words may be meant as they stand; what is empty anywhere, `clean` knows.
    """
    return fold(text).strip("0 ") in _NONE


_ASCII_BLANKS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}

# Letters that Unicode does not decompose, though people write them with plain ones.
_SPELLED: Final = str.maketrans(
    {
        **dict(zip("øłđðħıĸŋŧƶɖ", "olddhikntzd", strict=True)),
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ʼ": " ",  # an apostrophe, though Unicode counts it as a letter
    }
)
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")


def _folded_lines(texts: Sequence[str]) -> list[str]:
    """Fold texts of ASCII without line ends, as one."""
    blanked = "\n".join(texts).lower().translate(_ASCII_BLANKS_IN_LINE)
    while "  " in blanked:
        blanked = blanked.replace("  ", " ")
    return blanked.replace("\n ", "\n").replace(" \n", "\n").strip(" ").split("\n") if texts else []


_ASCII_BLANKS_IN_LINE: Final = {code: blank for code, blank in _ASCII_BLANKS.items() if code != ord("\n")}


def _folded(text: str) -> str:
    # Compatibility forms may have hidden capitals and further letters (ℌ, ﬃ), so casefold again.
    text = unicodedata.normalize("NFKD", text.casefold().translate(_SPELLED))
    return " ".join("".join(map(_folded_character, text)).split())


def _folded_character(character: str) -> str:
    if character.isalnum():
        return character
    return "" if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Cf"} else " "


# NUL, soft hyphen, zero-width blanks and joiners, writing direction, byte order mark.
_UNSEEN: Final = dict.fromkeys([0, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# Na, Nan, Nil and Null are names of people, so these count only as machines write them.
_EXACT_PLACEHOLDERS: Final = frozenset(
    {"na", "NA", "nan", "NaN", "NAN", "nil", "NIL", "null", "NULL", "none", "None", "NONE", "k.A.", "n.c.", "N.C."}
)
_PLACEHOLDERS: Final = frozenset(
    {
        *("", "-", "--", "---", "–", "—", ".", "..", "...", "…", "/", "_", "?", "*"),
        *("n/a", "n.a.", "#n/a", "n/c", "k. a.", "undefined", "unknown", "(unknown)", "(not set)", "not set"),
        *("(none)", "(null)", "(empty)", "(blank)", "[null]", "<null>"),
        *("#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!", "#spill!", "#calc!"),  # errors of spreadsheets
        *("not available", "not applicable", "not specified", "inconnu", "non renseigné"),
    }
)
# Folded; empty is what had no letter or digit but zero.
_NONE: Final = frozenset(
    {
        *("", "none", "null", "nil", "nan", "na", "n a", "no", "unknown", "undefined", "x", "xx", "xxx", "tbd", "tba"),
        *("no email", "no e mail", "no mail", "no phone", "no number", "not provided", "not given", "not known"),
        *("non", "aucun", "aucune", "neant", "sans", "inconnu", "pas de mail", "pas d email", "pas de telephone"),
        *("kein", "keine", "keine angabe", "keine e mail", "nein", "unbekannt", "nicht bekannt", "nicht angegeben"),
        *("nessuno", "nessuna", "sconosciuto", "non disponibile", "ninguno", "ninguna", "no tiene", "desconocido"),
    }
)
_LONGEST_PLACEHOLDER: Final = max(map(len, _PLACEHOLDERS))


def _is_tidy(texts: Sequence[str]) -> bool:
    """Whether there is nothing to clean in any text, but for words that stand for nothing."""
    joined = "\n".join(texts)
    return (
        joined.count("\n") == len(texts) - 1
        and joined.replace("\n", "").isprintable()
        and not ("  " in joined or "\n " in joined or " \n" in joined or joined[0] == " " or joined[-1] == " ")
    )


def _stands_for_nothing(text: str) -> bool:
    return text in _EXACT_PLACEHOLDERS or text.lower() in _PLACEHOLDERS
