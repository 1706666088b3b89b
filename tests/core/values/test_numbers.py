"""Numbers as people write them, with the sign before the decimals that a column has told."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values.numbers import DecimalSign, currency_of, read_money, read_number, signs_of


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("1 234,56", {","}),
        ("1.234,56", {","}),
        ("1.234.567", {","}),
        ("-3,5", {","}),
        ("1 234,56 €", {","}),
        ("1,234.56", {"."}),
        ("1'234.56", {"."}),
        ("12,34,567.89", {"."}),
        ("(15.00)", {"."}),
        ("0.125", {"."}),
        ("1,234", {",", "."}),
        ("1.234", {",", "."}),
    ],
)
def test_a_value_tells_which_sign_can_part_its_decimals(text: str, signs: set[str]) -> None:
    assert set(signs_of(text) or ()) == signs


@pytest.mark.parametrize("text", ["12", "1 234", "31.12.2026", "01 42 68 53 00", "1.2.3", "", "twelve"])
def test_what_has_no_such_sign_or_is_no_number_says_nothing(text: str) -> None:
    assert signs_of(text) is None


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("1 234,56", ",", "1234.56"),
        ("1\u202f234,56", ",", "1234.56"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("1,234", ".", "1234"),
        ("(15.00)", ".", "-15"),
        ("−7,5", ",", "-7.5"),
        ("+7", ".", "7"),
        ("1e-05", ".", "0.00001"),
    ],
)
def test_a_number_is_read_with_its_sign(text: str, sign: DecimalSign, number: str) -> None:
    assert read_number(text, sign) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,234.56", "is not a number with a comma before its decimals"),
        ("12 €", "is not a number"),
        ("15 %", "is not a number"),
        ("(12", "is not a number"),
        ("many", "is not a number"),
    ],
)
def test_what_is_no_number_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_number(text, ",")


def test_money_is_read_with_the_sign_of_its_column_and_the_currency_of_its_header() -> None:
    assert str(read_money("1.234", ",", "EUR")) == "1234.00 EUR"
    assert str(read_money("$1,234.50", ".", "EUR")) == "1234.50 USD"
    assert str(read_money("-1.234,5 €", ",", None)) == "-1234.50 EUR"
    assert str(read_money("12.345", ".", "TND")) == "12.345 TND"


@pytest.mark.parametrize(
    ("text", "currency", "said"),
    [("12.345", "EUR", "more than the 2 decimals"), ("12", None, "names no currency"), ("soon", "EUR", "no amount")],
)
def test_what_is_no_money_is_explained(text: str, currency: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_money(text, ".", currency)


@pytest.mark.parametrize(
    ("header", "currency"),
    [("Amount (EUR)", "EUR"), ("Montant €", "EUR"), ("Price in USD", "USD"), ("CRM value", None), ("Budget", None)],
)
def test_a_header_may_name_the_currency(header: str, currency: str | None) -> None:
    assert currency_of(header) == currency


@given(
    number=st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    style=st.sampled_from([(",", "."), (" ", ","), (".", ","), ("'", "."), ("", ".")]),
)
def test_whatever_is_written_in_a_style_is_read_in_it(number: Decimal, style: tuple[str, DecimalSign]) -> None:
    grouping, sign = style
    text = f"{number:,.2f}".replace(",", "_").replace(".", sign).replace("_", grouping)

    assert read_number(text, sign) == number
    assert sign in (signs_of(text) or ())
