"""Comparing two plans of a conversion or merge: what one does otherwise than the other, field by field.

Useful after a rule, an option or the data have changed. A plan that was printed as JSON
(``crmkit convert LEAD --plan --json``) can be compared as well as the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs

from crmkit.core.changes import digest_of
from crmkit.core.codecs import as_json
from crmkit.core.conversion import CHOSEN
from crmkit.core.plain import plain_fields
from crmkit.core.records import Stored
from crmkit.errors import RejectedError

if TYPE_CHECKING:
    from crmkit.services.convert import ConversionPlan
    from crmkit.services.merge import MergePlan

__all__ = ["ComparablePlan", "PlanComparison", "PlanDifference", "compare_plans"]


@attrs.frozen(kw_only=True)
class PlanDifference:
    """One thing that two plans do differently.

    Attributes:
        what: What it is about: a field (``contact.title``), ``contact``, ``unmapped.score``, ``warnings`` …
        one: What it is in the one plan, as a JSON value; None where that says nothing about it.
        other: What it is in the other plan.
        one_why: Action, reason and rule in the one plan, or empty.
        other_why: The same in the other plan.
    """

    what: str
    one: Any
    other: Any
    one_why: str = ""
    other_why: str = ""


@attrs.frozen(kw_only=True)
class PlanComparison:
    """How two plans differ.

    Attributes:
        differences: What they do differently, in the order of the one plan.
    """

    differences: tuple[PlanDifference, ...]

    def __bool__(self) -> bool:
        """Whether they differ."""
        return bool(self.differences)

    def __iter__(self) -> Iterator[PlanDifference]:
        return iter(self.differences)

    def __str__(self) -> str:
        """Tell it in one line per difference."""
        return "\n".join(
            f"{each.what}: {_told(each.one, each.one_why)} → {_told(each.other, each.other_why)}" for each in self
        )


class ComparablePlan:
    """What the plans of conversions and of merges have in common."""

    @property
    def digest(self) -> str:
        """What two plans share if and only if they do the same on the same ground."""
        return _digest(cast("ConversionPlan | MergePlan", self))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, which `compare` takes too."""
        return {**plain_fields(self), "digest": self.digest}

    def compare(self, other: ConversionPlan | MergePlan | Mapping[str, Any]) -> PlanComparison:
        """Return what another plan, or one that was printed as JSON, does differently."""
        return compare_plans(cast("ConversionPlan | MergePlan", self), other)


def compare_plans(
    one: ConversionPlan | MergePlan | Mapping[str, Any], other: ConversionPlan | MergePlan | Mapping[str, Any]
) -> PlanComparison:
    """Compare two plans of conversions, or two of merges.

    Args:
        one: A plan, or what ``--json`` printed of one.
        other: Another one.

    Raises:
        RejectedError: One of them is no plan, or they are of different kinds.
    """
    before, after = _facts(one), _facts(other)
    if ("lead" in before) != ("lead" in after):
        raise RejectedError("a conversion and a merge cannot be compared")
    return PlanComparison(
        differences=tuple(
            PlanDifference(what=what, one=old, other=new, one_why=old_why, other_why=new_why)
            for what in dict.fromkeys([*before, *after])
            for (old, old_why), (new, new_why) in [(before.get(what, _NOTHING), after.get(what, _NOTHING))]
            if (old, old_why) != (new, new_why)
        )
    )


def _digest(plan: ConversionPlan | MergePlan) -> str:
    """Return what two plans share if and only if they do the same on the same ground.

    The ids and moments that a plan would give to what is new do not count.
    """
    changes = plan.changes
    ground = changes.as_json()["relies_on"]
    updated = {update.type: dict(zip(update.ids, update.versions, strict=True)) for update in changes.updates}
    return digest_of({"does": _facts(plan), "on": ground, "updates": updated})


_NOTHING: tuple[Any, str] = (None, "")
_NO_RULE = ("default", CHOSEN)


def _facts(plan: Any) -> dict[str, tuple[Any, str]]:
    """Return all that a plan says: what it is about, to a JSON value and why."""
    is_conversion, is_merge = _has(plan, "lead", "fields"), _has(plan, "winner", "losers")
    if not is_conversion and not is_merge:
        raise RejectedError("this is no plan of a conversion or merge", hint="take what --plan --json printed")

    def get(name: str) -> Any:
        return plan.get(name) if isinstance(plan, Mapping) else getattr(plan, name, None)

    facts: dict[str, tuple[Any, str]] = {}
    if is_conversion:
        facts["lead"] = (_id(get("lead")), "")
        facts["lead.status"] = (as_json(get("status")), "")
        for name in ("contact", "account", "deal"):
            there = name == "contact" or get(f"with_{name}")
            facts[name] = (_id(get(name)) or "a new one" if there else None, "")
    else:
        facts["winner"] = (_id(get("winner")), "")
        facts["losers"] = ([_id(loser) for loser in get("losers")], "")
    for each in map(_plain, get("fields")):
        place = f"{each['target']}.{each['field']}" if is_conversion else each["field"]
        why = f"{each['action']}: {each['reason']}" + ("" if each["rule"] in _NO_RULE else f" (rule {each['rule']})")
        facts[place] = (each["new"], why)  # of a field of several losers, what comes of all of them
    for group in ("unmapped", "dropped", "linked"):
        for name, value in (get(group) or {}).items():
            if is_merge and group == "unmapped":
                facts |= {f"{group}.{field} of {name}": (as_json(lost), "") for field, lost in value.items()}
            elif value:
                facts[f"{group}.{name}"] = (as_json(value), "")
    found = [_plain(each) for each in get("candidates") or ()]
    facts["candidates"] = ([f"{c['label']}: {', '.join(c['evidence'])}" for c in found], "")
    conflicts = [_plain(each) for each in get("conflicts") or ()]
    facts["conflicts"] = ([f"{c['what']}: {c['won']} wins over {c['lost']}" for c in conflicts], "")
    facts["warnings"] = (list(get("warnings") or ()), "")
    return facts


def _has(plan: Any, *names: str) -> bool:
    return all(name in plan if isinstance(plan, Mapping) else hasattr(plan, name) for name in names)


def _id(record: Any) -> str | None:
    if isinstance(record, Stored):
        return record.id
    return record["id"] if isinstance(record, Mapping) else None


def _plain(value: Any) -> Any:
    """Return a part of a plan as JSON has it."""
    if attrs.has(type(value)):
        return {a.name: as_json(getattr(value, a.name)) for a in attrs.fields(type(value))}
    return as_json(value)


def _told(value: Any, why: str) -> str:
    if value in (None, [], {}):
        return "nothing" + (f" ({why})" if why else "")
    text = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return f"{text} ({why})" if why else text
