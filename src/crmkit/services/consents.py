"""What addresses agreed to, and which must not be written to.

Nothing is overwritten: each word is a record of its own, and the last one counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Unpack, cast

from crmkit.core.consent import Consent, ConsentStatus, Suppression
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.schema import Schema
from crmkit.core.values.email import Email
from crmkit.errors import RejectedError
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.workspace import Workspace

__all__ = ["may_write", "plan_consent", "plan_suppression", "record_consent", "said", "suppress", "unsuppress"]


def record_consent(
    workspace: Workspace,
    address: str,
    purpose: str = "marketing",
    *,
    granted: bool,
    basis: str | None = None,
    origin: str | None = None,
    **how: Unpack[How],
) -> Outcome[Consent]:
    """Record that an address agreed to something, or withdrew it.

    Args:
        workspace: Where.
        address: The e-mail address.
        purpose: What for.
        granted: Whether it agreed.
        basis: The lawful basis: ``consent``, ``legitimate_interest`` …
        origin: Where it was said: a file, a form, a click.
        how: See `How`.

    Raises:
        RejectedError: It is not an address, or the purpose is empty.
    """
    arguments = {"address": address, "purpose": purpose, "granted": granted, "basis": basis, "origin": origin}

    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"id": plan_consent(planning, address, purpose, granted=granted, basis=basis, origin=origin)}

    request = Request(kind="record_consent", arguments=arguments, **how)
    return cast("Outcome[Consent]", _run(workspace, "consent", request, plan))


def suppress(
    workspace: Workspace, address: str, reason: str = "manual", *, key: str | None = None, dry_run: bool = False
) -> Outcome[Suppression]:
    """Write to an address no more, whatever it agreed to; mail that is queued is held back too.

    Args:
        workspace: Where.
        address: The e-mail address.
        reason: ``unsubscribed``, ``bounced``, ``complained``, ``manual`` …; also for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        RejectedError: It is not an address.
    """
    return _suppression(workspace, address, reason, active=True, key=key, dry_run=dry_run)


def unsuppress(
    workspace: Workspace, address: str, reason: str = "manual", *, key: str | None = None, dry_run: bool = False
) -> Outcome[Suppression]:
    """Let an address be written to again; what it was suppressed for stays on record."""
    return _suppression(workspace, address, reason, active=False, key=key, dry_run=dry_run)


def may_write(
    view: ReadTransaction, schema: Schema, address_keys: Collection[str], purpose: str
) -> dict[str, str | None]:
    """Say for each address why it may not be written to, or None when it may.

    A suppressed address never may. One that withdrew its consent for the purpose may not.
    One that never said anything about it may: whoever needs an explicit consent first
    imports or records it, and queues only for those people.

    Args:
        view: Where to look; four look-ups at most, however many addresses.
        schema: The record types.
        address_keys: The keys of the addresses, see `Email.key`.
        purpose: What they would be written to for.
    """
    reasons: dict[str, str | None] = dict.fromkeys(address_keys)
    for word in _words(view, schema, "consent", address_keys):
        if word.purpose == purpose:
            withdrawn = word.status is ConsentStatus.WITHDRAWN
            reasons[word.address_key] = f"the consent for {purpose} is withdrawn" if withdrawn else None
    suppressed: dict[str, Suppression] = {w.address_key: w for w in _words(view, schema, "suppression", address_keys)}
    reasons |= {
        address: f"the address is suppressed ({word.reason})" for address, word in suppressed.items() if word.active
    }
    return reasons


def plan_consent(
    planning: Planning,
    address: str,
    purpose: str,
    *,
    granted: bool,
    basis: str | None = None,
    origin: str | None = None,
) -> str:
    """Plan the record of a word about consent, and return its id."""
    values = {
        "address_key": _key(address),
        "purpose": said(purpose, "purpose"),
        "status": ConsentStatus.GRANTED if granted else ConsentStatus.WITHDRAWN,
        "basis": basis,
        "origin": origin,
    }
    return planning.create("consent", values)


def plan_suppression(planning: Planning, address: str, reason: str, *, active: bool) -> str:
    """Plan the record that an address is suppressed or no longer is, and return its id."""
    values = {"address_key": _key(address), "active": active, "reason": said(reason, "reason")}
    return planning.create("suppression", values)


def said(text: str, name: str) -> str:
    """Return a purpose or reason without blanks around it.

    Raises:
        RejectedError: Nothing is left.
    """
    text = text.strip()
    if not text:
        raise RejectedError(f"the {name} is empty")
    return text


def _suppression(
    workspace: Workspace, address: str, reason: str, *, active: bool, key: str | None, dry_run: bool
) -> Outcome[Suppression]:
    def plan(planning: Planning) -> Mapping[str, Any]:
        return {"id": plan_suppression(planning, address, reason, active=active)}

    request = Request(
        kind="suppress" if active else "unsuppress",
        reason=reason,
        key=key,
        arguments={"address": address, "reason": reason},
        dry_run=dry_run,
    )
    return cast("Outcome[Suppression]", _run(workspace, "suppression", request, plan))


def _run(workspace: Workspace, kind: str, request: Request, plan: Any) -> Outcome[Any]:
    def finish(view: ReadTransaction, result: Mapping[str, Any]) -> Any:
        return workspace.schema[kind].load(view.get_many(kind, [result["id"]])[0])

    return run(workspace, request, plan, finish)


def _words(view: ReadTransaction, schema: Schema, kind: str, address_keys: Collection[str]) -> list[Any]:
    """Return all that these addresses said, the last word last."""
    ids = [id_ for _, id_ in view.lookup(kind, "address_key", sorted(address_keys))]
    words = schema[kind].load_many(view.get_many(kind, ids)) if ids else []
    # Not by id alone: ids of one millisecond are in no order, while moments of operations always are.
    return sorted(words, key=lambda word: (word.created_at, word.id))


def _key(address: str) -> str:
    try:
        return Email(address).key
    except ValueError as error:
        raise RejectedError(f"{address!r} is not an e-mail address: {error}") from error
