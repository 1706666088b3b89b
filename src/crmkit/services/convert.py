"""Conversion: a lead becomes a contact and an account, all or nothing, once.

One lead is a batch of one. A batch is decided and planned on the snapshot: who is here
already, what goes where, what the rules say (`crmkit.services.converting`). What comes
out is one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.changes import ChangeSet
from crmkit.core.conversion import Candidate, Conversion, ConversionResult, FieldPlan
from crmkit.core.lead import Lead
from crmkit.core.matching import Matcher
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Context
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.errors import AlreadyConvertedError, NotFoundError, RejectedError
from crmkit.services.converting.children import Children
from crmkit.services.converting.decide import ConversionOptions, Decider, Decision
from crmkit.services.converting.records import ConversionWriter
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


def plan_conversion(
    workspace: Workspace, lead: str | Stored, *, options: ConversionOptions | None = None
) -> ConversionPlan:
    """Plan the conversion of one lead without doing anything.

    Raises:
        NotFoundError: There is no such lead.
        AlreadyConvertedError: It is converted; with the first result.
        RejectedError: It cannot be converted; with all reasons.
        AmbiguousMatchError: Several contacts or accounts match equally well.
    """
    chosen = options or ConversionOptions()
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="convert"))
        decision = _plan_batch(planning, [id_of(lead)], chosen, workspace)[0]
        if decision.error is not None:
            raise decision.error
        if decision.outcome == "already":
            reason = f"{decision.lead.label} is converted already"
            raise AlreadyConvertedError(reason, result=_results(workspace.schema)(view, _result([decision]))[0])
        changes = planning.change_set(_result([decision]))
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
    return apply(workspace, changes, request, _results(workspace.schema)).mapped(_only)


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
    return convert_leads(
        workspace, [lead], options=options, all_or_nothing=True, reason=reason, key=key, dry_run=dry_run
    ).mapped(_only)


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
        decisions: list[Decision] = []
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


def _plan_batch(
    planning: Planning, ids: Sequence[str], options: ConversionOptions, workspace: Workspace
) -> list[Decision]:
    """Decide and plan the conversions of a batch of leads."""
    found: dict[str, Lead] = {
        lead.id: lead for lead in planning.schema["lead"].load_many(planning.get_many("lead", ids))
    }
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError("lead", id_)
    leads = [found[id_] for id_ in ids]
    children = Children(planning, ids)
    matcher = Matcher(planning, leads, children.addresses)
    children.know([*matcher.known, *filter(None, (options.contact, options.account))])
    context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
    decider = Decider(matcher, options, workspace.extensions.conversion_rules, context)
    writer = ConversionWriter(planning, options, children, matcher, workspace.extensions)
    decisions: list[Decision] = []
    for lead in leads:
        decision = decider.decide(lead)
        if decision.outcome == "converted":
            writer.plan(decision)
        decisions.append(decision)
    return decisions


def _refuse(decisions: Sequence[Decision]) -> None:
    """Raise when one of the leads cannot be converted; for a single lead its own error."""
    refused = [(decision.lead, decision.error) for decision in decisions if decision.error is not None]
    if refused and len(decisions) == 1:
        raise refused[0][1]
    if refused:
        raise RejectedError(f"{lead.label}: {error}" for lead, error in refused)


def _only(results: list[ConversionResult]) -> ConversionResult:
    return results[0]


def _result(decisions: Sequence[Decision]) -> dict[str, Any]:
    return {
        "results": [
            {
                "lead": decision.lead.id,
                "outcome": decision.outcome,
                "conversion": decision.conversion_id,
                "reasons": list(decision.error.reasons) if decision.error else [],
            }
            for decision in decisions
        ]
    }


def _results(schema: Schema) -> Callable[[ReadTransaction, Mapping[str, Any]], list[ConversionResult]]:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> list[ConversionResult]:
        ids = [entry["conversion"] for entry in result["results"] if entry["conversion"]]
        rows = view.get_many("conversion", ids)
        found: dict[str, Conversion] = {
            conversion.id: conversion for conversion in schema["conversion"].load_many(rows)
        }
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
