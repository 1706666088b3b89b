"""Who was in a webinar or a meeting: Zoom, Teams, Google Meet. One row per time that somebody joined."""

from __future__ import annotations

import re

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["google_meet", "teams", "zoom"]

_JOINED = [
    *["Join Time", "First Join", "Time joined", "Première participation", "Première connexion", "Heure d'arrivée"],
    *["Heure d'entrée", "Erster Beitritt", "Beitrittszeit", "Primo accesso", "Ora di accesso", "Primera unión"],
    *["Hora de entrada"],
]
_LEFT = [
    *["Leave Time", "Last Leave", "Time exited", "Dernier départ", "Dernière déconnexion", "Heure de départ"],
    *["Heure de sortie", "Letztes Verlassen", "Austrittszeit", "Ultima uscita", "Ora di uscita", "Última salida"],
    *["Hora de salida"],
]
_STAYED = [
    *["Time in Session (minutes)", "Duration (Minutes)", "In-Meeting Duration", "Duration", "Durée de la réunion"],
    *["Durée (minutes)", "Durée", "Dauer der Besprechung", "Dauer (Minuten)", "Dauer", "Durata della riunione"],
    *["Durata (minuti)", "Durata", "Duración de la reunión", "Duración (minutos)", "Duración"],
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


_ZOOM_NAMES = [
    *["User Name (Original Name)", "Name (Original Name)", "Nom (Nom d'origine)", "Name (Originalname)"],
    *["Nome (nome originale)", "Nombre (nombre original)"],
]


@importer(
    "zoom",
    columns=[_ZOOM_NAMES, _JOINED],
    variants=[
        ["User Name", "User Email", "Question", "Answer"],
        ["Registration Time", "Approval Status", "Email", ("First Name", "Last Name")],
    ],
    summary="attendees, participants, registrations and polls of Zoom; hosts and panelists are left out",
    source="Zoom",
    map={
        **dict.fromkeys(_ZOOM_NAMES, "full_name"),
        "User Name": "full_name",
        "User Email": "email",
        "Country/Region Name": "country",
        "Registration Time": "extra",
        "Approval Status": "extra",
        "Is Guest": "extra",
        "Guest": "extra",
    },
    values=dict.fromkeys(["Registration Time", "Approval Status", "Phone", "Country/Region Name"], _NOTHING),
    tags={
        "Attended": {"Yes": "attended", "No": "did not attend"},
        "Approval Status": {"denied": "declined", "pending": "pending", "cancelled": "cancelled"},
    },
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
_ROLES = ["Role", "Rolle", "Rôle", "Ruolo", "Rol"]
_TEAMS_NAMES = [
    *["Name", "Full Name", "Nom", "Nom complet", "Vollständiger Name", "Nome", "Nome completo", "Nombre"],
    *["Nombre completo", "Naam", "Nama"],
]
_ACTIONS = ["User Action", "Action de l'utilisateur", "Benutzeraktion", "Azione dell'utente", "Acción del usuario"]
_ACTION_TIMES = ["Timestamp", "Horodatage", "Horodateur", "Zeitstempel", "Data e ora", "Marca de tiempo"]


@importer(
    "teams",
    columns=["*(UPN)", _TEAMS_NAMES],
    variants=[[_ACTIONS, _ACTION_TIMES, _TEAMS_NAMES]],
    summary="attendance of a Teams meeting; its organisers are left out",
    source="Microsoft Teams",
    map={**dict.fromkeys(_TEAMS_NAMES, "full_name"), "*(UPN)": "extra"},
    ignore=[*_JOINED, *_LEFT, *_STAYED, *_ROLES, *_ACTIONS, *_ACTION_TIMES],
    skip=dict.fromkeys(_ROLES, _HOSTS),
    sections={"1. *": False, "2. *": True, "3. *": False},
)
def teams(row: Row, draft: LeadDraft) -> LeadDraft:
    """Note when somebody was there; that somebody is from outside is no part of a name."""
    name = _OUTSIDE.sub("", draft.full_name) if draft.full_name else None
    action = " ".join(filter(None, (_first(row, _ACTIONS), _first(row, _ACTION_TIMES))))
    return _with_attendance(row, attrs.evolve(draft, full_name=name), action)


_OUTSIDE = re.compile(
    r"\s*\((?:[^()]*, )?(?:(?:un)?verified|extern\w*|estern\w*|guest|gast|invité\w*|ospite|invitad\w)\)\s*$",
    re.IGNORECASE,
)


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
