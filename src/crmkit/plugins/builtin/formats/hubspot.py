"""HubSpot: exports of contacts, in English, French, German, Italian or Spanish."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["HUBSPOT"]

_IDS = (
    *("Record ID", "Contact ID", "ID d'enregistrement", "ID de l'enregistrement", "ID de fiche d'informations"),
    *("Datensatz-ID", "ID record", "ID del record", "ID de registro"),
)
_COMPANIES = (
    *("Company Name", "Associated Company", "Primary Associated Company", "Entreprise principale"),
    *("Société principale", "Entreprise associée", "Primäres zugeordnetes Unternehmen", "Zugeordnetes Unternehmen"),
    *("Azienda principale", "Azienda associata", "Empresa principal", "Empresa asociada"),
)

HUBSPOT = importer(
    "hubspot",
    columns=[
        _IDS,
        (
            *("Lifecycle Stage", "Contact owner", "Original Source", "Marketing contact status"),
            *("Phase du cycle de vie", "Étape du cycle de vie", "Propriétaire du contact"),
            *("Lifecycle-Phase", "Zuständiger Mitarbeiter für Kontakt", "Kontaktinhaber"),
            *("Fase del ciclo di vita", "Proprietario del contatto"),
            *("Etapa del ciclo de vida", "Propietario del contacto"),
        ),
        (
            *("Email", "E-mail", "First Name", "Last Name", "Phone Number", "Adresse e-mail", "Prénom", "Vorname"),
            *("Nome", "Cognome", "Nombre", "Apellidos", "Correo", "Correo electrónico"),
        ),
    ],
    summary="contacts exported from HubSpot",
    source="HubSpot",
    map={
        **dict.fromkeys(_IDS, "source_id"),
        "Full Name": "full_name",
        "Job Title": "title",
        **dict.fromkeys(_COMPANIES, "company"),
        "Phone Number": "phone",
        "Mobile Phone Number": "mobile",
        "Website URL": "website",
        **dict.fromkeys(["Original Source", "Source d'origine", "Ursprüngliche Quelle"], "source"),
        **dict.fromkeys(["Fonte originale", "Fuente original"], "source"),
        "Notes": "notes",
        "Contact owner": "extra",
        "Lifecycle Stage": "extra",
        "Lead Status": "extra",
        "Original Source Drill-Down *": "extra",
        "Create Date": "extra",
        "Last Modified Date": "extra",
        "Last Activity Date": "extra",
        "Marketing contact status": "extra",  # "Non-marketing contact" is a price list, not an objection
        "Primary Associated Company ID": "extra",
        "Associated Company IDs": "extra",
    },
    consent=dict.fromkeys(
        [
            *["Unsubscribed from all email", "Désabonné de tous les e-mails", "Von allen E-Mails abgemeldet"],
            *["Iscrizione annullata a tutte le e-mail", "Suscripción cancelada a todos los correos electrónicos"],
        ],
        "opt_out",
    ),
)
