"""Who was in a webinar or a meeting: Zoom, Teams, Google Meet. One row per time that somebody joined."""

from __future__ import annotations

import re

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["google_meet", "teams", "zoom"]

_JOINED = ["Join Time", "First Join", "Erster Beitritt", "Première participation", "Time joined", "Heure d'arrivée"]
_LEFT = ["Leave Time", "Last Leave", "Letztes Verlassen", "Dernier départ", "Time exited", "Heure de départ"]
_STAYED = [
    *["Time in Session (minutes)", "Duration (Minutes)", "In-Meeting Duration", "Dauer der Besprechung", "Duration"],
    *["Durée de la réunion", "Durée"],
]
_NOTHING = {"--": ""}


def _with_attendance(row: Row, draft: LeadDraft, *more: str) -> LeadDraft:
    """Write the time somebody spent there as a note, so that those of several rows are joined."""
    joined, left, stayed = (_first(row, columns) for columns in (_JOINED, _LEFT, _STAYED))
    words = [f"joined {joined}" if joined else "", f"left {left}" if left else ""]
    words.append((f"stayed {stayed} minutes" if stayed.isdigit() else f"stayed {stayed}") if stayed else "")
    lines = [", ".join(filter(None, words)), *more, draft.notes or ""]
    return attrs.evolve(draft, notes="\n".join(filter(None, lines)) or None)


def _first(row: Row, columns: list[str]) -> str:
    return next((text for column in columns if (text := row.get(column).strip(" -"))), "")


@importer(
    "zoom",
    columns=[("User Name (Original Name)", "Name (Original Name)"), "Join Time"],
    variants=[["User Name", "User Email", "Question", "Answer"]],
    summary="attendees, participants and polls of Zoom; hosts and panelists are left out",
    source="Zoom",
    map={
        "User Name (Original Name)": "full_name",
        "Name (Original Name)": "full_name",
        "User Name": "full_name",
        "User Email": "email",
        "Country/Region Name": "country",
        "Registration Time": "extra",
        "Approval Status": "extra",
        "Is Guest": "extra",
        "Guest": "extra",
    },
    values=dict.fromkeys(["Registration Time", "Approval Status", "Phone", "Country/Region Name"], _NOTHING),
    tags={"Attended": {"Yes": "attended", "No": "did not attend"}},
    ignore=[*_JOINED, *_LEFT, *_STAYED, "#", "Question", "Answer", "Submitted Time*"],
    sections={"Attendee Details": True, "Host Details": False, "Panelist Details": False},
)
def zoom(row: Row, draft: LeadDraft) -> LeadDraft:
    """Take the name somebody registered with, and answers of a poll as notes."""
    renamed = _RENAMED.fullmatch(draft.full_name or "")
    question = row.get("Question").strip()
    answer = f"{question} {row.get('Answer').strip()}" if question else ""
    return _with_attendance(row, attrs.evolve(draft, full_name=renamed[1] if renamed else draft.full_name), answer)


_RENAMED = re.compile(r".+ \((.+)\)")
_HOSTS = ["Organizer", "Organisator", "Organisateur", "Organizzatore", "Organizador"]


@importer(
    "teams",
    columns=["*(UPN)", ("Name", "Full Name", "Nom", "Nom complet", "Nome", "Nombre")],
    summary="attendance of a Teams meeting; its organisers are left out",
    source="Microsoft Teams",
    map={
        "Name": "full_name",
        "Full Name": "full_name",
        "Nom": "full_name",
        "Nom complet": "full_name",
        "Nome": "full_name",
        "Nombre": "full_name",
        "*(UPN)": "extra",
    },
    ignore=[*_JOINED, *_LEFT, *_STAYED, "Role", "Rolle", "Rôle", "Ruolo", "Rol"],
    skip=dict.fromkeys(["Role", "Rolle", "Rôle", "Ruolo", "Rol"], _HOSTS),
    sections={"1. *": False, "2. *": True, "3. *": False},
)
def teams(row: Row, draft: LeadDraft) -> LeadDraft:
    """Note when somebody was there."""
    return _with_attendance(row, draft)


@importer(
    "google-meet",
    columns=["First name", "Last name", "Duration", "Time joined"],
    summary="attendance of a Google Meet call",
    source="Google Meet",
    ignore=[*_JOINED, *_LEFT, *_STAYED],
)
def google_meet(row: Row, draft: LeadDraft) -> LeadDraft:
    """Note when somebody was there."""
    return _with_attendance(row, draft)
