"""What stands against a move: crmkit's own reasons and those of the guards, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Context, Extensions, StageMove
from crmkit.errors import RejectedError, VetoedError

__all__ = ["refuse", "vetoes_of"]


def vetoes_of(planning: Planning, extensions: Extensions, moves: Sequence[StageMove]) -> list[tuple[str, str, str]]:
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


def refuse(
    own: Sequence[str], vetoes: Sequence[tuple[str, str, str]], *, telling: Iterable[RejectedError] = ()
) -> None:
    """Raise what stands against it, if anything does.

    Args:
        own: The reasons of crmkit itself.
        vetoes: Plugin, guard and reason of each veto.
        telling: Errors that say more than a plain refusal: one is raised if it names all reasons.
    """
    reasons = [*own, *(reason for _, _, reason in vetoes)]
    for error in telling if reasons else ():
        if set(reasons) <= set(error.reasons):
            raise error
    if own:
        raise RejectedError(reasons)
    if vetoes:
        plugins, rules = (", ".join(dict.fromkeys(veto[i] for veto in vetoes)) for i in (0, 1))
        raise VetoedError(reasons, plugin=plugins, rule=rules)
