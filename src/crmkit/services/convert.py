"""Conversion: a lead becomes a contact and an account, all or nothing, once.

One lead is a batch of one. `plan_batch` decides everything on the snapshot: who is here
already, what goes where, what the rules say. What it decides is one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.changes import ChangeSet
from crmkit.core.contact import PointKind
from crmkit.core.conversion import (
    Action,
    Amendment,
    Candidate,
    Choose,
    Conversion,
    ConversionResult,
    FieldPlan,
    Proposal,
    Target,
    Veto,
    amend,
    map_fields,
)
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.matching import Matcher
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Context, ConversionRule, Contribution
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.schema import Schema, Stored
from crmkit.errors import AmbiguousMatchError, NotFoundError, RejectedError, VetoedError
from crmkit.services.deals import plan_open_deal
from crmkit.services.operations import Outcome, Request, apply, begin_planning, run
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = [
    "ConversionOptions",
    "ConversionPlan",
    "convert_lead",
    "convert_leads",
    "convert_planned",
    "plan_conversion",
]

_BATCH = 1000


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


@attrs.frozen(kw_only=True)
class ConversionPlan:
    """What converting a lead would do; hand it to `convert_planned` to do just that.

    Attributes:
        lead: The lead.
        contact: The contact it joins, or None when a new one is made.
        account: The account it joins, or None when a new one or none is made.
        with_account: Whether there is an account at all.
        fields: What happens to each field of each target.
        unmapped: Lead fields that find no place; kept on the conversion.
        dropped: Lead fields that a rule drops, with the rule.
        candidates: Who matched, with evidence.
        linked: How many activities, memberships and so on are linked to the new records, by type.
        warnings: What a person should know.
        changes: All of it as one change set.
    """

    lead: Lead
    contact: Any
    account: Any
    with_account: bool
    fields: tuple[FieldPlan, ...]
    unmapped: Mapping[str, Any]
    dropped: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    linked: Mapping[str, int]
    warnings: tuple[str, ...]
    changes: ChangeSet

    @property
    def digest(self) -> str:
        """What two plans share if and only if they do the same on the same ground."""
        return self.changes.digest


@attrs.define(kw_only=True)
class _Decision:
    """What was decided for one lead."""

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
    linked: dict[str, int] = attrs.field(factory=dict)


def plan_conversion(
    workspace: Workspace, lead: str | Stored, *, options: ConversionOptions | None = None
) -> ConversionPlan:
    """Plan the conversion of one lead without doing anything.

    Raises:
        NotFoundError: There is no such lead.
        RejectedError: It cannot be converted; with all reasons.
        AmbiguousMatchError: Several contacts or accounts match equally well.
    """
    chosen = options or ConversionOptions()
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="convert"))
        decision = _plan_batch(planning, [id_of(lead)], chosen, workspace)[0]
        if decision.error is not None:
            raise decision.error
        changes = planning.change_set(_result([decision]))
    if decision.outcome == "already":
        reason = f"{decision.lead.label} is converted already"
        raise RejectedError(reason, hint="convert gives back the first conversion")
    return ConversionPlan(
        lead=decision.lead,
        contact=decision.contact,
        account=decision.account,
        with_account=decision.with_account,
        fields=tuple(decision.fields),
        unmapped=decision.unmapped,
        dropped=decision.dropped,
        candidates=decision.candidates,
        linked=decision.linked,
        warnings=changes.warnings,
        changes=changes,
    )


def convert_planned(
    workspace: Workspace,
    plan: ConversionPlan,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[ConversionResult]:
    """Apply a plan as it is.

    Raises:
        StalePlanError: Something it relies on has moved; nothing was done.
    """
    request = Request(kind="convert", reason=reason, key=key, arguments={"plan": plan.digest}, dry_run=dry_run)
    changes = attrs.evolve(plan.changes, reason=reason)
    outcome = apply(workspace, changes, request, _results(workspace.schema))
    return Outcome(
        value=outcome.value[0],
        operation_id=outcome.operation_id,
        changes=outcome.changes,
        replayed=outcome.replayed,
    )


def convert_lead(
    workspace: Workspace,
    lead: str | Stored,
    *,
    options: ConversionOptions | None = None,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[ConversionResult]:
    """Convert one lead; a converted one gives back its conversion, as ``already``.

    Raises:
        NotFoundError: There is no such lead.
        RejectedError: It cannot be converted; with all reasons.
        AmbiguousMatchError: Several contacts or accounts match equally well.
    """
    outcome = convert_leads(
        workspace, [lead], options=options, all_or_nothing=True, reason=reason, key=key, dry_run=dry_run
    )
    return Outcome(
        value=outcome.value[0],
        operation_id=outcome.operation_id,
        changes=outcome.changes,
        replayed=outcome.replayed,
    )


def convert_leads(
    workspace: Workspace,
    leads: Iterable[str | Stored],
    *,
    options: ConversionOptions | None = None,
    all_or_nothing: bool = False,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[list[ConversionResult]]:
    """Convert many leads in one operation; leads of one company share its account.

    Args:
        workspace: Where.
        leads: Leads or their ids; each gets one result, in this order.
        options: The same decisions for all.
        all_or_nothing: Refuse all when one cannot be converted.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        RejectedError: With ``all_or_nothing``: what is wrong with the leads.
    """
    ids = list(dict.fromkeys(id_of(lead) for lead in leads))
    chosen = options or ConversionOptions()

    def plan(planning: Planning) -> Mapping[str, Any]:
        decisions: list[_Decision] = []
        for start in range(0, len(ids), _BATCH):
            decisions += _plan_batch(planning, ids[start : start + _BATCH], chosen, workspace)
        if all_or_nothing:
            _refuse(decisions)
        return _result(decisions)

    request = Request(
        kind="convert",
        reason=reason,
        key=key,
        arguments={"leads": ids, "options": chosen.as_json()} if key else {},
        dry_run=dry_run,
    )
    return run(workspace, request, plan, _results(workspace.schema))


def _refuse(decisions: Sequence[_Decision]) -> None:
    errors = [(d.lead, d.error) for d in decisions if d.error is not None]
    if len(decisions) == 1 and errors and errors[0][1]:
        raise errors[0][1]
    if errors:
        raise RejectedError(f"{lead.label}: {error}" for lead, error in errors)


def _plan_batch(
    planning: Planning, ids: Sequence[str], options: ConversionOptions, workspace: Workspace
) -> list[_Decision]:
    """Decide and plan the conversions of a batch of leads."""
    found: dict[str, Lead] = {
        lead.id: lead for lead in planning.schema["lead"].load_many(planning.get_many("lead", ids))
    }
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError("lead", id_)
    leads = [found[id_] for id_ in ids]
    children = _Children(planning, ids)
    matcher = Matcher(planning, leads, children.addresses)
    context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
    rules = workspace.extensions.conversion_rules
    decisions: list[_Decision] = []
    for lead in leads:
        decision = _decide(lead, matcher, options, rules, context)
        if decision.outcome == "converted":
            try:
                _plan_one(planning, decision, options, children, matcher, workspace)
            except RejectedError as error:
                decision.outcome, decision.error = "refused", error
        decisions.append(decision)
    return decisions


def _decide(
    lead: Lead,
    matcher: Matcher,
    options: ConversionOptions,
    rules: Sequence[Contribution[ConversionRule]],
    context: Context,
) -> _Decision:
    if lead.status is LeadStatus.CONVERTED:
        return _Decision(lead=lead, outcome="already", conversion_id=lead.conversion_id)
    reasons = []
    if lead.deleted_at is not None:
        reasons.append(f"{lead.label} is deleted; restore it first")
    if lead.status is LeadStatus.DISQUALIFIED:
        reasons.append(f"{lead.label} is disqualified ({lead.disqualified_reason}); reopen it first")
    if not (lead.name or lead.email or lead.phone or lead.mobile):
        reasons.append("the lead has no name, e-mail address or phone number to make a contact of")
    if reasons:
        return _Decision(lead=lead, outcome="refused", error=RejectedError(reasons))
    candidates = _candidates(lead, matcher, options)
    try:
        chosen = _choose(lead, candidates, matcher, rules, context, options)
    except AmbiguousMatchError as error:
        return _Decision(lead=lead, outcome="ambiguous", error=error, candidates=candidates)
    contact = matcher.contact(chosen[Target.CONTACT]) if Target.CONTACT in chosen else None
    account = matcher.account(chosen[Target.ACCOUNT]) if Target.ACCOUNT in chosen else None
    if contact is not None and contact.account_id and account is None and options.with_account is not False:
        account = matcher.account(contact.account_id)
    wrong = _mismatches(contact, account, options)
    with_account = account is not None or (
        bool(lead.company) if options.with_account is None else options.with_account
    )
    if with_account and account is None and not lead.company:
        wrong.append("the lead has no company to make an account of")
    plans, unmapped = map_fields(lead, contact, account, with_account=with_account)
    proposal = Proposal(
        lead=lead,
        contact=contact,
        account=account,
        candidates=candidates,
        fields=tuple(plans),
        with_deal=options.deal is not None,
    )
    amendments: list[tuple[str, Amendment]] = []
    vetoes: list[tuple[str, str, str]] = []
    for contribution in rules:
        with contribution.blamed(lead.id):
            for change in contribution.item.amend(proposal, context):
                if isinstance(change, Veto):
                    vetoes.append((contribution.plugin, contribution.item.name, change.reason))
                else:
                    amendments.append((contribution.item.name, change))
    plans, unmapped, dropped, unmet = amend(plans, unmapped, amendments)
    wrong += [f"{reason} (rule {rule})" for rule, reason in unmet]
    if vetoes and not wrong:
        plugin, rule, _ = vetoes[0]
        refusal: RejectedError = VetoedError([text for _, _, text in vetoes], plugin=plugin, rule=rule)
        return _Decision(lead=lead, outcome="refused", error=refusal)
    if wrong:
        error = RejectedError([*wrong, *(f"{text} (rule {rule})" for _, rule, text in vetoes)])
        return _Decision(lead=lead, outcome="refused", error=error)
    return _Decision(
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


def _candidates(lead: Lead, matcher: Matcher, options: ConversionOptions) -> tuple[Candidate, ...]:
    contacts = () if options.contact else matcher.contacts(lead)
    accounts = () if options.account or options.with_account is False else matcher.accounts(lead)
    return (*contacts, *accounts)


def _choose(
    lead: Lead,
    candidates: Sequence[Candidate],
    matcher: Matcher,
    rules: Sequence[Contribution[ConversionRule]],
    context: Context,
    options: ConversionOptions,
) -> dict[Target, str]:
    """Settle on one contact and one account at most.

    Raises:
        AmbiguousMatchError: Several are left, and no rule chooses.
    """
    chosen = {
        target: record_id
        for target, record_id in ((Target.CONTACT, options.contact), (Target.ACCOUNT, options.account))
        if record_id
    }
    for target in (Target.CONTACT, Target.ACCOUNT):
        of_target = [c for c in candidates if c.target is target]
        if target in chosen or not of_target:
            continue
        if len(of_target) > 1 and target is Target.ACCOUNT and Target.CONTACT in chosen:
            # A known contact knows where it works.
            account_id = matcher.contact(chosen[Target.CONTACT]).account_id
            of_target = [c for c in of_target if c.record_id == account_id] or of_target
        if len(of_target) > 1:
            of_target = _chosen_by_rule(lead, of_target, rules, context) or of_target
        if len(of_target) > 1:
            reason = f"{lead.label} matches several {target.value}s"
            raise AmbiguousMatchError(reason, [(c.record_id, c.label, ", ".join(c.evidence)) for c in of_target])
        chosen[target] = of_target[0].record_id
    return chosen


def _chosen_by_rule(
    lead: Lead,
    candidates: Sequence[Candidate],
    rules: Sequence[Contribution[ConversionRule]],
    context: Context,
) -> list[Candidate]:
    proposal = Proposal(lead=lead, contact=None, account=None, candidates=tuple(candidates), fields=())
    for contribution in rules:
        with contribution.blamed(lead.id):
            choices = [c for c in contribution.item.amend(proposal, context) if isinstance(c, Choose)]
        for choice in choices:
            found = [c for c in candidates if c.record_id == choice.record_id and c.target is choice.target]
            if found:
                return found
    return []


def _mismatches(contact: Any, account: Any, options: ConversionOptions) -> list[str]:
    wrong = [
        f"the {name} {record.label} is deleted"
        for name, record in (("contact", contact), ("account", account))
        if record is not None and record.deleted_at is not None
    ]
    if contact and account and contact.account_id and contact.account_id != account.id:
        if options.account or options.contact:
            wrong.append(f"the contact {contact.label} belongs to another account than {account.label}")
    return wrong


def _plan_one(
    planning: Planning,
    decision: _Decision,
    options: ConversionOptions,
    children: _Children,
    matcher: Matcher,
    workspace: Workspace,
) -> None:
    """Plan the records of one conversion."""
    lead, created = decision.lead, []
    owner = {"owner_id": options.owner} if options.owner else {}
    account_id = None
    if decision.with_account:
        account_id = _plan_target(planning, decision, Target.ACCOUNT, owner)
        if decision.account is None:
            created.append("account")
        matcher.made("account", account_id)
    joined = decision.contact is None or decision.contact.account_id is None
    bond = {"account_id": account_id} if joined and account_id else {}
    contact_id = _plan_target(planning, decision, Target.CONTACT, {**owner, **bond})
    if decision.contact is None:
        created.append("contact")
    matcher.made("contact", contact_id)
    deal_id = None
    if options.deal is not None:
        deal_id = plan_open_deal(
            planning,
            workspace.extensions,
            name=options.deal,
            account=account_id,
            contacts=[contact_id],
            owner=options.owner or lead.owner_id,
            **options.deal_values,
        )
        created.append("deal")
    decision.linked = children.plan_links(lead, [id_ for id_ in (contact_id, account_id, deal_id) if id_], contact_id)
    if lead.campaign_id in children.campaigns(lead):
        # It lives on as the contact's membership.
        decision.unmapped = {name: value for name, value in decision.unmapped.items() if name != "campaign_id"}
    if decision.contact is not None:
        _keep_addresses(planning, lead, decision.contact, decision)
    decision.conversion_id = planning.create(
        "conversion",
        {
            "lead_id": lead.id,
            "contact_id": contact_id,
            "account_id": account_id,
            "deal_id": deal_id,
            "created": tuple(sorted(created)),
            "unmapped": {name: _json_value(value) for name, value in decision.unmapped.items()},
            "dropped": dict(decision.dropped),
            "decided": {f"{p.target.value}.{p.field}": [p.action.value, p.rule] for p in decision.fields},
            "status_before": lead.status.value,
        },
    )
    for record_id in filter(None, (contact_id, account_id)):
        planning.create("link", {"kind": "origin", "from_id": record_id, "to_id": lead.id})
    planning.update(
        "lead",
        lead.id,
        {"status": LeadStatus.CONVERTED, "conversion_id": decision.conversion_id},
        expected_version=lead.version,
        why="converted",
    )
    if decision.contact is not None and decision.contact.name and lead.name and "first_name" in decision.unmapped:
        planning.warn(f"{lead.label} joins the contact {decision.contact.label}, who has another name")


def _plan_target(planning: Planning, decision: _Decision, target: Target, more: Mapping[str, Any]) -> str:
    """Make the contact or account, or fill the one that is there."""
    kind = target.value
    attribute = planning.schema[kind].attribute
    mine = [p for p in decision.fields if p.target is target and p.action is not Action.KEEP]
    values = {p.field: p.new for p in mine}
    unknown = [name for name in values if name not in attribute]
    if unknown:
        raise RejectedError(f"rule {p.rule}: a {kind} has no field {p.field}" for p in mine if p.field in unknown)
    existing = decision.contact if target is Target.CONTACT else decision.account
    if existing is None:
        return planning.create(kind, {**values, **more})
    rules = {p.field: p.rule for p in mine if p.rule != "default"}
    empty = {name: value for name, value in more.items() if name == "account_id" or not getattr(existing, name)}
    planning.update(
        kind, existing.id, {**values, **empty}, why=f"conversion of {decision.lead.label}", rules=rules
    )
    return str(existing.id)


def _keep_addresses(planning: Planning, lead: Lead, contact: Any, decision: _Decision) -> None:
    """Give an existing contact the addresses and numbers of the lead that differ from its own."""
    for field, kind in (("email", PointKind.EMAIL), ("phone", PointKind.PHONE), ("mobile", PointKind.PHONE)):
        value = getattr(lead, field)
        if value and field in decision.unmapped and value not in (contact.email, contact.phone, contact.mobile):
            planning.create("contact_point", {"person_id": contact.id, "kind": kind, "value": str(value)})


class _Children:
    """What hangs on the leads of a batch, loaded at once."""

    def __init__(self, planning: Planning, lead_ids: Sequence[str]) -> None:
        self._planning = planning
        self._bonds = self._load("link", "to_id", lead_ids)
        self._members = self._load("campaign_member", "person_id", lead_ids)
        self._points = self._load("contact_point", "person_id", lead_ids)
        self._messages = self._load("message", "person_id", lead_ids)
        self.addresses = {
            lead_id: [point.value for point in points if point.kind is PointKind.EMAIL]
            for lead_id, points in self._points.items()
        }

    def campaigns(self, lead: Lead) -> set[str]:
        """Return the campaigns a lead is a member of."""
        return {member.campaign_id for member in self._members.get(lead.id, ())}

    def plan_links(self, lead: Lead, targets: Sequence[str], contact_id: str) -> dict[str, int]:
        """Link everything to the new records too; the lead keeps its own."""
        planning = self._planning
        activities = [link.from_id for link in self._bonds.get(lead.id, ()) if link.kind == "about"]
        messages = [message.id for message in self._messages.get(lead.id, ())]
        pairs = [(child, target) for child in (*activities, *messages) for target in targets]
        known = self._known_links(targets) if pairs else set()
        for child, target in pairs:
            if (child, target) not in known:
                planning.create("link", {"kind": "about", "from_id": child, "to_id": target})
        campaigns = self._campaigns_of(contact_id) if lead.id in self._members else set()
        for member in self._members.get(lead.id, ()):
            if member.campaign_id not in campaigns:
                values = {"campaign_id": member.campaign_id, "status": member.status, "answer": member.answer}
                planning.create("campaign_member", {**values, "person_id": contact_id})
        for point in self._points.get(lead.id, ()):
            values = {"kind": point.kind, "value": point.value, "note": point.note}
            planning.create("contact_point", {**values, "person_id": contact_id})
        return {
            "activities": len(activities),
            "messages": len(messages),
            "campaigns": len(self._members.get(lead.id, ())),
            "addresses": len(self._points.get(lead.id, ())),
        }

    def _known_links(self, targets: Sequence[str]) -> set[tuple[str, str]]:
        return {
            (link.from_id, link.to_id)
            for links in self._load("link", "to_id", targets).values()
            for link in links
            if link.kind == "about"
        }

    def _campaigns_of(self, contact_id: str) -> set[str]:
        members = self._load("campaign_member", "person_id", [contact_id]).get(contact_id, ())
        return {member.campaign_id for member in members}

    def _load(self, kind: str, field: str, ids: Sequence[str]) -> dict[str, list[Any]]:
        planning = self._planning
        pairs = planning.lookup(kind, field, ids)
        grouped: dict[str, list[Any]] = {}
        for record in planning.schema[kind].load_many(planning.get_many(kind, [id_ for _, id_ in pairs])):
            grouped.setdefault(getattr(record, field), []).append(record)
        return grouped


def _result(decisions: Sequence[_Decision]) -> dict[str, Any]:
    return {
        "results": [
            {
                "lead": d.lead.id,
                "outcome": d.outcome,
                "conversion": d.conversion_id,
                "reasons": list(d.error.reasons) if d.error else [],
            }
            for d in decisions
        ]
    }


def _results(schema: Schema) -> Any:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> list[ConversionResult]:
        ids = [entry["conversion"] for entry in result["results"] if entry["conversion"]]
        found: dict[str, Conversion] = {c.id: c for c in schema["conversion"].load_many(view.get_many("conversion", ids))}
        return [
            ConversionResult(
                lead_id=entry["lead"],
                outcome=entry["outcome"],
                conversion=found.get(entry["conversion"] or ""),
                reasons=tuple(entry["reasons"]),
                operation_id=found[entry["conversion"]].operation_id if entry["conversion"] in found else None,
            )
            for entry in result["results"]
        ]

    return finish


def _json_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else getattr(value, "value", value)
