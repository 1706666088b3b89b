"""``crmkit delete`` and ``crmkit restore``."""

from __future__ import annotations

from typing import Unpack

import click

from crmkit.cli.state import Session, Writing, command, writing
from crmkit.services.edit import delete_records, restore_records

__all__ = ["delete", "restore"]

_kind = click.option("--kind", metavar="KIND", help="Look only among records of this kind: lead, contact …")


@command("delete")
@click.argument("name")
@_kind
@writing
def delete(session: Session, name: str, kind: str | None, **how: Unpack[Writing]) -> None:
    """Delete a record, so that it can be restored.

    What living records belong to is not deleted: first delete or change these.
    """
    record = session.find(name, kind)
    type_ = session.workspace.schema.type_of(record.id).name
    outcome = delete_records(session.workspace, type_, [record.id], **how)
    session.done(outcome, f"Deleted the {type_.replace('_', ' ')} {record.label}.", value=outcome.value[0])


@command("restore")
@click.argument("name")
@_kind
@writing
def restore(session: Session, name: str, kind: str | None, **how: Unpack[Writing]) -> None:
    """Bring a deleted record back, by its id or its exact name."""
    record = session.find(name, kind, deleted=True)
    type_ = session.workspace.schema.type_of(record.id).name
    outcome = restore_records(session.workspace, type_, [record.id], **how)
    restored = outcome.operation_id is not None
    text = f"Restored the {type_.replace('_', ' ')} {record.label}." if restored else f"{record.label} is not deleted."
    session.done(outcome, text, value=outcome.value[0])
