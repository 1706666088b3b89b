"""Trying a conversion rule on past leads: what would have been otherwise, with it or without it.

Each lead is decided again as it was right before its conversion, among the contacts and
accounts that were there then, once without the rule and once with it. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmkit.core.conversion import CHOSEN, Conversion, Target
from crmkit.core.matching import Matcher
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, ConversionRule
from crmkit.core.query import Order, Query
from crmkit.core.spelling import close_to
from crmkit.errors import NotFoundError
from crmkit.services.as_of import past_of
from crmkit.services.converting.asking import ask_matchers
from crmkit.services.converting.children import Children
from crmkit.services.converting.decide import Decider, Decision
from crmkit.services.converting.options import ConversionOptions
from crmkit.services.operations import Request, begin_planning
from crmkit.services.workspace import Workspace

__all__ = ["RuleTrial", "TriedLead", "ValueDifference", "try_rule"]


@attrs.frozen(kw_only=True)
class ValueDifference:
    """One thing that the rule makes otherwise.

    Attributes:
        what: A field of a target (``contact.title``), ``contact``, ``account``, ``unmapped`` or ``dropped``.
        without: What it is without the rule.
        with_rule: What it is with the rule.
    """

    what: str
    without: Any
    with_rule: Any


@attrs.frozen(kw_only=True)
class TriedLead:
    """A past lead for which the rule makes a difference.

    Attributes:
        lead_id: The lead.
        label: What a person calls it.
        converted_at: When it was converted, in UTC.
        without: What becomes of it without the rule: ``converted``, ``ambiguous`` or ``refused``.
        with_rule: What becomes of it with the rule.
        reasons: Why it is refused or ambiguous with the rule.
        differences: What would be otherwise.
    """

    lead_id: str
    label: str
    converted_at: datetime
    without: str
    with_rule: str
    reasons: tuple[str, ...]
    differences: tuple[ValueDifference, ...]


@attrs.frozen(kw_only=True)
class RuleTrial:
    """What a rule does to past leads.

    Attributes:
        rule: Its name.
        plugin: The plugin it belongs to.
        tried: How many leads were looked at.
        leads: Those for which it makes a difference, the one converted last first.
    """

    rule: str
    plugin: str
    tried: int
    leads: tuple[TriedLead, ...]


def try_rule(workspace: Workspace, name: str, *, limit: int = 100) -> RuleTrial:
    """Try a conversion rule on the leads that were converted last, and write nothing.

    Args:
        workspace: Where; the rule is one of its plugins.
        name: The name of the rule.
        limit: At most so many leads.

    Raises:
        NotFoundError: There is no such rule.
        PluginError: A rule fails.
    """
    rules = workspace.extensions.conversion_rules
    known = {contribution.item.name: contribution for contribution in rules}
    if name not in known:
        hint = "" if known else "no plugin brings a conversion rule; name a file with --plugin"
        raise NotFoundError("conversion rule", name, suggestions=close_to(name, known), hint=hint)
    others = [contribution for contribution in rules if contribution.item.name != name]
    newest = Query(type="conversion", order=(Order("id", descending=True),), limit=limit)
    with workspace.reading() as view:
        conversions: list[Conversion] = workspace.schema["conversion"].load_many(view.find(newest))
    by_operation: dict[str, list[Conversion]] = {}
    for conversion in conversions:
        by_operation.setdefault(conversion.operation_id, []).append(conversion)
    tried = [
        (conversion, without, with_rule)
        for operation_id, some in by_operation.items()
        for conversion, without, with_rule in _decided(workspace, operation_id, some, others, rules)
    ]
    leads = (_compared(conversion, without, with_rule) for conversion, without, with_rule in tried)
    return RuleTrial(
        rule=name,
        plugin=known[name].plugin,
        tried=len(tried),
        leads=tuple(lead for lead in leads if lead.differences),
    )


def _decided(
    workspace: Workspace,
    operation_id: str,
    conversions: Sequence[Conversion],
    *rules: Sequence[Contribution[ConversionRule]],
) -> Iterator[tuple[Conversion, Decision, Decision]]:
    """Decide the leads of one operation again, as they were before it, with each of two lists of rules."""
    past = past_of(workspace, operation_id, before=True)
    ids = [conversion.lead_id for conversion in conversions]
    with past.storage.read() as view:
        planning = begin_planning(past, view, Request(kind="convert"))
        leads = {lead.id: lead for lead in past.schema["lead"].load_many(planning.get_many("lead", ids))}
        matcher = Matcher(planning, list(leads.values()), Children(planning, ids).addresses)
        context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
        matched = ask_matchers(workspace.extensions.lead_matchers, list(leads.values()), context)
        for conversion in conversions:
            options = _options(workspace, conversion)
            without, with_rule = (
                Decider(matcher, options, each, context, matched).decide(leads[conversion.lead_id]) for each in rules
            )
            yield conversion, without, with_rule


def _options(workspace: Workspace, conversion: Conversion) -> ConversionOptions:
    """Return what was decided about the deal of a conversion; rules are told whether there is one."""
    if conversion.deal_id is None:
        return ConversionOptions()
    if Target.DEAL.value not in conversion.created:
        return ConversionOptions(into_deal=conversion.deal_id)
    if conversion.decided.get("deal.name", [None, CHOSEN])[1] != CHOSEN:
        return ConversionOptions(deal=True)  # a rule may name it
    return ConversionOptions(deal=str(workspace.load_many("deal", [conversion.deal_id])[0].name))


def _compared(conversion: Conversion, without: Decision, with_rule: Decision) -> TriedLead:
    before, after = _values(without), _values(with_rule)
    return TriedLead(
        lead_id=conversion.lead_id,
        label=with_rule.lead.label,
        converted_at=conversion.created_at,
        without=without.outcome,
        with_rule=with_rule.outcome,
        reasons=getattr(with_rule.error, "reasons", ()),
        differences=tuple(
            ValueDifference(what=what, without=before.get(what), with_rule=after.get(what))
            for what in dict.fromkeys([*before, *after])
            if before.get(what) != after.get(what)
        ),
    )


def _values(decision: Decision) -> Mapping[str, Any]:
    """Return all that a decision says, by what it is about."""
    values: dict[str, Any] = {"outcome": decision.outcome}
    if decision.outcome == "converted":
        for name, record in (("contact", decision.contact), ("account", decision.account)):
            values[name] = record.id if record is not None else "a new one"
        values["account"] = values["account"] if decision.with_account else None
        values |= {f"{plan.target.value}.{plan.field}": plan.new for plan in decision.fields}
        values |= {"unmapped": sorted(decision.unmapped), "dropped": sorted(decision.dropped)}
    return values
