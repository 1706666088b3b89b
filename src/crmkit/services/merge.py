"""Merging duplicates: several records become one, and everything that belongs to them arrives.

The same machinery as a conversion: planned on the snapshot, applied in one transaction,
once, and undone like any other operation. The losers become tombstones, and their ids
stay aliases that open the winner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import attrs

from crmkit.core.amendments import Conflict
from crmkit.core.changes import ChangeSet
from crmkit.core.checks import check_record
from crmkit.core.merge_refusals import merge_refusals
from crmkit.core.merging import (
    Merge,
    MergeField,
    MergeResult,
)
from crmkit.core.planning import Planning
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import MergeRule
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record, Stored
from crmkit.core.refusals import combined
from crmkit.core.schema import Schema
from crmkit.core.settling import Settled
from crmkit.errors import MissingFieldsError, NotFoundError, RejectedError
from crmkit.services.aliases import current_ids
from crmkit.services.comparing import ComparablePlan
from crmkit.services.convert import ConversionOptions, convert_leads
from crmkit.services.merging.asking import ask_merge_rules
from crmkit.services.merging.unite import United, Uniter
from crmkit.services.operations import How, Outcome, Request, begin_planning, run
from crmkit.services.planned import apply_planned
from crmkit.services.resolve import id_of
from crmkit.services.workspace import Workspace

__all__ = ["MergePlan", "merge", "merge_planned", "options_of_merge", "plan_merge"]

_NEVER = frozenset({"user", "pipeline", "stage", "template", "activity", "link", "campaign_member", "contact_point"})


@attrs.frozen(kw_only=True)
class MergePlan(ComparablePlan):
    """What a merge would do; hand it to `merge_planned` to do just that.

    Attributes:
        kind: The record type.
        winner: The record that stays, as it is.
        losers: Those that become part of it.
        fields: What happens to each field, loser by loser.
        unmapped: Loser to field to value, for what finds no place; kept on the merge.
        conflicts: Where rules wanted different things, and who won.
        linked: How many records will lead to the winner instead of a loser, by type.
        warnings: What a person should know.
        changes: All of it as one change set.
    """

    kind: str
    winner: Any
    losers: tuple[Any, ...]
    fields: tuple[MergeField, ...]
    unmapped: Mapping[str, Mapping[str, Any]]
    conflicts: tuple[Conflict, ...]
    linked: Mapping[str, int]
    warnings: tuple[str, ...]
    changes: ChangeSet


def plan_merge(
    workspace: Workspace,
    winner: str | Stored,
    losers: Iterable[str | Stored],
    *,
    choose: Mapping[str, str | Stored] | None = None,
) -> MergePlan:
    """Plan a merge without doing anything.

    Args:
        workspace: Where.
        winner: The record that stays.
        losers: Those that become part of it; what is filled comes from the first that has it.
        choose: Attribute to the record whose value is wanted, instead of what the rules give.

    Raises:
        NotFoundError: There is no such record.
        RejectedError: They cannot be merged, or are merged already; with all reasons.
    """
    wanted = _Wanted.of(workspace, winner, losers, choose)
    if wanted.leads_into_contact:
        raise RejectedError(
            "a lead becomes part of a contact by a conversion",
            hint="plan that with plan_conversion(lead, contact=...) (crmkit convert LEAD --contact NAME --plan)",
        )
    with workspace.storage.read() as view:
        planning = begin_planning(workspace, view, Request(kind="merge"))
        made = _plan(planning, wanted, workspace.extensions.merge_rules)
        changes = planning.change_set(made.result)
    if made.united is None:
        raise RejectedError("they are merged already", hint="merge gives back the first result")
    return MergePlan(
        kind=wanted.kind.name,
        winner=made.winner,
        losers=made.losers,
        fields=tuple(made.united.fields.fields),
        unmapped=made.united.fields.unmapped,
        conflicts=made.conflicts,
        linked=made.linked,
        warnings=changes.warnings,
        changes=changes,
    )


def merge_planned(
    workspace: Workspace,
    plan: MergePlan,
    **how: Unpack[How],
) -> Outcome[MergeResult]:
    """Apply a plan as it is.

    Raises:
        StalePlanError: Something it relies on has moved; nothing was done.
    """
    request = Request(kind="merge", arguments={"plan": plan.digest}, **how)
    return apply_planned(workspace, plan.changes, request, _result(workspace.schema))


def merge(
    workspace: Workspace,
    winner: str | Stored,
    losers: Iterable[str | Stored],
    *,
    choose: Mapping[str, str | Stored] | None = None,
    **how: Unpack[How],
) -> Outcome[MergeResult]:
    """Merge records of one type; merged again they give the first result, as ``already``.

    Leads are merged into a contact by converting them into it.

    Args:
        workspace: Where.
        winner: The record that stays: what it has, it keeps.
        losers: Those that become part of it; what is filled comes from the first that has it.
        choose: Attribute to the record whose value is wanted, instead of what the rules give.
        how: See `How`.

    Raises:
        NotFoundError: There is no such record.
        RejectedError: They cannot be merged; with all reasons.
    """
    wanted = _Wanted.of(workspace, winner, losers, choose)
    if wanted.leads_into_contact:
        return _convert_into(workspace, wanted, **how)

    def plan(planning: Planning) -> Mapping[str, Any]:
        return _plan(planning, wanted, workspace.extensions.merge_rules).result

    request = Request(kind="merge", arguments=wanted.as_json() if how.get("key") else {}, **how)
    return run(workspace, request, plan, _result(workspace.schema))


@attrs.frozen(kw_only=True)
class _Wanted:
    """What is asked for."""

    kind: RecordType
    winner: str
    losers: tuple[str, ...]
    choose: Mapping[str, str]
    expected: Mapping[str, int]

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        winner: str | Stored,
        losers: Iterable[str | Stored],
        choose: Mapping[str, str | Stored] | None,
    ) -> _Wanted:
        listed = list(losers)
        return cls(
            kind=workspace.schema.type_of(id_of(winner)),
            winner=id_of(winner),
            losers=tuple(dict.fromkeys(id_of(loser) for loser in listed)),
            choose={name: id_of(record) for name, record in (choose or {}).items()},
            expected={record.id: record.version for record in (winner, *listed) if isinstance(record, Stored)},
        )

    @property
    def leads_into_contact(self) -> bool:
        return self.kind.name == "contact" and bool(self.losers) and all(id_.startswith("lead_") for id_ in self.losers)

    def as_json(self) -> dict[str, Any]:
        return {"winner": self.winner, "losers": list(self.losers), "choose": dict(self.choose)}


@attrs.frozen(kw_only=True)
class _Made:
    """What was planned; nothing was united when it had been before."""

    winner: Any
    losers: tuple[Any, ...]
    result: Mapping[str, Any]
    united: United | None = None
    conflicts: tuple[Conflict, ...] = ()
    linked: Mapping[str, int] = attrs.field(factory=dict)


def _plan(planning: Planning, wanted: _Wanted, rules: Sequence[Contribution[MergeRule]]) -> _Made:
    """Plan a merge as a part of an operation.

    Raises:
        NotFoundError: There is no such record.
        RejectedError: They cannot be merged; with all reasons.
    """
    kind = wanted.kind
    _check_kinds(planning.schema, wanted)
    now = current_ids(planning, planning.schema, [wanted.winner, *wanted.losers])
    winner_id = now[wanted.winner]
    records = _load(planning, kind, [winner_id, *wanted.losers])
    winner = records[winner_id]
    elsewhere = [id_ for id_ in wanted.losers if now[id_] not in (id_, winner_id)]
    if elsewhere:
        others = _load(planning, kind, [now[id_] for id_ in elsewhere])
        raise RejectedError(
            [f"{records[id_].label} is merged into {others[now[id_]].label} already" for id_ in elsewhere],
            hint=f"merge {' '.join(dict.fromkeys(now[id_] for id_ in elsewhere))} instead, or undo that merge first",
        )
    losers = [records[id_] for id_ in wanted.losers if now[id_] != winner_id]
    done = [id_ for id_ in (wanted.winner, *wanted.losers) if now[id_] == winner_id]
    earlier = [id_ for _, id_ in planning.lookup("merge", "loser_id", done)]
    if not losers:
        return _Made(winner=winner, losers=(), result={"winner": winner_id, "outcome": "already", "merges": earlier})
    for record in (winner, *losers):
        _check_version(planning, kind, record, wanted.expected.get(record.id))
    _refuse(merge_refusals(kind, winner, losers, wanted.choose))
    settled, vetoes = ask_merge_rules(planning, kind, rules, winner, losers, choose=wanted.choose)
    _refuse(settled.problems, *vetoes)
    uniter = Uniter(planning)
    united = uniter.unite(kind, {loser.id: winner_id for loser in losers}, settled.choices)[winner_id]
    unmet = settled.unmet(kind, winner, united.fields.values)
    if unmet:
        raise MissingFieldsError(
            [f"the {kind.name} has no {field}: {reason} (rule {rule})" for rule, field, reason in unmet],
            fields=[f"{kind.name}.{field}" for _rule, field, _reason in unmet],
        )
    _check_outcome(kind, winner, united, settled)
    for warning in _warnings(kind, winner, losers, united):
        planning.warn(warning)
    return _Made(
        winner=winner,
        losers=tuple(losers),
        result={"winner": winner_id, "outcome": "merged", "merges": [*earlier, *united.merges]},
        united=united,
        conflicts=tuple(settled.conflicts),
        linked=uniter.linked,
    )


def _check_kinds(schema: Schema, wanted: _Wanted) -> None:
    kind = wanted.kind
    reasons = []
    if not issubclass(kind.cls, Record) or kind.name in _NEVER:
        reasons.append(f"{kind.plural.replace('_', ' ')} cannot be merged")
    if not wanted.losers:
        reasons.append("say which records are merged into it")
    if wanted.winner in wanted.losers:
        reasons.append("a record cannot be merged into itself")
    for id_ in wanted.losers:
        other = schema.type_of(id_)
        if other.name != kind.name:
            reasons.append(f"{id_} is {_one(other)}, not {_one(kind)}")
    _refuse(reasons)


def _one(kind: RecordType) -> str:
    return f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name.replace('_', ' ')}"


def _load(planning: Planning, kind: RecordType, ids: Sequence[str]) -> dict[str, Any]:
    found = {record.id: record for record in kind.load_many(planning.get_many(kind.name, ids))}
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError(kind.name.replace("_", " "), id_)
    return found


def _check_version(planning: Planning, kind: RecordType, record: Any, expected: int | None) -> None:
    """Raise a `ConflictError` when a record was given as an object that is out of date."""
    if expected is not None:
        planning.update_scalars(kind.name, record.id, {}, expected_version=expected)


def _check_outcome(kind: RecordType, winner: Any, united: United, settled: Settled) -> None:
    """Refuse choices that make a record which could not be written by an edit."""
    values = united.fields.values
    if settled.choices:
        _refuse(check_record(kind, {**kind.values_of(winner), **values}, winner, given=values))


def _refuse(reasons: Sequence[str], *others: RejectedError) -> None:
    """Raise with all reasons at once; of one kind, as that kind."""
    errors = [*map(RejectedError, dict.fromkeys(reasons)), *others]
    if (error := combined(errors)) is not None:
        raise error


def _warnings(kind: RecordType, winner: Any, losers: Sequence[Any], united: United) -> list[str]:
    found = []
    for loser in losers:
        lost = united.fields.unmapped.get(loser.id, {})
        if kind.name == "deal" and "amount" in lost:
            found.append(f"{loser.label} is worth {loser.amount}; {winner.label} keeps its {winner.amount}")
        if kind.name == "deal" and "stage_id" in lost:
            found.append(f"{loser.label} is in another stage; {winner.label} stays where it is")
        if kind.name == "contact" and "account_id" in lost:
            found.append(f"{loser.label} is at another account; {winner.label} stays at its own")
    return found


def _result(schema: Schema) -> Callable[[ReadTransaction, Mapping[str, Any]], MergeResult]:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> MergeResult:
        kind = schema.type_of(result["winner"])
        merges: list[Merge] = schema["merge"].load_many(view.get_many("merge", result["merges"]))
        return MergeResult(
            winner=kind.load(view.get_many(kind.name, [result["winner"]])[0]),
            outcome=result["outcome"],
            merges=tuple(merges),
            operation_id=merges[-1].operation_id if merges else None,
        )

    return finish


def options_of_merge(contact_id: str, lead_ids: Sequence[str], choose: Mapping[str, str]) -> ConversionOptions:
    """Return how to convert leads into a contact, which is the merge of leads into a contact.

    Raises:
        RejectedError: A value is chosen of a record that takes no part, or of one of several leads.
    """
    reasons = [
        f"{name} cannot be taken from {id_}, which is not merged here"
        for name, id_ in choose.items()
        if id_ != contact_id and id_ not in lead_ids
    ]
    if choose and len(lead_ids) > 1:
        reasons.append("values can be chosen of one lead at a time; convert the others apart")
    _refuse(reasons)
    chosen = {f"contact.{name}": "keep" if id_ == contact_id else "take" for name, id_ in choose.items()}
    return ConversionOptions(contact=contact_id, fields=chosen)


def _convert_into(workspace: Workspace, wanted: _Wanted, **how: Unpack[How]) -> Outcome[MergeResult]:
    """Convert leads into a contact that is there already."""
    with workspace.reading() as view:
        contact_id = current_ids(view, workspace.schema, [wanted.winner])[wanted.winner]
        _refuse(_converted_elsewhere(view, workspace.schema, wanted.losers, contact_id))
    options = options_of_merge(contact_id, wanted.losers, wanted.choose)
    outcome = convert_leads(workspace, wanted.losers, options=options, all_or_nothing=True, **how)
    conversions = tuple(result.conversion for result in outcome.value if result.conversion is not None)
    already = all(result.outcome == "already" for result in outcome.value)
    contact = workspace.load_many("contact", [contact_id])[0]
    return outcome.mapped(
        lambda _results: MergeResult(
            winner=contact,
            outcome="already" if already else "converted",
            conversions=conversions,
            operation_id=None if already else outcome.operation_id,
        )
    )


def _converted_elsewhere(view: ReadTransaction, schema: Schema, lead_ids: Sequence[str], contact_id: str) -> list[str]:
    pairs = view.lookup("conversion", "lead_id", lead_ids)
    conversions = schema["conversion"].load_many(view.get_many("conversion", [id_ for _, id_ in pairs]))
    return [
        f"{c.lead_id} is converted into the contact {c.contact_id} already"
        for c in conversions
        if c.contact_id != contact_id
    ]
