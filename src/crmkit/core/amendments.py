"""Amendments: what rules say to a conversion or a merge.

A rule returns them as data and never writes. Those of all rules are carried out in order
(`crmkit.core.amending`, `crmkit.core.settling`). Where two rules want different things of
one field, the later one wins; the outcome names both (`Conflict`). Whoever converts or
merges has the last word: `CHOSEN`.
"""

from __future__ import annotations

from typing import Any

import attrs

from crmkit.core.conversion import CHOSEN, Target

__all__ = [
    "Amendment",
    "Append",
    "Choose",
    "Conflict",
    "Demand",
    "Drop",
    "Keep",
    "MapField",
    "NameDeal",
    "SetDefault",
    "SetField",
    "Take",
    "Veto",
]


@attrs.frozen(kw_only=True)
class SetField:
    """Give a field of a target this value, whatever it holds."""

    target: Target
    field: str
    value: Any
    reason: str


@attrs.frozen(kw_only=True)
class SetDefault:
    """Give a field of a target this value if it would be empty otherwise."""

    target: Target
    field: str
    value: Any
    reason: str


@attrs.frozen(kw_only=True)
class MapField:
    """Put a field of the lead into a field of a target, as the default table does: what is empty is filled.

    Attributes:
        field: The field of the lead.
        target: The target.
        to: Its field.
        reason: Why, as one clause.
    """

    field: str
    target: Target
    to: str
    reason: str


@attrs.frozen(kw_only=True)
class Keep:
    """Leave a field as it is.

    Attributes:
        field: The field.
        target: Whose field, in a conversion; None in a merge, where it is the winner's.
        reason: Why, as one clause.
    """

    field: str
    target: Target | None = None
    reason: str


@attrs.frozen(kw_only=True)
class Take:
    """Overwrite a field.

    Attributes:
        field: The field.
        target: Whose field, in a conversion, which takes it from the lead; None in a merge.
        record_id: From which record, in a merge; None in a conversion.
        reason: Why, as one clause.
    """

    field: str
    target: Target | None = None
    record_id: str | None = None
    reason: str


@attrs.frozen(kw_only=True)
class Append:
    """Add to what a field holds: texts below each other, tags and lists united.

    Attributes:
        field: The field.
        target: Whose field, in a conversion; None in a merge.
        reason: Why, as one clause.
    """

    field: str
    target: Target | None = None
    reason: str


@attrs.frozen(kw_only=True)
class Drop:
    """Leave out a field of the lead, on purpose; it is recorded as dropped."""

    field: str
    reason: str


@attrs.frozen(kw_only=True)
class Demand:
    """Refuse unless there is a value.

    Attributes:
        target: Whose field, in a conversion; None in a merge, where it is the winner's.
        field: The field.
        reason: Why, as one clause.
    """

    target: Target | None = None
    field: str
    reason: str


@attrs.frozen(kw_only=True)
class Choose:
    """Take this one of several candidates."""

    target: Target
    record_id: str
    reason: str


@attrs.frozen(kw_only=True)
class NameDeal:
    """Name the deal that is opened; whoever converts may name it otherwise."""

    name: str
    reason: str


@attrs.frozen(kw_only=True)
class Veto:
    """Refuse."""

    reason: str


Amendment = SetField | SetDefault | MapField | Keep | Take | Append | Drop | Demand | Choose | NameDeal | Veto


@attrs.frozen(kw_only=True)
class Conflict:
    """Two rules that wanted different things.

    Attributes:
        what: What it is about: ``contact.title``, or ``contact`` for a choice among several.
        won: The rule that decided, or ``chosen``: whoever converts or merges.
        lost: The rule that did not.
        reason: Why, as one clause.
    """

    what: str
    won: str
    lost: str
    reason: str

    @classmethod
    def of(cls, what: str, *, won: str, lost: str) -> Conflict:
        """Return a conflict that the order decided."""
        last_word = "who does it has the last word"
        later = f"it is asked after {lost}; the setting plugins.order says in what order"
        return cls(what=what, won=won, lost=lost, reason=last_word if won == CHOSEN else later)

    def __str__(self) -> str:
        """Tell it in one sentence."""
        who = "the choice made" if self.won == CHOSEN else f"rule {self.won}"
        return f"{self.what}: {who} wins over rule {self.lost}, because {self.reason}"
