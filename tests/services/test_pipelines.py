"""Pipelines as data: checked as a whole, changed without losing a deal."""

from __future__ import annotations

from typing import Any

import pytest

from crmkit.core.pipeline import SALES_PIPELINE
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.deals import move_deal, open_deal
from crmkit.services.edit import add_records, delete_records, update_records
from crmkit.services.pipelines import add_pipeline, add_stage, remove_pipeline, remove_stage, update_stage
from crmkit.services.stages import PipelineWithStages, pipeline_with_stages, stage_named
from crmkit.services.workspace import Workspace
from tests.services.deal_world import load, with_sales
from tests.services.test_edit import dump

WORKSHOP: list[dict[str, Any]] = [
    {"key": "brought_in", "default_probability": 60},
    {"key": "quoted", "default_probability": 80, "required_fields": ["amount"]},
    {"key": "repaired", "kind": "won"},
    {"key": "taken_away", "kind": "lost"},
]


def test_a_pipeline_of_ones_own_says_only_what_differs(workspace: Workspace) -> None:
    pipeline, stages = add_pipeline(workspace, "workshop", "Workshop", WORKSHOP, currency="EUR").value

    assert pipeline.currency == "EUR"
    assert [(s.key, s.title, s.position, s.kind.value, s.default_probability) for s in stages] == [
        ("brought_in", "Brought in", 1, "open", 60),
        ("quoted", "Quoted", 2, "open", 80),
        ("repaired", "Repaired", 3, "won", 100),
        ("taken_away", "Taken away", 4, "lost", 0),
    ]


def test_all_that_is_wrong_with_stages_is_said_at_once(workspace: Workspace) -> None:
    before = dump(workspace)

    with pytest.raises(RejectedError) as caught:
        add_pipeline(
            workspace,
            "wrong",
            "Wrong",
            [
                {"key": "a", "default_probability": 10, "required_fields": ["amuont"]},
                {"key": "b", "default_probability": "many"},
                {"key": "c", "default_probability": 5, "follows": ["z"]},
            ],
        )

    assert len(caught.value.reasons) >= 3
    assert dump(workspace) == before


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (WORKSHOP[:3], "a pipeline needs at least one lost stage"),
        ([*WORKSHOP, WORKSHOP[0]], "the stage 'brought_in' is there twice"),
        ([*WORKSHOP, {"key": "sure", "kind": "won", "default_probability": 90}], "must be 100, not 90"),
    ],
)
def test_stages_are_checked_as_a_whole(workspace: Workspace, stages: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        add_pipeline(workspace, "wrong", "Wrong", stages)


def test_a_deal_moves_only_within_its_pipeline(workspace: Workspace) -> None:
    sales = with_sales(workspace)
    _, others = add_pipeline(sales, "workshop", "Workshop", WORKSHOP).value
    deal = open_deal(sales, "40 seats", amount="1 EUR").value

    with pytest.raises(RejectedError):
        move_deal(sales, deal, others[1])


def test_an_amount_without_currency_has_that_of_the_pipeline(workspace: Workspace) -> None:
    add_pipeline(workspace, "workshop", "Workshop", WORKSHOP, currency="CHF")

    deal = open_deal(workspace, "New chain", pipeline="workshop", amount="80").value

    assert str(deal.amount) == "80.00 CHF"


def test_a_stage_is_put_behind_another_and_the_rest_move_up(workspace: Workspace) -> None:
    with_sales(workspace)

    _, stages = add_stage(workspace, None, {"key": "demo", "default_probability": 40}, after="needs_analysis").value

    assert [s.key for s in stages][:4] == ["qualification", "needs_analysis", "demo", "proposal"]
    assert [s.position for s in stages] == list(range(1, 8))


def test_a_stage_that_holds_deals_is_not_removed_without_a_place_for_them(workspace: Workspace) -> None:
    sales = with_sales(workspace)
    deal = open_deal(sales, "40 seats").value
    before = dump(sales)

    with pytest.raises(RejectedError, match="Qualification holds the deal 40 seats; say where to with move_to"):
        remove_stage(sales, None, "qualification")
    assert dump(sales) == before
    _, stages = remove_stage(sales, None, "qualification", move_to="needs_analysis").value

    assert "qualification" not in [s.key for s in stages]
    assert load(sales, "deal", deal.id).stage_id == stages[0].id


def test_the_last_stage_of_a_kind_stays(workspace: Workspace) -> None:
    with_sales(workspace)

    with pytest.raises(RejectedError, match="a pipeline needs at least one won stage"):
        remove_stage(workspace, None, "closed_won")


def test_a_stage_entered_from_another_needs_that_way(workspace: Workspace) -> None:
    stages = [*WORKSHOP[:1], {**WORKSHOP[1], "follows": ["brought_in"]}, *WORKSHOP[2:]]
    add_pipeline(workspace, "workshop", "Workshop", [*stages, {"key": "waiting", "default_probability": 50}])
    deal = open_deal(workspace, "New chain", pipeline="workshop", amount="80 EUR", stage="waiting").value

    with pytest.raises(RejectedError):
        move_deal(workspace, deal, "quoted")


def test_a_pipeline_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    with_sales(workspace)

    with pytest.raises(NotFoundError) as caught:
        open_deal(workspace, "x", pipeline="slaes")

    assert caught.value.suggestions == ("sales",)


def test_the_usual_stages_are_a_right_pipeline(workspace: Workspace) -> None:
    _, stages = add_pipeline(workspace, "copy", "Copy", SALES_PIPELINE).value

    assert len(stages) == len(SALES_PIPELINE)


def test_a_stage_is_changed_only_in_the_light_of_its_pipeline(workspace: Workspace) -> None:
    sales = with_sales(workspace)
    before = dump(sales)
    stage = stage_named(pipeline_with_stages_of(sales)[1], "proposal")

    for wrong in ({"kind": "won"}, {"default_probability": 333}, {"key": "offer"}, {"follows": ["nowhere"]}):
        with pytest.raises(RejectedError, match="update_stage"):
            update_records(sales, "stage", [stage.id], wrong)
        with pytest.raises(RejectedError):
            update_stage(sales, None, stage, wrong)
    with pytest.raises(RejectedError, match="remove_stage"):
        delete_records(sales, "stage", [stage.id])
    with pytest.raises(RejectedError, match="add_stage"):
        add_records(sales, "stage", [{"key": "x", "title": "X"}])
    assert dump(sales) == before

    changed = stage_named(update_stage(sales, None, stage, {"default_probability": 60, "max_days": 9}).value[1], stage)
    assert (changed.default_probability, changed.max_days) == (60, 9)


def test_a_pipeline_keeps_its_key_and_has_a_real_currency(workspace: Workspace) -> None:
    pipeline, _ = add_pipeline(workspace, "workshop", "Workshop", WORKSHOP).value

    with pytest.raises(RejectedError, match="key of a pipeline stays"):
        update_records(workspace, "pipeline", [pipeline], {"key": "garage"})
    with pytest.raises(RejectedError, match="currency"):
        update_records(workspace, "pipeline", [pipeline], {"currency": "XYZZY"})
    renamed = update_records(workspace, "pipeline", [pipeline], {"title": "Garage", "currency": "EUR"}).value[0]

    assert (renamed.key, renamed.title, renamed.currency) == ("workshop", "Garage", "EUR")


def test_a_pipeline_is_removed_whole_once_it_holds_no_deal(workspace: Workspace) -> None:
    sales = with_sales(workspace)
    pipeline, stages = add_pipeline(sales, "workshop", "Workshop", WORKSHOP).value
    deal = open_deal(sales, "Bike", pipeline="workshop").value

    with pytest.raises(RejectedError, match="Workshop holds 1 deal"):
        remove_pipeline(sales, pipeline)
    delete_records(sales, "deal", [deal])
    remove_pipeline(sales, pipeline)

    assert load(sales, "stage", stages[0].id).deleted_at is not None
    with pytest.raises(NotFoundError):
        pipeline_with_stages_of(sales, "workshop")


def pipeline_with_stages_of(workspace: Workspace, named: str | None = None) -> PipelineWithStages:
    with workspace.reading() as view:
        return pipeline_with_stages(view, workspace.schema, named)
