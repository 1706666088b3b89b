"""Pipedrive: exports of people, deals and activities, whose headers begin with the kind of record."""

from __future__ import annotations

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["pipedrive"]


@importer(
    "pipedrive",
    columns=[
        "Person - Name",
        ("Person - Email", "Person - Email - *", "Person - Phone", "Person - Phone - *", "Org* - Name", "Deal - *"),
    ],
    summary="people, deals and activities exported from Pipedrive; rows without a person are ignored",
    source="Pipedrive",
    map={
        "Person - ID": "source_id",
        "Person - Name": "full_name",
        "Person - First name": "first_name",
        "Person - Last name": "last_name",
        "Person - Job title": "title",
        "Person - Email": "email",
        "Person - Email - Work": "email",
        "Person - Email - *": "other_emails",
        "Person - Phone - Mobile": "mobile",
        "Person - Phone": "phone",
        "Person - Phone - Work": "phone",
        "Person - Phone - *": "phone",
        "Person - Label*": "tags",
        "Organization - Name": "company",
        "Org - Name": "company",
        "Person - Organization": "company",
        "Organization - Address": "street",
        "Organization - Website": "website",
        "Lead - Source": "source",
        "Deal - Source channel": "source",
        "Activity - Note": "notes",
        "Person - *": "extra",
        "Deal - *": "extra",
        "Activity - *": "extra",
    },
    split={"Person - Email": ",", "Person - Email - *": ",", "Person - Phone": ",", "Person - Phone - *": ","},
    consent={"Person - Marketing status": {"unsubscribed": "opt_out", "bounced": "opt_out", "subscribed": "opt_in"}},
)
def pipedrive(_: Row, draft: LeadDraft) -> LeadDraft | None:
    """Ignore deals and activities of nobody."""
    somebody = draft.full_name or draft.first_name or draft.last_name or draft.email or draft.phone or draft.mobile
    return draft if somebody else None
