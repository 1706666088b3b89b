"""Plain edits: add, update, delete and restore records of any type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from crmkit.core.checks import check_record, parse_values
from crmkit.core.fields import ANY
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.record_type import RecordType
from crmkit.core.records import Record, Stored
from crmkit.core.values.places import country_code, region_of_language
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.aliases import current_ids, why_gone
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.references import belonging_to_deleted, dangling
from crmkit.services.resolve import id_of
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace

__all__ = [
    "add_records",
    "delete_records",
    "plan_add",
    "plan_update",
    "restore_records",
    "tag_records",
    "update_records",
]


def add_records(
    workspace: Workspace,
    kind: str,
    rows: Iterable[Mapping[str, Any]],
    **how: Unpack[How],
) -> Outcome[list[Any]]:
    """Add records of one type, all or none.

    Args:
        workspace: Where.
        kind: The record type.
        rows: For each record, attribute to value; texts are parsed as a form would be.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong, in all rows.
    """
    listed = [dict(row) for row in rows]

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"ids": plan_add(planning, kind, listed, workspace.settings)}

    arguments = {"add": kind, "rows": [_plain(row) for row in listed]} if how.get("key") else {}
    return run(workspace, Request(kind="edit", arguments=arguments, **how), plan, _loading(workspace, kind))


def update_records(
    workspace: Workspace,
    kind: str,
    records: Iterable[str | Stored],
    changes: Mapping[str, Any],
    **how: Unpack[How],
) -> Outcome[list[Any]]:
    """Give the same changes to records of one type, all or none.

    Args:
        workspace: Where.
        kind: The record type.
        records: Records or their ids. A record given as an object must be as it is
            stored: when somebody changed it meanwhile, that is a conflict.
        changes: Attribute to new value; None empties it.
        how: See `How`.

    Raises:
        RejectedError: With all that is wrong.
        ConflictError: A record given as an object is out of date.
    """
    listed = list(records)

    def plan(planning: Planning) -> Mapping[str, Any]:
        reason = how.get("reason")
        return {"ids": plan_update(planning, kind, listed, changes, reason=reason, settings=workspace.settings)}

    arguments = {"update": kind, "ids": [id_of(r) for r in listed], "changes": _plain(changes)}
    request = Request(kind="edit", arguments=arguments if how.get("key") else {}, **how)
    return run(workspace, request, plan, _loading(workspace, kind))


def delete_records(
    workspace: Workspace,
    kind: str,
    records: Iterable[str | Stored],
    **how: Unpack[How],
) -> Outcome[list[Any]]:
    """Delete records so that they can be restored.

    Raises:
        RejectedError: Living records belong to one of them; names these.
    """
    listed = list(records)

    def plan(planning: Planning) -> Mapping[str, Any]:
        ids = [id_of(record) for record in listed]
        _check_exist(planning, kind, ids)
        _check_not_needed(planning, kind, ids)
        for record, id_ in zip(listed, ids, strict=True):
            expected = record.version if isinstance(record, Stored) else None
            planning.delete(kind, id_, why=how.get("reason"), expected_version=expected)
        return {"ids": ids}

    arguments = {"delete": kind, "ids": [id_of(r) for r in listed]}
    request = Request(kind="delete", arguments=arguments, **how)
    return run(workspace, request, plan, _loading(workspace, kind))


def restore_records(
    workspace: Workspace,
    kind: str,
    records: Iterable[str | Stored],
    **how: Unpack[How],
) -> Outcome[list[Any]]:
    """Bring deleted records back.

    Raises:
        RejectedError: One lives on in another record, or belongs to a deleted one.
    """
    ids = [id_of(record) for record in records]

    def plan(planning: Planning) -> Mapping[str, Any]:
        _check_exist(planning, kind, ids)
        _check_not_merged(planning, kind, ids)
        _check_not_orphaned(planning, kind, ids)
        for id_ in ids:
            planning.update_scalars(kind, id_, {"deleted_at": None}, why=how.get("reason"))
        return {"ids": ids}

    request = Request(kind="restore", arguments={"restore": kind, "ids": ids}, **how)
    return run(workspace, request, plan, _loading(workspace, kind))


def tag_records(
    workspace: Workspace,
    kind: str,
    records: Iterable[str | Stored],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    **how: Unpack[How],
) -> Outcome[list[Any]]:
    """Put words on records of one type, and take others off; each keeps the rest of its tags.

    Raises:
        RejectedError: With all that is wrong.
        ConflictError: A record given as an object is out of date.
    """
    listed, on, off = list(records), set(add), set(remove)

    def plan(planning: Planning) -> Mapping[str, Any]:
        type_ = planning.schema[kind]
        if "tags" not in type_.attribute:
            raise RejectedError(f"a {kind.replace('_', ' ')} has no tags")
        ids = [id_of(record) for record in listed]
        _check_exist(planning, kind, ids)
        groups: dict[tuple[str, ...], list[str | Stored]] = {}
        before = {record.id: record.tags for record in type_.load_many(planning.get_many(kind, ids))}
        for record in listed:
            after = tuple(sorted({*before[id_of(record)], *on} - off))
            groups.setdefault(after, []).append(record)
        for tags, same in groups.items():
            plan_update(planning, kind, same, {"tags": tags}, reason=how.get("reason"), settings=workspace.settings)
        return {"ids": ids}

    arguments = {"tag": kind, "ids": [id_of(r) for r in listed], "add": sorted(on), "remove": sorted(off)}
    request = Request(kind="edit", arguments=arguments if how.get("key") else {}, **how)
    return run(workspace, request, plan, _loading(workspace, kind))


def plan_add(planning: Planning, kind: str, rows: Sequence[Mapping[str, Any]], settings: Settings) -> list[str]:
    """Plan new records, and return their ids in order; all that is wrong comes together."""
    type_ = planning.schema[kind]
    if type_.made_by:
        reason = f"a {type_.name.replace('_', ' ')} is made by {type_.made_by}, not by adding a record"
        raise RejectedError(reason)
    checked: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, row in enumerate(rows, 1):
        values, wrong = parse_values(type_, row, region=_region(row, settings))
        wrong += check_record(type_, {**_blank(planning, type_), **values}, None, given=row)
        where = f"row {number}: " if len(rows) > 1 else ""
        problems += [where + problem for problem in wrong]
        checked.append(values)
    if not problems:
        problems = dangling(planning, type_, checked)
    if problems:
        raise RejectedError(problems)
    ids = [planning.create(kind, values) for values in checked]
    if kind == "lead":
        _plan_memberships(planning, ids, [values.get("campaign_id") for values in checked])
    return ids


def _plan_memberships(planning: Planning, lead_ids: Sequence[str], campaign_ids: Sequence[str | None]) -> None:
    """Make leads members of the campaigns that brought them, those who are not yet."""
    wanted = {lead: campaign for lead, campaign in zip(lead_ids, campaign_ids, strict=True) if campaign}
    known = [id_ for _, id_ in planning.lookup("campaign_member", "person_id", list(wanted))]
    members = planning.schema["campaign_member"].load_many(planning.get_many("campaign_member", known))
    there = {(member.person_id, member.campaign_id) for member in members}
    for lead, campaign in wanted.items():
        if (lead, campaign) not in there:
            planning.create("campaign_member", {"campaign_id": campaign, "person_id": lead})


def plan_update(
    planning: Planning,
    kind: str,
    records: Sequence[str | Stored],
    changes: Mapping[str, Any],
    *,
    reason: str | None,
    settings: Settings,
) -> list[str]:
    """Plan the same changes of records, and return their ids in order; all that is wrong comes together."""
    type_ = planning.schema[kind]
    ids = [id_of(record) for record in records]
    _check_exist(planning, kind, ids)
    stored = {record.id: record for record in type_.load_many(planning.get_many(kind, ids))}
    problems: list[str] = []
    parsed: dict[str, dict[str, Any]] = {}
    for id_ in ids:
        before = stored[id_]
        values, wrong = parse_values(type_, changes, region=_region({**type_.values_of(before), **changes}, settings))
        if before.deleted_at is not None:
            wrong.append(why_gone(planning, planning.schema, before))
        else:
            wrong += check_record(type_, {**type_.values_of(before), **values}, before, given=changes)
        where = f"{before.label}: " if len(ids) > 1 else ""
        problems += [where + problem for problem in wrong]
        parsed[id_] = values
    if not problems:
        problems = dangling(planning, type_, list(parsed.values()))
    if problems:
        raise RejectedError(dict.fromkeys(problems))
    for record, id_ in zip(records, ids, strict=True):
        expected = record.version if isinstance(record, Stored) else None
        planning.update(kind, id_, parsed[id_], expected_version=expected, why=reason)
    if kind == "lead":
        _plan_memberships(planning, ids, [parsed[id_].get("campaign_id") for id_ in ids])
    return ids


def _check_exist(planning: Planning, kind: str, ids: Sequence[str]) -> None:
    place = planning.schema[kind].position["id"]
    found = {row[place] for row in planning.get_many(kind, ids)}
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError(kind.replace("_", " "), id_)


_REMOVED_BY = {"pipeline": "remove_pipeline", "stage": "remove_stage"}


def _check_not_needed(planning: Planning, kind: str, ids: Sequence[str]) -> None:
    """Refuse to delete what other business records belong to, and leads that became something."""
    if kind in _REMOVED_BY:
        reason = f"a {kind} is not deleted as a record; use {_REMOVED_BY[kind]}, which looks after its deals"
        raise RejectedError(reason)
    going = set(ids)
    type_ = planning.schema[kind]
    reasons = [
        f"the lead {record.label} is converted and stays for the reports; undo its conversion instead"
        for record in type_.load_many(planning.get_many(kind, ids))
        if kind == "lead" and record.conversion_id is not None
    ]
    for owner, field in planning.schema.referrers(kind):
        if field.references == ANY or not issubclass(owner.cls, Record):
            continue  # links, memberships and what was noted about it may point to a tombstone
        pairs = [(value, id_) for value, id_ in planning.lookup(owner.name, field.name, ids) if id_ not in going]
        labels = {r.id: r.label for r in owner.load_many(planning.get_many(owner.name, [id_ for _, id_ in pairs]))}
        reasons += [f"the {owner.name.replace('_', ' ')} {labels[id_]} belongs to it" for _, id_ in pairs]
    if reasons:
        raise RejectedError(reasons, hint="delete or change these first")


def _check_not_merged(planning: Planning, kind: str, ids: Sequence[str]) -> None:
    """Refuse to restore what lives on in another record."""
    winners = {id_: winner for id_, winner in current_ids(planning, planning.schema, ids).items() if winner != id_}
    rows = planning.get_many(kind, [*winners, *winners.values()]) if winners else []
    labels = {record.id: record.label for record in planning.schema[kind].load_many(rows)}
    if winners:
        raise RejectedError(
            [f"{labels[id_]} is merged into {labels[to]}; undo that merge" for id_, to in winners.items()]
        )


def _check_not_orphaned(planning: Planning, kind: str, ids: Sequence[str]) -> None:
    """Refuse to restore what would belong to deleted records."""
    type_ = planning.schema[kind]
    place = type_.position["deleted_at"]
    rows = [(*row[:place], None, *row[place + 1 :]) for row in planning.get_many(kind, ids)]
    reasons = [reason for _, reason in belonging_to_deleted(planning, type_, rows, reviving=ids)]
    if reasons:
        raise RejectedError(reasons, hint="restore that first, or undo what deleted it")


def _blank(planning: Planning, kind: RecordType) -> dict[str, Any]:
    """Return the attributes of a record before anything is known about it."""
    known = {a.name: a.default for a in kind.attributes if a.editable and not a.required}
    return {**known, "id": kind.prefix, "created_at": planning.at, "updated_at": planning.at}


def _region(values: Mapping[str, Any], settings: Settings) -> str | None:
    """Return the country in whose form a record's phone numbers are read."""
    country, language = values.get("country"), values.get("language")
    if isinstance(country, str) and country:
        return country_code(country)
    if settings.region:
        return settings.region
    return region_of_language(language) if isinstance(language, str) and language else None


def _loading(workspace: Workspace, kind: str) -> Any:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> list[Any]:
        type_ = workspace.schema[kind]
        found = {record.id: record for record in type_.load_many(view.get_many(kind, result["ids"]))}
        return [found[id_] for id_ in result["ids"]]

    return finish


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values so that they can be compared as JSON under an idempotency key."""
    return {name: id_of(value) if isinstance(value, Stored) else repr(value) for name, value in values.items()}
