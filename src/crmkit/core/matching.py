"""Who is already here: candidates for the contact and the account of a lead.

Keys are tried from the strongest to the weakest, and the first that finds anybody
decides. A person is found by e-mail address, then by the id of the source, then by phone
number together with the name; never by the name alone. A company is found by its domain,
then by its legal name. The look-ups are made once for a whole batch of leads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmkit.core.contact import PointKind
from crmkit.core.conversion import Candidate, Target, account_domain
from crmkit.core.fields import Scalar
from crmkit.core.lead import Lead
from crmkit.core.planning import Planning
from crmkit.core.values.company import company_key
from crmkit.core.values.email import Email
from crmkit.core.values.names import name_key

__all__ = ["Matcher"]


class Matcher:
    """Finds candidates for the leads of one batch.

    Contacts and accounts that the batch itself makes are found too, since they are
    pending in the same planning: tell the matcher with `made`.

    Args:
        planning: Where to look.
        leads: The batch.
        addresses: Lead id to its further e-mail addresses.
    """

    def __init__(self, planning: Planning, leads: Sequence[Lead], addresses: Mapping[str, Sequence[str]]) -> None:
        self._planning = planning
        self._addresses = addresses
        self._contacts: dict[str, Any] = {}
        self._accounts: dict[str, Any] = {}
        self._by: dict[str, dict[Scalar, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._load_contacts(leads)
        self._load_accounts(leads)

    @property
    def known(self) -> list[str]:
        """The contacts and accounts that leads of the batch may be joined to."""
        return [*self._contacts, *self._accounts]

    def contacts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the contacts this lead may be, by the strongest key that finds any."""
        for found in self._tiers(lead):
            if found:
                return tuple(
                    Candidate(
                        target=Target.CONTACT, record_id=id_, label=self._contacts[id_].label, evidence=(evidence,)
                    )
                    for id_, evidence in sorted(found.items())
                )
        return ()

    def _tiers(self, lead: Lead) -> Iterator[dict[str, str]]:
        """Go through the kinds of keys, the strongest first: the contacts found, with the evidence."""
        yield {id_: f"e-mail {key}" for key in self._email_keys(lead) for id_ in self._found("email", key)}
        yield dict.fromkeys(self._found("import_key", lead.import_key), f"source id {lead.source_id}")
        name = name_key(lead.name)
        yield {
            id_: f"phone {number} and name"
            for number in (lead.phone, lead.mobile)
            for id_ in self._found("phone", number)
            if name and name_key(self._contacts[id_].name) == name
        }

    def _found(self, index: str, key: Scalar) -> Sequence[str]:
        return self._by[index].get(key, ()) if key else ()

    def accounts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the accounts this lead may belong to, by domain, then by legal name."""
        domain, legal = account_domain(lead), _legal(lead)
        by_domain, by_name = self._found("domain", domain), self._found("company", legal)
        both = [id_ for id_ in by_domain if id_ in by_name]
        for ids, evidence in (
            (both, f"domain {domain} and name"),
            (by_domain, f"domain {domain}"),
            (by_name, f"name {lead.company}"),
        ):
            if ids:
                return tuple(
                    Candidate(
                        target=Target.ACCOUNT, record_id=id_, label=self._accounts[id_].label, evidence=(evidence,)
                    )
                    for id_ in sorted(set(ids))
                )
        return ()

    def contact(self, record_id: str) -> Any:
        """Return a contact, of the candidates or any other."""
        if record_id not in self._contacts:
            self._contacts[record_id] = self._planning.load("contact", record_id)
        return self._contacts[record_id]

    def account(self, record_id: str) -> Any:
        """Return an account, of the candidates or any other."""
        if record_id not in self._accounts:
            self._accounts[record_id] = self._planning.load("account", record_id)
        return self._accounts[record_id]

    def made(self, kind: str, record_id: str) -> None:
        """Take note of a contact or account that the batch has just made or changed."""
        record = self._planning.load(kind, record_id)
        if kind == "contact":
            if record.email:
                self._add("email", Email.trusted(record.email).key, record_id)
            self._add("import_key", record.import_key, record_id)
            for number in (record.phone, record.mobile):
                self._add("phone", number, record_id)
            self._contacts[record_id] = record
        else:
            self._add("domain", record.domain, record_id)
            self._add("company", company_key(record.name), record_id)
            self._accounts[record_id] = record

    def _add(self, index: str, key: Scalar, record_id: str) -> None:
        if key and record_id not in self._by[index][key]:
            self._by[index][key].append(record_id)

    def _email_keys(self, lead: Lead) -> list[str]:
        further = (Email.trusted(address).key for address in self._addresses.get(lead.id, ()))
        return list(dict.fromkeys([*([lead.email.key] if lead.email else ()), *further]))

    def _load_contacts(self, leads: Sequence[Lead]) -> None:
        planning = self._planning
        emails = [key for lead in leads for key in self._email_keys(lead)]
        numbers = [number for lead in leads for number in (lead.phone, lead.mobile)]
        for index, field, values in (
            ("email", "email_key", emails),
            ("import_key", "import_key", [lead.import_key for lead in leads]),
            ("phone", "phone", numbers),
            ("phone", "mobile", numbers),
        ):
            for value, id_ in planning.lookup("contact", field, values):
                self._add(index, value, id_)
        points = [id_ for _, id_ in planning.lookup("contact_point", "value_key", [*emails, *numbers])]
        for point in planning.schema["contact_point"].load_many(planning.get_many("contact_point", points)):
            if planning.schema.type_of(point.person_id).name == "contact":
                is_email = point.kind is PointKind.EMAIL
                key = Email.trusted(point.value).key if is_email else point.value
                self._add("email" if is_email else "phone", key, point.person_id)
        self._contacts = self._load("contact", ("email", "import_key", "phone"))

    def _load(self, kind: str, indexes: Sequence[str]) -> dict[str, Any]:
        ids = {id_ for index in indexes for found in self._by[index].values() for id_ in found}
        rows = self._planning.get_many(kind, sorted(ids))
        return {record.id: record for record in self._planning.schema[kind].load_many(rows)}

    def _load_accounts(self, leads: Sequence[Lead]) -> None:
        planning = self._planning
        for index, field, values in (
            ("domain", "domain", [account_domain(lead) for lead in leads]),
            ("company", "company_key", [_legal(lead) for lead in leads]),
        ):
            for value, id_ in planning.lookup("account", field, values):
                self._add(index, value, id_)
        self._accounts = self._load("account", ("domain", "company"))


def _legal(lead: Lead) -> str | None:
    return company_key(lead.company) if lead.company else None
