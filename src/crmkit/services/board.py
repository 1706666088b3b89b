"""A pipeline at a glance: its stages as columns, with what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import attrs

from crmkit.core.codecs import parse_moment
from crmkit.core.deal import Deal
from crmkit.core.fields import Scalar
from crmkit.core.pipeline import Pipeline, Stage, StageKind
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, Compare, Measure, Op, Order, Query
from crmkit.core.schema import Schema
from crmkit.core.values.money import Money
from crmkit.services.stages import pipeline_with_stages
from crmkit.services.workspace import Workspace

__all__ = ["Board", "Card", "Column", "board"]


@attrs.frozen(kw_only=True)
class Card:
    """A deal on the board.

    Attributes:
        deal: The deal.
        account: The name of its account, or None.
        idle_days: Whole days since it was moved last.
        stale: Whether that is longer than its stage allows.
    """

    deal: Deal
    account: str | None
    idle_days: int
    stale: bool


@attrs.frozen(kw_only=True)
class Column:
    """A stage and what stands in it.

    Attributes:
        stage: The stage.
        count: How many deals there are.
        total: Their amounts, by currency.
        weighted: The same times their probabilities, rounded once per currency.
        cards: The deals that changed last, newest first.
    """

    stage: Stage
    count: int
    total: Mapping[str, Money]
    weighted: Mapping[str, Money]
    cards: tuple[Card, ...]


@attrs.frozen(kw_only=True)
class Board:
    """A pipeline at a moment.

    Attributes:
        pipeline: The pipeline.
        at: The moment, in UTC.
        columns: Its stages in order; behind them removed ones that still hold a deal.
    """

    pipeline: Pipeline
    at: datetime
    columns: tuple[Column, ...]


def board(workspace: Workspace, pipeline: str | Pipeline | None = None, *, newest: int = 10) -> Board:
    """Return the board of a pipeline.

    Args:
        workspace: Where.
        pipeline: The pipeline, its id, key or title; None means the usual one.
        newest: How many deals each column shows at most.

    Raises:
        NotFoundError: There is no such pipeline.
    """
    at = workspace.clock.now()
    schema = workspace.schema
    with workspace.reading() as view:
        shown, stages = pipeline_with_stages(view, schema, pipeline)
        sums = _sums(view, shown)
        left_over = sorted(sums.keys() - {stage.id for stage in stages})
        stages += schema["stage"].load_many(view.get_many("stage", left_over))
        deals = {stage.id: _newest(view, schema, stage, newest) for stage in stages if stage.id in sums}
        cards = _cards(view, schema, [deal for each in deals.values() for deal in each], stages, at)
    empty = _Sum()
    columns = tuple(
        Column(
            stage=stage,
            count=sums.get(stage.id, empty).count,
            total=_monies(sums.get(stage.id, empty).total),
            weighted=_monies({c: _hundredth(n) for c, n in sums.get(stage.id, empty).hundredfold.items()}),
            cards=tuple(cards[deal.id] for deal in deals.get(stage.id, ())),
        )
        for stage in stages
    )
    return Board(pipeline=shown, at=at, columns=columns)


@attrs.define
class _Sum:
    """What stands in one stage, in minor units by currency; weighted amounts a hundredfold, so that they are whole."""

    count: int = 0
    total: dict[str, int] = attrs.field(factory=dict)
    hundredfold: dict[str, int] = attrs.field(factory=dict)


def _sums(view: ReadTransaction, pipeline: Pipeline) -> dict[str, _Sum]:
    question = Aggregate(
        type="deal",
        where=Compare("pipeline_id", Op.EQ, pipeline.id),
        group_by=("stage_id", "amount_currency", "probability_percent"),  # in the order of an index
        measures=((Measure.COUNT, "id"), (Measure.SUM, "amount_minor")),
    )
    sums: dict[str, _Sum] = {}
    for stage_id, currency, percent, count, minor in view.aggregate(question):
        each = sums.setdefault(str(stage_id), _Sum())
        each.count += int(count or 0)
        if currency is not None:
            code, amount = str(currency), int(minor or 0)
            each.total[code] = each.total.get(code, 0) + amount
            each.hundredfold[code] = each.hundredfold.get(code, 0) + amount * int(percent or 0)
    return sums


def _newest(view: ReadTransaction, schema: Schema, stage: Stage, count: int) -> list[Deal]:
    where = Compare("stage_id", Op.EQ, stage.id)
    query = Query(type="deal", where=where, order=(Order("updated_at", descending=True),), limit=count)
    return schema["deal"].load_many(view.find(query))


def _cards(
    view: ReadTransaction, schema: Schema, deals: Sequence[Deal], stages: Sequence[Stage], at: datetime
) -> dict[str, Card]:
    by_id = {stage.id: stage for stage in stages}
    accounts = sorted({deal.account_id for deal in deals if deal.account_id})
    names = {a.id: a.name for a in schema["account"].load_many(view.get_many("account", accounts))}
    moves = Aggregate(
        type="stage_change",
        where=Compare("deal_id", Op.IN, tuple(deal.id for deal in deals)),
        group_by=("deal_id",),
        measures=((Measure.MAX, "moved_at"),),
    )
    moved: dict[Scalar, Scalar] = dict(view.aggregate(moves))  # type: ignore[arg-type]  # pairs, by the measures
    cards: dict[str, Card] = {}
    for deal in deals:
        stage = by_id[deal.stage_id]
        idle: timedelta = at - parse_moment(moved.get(deal.id) or deal.created_at)
        stale = stage.kind is StageKind.OPEN and stage.max_days is not None and idle > timedelta(days=stage.max_days)
        account = names.get(deal.account_id) if deal.account_id else None
        cards[deal.id] = Card(deal=deal, account=account, idle_days=idle.days, stale=stale)
    return cards


def _monies(minor: Mapping[str, int]) -> dict[str, Money]:
    return {currency: Money.from_minor(amount, currency) for currency, amount in sorted(minor.items())}


def _hundredth(number: int) -> int:
    """Return a hundredth of a number, rounded half to even."""
    whole, rest = divmod(number, 100)
    return whole + (rest > 50 or (rest == 50 and whole % 2 == 1))  # noqa: PLR2004  # half of a hundred
