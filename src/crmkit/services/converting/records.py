"""Planning the records of a conversion that was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.codecs import as_json
from crmkit.core.contact import PointKind
from crmkit.core.conversion import Action, Target
from crmkit.core.fields import Scalar
from crmkit.core.matching import Matcher
from crmkit.core.planning import Planning
from crmkit.core.ports.plugins import Extensions
from crmkit.errors import RejectedError
from crmkit.services.converting.children import Children
from crmkit.services.converting.decide import Decision
from crmkit.services.converting.options import ConversionOptions
from crmkit.services.dealing.opening import plan_open_deal

__all__ = ["ConversionWriter"]


@attrs.frozen
class ConversionWriter:
    """Plans the records of the conversions of one batch."""

    _planning: Planning
    _options: ConversionOptions
    _children: Children
    _matcher: Matcher
    _extensions: Extensions

    def plan(self, decision: Decision) -> None:
        """Plan contact, account, deal, links, the conversion itself, and the end of the lead.

        Raises:
            RejectedError: The deal cannot be opened, or a rule names a field that is not there.
        """
        planning, lead = self._planning, decision.lead
        _check_fields(planning, decision)
        account_id = self._plan_account(decision)
        contact_id = self._plan_contact(decision, account_id)
        deal_id = self._plan_deal(decision, account_id, contact_id)
        targets = [id_ for id_ in (contact_id, account_id, deal_id) if id_]
        if decision.contact is not None:
            self._know_points(decision)
        decision.linked = self._children.plan_links(lead.id, targets, contact_id)
        for kind, value in self._children.points(lead.id):
            self._matcher.reached_by(kind, value, contact_id)
        if self._children.is_member(lead.id, lead.campaign_id):
            # It lives on as the contact's membership.
            decision.unmapped = {name: v for name, v in decision.unmapped.items() if name != "campaign_id"}
        if decision.contact is not None:
            self._keep_addresses(decision)
        homeless = self._carry(lead.id, targets)
        made = {
            "account": decision.with_account and decision.account is None,
            "contact": decision.contact is None,
            "deal": deal_id is not None and decision.deal is None,
        }
        decision.conversion_id = planning.create(
            "conversion",
            {
                "lead_id": lead.id,
                "contact_id": contact_id,
                "account_id": account_id,
                "deal_id": deal_id,
                "created": tuple(name for name, is_new in made.items() if is_new),
                "unmapped": {**{name: as_json(value) for name, value in decision.unmapped.items()}, **homeless},
                "dropped": dict(decision.dropped),
                "decided": {f"{p.target.value}.{p.field}": [p.action.value, p.rule, p.source] for p in decision.fields},
                "status_before": lead.status.value,
            },
        )
        self._children.plan_origin(lead.id, filter(None, (contact_id, account_id)))
        planning.update(
            "lead",
            lead.id,
            {"status": self._options.status, "conversion_id": decision.conversion_id},
            expected_version=lead.version,
            why="converted",
        )

    def _plan_account(self, decision: Decision) -> str | None:
        if not decision.with_account:
            return None
        account_id = self._plan_target(decision, Target.ACCOUNT, {})
        self._matcher.made("account", account_id)
        return account_id

    def _plan_contact(self, decision: Decision, account_id: str | None) -> str:
        contact = decision.contact
        joins = account_id is not None and (contact is None or contact.account_id is None)
        contact_id = self._plan_target(decision, Target.CONTACT, {"account_id": account_id} if joins else {})
        self._matcher.made("contact", contact_id)
        if contact is not None and "first_name" in decision.unmapped:
            self._planning.warn(f"{decision.lead.label} joins the contact {contact.label}, who has another name")
        return contact_id

    def _plan_deal(self, decision: Decision, account_id: str | None, contact_id: str) -> str | None:
        if decision.deal is not None:
            return self._join_deal(decision, account_id, contact_id)
        if not self._options.opens_deal:
            return None
        planned = {p.field: p.new for p in decision.fields if p.target is Target.DEAL and p.action is not Action.KEEP}
        planned |= {name: value for name, value in self._options.deal_values.items() if value is not None}
        own = {name: value for name, value in planned.items() if "." not in name}
        return plan_open_deal(
            self._planning,
            self._extensions,
            account=account_id,
            contacts=[contact_id],
            owner=self._options.owner or own.pop("owner_id", None) or decision.lead.owner_id,
            custom={name: value for name, value in planned.items() if "." in name},
            **own,
        )

    def _join_deal(self, decision: Decision, account_id: str | None, contact_id: str) -> str:
        """Let the contact take part in a deal that is there, and fill what that lacks."""
        planning, deal = self._planning, decision.deal
        mine = [p for p in decision.fields if p.target is Target.DEAL and p.action is not Action.KEEP]
        values = {p.field: p.new for p in mine}
        if account_id and deal.account_id is None:
            values["account_id"] = account_id
        if self._options.owner and deal.owner_id is None:
            values["owner_id"] = self._options.owner
        rules = {p.field: p.rule for p in mine if p.rule != "default"}
        planning.update("deal", deal.id, values, why=f"conversion of {decision.lead.label}", rules=rules)
        known = planning.get_many("link", [id_ for _, id_ in planning.lookup("link", "from_id", [deal.id])])
        if not any(
            link.kind == "contact" and link.to_id == contact_id for link in planning.schema["link"].load_many(known)
        ):
            planning.create("link", {"kind": "contact", "from_id": deal.id, "to_id": contact_id})
        return str(deal.id)

    def _plan_target(self, decision: Decision, target: Target, bond: Mapping[str, Any]) -> str:
        """Make the contact or account, or fill the one that is there."""
        planning, kind = self._planning, target.value
        mine = [p for p in decision.fields if p.target is target and p.action is not Action.KEEP]
        values = {p.field: p.new for p in mine} | dict(bond)
        existing = decision.contact if target is Target.CONTACT else decision.account
        owner = self._options.owner
        if owner and (existing is None or existing.owner_id is None):
            values["owner_id"] = owner
        if existing is None:
            return planning.create(kind, values)
        rules = {p.field: p.rule for p in mine if p.rule != "default"}
        planning.update(kind, existing.id, values, why=f"conversion of {decision.lead.label}", rules=rules)
        return str(existing.id)

    def _carry(self, lead_id: str, targets: Sequence[str]) -> dict[str, Scalar]:
        """Hand on what a lead holds for plugins that are absent now, and return what finds no place."""
        planning = self._planning
        [row] = planning.get_many("lead", [lead_id])
        left = planning.schema["lead"].carried(row)
        placed: set[str] = set()
        for target in targets if left else ():
            kind = planning.schema.type_of(target)
            [there] = planning.get_many(kind.name, [target])
            taken = kind.carried(there)
            same = {name for name in left if name in kind.position}
            planning.update_scalars(kind.name, target, {name: left[name] for name in same - taken.keys()})
            placed |= {name for name in same if taken.get(name, left[name]) == left[name]}
        return {name: value for name, value in left.items() if name not in placed}

    def _keep_addresses(self, decision: Decision) -> None:
        """Give an existing contact the addresses and numbers of the lead that differ from its own."""
        lead, contact = decision.lead, decision.contact
        for field, kind in _REACH.items():
            value = getattr(lead, field)
            if value and field in decision.unmapped:
                self._add_point(contact.id, kind, value)
        self._keep_replaced(decision)

    def _add_point(self, contact_id: str, kind: PointKind, value: Any) -> None:
        if not self._children.reach(contact_id, self._point_key(kind, value)):
            return
        self._planning.create("contact_point", {"person_id": contact_id, "kind": kind, "value": str(value)})
        self._matcher.reached_by(kind.value, str(value), contact_id)

    def _know_points(self, decision: Decision) -> None:
        """Take note of how a contact is reached and will be, so that it gets nothing twice."""
        contact = decision.contact
        taken = {p.field: p.new for p in decision.fields if p.target is Target.CONTACT and p.action is Action.OVERWRITE}
        for field, kind in _REACH.items():
            if value := taken.get(field, getattr(contact, field)):
                self._children.reach(contact.id, self._point_key(kind, value))

    def _point_key(self, kind: PointKind, value: Any) -> Scalar:
        return self._planning.schema["contact_point"].derive({"kind": kind.value, "value": str(value)})["value_key"]

    def _keep_replaced(self, decision: Decision) -> None:
        """Keep the address and numbers of a contact that a rule or a choice replaced as further ones."""
        for plan in decision.fields:
            if plan.target is Target.CONTACT and plan.action is Action.OVERWRITE and plan.field in _REACH:
                self._add_point(decision.contact.id, _REACH[plan.field], plan.old)


_REACH = {"email": PointKind.EMAIL, "phone": PointKind.PHONE, "mobile": PointKind.PHONE}


def _check_fields(planning: Planning, decision: Decision) -> None:
    unknown = [p for p in decision.fields if p.field not in planning.schema[p.target.value].attribute]
    if unknown:
        raise RejectedError(f"rule {p.rule}: a {p.target.value} has no field {p.field}" for p in unknown)
