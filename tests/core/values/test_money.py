from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import pytest
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values import Money
from crmkit.core.values.money import _COMMON, UNUSUAL_DIGITS, minor_digits, sum_by_currency

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "TND", "CLF"])
MINORS = st.integers(-(10**15), 10**15)
MONIES = st.builds(Money.from_minor, MINORS, CURRENCIES)


@given(MINORS, CURRENCIES)
def test_minor_units_come_back_as_they_went_in(minor: int, currency: str) -> None:
    assert Money.from_minor(minor, currency).minor == minor


@given(MONIES)
def test_what_is_written_is_read_again(money: Money) -> None:
    assert Money.parse(str(money)) == money


@given(MINORS, MINORS, CURRENCIES)
def test_sums_are_sums_of_minor_units(one: int, other: int, currency: str) -> None:
    first, second = Money.from_minor(one, currency), Money.from_minor(other, currency)

    assert (first + second).minor == one + other
    assert first + second - second == first
    assert (first < second) == (one < other)
    assert (first >= second) == (one >= other)


@given(st.lists(MONIES))
def test_sums_by_currency_add_up_each_apart(monies: list[Money]) -> None:
    sums = sum_by_currency(monies)

    assert {code: money.minor for code, money in sums.items()} == {
        code: sum(money.minor for money in monies if money.currency == code) for code in {m.currency for m in monies}
    }


def test_equal_amounts_look_equal() -> None:
    assert Money(Decimal(12000), "eur") == Money(Decimal("12000.000"), "EUR")
    assert str(Money(Decimal(12000), "EUR")) == "12000.00 EUR"
    assert str(Money(Decimal("-0"), "JPY")) == "0 JPY"
    assert Money.zero("EUR") == Money(Decimal(), "EUR")


@pytest.mark.parametrize("amount", [1.5, 1.0, True, None])
def test_a_float_has_lost_the_amount_already(amount: Any) -> None:
    with pytest.raises(TypeError):
        Money(amount, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.005", "EUR"), ("1.5", "JPY"), ("1", "XYZ"), ("1", ""), ("NaN", "EUR"), ("Infinity", "EUR"), ("1e30", "EUR")],
)
def test_what_is_no_exact_amount_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"no ISO|no amount|decimals of|too large"):
        Money(Decimal(amount), currency)


def test_currencies_do_not_mix() -> None:
    euros, dollars = Money(Decimal(1), "EUR"), Money(Decimal(1), "USD")

    assert euros != dollars
    with pytest.raises(TypeError):
        _ = euros + dollars
    with pytest.raises(TypeError):
        _ = euros - dollars
    with pytest.raises(TypeError):
        _ = euros < dollars
    with pytest.raises(TypeError):
        _ = euros >= dollars


def test_a_product_is_exact_or_refused() -> None:
    price = Money(Decimal("19.99"), "EUR")

    assert price * 3 == Money(Decimal("59.97"), "EUR")
    assert 2 * price == price + price
    assert Money(Decimal(10), "EUR") * Decimal("0.15") == Money(Decimal("1.5"), "EUR")
    with pytest.raises(ValueError, match="decimals"):
        _ = price * Decimal("0.1")
    with pytest.raises(TypeError):
        _ = price * 0.5  # type: ignore[operator]  # a float is what is refused


def test_a_coarse_decimal_context_of_the_caller_does_not_round() -> None:
    with decimal.localcontext(decimal.Context(prec=3)):
        total = Money(Decimal("123456.78"), "EUR") + Money(Decimal("0.01"), "EUR")

    assert total.minor == 12_345_679


@pytest.mark.parametrize(
    ("minor", "percent", "expected"), [(125, 50, 62), (135, 50, 68), (-125, 50, -62), (100, 0, 0), (99, 100, 99)]
)
def test_a_weighted_amount_is_rounded_half_to_even(minor: int, percent: int, expected: int) -> None:
    assert Money.from_minor(minor, "EUR").weighted(percent).minor == expected


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_weight_is_a_probability(percent: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        Money.zero("EUR").weighted(percent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 234,56 €", "1234.56 EUR"),
        ("1\u202f234,56\u00a0€", "1234.56 EUR"),
        ("EUR 1,234.56", "1234.56 EUR"),
        ("12 000 EUR", "12000.00 EUR"),
        ("12000", "12000.00 SEK"),
        ("1.234.567,8 eur", "1234567.80 EUR"),
        ("€1,234", "1234.00 EUR"),
        ("1.234 TND", "1.234 TND"),
        ("CHF 1'234.50", "1234.50 CHF"),
        ("1,23,456.5 ₹", "123456.50 INR"),
        ("($15.00)", "-15.00 USD"),
        ("-$15", "-15.00 USD"),
        ("15 kr.", "15.00 SEK"),
        ("R$ 5,00", "5.00 BRL"),
        ("0 JPY", "0 JPY"),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, expected: str) -> None:
    assert str(Money.parse(text, "SEK")) == expected


def test_a_shared_sign_is_the_default_currency_where_that_has_it() -> None:
    assert Money.parse("$5", "CAD").currency == "CAD"
    assert Money.parse("$5", "EUR").currency == "USD"
    with pytest.raises(ValueError, match="DKK"):
        Money.parse("5 kr", "EUR")


@pytest.mark.parametrize(
    "text", ["", "EUR", "12", "1.2 Cr", "12,34,5 €", "1 2 €", "1.2.3 €", "0,123 €", "(5 €", "€5$", "1e3 €", "1" * 65]
)
def test_what_is_no_amount_is_refused_rather_than_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"no amount|no currency|no ISO|no number|decimals of|two currencies"):
        Money.parse(text)


def test_amounts_are_written_in_the_readers_language() -> None:
    money = Money(Decimal(12000), "EUR")

    assert money.format() == "€12,000.00"
    assert money.format("fr-FR") == "12\u202f000,00\u00a0€"
    assert Money(Decimal("12.5"), "RSD").format().endswith("12.50")  # CLDR would round it to 12 or 13


def test_every_currency_short_cut_agrees_with_babel() -> None:
    known = list_currencies()

    assert known >= _COMMON
    assert set(UNUSUAL_DIGITS) <= known
    # Where CLDR differs, it tells how cash is written, or a currency of the past.
    differing = {code for code in _COMMON if get_currency_precision(code) != minor_digits(code)}
    assert differing <= {"IDR", "TWD", "HUF", "CZK", "SEK", "NOK"}
