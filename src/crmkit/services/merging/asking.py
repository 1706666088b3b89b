"""Asking the rules of plugins what they say to a merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmkit.core.amendments import Veto
from crmkit.core.merging import MergedFields, merge_fields
from crmkit.core.planning import Planning
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, MergeRule
from crmkit.core.record_type import RecordType
from crmkit.core.settling import MergeAmendment, MergeProposal, Settled, settle
from crmkit.errors import VetoedError

__all__ = ["ask_merge_rules"]


def ask_merge_rules(
    planning: Planning,
    kind: RecordType,
    rules: Sequence[Contribution[MergeRule]],
    winner: Any,
    losers: Sequence[Any],
    *,
    choose: Mapping[str, str],
) -> tuple[Settled, list[VetoedError]]:
    """Return what the rules, and then whoever merges, say to a merge, and the vetoes.

    Args:
        planning: The operation.
        kind: The record type.
        rules: The rules of plugins, in order.
        winner: The record that stays.
        losers: Those that become part of it.
        choose: Attribute to the record that whoever merges chose.
    """
    usual = MergedFields()
    if rules:
        [row] = planning.get_many(kind.name, [winner.id])
        rows = {str(each[kind.position["id"]]): each for each in planning.get_many(kind.name, [r.id for r in losers])}
        usual = merge_fields(kind, row, [rows[loser.id] for loser in losers])
    proposal = MergeProposal(kind=kind.name, winner=winner, losers=tuple(losers), fields=tuple(usual.fields))
    context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
    amendments: list[tuple[str, MergeAmendment]] = []
    vetoes: list[VetoedError] = []
    for contribution in rules:
        name = contribution.item.name
        with contribution.blamed(winner.id):
            said = list(contribution.item.amend_merge(proposal, context))
        amendments += [(name, change) for change in said]
        vetoes += [VetoedError(c.reason, plugin=contribution.plugin, rule=name) for c in said if isinstance(c, Veto)]
    return settle(kind, proposal, amendments, choose), vetoes
