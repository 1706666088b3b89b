"""An account: a company, with any number of contacts and deals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import Derived, Scalar, stored
from crmkit.core.records import Record
from crmkit.core.values.company import company_key
from crmkit.core.values.phone import Phone

__all__ = ["ACCOUNT", "Account"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Account(Record):
    """A company.

    Attributes:
        name: Its name as people write it.
        domain: Its internet domain, in lower case without ``www``; never one of a free-mail provider.
        size: How many people work there, or None when unknown.
        parent_id: The account it belongs to, or None.
        country: ISO 3166 alpha-2.
        extra: What the source knew and crmkit has no field for.
    """

    name: str = attrs.field(metadata=stored(indexed=True))
    domain: str | None = attrs.field(default=None, metadata=stored(indexed=True))
    website: str | None = None
    phone: Phone | None = attrs.field(default=None, converter=attrs.converters.optional(Phone))
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    industry: str | None = None
    size: int | None = None
    parent_id: str | None = attrs.field(default=None, metadata=stored(references="account"))
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.name


def _legal_key(name: Scalar) -> Scalar:
    return company_key(str(name)) if name else None


ACCOUNT = record_type(
    Account,
    name="account",
    derived=(Derived(name="company_key", sources=("name",), compute=_legal_key),),
    indexed=("company_key",),
    search=("name", "domain", "city"),
)
