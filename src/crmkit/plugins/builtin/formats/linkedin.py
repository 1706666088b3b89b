"""LinkedIn: the connections of a member, and the answers of lead gen forms."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["LINKEDIN_CONNECTIONS", "LINKEDIN_LEADS"]

_SINCE = (
    *("Connected On", "Connexion établie le", "En relation depuis le", "Date de connexion", "Vernetzt am"),
    *("Kontakt seit", "Collegato il", "In collegamento dal", "Conectado el", "Contacto desde"),
)
_TITLES = ("Position", "Poste", "Posizione", "Cargo", "Puesto")
_COMPANIES = ("Company", "Entreprise", "Société", "Unternehmen", "Firma", "Azienda", "Empresa")

LINKEDIN_CONNECTIONS = importer(
    "linkedin-connections",
    columns=[_SINCE, _TITLES],
    variants=[[_SINCE, _TITLES, "URL", _COMPANIES]],
    summary="Connections.csv of a LinkedIn archive; two people of one name are told apart by their profile",
    source="LinkedIn",
    map={
        "URL": ("source_id", "extra"),
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email Address": "email",
        **dict.fromkeys(_COMPANIES, "company"),
        **dict.fromkeys(_TITLES, "title"),
        **dict.fromkeys(_SINCE, "extra"),
    },
)

LINKEDIN_LEADS = importer(
    "linkedin-leads",
    columns=[("Lead Type", "leadType"), ("Form Name", "Form ID"), ("Campaign Name", "Campaign ID", "Creative ID")],
    variants=[[("Creative ID", "Creative Name"), ("Form Name", "Form ID"), ("Email Address", "Email", "Work Email")]],
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
