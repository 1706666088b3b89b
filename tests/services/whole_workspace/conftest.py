"""A workspace with something of everything, and its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmkit import CRM, Money
from crmkit.services.consents import record_consent, suppress
from crmkit.services.sources import BytesSource

from .world import BACK_ENDS, BadgeScan, Booth, Visit, opened, stored

BADGES = BytesSource(
    "badges.csv", b"name,email\nAda,ada@hospy.fr\nAda L,ada@hospy.fr\nBob,bob@petit.example.com\n,bad@\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CRM]:
    """At least one record of every type that travels, deleted ones among them."""
    with stored("memory", tmp_path, "shop") as storage:
        crm = opened(storage)
        eve = crm.users.add(name="Eve")
        salon = crm.campaigns.add(name="Salon", budget=Money("8000", "EUR"))
        crm.import_leads(BADGES, campaign=salon)
        ada, bob = sorted(crm.leads, key=lambda lead: str(lead.email))
        crm.leads.update(ada, BadgeScan(booth="B12", hot=True, topics=("audio",)), company="Hospy", owner_id=eve)
        crm.note(bob, "=1+1", body="two\nlines")
        booth = crm[Booth].add(name="Stand 7", size="12.50", campaign_id=salon)
        crm[Visit].add(booth_id=booth, lead_id=ada, answers={"why": ["é", None, 1.5]})
        crm.convert(ada, deal="Cameras")
        crm.move_deal("Cameras", "needs_analysis")
        crm.merge(bob, crm.leads.add(first_name="Bobby", email="bobby@petit.example.com"))
        crm.accounts.delete(crm.accounts.add(name="Gone"))
        record_consent(crm.workspace, "ada@hospy.fr", granted=True)
        suppress(crm.workspace, "zoe@petit.example.com", "bounced")
        crm.send("thank_you", campaign=salon)
        crm.deliver("folder", folder=tmp_path / "mail")
        yield crm


@pytest.fixture
def file(shop: CRM, tmp_path: Path) -> Path:
    """The file of that workspace."""
    shop.export_all(tmp_path / "shop.jsonl")
    return tmp_path / "shop.jsonl"


@pytest.fixture(params=BACK_ENDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CRM]:
    """A fresh workspace that knows the classes."""
    with stored(request.param, tmp_path, "fresh") as storage:
        yield opened(storage, day=16)


@pytest.fixture(params=BACK_ENDS)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CRM]:
    """A fresh workspace that never heard of the classes."""
    with stored(request.param, tmp_path, "bare") as storage:
        yield opened(storage, fields=(), types=(), day=16)
