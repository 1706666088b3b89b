"""Mailing lists and shops: who subscribed, and who must not be written to any more."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["ACTIVECAMPAIGN", "BREVO", "GHOST", "KIT", "MAILCHIMP", "MAILERLITE", "SHOPIFY", "SYSTEME_IO"]


def _with_plus(number: str) -> str:
    """Brevo keeps numbers with the code of their country, and without the plus."""
    digits = number.strip()
    return f"+{digits}" if digits.isdigit() and not digits.startswith("0") else number


MAILCHIMP = importer(
    "mailchimp",
    columns=["MEMBER_RATING", ("LEID", "EUID", "OPTIN_TIME")],
    variants=[["EMAIL", "FNAME", "LNAME"]],
    summary="an audience of Mailchimp; who unsubscribed is told by the name of the file",
    source="Mailchimp",
    map={
        "LEID": "source_id",
        "EUID": "source_id",
        "Email Address": "email",
        "Indirizzo email": "email",
        "NOTES": "notes",
        "TAGS": "tags",
        "Nome": "first_name",
        "Cognome": "last_name",
        **dict.fromkeys(
            ["OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "LAST_CHANGED", "MEMBER_RATING"], "extra"
        ),
        # From the address of the computer, not of the person.
        **dict.fromkeys(["CC", "REGION", "LATITUDE", "LONGITUDE", "TIMEZONE", "GMTOFF", "DSTOFF"], "extra"),
        "UNSUB_CAMPAIGN_TITLE": "extra",
        "UNSUB_REASON": "extra",
    },
    consent={"UNSUB_TIME": "opt_out"},
    files={"unsubscribed_*": "opt_out", "cleaned_*": "opt_out", "subscribed_*": "opt_in"},
)

BREVO = importer(
    "brevo",
    columns=["EMAIL", "EMAIL_BLACKLISTED"],
    summary="contacts exported from Brevo (Sendinblue)",
    source="Brevo",
    map={
        "CONTACT ID": "source_id",
        "LASTNAME": "last_name",
        "NOM": "last_name",
        "FIRSTNAME": "first_name",
        "PRENOM": "first_name",
        "SMS": "mobile",
        "WHATSAPP": "extra",
        "SMS_BLACKLISTED": "extra",
        "ADDED_TIME": "extra",
        "MODIFIED_TIME": "extra",
    },
    values={"SMS": _with_plus},
    consent={"EMAIL_BLACKLISTED": "opt_out"},
)

ACTIVECAMPAIGN = importer(
    "activecampaign",
    columns=["Email", "Date Created", "IP", "Status"],
    summary="contacts exported from ActiveCampaign",
    source="ActiveCampaign",
    map={"Date Created": "extra", "IP": "extra", "Status": "extra"},
    consent={"Status": {"Unsubscribed": "opt_out", "Bounced": "opt_out", "Active": "opt_in", "Subscribed": "opt_in"}},
)

KIT = importer(
    "kit",
    columns=["first_name", "email", "created_at", "status"],
    summary="subscribers exported from Kit (ConvertKit)",
    source="Kit",
    map={"id": "source_id", "created_at": "extra", "status": "extra"},
    consent={
        "status": {"active": "opt_in", "cancelled": "opt_out", "bounced": "opt_out", "complained": "opt_out"},
    },
)

SYSTEME_IO = importer(
    "systeme-io",
    columns=["Email", "Surname", "Date registered"],
    summary="contacts exported from systeme.io",
    source="systeme.io",
    map={"Surname": "last_name", "Date registered": "extra"},
)

GHOST = importer(
    "ghost",
    columns=["email", "subscribed_to_emails"],
    summary="members exported from Ghost",
    source="Ghost",
    map={"id": "source_id", "note": "notes", "labels": "tags", "created_at": "extra"},
    consent={"subscribed_to_emails": "opt_in"},
)

SHOPIFY = importer(
    "shopify",
    columns=["Accepts Email Marketing", ("Customer ID", "Total Spent", "Total Orders")],
    summary="customers exported from Shopify",
    source="Shopify",
    map={
        "Customer ID": "source_id",
        "Default Address Company": "company",
        "Default Address Address1": "street",
        "Default Address City": "city",
        "Default Address Province Code": "region",
        "Default Address Country Code": "country",
        "Default Address Zip": "postal_code",
        "Default Address Phone": "extra",
        "Note": "notes",
        "Accepts SMS Marketing": "extra",
    },
    consent={"Accepts Email Marketing": "opt_in"},
)

MAILERLITE = importer(
    "mailerlite",
    columns=["Subscriber", "Subscribed", ("Name", "Last name", "Location", "Opens", "Sent")],
    summary="subscribers exported from MailerLite",
    source="MailerLite",
    map={
        "Subscriber": "email",
        "Name": "first_name",
        "Last name": "last_name",
        "Location": "extra",
        "Source": "extra",
    },
    consent={"Subscribed": "opt_in", "Unsubscribed": "opt_out"},  # dates
)
