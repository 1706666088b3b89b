"""Where a deal has been, and that the time it took adds up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.deals import move_deal, open_deal, reopen_deal, win_deal
from crmkit.services.stage_history import StageStay, stage_history
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.deal_world import load, with_sales


def stays(workspace: Workspace, deal_id: str) -> list[StageStay]:
    with workspace.storage.read() as view:
        return stage_history(view, workspace.schema, deal_id)


def test_the_stays_tell_when_by_whom_and_why(workspace: Workspace) -> None:
    deal = open_deal(with_sales(workspace), "40 seats", amount="1 EUR").value
    moved = move_deal(workspace, deal, "proposal", reason="in writing").value

    first, second = stays(workspace, deal.id)

    assert (first.stage.key, first.entered_at, first.left_at) == ("qualification", deal.created_at, moved.updated_at)
    assert (second.stage.key, second.left_at, second.by, second.reason) == ("proposal", None, "Ada", "in writing")


def test_an_undone_move_leaves_no_stay(workspace: Workspace) -> None:
    deal = open_deal(with_sales(workspace), "40 seats", amount="1 EUR").value
    outcome = move_deal(workspace, deal, "proposal")

    undo(workspace, str(outcome.operation_id))

    assert [stay.stage.key for stay in stays(workspace, deal.id)] == ["qualification"]


def test_a_deal_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        stays(workspace, "deal_0")


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.sampled_from(["needs_analysis", "proposal", "win", "reopen"]), max_size=6))
def test_the_durations_add_up_to_the_life_of_the_deal(steps: list[str]) -> None:
    workspace = with_sales(open_workspace(MemoryStorage()))
    deal = open_deal(workspace, "40 seats", expected_close_on="2026-12-31", amount="5 EUR").value
    for step in steps:
        try:
            if step == "win":
                win_deal(workspace, deal.id)
            elif step == "reopen":
                reopen_deal(workspace, deal.id, reason="again")
            else:
                move_deal(workspace, deal.id, step)
        except RejectedError:
            continue  # such as winning without an account

    now = workspace.clock.now()
    found = stays(workspace, deal.id)
    present = load(workspace, "deal", deal.id)
    assert sum((stay.lasted(now) for stay in found), timedelta()) == (present.closed_at or now) - deal.created_at
    assert [stay.left_at for stay in found[:-1]] == [stay.entered_at for stay in found[1:]]
