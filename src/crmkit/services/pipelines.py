"""Pipelines and their stages: found by name, added, and removed without losing a deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import attrs

from crmkit.core.checks import parse_values
from crmkit.core.deal import Deal
from crmkit.core.pipeline import (
    SALES_PIPELINE,
    STAGE_IDENTITY,
    Forecast,
    Pipeline,
    Stage,
    StageKind,
    check_stages,
)
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Compare, Op, Query
from crmkit.core.schema import Schema
from crmkit.core.values.money import Money
from crmkit.errors import RejectedError
from crmkit.services.dealing.moving import plan_move
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.stages import DEFAULT_PIPELINE, PipelineWithStages, pipeline_with_stages, stage_named
from crmkit.services.workspace import Workspace

__all__ = [
    "PipelineWithStages",
    "add_pipeline",
    "add_stage",
    "pipeline_with_stages",
    "plan_default_pipeline",
    "plan_pipeline",
    "remove_pipeline",
    "remove_stage",
    "update_stage",
]


def add_pipeline(
    workspace: Workspace,
    key_name: str,
    title: str,
    stages: Sequence[Mapping[str, Any]] = SALES_PIPELINE,
    *,
    currency: str | None = None,
    **how: Unpack[How],
) -> Outcome[PipelineWithStages]:
    """Add a pipeline.

    Args:
        workspace: Where.
        key_name: The stable name of the pipeline.
        title: Its name for people.
        stages: The stages in order, each as attributes of `Stage` to values: a ``key``,
            a ``default_probability`` when it is an open one, and what differs from the
            usual. Texts are parsed as a form would be.
        currency: The ISO 4217 code that amounts without one have, or None.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"pipeline_id": plan_pipeline(planning, key_name, title, stages, currency=currency)}

    arguments = {
        "key": key_name,
        "title": title,
        "currency": currency,
        "stages": [{name: str(value) for name, value in stage.items()} for stage in stages],
    }
    request = Request(kind="add_pipeline", arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace.schema))


def add_stage(
    workspace: Workspace,
    pipeline: str | Pipeline | None,
    stage: Mapping[str, Any],
    *,
    after: str | Stage | None = None,
    **how: Unpack[How],
) -> Outcome[PipelineWithStages]:
    """Add a stage to a pipeline.

    Args:
        workspace: Where.
        pipeline: The pipeline, its id, key or title; None means the usual one.
        stage: Attributes of `Stage` to values; see `add_pipeline`.
        after: The stage it comes behind, or None: the last of the open ones, or for a
            closed stage the very last.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong.
        NotFoundError: There is no such pipeline or stage.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        owner, stages = pipeline_with_stages(planning, planning.schema, pipeline)
        values = _parsed(planning.schema, [stage], others=[each.key for each in stages])[0]
        check_stages([*map(_as_values, stages), values])
        open_ones = [each for each in stages if each.kind is StageKind.OPEN]
        before = stage_named(stages, after) if after is not None else None
        if before is None:
            before = open_ones[-1] if values["kind"] is StageKind.OPEN else stages[-1]
        place = stages.index(before) + 1
        planning.create("stage", {**values, "pipeline_id": owner.id, "position": place + 1})
        _renumber(planning, stages[place:], first=place + 2)
        return {"pipeline_id": owner.id}

    arguments = {
        "pipeline": id_of(pipeline) if pipeline else None,
        "after": id_of(after) if after else None,
        "stage": {name: str(value) for name, value in stage.items()},
    }
    request = Request(kind="add_stage", arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace.schema))


def update_stage(
    workspace: Workspace,
    pipeline: str | Pipeline | None,
    stage: str | Stage,
    changes: Mapping[str, Any],
    **how: Unpack[How],
) -> Outcome[PipelineWithStages]:
    """Change a stage; deals that are in it stay as they are, with the probability they have.

    Args:
        workspace: Where.
        pipeline: The pipeline, its id, key or title; None means the usual one.
        stage: The stage, its id, key or title.
        changes: Attributes of `Stage` to new values; its key, kind and place stay.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong.
        NotFoundError: There is no such pipeline or stage.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        owner, stages = pipeline_with_stages(planning, planning.schema, pipeline)
        before = stage_named(stages, stage)
        values, problems = parse_values(planning.schema["stage"], changes)
        problems += [f"its {name} stays; remove it and add another" for name in STAGE_IDENTITY if name in changes]
        problems += _unknown_names(planning.schema, values, [each.key for each in stages])
        if problems:
            raise RejectedError([f"stage {before.key}: {problem}" for problem in problems])
        check_stages([{**_as_values(each), **(values if each is before else {})} for each in stages])
        planning.update("stage", before.id, values, why=how.get("reason"))
        return {"pipeline_id": owner.id}

    arguments = {
        "pipeline": id_of(pipeline) if pipeline else None,
        "stage": id_of(stage),
        "changes": {name: str(value) for name, value in changes.items()},
    }
    request = Request(kind="update_stage", arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace.schema))


def remove_stage(
    workspace: Workspace,
    pipeline: str | Pipeline | None,
    stage: str | Stage,
    *,
    move_to: str | Stage | None = None,
    **how: Unpack[How],
) -> Outcome[PipelineWithStages]:
    """Remove a stage from a pipeline; the deals in it move on first.

    Args:
        workspace: Where.
        pipeline: The pipeline, its id, key or title; None means the usual one.
        stage: The stage, its id, key or title.
        move_to: The stage of the same kind that takes its deals; they move there as by
            any other move, so that guards may refuse. None when it holds no deal.
        how: See `How`.

    Raises:
        RejectedError: It holds deals and *move_to* is None, or with all else that is wrong.
        NotFoundError: There is no such pipeline or stage.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        owner, stages = pipeline_with_stages(planning, planning.schema, pipeline)
        going = stage_named(stages, stage)
        target = stage_named(stages, move_to) if move_to is not None else None
        deals: list[Deal] = planning.load_many(Query(type="deal", where=Compare("stage_id", Op.EQ, going.id)))
        left = [each for each in stages if each.id != going.id]
        _check_removal(going, target, left, deals)
        if target is not None:
            why = how.get("reason") or f"the stage {going.title} is removed"
            plan_move(planning, workspace.extensions, [deal.id for deal in deals], target, reason=why)
        planning.delete("stage", going.id, why=how.get("reason"))
        _renumber(planning, left)
        return {"pipeline_id": owner.id, "moved": len(deals)}

    arguments = {
        "pipeline": id_of(pipeline) if pipeline else None,
        "stage": id_of(stage),
        "move_to": id_of(move_to) if move_to else None,
    }
    request = Request(kind="remove_stage", arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace.schema))


def remove_pipeline(
    workspace: Workspace,
    pipeline: str | Pipeline,
    **how: Unpack[How],
) -> Outcome[Pipeline]:
    """Remove a pipeline with its stages; it must hold no deal.

    Raises:
        RejectedError: It holds deals; says how many.
        NotFoundError: There is no such pipeline.
    """

    def plan(planning: Planning) -> Mapping[str, Any]:
        owner, stages = pipeline_with_stages(planning, planning.schema, pipeline)
        count = planning.aggregate(Aggregate(type="deal", where=Compare("pipeline_id", Op.EQ, owner.id)))[0][0]
        if count:
            reason = f"{owner.title} holds {planning.schema['deal'].counted(int(count))}"
            raise RejectedError(reason, hint="move or delete them first")
        for kind, id_ in (*(("stage", stage.id) for stage in stages), ("pipeline", owner.id)):
            planning.delete(kind, id_, why=how.get("reason"))
        return {"pipeline_id": owner.id}

    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> Pipeline:
        removed: Pipeline = workspace.schema["pipeline"].load(view.get_many("pipeline", [result["pipeline_id"]])[0])
        return removed

    arguments = {"pipeline": id_of(pipeline)}
    request = Request(kind="remove_pipeline", arguments=arguments, **how)
    return run(workspace, request, plan, finish)


def plan_default_pipeline(planning: Planning) -> str | None:
    """Plan the pipeline that every workspace begins with; None when there is one already."""
    if planning.find(Query(type="pipeline", limit=1)):
        return None
    return plan_pipeline(planning, DEFAULT_PIPELINE, "Sales", SALES_PIPELINE)


def plan_pipeline(
    planning: Planning, key: str, title: str, stages: Sequence[Mapping[str, Any]], *, currency: str | None = None
) -> str:
    """Plan a pipeline with its stages, and return its id."""
    schema = planning.schema
    values, problems = parse_values(schema["pipeline"], {"key": key, "title": title})
    if currency is not None:
        try:
            values["currency"] = Money.zero(currency).currency
        except ValueError as error:
            problems.append(str(error))
    if planning.lookup("pipeline", "key", [key]):
        problems.append(f"there is a pipeline {key!r} already")
    if problems:
        raise RejectedError(problems)
    parsed = _parsed(schema, stages)
    check_stages(parsed)
    pipeline_id = planning.create("pipeline", values)
    for position, stage in enumerate(parsed, 1):
        planning.create("stage", {**stage, "pipeline_id": pipeline_id, "position": position})
    return pipeline_id


def _parsed(schema: Schema, stages: Sequence[Mapping[str, Any]], *, others: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return stages as attribute values, what is not said filled in from the kind; *others* are there already."""
    parsed: list[dict[str, Any]] = []
    problems: list[str] = []
    keys = [*others, *(str(stage.get("key")) for stage in stages)]
    for number, stage in enumerate(stages, 1):
        values, wrong = parse_values(schema["stage"], stage)
        stage_key = str(values.get("key") or "")
        kind = values.setdefault("kind", StageKind.OPEN)
        values = {"title": stage_key.replace("_", " ").capitalize(), **_USUAL[kind], **values}
        wrong += [f"it needs a {name}" for name in ("key", "default_probability") if values.get(name) is None]
        wrong += _unknown_names(schema, values, keys)
        problems += [f"stage {stage_key or number}: {problem}" for problem in wrong]
        parsed.append(values)
    if problems:
        raise RejectedError(problems)
    return parsed


def _unknown_names(schema: Schema, values: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Return what is wrong with the names of fields and stages that a stage mentions."""
    required = [name for name in values.get("required_fields", ()) if name not in schema["deal"].attribute]
    wrong = [f"a deal has no field {name!r} that could be required" for name in required]
    return wrong + [f"it follows {name!r}, which is no stage" for name in values.get("follows", ()) if name not in keys]


_USUAL: Mapping[StageKind, Mapping[str, Any]] = {
    StageKind.OPEN: {},
    StageKind.WON: {"default_probability": 100, "forecast": Forecast.CLOSED},
    StageKind.LOST: {"default_probability": 0, "forecast": Forecast.OMITTED},
}


def _check_removal(going: Stage, target: Stage | None, left: Sequence[Stage], deals: Sequence[Deal]) -> None:
    reasons: list[str] = []
    if deals and target is None:
        count = f"{len(deals)} deals" if len(deals) > 1 else f"the deal {deals[0].label}"
        reasons.append(f"{going.title} holds {count}; say where to with move_to")
    if target is not None and target.id == going.id:
        reasons.append("its deals cannot move to the stage that is removed")
    elif target is not None and target.kind is not going.kind:
        reasons.append(f"{target.title} is a {target.kind.value} stage, and {going.title} is not")
    reasons += [f"{each.title} is entered from {going.title}" for each in left if going.key in each.follows]
    if not any(each.kind is going.kind for each in left):
        reasons.append(f"a pipeline needs at least one {going.kind.value} stage")
    if reasons:
        raise RejectedError(reasons)


def _as_values(stage: Stage) -> dict[str, Any]:
    return {a.name: getattr(stage, a.name) for a in attrs.fields(Stage)}


def _renumber(planning: Planning, stages: Sequence[Stage], *, first: int = 1) -> None:
    for position, stage in enumerate(stages, first):
        planning.update("stage", stage.id, {"position": position})


def _loading(schema: Schema) -> Any:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> PipelineWithStages:
        return pipeline_with_stages(view, schema, result["pipeline_id"])

    return finish
