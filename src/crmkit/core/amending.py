"""Carrying out what rules say to a conversion: in order, and each field at most one of them decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from crmkit.core.account import Account
from crmkit.core.amendments import (
    Amendment,
    Append,
    Conflict,
    Demand,
    Drop,
    Keep,
    MapField,
    NameDeal,
    SetDefault,
    SetField,
    Take,
)
from crmkit.core.checks import parse_values
from crmkit.core.contact import Contact
from crmkit.core.conversion import CHOSEN, MAPPING, Action, FieldPlan, Proposal, Target, holds
from crmkit.core.deal import Deal
from crmkit.core.declarations import value_of
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to

__all__ = ["Amended", "amend"]


@attrs.define(kw_only=True)
class Amended:
    """What a proposal is after the amendments.

    Attributes:
        fields: What happens to each field of each target.
        unmapped: Lead fields, with their values, that find no place.
        dropped: Lead field to the rule that drops it.
        unmet: The demands that are not met, each with its rule.
        conflicts: Where rules wanted different things.
        problems: What rules ask for that cannot be, each as one clause.
    """

    fields: list[FieldPlan]
    unmapped: dict[str, Any]
    dropped: dict[str, str] = attrs.field(factory=dict)
    unmet: list[tuple[str, Demand]] = attrs.field(factory=list)
    conflicts: list[Conflict] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)


def amend(
    proposal: Proposal, unmapped: Mapping[str, Any], amendments: Iterable[tuple[str, Amendment]], *, schema: Schema
) -> Amended:
    """Carry out the amendments of rules, in order; of two for one field the later one wins, and says so.

    Args:
        proposal: What the rules were shown: the default plan.
        unmapped: Its unmapped fields.
        amendments: Pairs of rule name and amendment.
        schema: The record types, which say what fields there are and what they hold.
    """
    changes = list(amendments)
    if not changes:
        return Amended(fields=list(proposal.fields), unmapped=dict(unmapped))
    amending = _Amending(proposal, schema)
    for rule, change in changes:
        amending.carry_out(rule, change)
    return amending.result(unmapped)


_EMPTY: tuple[Any, ...] = (None, "", (), {})


class _Amending:
    """A proposal as it becomes, amendment by amendment."""

    def __init__(self, proposal: Proposal, schema: Schema) -> None:
        self._proposal = proposal
        self._schema = schema
        self._targets: dict[Target, Contact | Account | Deal | None] = {Target.CONTACT: proposal.contact}
        if proposal.with_account:
            self._targets[Target.ACCOUNT] = proposal.account
        if proposal.with_deal:
            self._targets[Target.DEAL] = proposal.deal
        self._places = {(plan.target, plan.field): plan for plan in proposal.fields}
        self._sources = {(plan.target, plan.field): plan.source for plan in proposal.fields}
        self._demands: list[tuple[str, Demand]] = []
        self._droppers: dict[str, str] = {}
        self._out = Amended(fields=[], unmapped={})
        self._do: dict[type, Callable[[str, Any], None]] = {
            SetField: self._set,
            SetDefault: self._set_default,
            MapField: self._map,
            Keep: self._keep,
            Take: self._take,
            Append: self._append,
            Drop: self._drop,
            Demand: self._demand,
            NameDeal: self._name_deal,
        }

    def carry_out(self, rule: str, change: Amendment) -> None:
        """Carry out one amendment; choices and vetoes are the caller's."""
        do = self._do.get(type(change))
        if do is not None:
            do(rule, change)

    def result(self, unmapped: Mapping[str, Any]) -> Amended:
        """Return all of it, with what finds no place by now."""
        out, lead = self._out, self._proposal.lead
        out.fields = list(self._places.values())
        sources = [plan.source for plan in (*self._proposal.fields, *out.fields)]
        for field in dict.fromkeys(filter(None, [*unmapped, *sources])):
            value = value_of(lead, field)
            mine = [plan for plan in out.fields if plan.source == field]
            if field not in self._droppers and not any(holds(plan, value) for plan in mine):
                out.unmapped[field] = unmapped.get(field, value)
        out.dropped = self._droppers
        after = attrs.evolve(self._proposal, fields=tuple(out.fields))
        out.unmet = [(rule, d) for rule, d in self._demands if d.target and after.value(d.target, d.field) in _EMPTY]
        return out

    # ------------------------------------------------------------- amendments

    def _set(self, rule: str, change: SetField) -> None:
        known, value = self._parsed(rule, change.target, change.field, change.value)
        if known:
            self._put(rule, change.target, change.field, value, change.reason)

    def _set_default(self, rule: str, change: SetDefault) -> None:
        known, value = self._parsed(rule, change.target, change.field, change.value)
        before = self._places.get((change.target, change.field))
        held = before.new if before else value_of(self._targets.get(change.target), change.field)
        if known and held in _EMPTY:
            self._put(rule, change.target, change.field, value, change.reason)

    def _name_deal(self, rule: str, change: NameDeal) -> None:
        if self._proposal.deal is None:  # one that is there keeps its name
            self._set(rule, SetField(target=Target.DEAL, field="name", value=change.name, reason=change.reason))

    def _map(self, rule: str, change: MapField) -> None:
        value = self._of_lead(rule, change.field)
        if value in _EMPTY:
            return
        known, parsed = self._parsed(rule, change.target, change.to, value)
        before = self._places.get((change.target, change.to))
        if not known:
            return
        held = value_of(self._targets[change.target], change.to)
        if held in _EMPTY:
            self._put(rule, change.target, change.to, parsed, change.reason, source=change.field)
        elif before is None:
            self._put(rule, change.target, change.to, held, "it has a value already", source=change.field, keep=True)

    def _keep(self, rule: str, change: Keep) -> None:
        before = self._mapped(rule, change)
        if before is not None:
            self._put(rule, before.target, before.field, before.old, change.reason, source=before.source, keep=True)

    def _take(self, rule: str, change: Take) -> None:
        before = self._mapped(rule, change)
        if before is not None:
            value = value_of(self._proposal.lead, before.source or "")
            self._put(rule, before.target, before.field, value, change.reason, source=before.source)

    def _append(self, rule: str, change: Append) -> None:
        before = self._mapped(rule, change)
        if before is None:
            return
        value, old = value_of(self._proposal.lead, before.source or ""), before.old
        if old in _EMPTY:
            whole = value
        elif isinstance(old, tuple):
            whole = tuple(dict.fromkeys([*old, *value]))
        elif isinstance(old, Mapping):
            whole = {**value, **old}
        elif type(old) is str:
            whole = old if str(value).strip() in old else f"{old}\n\n{value}"
        else:
            self._complain(
                rule, f"{before.field} of {_a(before.target)} holds one value, nothing can be appended to it"
            )
            return
        action = Action.APPEND if old not in _EMPTY and whole != old else None
        self._put(rule, before.target, before.field, whole, change.reason, source=before.source, action=action)

    def _drop(self, rule: str, change: Drop) -> None:
        if self._of_lead(rule, change.field) in _EMPTY:
            return
        self._droppers[change.field] = rule
        for place, plan in list(self._places.items()):
            if plan.source == change.field:
                self._note(place, won=rule, lost=plan.rule)
                del self._places[place]

    def _demand(self, rule: str, change: Demand) -> None:
        if change.target is None:
            self._complain(rule, f"say whose {change.field} is demanded: target=Target.CONTACT")
        elif self._is_field(rule, change.target, change.field) and (
            change.target is not Target.DEAL or Target.DEAL in self._targets  # most conversions have no deal
        ):
            self._demands.append((rule, change))

    # ---------------------------------------------------------------- helpers

    def _put(
        self,
        rule: str,
        target: Target,
        field: str,
        new: Any,
        reason: str,
        *,
        source: str | None = None,
        keep: bool = False,
        action: Action | None = None,
    ) -> None:
        """Decide a field, and say whom that overrules."""
        place, existing = (target, field), self._targets[target]
        before = self._places.get(place)
        old = value_of(existing, field) if existing is not None else None
        old = None if old in _EMPTY else old
        if before is not None and before.new != new:
            self._note(place, won=rule, lost=before.rule)
            reason += f", instead of rule {before.rule}" if before.rule not in ("default", CHOSEN, rule) else ""
        if keep:
            action = Action.KEEP
        elif action is None:
            filled = Action.CREATE if existing is None else Action.FILL
            action = filled if old is None else Action.OVERWRITE if old != new else Action.KEEP
        if source is None and before is not None and before.source:
            source = before.source if value_of(self._proposal.lead, before.source) == new else None
        self._places[place] = FieldPlan(
            target=target, field=field, old=old, new=new, action=action, reason=reason, rule=rule, source=source
        )

    def _note(self, place: tuple[Target, str], *, won: str, lost: str) -> None:
        if lost not in ("default", CHOSEN, won):
            self._out.conflicts.append(Conflict.of(f"{place[0].value}.{place[1]}", won=won, lost=lost))

    def _mapped(self, rule: str, change: Keep | Take | Append) -> FieldPlan | None:
        """Return what is planned for a field from the lead, or None: there is nothing to keep, take or append."""
        if change.target is None:
            self._complain(rule, f"say whose {change.field} is meant: target=Target.CONTACT")
            return None
        if not self._is_field(rule, change.target, change.field):
            return None
        place = (change.target, change.field)
        before = self._places.get(place)
        if before is not None and before.source:
            return before
        source = self._sources.get(place) or self._usual_source(*place)
        if source is None or change.target not in self._targets or value_of(self._proposal.lead, source) in _EMPTY:
            return None
        if before is not None:  # a rule before this one gave it another value
            return attrs.evolve(before, source=source)
        held = value_of(self._targets[change.target], change.field)  # such as a part of an address that is taken whole
        return FieldPlan(
            target=change.target, field=change.field, old=held, new=held, action=Action.KEEP, reason="", source=source
        )

    def _usual_source(self, target: Target, field: str) -> str | None:
        """Return the field of the lead that usually fills a field of a target, or None."""
        if "." in field:
            return field if field in self._schema["lead"].attribute else None
        return next((source for source, places in MAPPING.items() if (target, field) in places), None)

    def _parsed(self, rule: str, target: Target, field: str, value: Any) -> tuple[bool, Any]:
        """Return whether there is such a field of a target that takes part, and the value as it holds it."""
        if not self._is_field(rule, target, field) or target not in self._targets:
            return False, None
        parsed, problems = parse_values(self._schema[target.value], {field: value})
        for problem in problems:
            self._complain(rule, f"{target.value}: {problem}")
        return not problems, parsed.get(field)

    def _is_field(self, rule: str, target: Target, field: str) -> bool:
        kind = self._schema[target.value]
        if field in kind.attribute:
            return True
        close = close_to(field, kind.editable_names)
        hint = f"; did you mean {close[0]}?" if close else ""
        self._complain(rule, f"{_a(target)} has no field {field}{hint}")
        return False

    def _complain(self, rule: str, problem: str) -> None:
        self._out.problems.append(problem if rule == CHOSEN else f"rule {rule}: {problem}")

    def _of_lead(self, rule: str, field: str) -> Any:
        if field not in self._schema["lead"].attribute:
            close = close_to(field, self._schema["lead"].attribute)
            hint = f"; did you mean {close[0]}?" if close else ""
            self._complain(rule, f"a lead has no field {field}{hint}")
            return None
        return value_of(self._proposal.lead, field)


def _a(target: Target) -> str:
    return f"{'an' if target is Target.ACCOUNT else 'a'} {target.value}"
