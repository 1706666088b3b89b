"""Thunderbird: address books in English, French or German."""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["THUNDERBIRD"]

THUNDERBIRD = importer(
    "thunderbird",
    columns=["Primary Email", ("Secondary Email", "Screen Name", "Work Phone", "Display Name")],
    variants=[
        ["Adresse électronique principale", ("Tél. professionnel", "Portable", "Prénom")],
        ["Primäre E-Mail-Adresse", ("Tel. dienstlich", "Mobil-Tel.-Nr.", "Vorname")],
    ],
    summary="an address book exported from Thunderbird",
    source="Thunderbird",
    map={
        "Primary Email": "email",
        "Adresse électronique principale": "email",
        "Primäre E-Mail-Adresse": "email",
        "Secondary Email": "other_emails",
        "Adresse électronique secondaire": "other_emails",
        "Sekundäre E-Mail-Adresse": "other_emails",
        "Display Name": "full_name",
        "Work Phone": "phone",
        "Tél. professionnel": "phone",
        "Tel. dienstlich": "phone",
        "Home Phone": "phone",
        "Mobile Number": "mobile",
        "Portable": "mobile",
        "Mobil-Tel.-Nr.": "mobile",
        "Work Address": "street",
        "Work City": "city",
        "Work State": "region",
        "Work ZipCode": "postal_code",
        "Work Country": "country",
        "Organization": "company",
        "Organisation": "company",
        "Société": "company",
        "Web Page 1": "website",
        "Site Web 1": "website",
        "Web Page 2": "extra",
        "Nickname": "extra",
        "Department": "extra",
    },
)
