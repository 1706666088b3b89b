"""Zoho CRM: exports of leads and contacts."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["ZOHO"]

_NONE = {"-None-": ""}  # an empty pick list

ZOHO = importer(
    "zoho",
    columns=["Record Id", ("Lead Owner", "Contact Owner", "Lead Owner.id")],
    variants=[
        ["Lead Name", "Lead Owner", "Lead Status"],
        ["Lead Owner", "Email Opt Out", "Created Time", "Lead Status"],
        ["Contact Owner", "Email Opt Out", "Created Time", "Account Name"],
    ],
    summary="leads and contacts exported from Zoho CRM",
    source="Zoho",
    map={
        "Record Id": "source_id",
        "Lead Name": "full_name",
        "Contact Name": "full_name",
        "Company": "company",
        "Account Name": "company",
        "Title": "title",
        "Secondary Email": "other_emails",
        "Lead Source": "source",
        "Description": "notes",
        "Tag": "tags",
        "Lead Owner": "extra",
        "Lead Status": "extra",
        "Rating": "extra",
        "Industry": "extra",
        "Created By": "extra",
        "Created Time": "extra",
        "Modified Time": "extra",
    },
    consent={"Email Opt Out": "opt_out"},
    values=dict.fromkeys(["Salutation", "Lead Source", "Lead Status", "Rating", "Industry"], _NONE),
    ignore=["Lead Owner.id", "Created By.id", "Modified By.id"],
)
