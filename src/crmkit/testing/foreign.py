"""Files of others, small and invented, that an importer must not take for its own."""

from __future__ import annotations

from typing import Final

__all__ = ["FOREIGN", "JUNK"]


def _table(header: str, row: str) -> bytes:
    return f"{header}\n{row}\n".encode()


FOREIGN: Final[dict[str, bytes]] = {
    "zoho.csv": _table(
        "Record Id,Lead Owner,First Name,Last Name,Company,Email,Lead Status,Created Time",
        "zcrm_1,Ann Owner,Ada,Lind,Nord Ltd,ada@nord.example,Contacted,2026-01-02 10:00:00",
    ),
    "salesforce.csv": _table(
        "Id,IsDeleted,LastName,FirstName,Company,Email,LeadSource,Status,OwnerId",
        "00Q000000000001,,Lind,Ada,Nord Ltd,ada@nord.example,Web,Open,005000000000001",
    ),
    "hubspot.csv": _table(
        "Record ID,First Name,Last Name,Email,Lifecycle Stage,Contact owner",
        "101,Ada,Lind,ada@nord.example,lead,Ann Owner",
    ),
    "pipedrive.csv": _table(
        "Person - Name,Person - Email,Organization - Name,Deal - Title", "Ada Lind,ada@nord.example,Nord Ltd,Ovens"
    ),
    "linkedin-connections.csv": (
        b'Notes:\n"Some addresses are missing."\n\n'
        b"First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
        b"Ada,Lind,https://social.example/in/ada,,Nord Ltd,Buyer,12 Mar 2026\n"
    ),
    "google-contacts.csv": _table(
        "First Name,Last Name,File As,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value",
        "Ada,Lind,,* myContacts,Work,ada@nord.example,Mobile,+33612345678",
    ),
    "outlook-contacts.csv": "Vorname;Nachname;Firma;Telefon geschäftlich\r\nAda;Lind;Nörd;030 1234567\r\n".encode(
        "cp1252"
    ),
    "eventbrite.csv": _table(
        "Order #,Order Date,First Name,Last Name,Email,Ticket Type,Attendee #,Attendee Status",
        "1,11/29/26 22:28,Ada,Lind,ada@nord.example,VIP,77,Attending",
    ),
    "helloasso.csv": (
        "\ufeffRéférence commande;Date de la commande;Statut de la commande;Nom participant;Prénom participant\r\n"
        "1;09/10/2026 21:59;Validé;Lind;Ada\r\n"
    ).encode(),
    "mailchimp.csv": _table(
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,LEID,EUID,TAGS",
        "ada@nord.example,Ada,Lind,2,2026-01-02 03:04:05,9,abc,",
    ),
    "brevo.csv": b"EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED\nada@nord.example;Lind;Ada;33612345678;No\n",
    "meta-leads.csv": (
        "id\tcreated_time\tad_name\tform_name\tfull_name\temail\tphone_number\n"
        "l:1\t2026-01-02T03:04:05+00:00\tSpring\tBuyers\tAda Lind\tada@nord.example\tp:+33612345678\n"
    ).encode("utf-16"),
    "google-forms.csv": _table("Horodateur,Adresse e-mail,Votre nom", "01/10/2026 18:12:05,ada@nord.example,Ada Lind"),
    "csv.csv": _table("Name,E-mail,Company", "Ada Lind,ada@nord.example,Nord Ltd"),
}
"""Tables that one importer of crmkit each knows best: it has the name of the file."""

JUNK: Final[dict[str, bytes]] = {
    "empty.csv": b"",
    "blank.csv": b"\n\n  \n",
    "header_only.csv": b"alpha,beta,gamma\n",
    "binary.csv": bytes(range(256)) * 8,
    "program.exe": b"MZ\x90\x00" + bytes(500),
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "page.html": b"<!doctype html><html><body><p>no table here</p></body></html>",
    "one_line.csv": b"x" * (1 << 20),
    "half_utf16.csv": "Name,Email".encode("utf-16")[:-1],
}
"""Files that nobody should want."""
