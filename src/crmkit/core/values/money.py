"""Amounts of money, exact to the smallest coin."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import cache, total_ordering
from typing import Final, Self

import attrs

__all__ = ["UNUSUAL_DIGITS", "Money", "minor_digits", "sum_by_currency"]


# Converters stand first, because the class needs them when it is made.


def _decimal(amount: object) -> Decimal:
    if isinstance(amount, bool | float) or not isinstance(amount, Decimal | int | str):
        raise TypeError(f"an amount is a Decimal, not a {type(amount).__name__}")
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        raise ValueError(f"{amount!r} is no decimal number") from error
    if not value.is_finite():
        raise ValueError(f"{amount} is no amount")
    return value


def _code(currency: str) -> str:
    code = currency.strip().upper()
    if code in _COMMON or code in _currencies():
        return code
    raise ValueError(f"{currency!r} is no ISO 4217 currency code")


@total_ordering
@attrs.frozen(order=False, repr=False)
class Money:
    """An exact amount in one currency.

    A float is refused with TypeError, for it has lost the amount already; so
    is mixing currencies, in sums and comparisons alike. What does not fit into
    the currency's minor units is refused with ValueError instead of rounded.

    Attributes:
        amount: Always with all minor digits, so that equal amounts look equal.
            An int or a plain decimal text is taken as well.
        currency: The ISO 4217 code, upper case. Past currencies are known, too.
    """

    amount: Decimal = attrs.field(converter=_decimal)
    currency: str = attrs.field(converter=_code)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "amount", _quantized(self.amount, self.currency))

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(Decimal(), currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        """Make 12.34 EUR of 1234, and 1234 JPY of 1234."""
        if abs(minor) > _LARGEST_MINOR:
            raise ValueError(_TOO_LARGE)
        return cls(Decimal(minor).scaleb(-minor_digits(currency), _EXACT), currency)

    @classmethod
    def parse(cls, text: str, default_currency: str | None = None) -> Self:
        """Read an amount as people write it: ``1 234,56 €``, ``EUR 1,234.56``, ``(15.00) $``.

        A single comma or point before exactly three digits groups thousands,
        unless the currency itself has three minor digits. ``$``, ``¥`` and
        ``kr`` mean *default_currency* where that is one of theirs; else ``$``
        is USD, ``¥`` is JPY, and ``kr`` is refused.

        Raises:
            ValueError: It is no amount, or has no currency and no default is given.
        """
        matched = _WRITTEN.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
        if not matched or bool(matched["open"]) != bool(matched["close"]):
            raise ValueError(f"{text[:_LONGEST_TEXT]!r} is no amount of money")
        signs = [sign for sign in (matched["before"], matched["after"]) if sign]
        if len(signs) > 1:
            raise ValueError(f"{text!r} names two currencies")
        currency = _meant(signs[0], default_currency) if signs else default_currency
        if currency is None:
            raise ValueError(f"{text!r} names no currency")
        minus = bool(matched["open"]) != bool(matched["minus"] or matched["minus_inside"])
        number = _number(matched["number"], minor_digits(currency))
        return cls(-number if minus else number, currency)

    @property
    def minor(self) -> int:
        """The amount in minor units, such as cents."""
        return int(self.amount.scaleb(minor_digits(self.currency), _EXACT))

    def weighted(self, percent: int) -> Self:
        """Return *percent* (0 to 100) of this amount, rounded half to even to whole minor units."""
        if not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(f"a probability lies between 0 and 100 percent, not at {percent}")
        share = Decimal(self.minor * percent).scaleb(-2, _EXACT)
        return self.from_minor(int(share.to_integral_value(ROUND_HALF_EVEN)), self.currency)

    def format(self, locale: str = "en") -> str:
        """Write the amount for people, with Babel: ``€12,000.00``, in French ``12 000,00 €``."""
        from babel import Locale

        spoken = Locale.parse(locale.replace("-", "_"))
        pattern = copy.copy(spoken.currency_formats["standard"])
        digits = minor_digits(self.currency)
        pattern.frac_prec = (digits, digits)  # Babel would round to the digits of cash
        return str(pattern.apply(self.amount, spoken, currency=self.currency, currency_digits=False))

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def __repr__(self) -> str:
        return f"Money('{self.amount:f}', {self.currency!r})"

    def __add__(self, other: Money) -> Self:
        return self.from_minor(self.minor + self._minor_of(other), self.currency)

    def __sub__(self, other: Money) -> Self:
        return self.from_minor(self.minor - self._minor_of(other), self.currency)

    def __neg__(self) -> Self:
        return self.from_minor(-self.minor, self.currency)

    def __mul__(self, factor: int | Decimal) -> Self:
        """Multiply exactly; ValueError where minor units are too coarse for the product."""
        try:
            product = _EXACT.multiply(self.amount, _decimal(factor))
        except (Inexact, InvalidOperation, Overflow) as error:
            raise ValueError(f"{self} times {factor} is not exact") from error
        return type(self)(product, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._minor_of(other)

    def _minor_of(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"{self} and {other!r} do not go together: the latter is no Money")
        if other.currency != self.currency:
            raise TypeError(f"{self} and {other} do not go together: the currencies differ")
        return other.minor


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has by ISO 4217: 2 for EUR, 0 for JPY, 3 for TND.

    Babel's own answer (CLDR) is not used: it tells how cash is written, and so
    denies the Serbian dinar and others the decimals that invoices carry.
    """
    return UNUSUAL_DIGITS.get(_code(currency), 2)


def sum_by_currency(monies: Iterable[Money]) -> dict[str, Money]:
    """Add up amounts, one sum per currency, in the order of first appearance."""
    sums: dict[str, int] = {}
    for money in monies:
        sums[money.currency] = sums.get(money.currency, 0) + money.minor
    return {currency: Money.from_minor(minor, currency) for currency, minor in sums.items()}


# Amounts are stored as 64-bit integers of minor units.
_LARGEST_MINOR: Final = 2**63 - 1
_TOO_LARGE: Final = "the amount is too large to be stored"

# The context of the caller's thread may round; this one raises instead.
_EXACT: Final = Context(prec=40, traps=[Inexact, InvalidOperation, Overflow])

_NO_DIGITS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS: Final = "BHD IQD JOD KWD LYD OMR TND"
UNUSUAL_DIGITS: Final = {
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}
"""Currency code to its decimals, where these are not two."""

# Known without loading Babel, which takes longer than everything else here.
_OFTEN_SEEN: Final = (
    "AED AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MAD MXN MYR NOK NZD PLN RON SAR SEK SGD"
    " THB TND TRY TWD USD XAF XOF ZAR"
)
_COMMON: Final = frozenset(_OFTEN_SEEN.split())


@cache
def _currencies() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


def _quantized(amount: Decimal, currency: str) -> Decimal:
    digits = minor_digits(currency)
    try:
        exact = _EXACT.quantize(amount, Decimal((0, (1,), -digits)))
    except Inexact as error:
        raise ValueError(f"{amount} has more than the {digits} decimals of {currency}") from error
    except InvalidOperation as error:
        raise ValueError(_TOO_LARGE) from error
    if abs(exact.scaleb(digits, _EXACT)) > _LARGEST_MINOR:
        raise ValueError(_TOO_LARGE)
    return exact or abs(exact)  # no negative zero


_LONGEST_TEXT: Final = 64
_SIGN: Final = r"[^\W\d_]{1,3}\.?|[^\W\d_]{0,2}[$€£¥₹₽₺₩₪₫₴₦₱฿]"
_WRITTEN: Final = re.compile(
    rf"(?P<open>\()?\s*(?P<minus>[-−+])?\s*(?P<before>{_SIGN})?\s*(?P<minus_inside>[-−])?\s*"
    rf"(?P<number>[0-9](?:[0-9.,'’\s]*[0-9])?)\s*(?P<after>{_SIGN})?\s*(?P<close>\))?"
)
_OWN_SIGNS: Final = (
    "€=EUR £=GBP ₹=INR ₽=RUB ₺=TRY ₩=KRW ₪=ILS ₫=VND ₴=UAH ₦=NGN ₱=PHP ฿=THB"
    " US$=USD CA$=CAD C$=CAD A$=AUD AU$=AUD NZ$=NZD HK$=HKD S$=SGD NT$=TWD MX$=MXN R$=BRL"
    " ZŁ=PLN KČ=CZK FT=HUF LEI=RON FR=CHF SFR=CHF"
)
_SIGNS: Final = dict(pair.split("=") for pair in _OWN_SIGNS.split())
_DOLLARS: Final = "ARS AUD BBD BMD BSD BZD CAD CLP COP FJD GYD HKD JMD MXN NZD SGD TTD TWD USD UYU"
_SHARED_SIGNS: Final = {
    "$": frozenset(_DOLLARS.split()),
    "¥": frozenset({"JPY", "CNY"}),
    "KR": frozenset({"SEK", "NOK", "DKK", "ISK"}),
}
_USUAL: Final = {"$": "USD", "¥": "JPY"}


def _meant(sign: str, default_currency: str | None) -> str:
    sign = sign.rstrip(".").upper()
    if sign in _SHARED_SIGNS:
        if default_currency is not None and _code(default_currency) in _SHARED_SIGNS[sign]:
            return default_currency
        if sign not in _USUAL:
            raise ValueError(f"{sign.lower()!r} may be one of {', '.join(sorted(_SHARED_SIGNS[sign]))}: write the code")
        return _USUAL[sign]
    return _code(_SIGNS.get(sign, sign))


_THREE: Final = 3  # digits make a group of thousands; the lakhs of India come in twos


def _number(text: str, digits: int) -> Decimal:
    """Tell the decimal sign from that of the thousands, and read the number."""
    whole, fraction = text, ""
    if marks := [mark for mark in text if mark in ".,"]:
        head, _, tail = text.rpartition(marks[-1])
        groups = len(tail) == _THREE != digits and head.isdecimal() and len(head) <= _THREE and head[0] != "0"
        if len(set(marks)) > 1 or (len(marks) == 1 and not groups):
            whole, fraction = head, tail
    first, *others = re.split(r"[.,'’\s]", whole)
    separators = {" " if mark.isspace() else mark for mark in whole if not mark.isdecimal()}
    grouped = not others or (
        len(separators) == 1
        and 0 < len(first) <= _THREE == len(others[-1])
        and all(len(group) in {_THREE - 1, _THREE} for group in others)
    )
    if not grouped or (fraction and not fraction.isdecimal()):
        raise ValueError(f"{text!r} is no number")
    return Decimal(f"{first}{''.join(others)}.{fraction or 0}")
