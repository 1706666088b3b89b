"""What stands beside a record in an export: what it is bound to, by id for programs and by name for people."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import crmkit
from crmkit import CRM
from crmkit.core.ports.storage import ReadTransaction
from crmkit.services.export import export_columns

from .conftest import BadgeScan, Records, opened


def table(crm: CRM, kind: str) -> list[dict[str, str]]:
    stream = io.StringIO()
    crm.export(kind, stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


def lines(crm: CRM, kind: str) -> list[dict[str, Any]]:
    stream = io.StringIO()
    crm.export(kind, stream, format="jsonl")
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_activity_says_what_it_is_about(crm: CRM, shop: Records) -> None:
    [row], [line] = table(crm, "activities"), lines(crm, "activities")

    assert row["about_ids"].split(", ") == line["about_ids"] == [shop.lead, shop.contact]
    assert row["about"] == "Zoé Petit; Lyon, B, Jules Etienne"


def test_a_deal_says_with_whom_it_is_and_what_they_are(crm: CRM, shop: Records) -> None:
    [row], [line] = table(crm, "deals"), lines(crm, "deals")

    assert (row["contact_ids"], row["contacts"]) == (shop.contact, "Jules Etienne (decision_maker)")
    assert (line["contact_ids"], line["amount"]) == ([shop.contact], {"amount": "1234.50", "currency": "EUR"})


@pytest.mark.usefixtures("shop")
def test_a_person_has_further_addresses_and_custom_fields(crm: CRM) -> None:
    [row], [line] = table(crm, "leads"), lines(crm, "leads")

    assert (row["other_emails"], row["other_phones"]) == ("zoe@home.example.com", "'+33199004121")
    assert (line["other_emails"], line["other_phones"]) == (["zoe@home.example.com"], ["+33199004121"])
    assert (row["badge_scan.booth"], row["badge_scan.minutes"], row["badge_scan.hot"]) == ("B12", "7", "yes")
    assert (line["badge_scan.booth"], line["badge_scan.minutes"], line["badge_scan.hot"]) == ("B12", 7, True)


def test_a_table_ends_with_what_crmkit_keeps_of_a_record(crm: CRM) -> None:
    columns = export_columns(crm.leads.type)

    assert columns[-5:] == ("owner_id", "owner", "tags", "created_at", "updated_at")
    assert columns.index("badge_scan.hot") < columns.index("other_emails") < columns.index("owner_id")


def test_values_of_an_absent_plugin_are_in_the_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with opened(str(path)) as crm:
        crm.leads.add(BadgeScan(booth="B12"), first_name="Zoé")

    with crmkit.open(path, discover=False) as without:
        stream = io.StringIO()
        without.export("leads", stream, format="jsonl")

    assert json.loads(stream.getvalue())["badge_scan.booth"] == "B12"


def test_a_record_without_company_has_empty_cells_and_lists(crm: CRM) -> None:
    crm.leads.add(first_name="Ada")

    [row], [line] = table(crm, "leads"), lines(crm, "leads")

    assert (row["other_emails"], row["campaign"], row["extra"], row["tags"]) == ("", "", "", "")
    assert (line["other_emails"], line["campaign_id"], line["extra"], line["tags"]) == ([], None, {}, [])


def test_the_past_is_exported_with_what_was_bound_then(crm: CRM, shop: Records) -> None:
    links = crm.collection("link")
    links.delete(next(link for link in links if (link.from_id, link.to_id) == (shop.note, shop.contact)))
    past = crm.at(crm.log(limit=1)[0].operation, before=True)

    assert past.workspace.storage.url == crm.url
    assert (lines(past, "activities")[0]["about_ids"], lines(crm, "activities")[0]["about_ids"]) == (
        [shop.lead, shop.contact],
        [shop.lead],
    )


def test_a_thousand_records_cost_a_few_questions(crm: CRM, monkeypatch: Any) -> None:
    campaign = crm.campaigns.add(name="Salon")
    crm.leads.add_many([{"first_name": f"Lead {n}", "campaign_id": campaign} for n in range(1200)])
    asked: list[str] = []
    with crm.workspace.storage.read() as view:
        kind: type[ReadTransaction] = type(view)
    for name in ("get_many", "lookup", "find"):
        real = getattr(kind, name)

        def counted(self: Any, *args: Any, real: Any = real, name: str = name) -> Any:
            asked.append(name)
            return real(self, *args)

        monkeypatch.setattr(kind, name, counted)

    count = crm.export("leads", io.StringIO())

    assert count == 1200
    assert len(asked) <= 8  # for two batches: their further addresses, and what they refer to
