"""Ticketing: Eventbrite, Luma, HelloAsso, Weezevent, Billetweb. One row per ticket.

Who cancelled or was declined showed interest all the same: a tag says so, and keeps
them out of the mails to those who came.
"""

from __future__ import annotations

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["BILLETWEB", "EVENTBRITE", "WEEZEVENT", "helloasso", "luma"]

_ABSENT = {
    **dict.fromkeys(["refunded", "rimborsato", "remboursé", "erstattet"], "refunded"),
    **dict.fromkeys(["cancelled", "canceled", "annullato", "annulé", "storniert"], "cancelled"),
    **{word: word for word in ("deleted", "not attending", "transferred", "no show", "checked in", "pending")},
    "en attente": "pending",
}

EVENTBRITE = importer(
    "eventbrite",
    columns=[("Order #", "Order ID"), ("Attendee #", "Ticket Type"), ("Email", "Last Name", "First Name")],
    variants=[
        ["ID dell'ordine", ("Nome del partecipante", "Cognome del partecipante", "E-mail del partecipante")],
        ["Numéro de commande", "Type de billet", ("E-mail", "Nom de famille", "Nom", "Prénom")],
        ["Bestellnummer", ("Ticketart", "Tickettyp", "Bestelldatum"), ("Vorname", "Nachname")],
        ["Order #", "Order Status", ("Email", "Last Name")],
    ],
    summary="attendees or orders of an event on Eventbrite",
    source="Eventbrite",
    map={
        "Attendee #": "source_id",
        "Order #": "extra",
        "Order ID": "extra",
        "ID dell'ordine": "extra",
        "Order Date": "extra",
        "Barcode #": "extra",
        "Cell Phone": "mobile",
        "Home Address 1": "street",
        "Home Address 2": "extra",
        "Home City": "city",
        "Home State": "region",
        "Home Zip": "postal_code",
        "Home Country": "country",
        "Nome del partecipante": "first_name",
        "Cognome del partecipante": "last_name",
        "E-mail del partecipante": "email",
        "Attendee Status": "extra",
        "Order Status": "extra",
        "Statut du participant": "extra",
    },
    values={name: {"Info Requested": ""} for name in ("First Name", "Last Name", "Email", "Company", "Job Title")},
    consent={"Tieni informat*": "opt_in", "J'accepte de recevoir*": "opt_in", "Keep me *": "opt_in"},
    tags={
        "Ticket Type": "{}",
        "Type de billet": "{}",
        "Event Name": "{}",
        "Nome dell'evento": "{}",
        "Attendee Status": _ABSENT,
        "Order Status": _ABSENT,
        "Statut du participant": _ABSENT,
    },
)


@importer(
    "luma",
    columns=[("api_id", "guest_id"), "approval_status"],
    summary="guests of an event on Luma",
    source="Luma",
    map={
        "api_id": "source_id",
        "guest_id": "source_id",
        "name": "full_name",
        "custom_source": "source",
        "approval_status": "extra",
        "checked_in_at": "extra",
        "created_at": "extra",
        "ticket_type_id": "extra",
    },
    tags={
        "ticket_name": "{}",
        "checked_in_at": "checked in",
        "approval_status": {
            **{word: word for word in ("declined", "pending", "invited", "waitlist")},
            "pending_approval": "pending",
        },
    },
    ignore=["qr_code_url"],
)
def luma(_: Row, draft: LeadDraft) -> LeadDraft:
    """Who wrote ``Surname, Name`` was parted at the blank."""
    first = draft.first_name
    if first and first.rstrip().endswith(","):
        return attrs.evolve(draft, first_name=draft.last_name, last_name=first.rstrip(" ,"), full_name=None)
    return draft


_PAYER = ["Nom payeur", "Prénom payeur", "Email payeur", "Nom acheteur", "Prénom acheteur", "Email acheteur"]


@importer(
    "helloasso",
    columns=["Référence commande", "Statut de la commande"],
    variants=[["Numéro de billet", ("Montant tarif", "Tarif")], ["Nom acheteur", "Formule", "Numéro"]],
    summary="participants and members of HelloAsso; who pays need not be who comes",
    source="HelloAsso",
    map={
        "Numéro de billet": "source_id",
        **dict.fromkeys(["Nom participant", "Nom adhérent", "Nom de famille", "Nom"], "last_name"),
        **dict.fromkeys(["Prénom participant", "Prénom adhérent", "Prénom Adulte 1", "Prénom"], "first_name"),
        **dict.fromkeys(
            ["Email participant", "Mail", "E-mail", "Email", "Adresse e-mail", "Adresse mail de contact"], "email"
        ),
        "Champ additionnel: Email": "email",
        "Champ additionnel: Téléphone": "phone",
        "Raison sociale": "company",
        "Référence commande": "extra",
        "Date de la commande": "extra",
        "Statut de la commande": "extra",
        **dict.fromkeys(_PAYER, "extra"),
    },
    tags={"Tarif": "{}", "Billet": "{}", "Formule": "{}", "Statut de la commande": _ABSENT},
)
def helloasso(row: Row, draft: LeadDraft) -> LeadDraft:
    """The participant is the lead; who pays for herself has her address only as the payer."""
    last, first, email = (
        row.get(f"{what} payeur").strip() or row.get(f"{what} acheteur").strip() for what in ("Nom", "Prénom", "Email")
    )
    if not (draft.first_name or draft.last_name):
        draft = attrs.evolve(draft, first_name=first or None, last_name=last or None)
    names = {name.casefold() for name in (draft.first_name, draft.last_name) if name}
    if not draft.email and names == {name.casefold() for name in (first, last) if name}:
        return attrs.evolve(draft, email=email or None)
    return draft


_BUYER = ["Prénom acheteur", "Nom acheteur", "E-mail acheteur", "Email acheteur"]

WEEZEVENT = importer(
    "weezevent",
    columns=["NOM", "PRENOM", "EMAIL", "BARCODE"],
    variants=[["Numéro de commande", "Prénom participant", "Nom participant"]],
    summary="participants of Weezevent",
    source="Weezevent",
    map={
        "BARCODE": "source_id",
        "Code barre": "source_id",
        "Nom": "last_name",
        "Prénom": "first_name",
        "Email": "email",
        "Prénom participant": "first_name",
        "Nom participant": "last_name",
        "E-mail participant": "email",
        "Numéro de commande": "extra",
        "Date commande": "extra",
        **dict.fromkeys(_BUYER, "extra"),
    },
    tags={"GROUPE CAT": "{}", "Tarif": "{}"},
)

BILLETWEB = importer(
    "billetweb",
    columns=["Ref. commande", "Nom du billet"],
    summary="participants of Billetweb",
    source="Billetweb",
    map={"Ref. commande": "extra", "Nom": "last_name", "Prénom": "first_name", "Date": "extra"},
    tags={"Nom du billet": "{}"},
)
