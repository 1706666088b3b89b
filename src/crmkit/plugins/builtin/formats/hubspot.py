"""HubSpot: exports of contacts."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["HUBSPOT"]

HUBSPOT = importer(
    "hubspot",
    columns=[
        "Record ID",
        ("Lifecycle Stage", "Contact owner", "Original Source", "Marketing contact status"),
        ("Email", "First Name", "Last Name", "Phone Number"),
    ],
    summary="contacts exported from HubSpot",
    source="HubSpot",
    map={
        "Record ID": "source_id",
        "Full Name": "full_name",
        "Job Title": "title",
        "Company Name": "company",
        "Associated Company": "company",
        "Primary Associated Company": "company",
        "Phone Number": "phone",
        "Mobile Phone Number": "mobile",
        "Website URL": "website",
        "Original Source": "source",
        "Notes": "notes",
        "Contact owner": "extra",
        "Lifecycle Stage": "extra",
        "Lead Status": "extra",
        "Original Source Drill-Down *": "extra",
        "Create Date": "extra",
        "Last Modified Date": "extra",
        "Last Activity Date": "extra",
        "Marketing contact status": "extra",  # "Non-marketing contact" is a price list, not an objection
        "Primary Associated Company ID": "extra",
        "Associated Company IDs": "extra",
    },
    consent={"Unsubscribed from all email": "opt_out"},
)
