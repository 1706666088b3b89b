"""Ticketing: Eventbrite, Luma, HelloAsso, Weezevent, Billetweb, Meetup. One row per ticket.

Who cancelled or was declined showed interest all the same: a tag says so, and keeps
them out of the mails to those who came.
"""

from __future__ import annotations

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["BILLETWEB", "EVENTBRITE", "MEETUP", "WEEZEVENT", "helloasso", "luma"]

_ABSENT = {
    **dict.fromkeys(["refunded", "rimborsato", "remboursé", "erstattet", "reembolsado"], "refunded"),
    **dict.fromkeys(["cancelled", "canceled", "annullato", "annulé", "storniert", "cancelado"], "cancelled"),
    **{word: word for word in ("deleted", "not attending", "transferred", "no show", "checked in", "pending")},
    "en attente": "pending",
}

# English, French, German, Italian, Spanish.
_ORDERS = (
    *("Order #", "Order ID", "N° de commande", "Numéro de commande", "Bestellnummer", "Bestell-Nr."),
    *("ID dell'ordine", "N. ordine", "N° ordine", "Numero ordine", "Nº de pedido", "N° de pedido", "Número de pedido"),
)
_ATTENDEES = (
    *("Attendee #", "N° de participant", "Numéro de participant", "Teilnehmernummer", "Teilnehmer-Nr."),
    *("N. partecipante", "N° partecipante", "Numero partecipante"),
    *("Nº de asistente", "N° de asistente", "Número de asistente"),
)
_TICKETS = (
    *("Ticket Type", "Type de billet", "Ticketart", "Tickettyp", "Tipo di biglietto", "Tipo biglietto"),
    *("Tipo de entrada", "Tipo de boleto"),
)
_STATES = (
    *("Attendee Status", "Order Status", "Statut du participant", "Teilnehmerstatus", "Status des Teilnehmers"),
    *("Stato del partecipante", "Stato partecipante", "Estado del asistente"),
)

EVENTBRITE = importer(
    "eventbrite",
    columns=[
        _ORDERS,
        (*_ATTENDEES, *_TICKETS),
        (
            *("Email", "E-mail", "Last Name", "First Name", "Nom", "Prénom", "Vorname", "Nachname"),
            *("Cognome", "Nombre", "Apellidos", "Correo electrónico"),
        ),
    ],
    variants=[
        ["ID dell'ordine", ("Nome del partecipante", "Cognome del partecipante", "E-mail del partecipante")],
        ["Bestellnummer", "Bestelldatum", ("Vorname", "Nachname")],
        ["Order #", "Order Status", ("Email", "Last Name")],
    ],
    summary="attendees or orders of an event on Eventbrite",
    source="Eventbrite",
    map={
        **dict.fromkeys(_ATTENDEES, "source_id"),
        **dict.fromkeys(_ORDERS, "extra"),
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
        **dict.fromkeys(_STATES, "extra"),
    },
    values={name: {"Info Requested": ""} for name in ("First Name", "Last Name", "Email", "Company", "Job Title")},
    consent={"Tieni informat*": "opt_in", "J'accepte de recevoir*": "opt_in", "Keep me *": "opt_in"},
    tags={
        **dict.fromkeys([*_TICKETS, "Event Name", "Nome dell'evento"], "{}"),
        **dict.fromkeys(_STATES, _ABSENT),
    },
)


@importer(
    "luma",
    columns=[("api_id", "guest_id", "guest_api_id"), "approval_status"],
    summary="guests of an event on Luma",
    source="Luma",
    map={
        "api_id": "source_id",
        "guest_id": "source_id",
        "guest_api_id": "source_id",
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

MEETUP = importer(
    "meetup",
    columns=["Name", "RSVP", ("URL of Member Profile", "RSVPed on")],
    summary="who answered to an event on Meetup; its hosts are left out",
    source="Meetup",
    map={"User ID": "source_id", "Title": "extra", "URL of Member Profile": "extra", "RSVP": "extra"},
    tags={"RSVP": {"No": "declined", "Waitlist": "waitlist"}},
    skip={"Event Host": ["Yes"]},
)
