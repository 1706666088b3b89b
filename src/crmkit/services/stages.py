"""Finding a pipeline and its stages by what people call them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from crmkit.core.pipeline import Pipeline, Stage
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Op, Order, Query
from crmkit.core.records import Stored
from crmkit.core.schema import Schema
from crmkit.core.spelling import close_to
from crmkit.core.values.text import fold
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.resolve import id_of

__all__ = ["DEFAULT_PIPELINE", "PipelineWithStages", "pipeline_with_stages", "stage_named", "stages_by_pipeline"]

DEFAULT_PIPELINE = "sales"
"""The key of the pipeline that is meant where none is named."""

PipelineWithStages = tuple[Pipeline, list[Stage]]
"""A pipeline and its living stages in order."""

T = TypeVar("T", Pipeline, Stage)


def pipeline_with_stages(
    view: ReadTransaction, schema: Schema, named: str | Pipeline | None = None
) -> PipelineWithStages:
    """Return a pipeline and its stages in order.

    Args:
        view: Where to look.
        schema: The record types.
        named: The pipeline, its id, key or title; None means the only one, or of several
            the one called ``sales``.

    Raises:
        NotFoundError: There is no such pipeline.
        RejectedError: None was named, and there are several.
    """
    pipelines: list[Pipeline] = schema["pipeline"].load_many(view.find(Query(type="pipeline")))
    pipeline = _the_usual(pipelines) if named is None else _named("pipeline", pipelines, named)
    return pipeline, stages_by_pipeline(view, schema, [pipeline.id])[pipeline.id]


def stages_by_pipeline(view: ReadTransaction, schema: Schema, pipelines: Iterable[str]) -> dict[str, list[Stage]]:
    """Return the living stages of pipelines, in order."""
    ids = sorted(set(pipelines))
    query = Query(type="stage", where=Compare("pipeline_id", Op.IN, tuple(ids)), order=(Order("position"),))
    found: dict[str, list[Stage]] = {id_: [] for id_ in ids}
    for stage in schema["stage"].load_many(view.find(query)):
        found[stage.pipeline_id].append(stage)
    return found


def stage_named(stages: Sequence[Stage], named: str | Stage) -> Stage:
    """Return one of some stages by its id, key or title in any language.

    Raises:
        NotFoundError: None of them is called so; suggests those that come close.
    """
    return _named("stage", stages, named)


def _named(kind: str, known: Sequence[T], named: str | Stored) -> T:
    text = id_of(named)
    wanted = fold(text)
    for candidate in known:
        titles = [candidate.title]
        if isinstance(candidate, Stage):
            titles += candidate.titles.values()
        if text in (candidate.id, candidate.key) or wanted in map(fold, titles):
            return candidate
    suggestions = close_to(wanted, [each.key for each in known]) or [each.key for each in known]
    raise NotFoundError(kind, text, suggestions=suggestions)


def _the_usual(pipelines: Sequence[Pipeline]) -> Pipeline:
    usual = [each for each in pipelines if each.key == DEFAULT_PIPELINE]
    if len(pipelines) == 1 or usual:
        return (usual or pipelines)[0]
    if not pipelines:
        raise NotFoundError("pipeline", DEFAULT_PIPELINE, hint="add one first")
    keys = ", ".join(each.key for each in pipelines)
    reason = f"there are several pipelines, and none was named: {keys}"
    raise RejectedError(reason)
