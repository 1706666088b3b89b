"""A workspace with people, companies, deals and what was said, to be exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import crmkit
from crmkit import CRM, Money


@crmkit.custom_fields("lead", "contact")
class BadgeScan:
    booth: str | None = None
    minutes: int | None = None
    hot: bool = False


def opened(url: str = "memory:") -> CRM:
    return crmkit.open(url, create=True, discover=False, fields=[BadgeScan])


@attrs.frozen
class Records:
    """The ids of what is in the shop."""

    lead: str
    contact: str
    deal: str
    note: str


@pytest.fixture(params=["memory", "sqlite"])
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CRM]:
    with opened("memory:" if request.param == "memory" else str(tmp_path / "crm.db")) as crm:
        yield crm


@pytest.fixture
def shop(crm: CRM) -> Records:
    account = crm.accounts.add(
        name="Hospy; Médias, SA",
        website="https://hospy.example.com",
        phone="+33199004119",
        city="Lyon",
        country="FR",
        size=12,
        tags="key",
    )
    contact = crm.contacts.add(first_name="Jules", last_name="Etienne", email="jules@hospy.fr", account_id=account)
    lead = crm.leads.add(
        BadgeScan(booth="B12", minutes=7, hot=True),
        salutation="Mme",
        first_name="Zoé",
        last_name="Petit; Lyon, B",
        company="Petit \\ Fils",
        title="CTO",
        email="zoe@petit.example.com",
        phone="+33199004120",
        mobile="+33612345678",
        website="https://petit.example.com/a?b=1,2;3",
        street="1, rue de la Paix",
        postal_code="69001",
        city="Lyon",
        region="Rhône",
        country="FR",
        language="fr",
        tags="salon,vip",
        notes="Met at the stand;\nwants a demo, soon. " + "é" * 200,
        extra={"Badge colour": "red"},
    )
    for kind, value in (("email", "zoe@home.example.com"), ("phone", "+33199004121")):
        crm.collection("contact_point").add(person_id=lead, kind=kind, value=value)
    note = crm.note(lead, "Called back", also_about=[contact])
    deal = crm.open_deal(
        "Cameras",
        account=account,
        contacts=[contact],
        roles={contact.id: "decision_maker"},
        amount=Money("1234.50", "EUR"),
        expected_close_on="2026-12-31",
    )
    return Records(lead.id, contact.id, deal.id, note.id)
