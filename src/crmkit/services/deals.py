"""Deals: opened, moved through their stages, won, lost and reopened.

`plan_move` is the one function that moves deals; every path to another stage goes
through it, and so through the guards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import attrs

from crmkit.core.account import Account
from crmkit.core.checks import parse_values
from crmkit.core.contact import Contact
from crmkit.core.deal import DEAL, Deal, ProbabilitySource, StageChange
from crmkit.core.ids import IdSequence
from crmkit.core.pipeline import Pipeline, Stage, StageKind
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Context, Extensions, StageMove
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.core.stage_moves import missing_problems, move_problems, moved, probability_problems
from crmkit.core.user import User
from crmkit.core.values.money import Money
from crmkit.errors import ConflictError, NotFoundError, RejectedError, VetoedError
from crmkit.services.operations import Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.stages import pipeline_with_stages, stage_named, stages_by_pipeline
from crmkit.services.workspace import Workspace

__all__ = [
    "lose_deal",
    "move_deal",
    "move_deals",
    "open_deal",
    "plan_move",
    "plan_open_deal",
    "reopen_deal",
    "set_probability",
    "win_deal",
]


def open_deal(
    workspace: Workspace,
    name: str,
    *,
    account: str | Account | None = None,
    contacts: Iterable[str | Contact] = (),
    roles: Mapping[str, str] | None = None,
    amount: Money | str | None = None,
    pipeline: str | Pipeline | None = None,
    stage: str | Stage | None = None,
    probability: int | None = None,
    expected_close_on: date | str | None = None,
    owner: str | User | None = None,
    description: str | None = None,
    tags: Iterable[str] = (),
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Open a deal; see `plan_open_deal`.

    Raises:
        RejectedError: With all that is wrong.
        NotFoundError: There is no such account, contact, user, pipeline or stage.
    """
    values: dict[str, Any] = {
        "name": name,
        "account": id_of(account) if account else None,
        "contacts": [id_of(contact) for contact in contacts],
        "roles": dict(roles or {}),
        "amount": amount,
        "pipeline": id_of(pipeline) if pipeline else None,
        "stage": id_of(stage) if stage else None,
        "probability": probability,
        "expected_close_on": expected_close_on,
        "owner": id_of(owner) if owner else None,
        "description": description,
        "tags": sorted(tags),
    }

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"ids": [plan_open_deal(planning, workspace.extensions, **values)]}

    arguments = values | {"amount": str(amount), "expected_close_on": str(expected_close_on)}
    request = Request(kind="open_deal", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    return run(workspace, request, plan, _load_one)


def move_deal(
    workspace: Workspace,
    deal: str | Deal,
    stage: str | Stage,
    *,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Move a deal to another stage; see `plan_move`.

    Raises:
        RejectedError: With all that stands against it; a `VetoedError` when only guards refuse.
        NotFoundError: There is no such deal or stage.
        ConflictError: The deal was given as an object and has changed meanwhile.
    """
    how = {"lost_reason": lost_reason, "lost_comment": lost_comment, "probability": probability}
    request = Request(kind="move_deal", reason=reason, key=key, dry_run=dry_run)
    return _first(_move(workspace, request, [deal], stage, **how))


def move_deals(
    workspace: Workspace,
    deals: Iterable[str | Deal],
    stage: str | Stage,
    *,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[list[Deal]]:
    """Move many deals to another stage, all or none; the result has their order.

    Raises:
        RejectedError: With all that stands against any of the moves.
        NotFoundError: There is no such deal or stage.
    """
    how = {"lost_reason": lost_reason, "lost_comment": lost_comment, "probability": probability}
    request = Request(kind="move_deal", reason=reason, key=key, dry_run=dry_run)
    return _move(workspace, request, list(deals), stage, **how)


def win_deal(
    workspace: Workspace,
    deal: str | Deal,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Move a deal to the won stage of its pipeline; raises as `move_deal` does."""
    request = Request(kind="win_deal", reason=reason, key=key, dry_run=dry_run)
    return _first(_move(workspace, request, [deal], StageKind.WON))


def lose_deal(
    workspace: Workspace,
    deal: str | Deal,
    lost_reason: str,
    comment: str | None = None,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Move a deal to the lost stage of its pipeline; raises as `move_deal` does.

    Args:
        workspace: Where.
        deal: The deal or its id.
        lost_reason: One of `LOST_REASONS`.
        comment: More about why; ``other`` demands it.
        reason: Why this operation, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.
    """
    request = Request(kind="lose_deal", reason=reason, key=key, dry_run=dry_run)
    return _first(_move(workspace, request, [deal], StageKind.LOST, lost_reason=lost_reason, lost_comment=comment))


def reopen_deal(
    workspace: Workspace,
    deal: str | Deal,
    *,
    reason: str,
    stage: str | Stage | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Open a closed deal again; how it was closed stays in its history.

    Args:
        workspace: Where.
        deal: The deal or its id.
        reason: Why.
        stage: Where it goes on; None means the open stage it was in last.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        RejectedError: It is open, or with all that stands against it.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        closed: Deal = planning.load("deal", id_of(deal))
        stages = stages_by_pipeline(planning, planning.schema, [closed.pipeline_id])[closed.pipeline_id]
        target = stage_named(stages, stage) if stage is not None else StageKind.OPEN
        problems = [f"{closed.label} is open; there is nothing to reopen"] if closed.is_open else []
        if isinstance(target, Stage) and target.kind is not StageKind.OPEN:
            problems.append(f"{target.title} is no open stage")
        if problems:
            raise RejectedError(problems)
        return {"ids": plan_move(planning, workspace.extensions, [deal], target, reason=reason)}

    arguments = {"deal": id_of(deal), "stage": id_of(stage) if stage else None, "why": reason}
    request = Request(kind="reopen_deal", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    return run(workspace, request, plan, _load_one)


def set_probability(
    workspace: Workspace,
    deal: str | Deal,
    percent: int | None,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[Deal]:
    """Say how likely a deal is won; it holds from stage to stage until it is closed.

    Args:
        workspace: Where.
        deal: The deal or its id.
        percent: 0 to 100; None goes back to what the stage says.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        RejectedError: It is closed, or the number is no percentage.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        before = _load_deals(planning, [deal])[0]
        stage: Stage = planning.load("stage", before.stage_id)
        said = stage.default_probability if percent is None else percent
        problems = probability_problems(stage, said)
        if before.deleted_at is not None:
            problems.append(f"{before.label} is deleted; restore it first")
        if problems:
            raise RejectedError(problems)
        source = ProbabilitySource.STAGE if percent is None else ProbabilitySource.MANUAL
        planning.update("deal", before.id, {"probability_percent": said, "probability_source": source}, why=reason)
        return {"ids": [before.id]}

    arguments = {"deal": id_of(deal), "percent": percent}
    request = Request(kind="set_probability", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    return run(workspace, request, plan, _load_one)


def plan_open_deal(
    planning: Planning,
    extensions: Extensions,
    *,
    name: str,
    account: str | None = None,
    contacts: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    amount: Money | str | None = None,
    pipeline: str | None = None,
    stage: str | None = None,
    probability: int | None = None,
    expected_close_on: date | str | None = None,
    owner: str | None = None,
    description: str | None = None,
    tags: Sequence[str] = (),
) -> str:
    """Plan a new deal with its contacts and the first entry of its history, and return its id.

    Args:
        planning: The operation.
        extensions: Whose guards are asked.
        name: What it is about.
        account: With whom; None means the account of the contacts.
        contacts: The contacts who take part; each belongs to the account or to none.
        roles: Contact id to what this contact is in the deal: ``decision_maker`` …
        amount: What it is worth; text is read in the currency of the pipeline.
        pipeline: Its id, key or title; None means the usual one.
        stage: Its id, key or title; None means the first open one. A deal that begins in
            a later one must fulfil what a move there from the first one demands.
        probability: How likely it is won, in percent; None leaves it to the stage.
        expected_close_on: When it should be decided.
        owner: The user who is responsible.
        description: More about it.
        tags: Words put on it.

    Raises:
        RejectedError: With all that is wrong; nothing is planned then.
        NotFoundError: There is no such account, contact, user, pipeline or stage.
    """
    owned_by, stages = pipeline_with_stages(planning, planning.schema, pipeline)
    first = next(each for each in stages if each.kind is StageKind.OPEN)
    target = first if stage is None else stage_named(stages, stage)
    people = _load_living(planning, "contact", contacts)
    _load_living(planning, "user", [owner] if owner else [])
    account_id, problems = _account_of(planning, account, people)
    problems += [f"{id_} has a role but is not among the contacts" for id_ in roles or {} if id_ not in contacts]
    try:
        money = Money.parse(amount, owned_by.currency) if isinstance(amount, str) else amount
    except ValueError as error:
        money = None
        problems.append(f"amount {error}")
    given = {
        "name": name,
        "account_id": account_id,
        "amount": money,
        "expected_close_on": expected_close_on,
        "owner_id": owner,
        "description": description,
        "tags": tuple(tags),
    }
    values, wrong = parse_values(planning.schema["deal"], given)
    problems += wrong
    # The deal as it would be, with the id that it will have: guards want to see it before anything is planned.
    draft = Deal(
        id=IdSequence(planning.operation_id, planning.at, used=planning.ids.used).next("deal"),
        created_at=planning.at,
        updated_at=planning.at,
        operation_id=planning.operation_id,
        pipeline_id=owned_by.id,
        stage_id=first.id,
        probability_percent=first.default_probability,
        **{"name": "", **values},
    )
    if target.id == first.id:
        problems += missing_problems(draft, first)
        if probability is not None:
            problems += probability_problems(first, probability)
        _refuse(problems, [])
    else:
        move = StageMove(deal=draft, from_stage=first, to_stage=target, reason=planning.reason)
        own = move_problems(draft, first, target, stages, probability=probability)
        _refuse(problems + own, _vetoes(planning, extensions, [move]))
    set_by_stage = moved(draft, target, planning.at, probability=probability)
    deal_id = planning.create("deal", {**values, "pipeline_id": owned_by.id, **set_by_stage})
    _note_change(planning, deal_id, None, target, reason=planning.reason)
    for contact in people:
        role = (roles or {}).get(contact.id)
        planning.create("link", {"kind": "contact", "from_id": deal_id, "to_id": contact.id, "role": role})
    return deal_id


def plan_move(
    planning: Planning,
    extensions: Extensions,
    deals: Sequence[str | Deal],
    stage: str | Stage | StageKind,
    *,
    reason: str | None = None,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
) -> list[str]:
    """Plan to move deals to another stage, all or none, and return their ids in order.

    Args:
        planning: The operation.
        extensions: Whose guards are asked.
        deals: The deals or their ids.
        stage: A stage, its id, key or title in the pipeline of each deal; or a kind: the
            first stage of that kind, and for open ones the one the deal was in last.
        reason: Why; demanded when a closed deal is reopened.
        lost_reason: One of `LOST_REASONS`; demanded by a lost stage.
        lost_comment: More about why it is lost.
        probability: How likely it is won from now on, in percent; None keeps what a
            person or plugin said, and else leaves it to the stage.

    Raises:
        RejectedError: With all that stands against any of the moves; nothing is planned then.
        VetoedError: Only guards refuse.
        NotFoundError: There is no such deal or stage.
        ConflictError: A deal was given as an object and has changed meanwhile.
    """
    loaded = _load_deals(planning, deals)
    by_pipeline = stages_by_pipeline(planning, planning.schema, [deal.pipeline_id for deal in loaded])
    # A deal may stand in a stage that was removed while it was deleted.
    rows = planning.get_many("stage", [deal.stage_id for deal in loaded])
    present: dict[str, Stage] = {each.id: each for each in planning.schema["stage"].load_many(rows)}
    last_open = _last_open(planning, [deal for deal in loaded if not deal.is_open], by_pipeline)
    moves: list[StageMove] = []
    problems: list[str] = []
    for deal in loaded:
        stages = by_pipeline[deal.pipeline_id]
        from_stage = present[deal.stage_id]
        target = _target(planning, stage, from_stage, stages, last_open.get(deal.id))
        own = move_problems(
            deal,
            from_stage,
            target,
            stages,
            reason=reason,
            lost_reason=lost_reason,
            lost_comment=lost_comment,
            probability=probability,
            last_open=last_open.get(deal.id),
        )
        problems += [f"{deal.label}: {problem}" for problem in own] if len(loaded) > 1 else own
        moves.append(StageMove(deal=deal, from_stage=from_stage, to_stage=target, reason=reason))
    _refuse(problems, _vetoes(planning, extensions, moves))
    why = "; ".join(part for part in (lost_reason, lost_comment, reason) if part) or None
    for move in moves:
        values = moved(
            move.deal,
            move.to_stage,
            planning.at,
            lost_reason=lost_reason,
            lost_comment=lost_comment,
            probability=probability,
        )
        planning.update("deal", move.deal.id, values, why=why)
        _note_change(planning, move.deal.id, move.deal, move.to_stage, reason=why)
    return [deal.id for deal in loaded]


def _move(
    workspace: Workspace, request: Request, deals: Sequence[str | Deal], stage: str | Stage | StageKind, **how: Any
) -> Outcome[list[Deal]]:
    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"ids": plan_move(planning, workspace.extensions, deals, stage, reason=request.reason, **how)}

    where = stage.value if isinstance(stage, StageKind) else id_of(stage)
    arguments = {"deals": [id_of(deal) for deal in deals], "stage": where, **how}
    return run(workspace, attrs.evolve(request, arguments=arguments), plan, _load_all)


def _load_all(view: ReadTransaction, result: Mapping[str, Any]) -> list[Deal]:
    found = {deal.id: deal for deal in DEAL.load_many(view.get_many("deal", result["ids"]))}
    return [found[id_] for id_ in result["ids"]]


def _load_one(view: ReadTransaction, result: Mapping[str, Any]) -> Deal:
    return _load_all(view, result)[0]


def _first(outcome: Outcome[list[Deal]]) -> Outcome[Deal]:
    return Outcome(
        value=outcome.value[0],
        operation_id=outcome.operation_id,
        changes=outcome.changes,
        replayed=outcome.replayed,
    )


def _load_deals(planning: Planning, deals: Sequence[str | Deal]) -> list[Deal]:
    ids = list(dict.fromkeys(map(id_of, deals)))
    found: dict[str, Deal] = {d.id: d for d in planning.schema["deal"].load_many(planning.get_many("deal", ids))}
    for given in deals:
        stored = found.get(id_of(given))
        if stored is None:
            raise NotFoundError("deal", id_of(given))
        if isinstance(given, Stored) and given.version != stored.version:
            raise ConflictError(stored.id, expected=given.version, found=stored.version)
    return [found[id_] for id_ in ids]


def _load_living(planning: Planning, kind: str, ids: Sequence[str]) -> list[Any]:
    """Return records in the order of their ids as given, each once.

    Raises:
        NotFoundError: One is not there.
        RejectedError: Some are deleted; names them.
    """
    found = {record.id: record for record in planning.schema[kind].load_many(planning.get_many(kind, ids))}
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError(kind, id_)
    deleted = [record for record in found.values() if record.deleted_at is not None]
    if deleted:
        raise RejectedError([f"the {kind} {record.label} is deleted; restore it first" for record in deleted])
    return [found[id_] for id_ in dict.fromkeys(ids)]


def _account_of(planning: Planning, account: str | None, people: Sequence[Contact]) -> tuple[str | None, list[str]]:
    """Return the account of a deal, and what speaks against its contacts."""
    theirs = list(dict.fromkeys(person.account_id for person in people if person.account_id))
    if account is None and len(theirs) > 1:
        return None, ["the contacts belong to several accounts; say which one the deal is with"]
    account_id = account or (theirs[0] if theirs else None)
    company: Account | None = _load_living(planning, "account", [account_id])[0] if account_id else None
    strangers = [person for person in people if person.account_id not in (None, account_id)]
    if company is None or not strangers:
        return account_id, []
    return account_id, [f"{person.label} is not a contact of {company.label}" for person in strangers]


def _target(
    planning: Planning,
    wanted: str | Stage | StageKind,
    from_stage: Stage,
    stages: Sequence[Stage],
    last_open: Stage | None,
) -> Stage:
    if not isinstance(wanted, StageKind):
        # A stage of another pipeline is found by its id all the same: the move will be refused with that reason.
        rows = planning.get_many("stage", [id_of(wanted)])
        by_id: list[Stage] = planning.schema["stage"].load_many(rows)
        return by_id[0] if by_id and by_id[0].deleted_at is None else stage_named(stages, wanted)
    if from_stage.kind is wanted:
        return from_stage  # to win a won deal is no move, also where a pipeline has several won stages
    if wanted is StageKind.OPEN and last_open is not None:
        return last_open
    return next(each for each in stages if each.kind is wanted)


def _last_open(
    planning: Planning, closed: Sequence[Deal], by_pipeline: Mapping[str, Sequence[Stage]]
) -> dict[str, Stage]:
    """Return for closed deals the open stage that each was in last, where it is still there."""
    if not closed:
        return {}
    open_stages = {s.id: s for stages in by_pipeline.values() for s in stages if s.kind is StageKind.OPEN}
    where = Compare("deal_id", Op.IN, tuple(deal.id for deal in closed))
    history: list[StageChange] = planning.load_many(Query(type="stage_change", where=where, order=(Order("moved_at"),)))
    return {c.deal_id: open_stages[c.to_stage_id] for c in history if c.to_stage_id in open_stages}


def _vetoes(planning: Planning, extensions: Extensions, moves: Sequence[StageMove]) -> list[tuple[str, str, str]]:
    """Ask every guard about every move; return plugin, guard and reason."""
    context = Context(planning, planning.schema, at=planning.at, actor=planning.actor)
    vetoes: list[tuple[str, str, str]] = []
    for contribution in extensions.stage_guards:
        guard = contribution.item
        for move in moves:
            with contribution.blamed(move.deal.id):
                reasons = guard.check(move, context)
                if isinstance(reasons, str):
                    raise TypeError("check must return a list of reasons, not one text")
                where = f"{move.deal.label}: " if len(moves) > 1 else ""
                vetoes += [(contribution.plugin, guard.name, f"{where}{guard.name}: {reason}") for reason in reasons]
    return vetoes


def _refuse(own: Sequence[str], vetoes: Sequence[tuple[str, str, str]]) -> None:
    """Raise what stands against it, if anything does."""
    reasons = [*own, *(reason for _, _, reason in vetoes)]
    if own:
        raise RejectedError(reasons)
    if vetoes:
        plugins, rules = (", ".join(dict.fromkeys(veto[i] for veto in vetoes)) for i in (0, 1))
        raise VetoedError(reasons, plugin=plugins, rule=rules)


def _note_change(planning: Planning, deal_id: str, before: Deal | None, to_stage: Stage, *, reason: str | None) -> None:
    """Plan one entry of a deal's history; *before* is None when it is opened."""
    values: dict[str, Any] = {
        "deal_id": deal_id,
        "to_stage_id": to_stage.id,
        "moved_at": planning.at,
        "moved_by": planning.actor,
        "reason": reason,
    }
    if before is not None:
        values |= {
            "from_stage_id": before.stage_id,
            "probability_before": before.probability_percent,
            "amount_before": before.amount,
        }
    planning.create("stage_change", values)
