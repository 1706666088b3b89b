"""Zoho CRM: exports of leads and contacts, in English, French, German, Italian or Spanish."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["ZOHO"]

_NONE = dict.fromkeys(["-None-", "-Aucun-", "-Keine-", "-Nessuno-", "-Ninguno-"], "")  # an empty pick list

_IDS = ("Record Id", "ID de l'enregistrement", "ID d'enregistrement", "Datensatz-ID", "ID record", "ID de registro")
_OPT_OUTS = (
    *("Email Opt Out", "Désabonnement d'e-mail", "Désinscription e-mail", "E-Mail-Abmeldung", "E-Mail-Opt-out"),
    *("Rifiuto e-mail", "No participación de correo electrónico"),
)

ZOHO = importer(
    "zoho",
    columns=[
        _IDS,
        (
            *("Lead Owner", "Contact Owner", "Lead Owner.id", "Propriétaire de prospect", "Propriétaire du prospect"),
            *("Propriétaire de contact", "Lead-Besitzer", "Kontakt-Besitzer", "Proprietario lead"),
            *("Proprietario contatto", "Propietario de posible cliente", "Propietario de contacto"),
        ),
    ],
    variants=[
        ["Lead Name", "Lead Owner", "Lead Status"],
        ["Lead Owner", "Email Opt Out", "Created Time", "Lead Status"],
        ["Contact Owner", "Email Opt Out", "Created Time", "Account Name"],
    ],
    summary="leads and contacts exported from Zoho CRM",
    source="Zoho",
    map={
        **dict.fromkeys(_IDS, "source_id"),
        "Lead Name": "full_name",
        "Contact Name": "full_name",
        "Company": "company",
        "Account Name": "company",
        **dict.fromkeys(["Title", "Titre", "Titel"], "title"),
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
    consent=dict.fromkeys(_OPT_OUTS, "opt_out"),
    values=dict.fromkeys(
        [
            *["Salutation", "Lead Source", "Lead Status", "Rating", "Industry", "Source du prospect", "Secteur"],
            *["Statut du prospect", "Évaluation", "Lead-Quelle", "Branche", "Bewertung", "Anrede"],
        ],
        _NONE,
    ),
    ignore=["Lead Owner.id", "Created By.id", "Modified By.id"],
)
