"""Tests for the code of others: subclass a contract, provide its fixture, run pytest.

Needs pytest and hypothesis, which crmkit itself does not.
"""

import pytest

pytest.register_assert_rewrite("crmkit.testing.importer", "crmkit.testing.lead_source", "crmkit.testing.storage")

from crmkit.testing.importer import ImporterContract  # noqa: E402  # only now it is rewritten
from crmkit.testing.lead_source import LeadSourceContract  # noqa: E402  # only now it is rewritten
from crmkit.testing.storage import StorageContract  # noqa: E402  # only now it is rewritten

__all__ = ["ImporterContract", "LeadSourceContract", "StorageContract"]
