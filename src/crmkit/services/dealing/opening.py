"""Planning a new deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crmkit.core.account import Account
from crmkit.core.checks import parse_values, refused_by_class
from crmkit.core.contact import Contact
from crmkit.core.deal import Deal
from crmkit.core.ids import IdSequence
from crmkit.core.pipeline import Stage, StageKind
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Extensions, StageMove
from crmkit.core.stage_moves import missing_fields, missing_problems, move_problems, moved, probability_problems
from crmkit.core.values.money import Money
from crmkit.errors import (
    ContactNotInAccountError,
    MissingFieldsError,
    NotFoundError,
    RejectedError,
    StageNotInPipelineError,
)
from crmkit.services.aliases import current_ids
from crmkit.services.dealing.history import note_stage_change
from crmkit.services.dealing.refusing import refuse, vetoes_of
from crmkit.services.stages import pipeline_with_stages, stage_named

__all__ = ["plan_open_deal"]


def plan_open_deal(
    planning: Planning,
    extensions: Extensions,
    *,
    name: str,
    account: str | None = None,
    contacts: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    amount: Money | str | None = None,
    pipeline: str | None = None,
    stage: str | None = None,
    probability: int | None = None,
    expected_close_on: date | str | None = None,
    owner: str | None = None,
    description: str | None = None,
    tags: Sequence[str] = (),
    custom: Mapping[str, Any] | None = None,
) -> str:
    """Plan a new deal with its contacts and the first entry of its history, and return its id.

    Args:
        planning: The operation.
        extensions: Whose guards are asked.
        name: What it is about.
        account: With whom; None means the account of the contacts.
        contacts: The contacts who take part; each belongs to the account or to none.
        roles: Contact id to what this contact is in the deal: ``decision_maker`` …
        amount: What it is worth; text is read in the currency of the pipeline.
        pipeline: Its id, key or title; None means the usual one.
        stage: Its id, key or title; None means the first open one. A deal that begins in
            a later one must fulfil what a move there from the first one demands.
        probability: How likely it is won, in percent; None leaves it to the stage.
        expected_close_on: When it should be decided.
        owner: The user who is responsible.
        description: More about it.
        tags: Words put on it.
        custom: Custom fields, as for an edit.

    Raises:
        RejectedError: With all that is wrong; nothing is planned then.
        MissingFieldsError: Only what the stage demands is missing.
        ContactNotInAccountError: Only contacts of other accounts are in the way.
        StageNotInPipelineError: The stage is one of another pipeline.
        NotFoundError: There is no such account, contact, user, pipeline or stage.
    """
    owned_by, stages = pipeline_with_stages(planning, planning.schema, pipeline)
    first = next(each for each in stages if each.kind is StageKind.OPEN)
    target = first if stage is None else _stage(planning, stages, stage)
    people = _load_living(planning, "contact", contacts)
    _load_living(planning, "user", [owner] if owner else [])
    account_id, problems = _account_of(planning, account, people)
    strangers = list(problems) if account_id else []
    problems += [f"{id_} has a role but is not among the contacts" for id_ in roles or {} if id_ not in contacts]
    try:
        money = Money.parse(amount, owned_by.currency) if isinstance(amount, str) else amount
    except ValueError as error:
        money = None
        problems.append(f"amount {error}")
    given = {
        "name": name,
        "account_id": account_id,
        "amount": money,
        "expected_close_on": expected_close_on,
        "owner_id": owner,
        "description": description,
        "tags": tuple(tags),
        **(custom or {}),
    }
    kind = planning.schema["deal"]
    values, wrong = parse_values(kind, given)
    problems += wrong or ([] if values.get("name") else ["name is missing"])
    # The deal as it would be, with the id that it will have: guards want to see it before anything is planned.
    whole = {
        "id": IdSequence(planning.operation_id, planning.at, used=planning.ids.used).next("deal"),
        "created_at": planning.at,
        "updated_at": planning.at,
        "operation_id": planning.operation_id,
        "pipeline_id": owned_by.id,
        "stage_id": first.id,
        "probability_percent": first.default_probability,
        "name": "",
        **values,
    }
    problems += [] if wrong else refused_by_class(kind, whole)
    draft: Deal = kind.build(whole)
    lacking = [f"deal.{field}" for field in missing_fields(draft, target)]
    telling = (
        MissingFieldsError(missing_problems(draft, target), fields=lacking),
        ContactNotInAccountError(strangers),
    )
    if target.id == first.id:
        problems += missing_problems(draft, first)
        if probability is not None:
            problems += probability_problems(first, probability)
        refuse(problems, [], telling=telling)
    else:
        move = StageMove(deal=draft, from_stage=first, to_stage=target, reason=planning.reason)
        own = move_problems(draft, first, target, stages, probability=probability)
        refuse(problems + own, vetoes_of(planning, extensions, [move]), telling=telling)
    set_by_stage = moved(draft, target, planning.at, probability=probability)
    deal_id = planning.create("deal", {**values, "pipeline_id": owned_by.id, **set_by_stage})
    note_stage_change(planning, deal_id, None, target, reason=planning.reason)
    for contact in people:
        role = (roles or {}).get(contact.id)
        planning.create("link", {"kind": "contact", "from_id": deal_id, "to_id": contact.id, "role": role})
    return deal_id


def _stage(planning: Planning, stages: Sequence[Stage], named: str) -> Stage:
    """Return a stage of the pipeline.

    Raises:
        StageNotInPipelineError: It is one of another pipeline.
        NotFoundError: There is none of that name.
    """
    try:
        return stage_named(stages, named)
    except NotFoundError:
        for other in planning.schema["stage"].load_many(planning.get_many("stage", [named])):
            raise StageNotInPipelineError(f"{other.title} is a stage of another pipeline") from None
        raise


def _account_of(planning: Planning, account: str | None, people: Sequence[Contact]) -> tuple[str | None, list[str]]:
    """Return the account of a deal, and what speaks against its contacts."""
    theirs = list(dict.fromkeys(person.account_id for person in people if person.account_id))
    if account is None and len(theirs) > 1:
        return None, ["the contacts belong to several accounts; say which one the deal is with"]
    account_id = account or (theirs[0] if theirs else None)
    company: Account | None = _load_living(planning, "account", [account_id])[0] if account_id else None
    strangers = [person for person in people if person.account_id not in (None, account_id)]
    if company is None or not strangers:
        return account_id, []
    return account_id, [f"{person.label} is not a contact of {company.label}" for person in strangers]


def _load_living(planning: Planning, kind: str, ids: Sequence[str]) -> list[Any]:
    """Return records in the order of their ids as given, each once.

    Raises:
        NotFoundError: One is not there.
        RejectedError: Some are deleted; names them.
    """
    found = {record.id: record for record in planning.schema[kind].load_many(planning.get_many(kind, ids))}
    for id_ in ids:
        if id_ not in found:
            raise NotFoundError(kind, id_)
    if gone := [id_ for id_, record in found.items() if record.deleted_at is not None]:
        # Of one that was merged into another, that one takes part.
        now = current_ids(planning, planning.schema, gone)
        found |= {id_: planning.load(kind, now[id_]) for id_ in gone}
    deleted = [record for record in found.values() if record.deleted_at is not None]
    if deleted:
        raise RejectedError([f"the {kind} {record.label} is deleted; restore it first" for record in deleted])
    return list({found[id_].id: found[id_] for id_ in ids}.values())
