"""Deciding a conversion: refusals, matches, the default mapping and what rules say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.amending import Amended, amend
from crmkit.core.amendments import Amendment, Choose, Conflict, Demand, Veto
from crmkit.core.conversion import CHOSEN, Action, Candidate, FieldPlan, Proposal, Target, map_fields
from crmkit.core.lead import LEAD_LIFE, Lead, LeadStatus
from crmkit.core.matching import Matcher, united
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, ConversionRule
from crmkit.core.refusals import combined
from crmkit.errors import (
    AmbiguousMatchError,
    ContactNotInAccountError,
    CrmkitError,
    DisqualifiedError,
    MissingFieldsError,
    NotFoundError,
    OwnerRequiredError,
    RejectedError,
    VetoedError,
)
from crmkit.services.converting.asking import became
from crmkit.services.converting.options import ConversionOptions

__all__ = ["Decider", "Decision"]


@attrs.define(kw_only=True)
class Decision:
    """What was decided for one lead, and then what was planned for it.

    Attributes:
        outcome: ``converted``, ``already``, ``ambiguous``, ``refused`` or ``failed``.
        error: Why not, or None.
        conversion_id: The conversion, once it is planned; of an ``already`` the earlier one.
        contact: The contact it joins, or None when a new one is made.
        account: The account it joins, or None when a new one or none is made.
        deal: The deal it joins, or None when a new one or none is opened.
        conflicts: Where rules wanted different things, and who won.
        linked: How many activities and so on are linked to the new records, by type.
    """

    lead: Lead
    outcome: str
    error: CrmkitError | None = None
    conversion_id: str | None = None
    contact: Any = None
    account: Any = None
    deal: Any = None
    with_account: bool = False
    fields: Sequence[FieldPlan] = ()
    unmapped: Mapping[str, Any] = attrs.field(factory=dict)
    dropped: Mapping[str, str] = attrs.field(factory=dict)
    candidates: tuple[Candidate, ...] = ()
    conflicts: Sequence[Conflict] = ()
    linked: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Decider:
    """Decides the conversions of one batch.

    Args:
        matcher: Knows who is here already.
        options: What the person who converts decides.
        rules: The rules of plugins, in order.
        context: What rules may look at.
        found: Lead id to the candidates that matchers of plugins found.
    """

    _matcher: Matcher
    _options: ConversionOptions
    _rules: Sequence[Contribution[ConversionRule]]
    _context: Context
    _found: Mapping[str, Sequence[Candidate]] = attrs.field(factory=dict)

    def decide(self, lead: Lead) -> Decision:
        """Decide what becomes of one lead."""
        if lead.conversion_id is not None:
            return Decision(lead=lead, outcome="already", conversion_id=lead.conversion_id)
        refusal = combined(_refusals(lead, self._options.status))
        if refusal is not None:
            return Decision(lead=lead, outcome="refused", error=refusal)
        candidates = self._candidates(lead)
        deal = self._deal()
        try:
            contact, account, conflicts = self._choose(lead, candidates, deal)
        except AmbiguousMatchError as error:
            return Decision(lead=lead, outcome="ambiguous", error=error, candidates=candidates)
        decision = self._amended(lead, candidates, contact, account, deal)
        decision.conflicts = [*conflicts, *decision.conflicts]
        return decision

    def _amended(
        self, lead: Lead, candidates: tuple[Candidate, ...], contact: Any, account: Any, deal: Any
    ) -> Decision:
        """Map the fields, and let the rules amend that or veto."""
        options = self._options
        asked = options.with_account
        with_account = account is not None or (bool(lead.company) if asked is None else asked)
        with_deal = options.opens_deal or deal is not None
        plans, unmapped = map_fields(
            lead,
            contact,
            account,
            schema=self._context.schema,
            with_account=with_account,
            with_deal=with_deal,
            deal=deal,
        )
        proposal = Proposal(
            lead=lead,
            contact=contact,
            account=account,
            candidates=candidates,
            fields=(*plans, *self._new_deal(lead)),
            with_account=with_account,
            with_deal=with_deal,
            deal=deal,
        )
        amendments, vetoes = self._ask(proposal)
        chosen = [(CHOSEN, change) for change in options.choices()]
        amended = amend(proposal, unmapped, [*amendments, *chosen], schema=self._context.schema)
        self._insist(lead, amended)
        wrong = [*self._mismatches(contact, account, deal), *map(RejectedError, amended.problems)]
        if with_account and account is None and not lead.company:
            wrong.append(RejectedError("the lead has no company to make an account of"))
        refusal = combined([*wrong, *self._missing(amended.unmet), *vetoes])
        if refusal is not None:
            return Decision(lead=lead, outcome="refused", error=refusal, conflicts=amended.conflicts)
        return Decision(
            lead=lead,
            outcome="converted",
            contact=contact,
            account=account,
            deal=deal,
            with_account=with_account,
            fields=amended.fields,
            unmapped=amended.unmapped,
            dropped=amended.dropped,
            candidates=candidates,
            conflicts=amended.conflicts,
        )

    def _deal(self) -> Any:
        """Return the deal that the contact joins, or None.

        Raises:
            NotFoundError: There is no such deal.
        """
        if self._options.into_deal is None:
            return None
        rows = self._context.view.get_many("deal", [self._options.into_deal])
        if not rows:
            raise NotFoundError("deal", self._options.into_deal)
        return self._context.schema["deal"].load(rows[0])

    def _new_deal(self, lead: Lead) -> list[FieldPlan]:
        """Return what is planned for a deal that is opened, apart from the fields of the lead."""
        options = self._options
        if not options.opens_deal or options.into_deal:
            return []
        named = isinstance(options.deal, str)
        asked = {name: value for name, value in options.deal_values.items() if name in ("amount", "expected_close_on")}
        values = {"name": options.deal if named else lead.company or lead.label, **asked}
        return [
            FieldPlan(
                target=Target.DEAL,
                field=name,
                old=None,
                new=value,
                action=Action.CREATE,
                reason="asked for" if named or name != "name" else "called after the company or person",
                rule=CHOSEN if named or name != "name" else "default",
            )
            for name, value in values.items()
        ]

    def _insist(self, lead: Lead, amended: Amended) -> None:
        """Let what was asked for about a new deal go before what rules say."""
        asked = {plan.field: plan for plan in self._new_deal(lead) if plan.rule == CHOSEN}
        for place, plan in enumerate(amended.fields):
            if plan.target is Target.DEAL and plan.field in asked and plan.rule not in ("default", CHOSEN):
                amended.conflicts.append(Conflict.of(f"deal.{plan.field}", won=CHOSEN, lost=plan.rule))
                amended.fields[place] = asked[plan.field]

    def _candidates(self, lead: Lead) -> tuple[Candidate, ...]:
        options = self._options
        asked = {
            Target.CONTACT: options.contact is None,
            Target.ACCOUNT: options.account is None and options.with_account is not False,
        }
        contacts = self._matcher.contacts(lead) if asked[Target.CONTACT] else ()
        accounts = self._matcher.accounts(lead) if asked[Target.ACCOUNT] else ()
        named = [each for each in self._found.get(lead.id, ()) if asked.get(each.target)]
        found = [now for each in named if (now := became(self._context, each)) is not None]
        return united([*contacts, *accounts, *found]) if found else (*contacts, *accounts)

    def _choose(self, lead: Lead, candidates: Sequence[Candidate], deal: Any) -> tuple[Any, Any, list[Conflict]]:
        """Settle on one contact and one account at most, and say which rules had wanted others.

        Raises:
            AmbiguousMatchError: Several are left, and no rule chooses.
        """
        conflicts: list[Conflict] = []
        contact_id = self._options.contact or self._settle(lead, Target.CONTACT, candidates, conflicts)
        contact = self._matcher.contact(contact_id) if contact_id else None
        account_id = self._options.account
        if account_id is None and self._options.with_account is not False:
            # A deal knows whose it is, and a known contact where it works.
            account_id = (deal.account_id if deal else None) or (contact.account_id if contact else None)
            account_id = account_id or self._settle(lead, Target.ACCOUNT, candidates, conflicts)
        return contact, self._matcher.account(account_id) if account_id else None, conflicts

    def _settle(
        self, lead: Lead, target: Target, candidates: Sequence[Candidate], conflicts: list[Conflict]
    ) -> str | None:
        left = [c for c in candidates if c.target is target]
        if len(left) > 1:
            left = self._chosen_by_rule(lead, target, left, conflicts) or left
        if len(left) > 1:
            reason = f"{lead.label} matches several {target.value}s"
            raise AmbiguousMatchError(reason, [(c.record_id, c.label, ", ".join(c.evidence)) for c in left])
        return left[0].record_id if left else None

    def _chosen_by_rule(
        self, lead: Lead, target: Target, candidates: Sequence[Candidate], conflicts: list[Conflict]
    ) -> list[Candidate]:
        """Return the candidate that the last rule chose which chose one."""
        proposal = Proposal(lead=lead, contact=None, account=None, candidates=tuple(candidates), fields=())
        chosen: list[Candidate] = []
        by = ""
        for contribution in self._rules:
            with contribution.blamed(lead.id):
                choices = [c for c in contribution.item.amend(proposal, self._context) if isinstance(c, Choose)]
            wanted = {(choice.target, choice.record_id) for choice in choices}
            found = [c for c in candidates if (c.target, c.record_id) in wanted][:1]
            if found and chosen and found != chosen:
                conflicts.append(Conflict.of(target.value, won=contribution.item.name, lost=by))
            if found:
                chosen, by = found, contribution.item.name
        return chosen

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

    def _mismatches(self, contact: Any, account: Any, deal: Any) -> list[RejectedError]:
        wrong = [
            RejectedError(f"the {name} {record.label} is deleted")
            for name, record in (("contact", contact), ("account", account), ("deal", deal))
            if record is not None and record.deleted_at is not None
        ]
        if deal is not None and self._options.opens_deal:
            wrong.append(RejectedError("either a new deal or one that is there, not both"))
        if deal is not None and not deal.is_open:
            wrong.append(RejectedError(f"the deal {deal.label} is closed; reopen it first"))
        if deal is not None and account is not None and deal.account_id not in (None, account.id):
            wrong.append(RejectedError(f"the deal {deal.label} is with another account than {account.label}"))
        if contact is not None and account is not None and contact.account_id not in (None, account.id):
            reason = f"the contact {contact.label} belongs to another account than {account.label}"
            wrong.append(ContactNotInAccountError(reason))
        return wrong

    def _missing(self, unmet: Sequence[tuple[str, Demand]]) -> list[MissingFieldsError]:
        """Return what rules demand in vain; an owner that is named at the conversion counts."""
        missing: list[MissingFieldsError] = []
        for rule, demand in unmet:
            assert demand.target is not None  # noqa: S101  # demands without one are problems
            target, is_owner = demand.target.value, demand.field == "owner_id"
            if is_owner and self._options.owner:
                continue
            kind = OwnerRequiredError if is_owner else MissingFieldsError
            field = "owner" if is_owner else demand.field
            reason = f"the {target} has no {field}: {demand.reason} (rule {rule})"
            missing.append(kind(reason, fields=[f"{target}.{demand.field}"]))
        return missing


def _refusals(lead: Lead, left_as: LeadStatus) -> list[RejectedError]:
    refusals: list[RejectedError] = []
    if left_as is not LeadStatus.CONVERTED and lead.status is not LeadStatus.DISQUALIFIED:
        problems = LEAD_LIFE.problems(lead.status.value, left_as.value, noun="lead")
        refusals += [RejectedError(problem) for problem in problems]
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
