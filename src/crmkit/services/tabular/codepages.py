"""Which code page do bytes beyond ASCII belong to, when they are not UTF-8?

Western Europe's (cp1252) unless it makes no words of them while another one does: Central
Europe's, Apple's old one, that of DOS, the Cyrillic one. They differ in what a byte stands for,
and a wrong one shows: as a sign within a word, a capital between small letters, letters of
two alphabets in one word.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import Final

__all__ = ["likeliest_codepage"]


def likeliest_codepage(head: bytes) -> tuple[str, str]:
    """Return the codec, and why it is not the usual one; empty when it is."""
    words = list(islice(_WORD.findall(head), _LOOKED_AT))
    odd = [word for word in words if not _is_word(word, _USUAL)]
    if len(odd) * 4 <= len(words):
        return _USUAL, ""
    fits = {codec: sum(_is_word(word, codec) for word in words) for codec in _OTHERS}
    best = max(fits, key=fits.__getitem__)  # of equals the first
    if fits[best] < len(words) * _MOST:
        return _USUAL, ""
    shown = next(word for word in odd if _is_word(word, best))
    usual, other = shown.decode(_USUAL, "replace"), shown.decode(best)
    return best, f"{usual!r} is no word, as it would be in {_USUAL}, and {other!r} is one"


_USUAL: Final = "cp1252"
_OTHERS: Final = ("cp1250", "mac-roman", "cp850", "cp1251")
_LOOKED_AT: Final = 2000
_MOST: Final = 0.9
_MANY: Final = 3
"""So many letters beyond ASCII, and none within, are no word of a Latin alphabet."""
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
# What stands within and between words in Western Europe, and is none of their letters.
_BETWEEN: Final = re.compile("[’‘“”„«»–—…•·°€™®©§\u00a0²³ªº]")


def _is_word(word: bytes, codec: str) -> bool:
    try:
        text = word.decode(codec)
    except UnicodeDecodeError:
        return False
    # Superscripts and the like end a word; within one they are letters of another code page.
    parts = _BETWEEN.split(text) if codec == _USUAL and not _INSIDE.search(text) else [text]
    return all(map(_is_plausible, filter(None, parts)))


_INSIDE: Final = re.compile(r"(?<=[^\W\d_])[³²ªº°](?=[^\W\d_])")


def _is_plausible(text: str) -> bool:
    if not text.isalpha():
        return False
    if text[1:] not in (text[1:].lower(), text[1:].upper()) or (text[0].islower() and not text.islower()):
        return False
    alphabets = {unicodedata.name(letter, "?").partition(" ")[0] for letter in text}
    if alphabets == {"LATIN"}:
        return len(text) < _MANY or any(map(str.isascii, text))
    return len(alphabets) == 1
