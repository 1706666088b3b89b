"""Badge scanners: what exhibitors capture at their booth."""

from __future__ import annotations

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["badge_scans"]

_EVENT = ("Event Name", "event_name", "Event")


def _booth(cell: str) -> str:
    return cell if cell.casefold().startswith(("booth", "stand", "stall", "hall")) else f"booth {cell}"


@importer(
    "badge-scanner",
    columns=[
        (
            *("Badge *", "Scanned *", "Scan *", "* Scanned", "scannedAt", "Booth*", "Lead captured *"),
            *("Capture Date", "Capture Time", "Captured By", "Date de scan", "Heure de scan", "Scanné *", "Code badge"),
            *("Gescannt *", "Data scansione", "Scansionato *", "Codice badge"),
            *("Fecha de escaneo", "Escaneado *", "Código de acreditación"),
        ),
        (
            *("Email", "E-mail", "Email Address", "Name", "Full Name", "First Name", "Last Name", "Phone", "Lead Name"),
            *("Lead Email", "Nom", "Prénom", "Vorname", "Nachname", "Nome", "Cognome", "Nombre", "Apellidos"),
        ),
    ],
    variants=[
        ["fname", "lname", "timestamp", "location"],
        ["event_name", "lead_id", "contact_source", "contact_first_name"],
    ],
    summary="badge scans of a trade show; several scans of one person become one lead",
    source="Trade show",
    map={
        "lead_id": "source_id",
        **dict.fromkeys(["Badge Code", "Badge ID", "Badge Number", "Code badge"], "source_id"),
        **dict.fromkeys(["Codice badge", "Código de acreditación"], "source_id"),
        "contact_first_name": "first_name",
        "contact_last_name": "last_name",
        "contact_company": "company",
        "contact_email": "email",
        "contact_phone": "phone",
        "social_media": "extra",
        "timestamp": "extra",
        "Badge Scan Time": "extra",
        "Scanned *": "extra",
        "Scan *": "extra",
        "contact_source": "extra",
        **dict.fromkeys(_EVENT, "extra"),
    },
    values={"Booth*": _booth},
    tags={
        "Booth*": "{}",
        **dict.fromkeys(["Rating", "Lead Rating", "Qualification", "Bewertung", "Valutazione", "Valoración"], "{}"),
        "Quality": "{}",
        "Qualifiers": "{}",
        **dict.fromkeys(_EVENT, "{}"),
    },
    only_with=_EVENT,
)
def badge_scans(row: Row, draft: LeadDraft) -> LeadDraft:
    """Name the event as the source."""
    event = next((name for column in _EVENT if (name := row.get(column).strip())), None)
    return attrs.evolve(draft, source=f"Trade show: {event}") if event else draft
