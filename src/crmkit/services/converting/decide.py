"""Deciding a conversion: refusals, matches, the default mapping and what rules say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.conversion import (
    Amendment,
    Candidate,
    Choose,
    Demand,
    FieldPlan,
    Proposal,
    Target,
    Veto,
    amend,
    map_fields,
)
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.matching import Matcher
from crmkit.core.ports.plugins import Context, Contribution, ConversionRule
from crmkit.core.refusals import combined
from crmkit.errors import (
    AmbiguousMatchError,
    ContactNotInAccountError,
    DisqualifiedError,
    MissingFieldsError,
    OwnerRequiredError,
    RejectedError,
    VetoedError,
)

__all__ = ["ConversionOptions", "Decider", "Decision"]


@attrs.frozen(kw_only=True)
class ConversionOptions:
    """What the person who converts decides.

    Attributes:
        contact: The contact to join the lead to, or None: find or make one.
        account: The account to join it to, or None: find or make one.
        with_account: Whether there is an account at all; None means: if the lead has a company.
        deal: The name of a deal to open, or None.
        deal_values: Further values of that deal: ``amount``, ``pipeline``, ``stage`` …
        owner: The user who takes over contact, account and deal, or None: as the lead had.
    """

    contact: str | None = None
    account: str | None = None
    with_account: bool | None = None
    deal: str | None = None
    deal_values: Mapping[str, Any] = attrs.field(factory=dict)
    owner: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        values = attrs.asdict(self)
        values["deal_values"] = {name: str(value) for name, value in self.deal_values.items()}
        return values


@attrs.define(kw_only=True)
class Decision:
    """What was decided for one lead, and then what was planned for it.

    Attributes:
        outcome: ``converted``, ``already``, ``ambiguous`` or ``refused``.
        error: Why not, or None.
        conversion_id: The conversion, once it is planned; of an ``already`` the earlier one.
        contact: The contact it joins, or None when a new one is made.
        account: The account it joins, or None when a new one or none is made.
        linked: How many activities and so on are linked to the new records, by type.
    """

    lead: Lead
    outcome: str
    error: RejectedError | None = None
    conversion_id: str | None = None
    contact: Any = None
    account: Any = None
    with_account: bool = False
    fields: Sequence[FieldPlan] = ()
    unmapped: Mapping[str, Any] = attrs.field(factory=dict)
    dropped: Mapping[str, str] = attrs.field(factory=dict)
    candidates: tuple[Candidate, ...] = ()
    linked: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Decider:
    """Decides the conversions of one batch.

    Args:
        matcher: Knows who is here already.
        options: What the person who converts decides.
        rules: The rules of plugins, in order.
        context: What rules may look at.
    """

    _matcher: Matcher
    _options: ConversionOptions
    _rules: Sequence[Contribution[ConversionRule]]
    _context: Context

    def decide(self, lead: Lead) -> Decision:
        """Decide what becomes of one lead."""
        if lead.status is LeadStatus.CONVERTED:
            return Decision(lead=lead, outcome="already", conversion_id=lead.conversion_id)
        refusal = combined(_refusals(lead))
        if refusal is not None:
            return Decision(lead=lead, outcome="refused", error=refusal)
        candidates = self._candidates(lead)
        try:
            contact, account = self._choose(lead, candidates)
        except AmbiguousMatchError as error:
            return Decision(lead=lead, outcome="ambiguous", error=error, candidates=candidates)
        return self._amended(lead, candidates, contact, account)

    def _amended(self, lead: Lead, candidates: tuple[Candidate, ...], contact: Any, account: Any) -> Decision:
        """Map the fields, and let the rules amend that or veto."""
        asked = self._options.with_account
        with_account = account is not None or (bool(lead.company) if asked is None else asked)
        plans, unmapped = map_fields(
            lead,
            contact,
            account,
            schema=self._context.schema,
            with_account=with_account,
            with_deal=self._options.deal is not None,
        )
        proposal = Proposal(
            lead=lead,
            contact=contact,
            account=account,
            candidates=candidates,
            fields=tuple(plans),
            with_deal=self._options.deal is not None,
        )
        amendments, vetoes = self._ask(proposal)
        plans, unmapped, dropped, unmet = amend(proposal, unmapped, amendments)
        wrong = self._mismatches(contact, account)
        if with_account and account is None and not lead.company:
            wrong.append(RejectedError("the lead has no company to make an account of"))
        refusal = combined([*wrong, *self._missing(unmet), *vetoes])
        if refusal is not None:
            return Decision(lead=lead, outcome="refused", error=refusal)
        return Decision(
            lead=lead,
            outcome="converted",
            contact=contact,
            account=account,
            with_account=with_account,
            fields=plans,
            unmapped=unmapped,
            dropped=dropped,
            candidates=candidates,
        )

    def _candidates(self, lead: Lead) -> tuple[Candidate, ...]:
        options = self._options
        contacts = () if options.contact else self._matcher.contacts(lead)
        accounts = () if options.account or options.with_account is False else self._matcher.accounts(lead)
        return (*contacts, *accounts)

    def _choose(self, lead: Lead, candidates: Sequence[Candidate]) -> tuple[Any, Any]:
        """Settle on one contact and one account at most.

        Raises:
            AmbiguousMatchError: Several are left, and no rule chooses.
        """
        contact_id = self._options.contact or self._settle(lead, Target.CONTACT, candidates)
        contact = self._matcher.contact(contact_id) if contact_id else None
        account_id = self._options.account
        if account_id is None and self._options.with_account is not False:
            # A known contact knows where it works.
            account_id = contact.account_id if contact is not None else None
            account_id = account_id or self._settle(lead, Target.ACCOUNT, candidates)
        return contact, self._matcher.account(account_id) if account_id else None

    def _settle(self, lead: Lead, target: Target, candidates: Sequence[Candidate]) -> str | None:
        left = [c for c in candidates if c.target is target]
        if len(left) > 1:
            left = self._chosen_by_rule(lead, left) or left
        if len(left) > 1:
            reason = f"{lead.label} matches several {target.value}s"
            raise AmbiguousMatchError(reason, [(c.record_id, c.label, ", ".join(c.evidence)) for c in left])
        return left[0].record_id if left else None

    def _chosen_by_rule(self, lead: Lead, candidates: Sequence[Candidate]) -> list[Candidate]:
        proposal = Proposal(lead=lead, contact=None, account=None, candidates=tuple(candidates), fields=())
        for contribution in self._rules:
            with contribution.blamed(lead.id):
                choices = [c for c in contribution.item.amend(proposal, self._context) if isinstance(c, Choose)]
            wanted = {(choice.target, choice.record_id) for choice in choices}
            found = [c for c in candidates if (c.target, c.record_id) in wanted]
            if found:
                return found[:1]
        return []

    def _ask(self, proposal: Proposal) -> tuple[list[tuple[str, Amendment]], list[VetoedError]]:
        """Return the amendments of all rules, and the vetoes."""
        amendments: list[tuple[str, Amendment]] = []
        vetoes: list[VetoedError] = []
        for contribution in self._rules:
            with contribution.blamed(proposal.lead.id):
                for change in contribution.item.amend(proposal, self._context):
                    if isinstance(change, Veto):
                        vetoes.append(
                            VetoedError(change.reason, plugin=contribution.plugin, rule=contribution.item.name)
                        )
                    else:
                        amendments.append((contribution.item.name, change))
        return amendments, vetoes

    def _mismatches(self, contact: Any, account: Any) -> list[RejectedError]:
        wrong = [
            RejectedError(f"the {name} {record.label} is deleted")
            for name, record in (("contact", contact), ("account", account))
            if record is not None and record.deleted_at is not None
        ]
        if contact is not None and account is not None and contact.account_id not in (None, account.id):
            reason = f"the contact {contact.label} belongs to another account than {account.label}"
            wrong.append(ContactNotInAccountError(reason))
        return wrong

    def _missing(self, unmet: Sequence[tuple[str, Demand]]) -> list[MissingFieldsError]:
        """Return what rules demand in vain; an owner that is named at the conversion counts."""
        missing: list[MissingFieldsError] = []
        for rule, demand in unmet:
            target, is_owner = demand.target.value, demand.field == "owner_id"
            if is_owner and self._options.owner:
                continue
            kind = OwnerRequiredError if is_owner else MissingFieldsError
            field = "owner" if is_owner else demand.field
            reason = f"the {target} has no {field}: {demand.reason} (rule {rule})"
            missing.append(kind(reason, fields=[f"{target}.{demand.field}"]))
        return missing


def _refusals(lead: Lead) -> list[RejectedError]:
    refusals: list[RejectedError] = []
    if lead.deleted_at is not None:
        refusals.append(RejectedError(f"{lead.label} is deleted; restore it first"))
    if lead.status is LeadStatus.DISQUALIFIED:
        reason = f"{lead.label} is disqualified ({lead.disqualified_reason}); reopen it first"
        refusals.append(DisqualifiedError(reason))
    if not (lead.name or lead.email or lead.phone or lead.mobile):
        reason = "the lead has no name, e-mail address or phone number to make a contact of"
        refusals.append(
            MissingFieldsError(reason, fields=["lead.first_name", "lead.last_name", "lead.email", "lead.phone"])
        )
    return refusals
