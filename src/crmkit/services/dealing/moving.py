"""Planning moves of deals: the one function through which every path to another stage goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmkit.core.deal import Deal, StageChange
from crmkit.core.pipeline import Stage, StageKind
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Extensions, StageMove
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.core.stage_moves import missing_fields, missing_problems, move_problems, moved
from crmkit.errors import ConflictError, MissingFieldsError, NotFoundError, StageNotInPipelineError
from crmkit.services.dealing.history import note_stage_change
from crmkit.services.dealing.refusing import refuse, vetoes_of
from crmkit.services.resolve import id_of
from crmkit.services.stages import stage_named, stages_by_pipeline

__all__ = ["load_deals", "plan_move"]


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
        StageNotInPipelineError: It is a stage of another pipeline.
        MissingFieldsError: Only what the stage demands is missing.
        VetoedError: Only guards refuse.
        NotFoundError: There is no such deal or stage.
        ConflictError: A deal was given as an object and has changed meanwhile.
    """
    loaded = load_deals(planning, deals)
    by_pipeline = stages_by_pipeline(planning, planning.schema, [deal.pipeline_id for deal in loaded])
    # A deal may stand in a stage that was removed while it was deleted.
    rows = planning.get_many("stage", [deal.stage_id for deal in loaded])
    present: dict[str, Stage] = {each.id: each for each in planning.schema["stage"].load_many(rows)}
    last_open = _last_open(planning, [deal for deal in loaded if not deal.is_open], by_pipeline)
    moves: list[StageMove] = []
    problems: list[str] = []
    foreign: list[str] = []
    missing: dict[str, str] = {}
    for deal in loaded:
        where = f"{deal.label}: " if len(loaded) > 1 else ""
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
        problems += [where + problem for problem in own]
        foreign += [where + problem for problem in own if target.pipeline_id != deal.pipeline_id]
        lacking = zip(missing_problems(deal, target), missing_fields(deal, target), strict=True)
        missing |= {where + problem: f"deal.{field}" for problem, field in lacking}
        moves.append(StageMove(deal=deal, from_stage=from_stage, to_stage=target, reason=reason))
    telling = (
        StageNotInPipelineError(foreign),
        MissingFieldsError(missing, fields=dict.fromkeys(missing.values())),
    )
    refuse(problems, vetoes_of(planning, extensions, moves), telling=telling)
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
        note_stage_change(planning, move.deal.id, move.deal, move.to_stage, reason=why)
    return [deal.id for deal in loaded]


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


def load_deals(planning: Planning, deals: Sequence[str | Deal]) -> list[Deal]:
    ids = list(dict.fromkeys(map(id_of, deals)))
    found: dict[str, Deal] = {d.id: d for d in planning.schema["deal"].load_many(planning.get_many("deal", ids))}
    for given in deals:
        stored = found.get(id_of(given))
        if stored is None:
            raise NotFoundError("deal", id_of(given))
        if isinstance(given, Stored) and given.version != stored.version:
            raise ConflictError(stored.id, expected=given.version, found=stored.version)
    return [found[id_] for id_ in ids]
