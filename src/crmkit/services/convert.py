"""Conversion: a lead becomes a contact and an account, all or nothing, once.

One lead is a batch of one. A batch is decided and planned on the snapshot: who is here
already, what goes where, what the rules say (`crmkit.services.converting`). What comes
out is one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Unpack

import attrs

from crmkit.core.amendments import Conflict
from crmkit.core.changes import ChangeSet
from crmkit.core.conversion import Candidate, ConversionResult, FieldPlan
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.records import Stored
from crmkit.errors import AlreadyConvertedError, CrmkitError
from crmkit.services.comparing import ComparablePlan
from crmkit.services.converting.batch import plan_batch
from crmkit.services.converting.options import ConversionOptions
from crmkit.services.converting.results import Results
from crmkit.services.operations import How, Outcome, Request, begin_planning, run
from crmkit.services.planned import apply_planned
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
class ConversionPlan(ComparablePlan):
    """What converting a lead would do; hand it to `convert_planned` to do just that.

    Attributes:
        lead: The lead.
        contact: The contact it joins, or None when a new one is made.
        account: The account it joins, or None when a new one or none is made.
        deal: The deal it joins, or None when a new one or none is opened.
        with_account: Whether there is an account at all.
        with_deal: Whether there is a deal.
        status: What the lead is left as.
        fields: What happens to each field of each target.
        unmapped: Lead fields that find no place; kept on the conversion.
        dropped: Lead fields that a rule drops, with the rule.
        candidates: Who matched, with evidence.
        conflicts: Where rules wanted different things, and who won.
        linked: How many activities, memberships and so on are linked to the new records, by type.
        warnings: What a person should know.
        changes: All of it as one change set.
    """

    lead: Lead
    contact: Any
    account: Any
    deal: Any
    with_account: bool
    with_deal: bool
    status: LeadStatus
    fields: tuple[FieldPlan, ...]
    unmapped: Mapping[str, Any]
    dropped: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    conflicts: tuple[Conflict, ...]
    linked: Mapping[str, int]
    warnings: tuple[str, ...]
    changes: ChangeSet


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
        batch = plan_batch(planning, [id_of(lead)], chosen, workspace.extensions, in_columns=False)
        [decision] = batch.decisions
        assert decision is not None  # noqa: S101  # since it was not decided in columns
        if decision.error is not None:
            raise decision.error
        results = Results(workspace.schema, [decision.lead.id])
        results.begin(planning.operation_id)
        results.add(batch)
        if decision.outcome == "already":
            reason = f"{decision.lead.label} is converted already"
            raise AlreadyConvertedError(reason, result=results.finish(view, results.kept())[0])
        _warn_of_others(planning, view, decision.lead)
        changes = planning.change_set(results.kept())
    return ConversionPlan(
        lead=decision.lead,
        contact=decision.contact,
        account=decision.account,
        deal=decision.deal,
        with_account=decision.with_account,
        with_deal=chosen.opens_deal or decision.deal is not None,
        status=chosen.status,
        fields=tuple(decision.fields),
        unmapped=decision.unmapped,
        dropped=decision.dropped,
        candidates=decision.candidates,
        conflicts=tuple(decision.conflicts),
        linked=decision.linked,
        warnings=changes.warnings,
        changes=changes,
    )


def convert_planned(
    workspace: Workspace,
    plan: ConversionPlan,
    **how: Unpack[How],
) -> Outcome[ConversionResult]:
    """Apply a plan as it is.

    Raises:
        StalePlanError: Something it relies on has moved; nothing was done.
    """
    request = Request(kind="convert", arguments={"plan": plan.digest}, **how)
    finish = Results(workspace.schema, [plan.lead.id]).finish
    return apply_planned(workspace, plan.changes, request, finish).mapped(_only)


def convert_lead(
    workspace: Workspace,
    lead: str | Stored,
    *,
    options: ConversionOptions | None = None,
    **how: Unpack[How],
) -> Outcome[ConversionResult]:
    """Convert one lead; a converted one gives back its conversion, as ``already``.

    Raises:
        NotFoundError: There is no such lead.
        RejectedError: It cannot be converted; with all reasons.
        AmbiguousMatchError: Several contacts or accounts match equally well.
    """
    return convert_leads(workspace, [lead], options=options, all_or_nothing=True, **how).mapped(_only)


def convert_leads(
    workspace: Workspace,
    leads: Iterable[str | Stored],
    *,
    options: ConversionOptions | None = None,
    all_or_nothing: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **how: Unpack[How],
) -> Outcome[Sequence[ConversionResult]]:
    """Convert many leads in one operation; leads of one company share its account.

    Args:
        workspace: Where.
        leads: Leads or their ids; each gets one result, in this order.
        options: The same decisions for all.
        all_or_nothing: Refuse all when one cannot be converted.
        progress: Called after each thousand with how many leads are decided, and of how many. It
            begins anew when others have changed what the plan relied on.
        how: See `How`.

    Raises:
        RejectedError: With ``all_or_nothing``: what is wrong with the leads.
    """
    ids = list(dict.fromkeys(id_of(lead) for lead in leads))
    chosen = options or ConversionOptions()

    results = Results(workspace.schema, ids)
    # A deal that cannot be opened is found when half of its lead is planned; then all is planned anew without that
    # lead, but for a part of an open operation, where nothing can be planned anew.
    refused: dict[str, CrmkitError] | None = {} if workspace.open_planning is None else None

    def plan(planning: Planning) -> Mapping[str, Any]:
        known = len(refused or ())
        results.begin(planning.operation_id)
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            done = results.add(plan_batch(planning, batch, chosen, workspace.extensions, refused=refused))
            if progress is not None:
                progress(done, len(ids))
        if len(refused or ()) > known:
            raise _PlanAgain
        if all_or_nothing:
            results.refuse_any()
        return results.kept()

    arguments = {"leads": ids, "options": chosen.as_json()} if how.get("key") else {}
    request = Request(kind="convert", arguments=arguments, **how)
    while True:  # each time more is known, so it ends
        with suppress(_PlanAgain):
            return run(workspace, request, plan, results.finish)


class _PlanAgain(Exception):  # noqa: N818  # not an error: some leads turned out to be refused
    pass


def _warn_of_others(planning: Planning, view: ReadTransaction, lead: Lead) -> None:
    """Name other open leads with the same address; the plan does not rely on them, so they are not remembered."""
    kind = planning.schema["lead"]
    pairs = view.lookup("lead", "email_key", [lead.email.key]) if lead.email else []
    for other in kind.load_many(view.get_many("lead", [id_ for _, id_ in pairs])):
        if other.id != lead.id and other.conversion_id is None:
            planning.warn(f"{other.label} ({other.id}) is another lead with the address {lead.email}")


def _only(results: Sequence[ConversionResult]) -> ConversionResult:
    return results[0]
