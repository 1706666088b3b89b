"""Settling a merge: what rules of plugins, and at last whoever merges, decide field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from crmkit.core.amendments import Append, Conflict, Demand, Keep, Take, Veto
from crmkit.core.declarations import value_of
from crmkit.core.merging import Choice, MergeField
from crmkit.core.record_type import RecordType
from crmkit.core.spelling import close_to

__all__ = ["MergeAmendment", "MergeProposal", "Settled", "settle"]

MergeAmendment = Keep | Take | Append | Demand | Veto
"""What a merge rule may return."""


@attrs.frozen(kw_only=True)
class MergeProposal:
    """What a merge rule is shown.

    Attributes:
        kind: The record type: ``contact``, ``account`` …
        winner: The record that stays.
        losers: Those that become part of it.
        fields: What is planned so far, loser by loser.
    """

    kind: str
    winner: Any
    losers: tuple[Any, ...]
    fields: tuple[MergeField, ...]

    def value(self, field: str) -> Any:
        """Return what a field of the winner will hold."""
        planned = [each.new for each in self.fields if each.field == field]
        return planned[-1] if planned else value_of(self.winner, field)


@attrs.define(kw_only=True)
class Settled:
    """What rules and whoever merges decided.

    Attributes:
        choices: Field to what was decided.
        demands: What must not be empty, each with its rule.
        conflicts: Where rules wanted different things.
        problems: What rules ask for that cannot be, each as one clause.
    """

    choices: dict[str, Choice] = attrs.field(factory=dict)
    demands: list[tuple[str, Demand]] = attrs.field(factory=list)
    conflicts: list[Conflict] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)

    def unmet(self, kind: RecordType, winner: Any, values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Return the demands that are not met by what the winner will hold: rule, field and reason."""
        held = {**kind.values_of(winner), **values}
        return [(rule, d.field, d.reason) for rule, d in self.demands if held.get(d.field) in (None, "", (), {})]


def settle(
    kind: RecordType,
    proposal: MergeProposal,
    amendments: Iterable[tuple[str, MergeAmendment]],
    chosen: Mapping[str, str],
) -> Settled:
    """Carry out the amendments of rules, in order; of two for one field the later one wins, and says so.

    Args:
        kind: The record type.
        proposal: What the rules were shown.
        amendments: Pairs of rule name and amendment; vetoes are the caller's.
        chosen: Attribute to the record that whoever merges chose; this goes before all rules.
    """
    settled = Settled()
    ids = {proposal.winner.id, *(loser.id for loser in proposal.losers)}
    for rule, change in amendments:
        if isinstance(change, Veto):
            continue
        if problem := _problem(kind, change, ids):
            settled.problems.append(f"rule {rule}: {problem}")
        elif isinstance(change, Demand):
            settled.demands.append((rule, change))
        else:
            wanted = proposal.winner.id if isinstance(change, Keep) else getattr(change, "record_id", None)
            _decide(settled, change.field, Choice(record_id=wanted, rule=rule, reason=change.reason))
    for name, record_id in chosen.items():
        _decide(settled, name, Choice(record_id=record_id))
    return settled


def _decide(settled: Settled, field: str, choice: Choice) -> None:
    before = settled.choices.get(field)
    if before is not None and before.record_id != choice.record_id and before.rule != choice.rule:
        settled.conflicts.append(Conflict.of(field, won=choice.rule, lost=before.rule))
        choice = attrs.evolve(choice, reason=f"{choice.reason}, instead of rule {before.rule}")
    settled.choices[field] = choice


def _problem(kind: RecordType, change: Keep | Take | Append | Demand, ids: set[str]) -> str | None:
    """Return why an amendment cannot be carried out, as one clause, or None."""
    attribute = kind.attribute.get(change.field)
    if attribute is None:
        close = close_to(change.field, kind.editable_names)
        return f"a {_noun(kind)} has no field {change.field}" + (f"; did you mean {close[0]}?" if close else "")
    if isinstance(change, Demand):
        return None
    if not attribute.editable:
        return f"{change.field} of a {_noun(kind)} cannot be chosen"
    if isinstance(change, Take) and change.record_id not in ids:
        return f"{change.field} cannot be taken from {change.record_id}, which is not merged here"
    is_text = attribute.codec.decode is None and attribute.codec.parts[0][1] == "text"
    if isinstance(change, Append) and attribute.default not in ((), {}) and not is_text:
        return f"{change.field} of a {_noun(kind)} holds one value, nothing can be appended to it"
    return None


def _noun(kind: RecordType) -> str:
    return kind.name.replace("_", " ")
