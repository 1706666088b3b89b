"""Outlook contacts in six languages; the column ``Title`` is the salutation in each of them."""

from __future__ import annotations

import attrs

from crmkit.core.values.places import country_code
from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["outlook_contacts"]

# Field to its columns: English, French, German, Italian, Spanish, Portuguese. Those for work come first.
_COLUMNS = {
    "salutation": ["Title", "Titre", "Anrede", "Titolo", "Título"],
    "first_name": ["First Name", "Prénom", "Vorname", "Nome", "Nombre", "Primeiro nome"],
    "last_name": ["Last Name", "Nom", "Nachname", "Cognome", "Apellidos", "Último nome"],
    "company": ["Company", "Société", "Firma", "Società", "Organización", "Empresa"],
    "title": ["Job Title", "Profession", "Position", "Qualifica", "Puesto", "Cargo"],
    "email": [
        *[
            "E-mail Address",
            "Adresse de messagerie",
            "E-Mail-Adresse",
            "Indirizzo e-mail",
            "Indirizzo posta elettronica",
        ],
        *["Dirección de correo electrónico", "Endereço de e-mail", "Email Work", "Email Home"],
    ],
    "other_emails": [
        *["E-mail 2 Address", "E-mail 3 Address", "Adresse de messagerie 2", "Adresse de messagerie 3"],
        *["E-Mail 2: Adresse", "E-Mail 3: Adresse", "Indirizzo e-mail 2", "Indirizzo e-mail 3"],
        *["Dirección de correo electrónico 2", "Dirección de correo electrónico 3", "Endereço de e-mail 2"],
        *["Endereço de e-mail 3", "Email Other"],
    ],
    "phone": [
        *["Business Phone", "Téléphone (bureau)", "Telefon geschäftlich", "Telefono di Lavoro"],
        *["Teléfono del trabajo", "Fone comercial", "Business Phone 2", "Company Main Phone", "Primary Phone"],
        *["Home Phone", "Telefon privat", "Téléphone (domicile)"],
    ],
    "mobile": [
        *["Mobile Phone", "Tél. mobile", "Mobiltelefon", "Telefono Mobile", "Teléfono móvil", "Celular", "Home Mobile"],
    ],
    "street": [
        *["Business Street", "Rue (bureau)", "Straße geschäftlich", "Indirizzo di lavoro", "Calle del trabajo"],
        *["Rua comercial", "Home Street", "Rue (domicile)", "Straße privat"],
    ],
    "city": [
        *["Business City", "Work City", "Ville (bureau)", "Ort geschäftlich", "Città di lavoro", "Ciudad de trabajo"],
        *["Cidade comercial", "Home City", "Ville (domicile)", "Ort privat"],
    ],
    "region": [
        *["Business State", "Work State", "Dép/Région (bureau)", "Region geschäftlich", "Provincia di lavoro"],
        *["Provincia o estado de trabajo", "Estado comercial", "Home State"],
    ],
    "postal_code": [
        *["Business Postal Code", "Work Zip", "Code postal (bureau)", "Postleitzahl geschäftlich", "CAP di Lavoro"],
        *["Código postal del trabajo", "Código postal comercial", "Home Postal Code", "Home Zip"],
    ],
    "country": [
        *["Business Country/Region", "Business Country", "Work Country", "Pays/Région (bureau)", "Land geschäftlich"],
        *["Land/Region geschäftlich", "Nazione/Regione di lavoro", "País o región del trabajo"],
        *["Região/País comercial", "Home Country/Region", "Home Country"],
    ],
    "website": ["Web Page", "Page Web", "Webseite", "Pagina Web", "Página web", "Website Work"],
    "tags": ["Categories", "Catégories", "Kategorien", "Categorie", "Categorías", "Categorias"],
    "notes": ["Notes", "Notizen", "Note", "Notas"],
    "extra": [
        *["Middle Name", "Deuxième prénom", "Weitere Vornamen", "Secondo Nome", "Segundo nombre", "Nome do meio"],
        *["Department", "Service", "Abteilung", "Reparto", "Departamento", "Birthday", "Display Name"],
    ],
}


@importer(
    "outlook-contacts",
    columns=["E-mail Address", ("Business Phone", "Business Street", "Job Title", "Mobile Phone")],
    variants=[
        ["Adresse de messagerie", ("Prénom", "Société", "Téléphone (bureau)")],
        ["Prénom", ("Téléphone (bureau)", "Rue (bureau)", "Télécopie (bureau)")],
        ["E-Mail-Adresse", "Vorname", ("Firma", "Position", "Telefon geschäftlich", "Weitere Vornamen")],
        ["Vorname", "Nachname", ("Telefon geschäftlich", "Fax geschäftlich", "Straße geschäftlich")],
        [
            ("Indirizzo e-mail", "Indirizzo posta elettronica"),
            ("Telefono di Lavoro", "Indirizzo di lavoro", "Qualifica", "Telefono Mobile"),
        ],
        ["Dirección de correo electrónico", ("Teléfono del trabajo", "Calle del trabajo", "Puesto", "Teléfono móvil")],
        ["Endereço de e-mail", ("Último nome", "Fone comercial", "Celular")],
        ["Email Work", "Email Home", ("Business Phone", "Business Street")],
    ],
    summary="contacts exported from Outlook in English, French, German, Italian, Spanish or Portuguese",
    source="Outlook",
    map={column: field for field, columns in _COLUMNS.items() for column in columns},
    split=dict.fromkeys(_COLUMNS["tags"], ";"),
    values={"Birthday": {"0/0/00": ""}},
)
def outlook_contacts(_: Row, draft: LeadDraft) -> LeadDraft:
    """Some translations call the region country, and the country region: the value tells."""
    if draft.region and not (draft.country and country_code(draft.country)) and country_code(draft.region):
        return attrs.evolve(draft, region=draft.country, country=draft.region)
    return draft
