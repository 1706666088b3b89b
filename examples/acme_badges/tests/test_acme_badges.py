"""The importer, tried without a file, and through crmkit with one."""

from __future__ import annotations

from pathlib import Path

import acme_badges

import crmkit
from crmkit import Row

BADGES = """BadgeID;First;Last;Company;Email;Interest
7;Zoé;Lefèvre;Éditions du Phare;zoe@phare.example;hot
8;Bob;Next-Door;Rival Ltd;bob@rival.example;exhibitor
9;;;;lea.petit@;warm
"""


def test_badge_becomes_a_draft() -> None:
    row = Row.of({"BadgeID": "7", "First": "Zoé", "Last": "Lefèvre", "Company": "", "Email": "", "Interest": "hot"})

    draft = acme_badges.badges(row)

    assert draft is not None
    assert (draft.source_id, draft.first_name, draft.tags) == ("7", "Zoé", ["hot"])


def test_file_is_recognised_and_every_row_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text(BADGES, encoding="cp1252")

    with crmkit.open("memory:", plugins=[acme_badges], discover=False) as crm:
        report = crm.import_leads(path)
        lead = crm.leads.find("zoe@phare.example")

    assert report.importer == "acme-badges"
    assert (report.created, report.ignored, report.rejected) == (1, 1, 1)
    assert (lead.name, lead.tags, lead.source_id) == ("Zoé Lefèvre", ("hot",), "7")
