from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.values.company import company_key, domain_of, is_free_mail
from crmkit.core.values.free_mail import FREE_MAIL_DOMAINS


@pytest.mark.parametrize(
    "spellings",
    [
        ("Dupont & Fils", "DUPONT ET FILS SARL", "S.A.R.L. Dupont and Fils", "Dupont + Fils, S.à r.l."),
        ("Müller", "Muller GmbH & Co. KG", "MÜLLER AG", "Müller e.K."),
        ("Acme", "ACME, Inc.", "Acme Ltd", "Acme LLC", "Acme Pty Limited", "acme corp."),
        ("Rossi", "Rossi S.p.A.", "ROSSI SRL", "Rossi S.r.l."),
        ("Jansen", "Jansen B.V.", "Jansen NV", "Jansen BVBA"),
        ("Novo", "Novo A/S", "Novo ApS"),
        ("Kowalski", "Kowalski Sp. z o.o."),
        ("Étoile", "ETOILE (SAS)", "Société Anonyme Étoile", "SASU Etoile"),
        ("Tiffany", "Tiffany & Co."),
    ],
)
def test_spellings_of_one_company_share_a_key(spellings: tuple[str, ...]) -> None:
    assert len({company_key(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Coop", "coop"),
        ("SAS", "sas"),
        ("Johnson & Johnson", "johnson and johnson"),
        ("AG Insurance", "ag insurance"),
        ("株式会社トヨタ", "株式会社トヨタ"),
        ("H&M", "h and m"),
        ("", None),
        (" & ", None),
        ("--", None),
    ],
)
def test_a_name_is_never_taken_for_a_legal_form_as_a_whole(name: str, key: str | None) -> None:
    assert company_key(name) == key


def test_a_name_of_many_forms_is_read_in_one_go() -> None:
    assert company_key("Acme " + "Co. & " * 1_000_000) is not None
    assert company_key("Acme " + "Ltd " * 90) == "acme"


@given(st.lists(st.sampled_from(["Acme", "SARL", "&", "Co.", "et", "S.A.", "GmbH", "e", "Fils", "-"]), max_size=6))
def test_a_key_is_a_key_of_itself(words: list[str]) -> None:
    key = company_key(" ".join(words))

    assert key is None or company_key(key) == key


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("jules@Example.FR", "example.fr"),
        ("https://www.Exämple.fr/path?a@b", "xn--exmple-cua.fr"),
        ("example.fr:80/", "example.fr"),
        ("http://user:pw@shop.example.com:8080", "shop.example.com"),
        ("//cdn.example.com/x", "cdn.example.com"),
        ("mailto:a@b.co", "b.co"),
        ("www.fr", "www.fr"),
        ("example.com.", "example.com"),
        ("localhost", None),
        ("192.168.0.1", None),
        ("http://[::1]/", None),
        ("two words.com", None),
        ("é..fr", None),
        ("", None),
        ("a." * 5_000_000 + "fr", None),
    ],
)
def test_the_domain_of_an_address_or_a_site(text: str, domain: str | None) -> None:
    assert domain_of(text) == domain


@given(st.text())
def test_any_text_has_a_domain_or_none(text: str) -> None:
    domain = domain_of(text)

    assert domain is None or domain_of(domain) == domain


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "orange.fr", "wanadoo.fr", "laposte.net", "free.fr", "sfr.fr", "GMX.de", "web.de", "libero.it"),
        *("hotmail.co.uk", "yahoo.es", "bluewin.ch", "skynet.be", "yopmail.com", "mailinator.com"),
    ],
)
def test_mail_for_anybody_names_no_company(domain: str) -> None:
    assert is_free_mail(domain)


@pytest.mark.parametrize("domain", ["example.com", "salon-expo.fr", "gmail.company.com"])
def test_a_company_has_mail_of_its_own(domain: str) -> None:
    assert not is_free_mail(domain)


def test_each_listed_domain_is_written_as_domains_are_compared() -> None:
    assert {domain_of(domain) for domain in FREE_MAIL_DOMAINS} == FREE_MAIL_DOMAINS
