"""Sending, first half: a template filled in for many people, and queued in one operation.

Nothing leaves here: `crmkit.services.deliver` hands the queue to a notifier. Whoever is
not written to is counted with the reason, and people = queued + skipped, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Unpack

import attrs

from crmkit.core.campaign import MemberStatus
from crmkit.core.changes import Updates
from crmkit.core.fields import Row, Scalar
from crmkit.core.message import MessageStatus
from crmkit.core.people import person_name
from crmkit.core.planning import Planning
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import All, Compare, Op, Query
from crmkit.core.records import Stored
from crmkit.core.values.email import Email
from crmkit.core.values.text import clean
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.consents import may_write, said
from crmkit.services.mail_templates import choose_language, compiled_templates
from crmkit.services.mail_values import known_values, person_values, plain_reader, sender_values, unsubscribe_link
from crmkit.services.mime import message_id
from crmkit.services.operations import How, Outcome, Request, run
from crmkit.services.resolve import id_of
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace

__all__ = ["QueueReport", "Skipped", "plan_queue_mail", "queue_mail"]


@attrs.frozen(kw_only=True)
class Skipped:
    """People who are not written to, and why.

    Attributes:
        reason: One clause.
        count: How many.
        people: The ids of the first hundred of them.
    """

    reason: str
    count: int
    people: tuple[str, ...]


@attrs.frozen(kw_only=True)
class QueueReport:
    """What was queued, and what was not.

    Attributes:
        queued: How many messages.
        skipped: Who is not written to, the most frequent reason first.
        languages: Language to number of messages.
    """

    queued: int
    skipped: tuple[Skipped, ...] = ()
    languages: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def people(self) -> int:
        """How many people were looked at."""
        return self.queued + sum(each.count for each in self.skipped)


def queue_mail(
    workspace: Workspace,
    template: str,
    *,
    campaign: str | Stored | None = None,
    people: Sequence[str | Stored] | None = None,
    purpose: str = "marketing",
    once: bool = True,
    **how: Unpack[How],
) -> Outcome[QueueReport]:
    """Queue a mail to each of many people, all in one operation.

    Members of the campaign who were only met become ``sent``: that is said when the mail
    is queued, not when it is delivered, so that an undo, which cancels what has not left,
    takes it back. A converted lead whose contact is among the people is written to there.

    Args:
        workspace: Where.
        template: The name of the template; the language is chosen for each person.
        campaign: The campaign it is about, or None.
        people: Leads and contacts, or their ids; None means all members of the campaign.
        purpose: What for; whoever withdrew the consent for it is skipped.
        once: Each address gets this template once per campaign, however often this runs.
        how: See `How`.

    Raises:
        NotFoundError: There is no such template or campaign.
        RejectedError: It is not said to whom or what for, some of them are no leads or
            contacts, or the template has errors.
        ConfigError: The configured sender or unsubscribe address cannot be used.
    """
    campaign_id = None if campaign is None else id_of(campaign)
    ids = None if people is None else [id_of(person) for person in people]

    def plan(planning: Planning) -> Mapping[str, Any]:
        return plan_queue_mail(
            planning,
            workspace.settings,
            template,
            campaign_id=campaign_id,
            people=ids,
            purpose=purpose,
            once=once,
        )

    arguments = {"template": template, "campaign": campaign_id, "people": ids, "purpose": purpose, "once": once}
    request = Request(kind="send", arguments=arguments, **how)
    return run(workspace, request, plan, _report)


def plan_queue_mail(
    planning: Planning,
    settings: Settings,
    template: str,
    *,
    campaign_id: str | None,
    people: Sequence[str] | None,
    purpose: str = "marketing",
    once: bool = True,
) -> dict[str, Any]:
    """Plan the messages of `queue_mail`, and return what the report says, as JSON values."""
    if people is None and campaign_id is None:
        raise RejectedError("it is not said to whom", hint="name a campaign, or people")
    asked = said(purpose, "purpose")  # or nobody would have withdrawn the consent for it
    queue = _Queue(planning, settings, template, campaign_id=campaign_id, purpose=asked, once=once)
    if people is None:
        queue.members = _members(planning, Compare("campaign_id", Op.EQ, campaign_id))
        people = list(queue.members)
    people = list(dict.fromkeys(people))
    queue.everybody = frozenset(people)
    for start in range(0, len(people), _BATCH):
        queue.add(people[start : start + _BATCH])
    result = queue.close()
    if len(people) != result["queued"] + sum(each["count"] for each in result["skipped"]):
        raise AssertionError("somebody was neither queued nor skipped")
    return result


_BATCH: Final = 1000
_NAMED: Final = 100


@attrs.frozen(kw_only=True)
class _Member:
    id: str
    version: int
    status: Scalar


@attrs.frozen(kw_only=True)
class _Person:
    """A lead or contact who may be written to, as far as the record tells."""

    id: str
    values: Mapping[str, object]
    address: str
    address_key: str


class _Queue:
    """Goes through the people in batches, and collects messages in columns."""

    def __init__(
        self,
        planning: Planning,
        settings: Settings,
        template: str,
        *,
        campaign_id: str | None,
        purpose: str,
        once: bool,
    ) -> None:
        self._planning = planning
        self._schema = planning.schema
        self._settings = settings
        self._template = template
        self._campaign_id = campaign_id
        self._purpose = purpose
        self._once = once
        self._compiled = compiled_templates(planning, self._schema, template)
        for compiled in self._compiled.values():
            compiled.check(known_values(self._schema))
        self._shared = {"campaign": self._campaign(), "sender": sender_values(settings.mail)}
        self._read: dict[str, Callable[[Row], dict[str, object]]] = {
            name: plain_reader(self._schema[name]) for name in ("lead", "contact", "account")
        }
        self.everybody: frozenset[str] = frozenset()
        self.members: dict[str, _Member] | None = None
        self._columns: dict[str, list[Scalar]] = {name: [] for name in _COLUMNS}
        self._sent_to: list[_Member] = []
        self._skipped: dict[str, list[str]] = {}
        self._choices: Counter[tuple[str, str]] = Counter()
        self._addresses: set[str] = set()
        self._problems: list[str] = []

    def add(self, ids: Sequence[str]) -> None:
        """Queue or skip one batch of people."""
        people = self._reachable(self._rows(ids))
        keys = [person.address_key for person in people]
        refusals = may_write(self._planning, self._schema, keys, self._purpose)
        dedupe = {key: f"{self._campaign_id or ''}|{self._template}|{key}" for key in keys}
        known = self._planning.lookup("message", "dedupe_key", list(dedupe.values())) if self._once else []
        done = {key for key, _ in known}
        accounts = self._accounts(people)
        members = self._members_among(ids)
        for person in people:
            refusal = refusals[person.address_key]
            if refusal:
                self._skip(refusal, person.id)
            elif dedupe[person.address_key] in done:
                self._skip("it is queued or sent already", person.id)
            elif person.address_key in self._addresses:
                self._skip("somebody else here has the same address", person.id)
            else:
                account = accounts.get(str(person.values.get("account_id")), {})
                if self._write(person, account, dedupe[person.address_key]) and person.id in members:
                    self._sent_to.append(members[person.id])

    def close(self) -> dict[str, Any]:
        """Hand everything to the planning, and return what the report says."""
        if self._problems:
            raise RejectedError(self._problems)
        count = len(self._columns["person_id"])
        if count:
            self._create_messages(count)
        self._mark_members()
        for (language, why), number in sorted(self._choices.items()):
            if why:
                self._planning.warn(f"{number} of {count} are written to in {language}: {why}")
        languages: Counter[str] = Counter()
        for (language, _), number in sorted(self._choices.items()):
            languages[language] += number
        skipped = sorted(self._skipped.items(), key=lambda item: (-len(item[1]), item[0]))
        return {
            "queued": count,
            "skipped": [{"reason": why, "count": len(ids), "people": ids[:_NAMED]} for why, ids in skipped],
            "languages": dict(languages),
        }

    def _rows(self, ids: Sequence[str]) -> Iterator[tuple[str, str, Row]]:
        """Yield id, record type and row of each person, in order; what is no person is a problem."""
        rows: dict[str, tuple[str, Row]] = {}
        for kind in ("lead", "contact"):
            prefix = f"{self._schema[kind].prefix}_"
            mine = [id_ for id_ in ids if id_.startswith(prefix)]
            if mine:
                place = self._schema[kind].position["id"]
                rows |= {str(row[place]): (kind, row) for row in self._planning.get_many(kind, mine)}
        for id_ in ids:
            if id_ in rows:
                yield id_, *rows[id_]
            else:
                self._problems.append(f"there is no lead or contact {id_!r}")

    def _reachable(self, rows: Iterator[tuple[str, str, Row]]) -> list[_Person]:
        """Return the people who have an address of their own; the others are skipped."""
        people = [(id_, self._read[kind](row)) for id_, kind, row in rows]
        contacts = self._contacts_of([values for _, values in people])
        reachable: list[_Person] = []
        for id_, values in people:
            email = Email.trusted(str(values.get("email") or ""))
            if values.get("deleted_at"):
                self._skip("the record is deleted", id_)
            elif values.get("conversion_id") in contacts:
                self._skip("the lead is converted, and its contact is written to", id_)
            elif not email:
                self._skip("there is no e-mail address", id_)
            else:
                reachable.append(_Person(id=id_, values=values, address=email, address_key=email.key))
        return reachable

    def _contacts_of(self, people: Sequence[Mapping[str, object]]) -> set[object]:
        """Return the conversions whose contacts are among the people too."""
        converted = [str(values["conversion_id"]) for values in people if values.get("conversion_id")]
        if not converted:
            return set()
        place = self._schema["conversion"].position
        rows = self._planning.get_many("conversion", converted)
        return {row[place["id"]] for row in rows if row[place["contact_id"]] in self.everybody}

    def _accounts(self, people: Sequence[_Person]) -> dict[str, dict[str, object]]:
        ids = {str(person.values["account_id"]) for person in people if person.values.get("account_id")}
        if not ids:
            return {}
        place = self._schema["account"].position["id"]
        read = self._read["account"]
        return {str(row[place]): read(row) for row in self._planning.get_many("account", sorted(ids))}

    def _write(self, person: _Person, account: Mapping[str, object], dedupe_key: str) -> bool:
        """Render one message; False when that cannot be done for this person."""
        values = person.values
        language, why = choose_language(self._compiled, values.get("language"), self._settings.language)
        link = unsubscribe_link(self._settings.mail, person.address_key)
        try:
            rendered = self._compiled[language].render(
                {**person_values(values, account), **self._shared, "unsubscribe_url": link}
            )
        except RejectedError as error:
            self._skip(f"the template in {language} cannot be filled in: {error}", person.id)
            return False
        own = language == values.get("language")
        self._choices[language, "" if own else why] += 1
        self._addresses.add(person.address_key)
        row: tuple[Scalar, ...] = (
            person.id,
            dedupe_key if self._once else None,
            person.address,
            person.address_key,
            clean(person_name(values.get("first_name"), values.get("last_name"))),
            rendered.subject,
            rendered.text,
            rendered.html or None,
        )
        for name, value in zip(_COLUMNS, row, strict=True):
            self._columns[name].append(value)
        return True

    def _create_messages(self, count: int) -> None:
        ids = list(self._planning.ids.take(self._schema["message"].prefix, count))
        domain = self._settings.mail.domain
        columns: dict[str, Sequence[Scalar]] = {
            **self._columns,
            "id": ids,
            "message_id": [message_id(id_, domain) for id_ in ids],
            "status": [MessageStatus.QUEUED.value] * count,
            "campaign_id": [self._campaign_id] * count,
            "template_key": [self._template] * count,
            "purpose": [self._purpose] * count,
            "next_attempt_at": [self._planning.at_text] * count,
        }
        self._planning.create_columns("message", columns, count)

    def _mark_members(self) -> None:
        met = [member for member in self._sent_to if member.status == MemberStatus.MET.value]
        if met:
            count = len(met)
            self._planning.update_columns(
                Updates(
                    type="campaign_member",
                    ids=[member.id for member in met],
                    versions=[member.version for member in met],
                    old={"status": [MemberStatus.MET.value] * count},
                    new={"status": [MemberStatus.SENT.value] * count},
                    why=f"{self._template} was queued",
                )
            )

    def _members_among(self, ids: Sequence[str]) -> dict[str, _Member]:
        if self.members is not None or self._campaign_id is None:
            return self.members or {}
        return _members(
            self._planning,
            All((Compare("campaign_id", Op.EQ, self._campaign_id), Compare("person_id", Op.IN, tuple(ids)))),
        )

    def _campaign(self) -> dict[str, object]:
        if self._campaign_id is None:
            return {}
        rows = self._planning.get_many("campaign", [self._campaign_id])
        if not rows:
            raise NotFoundError("campaign", self._campaign_id)
        return plain_reader(self._schema["campaign"])(rows[0])

    def _skip(self, reason: str, id_: str) -> None:
        self._skipped.setdefault(reason, []).append(id_)


_COLUMNS: Final = ("person_id", "dedupe_key", "address", "address_key", "to_name", "subject", "text", "html")


def _members(planning: Planning, where: Compare | All) -> dict[str, _Member]:
    """Return members by person, in the order in which they became members."""
    place = planning.schema["campaign_member"].position
    return {
        str(row[place["person_id"]]): _Member(
            id=str(row[place["id"]]), version=int(row[place["version"]] or 0), status=row[place["status"]]
        )
        for row in planning.find(Query(type="campaign_member", where=where))
    }


def _report(_view: ReadTransaction, result: Mapping[str, Any]) -> QueueReport:
    return QueueReport(
        queued=result["queued"],
        skipped=tuple(Skipped(**{**each, "people": tuple(each["people"])}) for each in result["skipped"]),
        languages=result["languages"],
    )
