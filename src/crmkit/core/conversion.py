"""Conversion: how a lead becomes a contact and an account, decided purely.

`MAPPING` is the whole default mapping as one table. `map_fields` applies it to a lead and
its targets: what is empty is filled, nothing is overwritten, and every value that finds
no place is kept as unmapped. Rules amend the outcome: `crmkit.core.amendments`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from crmkit.core.account import Account
from crmkit.core.codecs import to_json
from crmkit.core.contact import Contact
from crmkit.core.deal import Deal
from crmkit.core.declarations import value_of
from crmkit.core.declare import record_type
from crmkit.core.fields import stored
from crmkit.core.lead import Lead
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.strength import Strength
from crmkit.core.values.company import domain_of, is_free_mail

__all__ = [
    "ADDRESS",
    "CHOSEN",
    "CONVERSION",
    "MAPPING",
    "Action",
    "Candidate",
    "Conversion",
    "ConversionResult",
    "FieldPlan",
    "Proposal",
    "Target",
    "account_domain",
    "business_names",
    "business_values",
    "company_domain",
    "holds",
    "map_fields",
    "places_of",
]


CHOSEN: Final = "chosen"
"""What stands in the place of a rule where a person decided."""


class Target(enum.Enum):
    """What a lead becomes."""

    CONTACT = "contact"
    ACCOUNT = "account"
    DEAL = "deal"


class Action(enum.Enum):
    """What happens to a field of a target.

    Attributes:
        CREATE: The target is new and takes the value.
        FILL: The target was empty there and takes the value.
        KEEP: The target keeps its own value.
        OVERWRITE: A rule replaced the target's value.
        APPEND: The value is added to what is there.
    """

    CREATE = "create"
    FILL = "fill"
    KEEP = "keep"
    OVERWRITE = "overwrite"
    APPEND = "append"


@attrs.frozen(kw_only=True, slots=True, eq=False, repr=False)
class Conversion(Stored):
    """The record of a conversion: what became of a lead, and what had no place.

    Attributes:
        lead_id: The lead.
        contact_id: The contact it became.
        account_id: The account of that contact, or None.
        deal_id: The deal that was opened or joined with it, or None.
        created: Which of contact, account and deal are new.
        unmapped: Lead field to value, for what found no place in a target.
        dropped: Lead field to the rule that dropped it.
        decided: Target field, as ``contact.title``, to ``[action, rule, lead field or None]``.
        status_before: The status the lead had.
    """

    lead_id: str = attrs.field(metadata=stored(references="lead"))
    contact_id: str = attrs.field(metadata=stored(references="contact"))
    account_id: str | None = attrs.field(default=None, metadata=stored(references="account"))
    deal_id: str | None = attrs.field(default=None, metadata=stored(references="deal"))
    created: tuple[str, ...] = ()
    unmapped: Mapping[str, Any] = attrs.field(factory=dict)
    dropped: Mapping[str, Any] = attrs.field(factory=dict)
    decided: Mapping[str, Any] = attrs.field(factory=dict)
    status_before: str | None = None


CONVERSION = record_type(Conversion, name="conversion", unique=(("lead_id",),), made_by="converting a lead")


@attrs.frozen(kw_only=True)
class FieldPlan:
    """What happens to one field of one target.

    Attributes:
        target: Which target.
        field: Its field.
        old: What it holds now; None when it is empty or the target is new.
        new: What it will hold.
        action: What happens.
        reason: Why, as one clause.
        rule: The rule that decided, ``default`` for the mapping table.
        source: The lead field the value comes from, or None.
    """

    target: Target
    field: str
    old: Any
    new: Any
    action: Action
    reason: str
    rule: str = "default"
    source: str | None = None


@attrs.frozen(kw_only=True)
class Candidate:
    """A record that may be the one a lead stands for.

    Attributes:
        target: Contact or account.
        record_id: The record.
        label: What a person calls it.
        evidence: What matched, strongest first, such as ``e-mail jules@hospy.fr``.
        strength: How surely it is the one.
    """

    target: Target
    record_id: str
    label: str
    evidence: tuple[str, ...]
    strength: Strength = Strength.STRONG


@attrs.frozen(kw_only=True)
class Proposal:
    """What a conversion rule is shown.

    Attributes:
        lead: The lead.
        contact: The contact it will be joined to, or None when a new one is made.
        account: The account it will be joined to, or None when a new one or none is made.
        candidates: The records that match; more than one of a target waits for a `Choose`.
        fields: What is planned so far, by target and field.
        with_account: Whether there is an account at all.
        with_deal: Whether there is a deal: one that is opened, or `deal`.
        deal: The deal it will be joined to, or None.
    """

    lead: Lead
    contact: Contact | None
    account: Account | None
    candidates: tuple[Candidate, ...]
    fields: tuple[FieldPlan, ...]
    with_account: bool = True
    with_deal: bool = False
    deal: Deal | None = None

    def value(self, target: Target, field: str) -> Any:
        """Return what a field of a target will hold."""
        for plan in self.fields:
            if plan.target is target and plan.field == field:
                return plan.new
        existing = {Target.CONTACT: self.contact, Target.ACCOUNT: self.account, Target.DEAL: self.deal}
        return value_of(existing[target], field)


@attrs.frozen(kw_only=True)
class ConversionResult:
    """What became of one lead in a conversion.

    Attributes:
        lead_id: The lead.
        outcome: ``converted``, ``already``, ``ambiguous``, ``refused`` or ``failed``.
        conversion: The conversion; also the earlier one of an ``already``; else None.
        reasons: Why not, when it was not converted.
        operation_id: The operation, or None when nothing was done.
    """

    lead_id: str
    outcome: str
    conversion: Conversion | None = None
    reasons: tuple[str, ...] = ()
    operation_id: str | None = None


_BOTH = (Target.CONTACT, Target.ACCOUNT)

MAPPING: Mapping[str, tuple[tuple[Target, str], ...]] = {
    "salutation": ((Target.CONTACT, "salutation"),),
    "first_name": ((Target.CONTACT, "first_name"),),
    "last_name": ((Target.CONTACT, "last_name"),),
    "title": ((Target.CONTACT, "title"),),
    "company": ((Target.ACCOUNT, "name"),),
    "email": ((Target.CONTACT, "email"),),
    "phone": ((Target.CONTACT, "phone"),),
    "mobile": ((Target.CONTACT, "mobile"),),
    "website": ((Target.ACCOUNT, "website"), (Target.CONTACT, "website")),
    "street": tuple((target, "street") for target in _BOTH),
    "postal_code": tuple((target, "postal_code") for target in _BOTH),
    "city": tuple((target, "city") for target in _BOTH),
    "region": tuple((target, "region") for target in _BOTH),
    "country": tuple((target, "country") for target in _BOTH),
    "language": ((Target.CONTACT, "language"),),
    "owner_id": tuple((target, "owner_id") for target in _BOTH),
    "source_id": ((Target.CONTACT, "source_id"),),
    "import_key": ((Target.CONTACT, "import_key"),),
    "notes": ((Target.CONTACT, "notes"),),
    "tags": ((Target.CONTACT, "tags"),),
    "extra": ((Target.CONTACT, "extra"),),
}
"""The default mapping: lead field to the fields of the targets that take its value."""

_OF_THE_LEAD = frozenset({"status", "conversion_id", "disqualified_reason"})
"""Lead fields that describe its life, which stays readable on the lead itself."""

ADDRESS = ("street", "postal_code", "city", "region", "country")
"""The fields of an address, which is taken whole or not at all."""


def account_domain(lead: Lead) -> str | None:
    """Return the domain of a lead's company: of its website, else of its e-mail unless that is free mail."""
    return company_domain(lead.website, lead.email)


def company_domain(website: str | None, email: str | None) -> str | None:
    """Return the domain of a company, of its website or else of an address, but never one of free mail."""
    return _company_domain(website, email and email.rpartition("@")[2])


@lru_cache(16_384)
def _company_domain(*texts: str | None) -> str | None:
    for text in texts:
        domain = domain_of(text) if text else None
        if domain and not is_free_mail(domain):
            return domain
    return None


def map_fields(
    lead: Lead,
    contact: Contact | None,
    account: Account | None,
    *,
    schema: Schema,
    with_account: bool,
    with_deal: bool = False,
    deal: Deal | None = None,
) -> tuple[list[FieldPlan], dict[str, Any]]:
    """Map a lead onto its targets by the default table; custom fields onto those of the same class.

    Args:
        lead: The lead.
        contact: The contact that takes it up, or None for a new one.
        account: The account that takes it up, or None for a new one.
        schema: The record types, which say what custom fields there are.
        with_account: Whether there is an account at all.
        with_deal: Whether there is a deal.
        deal: The deal that takes it up, or None for a new one.

    Returns:
        What happens to each target field, and the lead fields (with their values) that
        found no place.
    """
    plans: list[FieldPlan] = []
    unmapped: dict[str, Any] = {}
    address_taken = account is not None and any(getattr(account, name) for name in ADDRESS)
    targets: dict[Target, Contact | Account | Deal | None] = {Target.CONTACT: contact}
    targets |= {Target.ACCOUNT: account} if with_account else {}
    targets |= {Target.DEAL: deal} if with_deal else {}
    for field, value in business_values(schema, lead).items():
        if value in _EMPTY:
            continue
        placed = False
        for target, name in places_of(schema, field):
            if target not in targets or (target is Target.ACCOUNT and address_taken and name in ADDRESS):
                continue  # an address is taken whole or not at all
            plan = _map_one(target, name, field, value, targets[target])
            plans.append(plan)
            placed = placed or holds(plan, value)
        if not placed:
            unmapped[field] = value
    domain = account_domain(lead) if with_account else None
    if domain and (account is None or account.domain is None):
        action = Action.CREATE if account is None else Action.FILL
        plans.append(
            FieldPlan(
                target=Target.ACCOUNT,
                field="domain",
                old=None,
                new=domain,
                action=action,
                reason="the domain of the website or e-mail address",
                source="website" if lead.website else "email",
            )
        )
    return plans, unmapped


def business_values(schema: Schema, lead: Lead) -> dict[str, Any]:
    """Return the lead fields, with their values, that a conversion must find a place for."""
    return {name: value for name, value in schema["lead"].values_of(lead).items() if name not in _KEPT_BY_ITSELF}


def business_names(schema: Schema) -> list[str]:
    """Return the names of the lead fields that a conversion must find a place for."""
    return [a.name for a in schema["lead"].attributes if a.name not in _KEPT_BY_ITSELF]


def places_of(schema: Schema, field: str) -> Iterable[tuple[Target, str]]:
    """Return the fields of the targets that take a lead field by default."""
    if "." not in field:
        return MAPPING.get(field, ())
    return [(target, field) for target in Target if field in schema[target.value].attribute]


_EMPTY: tuple[Any, ...] = (None, "", (), {})
_KEPT_BY_ITSELF = frozenset(a.name for a in attrs.fields(Stored)) | _OF_THE_LEAD


def _map_one(
    target: Target, name: str, source: str, value: Any, existing: Contact | Account | Deal | None
) -> FieldPlan:
    def plan(action: Action, old: Any, new: Any, reason: str) -> FieldPlan:
        return FieldPlan(target=target, field=name, old=old, new=new, action=action, reason=reason, source=source)

    if existing is None:
        return plan(Action.CREATE, None, value, f"{source} of the lead")
    old = value_of(existing, name)
    if name == "tags":
        merged = tuple(sorted({*old, *value}))
        return plan(Action.KEEP if merged == old else Action.APPEND, old, merged, "the tags of both")
    if name == "extra":
        merged_extra = {**value, **old}
        action = Action.KEEP if to_json(merged_extra) == to_json(dict(old)) else Action.APPEND
        return plan(action, old, merged_extra, "what the target lacked")
    if old in _EMPTY:
        return plan(Action.FILL, None, value, f"it was empty, {source} of the lead")
    return plan(Action.KEEP, old, old, "it has the same value" if old == value else "it has a value already")


def holds(plan: FieldPlan, value: Any) -> bool:
    """Whether the target will hold the value of the lead."""
    if isinstance(value, Mapping):
        return all((plan.new or {}).get(key) == part for key, part in value.items())
    if isinstance(value, tuple):
        return set(value) <= set(plan.new or ())
    return plan.action is Action.APPEND or plan.new == value
