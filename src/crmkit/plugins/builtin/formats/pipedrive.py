"""Pipedrive: exports of people, deals and activities, whose headers begin with the kind of record."""

from __future__ import annotations

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["pipedrive"]


# The words of a language, as they stand in headers: "Personne - E-mail - Travail".
_LANGUAGES = (
    (
        *("Person", "Name", "First name", "Last name", "Job title"),
        *("Email", "Phone", "Work", "Mobile", "Organization"),
    ),
    (
        *("Personne", "Nom", "Prénom", "Nom de famille", "Fonction"),
        *("E-mail", "Téléphone", "Travail", "Mobile", "Organisation"),
    ),
    (*("Person", "Name", "Vorname", "Nachname", "Position"), *("E-Mail", "Telefon", "Arbeit", "Mobil", "Organisation")),
    (
        *("Persona", "Nome", "Nome", "Cognome", "Qualifica"),
        *("E-mail", "Telefono", "Lavoro", "Cellulare", "Organizzazione"),
    ),
    (
        *("Persona", "Nombre", "Nombre", "Apellidos", "Cargo"),
        *("Correo electrónico", "Teléfono", "Trabajo", "Móvil", "Organización"),
    ),
)
_PERSONS = tuple(dict.fromkeys(f"{person} - {name}" for person, name, *_ in _LANGUAGES))


def _columns() -> dict[str, str]:
    found: dict[str, str] = {}
    for person, name, first, last, title, mail, phone, work, mobile, organization in _LANGUAGES:
        found |= {
            f"{person} - ID": "source_id",
            f"{person} - {first}": "first_name",
            f"{person} - {last}": "last_name",
            f"{person} - {name}": "full_name",
            f"{person} - {title}": "title",
            f"{person} - {mail}": "email",
            f"{person} - {mail} - {work}": "email",
            f"{person} - {mail} - *": "other_emails",
            f"{person} - {phone} - {mobile}": "mobile",
            f"{person} - {phone}": "phone",
            f"{person} - {phone} - {work}": "phone",
            f"{person} - {phone} - *": "phone",
            f"{organization} - {name}": "company",
            f"{person} - {organization}": "company",
        }
    return found


_COLUMNS = _columns()


@importer(
    "pipedrive",
    columns=[_PERSONS, (*(column for column in _COLUMNS if column not in _PERSONS), "Org* - Name", "Deal - *")],
    summary="people, deals and activities exported from Pipedrive; rows without a person are ignored",
    source="Pipedrive",
    map={
        **_COLUMNS,
        "Org - Name": "company",
        **dict.fromkeys(["Person - Label*", "Personne - Étiquette*", "Persona - Etiqueta*"], "tags"),
        "Organization - Address": "street",
        "Organization - Website": "website",
        "Lead - Source": "source",
        "Deal - Source channel": "source",
        "Activity - Note": "notes",
        **dict.fromkeys(["Person - *", "Personne - *", "Persona - *", "Deal - *", "Activity - *"], "extra"),
    },
    split=dict.fromkeys(
        [column for column, field in _COLUMNS.items() if field in {"email", "other_emails", "phone", "mobile"}], ","
    ),
    consent={"Person - Marketing status": {"unsubscribed": "opt_out", "bounced": "opt_out", "subscribed": "opt_in"}},
)
def pipedrive(_: Row, draft: LeadDraft) -> LeadDraft | None:
    """Ignore deals and activities of nobody."""
    somebody = draft.full_name or draft.first_name or draft.last_name or draft.email or draft.phone or draft.mobile
    return draft if somebody else None
