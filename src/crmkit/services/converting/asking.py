"""Asking the matchers of plugins who is here already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.conversion import Candidate, Target
from crmkit.core.lead import Lead
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, LeadMatcher, Match
from crmkit.errors import NotFoundError

__all__ = ["ask_matchers", "became"]


def ask_matchers(
    matchers: Sequence[Contribution[LeadMatcher]], leads: Sequence[Lead], context: Context
) -> Mapping[str, Sequence[Candidate]]:
    """Return the candidates that plugins find for a batch of leads, by lead; deleted records are left out.

    A candidate may be another lead: `became` tells what it stands for.

    Raises:
        PluginError: A matcher fails, or names a lead or record that is none.
    """
    found: dict[str, list[Candidate]] = {lead.id: [] for lead in leads}
    for contribution in matchers:
        with contribution.blamed():
            matches = list(contribution.item.match(leads, context))
        for match in matches:
            record = _record(context, match.record_id)
            with contribution.blamed(match.lead_id):
                if match.lead_id not in found:
                    message = f"{match.lead_id} is none of the leads it was asked about"
                    raise ValueError(message)
                if record is None:
                    message = f"{match.record_id} is no contact, no account and no lead"
                    raise ValueError(message)
                target = _target(context, match)
            if record.deleted_at is None:
                candidate = Candidate(
                    target=target,
                    record_id=record.id,
                    label=record.label,
                    evidence=(match.evidence,),
                    strength=match.strength,
                )
                found[match.lead_id].append(candidate)
    return found


def became(context: Context, candidate: Candidate) -> Candidate | None:
    """Return a candidate that is a lead as what that lead has become; None when it has become nothing."""
    if context.schema.type_of(candidate.record_id).name != "lead":
        return candidate
    conversion_id = context.get(candidate.record_id).conversion_id
    conversion = context.get(conversion_id) if conversion_id else None
    record_id = getattr(conversion, f"{candidate.target.value}_id", None)
    record = context.get(record_id) if record_id else None
    return attrs.evolve(candidate, record_id=record.id, label=record.label) if record is not None else None


def _record(context: Context, record_id: str) -> Any:
    """Return a contact, account or lead, or None when there is none of that id."""
    try:
        kind = context.schema.type_of(record_id).name
    except NotFoundError:
        return None
    return context.get(record_id) if kind in (Target.CONTACT.value, Target.ACCOUNT.value, "lead") else None


def _target(context: Context, match: Match) -> Target:
    kind = context.schema.type_of(match.record_id).name
    if kind != "lead":
        return Target(kind)
    if match.target in (Target.CONTACT, Target.ACCOUNT):
        return match.target
    message = f"say what of the lead {match.record_id} is meant: target=Target.CONTACT or target=Target.ACCOUNT"
    raise ValueError(message)
