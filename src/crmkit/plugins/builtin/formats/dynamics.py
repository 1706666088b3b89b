"""Dynamics 365: leads and contacts, exported to be imported again."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["DYNAMICS"]

DYNAMICS = importer(
    "dynamics",
    columns=["(Do Not Modify) *", ("First Name", "Last Name", "Full Name", "Name")],
    summary="leads and contacts exported from Dynamics 365",
    source="Dynamics 365",
    map={
        "(Do Not Modify) Lead": "source_id",
        "(Do Not Modify) Contact": "source_id",
        "(Do Not Modify) Modified On": "extra",
        "Topic": "extra",
        "Subject": "extra",
        "Name": "full_name",
        "Job Title": "title",
        "Company Name": "company",
        "Business Phone": "phone",
        "Mobile Phone": "mobile",
        "Street 1": "street",
        "State or Province": "region",
        "Lead Source": "source",
        "Description": "notes",
        "Status Reason": "extra",
        "Owner": "extra",
        "Source Campaign": "extra",
        "Rating": "extra",
    },
    consent={
        "Do not allow Emails": {"Do Not Allow": "opt_out", "Yes": "opt_out"},
        "Allow Marketing Communication": "opt_in",
    },
    tags={"Source Campaign": "{}"},
    ignore=["(Do Not Modify) Row Checksum"],
)
