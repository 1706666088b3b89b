"""Duplicates: groups of records that seem to be one, with what speaks for it.

Records meet by keys: an e-mail address (further ones too), the id of the source, a phone
number together with the name; a company by its domain or legal name. The store counts how
often each key occurs, and only those that occur more than once are looked at, so nothing
is compared pair by pair. Whoever meets one of a group belongs to the group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.fields import Scalar
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Aggregate, All, Compare, Condition, Op, Query
from crmkit.core.schema import Schema
from crmkit.core.strength import Strength
from crmkit.core.values.company import is_free_mail
from crmkit.errors import RejectedError
from crmkit.services.collections import Collection
from crmkit.services.workspace import Workspace

__all__ = ["DuplicateGroup", "Strength", "find_duplicates"]


@attrs.frozen(kw_only=True)
class DuplicateGroup:
    """Records that seem to be one.

    Attributes:
        kind: The record type.
        members: The records, the fullest first, and of those the oldest.
        contacts: Of leads: the contacts they seem to be already; convert them into these.
        evidence: What they have in common, such as ``e-mail jules@hospy.fr``.
        strength: How surely they are one: as surely as the least sure of them is.
    """

    kind: str
    members: tuple[Any, ...]
    contacts: tuple[Any, ...] = ()
    evidence: tuple[str, ...]
    strength: Strength


def find_duplicates(
    workspace: Workspace, kind: str, *, where: Condition | str | None = None, limit: int | None = None
) -> list[DuplicateGroup]:
    """Return groups of records that seem to be one, the surest first.

    Args:
        workspace: Where.
        kind: ``lead``, ``contact``, ``account`` or ``deal``, or its plural. Leads are also held
            against contacts; converted ones are none any more.
        where: Only groups with a record that fulfils this, given as for a collection.
        limit: At most so many.

    Raises:
        RejectedError: Duplicates of that type are not looked for.
    """
    name = workspace.schema.named(kind).name
    if name not in _FINDERS:
        raise RejectedError(f"duplicates are found among {', '.join(_FINDERS)}, not among {kind}")
    with workspace.reading() as view:
        finder = _Finder(view, workspace.schema, name)
        _FINDERS[name](finder)
        groups = list(finder.groups())
    if where is not None:
        fulfilling = _fulfilling(workspace, name, [m.id for group in groups for m in group.members], where)
        groups = [group for group in groups if any(m.id in fulfilling for m in group.members)]
    order = list(Strength)
    groups.sort(key=lambda group: (order.index(group.strength), group.members[0].id))
    return groups if limit is None else groups[:limit]


_BATCH = 1000
_PEOPLE: Mapping[str, tuple[str, ...]] = {"lead": ("lead", "contact"), "contact": ("contact",)}


class _Finder:
    """Collects what records have in common, and then makes groups of it."""

    def __init__(self, view: ReadTransaction, schema: Schema, kind: str) -> None:
        self._view = view
        self._schema = schema
        self._kind = kind
        self._kinds = _PEOPLE.get(kind, (kind,))
        self._rows: dict[str, Mapping[str, Scalar]] = {}
        self._seen: set[str] = set()
        self._bonds: list[tuple[Strength, str, list[str]]] = []

    # ------------------------------------------------------------- what they share

    def people(self) -> None:
        """Let people meet by address, source id, and number with name."""
        for key, ids in self._sharing(("email_key",), points=True):
            self._meet_unless_other(f"e-mail {key}", ids, "name_key", agreed=Strength.STRONG)
        for _key, ids in self._sharing(("import_key",)):
            source = self._rows[ids[0]]["source_id"] or "of the import"
            self._bonds.append((Strength.STRONG, f"source id {source}", ids))
        for key, ids in self._sharing(("phone", "mobile"), points=True):
            for name, some in self._parted(ids, "name_key").items():
                if name is not None:
                    self._bonds.append((Strength.LIKELY, f"phone {key} and name", some))

    def accounts(self) -> None:
        """Let companies meet by domain and by legal name."""
        for key, ids in self._sharing(("domain",)):
            if is_free_mail(str(key)):
                continue
            self._bonds.append((Strength.LIKELY, f"domain {key}", ids))
            for name, some in self._parted(ids, "company_key").items():
                if name is not None:
                    self._bonds.append((Strength.STRONG, f"domain {key} and name", some))
        for key, ids in self._sharing(("company_key",)):
            self._meet_unless_other(f"name {key}", ids, "domain", agreed=Strength.LIKELY)

    def deals(self) -> None:
        """Let open deals meet that have one account and one name."""
        is_open = Compare("closed_at", Op.EQ, None)
        where = All((is_open, Compare("account_id", Op.NE, None)))
        question = Aggregate(type="deal", where=where, group_by=("account_id", "name"))
        for account, name, count in self._view.aggregate(question):
            if int(count or 0) > 1:
                same = All((is_open, Compare("account_id", Op.EQ, account), Compare("name", Op.EQ, name)))
                rows = self._view.find(Query(type="deal", where=same))
                place = self._schema["deal"].position["id"]
                ids = self._present([str(row[place]) for row in rows])
                self._bonds.append((Strength.LIKELY, f"account and name {name}", ids))

    def _meet_unless_other(self, evidence: str, ids: list[str], field: str, *, agreed: Strength) -> None:
        """Let records meet by a key, but only weakly those that differ in a field."""
        parted = self._parted(ids, field)
        parted.pop(None, None)
        if len(parted) <= 1:
            self._bonds.append((agreed, evidence, ids))
            return
        for some in parted.values():
            self._bonds.append((agreed, evidence, some))
        words = field.removesuffix("_key").replace("_", " ")
        self._bonds.append((Strength.WEAK, f"{evidence}, but another {words}", ids))

    def _parted(self, ids: Iterable[str], field: str) -> dict[Scalar, list[str]]:
        parts: dict[Scalar, list[str]] = {}
        for id_ in ids:
            parts.setdefault(self._rows[id_][field], []).append(id_)
        return parts

    # ------------------------------------------------------------------- look-ups

    def _sharing(self, fields: Sequence[str], *, points: bool = False) -> Iterator[tuple[Scalar, list[str]]]:
        """Go through the values of fields that several records have, with these records."""
        places = [(kind, field) for kind in self._kinds for field in fields]
        places += [("contact_point", "value_key")] if points else []
        counts: Counter[Scalar] = Counter()
        for kind, field in places:
            question = Aggregate(type=kind, where=Compare(field, Op.NE, None), group_by=(field,))
            for key, count in self._view.aggregate(question):
                counts[key] += int(count or 0)
        several = sorted((key for key, count in counts.items() if count > 1), key=str)
        for start in range(0, len(several), _BATCH):
            having: dict[Scalar, list[str]] = {}
            for kind, field in places:
                pairs = self._view.lookup(kind, field, several[start : start + _BATCH])
                for key, id_ in self._persons(pairs) if kind == "contact_point" else pairs:
                    having.setdefault(key, []).append(id_)
            self._load({id_ for ids in having.values() for id_ in ids})
            for key, ids in having.items():
                present = self._present(ids)
                if len(present) > 1:
                    yield key, present

    def _persons(self, pairs: Sequence[tuple[Scalar, str]]) -> list[tuple[Scalar, str]]:
        """Return whose further addresses and numbers these are."""
        kind = self._schema["contact_point"]
        place, id_place = kind.position["person_id"], kind.position["id"]
        rows = self._view.get_many("contact_point", [id_ for _, id_ in pairs])
        owner = {str(row[id_place]): str(row[place]) for row in rows}
        return [(key, owner[id_]) for key, id_ in pairs]

    def _present(self, ids: Sequence[str]) -> list[str]:
        """Return those that count: alive, of the right type, and no converted leads."""
        self._load(ids)
        return [id_ for id_ in dict.fromkeys(ids) if id_ in self._rows]

    def _load(self, ids: Iterable[str]) -> None:
        missing: dict[str, list[str]] = {}
        for id_ in sorted(set(ids) - self._seen):
            missing.setdefault(self._schema.type_of(id_).name, []).append(id_)
            self._seen.add(id_)
        for name in missing.keys() & set(self._kinds):
            kind = self._schema[name]
            for row in self._view.get_many(name, missing[name]):
                values = dict(zip(kind.field_names, row, strict=True))
                if values["deleted_at"] is None and values.get("conversion_id") is None:
                    self._rows[str(values["id"])] = values

    # --------------------------------------------------------------------- groups

    def groups(self) -> Iterator[DuplicateGroup]:
        """Make the groups: whoever meets one of a group belongs to it, but for weak evidence."""
        sure = [bond for bond in self._bonds if bond[0] is not Strength.WEAK and len(bond[2]) > 1]
        above = _united(ids for _, _, ids in sure)
        bonds: dict[str, list[tuple[Strength, str, list[str]]]] = {}
        for bond in sure:
            bonds.setdefault(above(bond[2][0]), []).append(bond)
        for some in bonds.values():
            yield from self._group(some)
        for bond in self._bonds:
            if bond[0] is Strength.WEAK and len({above(id_) for id_ in bond[2]}) > 1:
                yield from self._group([bond])

    def _group(self, bonds: Sequence[tuple[Strength, str, list[str]]]) -> Iterator[DuplicateGroup]:
        order = list(Strength)
        best: dict[str, int] = {}
        for strength, _, ids in bonds:
            for id_ in ids:
                best[id_] = min(best.get(id_, len(order)), order.index(strength))
        records = [self._schema.type_of(id_).load(tuple(self._rows[id_].values())) for id_ in best]
        records.sort(key=lambda record: (-self._fullness(record), record.created_at, record.id))
        members = tuple(r for r in records if self._schema.type_of(r.id).name == self._kind)
        if members:
            yield DuplicateGroup(
                kind=self._kind,
                members=members,
                contacts=tuple(r for r in records if r not in members),
                evidence=tuple(dict.fromkeys(text for _, text, _ in sorted(bonds, key=lambda b: order.index(b[0])))),
                strength=order[max(best.values())],
            )

    def _fullness(self, record: Any) -> int:
        return sum(value not in (None, "", "[]", "{}") for value in self._rows[record.id].values())


def _fulfilling(workspace: Workspace, kind: str, ids: Sequence[str], where: Condition | str) -> set[str]:
    """Return those of some records that fulfil a condition."""
    collection: Collection[Any] = Collection(workspace, kind)
    batches = (tuple(ids[start : start + _BATCH]) for start in range(0, len(ids), _BATCH))
    return {record.id for batch in batches for record in collection.where(where, Compare("id", Op.IN, batch))}


_FINDERS: Mapping[str, Callable[[_Finder], None]] = {
    "lead": _Finder.people,
    "contact": _Finder.people,
    "account": _Finder.accounts,
    "deal": _Finder.deals,
}


def _united(sets: Iterable[Sequence[str]]) -> Callable[[str], str]:
    """Unite what overlaps; return a function from a member to the one that stands for all (union-find)."""
    above: dict[str, str] = {}

    def find(id_: str) -> str:
        root = id_
        while (up := above.get(root, root)) != root:
            root = up
        while (up := above.get(id_, id_)) != root:
            above[id_], id_ = root, up
        return root

    for ids in sets:
        for id_ in ids[1:]:
            first, second = find(ids[0]), find(id_)
            if first != second:
                above[second] = first
    return find
