"""Who is already here: candidates for the contact and the account of a lead.

Keys are tried from the strongest to the weakest, and the first that finds anybody
decides. A person is found by e-mail address, then by the id of the source, then by phone
number together with the name; never by the name alone. A company is found by its domain,
then by its legal name. The look-ups are made once for a whole batch of leads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import attrs

from crmkit.core.contact import PointKind
from crmkit.core.conversion import Candidate, Target, account_domain, company_domain
from crmkit.core.fields import Row, Scalar
from crmkit.core.lead import Lead
from crmkit.core.planning import Planning
from crmkit.core.strength import Strength
from crmkit.core.values.company import company_key
from crmkit.core.values.email import Email
from crmkit.core.values.names import name_key

__all__ = ["KeyColumns", "LeadKeys", "Matcher", "PersonKeys", "united"]

PersonKeys = tuple[Scalar, Scalar, Scalar, Scalar, Scalar]
"""The keys of a person as they are stored: of the address, the imported row, the two numbers and the name."""


class LeadKeys(NamedTuple):
    """By what contacts and accounts of a lead are found.

    Attributes:
        emails: The keys of its addresses.
        import_key: What identifies the row it was imported from, or None.
        numbers: Its phone numbers.
        name: The key of its name, or None.
        domain: The domain of its company, or None.
        company: The key of its company's legal name, or None.
    """

    emails: Sequence[str]
    import_key: Scalar
    numbers: tuple[Scalar, ...]
    name: Scalar
    domain: str | None
    company: str | None

    @classmethod
    def of(cls, lead: Lead, further: Iterable[str] = ()) -> LeadKeys:
        """Return the keys of a lead with these further addresses."""
        emails = [*([lead.email] if lead.email else ()), *map(Email.trusted, further)]
        return cls(
            emails=list(dict.fromkeys(email.key for email in emails)),
            import_key=lead.import_key,
            numbers=(lead.phone, lead.mobile),
            name=name_key(lead.name),
            domain=account_domain(lead),
            company=company_key(lead.company) if lead.company else None,
        )


@attrs.frozen
class KeyColumns:
    """The keys of many leads, in columns of the same length.

    Attributes:
        emails: The keys of their main addresses.
        further: The keys of further addresses of any of them.
        import_keys: What identifies the rows they were imported from.
        phones: Their phone numbers.
        mobiles: Their mobile numbers.
        names: The keys of their names.
        domains: The domains of their companies.
        companies: The keys of their companies' legal names.
    """

    emails: Sequence[Scalar]
    further: Sequence[Scalar]
    import_keys: Sequence[Scalar]
    phones: Sequence[Scalar]
    mobiles: Sequence[Scalar]
    names: Sequence[Scalar]
    domains: Sequence[str | None]
    companies: Sequence[str | None]

    @classmethod
    def of(cls, leads: Sequence[LeadKeys]) -> KeyColumns:
        """Return the keys of leads in columns."""
        return cls(
            emails=[],
            further=[email for keys in leads for email in keys.emails],
            import_keys=[keys.import_key for keys in leads],
            phones=[number for keys in leads for number in keys.numbers],
            mobiles=[],
            names=[keys.name for keys in leads],
            domains=[keys.domain for keys in leads],
            companies=[keys.company for keys in leads],
        )

    @classmethod
    def of_rows(cls, rows: Iterable[Row], position: Mapping[str, int], further: Iterable[str]) -> KeyColumns:
        """Return the keys of leads as they are stored; *further* are addresses of any of them."""
        take = itemgetter(*map(position.__getitem__, _KEPT))
        emails, import_keys, phones, mobiles, names, websites, addresses, companies = zip(*map(take, rows), strict=True)
        return cls(
            emails=emails,
            further=[Email.trusted(address).key for address in further],
            import_keys=import_keys,
            phones=phones,
            mobiles=mobiles,
            names=names,
            domains=list(map(company_domain, websites, addresses)),
            companies=[company_key(name) if name else None for name in companies],
        )


_KEPT = ("email_key", "import_key", "phone", "mobile", "name_key", "website", "email", "company")


class Matcher:
    """Finds candidates for the leads of one batch.

    Contacts and accounts that the batch itself makes are found too, since they are
    pending in the same planning: tell the matcher with `made`.

    Args:
        planning: Where to look.
        leads: The batch.
        addresses: Lead id to its further e-mail addresses.
        keys: The keys of the leads, where they are known already.
    """

    def __init__(
        self,
        planning: Planning,
        leads: Sequence[Lead],
        addresses: Mapping[str, Sequence[str]],
        *,
        keys: KeyColumns | None = None,
    ) -> None:
        self._planning = planning
        self._addresses = addresses
        self._contacts: dict[str, Any] = {}
        self._accounts: dict[str, Any] = {}
        self._names: dict[str, Scalar] = {}  # of contacts, as keys
        self._by: dict[str, dict[Scalar, list[str]]] = defaultdict(dict)
        known = KeyColumns.of([self._keys(lead) for lead in leads]) if keys is None else keys
        self._load_contacts(known)
        self._load_accounts(known)

    @property
    def known(self) -> list[str]:
        """The contacts and accounts that leads of the batch may be joined to."""
        return [*self._contacts, *self._accounts]

    def contacts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the contacts this lead may be, by the strongest key that finds any."""
        tiers = self._tiers(lead)
        for strength in (Strength.STRONG, Strength.STRONG, Strength.LIKELY):
            if found := next(tiers):
                weaker = list(tiers)
                return tuple(
                    Candidate(
                        target=Target.CONTACT,
                        record_id=id_,
                        label=self.contact(id_).label,
                        evidence=(evidence, *(other[id_] for other in weaker if id_ in other)),
                        strength=strength,
                    )
                    for id_, evidence in sorted(found.items())
                )
        return ()

    def _tiers(self, lead: Lead) -> Iterator[dict[str, str]]:
        """Go through the kinds of keys, the strongest first: the contacts found, with the evidence."""
        keys = self._keys(lead)
        yield {id_: f"e-mail {key}" for key in keys.emails for id_ in self._found("email", key)}
        yield dict.fromkeys(self._found("import_key", lead.import_key), f"source id {lead.source_id}")
        yield {id_: f"phone {number} and name" for id_, number in self._namesakes(keys.numbers, keys.name)}

    def knows_person(self, keys: PersonKeys) -> bool:
        """Whether any of the keys finds a contact; a number does so together with the name."""
        by, (email, import_key, phone, mobile, name) = self._by, keys
        if email in by["email"] or import_key in by["import_key"]:
            return True
        if phone in by["phone"] or mobile in by["phone"]:
            return next(self._namesakes((phone, mobile), name), None) is not None
        return False

    def contact_ids(self, lead: Lead) -> set[str]:
        """Return the contacts that any key of a lead finds."""
        keys = self._keys(lead)
        found = {id_ for key in keys.emails for id_ in self._found("email", key)}
        found.update(
            self._found("import_key", keys.import_key), (id_ for id_, _ in self._namesakes(keys.numbers, keys.name))
        )
        return found

    def _namesakes(self, numbers: Iterable[Scalar], name: Scalar) -> Iterator[tuple[str, Scalar]]:
        """Go through the contacts with one of these numbers and that name, with the number."""
        if name:
            for number in numbers:
                for id_ in self._found("phone", number):
                    if self._name_of(id_) == name:
                        yield id_, number

    def _name_of(self, contact_id: str) -> Scalar:
        if contact_id not in self._names:
            self._names[contact_id] = name_key(self.contact(contact_id).name)
        return self._names[contact_id]

    def _keys(self, lead: Lead) -> LeadKeys:
        return LeadKeys.of(lead, self._addresses.get(lead.id, ()))

    def _found(self, index: str, key: Scalar) -> Sequence[str]:
        return self._by[index].get(key, ()) if key else ()

    def accounts(self, lead: Lead) -> tuple[Candidate, ...]:
        """Return the accounts this lead may belong to, by domain, then by legal name."""
        keys = self._keys(lead)
        for (ids, strength), evidence in zip(
            self._account_tiers(keys.domain, keys.company),
            (f"domain {keys.domain} and name", f"domain {keys.domain}", f"name {lead.company}"),
            strict=True,
        ):
            if ids:
                return tuple(
                    Candidate(
                        target=Target.ACCOUNT,
                        record_id=id_,
                        label=self.account(id_).label,
                        evidence=(evidence,),
                        strength=strength,
                    )
                    for id_ in sorted(set(ids))
                )
        return ()

    def account_ids(self, domain: str | None, company: str | None) -> Sequence[str]:
        """Return the accounts that `accounts` of a lead with these keys would find."""
        by_domain, by_name = self._by["domain"].get(domain), self._by["company"].get(company)
        if by_domain is None or by_name is None or by_domain == by_name:
            return by_domain or by_name or ()
        return next(ids for ids, _ in self._account_tiers(domain, company) if ids)

    def _account_tiers(self, domain: str | None, company: str | None) -> Iterator[tuple[Sequence[str], Strength]]:
        by_domain, by_name = self._found("domain", domain), self._found("company", company)
        yield [id_ for id_ in by_domain if id_ in by_name], Strength.STRONG
        yield by_domain, Strength.LIKELY
        yield by_name, Strength.LIKELY

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
            self._names.pop(record_id, None)
        else:
            self._add("domain", record.domain, record_id)
            self._add("company", company_key(record.name), record_id)
            self._accounts[record_id] = record

    def made_for(self, keys: PersonKeys, contact_id: str) -> None:
        """Take note of a contact that was made of the lead with these keys, and will be planned in a moment."""
        by, (email, import_key, phone, mobile, name) = self._by, keys
        if email:
            by["email"].setdefault(email, []).append(contact_id)
        if import_key:
            by["import_key"].setdefault(import_key, []).append(contact_id)
        if phone:
            by["phone"].setdefault(phone, []).append(contact_id)
        if mobile and mobile != phone:
            by["phone"].setdefault(mobile, []).append(contact_id)
        self._names[contact_id] = name

    def reached_by(self, kind: Scalar, value: Scalar, contact_id: str) -> None:
        """Take note of a further address or number of a contact."""
        if kind == PointKind.EMAIL.value:
            self._add("email", Email.trusted(str(value)).key, contact_id)
        else:
            self._add("phone", value, contact_id)

    def _add(self, index: str, key: Scalar, record_id: str) -> None:
        if key:
            ids = self._by[index].setdefault(key, [])
            if record_id not in ids:
                ids.append(record_id)

    def _load_contacts(self, keys: KeyColumns) -> None:
        planning = self._planning
        emails, numbers = [*keys.emails, *keys.further], [*keys.phones, *keys.mobiles]
        for index, field, values in (
            ("email", "email_key", emails),
            ("import_key", "import_key", keys.import_keys),
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

    def _load_accounts(self, keys: KeyColumns) -> None:
        planning = self._planning
        for index, field, values in (
            ("domain", "domain", keys.domains),
            ("company", "company_key", keys.companies),
        ):
            for value, id_ in planning.lookup("account", field, values):
                self._add(index, value, id_)
        self._accounts = self._load("account", ("domain", "company"))


def united(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return each record once, with all that speaks for it; as surely as the surest says."""
    order = list(Strength)
    whole: dict[tuple[Target, str], Candidate] = {}
    for each in candidates:
        known = whole.get((each.target, each.record_id), each)
        evidence = tuple(dict.fromkeys([*known.evidence, *each.evidence]))
        strength = min(known.strength, each.strength, key=order.index)
        whole[each.target, each.record_id] = attrs.evolve(known, evidence=evidence, strength=strength)
    return tuple(whole.values())
