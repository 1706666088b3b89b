"""Odoo: exports and import templates of leads (crm.lead) and contacts (res.partner)."""

from __future__ import annotations

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["ODOO_LEADS", "odoo_contacts"]


def _code(reference: str) -> str:
    """Take the country out of a reference: ``base.fr``."""
    return reference.removeprefix("base.")


_COUNTRY = dict.fromkeys(["country_id", "country_id/id", "Country"], _code)
_ADDRESS = {
    "street": "street",
    "Street2": "extra",
    "zip": "postal_code",
    "city": "city",
    "state_id": "region",
    "State": "region",
    "country_id": "country",
    "country_id/id": "country",
    "Country": "country",
    "Website": "website",
}

ODOO_LEADS = importer(
    "odoo",
    columns=["External ID", "Contact Name", ("Company Name", "Job Position")],
    variants=[
        ["contact_name", ("partner_name", "email_from")],
        ["email_from", ("stage_id", "user_id", "team_id", "type")],
        ["Opportunity", "Contact Name", ("Salesperson", "Sales Team", "Stage", "Expected Revenue")],
    ],
    summary="leads and opportunities of Odoo; Name is the title of the opportunity",
    source="Odoo",
    map={
        "External ID": "source_id",
        "id": "source_id",
        ".id": "source_id",
        "Name": "extra",
        "Opportunity": "extra",
        "contact_name": "full_name",
        "Company Name": "company",
        "partner_name": "company",
        "email_from": "email",
        "Job Position": "title",
        "function": "title",
        "Notes": "notes",
        "description": "notes",
        "tag_ids": "tags",
        "Tags": "tags",
        "source_id": "source",
        "source_id/*": "source",
        "medium_id": "extra",
        "campaign_id": "extra",
        "stage_id": "extra",
        "type": "extra",
        **_ADDRESS,
    },
    values=_COUNTRY,
    tags={"active": {"False": "lost", "0": "lost"}},
)


@importer(
    "odoo-contacts",
    columns=[("Is a company", "is_company"), ("Related company", "parent_id", "parent_id/name")],
    summary="companies and people of Odoo's contacts",
    source="Odoo",
    map={
        "External ID": "source_id",
        "id": "source_id",
        "Name": "full_name",
        "Related company": "company",
        "parent_id": "company",
        "parent_id/name": "company",
        "Job Position": "title",
        "function": "title",
        "Address type": "extra",
        "Notes": "notes",
        "comment": "notes",
        "category_id": "tags",
        "Tags": "tags",
        **_ADDRESS,
    },
    values=_COUNTRY,
    ignore=["Is a company", "is_company"],
)
def odoo_contacts(row: Row, draft: LeadDraft) -> LeadDraft:
    """A company's name is no person's."""
    kind = row.get("Is a company") or row.get("is_company")
    if kind.strip().casefold() in {"1", "true", "x", "yes"}:
        return attrs.evolve(draft, full_name=None, company=draft.full_name)
    return draft
