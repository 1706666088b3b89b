"""What a mail template can speak of: a person, an account, a campaign, the sender, the way out.

A person goes by both names, ``lead`` and ``contact``, whichever it is, so that one
template serves a campaign whose members are leads and, later, contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from crmkit.core.fields import Kind, Row
from crmkit.core.people import person_name
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.core.values.money import Money
from crmkit.errors import ConfigError, RejectedError
from crmkit.services.mime import split_sender, unsubscribe_headers
from crmkit.services.settings import MailSettings

__all__ = ["known_values", "person_values", "plain_reader", "sender_values", "unsubscribe_link", "way_out"]


def known_values(schema: Schema) -> Mapping[str, tuple[str, ...]]:
    """Return what templates of this workspace may use: from each root to the names below it."""
    person = ("name", *_names(schema["lead"]), *_names(schema["contact"]))
    return {
        "lead": person,
        "contact": person,
        "account": tuple(_names(schema["account"])),
        "campaign": tuple(_names(schema["campaign"])),
        "sender": ("name", "address"),
        "unsubscribe_url": (),
    }


def person_values(person: Mapping[str, object], account: Mapping[str, object]) -> dict[str, object]:
    """Return the roots that differ from person to person; the company is that of the account, if there is one."""
    name = person_name(person.get("first_name"), person.get("last_name"))
    company = person.get("company") or account.get("name")
    values = {**person, "name": name, "company": company}
    return {"lead": values, "contact": values, "account": account}


def plain_reader(kind: RecordType) -> Callable[[Row], dict[str, object]]:
    """Return a function from a row to its values as templates take them: no empty ones, text for enums and addresses.

    An amount of money is a number, with the currency beside it: ``budget`` and ``budget_currency``.
    """
    places = [(a.name, kind.position[a.fields[0]], len(a.fields), a.codec.decode) for a in kind.attributes]

    def read(row: Row) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, first, width, decode in places:
            value: object = row[first]
            if value is None:
                continue
            if decode is not None and kind.fields[first].kind is not Kind.TEXT:
                value = decode(*row[first : first + width])
            if isinstance(value, Money):
                values[f"{name}_currency"] = value.currency
                value = value.amount
            values[name] = value
        return values

    return read


def sender_values(mail: MailSettings) -> dict[str, str]:
    """Return who writes.

    Raises:
        ConfigError: The configured sender is not an address.
    """
    try:
        name, address = split_sender(mail.sender)
    except RejectedError as error:
        raise ConfigError(
            f"no mail can be sent by {mail.sender!r}", setting="mail.sender", hint="write: Name <name@example.com>"
        ) from error
    return {"name": name, "address": address}


def way_out(mail: MailSettings, address_key: str) -> dict[str, str]:
    """Return the one-click headers for a recipient; none when no address for them is configured.

    Raises:
        ConfigError: The configured address or secret cannot be used.
    """
    if mail.unsubscribe_url is None:
        return {}
    return unsubscribe_headers(mail.unsubscribe_url, address_key, mail.secret.encode())


def unsubscribe_link(mail: MailSettings, address_key: str) -> str:
    """Return the address of the same page, for the text of a mail, or an empty text."""
    return way_out(mail, address_key).get("List-Unsubscribe", "").strip("<>")


def _names(kind: RecordType) -> Iterator[str]:
    for a in kind.attributes:
        yield a.name
        yield from (field for field in a.fields if field == f"{a.name}_currency")
