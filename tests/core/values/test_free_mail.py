"""Domains that name no company: those of mail providers, and those of disposable mail, which are loaded late."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crmkit.core.values.company import is_free_mail
from crmkit.core.values.free_mail import FREE_MAIL_DOMAINS

LATE = """
import sys
import crmkit
from crmkit.core.values.company import is_free_mail
crmkit.open("memory:", discover=False)
print(is_free_mail("gmail.com"), "disposable_email_domains" in sys.modules)
print(is_free_mail("mailinator.com"), "disposable_email_domains" in sys.modules)
"""


@pytest.mark.parametrize(
    "domain", ["mailinator.com", "YOPMAIL.com", "10minutemail.com", "33mail.com", "guerrillamail.com"]
)
def test_disposable_mail_names_no_company(domain: str) -> None:
    assert is_free_mail(domain)


@pytest.mark.parametrize("domain", ["hospy.example", "michelin.com", "gouv.fr", "edf.fr"])
def test_a_company_is_one(domain: str) -> None:
    assert not is_free_mail(domain)


def test_the_list_of_disposable_domains_is_loaded_by_the_first_domain_that_needs_it() -> None:
    told = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True).stdout

    assert told.split() == ["True", "False", "True", "True"]


def test_the_own_list_holds_what_the_package_lacks() -> None:
    from disposable_email_domains import blocklist

    assert {"gmail.com", "orange.fr", "web.de", "qq.com"} <= FREE_MAIL_DOMAINS - blocklist
