"""Lead ads: forms that Meta and Google show beside their advertisements, and conversions of clicks."""

from __future__ import annotations

import re

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["GOOGLE_ADS", "meta_leads"]


def _bare(value: str) -> str:
    """Take off what Meta puts before a value, so that spreadsheets take it for a text."""
    return _PREFIX.sub("", value)


_PREFIX = re.compile(r"^(?:l|ag|as|c|f|p|z):")
_TEXTS = ["*phone*", "*telefon*", "*téléphone*", "*zip*", "*post_code*", "*postal*", "*postleitzahl*", "plz", "cap"]
_IDS = ["id", "ad_id", "adset_id", "campaign_id", "form_id"]


@importer(
    "meta-leads",
    columns=["created_time", ("ad_name", "form_name", "is_organic", "adset_name", "campaign_name")],
    summary="leads of Facebook and Instagram lead ads; test leads are left out",
    source="Meta lead ads",
    map={
        "id": "source_id",
        "phone_number": "phone",
        "work_phone_number": "phone",
        "work_email": "email",
        "zip_code": "postal_code",
        "post_code": "postal_code",
        "company_name": "company",
        "job_title": "title",
        "street_address": "street",
        "province": "region",
        **dict.fromkeys(["created_time", "campaign_name", "ad_name", "adset_name", "form_name", "platform"], "extra"),
        **dict.fromkeys(["ad_id", "adset_id", "campaign_id", "form_id", "is_organic", "lead_status"], "extra"),
    },
    values=dict.fromkeys([*_IDS, *_TEXTS], _bare),
    tags={"campaign_name": "{}"},
)
def meta_leads(row: Row, draft: LeadDraft) -> LeadDraft | None:
    """Leave out what the tool for testing forms filled in."""
    is_test = any(cell.startswith("<test lead:") for cell in row.cells)
    return None if is_test else draft


GOOGLE_ADS = importer(
    "google-ads",
    columns=[
        *[("GCLID", "Google Click ID")],
        *[("Lead Email", "User Email", "Email", "Lead Phone", "User Phone", "Phone")],
        *[("Conversion Time", "Conversion Name", "Lead Submission Time", "Form ID", "Campaign ID")],
    ],
    variants=[["Lead Submission Time", ("Campaign ID", "Form ID")]],
    summary="leads and conversions of Google Ads",
    source="Google Ads",
    map={
        "Lead ID": "source_id",
        "GCLID": "source_id",
        "Google Click ID": "source_id",
        "Lead Email": "email",
        "User Email": "email",
        "Lead Phone": "phone",
        "User Phone": "phone",
        **dict.fromkeys(["Conversion Name", "Conversion Time", "Keyword", "Campaign", "Campaign ID"], "extra"),
        **dict.fromkeys(["Form ID", "Lead Submission Time"], "extra"),
    },
    tags={"Campaign": "{}"},
)
