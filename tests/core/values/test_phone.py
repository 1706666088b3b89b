from __future__ import annotations

import pickle

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.core.values import Phone
from crmkit.core.values.phone import _plain, _thorough, format_phone, parse_phones, split_extension

FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str | None]:
    """A number of some country near a valid one, as somebody there would write it, with slips."""
    home = draw(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
    number = phonenumbers.example_number_for_type(home, draw(st.integers(0, 10)))
    number = number or phonenumbers.example_number(home)
    assert number is not None
    number.national_number = abs((number.national_number or 0) + draw(st.integers(-5000, 5000)))
    text = list(phonenumbers.format_number(number, draw(st.sampled_from(FORMATS))))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 1))
        text[at : at + width] = draw(st.sampled_from(["", *" .-()0123456789/+\u00a0"]))
    return "".join(text), draw(st.sampled_from([home, home, None, "FR"]))


@given(written_numbers())
@settings(max_examples=1000)
def test_the_short_cut_says_yes_only_as_phonenumbers_does(written: tuple[str, str | None]) -> None:
    number = _plain(*written)

    assert number is None or number == _thorough(*written).number


@pytest.mark.parametrize("text", ["+33612345678", "06 12 34 56 78", "+33 (0)6.12.34.56.78", "612345678"])
def test_plain_numbers_take_the_short_cut(text: str) -> None:
    assert _plain(text, "FR") == "+33612345678"


@pytest.mark.parametrize(
    "text",
    [
        "06 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "p:+33612345678",
        "tel:+33-6-12-34-56-78",
        "0033612345678",
        "612345678.0",
        "06\u00a012\u00a034\u00a056\u00a078",
    ],
)
def test_written_forms_of_one_number_give_one_phone(text: str) -> None:
    assert Phone.parse(text, "FR") == "+33612345678"


def test_the_double_zero_is_read_even_where_it_is_not_dialled() -> None:
    assert Phone.parse("0033612345678", None) == "+33612345678"
    assert Phone.parse("0033612345678", "US") == "+33612345678"


def test_the_zero_of_an_italian_number_stays() -> None:
    assert Phone.parse("02 12345678", "IT") == "+390212345678"


@pytest.mark.parametrize("text", ["", "06 12 34 56 78", "+33 6 12 34 56 78", "+33", "+331", "tel:+33612345678"])
def test_a_phone_is_made_of_a_valid_e164_number_only(text: str) -> None:
    with pytest.raises(ValueError, match=r"phone number|not written as"):
        Phone(text)


def test_a_phone_is_taken_at_once_and_a_trusted_text_unchecked() -> None:
    stored = Phone.trusted("call me")

    assert Phone(stored) is stored
    assert Phone("+33612345678") == "+33612345678"


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("06 12 34 56 78", None, "country of the phone number"),
        ("12345", "FR", "not a valid phone number in FR"),
        ("+33 1", "FR", "not a valid phone number"),
        ("3,36E+10", "FR", "lost its digits in a spreadsheet"),
        ("06 12 34 56 78 / 07 12 34 56 78", "FR", "not a valid phone number"),
        ("06 12 34 56 78", "XX", "country of the phone number"),
        ("1" * 10_000_000, "FR", "at most 250 characters"),
    ],
)
def test_what_is_no_valid_number_is_refused_with_the_reason(text: str, region: str | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Phone.parse(text, region)


@pytest.mark.parametrize(
    ("text", "number", "extension"),
    [
        ("(206) 555-0100 x752", "(206) 555-0100", "752"),
        ("+33-6-12-34-56-78;ext=3", "+33-6-12-34-56-78", "3"),
        ("01 23 45 67 89 poste 12", "01 23 45 67 89", "12"),
        ("01 23 45 67 89, ext. 4", "01 23 45 67 89", "4"),
        ("01 23 45 67 89", "01 23 45 67 89", None),
        ("extra 5", "extra 5", None),
    ],
)
def test_an_extension_is_parted_from_its_number(text: str, number: str, extension: str | None) -> None:
    assert split_extension(text) == (number, extension)


def test_a_column_gives_numbers_and_reasons_side_by_side() -> None:
    texts = ["06 12 34 56 78", None, " ", "(206) 555-0100 x752", "12"]

    values, reasons = parse_phones(texts, ["FR", "FR", None, "US", "FR"])

    assert values == ["+33612345678", None, None, "+12065550100", None]
    assert reasons == [None, None, None, "the extension 752 is not part of the number", reasons[4]]
    assert reasons[4] is not None


def test_one_text_is_another_number_in_another_country() -> None:
    values, _ = parse_phones(["030 123456", "030 123456"], ["DE", "GB"])

    assert values == ["+4930123456", None]


def test_a_phone_is_written_for_people() -> None:
    phone = Phone("+33612345678")

    assert format_phone(phone, "international") == "+33 6 12 34 56 78"
    assert format_phone(phone, "national") == "06 12 34 56 78"


def test_a_phone_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(Phone("+33612345678")))  # noqa: S301 - our own bytes

    assert (type(again), again) == (Phone, "+33612345678")
