"""One batch of leads: decided and planned one after the other, so that each sees what those before it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import attrs

from crmkit.core.column_mapping import ColumnMapping
from crmkit.core.fields import Scalar
from crmkit.core.lead import Lead
from crmkit.core.matching import KeyColumns, Matcher
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Context, Extensions
from crmkit.errors import CrmkitError, NotFoundError, PluginError, RejectedError
from crmkit.services.aliases import current_ids
from crmkit.services.converting.asking import ask_matchers
from crmkit.services.converting.children import Children
from crmkit.services.converting.decide import Decider, Decision
from crmkit.services.converting.options import ConversionOptions
from crmkit.services.converting.records import ConversionWriter
from crmkit.services.converting.straight import StraightWriter

__all__ = ["Batch", "plan_batch"]


class Batch(NamedTuple):
    """What was decided for a batch of leads, in order.

    Attributes:
        decisions: The decision for each; None for the next one of those that are in `conversions`.
        conversions: The conversions that were planned in columns.
    """

    decisions: Sequence[Decision | None]
    conversions: Sequence[Mapping[str, Sequence[Scalar]]]


def plan_batch(
    planning: Planning,
    ids: Sequence[str],
    options: ConversionOptions,
    extensions: Extensions,
    *,
    in_columns: bool = True,
    refused: dict[str, CrmkitError] | None = None,
) -> Batch:
    """Decide and plan the conversions of a batch of leads, and look up what they need all at once.

    Args:
        planning: The operation.
        ids: The leads.
        options: What the person who converts decides.
        extensions: What plugins have a say.
        in_columns: Whether the usual ones may be decided in columns; otherwise each is decided
            field by field, and its decision tells all of it.
        refused: Leads that turned out to be refused in an earlier attempt, to which those are added
            that turn out to be now; what was planned for these is of no use. None raises instead.

    Raises:
        NotFoundError: One of the leads is not there.
    """
    options = _current(planning, options)
    kind = planning.schema["lead"]
    place = kind.position["id"]
    found = {str(row[place]): row for row in planning.get_many("lead", ids)}
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError("lead", id_)
    rows = [found[id_] for id_ in ids]
    children = Children(planning, ids)
    keys = KeyColumns.of_rows(rows, kind.position, chain.from_iterable(children.addresses.values()))
    matcher = Matcher(planning, (), children.addresses, keys=keys)
    children.know([*matcher.known, *filter(None, (options.contact, options.account, options.into_deal))])
    context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
    matchers = extensions.lead_matchers
    matched = ask_matchers(matchers, kind.load_many(rows), context) if matchers else {}
    decider = Decider(matcher, options, extensions.conversion_rules, context, matched)
    writer = ConversionWriter(planning, options, children, matcher, extensions)
    asks_nobody = not (matchers or extensions.conversion_rules)
    usual = None
    if in_columns and asks_nobody and StraightWriter.serves(options):
        usual = StraightWriter(planning, options, children, matcher, ColumnMapping.of(planning.schema))
    decided: list[Decision | None] = []
    for row, domain, legal in zip(rows, keys.domains, keys.companies, strict=True):
        if usual and usual.convert(row, domain, legal):
            decided.append(None)
            continue
        lead = kind.load(row)
        if usual and usual.awaits(lead):
            usual.flush()
        known = refused.get(lead.id) if refused else None
        decision = _failed(lead, known) if known else _decide(decider, lead)
        if decision.outcome == "converted":
            _write(writer, decision, refused)
        decided.append(decision)
    if usual:
        usual.flush()
    children.flush()
    planning.forget("lead", ids)
    return Batch(decided, usual.conversions if usual else ())


def _decide(decider: Decider, lead: Lead) -> Decision:
    """Decide one lead; where a rule breaks, that lead alone has failed."""
    try:
        return decider.decide(lead)
    except PluginError as error:
        return _failed(lead, error)


def _write(writer: ConversionWriter, decision: Decision, refused: dict[str, CrmkitError] | None) -> None:
    """Plan what was decided, or take note that its deal cannot be opened."""
    try:
        writer.plan(decision)
    except (RejectedError, PluginError) as error:
        if refused is None:
            raise
        refused[decision.lead.id] = error


def _failed(lead: Lead, error: CrmkitError) -> Decision:
    return Decision(lead=lead, outcome="failed" if isinstance(error, PluginError) else "refused", error=error)


def _current(planning: Planning, options: ConversionOptions) -> ConversionOptions:
    """Return the options with the records that those are now which were merged into others."""
    named = [id_ for id_ in (options.contact, options.account, options.into_deal) if id_ is not None]
    if not named:
        return options
    now = current_ids(planning, planning.schema, named)
    return attrs.evolve(
        options,
        contact=now.get(options.contact or ""),
        account=now.get(options.account or ""),
        into_deal=now.get(options.into_deal or ""),
    )
