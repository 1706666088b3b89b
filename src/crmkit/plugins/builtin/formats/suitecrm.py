"""SuiteCRM and SugarCRM: exports of leads and contacts."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["SUITECRM"]

SUITECRM = importer(
    "suitecrm",
    columns=["Primary Address Street", ("Phone Work", "Phone Mobile", "Office Phone"), "Last Name"],
    summary="leads and contacts exported from SuiteCRM or SugarCRM",
    source="SuiteCRM",
    map={
        "ID": "source_id",
        "Title": "title",
        "Account Name": "company",
        "Email Address": "email",
        "Phone Work": "phone",
        "Office Phone": "phone",
        "Phone Mobile": "mobile",
        "Phone *": "extra",
        "Primary Address Street": "street",
        "Primary Address City": "city",
        "Primary Address State": "region",
        "Primary Address Postalcode": "postal_code",
        "Primary Address Country": "country",
        "Alt Address *": "extra",
        "Lead Source": "source",
        "Description": "notes",
        "Lead Source Description": "extra",
        "Status Description": "extra",
        "Account Description": "extra",
        "Status": "extra",
        "Assigned User Name": "extra",
        "Do Not Call": "extra",
        "Date Created": "extra",
        "Date Modified": "extra",
        "Converted": "extra",
    },
    consent={"Email Opt Out": "opt_out"},
    ignore=["Deleted"],
    skip={"Deleted": ["1", "true", "yes"]},
)
