"""What becomes of each row of a part: a new lead, a change of a known one, a duplicate, nothing.

Pure, as every plan: it reads through the `Planning` and collects changes in it. All rows
are decided first, one after the other, so that a row sees what earlier ones said; then
the changes are collected in columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from crmkit.core.activity import ActivityKind
from crmkit.core.changes import Updates
from crmkit.core.codecs import to_json
from crmkit.core.contact import PointKind
from crmkit.core.drafts import DraftBatch
from crmkit.core.fields import Scalar
from crmkit.core.imports import ReportedRow
from crmkit.core.operation import RowOutcome
from crmkit.core.planning import Planning
from crmkit.core.values.email import Email
from crmkit.services.importing.consents import plan_words
from crmkit.services.importing.known import Known
from crmkit.services.importing.match import Person, identities, look_up
from crmkit.services.importing.merge import merge
from crmkit.services.preparing.columns import by_value, json_texts
from crmkit.services.preparing.custom import settle_references
from crmkit.services.preparing.job import Job
from crmkit.services.preparing.normalise import LEAD_TEXTS, Rows

__all__ = ["Verdicts", "plan_part"]


@attrs.frozen(kw_only=True)
class Verdicts:
    """What becomes of the rows of a part.

    Attributes:
        outcomes: What becomes of each row.
        problems: The rows that are not simply imported.
        traces: Rows without a problem that must be remembered, without cells: those that
            change a lead, for they say where a value comes from, and those with an alias.
        aliases: Line to import key, of rows that were recognised by something else.
        met: How many rows are about somebody who was there before the import.
    """

    outcomes: Sequence[RowOutcome]
    problems: Sequence[ReportedRow]
    traces: Sequence[ReportedRow]
    aliases: Mapping[int, str]
    met: int

    def among(self, places: Sequence[int], batch: DraftBatch, known: Known) -> Verdicts:
        """Return these, which are about the rows at *places*, as verdicts on a batch whose other rows are known."""
        outcomes = [RowOutcome.UNCHANGED] * len(batch)
        for place, outcome in zip(places, self.outcomes, strict=True):
            outcomes[place] = outcome
        problems = [*self.problems]
        for i, (lead, reason) in known.repeats.items():
            outcomes[i] = RowOutcome.DUPLICATE
            cells = tuple(batch.cells[i])
            problems.append(
                ReportedRow(line=batch.lines[i], outcome=outcomes[i], reason=reason, cells=cells, record_id=lead)
            )
        problems.sort(key=lambda row: row.line)
        return attrs.evolve(self, outcomes=outcomes, problems=problems, met=self.met + len(batch) - len(places))

    def placed(self, place: Callable[[int], str] | None) -> Verdicts:
        """Return these with where each row with a problem is, when lines alone do not say it."""
        if place is None:
            return self
        told = [attrs.evolve(row, reason=f"{place(row.line)}: {row.reason}") for row in self.problems]
        return attrs.evolve(self, problems=told)


def plan_part(
    planning: Planning, rows: Rows, job: Job, aliases: Mapping[str, str], met: Mapping[str, int] | None = None
) -> Verdicts:
    """Decide about the rows of one part, and collect what changes.

    Rows that repeat a new lead of the same part are merged into its row.

    Args:
        planning: The operation.
        rows: The rows.
        job: What is asked of them.
        aliases: Import keys to records, of earlier rows that are not in the store yet.
        met: Leads to the line that is about them, of rows of this part that need no decision.
    """
    part = _Part(planning, rows, job, aliases, met or {})
    part.decide()
    part.collect()
    return part.verdicts()


class _Part:
    """A part being decided."""

    def __init__(
        self, planning: Planning, rows: Rows, job: Job, aliases: Mapping[str, str], met: Mapping[str, int]
    ) -> None:
        self._planning = planning
        self._rows = rows
        self._job = job
        settle_references(planning, planning.schema["lead"], rows.custom, rows.extra, rows.warnings)
        self._outcomes: list[RowOutcome] = [RowOutcome.CREATED] * len(rows)
        self._reasons: dict[int, list[str]] = {i: list(reasons) for i, reasons in rows.warnings.items()}
        self._changed: dict[int, str] = {}
        self._aliased: set[int] = set()
        self._met = 0
        self._met_elsewhere = met
        # Who each row is about: somebody known, or the row that makes the lead.
        self._people: dict[Hashable, Person | int] = dict(look_up(planning, rows, aliases))
        self._about: dict[int, Person | int] = {}
        self._new: list[int] = []
        self._new_ids: dict[int, str] = {}
        self._joining: dict[Person, int] = {}
        self._addresses: dict[Person, dict[str, int]] = {}
        self._notes: list[tuple[int, Person]] = []
        # The rows that others were merged into.
        self._merged: set[int] = set()

    # Deciding, row by row: nearly all are new, and leave soon.

    def decide(self) -> None:
        """Decide about all rows."""
        rows, people, about, new = self._rows, self._people, self._about, self._new
        for i, keys in enumerate(identities(rows)):
            if i in rows.ignored:
                self._say(i, RowOutcome.IGNORED, rows.ignored[i])
                continue
            if i in rows.flaws:
                self._reasons.pop(i, None)  # a row that is not imported needs no warnings
                self._say(i, RowOutcome.REJECTED, *rows.flaws[i])
                continue
            shared = next(filter(people.__contains__, keys), None)
            if shared is None:
                about[i] = i
                new.append(i)
                for key in keys:
                    if key is not None:
                        people[key] = i
                continue
            person = about[i] = people[shared]
            self._meet(i, person, again=shared == rows.import_keys[i])
            for key in keys:
                if key is not None:
                    people.setdefault(key, person)

    def _meet(self, i: int, person: Person | int, *, again: bool) -> None:
        """Decide about a row of somebody who is known; *again* when this very row was imported before."""
        if not again:
            self._aliased.add(i)
        if isinstance(person, int):
            self._repeat(i, person)
            return
        self._met += person.before["operation_id"] != self._planning.operation_id
        if person.is_gone:
            self._say(i, RowOutcome.IGNORED, f"{person.label} was deleted")
        elif person.kind == "contact" or person.is_converted:
            self._meet_contact(i, person, again=again)
        else:
            self._meet_lead(i, person, again=again)

    def _repeat(self, i: int, first: int) -> None:
        """Merge a row into the one that makes the lead."""
        rows = self._rows
        self._say(i, RowOutcome.DUPLICATE, f"repeats line {rows.lines[first]}")
        if self._job.policy == "skip":
            return
        new = self._values(i)
        more = self._further_addresses(i, new, rows.texts["email"][first])
        known = {Email.trusted(address).key for address in rows.others[first]}
        rows.others[first] += tuple(address for address in more if Email.trusted(address).key not in known)
        changes, kept = merge(self._values(first), new, overwrite=False, join_notes=True)
        if changes:
            self._merged.add(first)
        for name, value in changes.items():
            if name == "tags":
                rows.tags[first] = value
            elif name == "extra":
                rows.extra[first] = value
            elif name in rows.custom:
                rows.custom[name][first] = value
            else:
                rows.texts[name][first] = value
        self._reasons[i] += kept

    def _meet_lead(self, i: int, lead: Person, *, again: bool) -> None:
        rows, job = self._rows, self._job
        operation = self._planning.operation_id
        repeated = operation == lead.before["operation_id"] or self._planning.at_text == lead.before["updated_at"]
        elsewhere = self._met_elsewhere.get(lead.id)
        if lead.met_on is None and elsewhere is not None and elsewhere < rows.lines[i]:
            lead.met_on = elsewhere
        if lead.met_on is not None:
            self._say(i, RowOutcome.DUPLICATE, f"repeats line {lead.met_on}")
        elif repeated:
            self._say(i, RowOutcome.DUPLICATE, f"repeats an earlier row about {lead.label}")
        else:
            self._outcomes[i] = RowOutcome.UNCHANGED
        repeated = repeated or lead.met_on is not None
        lead.met_on = lead.met_on or rows.lines[i]
        if job.policy == "skip":
            return
        new = self._values(i)
        # The first row of a file is right, so that its order alone decides, however often it is imported.
        overwrite = job.policy == "update" and not repeated
        for address in self._further_addresses(i, new, lead["email"], overwrite=overwrite):
            self._addresses.setdefault(lead, {}).setdefault(address, i)
        new |= {"campaign_id": job.campaign_id} if job.campaign_id else {}
        new |= {"owner_id": job.owner_id} if job.owner_id else {}
        changes, kept = merge(_lead_values(lead, new), new, overwrite=overwrite, join_notes=repeated or not again)
        if kept:
            self._reasons.setdefault(i, []).extend(kept)
        if changes:
            lead.changes |= {name: _scalar(value) for name, value in changes.items()}
            self._mark_changed(i, *changes)
        if job.campaign_id:
            self._joining.setdefault(lead, i)

    def _meet_contact(self, i: int, contact: Person, *, again: bool) -> None:
        became = "was converted already" if contact.is_converted else f"is already the contact {contact.label}"
        self._say(i, RowOutcome.DUPLICATE, became)
        if self._job.campaign_id:
            self._joining.setdefault(contact, i)
        if not again and not contact.is_converted:
            self._notes.append((i, contact))

    def _values(self, i: int) -> dict[str, Any]:
        rows = self._rows
        values: dict[str, Any] = {name: column[i] for name, column in rows.texts.items() if column[i] is not None}
        if rows.tags[i]:
            values["tags"] = rows.tags[i]
        values |= {name: column[i] for name, column in rows.custom.items() if column[i] is not None}
        if rows.extra[i]:
            values["extra"] = rows.extra[i]
        return values

    def _further_addresses(self, i: int, new: dict[str, Any], main: object, *, overwrite: bool = False) -> list[str]:
        """Return the addresses of row *i* that will not be the main one.

        The main address that is there stays, unless it is overwritten; then that of the
        row is a further one, and is taken out of its *new* values.
        """
        addresses = list(self._rows.others[i])
        if main and "email" in new and not overwrite:
            addresses.insert(0, new.pop("email"))
        main_key = Email.trusted(str(new.get("email") or main or "")).key
        return [address for address in addresses if Email.trusted(address).key != main_key]

    def _say(self, i: int, outcome: RowOutcome, *reasons: str) -> None:
        self._outcomes[i] = outcome
        self._reasons[i] = [*reasons, *self._reasons.get(i, ())]

    def _mark_changed(self, i: int, *fields: str) -> None:
        if self._outcomes[i] is RowOutcome.UNCHANGED:
            self._outcomes[i] = RowOutcome.UPDATED
        told = self._changed.get(i)
        self._changed[i] = ", ".join(filter(None, (told, *fields)))

    # Collecting, in columns. Look-ups of a type come before its changes, or these would be taken apart again.

    def collect(self) -> None:
        """Collect what changes."""
        self._join_known()
        self._add_points()
        self._write_notes()
        self._record_consents()
        self._update_leads()
        self._create_leads()

    def _create_leads(self) -> None:
        new, rows, job = self._new, self._rows, self._job
        if not new:
            return
        columns: dict[str, Sequence[Scalar]] = {}
        for name in LEAD_TEXTS:
            column = rows.texts[name]
            if any(column):
                columns[name] = [column[i] for i in new]
        defaults = self._planning.schema["lead"].defaults()
        for name, values in rows.custom.items():
            default = defaults.get(name)
            columns[name] = [default if values[i] is None else values[i] for i in new]
        columns["tags"] = by_value(lambda tags: to_json(tags) if tags else None, [rows.tags[i] for i in new])
        columns["extra"] = json_texts([rows.extra[i] for i in new])
        columns["import_key"] = [rows.import_keys[i] for i in new]
        columns["source_row"] = [rows.lines[i] for i in new]
        columns["campaign_id"] = [job.campaign_id] * len(new)
        columns["owner_id"] = [job.owner_id] * len(new)
        ids = self._planning.create_columns("lead", columns, len(new), derived=self._derived(columns))
        self._new_ids = dict(zip(new, ids, strict=True))
        if job.campaign_id:
            self._create("campaign_member", [(id_, i) for i, id_ in self._new_ids.items()], self._member)
        points = [(id_, i, address) for i, id_ in self._new_ids.items() for address in rows.others[i]]
        self._create("contact_point", points, _point)

    def _derived(self, columns: Mapping[str, Sequence[Scalar]]) -> Mapping[str, Sequence[Scalar]]:
        """Return the derived fields of the new leads: of a row that others were merged into they are others by now."""
        derived = {name: [values[i] for i in self._new] for name, values in self._rows.derived.items()}
        places = [place for place, i in enumerate(self._new) if i in self._merged]
        whole = {name: [values[place] for place in places] for name, values in columns.items()}
        for name, values in self._planning.schema["lead"].derive_columns(whole, len(places)).items():
            for place, value in zip(places, values, strict=True):
                derived[name][place] = value
        return derived

    def _update_leads(self) -> None:
        """Collect the changes of known leads: one block for all that change in the same fields."""
        kind = self._planning.schema["lead"]
        blocks: dict[tuple[str, ...], list[tuple[Person, Mapping[str, Scalar]]]] = {}
        for lead in dict.fromkeys(person for person in self._about.values() if isinstance(person, Person)):
            changes = {name: value for name, value in lead.changes.items() if value != lead.before[name]}
            if changes:
                whole = {**lead.before, **changes}
                changes |= kind.derive(whole, changed=tuple(changes))
                blocks.setdefault(tuple(sorted(changes)), []).append((lead, changes))
        for fields, changed in blocks.items():
            self._planning.update_columns(
                Updates(
                    type="lead",
                    ids=[lead.id for lead, _ in changed],
                    versions=[int(lead.before["version"] or 0) for lead, _ in changed],
                    old={name: [lead.before[name] for lead, _ in changed] for name in fields},
                    new={name: [changes[name] for _, changes in changed] for name in fields},
                    why=f"imported from {self._job.source_name}",
                )
            )

    def _join_known(self) -> None:
        """Make those members of the campaign who are not yet."""
        planning = self._planning
        if not self._joining:
            return
        found = planning.lookup("campaign_member", "person_id", [person.id for person in self._joining])
        place = planning.schema["campaign_member"].position
        there = {
            row[place["person_id"]]
            for row in planning.get_many("campaign_member", [id_ for _, id_ in found])
            if row[place["campaign_id"]] == self._job.campaign_id
        }
        members = [(person.id, i) for person, i in self._joining.items() if person.id not in there]
        self._create("campaign_member", members, self._member)
        for _, i in members:
            self._mark_changed(i, "campaign")

    def _add_points(self) -> None:
        planning = self._planning
        if not self._addresses:
            return
        found = planning.lookup("contact_point", "person_id", [lead.id for lead in self._addresses])
        place = planning.schema["contact_point"].position
        there = {
            (row[place["person_id"]], row[place["value_key"]])
            for row in planning.get_many("contact_point", [id_ for _, id_ in found])
        }
        points = []
        for lead, addresses in self._addresses.items():
            there.add((lead.id, lead["email"] and Email.trusted(str(lead["email"])).key))
            for address, i in addresses.items():
                key = (lead.id, Email.trusted(address).key)
                if key not in there:
                    there.add(key)
                    points.append((lead.id, i, address))
                    self._mark_changed(i, "further address")
        self._create("contact_point", points, _point)

    def _write_notes(self) -> None:
        """Note on each contact what the rows about it say, once."""
        planning = self._planning
        if not self._notes:
            return
        contacts = [contact.id for _, contact in self._notes]
        link, activity = planning.schema["link"].position, planning.schema["activity"].position
        bonds = planning.get_many("link", [id_ for _, id_ in planning.lookup("link", "to_id", contacts)])
        about = {row[link["from_id"]]: row[link["to_id"]] for row in bonds if row[link["kind"]] == "about"}
        noted = planning.get_many("activity", [str(id_) for id_ in about])
        there = {(about[row[activity["id"]]], row[activity["body"]]) for row in noted}
        notes = []
        for i, contact in self._notes:
            body = "\n".join(f"{name}: {_told(value)}" for name, value in self._values(i).items())
            if (contact.id, body) not in there:
                there.add((contact.id, body))
                notes.append((contact.id, i, body))
        if not notes:
            return
        columns: dict[str, Sequence[Scalar]] = {
            "kind": [ActivityKind.NOTE.value] * len(notes),
            "subject": [f"Met again: {self._job.source_name}"] * len(notes),
            "body": [body for _, _, body in notes],
            "happened_at": [planning.at_text] * len(notes),
            "source_row": [self._rows.lines[i] for _, i, _ in notes],
        }
        ids = planning.create_columns("activity", columns, len(notes))
        links = {"kind": ["about"] * len(ids), "from_id": ids, "to_id": [contact for contact, _, _ in notes]}
        planning.create_columns("link", links, len(ids))

    def _record_consents(self) -> None:
        rows = self._rows
        objecting: dict[str, int] = {}
        refusing: dict[str, int] = {}
        agreeing: dict[str, int] = {}
        for i, (opt_out, consent) in enumerate(zip(rows.opt_out, rows.consent, strict=True)):
            if not (opt_out or consent is not None) or i not in self._about or rows.email_keys[i] is None:
                continue
            addresses = (str(rows.email_keys[i]), *(Email.trusted(other).key for other in rows.others[i]))
            if consent and not opt_out:
                agreeing.setdefault(addresses[0], i)  # only for the main address
                continue
            for address in addresses:
                (objecting if opt_out else refusing).setdefault(address, i)
        told = plan_words(
            self._planning,
            objecting={address: rows.lines[i] for address, i in objecting.items()},
            refusing={address: rows.lines[i] for address, i in refusing.items()},
            agreeing={address: rows.lines[i] for address, i in agreeing.items()},
            origin=self._job.source_name,
        )
        said = {**agreeing, **refusing, **objecting}
        for i in sorted({said[address] for address in told}):
            self._mark_changed(i, "consent")

    def _member(self, person_id: str, _i: int) -> dict[str, Scalar]:
        return {"campaign_id": self._job.campaign_id, "person_id": person_id}

    def _create(self, kind: str, records: Sequence[tuple[Any, ...]], scalars: Any) -> None:
        """Collect small records, each given as a tuple whose second entry is the row it comes from."""
        if not records:
            return
        columns: dict[str, list[Scalar]] = {"source_row": [self._rows.lines[record[1]] for record in records]}
        for record in records:
            for name, value in scalars(*record).items():
                columns.setdefault(name, []).append(value)
        self._planning.create_columns(kind, columns, len(records))

    # Telling.

    def verdicts(self) -> Verdicts:
        """Return what became of the rows."""
        rows = self._rows
        problems = [
            ReportedRow(
                line=rows.lines[i],
                outcome=self._outcomes[i],
                reason="; ".join(dict.fromkeys([*reasons, *self._told_changes(i)])),
                cells=tuple(rows.cells[i]),
                record_id=self._record_id(i),
            )
            for i, reasons in sorted(self._reasons.items())
            if reasons
        ]
        traces = [
            ReportedRow(
                line=rows.lines[i],
                outcome=self._outcomes[i],
                reason="; ".join(self._told_changes(i)) or "says nothing new",
                record_id=self._record_id(i),
            )
            for i in sorted({*self._changed, *self._aliased})
            if not self._reasons.get(i) and self._outcomes[i] is not RowOutcome.CREATED
        ]
        aliases = {rows.lines[i]: rows.import_keys[i] for i in self._aliased}
        return Verdicts(outcomes=self._outcomes, problems=problems, traces=traces, aliases=aliases, met=self._met)

    def _told_changes(self, i: int) -> list[str]:
        if i not in self._changed or self._outcomes[i] is RowOutcome.CREATED:
            return []
        return [f"changes {self._changed[i]}"]

    def _record_id(self, i: int) -> str | None:
        person = self._about.get(i)
        return self._new_ids.get(person) if isinstance(person, int) else person.id if person else None


def _point(person_id: str, _i: int, address: str) -> dict[str, Scalar]:
    return {"person_id": person_id, "kind": PointKind.EMAIL.value, "value": address}


def _lead_values(lead: Person, wanted: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: lead[name] for name in wanted}
    for name in ("tags", "extra"):
        if values.get(name):
            values[name] = json.loads(values[name])
    if values.get("tags"):
        values["tags"] = tuple(values["tags"])
    return values


def _scalar(value: Any) -> Scalar:
    return value if isinstance(value, (str, int)) else to_json(value)


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return "; ".join(f"{key}: {text}" for key, text in value.items()) if isinstance(value, dict) else str(value)
