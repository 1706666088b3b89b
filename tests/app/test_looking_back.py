"""Looking back through the facade: history, provenance, and the workspace as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import crmkit
from crmkit import CRM
from crmkit.core.declare import custom_fields, custom_record
from crmkit.core.records import Record
from crmkit.errors import NotFoundError, RejectedError


@custom_fields("lead")
class Scan:
    booth: str | None = None
    mood: int = 0


@custom_record("bike", search=("frame",))
class Bike(Record):
    frame: str
    gears: int = 1


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", discover=False, actor="Ada", fields=[Scan], record_types=[Bike]) as opened:
        yield opened


def test_custom_fields_have_a_history_and_a_past(crm: CRM) -> None:
    lead = crm.leads.add(Scan(booth="12A"), first_name="Zoé")
    crm.leads.update(lead, Scan(booth="7B", mood=3), reason="moved")

    changes = [(c.field, c.old, c.new) for c in crm.history(lead)[1].changes]

    assert changes == [("scan.booth", "12A", "7B"), ("scan.mood", 0, 3)]
    assert crm.provenance(lead)["scan.booth"].why == "moved"
    assert crm.at(lead).leads.get(lead.id)[Scan].booth == "12A"
    assert crm.at(lead).leads.count(**{"scan.booth": "12A"}) == 1
    assert crm.at(lead).leads.count(**{"scan.booth": "7B"}) == 0


def test_custom_records_have_a_history_and_a_past(crm: CRM) -> None:
    bike = crm[Bike].add(frame="steel")
    changed = crm[Bike].update(bike, gears=21)
    crm[Bike].delete(bike.id)

    assert [entry.what for entry in crm.history(bike)] == ["created", "changed", "deleted"]
    assert crm.at(bike)[Bike].get(bike.id) == bike
    assert crm.at(changed.updated_at)[Bike].get(bike.id) == changed
    assert [each.id for each in crm.at(bike)[Bike].where(gears=1)] == [bike.id]
    assert crm[Bike].count() == 0


def test_values_of_an_absent_plugin_travel_through_the_past_unseen(tmp_path: Path) -> None:
    url = str(tmp_path / "crm.db")
    with crmkit.open(url, create=True, discover=False, fields=[Scan]) as crm:
        lead = crm.leads.add(Scan(booth="12A"), first_name="Zoé")
        crm.leads.update(lead, Scan(booth="7B"), last_name="Petit")

    with crmkit.open(url, discover=False) as without:
        past = without.at(lead).leads.get(lead.id)
        fields = {change.field for entry in without.history(lead) for change in entry.changes}
    with crmkit.open(url, discover=False, fields=[Scan]) as again:
        booth = again.at(lead).leads.get(lead.id)[Scan].booth

    assert (past.first_name, past.last_name, past.version) == ("Zoé", None, 1)
    assert {name for name in fields if "." in name} == set()
    assert booth == "12A"


def test_the_past_stays_open_as_long_as_the_present(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Zoé")

    with crm.at(lead) as past:
        assert past.leads.count() == 1

    assert crm.leads.count() == 1
    assert past.leads.count() == 1
    assert past.url == crm.url


def test_an_operation_on_the_past_is_refused_as_a_whole(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Zoé")
    past = crm.at(lead)

    with pytest.raises(RejectedError, match="the past cannot be changed"), past.operation("too late"):
        past.leads.update(lead, first_name="Eve")

    assert crm.leads.get(lead.id) == lead


def test_a_dry_run_is_no_moment(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Zoé", company="Phare")
    tried = crm.convert(lead.id, dry_run=True)

    with pytest.raises(NotFoundError, match="there is no operation"):
        crm.at(tried)
