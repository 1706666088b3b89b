"""Phone numbers, in the one form that can be dialled from anywhere (E.164)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Literal, NamedTuple, Self

__all__ = ["Phone", "format_phone", "is_valid_in", "numbers_in", "parse_phones", "split_extension"]

_LONGEST: Final = 250
"""What phonenumbers reads at most."""
_FEWEST_OF_SEVERAL: Final = 14
"""So many digits have two numbers at least."""


class Phone(str):
    """A valid phone number in E.164: ``+33612345678``.

    Numbers as people write them go through `Phone.parse`. What is valid is
    decided by phonenumbers: the number fits the numbering plan of its country.

    Raises:
        ValueError: It is no such number; the message says why in one clause.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        if not text.startswith("+") or _parsed(text, None).number != text:
            raise ValueError(f"{text[:_LONGEST]!r} is not written as +33612345678")
        return str.__new__(cls, text)

    @classmethod
    def parse(cls, text: str, region: str | None) -> Self:
        """Read a number as it was written: ``06 12 34 56 78``, ``+33 (0)6…``, ``tel:…``, ``p:…``.

        E.164 has no extensions: one that the text names is not part of the
        result. Ask `split_extension` where it must not be lost.

        Args:
            region: The ISO 3166 code of the country whose numbers may be
                written without ``+``, or None if that is not known.

        Raises:
            ValueError: It is no valid number, or its country is not known.
        """
        return str.__new__(cls, _parsed(text, region).number)

    @classmethod
    def trusted(cls, text: str) -> Self:
        """Take a text that was a `Phone` before, such as one from our own storage, unchecked."""
        return str.__new__(cls, text)


def parse_phones(
    texts: Sequence[str | None], regions: Sequence[str | None]
) -> tuple[list[str | None], list[str | None]]:
    """Read a column of numbers, each with the region it would be dialled from.

    Returns:
        The numbers in E.164, and the reasons. Both are as long as *texts*;
        where a text is None or blank, both are None. A reason without a number
        says why the text is none; a reason beside a number says what was left
        out of it (the extension).
    """
    written = list(zip(texts, regions, strict=True))
    values: dict[tuple[str | None, str | None], str | None] = dict.fromkeys(written)
    reasons: dict[tuple[str | None, str | None], str] = {}
    for key in values:
        if key[0]:
            values[key], reason = _read(*key)
            if reason is not None:
                reasons[key] = reason
    return [values[key] for key in written], [*map(reasons.get, written)] if reasons else [None] * len(written)


def is_valid_in(text: str, region: str) -> bool:
    """Tell whether a text is a number as they are written in a country; quick, for whoever tries many countries."""
    plan, plain = _plan(region), text.replace("/", " ")
    if plan is not None and _plain(plain, region) is not None:
        return True
    # A plan speaks for its country alone, though others may share its code, and for numbers without it.
    is_whole = plan is not None and len(_regions_of_code(plan.code)) == 1
    if is_whole and plan is not None and not plain.lstrip(" (").startswith(plan.code):
        return False
    return _read(text, region)[0] is not None


def numbers_in(text: str, region: str | None) -> list[str]:
    """Return the numbers, in E.164, in a text that has something else besides; none in one that has too few digits."""
    if sum(map(str.isdigit, text)) < _FEWEST_OF_SEVERAL or len(text) > _LONGEST:
        return []
    import phonenumbers

    matches = phonenumbers.PhoneNumberMatcher(text, region.upper() if region else None)
    found = [phonenumbers.format_number(each.number, phonenumbers.PhoneNumberFormat.E164) for each in matches]
    words = text.split()
    for i in range(1, len(words) if not found else 0):  # two that only a blank parts
        pair, _ = parse_phones([" ".join(words[:i]), " ".join(words[i:])], [region, region])
        if None not in pair:
            return [number for number in pair if number]
    return found


def split_extension(text: str) -> tuple[str, str | None]:
    """Part a written number from its extension: ``(206) 555-0100 x752`` gives ``752`` apart."""
    if len(text) <= _LONGEST and (found := _EXTENSION.search(text)):
        return text[: found.start()].rstrip(), found[1]
    return text, None


def format_phone(phone: Phone, style: Literal["international", "national"]) -> str:
    """Write a number for people: ``+33 6 12 34 56 78``, or ``06 12 34 56 78`` at home."""
    import phonenumbers

    formats = phonenumbers.PhoneNumberFormat
    wanted = formats.NATIONAL if style == "national" else formats.INTERNATIONAL
    return phonenumbers.format_number(phonenumbers.parse(phone), wanted)


class _Parsed(NamedTuple):
    number: str
    extension: str | None = None


def _read(text: str | None, region: str | None) -> tuple[str | None, str | None]:
    if not text:
        return None, None
    if len(text) <= _LONGEST and (plain := _plain(text, region.upper() if region else None)):
        return plain, None
    if text.isspace():
        return None, None
    try:
        number, extension = _parsed(text, region)
    except ValueError as error:
        return None, str(error)
    return number, None if extension is None else f"the extension {extension} is not part of the number"


def _parsed(text: str, region: str | None) -> _Parsed:
    region = region.upper() if region else None
    if len(text) > _LONGEST:
        raise ValueError(f"a phone number has at most {_LONGEST} characters")
    if (number := _plain(text, region)) is not None:
        return _Parsed(number)
    return _thorough(text, region)


# --- the plain shape -------------------------------------------------------------------------
# Digits and the usual punctuation, no extension. Patterns that come from phonenumbers' own metadata
# answer it at a tenth of the cost. They only ever say yes, and only where phonenumbers does; all
# else is put to phonenumbers itself.

_PUNCTUATION: Final = dict.fromkeys(map(ord, " .-()\u00a0\u202f"))


class _Plan(NamedTuple):
    """The numbering plan of one region, as far as plain numbers need it."""

    code: str
    international_prefix: Callable[[str], object]
    national_prefix: Callable[[str], re.Match[str] | None]
    patterns: dict[int, str]


def _plain(text: str, region: str | None) -> str | None:
    digits = text.translate(_PUNCTUATION)
    if digits[:1] == "+":
        digits = digits[1:]
        if not (digits.isascii() and digits.isdecimal()) or (plan := _plan_of_code(_code_of(digits))) is None:
            return None
        digits = digits[len(plan.code) :]
    else:
        if region is None or not (digits.isascii() and digits.isdecimal()) or text.endswith(".0"):
            return None
        plan = _plan(region)
        if plan is None or digits.startswith(plan.code) or plan.international_prefix(digits):
            return None
    if prefix := plan.national_prefix(digits):
        digits = digits[prefix.end() :]
    pattern = plan.patterns.get(len(digits))
    return f"+{plan.code}{digits}" if pattern and _compiled(pattern)(digits) else None


def _code_of(digits: str) -> str:
    # Country codes are prefix-free: 1 and 7 stand alone, some have two digits, the others three.
    if digits[:1] in {"1", "7"}:
        return digits[:1]
    return digits[:2] if digits[:2] in _TWO_DIGIT_CODES else digits[:3]


_TWO_DIGITS: Final = (
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66"
    " 81 82 84 86 90 91 92 93 94 95 98"
)
_TWO_DIGIT_CODES: Final = frozenset(_TWO_DIGITS.split())


@cache
def _plan_of_code(code: str) -> _Plan | None:
    if not code or code[0] == "0":
        return None
    regions = _regions_of_code(code)
    return _plan(regions[0]) if regions else None


def _regions_of_code(code: str) -> Sequence[str]:
    import phonenumbers

    regions: Sequence[str] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    return regions


@cache
def _plan(region: str) -> _Plan | None:
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None or metadata.leading_digits or metadata.national_prefix_transform_rule:
        return None
    general = metadata.general_desc
    if general is None:
        return None
    kinds = (
        *(metadata.fixed_line, metadata.mobile, metadata.toll_free, metadata.premium_rate, metadata.shared_cost),
        *(metadata.voip, metadata.personal_number, metadata.pager, metadata.uan, metadata.voicemail),
    )
    by_length: dict[int, str] = {}
    for length in general.possible_length:
        patterns = [
            kind.national_number_pattern
            for kind in kinds
            if kind and kind.national_number_pattern and length in (kind.possible_length or (length,))
        ]
        if patterns:
            by_length[length] = rf"(?=(?:{general.national_number_pattern})\Z)(?:{'|'.join(patterns)})"
    return _Plan(
        code=str(metadata.country_code),
        international_prefix=re.compile(metadata.international_prefix or "(?!)").match,
        national_prefix=re.compile(metadata.national_prefix_for_parsing or "(?!)").match,
        patterns=by_length,
    )


@cache
def _compiled(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch  # only of the lengths that are met: a plan has many, each worth a millisecond


# --- everything else -------------------------------------------------------------------------

_EXTENSION: Final = re.compile(
    r"[\s,;]*(?:;ext=|\b(?:extension|extn|ext|poste|post|durchwahl|interno|anexo)\b[.:\s]*|(?<=[\d\s)])[x#]\s?)(\d{1,7})\s*\Z",
    re.IGNORECASE,
)
_LONGEST_EXTENSION: Final = 7
"""What is longer is another number."""
_SCIENTIFIC: Final = re.compile(r"([0-9])[.,]?([0-9]*)[eE]\+?([0-9]{1,2})")
_FLOAT: Final = re.compile(r"([0-9]{6,})\.0")


def _thorough(text: str, region: str | None) -> _Parsed:
    import phonenumbers

    text = text.strip()
    if found := _SCIENTIFIC.fullmatch(text):
        if len(found[2]) < int(found[3]):
            raise ValueError(f"{text!r} has lost its digits in a spreadsheet")
        text = found[1] + found[2].ljust(int(found[3]), "0")[: int(found[3])]
    if found := _FLOAT.fullmatch(text):  # a number cell of a spreadsheet
        text = found[1]
    text, extension = split_extension(text)
    reason = f"{text!r} is not a valid phone number"
    attempts = [(text, region)]
    if text.startswith("00"):  # dialled abroad in most of the world, though not everywhere
        attempts.append((f"+{text[2:]}", None))
    for written, home in attempts:
        try:
            number = phonenumbers.parse(written, home)
        except phonenumbers.NumberParseException as error:
            if error.error_type == error.INVALID_COUNTRY_CODE and not written.startswith("+"):
                reason = f"the country of the phone number {text!r} is not known"
            continue
        if phonenumbers.is_valid_number(number) and len(number.extension or "") <= _LONGEST_EXTENSION:
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return _Parsed(e164, extension or number.extension)
        reason = f"{text!r} is not a valid phone number" + (f" in {home}" if home and text[:1] != "+" else "")
    raise ValueError(reason)
