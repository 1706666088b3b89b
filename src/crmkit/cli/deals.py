"""``crmkit deal`` and ``crmkit board``: deals on their way through a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import click

from crmkit.cli.output import Drawing, printable, words
from crmkit.cli.state import Session, Writing, command, group, looking_back, writing

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crmkit.core.deal import Deal
    from crmkit.services.board import Board
    from crmkit.services.operations import Outcome

__all__ = ["board", "board_part", "deal"]

deal = group("deal", help="Open, move, win, lose or reopen a deal.")


@command("open", parent=deal)
@click.argument("name")
@click.option("--account", metavar="NAME", help="With whom; otherwise the account of the contacts.")
@click.option("--contact", "contacts", metavar="NAME", multiple=True, help="Who takes part; NAME=role says as what.")
@click.option("--amount", metavar="MONEY", help="What it is worth, such as 12000 EUR.")
@click.option("--pipeline", metavar="NAME", help="Otherwise the usual one.")
@click.option("--stage", metavar="NAME", help="Where it begins; otherwise the first stage.")
@click.option("--probability", type=click.IntRange(0, 100), help="In percent; otherwise what the stage says.")
@click.option("--close", "expected_close_on", metavar="DAY", help="When it should be decided: 2026-12-31.")
@click.option("--owner", metavar="USER", help="Who is responsible.")
@click.option("--description", metavar="TEXT", help="More about it.")
@click.option("--tag", "tags", metavar="WORD", multiple=True, help="May be repeated.")
@writing
def open_(
    session: Session, name: str, *, account: str | None, contacts: tuple[str, ...], owner: str | None, **values: Any
) -> None:
    """Open a deal called NAME."""
    from crmkit.services.deals import open_deal

    people: list[str] = []
    roles: dict[str, str] = {}
    for named in contacts:
        who, equals, role = named.rpartition("=")
        people.append(session.resolve("contact", who if equals else named))
        if equals:
            roles[people[-1]] = role.strip()
    outcome = open_deal(
        session.workspace,
        name,
        account=account and session.resolve("account", account),
        contacts=people,
        roles=roles,
        owner=owner and session.resolve("user", owner),
        **values,
    )
    _done(session, outcome, "Opened")


@command("move", parent=deal)
@click.argument("name")
@click.argument("stage")
@click.option("--lost-reason", metavar="WORD", help="Why, when the stage loses it.")
@click.option("--comment", "lost_comment", metavar="TEXT", help="More about why it is lost.")
@click.option("--probability", type=click.IntRange(0, 100), help="In percent, from now on.")
@writing
def move(session: Session, name: str, stage: str, **how: Any) -> None:
    """Move the deal NAME to STAGE, by its key or title; says all that stands against it at once."""
    from crmkit.services.deals import move_deal

    outcome = move_deal(session.workspace, session.resolve("deal", name), stage, **how)
    _done(session, outcome, "Moved")


@command("win", parent=deal)
@click.argument("name")
@writing
def win(session: Session, name: str, **how: Unpack[Writing]) -> None:
    """Close the deal NAME as won."""
    from crmkit.services.deals import win_deal

    _done(session, win_deal(session.workspace, session.resolve("deal", name), **how), "Won")


@command("lose", parent=deal)
@click.argument("name")
@click.argument("lost_reason", metavar="WHY")
@click.argument("comment", required=False)
@writing
def lose(session: Session, name: str, lost_reason: str, comment: str | None, **how: Unpack[Writing]) -> None:
    """Close the deal NAME as lost.

    WHY is price, competitor, no_budget, no_decision, timing, no_response or other, which needs a COMMENT.
    """
    from crmkit.services.deals import lose_deal

    outcome = lose_deal(session.workspace, session.resolve("deal", name), lost_reason, comment, **how)
    _done(session, outcome, "Lost")


@command("reopen", parent=deal)
@click.argument("name")
@click.argument("why")
@click.option("--stage", metavar="NAME", help="Where it goes on; otherwise the open stage it was in last.")
@writing
def reopen(session: Session, name: str, why: str, stage: str | None, **how: Unpack[Writing]) -> None:
    """Open the closed deal NAME again; WHY is asked for. How it was closed stays in its history."""
    from crmkit.services.deals import reopen_deal

    if how["reason"] not in (None, why):
        raise click.UsageError("WHY is the reason already; leave --reason out")
    outcome = reopen_deal(
        session.workspace,
        session.resolve("deal", name),
        reason=why,
        stage=stage,
        key=how["key"],
        dry_run=how["dry_run"],
    )
    _done(session, outcome, "Reopened")


@command("show", parent=deal)
@click.argument("name")
@looking_back
def show(session: Session, name: str) -> None:
    """Show a deal with all that belongs to it."""
    from crmkit.cli.cards import print_card

    print_card(session, session.resolve("deal", name))


@command("set", parent=deal)
@click.argument("name")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE…")
@writing
def set_(session: Session, name: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Change fields of a deal, such as amount='12000 EUR'; an empty value empties a field.

    probability=PERCENT says how likely it is won, from stage to stage; without a value it is
    what the stage says again. Stages are changed by: crmkit deal move
    """
    from crmkit.cli.fields import parse_fields
    from crmkit.services.deals import set_probability
    from crmkit.services.edit import update_records

    deal_id = session.resolve("deal", name)
    changes = parse_fields(session, "deal", fields)
    if "probability" not in changes:
        outcome = update_records(session.workspace, "deal", [deal_id], changes, **how)
        _done(session, outcome, "Changed", outcome.value[0])
        return
    if len(changes) > 1:
        raise click.UsageError("change the probability alone, and the other fields in a second step")
    percent = changes["probability"]
    if percent and not percent.isdecimal():
        raise click.UsageError(f"a probability is 0 to 100, not {percent!r}")
    _done(session, set_probability(session.workspace, deal_id, int(percent) if percent else None, **how), "Changed")


@command("board")
@click.argument("pipeline", required=False)
@click.option("--newest", type=click.IntRange(1), default=10, show_default=True, help="How many deals a stage shows.")
@looking_back
def board(session: Session, pipeline: str | None, newest: int) -> None:
    """Show a pipeline as a board: its stages side by side, with deals, sums and what is stale."""
    from crmkit.services.board import board as board_of

    shown = board_of(session.workspace, pipeline, newest=newest)

    session.show(shown, board_part(shown))


def board_part(shown: Board) -> Drawing:
    """Return a board as it is printed."""

    def draw(width: int) -> RenderableType:
        from crmkit.cli.board import board_view

        return board_view(shown, width)

    return Drawing(draw)


def _done(session: Session, outcome: Outcome[Any], verb: str, changed: Deal | None = None) -> None:
    shown: Deal = changed or outcome.value
    stage = session.crm.stages.get(shown.stage_id)
    why = words(shown.lost_reason).replace("_", " ")
    facts = (shown.label, words(shown.amount), stage.title, f"{shown.probability_percent} %", why, shown.lost_comment)
    session.done(outcome, f"{verb}: {printable(', '.join(filter(None, facts)))}.", value=shown)
