"""Typed values: once one exists, it is right.

Texts about e-mail, phones, money, names, companies and places come in every
spelling. Each module here turns one kind of them into one form, offers the
key by which two spellings are the same, and knows nothing of leads or files.
"""

from __future__ import annotations

from crmkit.core.values.email import Email
from crmkit.core.values.money import Money
from crmkit.core.values.phone import Phone

__all__ = ["Email", "Money", "Phone"]
