"""Salesforce: Data Loader exports by API names, reports by labels, campaign members."""

from __future__ import annotations

import re

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["salesforce"]


@importer(
    "salesforce",
    columns=["LeadSource", "OwnerId", ("LastName", "FirstName", "Email", "Company")],
    variants=[
        ["Lead Owner", "Company / Account"],
        ["Owner Alias", ("Lead Status", "Lead Source")],
        ["Account Name", ("Mailing Street", "Mailing City", "Mailing Country"), "Last Name"],
        ["CampaignId", "LeadOrContactId", "HasResponded"],
        ["HasOptedOutOfEmail", "LastName"],
        ["AccountId", "LastName", ("MailingStreet", "MailingCity", "MailingCountry", "Email")],
        ["Propriétaire de la piste", ("Statut de la piste", "Origine de la piste")],
        ["Lead-Inhaber", ("Lead-Status", "Lead-Quelle"), ("Firma / Account", "Nachname")],
        ["Titolare del lead", ("Stato lead", "Fonte del lead")],
        [("Propietario de candidato", "Propietario de prospecto"), ("Estado de candidato", "Estado de prospecto")],
    ],
    summary="Salesforce leads, contacts and campaign members, by API names or report labels",
    source="Salesforce",
    map={
        "LeadOrContactId": "source_id",
        "Id": "source_id",
        "Lead ID": "source_id",
        "Contact ID": "source_id",
        "Name": "full_name",
        "LastName": "last_name",
        "FirstName": "first_name",
        "Title": "title",
        "Company": "company",
        "CompanyOrAccount": "company",
        "Company / Account": "company",
        "Account Name": "company",
        **dict.fromkeys(["Mailing Street", "MailingStreet"], "street"),
        **dict.fromkeys(["Mailing City", "MailingCity"], "city"),
        **dict.fromkeys(["Mailing State/Province", "MailingState"], "region"),
        **dict.fromkeys(["Mailing Zip/Postal Code", "MailingPostalCode"], "postal_code"),
        **dict.fromkeys(["Mailing Country", "MailingCountry"], "country"),
        "MobilePhone": "mobile",
        "Asst. Phone": "extra",
        "LeadSource": "source",
        "Description": "notes",
        "Status": "extra",
        "Lead Status": "extra",
        "OwnerId": "extra",
        "Lead Owner": "extra",
        "Owner Alias": "extra",
        "CreatedDate": "extra",
        "Created Date": "extra",
        "Statut de la piste": "extra",
        "Lead-Status": "extra",
    },
    consent={"HasOptedOutOfEmail": "opt_out", "Email Opt Out": "opt_out"},
    ignore=["IsDeleted", "Address", "PhotoUrl", "SystemModstamp", "IsUnreadByOwner"],
    skip={"IsDeleted": ["1", "true"]},
)
def salesforce(_: Row, draft: LeadDraft) -> LeadDraft:
    """Keep the id of an account apart from the name of a company."""
    if draft.company and _ACCOUNT_ID.fullmatch(draft.company):
        return attrs.evolve(draft, company=None, extra={**draft.extra, "AccountId": draft.company})
    return draft


_ACCOUNT_ID = re.compile(r"001[0-9A-Za-z]{12}(?:[0-9A-Za-z]{3})?")
