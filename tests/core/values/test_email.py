from __future__ import annotations

import pickle

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES
from hypothesis import example, given
from hypothesis import strategies as st

from crmkit.core.values import Email
from crmkit.core.values.email import _CASELESS_NAMES, _plain, parse_emails

SEEDS = (
    "jules.etienne@example.fr",
    "INFO@Example.org",
    "a@b.test",
    "x@mail.local",
    "jules+tag@sub-domain.example.co.uk",
    "o'brien@ex--ample.com",
    "a_b@xn--exmple-cua.fr",
    "J@x.invalid",
    "é@ü.de",
    "a@1.2.c0m",
    "a@sub.onion",
    f"a@{'b' * 63}.fr",
    f"a@{'b' * 64}.fr",
    f"{'a' * 250}@b.fr",
)


@st.composite
def mutated_addresses(draw: st.DrawFn) -> str:
    """An address with up to four characters put in, changed or taken out."""
    text = list(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 1))
        text[at : at + width] = draw(st.sampled_from(["", *"@.--_ aZ09é'\"<>,;:ſK\u200b\n\t+%/xn[]()\\"]))
    return "".join(text)


def the_library_says(text: str) -> str | None:
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None


def we_say(text: str) -> str | None:
    try:
        return Email(text)
    except ValueError:
        return None


@given(mutated_addresses())
@example("INFO@EXAMPLE.ORG")
@example("a@b.ARPA")
def test_the_answer_is_that_of_email_validator(text: str) -> None:
    assert we_say(text) == the_library_says(text)


@given(mutated_addresses())
def test_a_normalised_address_is_normalised_to_itself(text: str) -> None:
    once = we_say(text)

    assert once is None or Email(str(once)) == once


def test_plain_addresses_do_not_need_the_library() -> None:
    plain = [text for text in SEEDS if _plain(text)]

    assert "jules.etienne@example.fr" in plain
    assert "jules+tag@sub-domain.example.co.uk" in plain


def test_the_short_cut_knows_what_the_library_treats_specially() -> None:
    assert set(CASE_INSENSITIVE_MAILBOX_NAMES) == _CASELESS_NAMES
    assert set(SPECIAL_USE_DOMAIN_NAMES) == {"arpa", "invalid", "local", "localhost", "onion", "test"}


def test_blanks_go_and_the_domain_is_lower_case_unicode() -> None:
    email = Email("  Jules@Exämple.FR ")

    assert email == "Jules@exämple.fr"
    assert email.domain == "exämple.fr"


def test_spellings_of_one_address_share_a_key() -> None:
    assert Email("Jules@Example.fr").key == Email("jULES@example.FR").key
    assert Email("jules@example.fr").key != Email("jules+tag@example.fr").key


def test_an_email_is_taken_at_once_and_a_trusted_text_unchecked() -> None:
    stored = Email.trusted("not an address")

    assert Email(stored) is stored


@pytest.mark.parametrize("text", ["a@example.com", "a@example.org", "a@shop.test"])
def test_domains_reserved_for_examples_and_tests_are_valid(text: str) -> None:
    assert Email(text) == text


@pytest.mark.parametrize("text", ["", "  ", "jules", "jules@", "@x.fr", "a@b", "Jules <a@b.fr>", "a@b.fr, c@d.fr"])
def test_what_is_no_address_is_refused_in_one_clause(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^A-Z].*[^.]$"):
        Email(text)


def test_a_text_too_long_to_be_an_address_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="at most 320 characters"):
        Email("a" * 10_000_000 + "@example.org")


def test_an_email_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(Email("a@example.org")))  # noqa: S301 - our own bytes

    assert (type(again), again) == (Email, "a@example.org")


def test_a_column_gives_values_and_reasons_side_by_side() -> None:
    values, reasons = parse_emails([" A@Example.org ", None, "  ", "nonsense", " A@Example.org "])

    assert values == ["A@example.org", None, None, None, "A@example.org"]
    assert [bool(reason) for reason in reasons] == [False, False, False, True, False]


@given(st.lists(st.none() | mutated_addresses()))
def test_a_column_says_what_each_cell_says(texts: list[str | None]) -> None:
    values, reasons = parse_emails(texts)

    assert values == [we_say(text or "") for text in texts]
    for text, value, reason in zip(texts, values, reasons, strict=True):
        assert (value is None) == (reason is not None or not (text or "").strip())
