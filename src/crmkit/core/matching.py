"""Who is already here: candidates for the contact and the account of a lead.

Keys are tried from the strongest to the weakest, and the first that finds anybody
decides. A person is found by e-mail address, then by the id of the source, then by phone
number together with the name; never by the name alone. A company is found by its domain,
then by its legal name. The look-ups are made once for a whole batch of leads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crmkit.core.contact import PointKind
from crmkit.core.conversion import Candidate, Target, account_domain
from crmkit.core.lead import Lead
from crmkit.core.planning import Planning
from crmkit.core.schema import Scalar
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
        keys = {lead.id: self._person_keys(lead) for lead in leads}
        self._load_contacts(keys.values())
        self._load_accounts(leads)

    def contacts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the contacts this lead may be, by the strongest key that finds any."""
        emails, import_key, name = self._person_keys(lead)
        for found in (
            {id_: f"e-mail {key}" for key in emails for id_ in self._by["email"][key]},
            {id_: f"source id {lead.source_id}" for id_ in self._by["import_key"][import_key] if import_key},
            {
                id_: f"phone {number} and name"
                for id_ in self._by["name"][name]
                if (number := _shared_number(lead, self._contacts[id_]))
            },
        ):
            if found:
                return tuple(
                    Candidate(
                        target=Target.CONTACT, record_id=id_, label=self._contacts[id_].label, evidence=(evidence,)
                    )
                    for id_, evidence in sorted(found.items())
                )
        return ()

    def accounts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the accounts this lead may belong to, by domain, then by legal name."""
        domain, legal = account_domain(lead), _legal(lead)
        by_domain = self._by["domain"][domain] if domain else []
        by_name = self._by["company"][legal] if legal else []
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
            self._add("name", name_key(record.name), record_id)
            self._contacts[record_id] = record
        else:
            self._add("domain", record.domain, record_id)
            self._add("company", company_key(record.name), record_id)
            self._accounts[record_id] = record

    def _add(self, index: str, key: Scalar, record_id: str) -> None:
        ids = self._by[index][key]
        if key and record_id not in ids:
            ids.append(record_id)

    def _person_keys(self, lead: Lead) -> tuple[list[str], str | None, str | None]:
        emails = [lead.email.key] if lead.email else []
        emails += [Email.trusted(address).key for address in self._addresses.get(lead.id, ())]
        return list(dict.fromkeys(emails)), lead.import_key, name_key(lead.name) or None

    def _load_contacts(self, keys: Iterable[tuple[list[str], str | None, str | None]]) -> None:
        planning = self._planning
        listed = list(keys)
        emails = [email for person in listed for email in person[0]]
        for index, field, values in (
            ("email", "email_key", emails),
            ("import_key", "import_key", [person[1] for person in listed]),
            ("name", "name_key", [person[2] for person in listed]),
        ):
            for value, id_ in planning.lookup("contact", field, values):
                self._by[index][value].append(id_)
        points = [id_ for _, id_ in planning.lookup("contact_point", "value_key", emails)]
        for point in planning.schema["contact_point"].load_many(planning.get_many("contact_point", points)):
            if point.kind is PointKind.EMAIL and planning.schema.type_of(point.person_id).name == "contact":
                self._add("email", Email.trusted(point.value).key, point.person_id)
        ids = sorted({id_ for index in ("email", "import_key", "name") for v in self._by[index].values() for id_ in v})
        loaded = planning.schema["contact"].load_many(planning.get_many("contact", ids))
        self._contacts = {contact.id: contact for contact in loaded}

    def _load_accounts(self, leads: Sequence[Lead]) -> None:
        planning = self._planning
        for index, field, values in (
            ("domain", "domain", [account_domain(lead) for lead in leads]),
            ("company", "company_key", [_legal(lead) for lead in leads]),
        ):
            for value, id_ in planning.lookup("account", field, values):
                self._by[index][value].append(id_)
        ids = sorted({id_ for index in ("domain", "company") for v in self._by[index].values() for id_ in v})
        loaded = planning.schema["account"].load_many(planning.get_many("account", ids))
        self._accounts = {account.id: account for account in loaded}


def _legal(lead: Lead) -> str | None:
    return company_key(lead.company) if lead.company else None


def _shared_number(lead: Lead, contact: Any) -> str | None:
    mine = {number for number in (lead.phone, lead.mobile) if number}
    shared = sorted(mine & {contact.phone, contact.mobile})
    return shared[0] if shared else None
