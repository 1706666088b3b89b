"""What leads and contacts have in common: a person who can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import Derived, Scalar, stored
from crmkit.core.records import Record
from crmkit.core.values.email import Email
from crmkit.core.values.names import name_key, name_key_column
from crmkit.core.values.phone import Phone

__all__ = ["PERSON_INDEXES", "PERSON_KEYS", "Person", "email_keys", "name_keys", "person_name"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Person(Record):
    """A person who can be reached.

    Attributes:
        salutation: ``Mr``, ``Mme``, ``Dr`` …; not a job title.
        title: The job title.
        email: The main address; further ones are `ContactPoint` records.
        phone: The main number, in E.164.
        mobile: The mobile number, in E.164.
        country: ISO 3166 alpha-2.
        language: ISO 639-1; decides in which language this person is written to.
        source_id: The id that the source gave this person.
        import_key: What identifies the row this person was imported from, or None.
        notes: What was written about this person at capture.
        extra: What the source knew and crmkit has no field for.
    """

    salutation: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    email: Email | None = attrs.field(default=None, converter=attrs.converters.optional(Email))
    phone: Phone | None = attrs.field(
        default=None, converter=attrs.converters.optional(Phone), metadata=stored(indexed=True)
    )
    mobile: Phone | None = attrs.field(
        default=None, converter=attrs.converters.optional(Phone), metadata=stored(indexed=True)
    )
    website: str | None = None
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    language: str | None = None
    source_id: str | None = None
    import_key: str | None = attrs.field(default=None, metadata=stored(indexed=True, editable=False))
    notes: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """First and last name, or what there is of them."""
        return person_name(self.first_name, self.last_name)

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.name or self.email or self.phone or self.mobile or self.id


def person_name(first: object, last: object) -> str:
    """Return first and last name as one text."""
    return " ".join(str(part) for part in (first, last) if part)


def email_keys(emails: Sequence[Scalar]) -> list[Scalar]:
    """Return the key of each address; see `Email.key`."""
    return [str(email).casefold() if email else None for email in emails]


def name_keys(firsts: Sequence[Scalar], lasts: Sequence[Scalar]) -> list[Scalar]:
    """Return the key of each name; see `crmkit.core.values.names.name_key`."""
    folded = [name_key_column([str(name or "") for name in names]) for names in (firsts, lasts)]
    return [f"{first} {last}" if first and last else first or last or None for first, last in zip(*folded, strict=True)]


def _email_key(email: Scalar) -> Scalar:
    return Email.trusted(str(email)).key if email else None


def _person_key(first: Scalar, last: Scalar) -> Scalar:
    return name_key(person_name(first, last)) or None


PERSON_KEYS = (
    Derived(name="email_key", sources=("email",), compute=_email_key, compute_columns=email_keys),
    Derived(name="name_key", sources=("first_name", "last_name"), compute=_person_key, compute_columns=name_keys),
)
"""How a person is recognised: by the key of the main address, and by name together with something else."""

PERSON_INDEXES = ("email_key", "name_key")
