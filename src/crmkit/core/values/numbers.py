"""Numbers as people write them: ``1 234,56``, ``1,234.56``, ``1'234.56``, ``(15.00)``.

Whether a comma or a point is the decimal sign cannot always be told from one value
(``1,234``). A column of them can tell, so `signs_of` looks at one, and `read_number` is told.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, Literal

from crmkit.core.values.money import Money

__all__ = ["DecimalSign", "currency_of", "is_written_number", "read_money", "read_number", "signs_of"]

DecimalSign = Literal[",", "."]


def signs_of(text: str) -> frozenset[DecimalSign] | None:
    """Return which decimal signs a number can have; None when it is none, or both and neither.

    A number without comma and point says nothing.
    """
    found = _WRITTEN.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None or not _MARK.search(found["number"]):
        return None
    return frozenset(sign for sign in _SIGNS if _parsed(found["number"], sign) is not None) or None


def is_written_number(text: str) -> bool:
    """Tell whether a text looks like a number, with whatever signs, or an amount of money."""
    found = _WRITTEN.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    return found is not None and any(_parsed(found["number"], sign) is not None for sign in _SIGNS)


def read_number(text: str, sign: DecimalSign) -> Decimal:
    """Read a number, of which *sign* parts the decimals.

    Raises:
        ValueError: It is none, or not with this sign; with a clause.
    """
    found = _WRITTEN.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None and _SCIENTIFIC.fullmatch(text.strip()):
        return Decimal(text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]) or found["before"] or found["after"]:
        raise ValueError("is not a number")
    number = _parsed(found["number"], sign)
    if number is None:
        name = "a comma" if sign == "," else "a point"
        raise ValueError(f"is not a number with {name} before its decimals")
    return -number if bool(found["minus"]) != bool(found["open"]) else number


def read_money(text: str, sign: DecimalSign, currency: str | None) -> Money:
    """Read an amount, of which *sign* parts the decimals; *currency* is meant where the text names none.

    Raises:
        ValueError: It is none, or its currency is not known; with a clause.
    """
    found = _WRITTEN.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    number = None if found is None else _parsed(found["number"], sign)
    if found is None or number is None:
        raise ValueError("is no amount of money")
    start, end = found.span("number")
    # With four decimals no sign can be taken for that of the thousands.
    plain = (
        f"{number:f}" if number == number.to_integral_value() else f"{number:f}".ljust(len(f"{int(number)}") + 5, "0")
    )
    stripped = text.strip()
    return Money.parse(f"{stripped[:start]}{plain}{stripped[end:]}", currency)


def currency_of(header: str) -> str | None:
    """Return the currency that the name of a column gives (``Amount (EUR)``, ``Montant €``), or None."""
    for word in _CURRENCY.findall(header):
        try:
            return Money.parse(f"0 {word}").currency
        except ValueError:
            continue
    return None


_LONGEST: Final = 64
_SIGNS: Final[tuple[DecimalSign, ...]] = (",", ".")
_SIGN: Final = r"[^\W\d_]{1,3}\.?|[^\W\d_]{0,2}[$€£¥₹₽₺₩₪₫₴₦₱฿]"
_WRITTEN: Final = re.compile(
    rf"(?P<open>\()?\s*(?P<minus>[-−])?\+?\s*(?P<before>{_SIGN})?\s*(?P<minus_inside>[-−])?\s*"
    rf"(?P<number>[0-9](?:[0-9.,'’\s]*[0-9])?)\s*(?P<after>{_SIGN})?\s*(?P<close>\))?"
)
_SCIENTIFIC: Final = re.compile(r"[-+]?\d(?:\.\d{1,30})?[eE][-+]?\d{1,3}")  # as spreadsheets give small numbers
_MARK: Final = re.compile(r"[.,]")
_CURRENCY: Final = re.compile(r"\b[A-Z]{3}\b|[$€£¥₹₽₺₩₪₫₴₦₱฿]")
_THREE: Final = 3  # digits make a group of thousands; the lakhs of India come in twos


def _parsed(number: str, sign: DecimalSign) -> Decimal | None:
    whole, point, fraction = number.rpartition(sign)
    if not point:
        whole, fraction = number, ""
    if sign in whole or (fraction and not fraction.isdecimal()):
        return None
    first, *others = re.split(r"[.,'’\s]", whole)
    marks = {" " if mark.isspace() else mark for mark in whole if not mark.isdecimal()}
    grouped = not others or (
        len(marks) == 1
        and 0 < len(first) <= _THREE == len(others[-1])
        and first[0] != "0"
        and all(len(group) in {_THREE - 1, _THREE} for group in others)
    )
    return Decimal(f"{first}{''.join(others)}.{fraction or 0}") if grouped else None
