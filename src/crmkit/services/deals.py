"""Deals: opened, moved through their stages, won, lost and reopened.

The planning is in `crmkit.services.dealing`: one function there moves deals, and every
path to another stage goes through it, and so through the guards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Unpack

import attrs

from crmkit.core.account import Account
from crmkit.core.checks import gathered
from crmkit.core.contact import Contact
from crmkit.core.deal import Deal, ProbabilitySource
from crmkit.core.pipeline import Pipeline, Stage, StageKind
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.stage_moves import probability_problems
from crmkit.core.user import User
from crmkit.core.values.money import Money
from crmkit.errors import RejectedError
from crmkit.services.dealing.moving import load_deals, plan_move
from crmkit.services.dealing.opening import plan_open_deal
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.stages import stage_named, stages_by_pipeline
from crmkit.services.workspace import Workspace

__all__ = [
    "lose_deal",
    "move_deal",
    "move_deals",
    "open_deal",
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
    custom: Iterable[object] = (),
    **how: Unpack[How],
) -> Outcome[Deal]:
    """Open a deal; see `plan_open_deal`.

    Custom fields are objects of their classes, or mappings of names to values.

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
        "custom": gathered(workspace.schema["deal"], custom, {}),
    }

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"ids": [plan_open_deal(planning, workspace.extensions, **values)]}

    custom_texts = {field: repr(value) for field, value in values["custom"].items()}
    arguments = values | {"amount": str(amount), "expected_close_on": str(expected_close_on), "custom": custom_texts}
    request = Request(kind="open_deal", arguments=arguments, **how)
    return run(workspace, request, plan, _loading_one(workspace))


def move_deal(
    workspace: Workspace,
    deal: str | Deal,
    stage: str | Stage,
    *,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
    **how: Unpack[How],
) -> Outcome[Deal]:
    """Move a deal to another stage; see `plan_move`.

    Raises:
        RejectedError: With all that stands against it; a `VetoedError` when only guards refuse.
        NotFoundError: There is no such deal or stage.
        ConflictError: The deal was given as an object and has changed meanwhile.
    """
    closing = {"lost_reason": lost_reason, "lost_comment": lost_comment, "probability": probability}
    return _move(workspace, Request(kind="move_deal", **how), [deal], stage, **closing).mapped(_only)


def move_deals(
    workspace: Workspace,
    deals: Iterable[str | Deal],
    stage: str | Stage,
    *,
    lost_reason: str | None = None,
    lost_comment: str | None = None,
    probability: int | None = None,
    **how: Unpack[How],
) -> Outcome[list[Deal]]:
    """Move many deals to another stage, all or none; the result has their order.

    Raises:
        RejectedError: With all that stands against any of the moves.
        NotFoundError: There is no such deal or stage.
    """
    closing = {"lost_reason": lost_reason, "lost_comment": lost_comment, "probability": probability}
    return _move(workspace, Request(kind="move_deal", **how), list(deals), stage, **closing)


def win_deal(
    workspace: Workspace,
    deal: str | Deal,
    **how: Unpack[How],
) -> Outcome[Deal]:
    """Move a deal to the won stage of its pipeline; raises as `move_deal` does."""
    return _move(workspace, Request(kind="win_deal", **how), [deal], StageKind.WON).mapped(_only)


def lose_deal(
    workspace: Workspace,
    deal: str | Deal,
    lost_reason: str,
    comment: str | None = None,
    **how: Unpack[How],
) -> Outcome[Deal]:
    """Move a deal to the lost stage of its pipeline; raises as `move_deal` does.

    Args:
        workspace: Where.
        deal: The deal or its id.
        lost_reason: One of `LOST_REASONS`.
        comment: More about why; ``other`` demands it.
        how: See `How`.
    """
    closing = {"lost_reason": lost_reason, "lost_comment": comment}
    return _move(workspace, Request(kind="lose_deal", **how), [deal], StageKind.LOST, **closing).mapped(_only)


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
    return run(workspace, request, plan, _loading_one(workspace))


def set_probability(
    workspace: Workspace,
    deal: str | Deal,
    percent: int | None,
    **how: Unpack[How],
) -> Outcome[Deal]:
    """Say how likely a deal is won; it holds from stage to stage until it is closed.

    Args:
        workspace: Where.
        deal: The deal or its id.
        percent: 0 to 100; None goes back to what the stage says.
        how: See `How`.

    Raises:
        RejectedError: It is closed, or the number is no percentage.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        before = load_deals(planning, [deal])[0]
        stage: Stage = planning.load("stage", before.stage_id)
        said = stage.default_probability if percent is None else percent
        problems = probability_problems(stage, said)
        if before.deleted_at is not None:
            problems.append(f"{before.label} is deleted; restore it first")
        if problems:
            raise RejectedError(problems)
        source = ProbabilitySource.STAGE if percent is None else ProbabilitySource.MANUAL
        changes = {"probability_percent": said, "probability_source": source}
        planning.update("deal", before.id, changes, why=how.get("reason"))
        return {"ids": [before.id]}

    arguments = {"deal": id_of(deal), "percent": percent}
    request = Request(kind="set_probability", arguments=arguments, **how)
    return run(workspace, request, plan, _loading_one(workspace))


def _move(
    workspace: Workspace, request: Request, deals: Sequence[str | Deal], stage: str | Stage | StageKind, **closing: Any
) -> Outcome[list[Deal]]:
    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"ids": plan_move(planning, workspace.extensions, deals, stage, reason=request.reason, **closing)}

    where = stage.value if isinstance(stage, StageKind) else id_of(stage)
    arguments = {"deals": [id_of(deal) for deal in deals], "stage": where, **closing}
    return run(workspace, attrs.evolve(request, arguments=arguments), plan, _loading(workspace))


def _loading(workspace: Workspace) -> Callable[[ReadTransaction, Mapping[str, Any]], list[Deal]]:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> list[Deal]:
        found = {deal.id: deal for deal in workspace.schema["deal"].load_many(view.get_many("deal", result["ids"]))}
        return [found[id_] for id_ in result["ids"]]

    return finish


def _loading_one(workspace: Workspace) -> Callable[[ReadTransaction, Mapping[str, Any]], Deal]:
    return lambda view, result: _loading(workspace)(view, result)[0]


def _only(deals: list[Deal]) -> Deal:
    return deals[0]
