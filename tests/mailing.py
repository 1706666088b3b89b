"""What the tests of sending share: people to write to, and notifiers that remember."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from crmkit.core.message import Delivery, Message
from crmkit.core.planning import Planning
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.notifiers import Notifier, OutgoingMail, Receipt
from crmkit.core.ports.plugins import NoExtensions
from crmkit.core.query import Query
from crmkit.core.values.email import Email
from crmkit.services.mail_templates import plan_default_templates
from crmkit.services.operations import Request, run
from crmkit.services.workspace import Workspace

Answer = Callable[[OutgoingMail], Receipt]


class HandClock:
    """A clock that stands still until somebody moves it on."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_(self, **time: float) -> None:
        self.moment += timedelta(**time)


def accepted(mail: OutgoingMail) -> Receipt:
    return Receipt(record_id=mail.record_id, sent=True, detail=f"to {mail.to}")


def refused(mail: OutgoingMail) -> Receipt:
    return Receipt(record_id=mail.record_id, sent=False, detail="mailbox full")


@attrs.define
class Postman:
    """A notifier that remembers what it was given, and answers as it is told."""

    answer: Answer = accepted
    name: str = "postman"
    summary: str = "remembers"
    batches: list[list[OutgoingMail]] = attrs.field(factory=list)

    @property
    def mails(self) -> list[OutgoingMail]:
        return list(itertools.chain.from_iterable(self.batches))

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        self.batches.append(list(mails))
        return [self.answer(mail) for mail in mails]


class WithNotifiers(NoExtensions):
    """Extensions that are nothing but notifiers."""

    def __init__(self, *notifiers: Notifier) -> None:
        self.notifiers = {
            each.name: Contribution(plugin="post-office", version="1.0", hook="crmkit_notifiers", item=each)
            for each in notifiers
        }


def equipped(workspace: Workspace, *notifiers: Notifier, **changes: Any) -> Workspace:
    """Return the same workspace with these notifiers, and other arguments changed."""
    return attrs.evolve(workspace, extensions=WithNotifiers(*notifiers), **changes)


def make(workspace: Workspace, kind: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Store records as they are, without any check, and return their ids."""

    def plan(planning: Planning) -> dict[str, Any]:
        return {"ids": [planning.create(kind, row) for row in rows]}

    return list(run(workspace, Request(kind="make"), plan, lambda _view, result: result["ids"]).value)


def make_templates(workspace: Workspace) -> None:
    def plan(planning: Planning) -> dict[str, Any]:
        return {"ids": plan_default_templates(planning)}

    run(workspace, Request(kind="make"), plan, lambda _view, _result: None)


def make_leads(workspace: Workspace, *addresses: str, **more: Any) -> list[str]:
    """Store a lead for each address."""
    return make(workspace, "lead", [{"email": Email(address), **more} for address in addresses])


def make_show(workspace: Workspace, *addresses: str, **more: Any) -> str:
    """Store the default templates, a trade show, and a member for each address; return the trade show's id."""
    make_templates(workspace)
    campaign = make(workspace, "campaign", [{"name": "Salon des vins"}])[0]
    leads = make_leads(workspace, *addresses, **more)
    join(workspace, campaign, leads)
    return campaign


def join(workspace: Workspace, campaign: str, people: Iterable[str]) -> list[str]:
    """Make people members of a campaign."""
    return make(workspace, "campaign_member", [{"campaign_id": campaign, "person_id": id_} for id_ in people])


def stored(workspace: Workspace, kind: str) -> list[Any]:
    """Return all living records of a type."""
    with workspace.storage.read() as view:
        return workspace.schema[kind].load_many(view.find(Query(type=kind)))


def messages(workspace: Workspace) -> list[Message]:
    return stored(workspace, "message")


def deliveries(workspace: Workspace) -> list[Delivery]:
    return stored(workspace, "delivery")


def count_operations(workspace: Workspace) -> int:
    return len(stored(workspace, "operation"))


def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list in which every SQL statement of connections opened from now on is noted."""
    seen: list[str] = []
    connect = sqlite3.connect

    def open_traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr("sqlite3.connect", open_traced)
    return seen
