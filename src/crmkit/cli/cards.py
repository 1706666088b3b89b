"""``crmkit lead show``, ``crmkit account set`` …: one record as a card, added, changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Unpack

import click

from crmkit.cli.fields import parse_fields
from crmkit.cli.log import show_operation
from crmkit.cli.naming import in_words
from crmkit.cli.output import Card, Part
from crmkit.cli.state import Session, Writing, command, group, looking_back, writing
from crmkit.cli.timeline import timeline_table
from crmkit.core.declarations import value_of
from crmkit.core.operation import Operation
from crmkit.services.cards import RecordCard, record_card
from crmkit.services.edit import add_records, update_records

__all__ = ["account", "add", "campaign", "contact", "lead", "set_", "show", "user"]


@command("show")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Look only among records of this kind: lead, contact …")
@looking_back
def show(session: Session, name: str, kind: str | None) -> None:
    """Show any record by its id, or a lead, contact, account, deal, campaign or one of your own kinds by its name."""
    record = session.find(name, kind)
    if isinstance(record, Operation):
        show_operation(session, record.id)
    else:
        print_card(session, record.id)


def print_card(session: Session, record_id: str) -> None:
    """Print one record with all that belongs to it."""
    card = record_card(session.workspace, record_id)
    session.show(card, *_parts(session, card))


def _card_group(kind: str, noun: str, example: str) -> click.Group:
    """Make the group of commands for one record type."""
    made = group(kind, f"Show, add or change {noun}.")

    @command("show", parent=made, help=f"Show {noun} with all that belongs to it.")
    @click.argument("name")
    @looking_back
    def show(session: Session, name: str) -> None:
        print_card(session, session.find(name, kind).id)

    @command("add", parent=made, short_help=f"Add {noun}.", help=f"Add {noun}, such as: crmkit {kind} add {example}")
    @click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE…")
    @writing
    def add(session: Session, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
        add_from(session, kind, fields, **how)

    @command("set", parent=made, help=f"Change fields of {noun}; an empty value empties a field.")
    @click.argument("name")
    @click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE…")
    @writing
    def set_(session: Session, name: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
        change_from(session, kind, name, fields, **how)

    return made


@command("add")
@click.argument("kind")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE…")
@writing
def add(session: Session, kind: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Add a record of any KIND, also one of your own, such as: crmkit add booth name=B12 size=20."""
    add_from(session, session.workspace.schema.named(kind).name, fields, **how)


@command("set")
@click.argument("kind")
@click.argument("name")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE…")
@writing
def set_(session: Session, kind: str, name: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Change fields of a record of any KIND; an empty value empties a field."""
    change_from(session, session.workspace.schema.named(kind).name, name, fields, **how)


def add_from(session: Session, kind: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Add a record from ``FIELD=VALUE`` arguments."""
    outcome = add_records(session.workspace, kind, [parse_fields(session, kind, fields)], **how)
    record = outcome.value[0]
    session.done(outcome, f"Added the {_noun(kind)} {record.label} ({record.id}).", value=record)


def change_from(session: Session, kind: str, name: str, fields: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Change a record by ``FIELD=VALUE`` arguments."""
    before = session.find(name, kind)
    changes = parse_fields(session, kind, fields)
    outcome = update_records(session.workspace, kind, [before.id], changes, **how)
    after = outcome.value[0]
    shown = partial(in_words, session.workspace)
    changed = [(name, shown(value_of(before, name)), shown(value_of(after, name))) for name in changes]
    lines = [f"  {name.removesuffix('_id')}: {old or '–'} → {new or '–'}" for name, old, new in changed if old != new]
    session.done(outcome, f"Changed the {_noun(kind)} {after.label}." if lines else None, *lines, value=after)


def _noun(kind: str) -> str:
    return kind.replace("_", " ")


def _parts(session: Session, card: RecordCard) -> Iterator[Part]:
    noun = _noun(card.kind).capitalize()
    state = " (deleted)" if card.record.deleted_at else ""
    yield Card(f"{noun}: {card.record.label}{state}", _fields(session, card))
    if card.timeline:
        yield ""
        yield timeline_table(card.timeline, title="Lately")


_PLUMBING = ("id", "version", "created_at", "updated_at", "deleted_at", "operation_id", "import_key", "source_row")


def _fields(session: Session, card: RecordCard) -> Iterator[tuple[str, Any]]:
    for attribute in session.workspace.schema[card.kind].attributes:
        name = attribute.name
        if name in card.references and name not in _PLUMBING:
            yield name.removesuffix("_id"), card.references[name].label
        elif name not in (*_PLUMBING, "conversion_id"):
            yield name, value_of(card.record, name)
    yield from card.raw.items()
    for point in card.points:
        note = f" ({point.note})" if point.note else ""
        yield f"also {'e-mail' if point.kind.value == 'email' else point.kind.value}", f"{point.value}{note}"
    for name, records in card.related.items():
        yield (
            name,
            [
                f"{session.workspace.schema.type_of(r.id).name} {r.label}" if name in _MIXED else r.label
                for r in records
            ],
        )
    yield "members", ", ".join(f"{count} {status}" for status, count in card.members.items())
    yield "id", card.record.id
    yield "added", card.record.created_at
    if card.record.version > 1:
        yield "changed", card.record.updated_at
    yield "deleted", card.record.deleted_at


_MIXED = ("converted into", "origin", "about")
"""Relations that may lead to records of several types."""

lead = _card_group("lead", "a lead", "first_name=Ada last_name=LOVELACE company='Analytical Engines' owner=Charles")
contact = _card_group("contact", "a contact", "first_name=Ada last_name=LOVELACE account='Analytical Engines'")
account = _card_group("account", "an account", "name='Analytical Engines' domain=analytical.example city=London")
campaign = _card_group("campaign", "a campaign", "name='Salon 2026' starts_on=2026-03-10 budget='8000 EUR'")
user = _card_group("user", "a user", "name=Ada email=ada@analytical.example")
