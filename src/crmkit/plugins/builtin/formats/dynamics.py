"""Dynamics 365: leads and contacts, exported to be imported again."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["DYNAMICS"]

_NAMES = (
    *("First Name", "Last Name", "Full Name", "Name", "Prénom", "Nom", "Nom complet", "Vorname", "Nachname"),
    *("Vollständiger Name", "Nome", "Cognome", "Nombre", "Apellidos"),
)
# Its mark, the sum of a row, when it was changed, and what it is: French, German, Italian, Spanish.
_HIDDEN = (
    ("(Ne pas modifier)", "Somme de contrôle *", "Modifié le", ("Prospect", "Contact")),
    ("(Nicht ändern)", "Zeilenprüfsumme", "Geändert am", ("Lead", "Kontakt")),
    ("(Non modificare)", "Checksum *", "Data modifica", ("Lead", "Contatto")),
    ("(No modificar)", "Suma de comprobación *", "Fecha de modificación", ("Cliente potencial", "Contacto")),
)

DYNAMICS = importer(
    "dynamics",
    columns=["(Do Not Modify) *", _NAMES],
    variants=[[f"{mark} *", f"{mark} {row_sum}", f"{mark} {changed}", _NAMES] for mark, row_sum, changed, _ in _HIDDEN],
    summary="leads and contacts exported from Dynamics 365",
    source="Dynamics 365",
    map={
        "(Do Not Modify) Lead": "source_id",
        "(Do Not Modify) Contact": "source_id",
        "(Do Not Modify) Modified On": "extra",
        **{f"{mark} {changed}": "extra" for mark, _, changed, _ in _HIDDEN},
        **{f"{mark} {kind}": "source_id" for mark, _, _, kinds in _HIDDEN for kind in kinds},
        "Topic": "extra",
        "Subject": "extra",
        "Name": "full_name",
        "Job Title": "title",
        "Company Name": "company",
        "Business Phone": "phone",
        "Mobile Phone": "mobile",
        "Street 1": "street",
        "State or Province": "region",
        "Lead Source": "source",
        "Description": "notes",
        "Status Reason": "extra",
        "Owner": "extra",
        "Source Campaign": "extra",
        "Rating": "extra",
    },
    consent={
        "Do not allow Emails": {"Do Not Allow": "opt_out", "Yes": "opt_out"},
        "Allow Marketing Communication": "opt_in",
    },
    tags={"Source Campaign": "{}"},
    ignore=["(Do Not Modify) Row Checksum", *(f"{mark} {row_sum}" for mark, row_sum, _, _ in _HIDDEN)],
)
