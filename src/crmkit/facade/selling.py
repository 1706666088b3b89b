"""Deals on their way through pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmkit.facade.base import Face

if TYPE_CHECKING:
    from crmkit.core.deal import Deal
    from crmkit.core.pipeline import Pipeline, Stage
    from crmkit.services.board import Board

__all__ = ["Selling"]


class Selling(Face):
    """Deals on their way through pipelines."""

    def open_deal(self, name: str, *custom: object, **values: Any) -> Deal:
        """Open a deal: ``account``, ``contacts``, ``roles``, ``amount``, ``pipeline``, ``stage`` …

        Custom fields are objects of their classes, or mappings of names to values.
        """
        from crmkit.services.deals import open_deal

        return open_deal(self.workspace, name, custom=custom, **values).value

    def move_deal(self, deal: str | Deal, stage: str | Stage, **more: Any) -> Deal:
        """Move a deal to another stage.

        Raises:
            RejectedError: The stage demands something; with all reasons at once.
        """
        from crmkit.services.deals import move_deal
        from crmkit.services.resolve import id_of

        return move_deal(self.workspace, self._id("deal", deal), id_of(stage), **more).value

    def win_deal(self, deal: str | Deal, **more: Any) -> Deal:
        """Close a deal as won."""
        from crmkit.services.deals import win_deal

        return win_deal(self.workspace, self._id("deal", deal), **more).value

    def lose_deal(self, deal: str | Deal, lost_reason: str, comment: str | None = None, **more: Any) -> Deal:
        """Close a deal as lost, with a reason of the list; ``other`` needs a comment."""
        from crmkit.services.deals import lose_deal

        return lose_deal(self.workspace, self._id("deal", deal), lost_reason, comment, **more).value

    def reopen_deal(self, deal: str | Deal, *, reason: str, **more: Any) -> Deal:
        """Open a closed deal again; its old close stays in its history."""
        from crmkit.services.deals import reopen_deal

        return reopen_deal(self.workspace, self._id("deal", deal), reason=reason, **more).value

    def set_probability(self, deal: str | Deal, percent: int | None, **more: Any) -> Deal:
        """Say how likely a deal is won, 0 to 100; None goes back to what its stage says.

        What is said holds from stage to stage, until the deal is closed.

        Raises:
            RejectedError: It is closed, or the number is no percentage.
        """
        from crmkit.services.deals import set_probability

        return set_probability(self.workspace, self._id("deal", deal), percent, **more).value

    def board(self, pipeline: str | None = None) -> Board:
        """Return a pipeline as a board: its stages with their deals and sums."""
        from crmkit.services.board import board

        return board(self.workspace, pipeline)

    def add_pipeline(self, name: str, title: str, stages: Sequence[Mapping[str, Any]], **more: Any) -> Pipeline:
        """Add a pipeline: its key, its title, and its stages in order.

        Each stage is a mapping with a ``key``, for an open one a ``default_probability``, for others
        ``kind="won"`` or ``kind="lost"``, and what else differs from the usual: ``required_fields``,
        ``follows``, ``max_days``, ``title``, ``titles``. ``currency`` is that of amounts without one.

        Raises:
            RejectedError: With all that is wrong.
        """
        from crmkit.services.pipelines import add_pipeline

        return add_pipeline(self.workspace, name, title, stages, **more).value[0]

    def add_stage(self, pipeline: str | Pipeline | None, stage: Mapping[str, Any], **more: Any) -> Stage:
        """Add a stage to a pipeline (None: the usual one), behind the stage ``after`` or the last open one."""
        from crmkit.services.pipelines import add_stage

        stages = add_stage(self.workspace, pipeline, stage, **more).value[1]
        return next(each for each in stages if each.key == stage["key"])

    def update_stage(self, pipeline: str | Pipeline | None, stage: str | Stage, **changes: Any) -> Stage:
        """Change a stage of a pipeline (None: the usual one); its key, kind and place stay."""
        from crmkit.services.pipelines import update_stage
        from crmkit.services.stages import stage_named

        return stage_named(update_stage(self.workspace, pipeline, stage, changes).value[1], stage)

    def remove_stage(self, pipeline: str | Pipeline | None, stage: str | Stage, **more: Any) -> None:
        """Remove a stage from a pipeline; its deals move to the stage ``move_to`` first."""
        from crmkit.services.pipelines import remove_stage

        remove_stage(self.workspace, pipeline, stage, **more)

    def remove_pipeline(self, pipeline: str | Pipeline, **more: Any) -> Pipeline:
        """Remove a pipeline that holds no deal, with its stages."""
        from crmkit.services.pipelines import remove_pipeline

        return remove_pipeline(self.workspace, pipeline, **more).value
