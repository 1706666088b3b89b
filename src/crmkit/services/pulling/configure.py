"""Adding lead sources and changing them, with settings that are looked at by their kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmkit.core.lead_source import LeadSource
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.pulling import CheckedLeadSourceKind, LeadSourceKind
from crmkit.core.records import Stored
from crmkit.core.spelling import close_to
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.edit import add_records, update_records
from crmkit.services.importing import choose_importer
from crmkit.services.operations import Outcome
from crmkit.services.pulling.overview import find_source
from crmkit.services.pulling.recipe import checked_options
from crmkit.services.resolve import id_of, resolve
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace

__all__ = ["add_source", "change_source", "kind_of"]


def add_source(
    workspace: Workspace,
    name: str,
    kind: str,
    settings: Mapping[str, Any] | None = None,
    *,
    campaign: str | Stored | None = None,
    importer: str | None = None,
    owner: str | Stored | None = None,
    tags: Sequence[str] = (),
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
    **options: Any,
) -> Outcome[LeadSource]:
    """Add a lead source; nothing is pulled yet.

    Args:
        workspace: Where.
        name: What to call it; unique.
        kind: What kind it is: ``folder``, ``http``, or what a plugin brings.
        settings: What that kind wants to know, by name.
        campaign: The campaign that everybody joins.
        importer: The importer that reads what comes; None takes the surest.
        owner: The user responsible for new leads, and for the source.
        tags: Put on every lead.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.
        options: How it is imported: ``policy``, ``source_label``, ``max_errors``, and what
            `ReadingOptions` has, such as ``mapping``; or the name of a ``saved_mapping``.

    Raises:
        NotFoundError: There is no such kind, campaign, importer or user.
        RejectedError: With all that is wrong.
    """
    values = {
        "name": name,
        "kind": kind,
        "settings": _checked_settings(workspace, kind, settings or {}),
        "campaign_id": _id(workspace, "campaign", campaign),
        "owner_id": _id(workspace, "user", owner),
        "importer": _checked_importer(workspace, importer),
        "tags": tuple(tags),
        "options": checked_options(workspace, options),
    }
    added = add_records(workspace, "lead_source", [values], reason=reason, key=key, dry_run=dry_run)
    return added.mapped(lambda records: records[0])


def change_source(
    workspace: Workspace,
    source: str | Stored,
    settings: Mapping[str, Any] | None = None,
    *,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
    **changes: Any,
) -> Outcome[LeadSource]:
    """Change a lead source; what is not named stays.

    With other settings the next pull begins anew, and takes what it has not seen; with another
    importer, campaign or option it tries again what failed.

    Args:
        workspace: Where.
        source: The lead source: a record, id or name.
        settings: Setting to new value; None or an empty text takes it away.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.
        changes: ``name``, ``campaign``, ``importer``, ``owner``, ``tags`` and the options of
            `add_source`; None takes the value away.

    Raises:
        NotFoundError: There is no such lead source, campaign, importer or user.
        RejectedError: With all that is wrong.
    """
    before = find_source(workspace, source)
    values: dict[str, Any] = {name: changes.pop(name) for name in ("name", "tags") if name in changes}
    if settings:
        values["settings"] = _checked_settings(workspace, before.kind, {**before.settings, **settings})
    for name, record in (("campaign", "campaign"), ("owner", "user")):
        if name in changes:
            values[f"{name}_id"] = _id(workspace, record, changes.pop(name))
    if "importer" in changes:
        values["importer"] = _checked_importer(workspace, changes.pop("importer"))
    if changes:
        values["options"] = checked_options(workspace, {**before.options, **changes})
    changed = update_records(workspace, "lead_source", [before.id], values, reason=reason, key=key, dry_run=dry_run)
    return changed.mapped(lambda records: records[0])


def kind_of(workspace: Workspace, name: str) -> Contribution[LeadSourceKind]:
    """Return the kind of lead source of that name.

    Raises:
        NotFoundError: There is none.
    """
    known = workspace.extensions.lead_sources
    if name not in known:
        close = close_to(name, known)
        hint = "" if close else f"there are {', '.join(known) or 'none'}; a plugin can bring others"
        raise NotFoundError("kind of lead source", name, suggestions=close, hint=hint)
    return known[name]


def _checked_settings(workspace: Workspace, kind: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings as texts, those that say nothing left out, as their kind wants to have them."""
    found = kind_of(workspace, kind)
    settings = {name: text for name, value in given.items() if (text := _text(value))}
    known = found.item.settings
    problems = []
    for name in settings:
        if name not in known:
            close = close_to(name, known)
            hint = f"; did you mean {close[0]}?" if close else f" (it has {', '.join(known) or 'none'})"
            problems.append(f"a lead source of the kind {kind} has no setting {name!r}{hint}")
    if problems:
        raise RejectedError(problems)
    if isinstance(found.item, CheckedLeadSourceKind):
        with found.blamed():
            return dict(found.item.checked(settings))
    return settings


def _text(value: object) -> str:
    """Return a setting as text; a mapping, such as that of headers, as lines."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()


def _checked_importer(workspace: Workspace, name: str | None) -> str | None:
    if name is not None:
        choose_importer(workspace.extensions.importers, BytesSource("any", b""), name)
    return name


def _id(workspace: Workspace, kind: str, named: str | Stored | None) -> str | None:
    if named is None:
        return None
    with workspace.reading() as view:
        return id_of(resolve(view, workspace.schema, kind, named))
