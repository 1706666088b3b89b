"""LinkedIn: the connections of a member, and the answers of lead gen forms."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["LINKEDIN_CONNECTIONS", "LINKEDIN_LEADS"]

LINKEDIN_CONNECTIONS = importer(
    "linkedin-connections",
    columns=["Connected On", "Position"],
    summary="Connections.csv of a LinkedIn archive; two people of one name are told apart by their profile",
    source="LinkedIn",
    map={
        "URL": ("source_id", "extra"),
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email Address": "email",
        "Company": "company",
        "Position": "title",
        "Connected On": "extra",
    },
)

LINKEDIN_LEADS = importer(
    "linkedin-leads",
    columns=[("Lead Type", "leadType"), ("Form Name", "Form ID"), ("Campaign Name", "Campaign ID", "Creative ID")],
    summary="answers of LinkedIn lead gen forms",
    source="LinkedIn",
    map={
        "Lead ID": "source_id",
        "Company Name": "company",
        "jobTitle": "title",
        "Campaign Name": "extra",
        "Form Name": "extra",
        "Submitted At": "extra",
    },
    tags={"Campaign Name": "{}"},
)
