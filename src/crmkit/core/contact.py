"""A contact: a qualified person, usually at an account."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from crmkit.core.declare import record_type
from crmkit.core.fields import ANY, Derived, Scalar, stored
from crmkit.core.people import PERSON_INDEXES, PERSON_KEYS, Person
from crmkit.core.records import Record
from crmkit.core.values.email import Email

__all__ = ["CONTACT", "CONTACT_POINT", "Contact", "ContactPoint", "PointKind"]


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Contact(Person):
    """A qualified person.

    Attributes:
        account_id: The company this person works for, or None.
    """

    account_id: str | None = attrs.field(default=None, metadata=stored(references="account"))


def check_contact(new: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a contact."""
    if any(new.get(name) for name in ("first_name", "last_name", "email", "phone", "mobile")):
        return []
    return ["a contact needs at least a name, an e-mail address or a phone number"]


CONTACT = record_type(
    Contact,
    name="contact",
    derived=PERSON_KEYS,
    indexed=PERSON_INDEXES,
    search=("first_name", "last_name", "email", "title", "city"),
)


class PointKind(enum.Enum):
    """By what a person can be reached."""

    EMAIL = "email"
    PHONE = "phone"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class ContactPoint(Record):
    """A further e-mail address or phone number of a person.

    Attributes:
        person_id: The lead or contact it belongs to.
        value: The address or number, normalised.
        note: ``home``, ``office`` …, or None.
    """

    person_id: str = attrs.field(metadata=stored(references=ANY))
    kind: PointKind
    value: str
    note: str | None = None

    @property
    def label(self) -> str:
        """What a person calls this."""
        return self.value


def _point_key(kind: Scalar, value: Scalar) -> Scalar:
    if value is None:
        return None
    return Email.trusted(str(value)).key if kind == PointKind.EMAIL.value else value


CONTACT_POINT = record_type(
    ContactPoint,
    name="contact_point",
    prefix="point",
    derived=(Derived(name="value_key", sources=("kind", "value"), compute=_point_key),),
    indexed=("value_key",),
)
