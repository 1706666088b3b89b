"""What was exported is imported again by the names of its columns: values, bonds, further addresses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from crmkit import CRM, Money

from .conftest import Records


def edit(path: Path, **values: str) -> None:
    """Change cells of the only row of a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow({**row, **values})


def about(crm: CRM, activity: str) -> set[str]:
    return {link.to_id for link in crm.collection("link") if (link.from_id, link.kind) == (activity, "about")}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_nothing_changes_when_nothing_was_changed(crm: CRM, shop: Records, tmp_path: Path, ending: str) -> None:
    reports = []
    for kind in ("accounts", "contacts", "leads", "activities", "deals"):
        path = tmp_path / f"{kind}.{ending}"
        crm.export(kind, path)
        reports.append(crm.import_records(kind, path))

    assert [(report.read, report.unchanged, report.operation_id) for report in reports] == [(1, 1, None)] * 5
    assert about(crm, shop.note) == {shop.lead, shop.contact}


def test_an_activity_is_bound_to_what_it_is_about(crm: CRM, shop: Records, tmp_path: Path) -> None:
    crm.export("activities", tmp_path / "activities.csv")
    edit(tmp_path / "activities.csv", about_ids=f"{shop.lead}, {shop.contact}, {shop.deal}")

    first = crm.import_records("activities", tmp_path / "activities.csv")
    again = crm.import_records("activities", tmp_path / "activities.csv")

    assert (first.updated, again.unchanged) == (1, 1)
    assert about(crm, shop.note) == {shop.lead, shop.contact, shop.deal}


def test_a_new_activity_is_made_with_its_bonds(crm: CRM, shop: Records, tmp_path: Path) -> None:
    line = {"kind": "note", "subject": "From a script", "about_ids": [shop.deal]}
    (tmp_path / "notes.jsonl").write_text(json.dumps(line))

    report = crm.import_records("activities", tmp_path / "notes.jsonl")

    made = next(activity for activity in crm.activities if activity.subject == "From a script")
    assert (report.created, about(crm, made.id)) == (1, {shop.deal})


def test_what_an_activity_cannot_be_about_is_told(crm: CRM, shop: Records, tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"kind": "note", "subject": "Good", "about_ids": [shop.lead]},
        {"kind": "note", "subject": "Bad", "about_ids": ["lead_0", "nobody"]},
    ]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, lines)))

    report = crm.import_records("activities", tmp_path / "notes.jsonl")

    [problem] = report.problems
    assert (report.created, report.rejected) == (1, 1)
    assert problem.reason == "about_ids: lead_0 does not exist; about_ids: nobody does not exist"


def test_further_addresses_are_added_and_checked(crm: CRM, shop: Records, tmp_path: Path) -> None:
    crm.export("leads", tmp_path / "leads.csv")
    edit(tmp_path / "leads.csv", other_emails="zoe@home.example.com, zp@work.example.com", city="Nantes")

    report = crm.import_records("leads", tmp_path / "leads.csv")
    edit(tmp_path / "leads.csv", other_emails="zoe@", other_phones="12")
    refused = crm.contacts.count(), _reason(crm, tmp_path / "leads.csv")

    points = sorted(point.value for point in crm.collection("contact_point"))
    assert (report.updated, crm.leads.get(shop.lead).city) == (1, "Nantes")
    assert points == ["+33199004121", "zoe@home.example.com", "zp@work.example.com"]
    assert "other_emails: 'zoe@'" in refused[1]
    assert "other_phones: '12'" in refused[1]


def _reason(crm: CRM, path: Path) -> str:
    with pytest.raises(Exception, match="line 2") as caught:
        crm.import_records("leads", path)
    return str(caught.value)


def test_an_amount_of_a_workbook_is_put_together_again(crm: CRM, shop: Records, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(f"id,amount,amount_currency\n{shop.deal},99.9,USD\n")

    crm.import_records("deals", tmp_path / "deals.csv")

    assert crm.deals.get(shop.deal).amount == Money("99.90", "USD")
