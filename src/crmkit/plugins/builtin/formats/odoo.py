"""Odoo: exports and import templates of leads (crm.lead) and contacts (res.partner)."""

from __future__ import annotations

import attrs

from crmkit.core.values.answers import YES
from crmkit.core.values.text import fold
from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["ODOO_LEADS", "odoo_contacts"]


def _code(reference: str) -> str:
    """Take the country out of a reference: ``base.fr``."""
    return reference.removeprefix("base.")


_COUNTRY = dict.fromkeys(["country_id", "country_id/id", "Country"], _code)
_ADDRESS = {
    "street": "street",
    "Street2": "extra",
    "zip": "postal_code",
    "city": "city",
    "state_id": "region",
    "State": "region",
    "country_id": "country",
    "country_id/id": "country",
    "Country": "country",
    "Website": "website",
}

# Labels in English, French, German, Italian, Spanish.
_IDS = ("External ID", "ID externe", "Identifiant externe", "Externe ID", "ID esterno", "ID externo")
_DEALS = ("Opportunity", "Opportunité", "Verkaufschance", "Opportunità", "Oportunidad")
_PEOPLE = ("Contact Name", "Nom du contact", "Kontaktname", "Nome contatto", "Nombre del contacto")
_PARTNERS = (
    *("Company Name", "Nom de la société", "Unternehmensname", "Nome azienda", "Nombre de la compañía"),
    "Nombre de la empresa",
)
_SALES = (
    *("Salesperson", "Sales Team", "Stage", "Expected Revenue", "Vendeur", "Équipe commerciale", "Revenu espéré"),
    *("Verkäufer", "Verkaufsteam", "Erwarteter Umsatz", "Addetto vendite", "Team di vendita", "Ricavo previsto"),
    *("Vendedor", "Equipo de ventas", "Ingreso esperado"),
)
_POSITIONS = ("Job Position", "function", "Poste occupé", "Stelle", "Posizione lavorativa", "Puesto de trabajo")
_IS_COMPANY = (
    *("Is a company", "is_company", "Est une société", "Ist ein Unternehmen", "È un'azienda"),
    *("Es una empresa", "Es una compañía"),
)
_EMPLOYERS = (
    *("Related company", "parent_id", "parent_id/name", "Société liée", "Zugehöriges Unternehmen"),
    *("Azienda collegata", "Empresa relacionada", "Compañía relacionada"),
)

ODOO_LEADS = importer(
    "odoo",
    columns=[_IDS, _PEOPLE, (*_PARTNERS, *_POSITIONS)],
    variants=[
        ["contact_name", ("partner_name", "email_from")],
        ["email_from", ("stage_id", "user_id", "team_id", "type")],
        [_DEALS, _PEOPLE, (*_IDS, *_SALES)],
    ],
    summary="leads and opportunities of Odoo; Name is the title of the opportunity",
    source="Odoo",
    map={
        **dict.fromkeys([*_IDS, "id", ".id"], "source_id"),
        **dict.fromkeys(["Name", *_DEALS], "extra"),
        **dict.fromkeys([*_PEOPLE, "contact_name"], "full_name"),
        **dict.fromkeys(_POSITIONS, "title"),
        **dict.fromkeys([*_PARTNERS, "partner_name"], "company"),
        "email_from": "email",
        "Notes": "notes",
        "description": "notes",
        "tag_ids": "tags",
        "Tags": "tags",
        "source_id": "source",
        "source_id/*": "source",
        "medium_id": "extra",
        "campaign_id": "extra",
        "stage_id": "extra",
        "type": "extra",
        **_ADDRESS,
    },
    values=_COUNTRY,
    tags={"active": {"False": "lost", "0": "lost"}},
)


@importer(
    "odoo-contacts",
    columns=[_IS_COMPANY, _EMPLOYERS],
    summary="companies and people of Odoo's contacts",
    source="Odoo",
    map={
        **dict.fromkeys([*_IDS, "id"], "source_id"),
        **dict.fromkeys(["Name", "Nom", "Nome", "Nombre"], "full_name"),
        **dict.fromkeys(_EMPLOYERS, "company"),
        **dict.fromkeys(_POSITIONS, "title"),
        "Address type": "extra",
        "Notes": "notes",
        "comment": "notes",
        "category_id": "tags",
        "Tags": "tags",
        **_ADDRESS,
    },
    values=_COUNTRY,
    ignore=_IS_COMPANY,
)
def odoo_contacts(row: Row, draft: LeadDraft) -> LeadDraft:
    """A company's name is no person's."""
    if any(fold(row.get(column)) in YES for column in _IS_COMPANY):
        return attrs.evolve(draft, full_name=None, company=draft.full_name)
    return draft
