"""The usual case of a conversion, in columns: nobody is here yet, so the lead becomes a new contact.

What this decides is what `Decider` decides and `ConversionWriter` plans where no rule, no
choice and no known contact has a say; a test holds the two together. A lead that is not
that simple is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from crmkit.core.changes import Updates
from crmkit.core.column_mapping import NEW_ACCOUNT, ColumnMapping, Shape
from crmkit.core.columns import Repeated, shared
from crmkit.core.fields import Row, Scalar
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.matching import Matcher
from crmkit.core.people import person_name
from crmkit.core.planning import Planning
from crmkit.services.converting.children import Children
from crmkit.services.converting.options import ConversionOptions

__all__ = ["StraightWriter"]


class StraightWriter:
    """Decides and plans the usual conversions of one batch.

    Args:
        planning: The operation.
        options: What the person who converts decides.
        children: What hangs on the leads.
        matcher: Knows who is here already.
        mapping: The default mapping.

    Attributes:
        conversions: The conversions that were planned, in columns and in order.
    """

    def __init__(
        self,
        planning: Planning,
        options: ConversionOptions,
        children: Children,
        matcher: Matcher,
        mapping: ColumnMapping,
    ) -> None:
        self.conversions: list[Mapping[str, Sequence[Scalar]]] = []
        self._planning = planning
        self._options = options
        self._children = children
        self._matcher = matcher
        self._mapping = mapping
        self._lead = planning.schema["lead"]
        self._accounts: dict[str, tuple[Any, Sequence[tuple[int, Scalar]]]] = {}
        self._collected: list[tuple[Any, ...]] = []
        self._awaited: set[str] = set()
        place = self._lead.position
        self._head: Any = itemgetter(*(place[name] for name in _HEAD))
        self._reach: Any = itemgetter(*(place[name] for name in _REACH))
        self._keys: Any = itemgetter(*(place[name] for name in _KEYS))
        self._carries = any(field.carried for field in self._lead.fields)

    @staticmethod
    def serves(options: ConversionOptions) -> bool:
        """Whether leads can be converted in columns with these options."""
        return options == ConversionOptions(owner=options.owner, with_account=options.with_account)

    def convert(self, row: Row, domain: str | None, legal: str | None) -> bool:
        """Plan the conversion of a lead; False when it is none of the usual ones, and nothing is planned.

        Args:
            row: The lead.
            domain: The domain of its company, or None.
            legal: The key of its company's legal name, or None.
        """
        lead_id, version, status, conversion_id, deleted_at, company, campaign_id = self._head(row)
        keys = self._keys(row)
        if (
            status in _NOT_OPEN
            or conversion_id is not None
            or deleted_at is not None
            or not any(self._reach(row))
            or (self._carries and self._lead.carried(row))
            or lead_id in self._children.addresses
            or self._matcher.knows_person(keys)
        ):
            return False
        asked = self._options.with_account
        accounts = self._matcher.account_ids(domain, legal) if asked is not False else ()
        values = self._mapping.values(row)
        if len(accounts) > 1 or not self._mapping.is_plain(values, joins_account=bool(accounts)):
            return False
        if accounts:
            account_id, created = accounts[0], _CONTACT_ALONE
            shape = self._join_account(row, values, domain, account_id)
        elif company and asked is not False:
            shape, account_id = self._make_account(row, values, domain)
            created = _BOTH
        elif asked:
            return False
        else:
            account_id, created = None, _CONTACT_ALONE
            shape = self._mapping.shape(values, None, None)
        contact_id = self._planning.ids.next("contact")
        self._awaited.add(contact_id)
        self._matcher.made_for(keys, contact_id)
        self._plan_children(lead_id, contact_id, account_id)
        is_member = campaign_id is not None and self._children.is_member(lead_id, campaign_id)
        unmapped = self._mapping.unmapped_text(shape, row, is_member=is_member)
        fixed = (lead_id, version, conversion_id, status, contact_id, account_id, created, unmapped, shape.decided)
        self._collected.append(fixed + self._mapping.contact_values(row))
        return True

    def awaits(self, lead: Lead) -> bool:
        """Whether a contact that was only collected so far may be the one of a lead."""
        return not self._awaited.isdisjoint(self._matcher.contact_ids(lead))

    def flush(self) -> None:
        """Plan all that was collected, so that it can be read."""
        if not self._collected:
            return
        planning, count = self._planning, len(self._collected)
        leads, versions, before, statuses, contacts, accounts, created, unmapped, decided, *values = map(
            list, zip(*self._collected, strict=True)
        )
        columns = {
            "id": contacts,
            "account_id": accounts,
            **dict(zip(self._mapping.contact_fields, values, strict=True)),
        }
        if self._options.owner:
            columns["owner_id"] = [self._options.owner] * count
        if count >= _MANY:
            columns = {name: shared(column) for name, column in columns.items() if column.count(None) < count}
        planning.create_columns("contact", columns, count)
        made: dict[str, Sequence[Scalar]] = {
            "lead_id": leads,
            "contact_id": contacts,
            "account_id": accounts,
            "created": created,
            "unmapped": unmapped,
            "decided": decided,
            "status_before": shared(statuses),
        }
        conversions = planning.create_columns("conversion", made, count)
        system = {
            name: Repeated(value, count) for name, value in planning.system_scalars().items() if value is not None
        }
        self.conversions.append({**made, "id": conversions, **system})
        joined = [(account, lead) for account, lead in zip(accounts, leads, strict=True) if account is not None]
        origins: dict[str, Sequence[Scalar]] = {
            "kind": Repeated("origin", count + len(joined)),
            "from_id": [*contacts, *(account for account, _ in joined)],
            "to_id": [*leads, *(lead for _, lead in joined)],
        }
        planning.create_columns("link", origins, count + len(joined))
        planning.update_columns(
            Updates(
                type="lead",
                ids=leads,
                versions=versions,
                old={"status": made["status_before"], "conversion_id": before},
                new={"status": Repeated(LeadStatus.CONVERTED.value, count), "conversion_id": conversions},
                why="converted",
            )
        )
        self._collected = []
        self._awaited.clear()

    def _plan_children(self, lead_id: str, contact_id: str, account_id: str | None) -> None:
        targets = [contact_id] if account_id is None else [contact_id, account_id]
        self._children.bind(lead_id, targets, contact_id)
        for kind, value in self._children.points(lead_id):
            self._matcher.reached_by(kind, value, contact_id)

    def _make_account(self, row: Row, values: Sequence[Scalar], domain: str | None) -> tuple[Shape, str]:
        shape = self._mapping.shape(values, NEW_ACCOUNT, self._domain_source(row) if domain else None)
        made = {"domain": domain, **{field: values[i] for field, i in shape.fills}}
        if self._options.owner:
            made["owner_id"] = self._options.owner
        type_ = self._planning.schema["account"]
        account_id = self._planning.create_scalars("account", {**type_.defaults(), **made})
        self._matcher.made("account", account_id)
        return shape, account_id

    def _join_account(self, row: Row, values: Sequence[Scalar], domain: str | None, account_id: str) -> Shape:
        """Fill what a known account lacks."""
        account, places = self._account(account_id)
        takes_domain = domain is not None and account.domain is None
        shape = self._mapping.shape(values, places, self._domain_source(row) if takes_domain else None)
        takes_owner = self._options.owner is not None and account.owner_id is None
        if shape.fills or takes_domain or takes_owner:
            fills: dict[str, Scalar] = {field: values[i] for field, i in shape.fills}
            fills |= {"domain": domain} if takes_domain else {}
            fills |= {"owner_id": self._options.owner} if takes_owner else {}
            first, last, *others = self._reach(row)
            label = person_name(first, last) or next(filter(None, others))
            self._planning.update_scalars("account", account_id, fills, why=f"conversion of {label}")
            self._matcher.made("account", account_id)
        return shape

    def _domain_source(self, row: Row) -> str:
        return "website" if row[self._lead.position["website"]] else "email"

    def _account(self, account_id: str) -> tuple[Any, Sequence[tuple[int, Scalar]]]:
        """Return a known account, and what it holds."""
        account = self._matcher.account(account_id)
        known = self._accounts.get(account_id)
        if known is None or known[0] is not account:
            kind = self._planning.schema["account"]
            scalars = kind.encode(kind.values_of(account))
            known = self._accounts[account_id] = account, self._mapping.account_places(scalars)
        return known


_MANY = 16
"""From how many contacts on columns that hold nothing are left out; few are written by the same statement each time."""

_HEAD = ("id", "version", "status", "conversion_id", "deleted_at", "company", "campaign_id")
_REACH = ("first_name", "last_name", "email", "phone", "mobile")
_KEYS = ("email_key", "import_key", "phone", "mobile", "name_key")
_NOT_OPEN = frozenset({LeadStatus.CONVERTED.value, LeadStatus.DISQUALIFIED.value})
_CONTACT_ALONE, _BOTH = '["contact"]', '["account","contact"]'
