"""What rows say about being written to: recorded for the address, unless it is on record.

An objection suppresses the address and withdraws its consent; a refusal withdraws the consent
alone. Both always count. An agreement counts only for an address that never said anything: an
old file must not take back what somebody said since. Not to have objected is no agreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from crmkit.core.consent import ConsentStatus
from crmkit.core.fields import Scalar
from crmkit.core.planning import Planning

__all__ = ["plan_words"]

PURPOSE: Final = "marketing"


def plan_words(
    planning: Planning,
    *,
    objecting: Mapping[str, int],
    refusing: Mapping[str, int],
    agreeing: Mapping[str, int],
    origin: str,
) -> set[str]:
    """Plan the records of what addresses said, and return the addresses that have a new one.

    Args:
        planning: The operation.
        objecting: Keys of addresses that must not be written to, with the line that says so.
        refusing: Keys of addresses that do not agree; an objection goes first.
        agreeing: Keys of addresses that agree; a refusal goes first.
        origin: Where it is said.
    """
    withdrawing = {**refusing, **objecting}
    lines = {**agreeing, **withdrawing}
    if not lines:
        return set()
    consents = _said(planning, "consent", lines)
    suppressions = _said(planning, "suppression", lines)
    reason = f"opt_out in {origin}"
    words = {address: ConsentStatus.WITHDRAWN for address in withdrawing if not _withdrew(consents[address], origin)}
    for address in agreeing:
        if address not in withdrawing and not consents[address] and not suppressions[address]:
            words[address] = ConsentStatus.GRANTED
    held = [address for address in objecting if not _is_held(suppressions[address], reason)]
    if words:
        columns: dict[str, list[Scalar]] = {
            "address_key": list(words),
            "purpose": [PURPOSE] * len(words),
            "status": [status.value for status in words.values()],
            "basis": ["consent" if status is ConsentStatus.GRANTED else None for status in words.values()],
            "origin": [origin] * len(words),
            "source_row": [lines[address] for address in words],
        }
        planning.create_columns("consent", columns, len(words))
    if held:
        columns = {
            "address_key": [*held],
            "active": [1] * len(held),
            "reason": [reason] * len(held),
            "source_row": [lines[address] for address in held],
        }
        planning.create_columns("suppression", columns, len(held))
    return {*words, *held}


def _withdrew(consents: Iterable[Any], origin: str) -> bool:
    """Whether an address has withdrawn, or has done so in this very source and thought better of it since."""
    spoken = [word for word in consents if word.purpose == PURPOSE]
    withdrawn = [word.status is ConsentStatus.WITHDRAWN for word in spoken]
    return withdrawn[-1:] == [True] or any(
        word.origin == origin for word, no in zip(spoken, withdrawn, strict=True) if no
    )


def _is_held(suppressions: list[Any], reason: str) -> bool:
    return bool(suppressions) and (suppressions[-1].active or any(word.reason == reason for word in suppressions))


def _said(planning: Planning, kind: str, addresses: Iterable[str]) -> dict[str, list[Any]]:
    """Return what is on record about addresses, the last word last."""
    said: dict[str, list[Any]] = {address: [] for address in addresses}
    found = planning.lookup(kind, "address_key", list(said))
    records = planning.schema[kind].load_many(planning.get_many(kind, [id_ for _, id_ in found]))
    for record in sorted(records, key=lambda record: (record.created_at, record.id)):
        said[record.address_key].append(record)
    return said
