"""EspoCRM: exports by attribute names (CSV) or by labels (XLSX)."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["ESPOCRM"]

ESPOCRM = importer(
    "espocrm",
    columns=[
        ("firstName", "lastName"),
        "emailAddress",
        ("assignedUserName", "assignedUserId", "addressStreet", "emailAddressIsOptedOut"),
    ],
    variants=[
        ["Assigned User", ("First Name", "Last Name"), ("Account Name", "Opportunity Amount")],
        ["Utilisateur assigné", ("Prénom", "Nom de famille")],
        ["Zugewiesener Benutzer", ("Vorname", "Nachname")],
    ],
    summary="leads and contacts exported from EspoCRM",
    source="EspoCRM",
    map={
        "id": "source_id",
        "name": "full_name",
        "salutationName": "salutation",
        "title": "title",
        "accountName": "company",
        "source": "source",
        "description": "notes",
        "addressState": "region",
        "status": "extra",
        "assignedUserName": "extra",
        "assignedUserId": "extra",
        "createdAt": "extra",
        "teamsNames": "extra",
        "Titre": "title",
        "Nom": "full_name",
    },
    consent={"emailAddressIsOptedOut": "opt_out"},
    ignore=["teamsIds"],
)
