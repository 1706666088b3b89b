"""The importer for text tables: from header words to columns of drafts."""

from __future__ import annotations

import pytest

from crmkit.core.drafts import DRAFT_FIELDS, DraftBatch
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions
from crmkit.errors import RejectedError, UnreadableError
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.plugins.builtin.headers import field_of, header_language, map_header
from crmkit.plugins.builtin.synonyms import REACH, SYNONYMS
from crmkit.services.sources import BytesSource

FRENCH_EXCEL = (
    "Civilité;Prénom;Nom;Société;Fonction;E-mail;Téléphone;Code postal;Mots-clés;Stand\r\n"
    'M.;Jules;ETIENNE;Hospy Médias;Gérant;jules@hospy.example;06 12 34 56 78;01960;"salon, vip|chaud";A12\r\n'
    "Mme;Zoé;Müller;;;zoe@example.fr;'+33 1 23 45 67 89;;;\r\n"
).encode("cp1252")


def read(data: bytes | str, mapping: dict[str, str] | None = None) -> Reading:
    raw = data.encode() if isinstance(data, str) else data
    return CsvImporter().read(BytesSource("leads.csv", raw), ReadingOptions(mapping=mapping or {}))


def only_batch(data: bytes | str, mapping: dict[str, str] | None = None) -> DraftBatch:
    (batch,) = read(data, mapping).batches
    return batch


def test_french_excel_becomes_drafts_without_being_told_anything() -> None:
    reading = read(FRENCH_EXCEL)

    (batch,) = reading.batches

    assert reading.language == "fr"
    assert {name: list(values) for name, values in batch.columns.items()} == {
        "salutation": ["M.", "Mme"],
        "first_name": ["Jules", "Zoé"],
        "last_name": ["ETIENNE", "Müller"],
        "company": ["Hospy Médias", ""],
        "title": ["Gérant", ""],
        "email": ["jules@hospy.example", "zoe@example.fr"],
        "phone": ["06 12 34 56 78", "+33 1 23 45 67 89"],
        "postal_code": ["01960", ""],
        "tags": [("salon", "vip", "chaud"), ()],
        "extra": [{"Stand": "A12"}, {}],
    }
    assert batch.lines == [2, 3]
    assert batch.cells[1][6] == "'+33 1 23 45 67 89"


def test_rows_that_are_no_records_or_broken_stay_in_the_batch_with_empty_columns() -> None:
    batch = only_batch('Name,Email\nAnn,a@x.fr\n,\nTotal,1\nBob,b@x.fr\nCid,"c@x.fr\n')

    assert batch.columns == {"full_name": ["Ann", "", "", "Bob", ""], "email": ["a@x.fr", "", "", "b@x.fr", ""]}
    assert batch.ignored == {3: "blank row", 4: "total"}
    assert [(problem.line, problem.fatal) for problem in batch.problems] == [(6, True)]
    assert len(batch) == 5


def test_the_cells_of_a_row_longer_than_the_header_are_kept() -> None:
    batch = only_batch("Name,Email\nAnn,a@x.fr,x,,y\nBob,b@x.fr\n")

    assert batch.columns["extra"] == [{"column_3": "x", "column_5": "y"}, {}]
    assert [(problem.line, problem.fatal) for problem in batch.problems] == [(2, False)]


def test_of_two_columns_for_one_field_the_first_filled_cell_wins_and_the_other_is_kept() -> None:
    batch = only_batch("Name,Phone,Name,Phone\nJohn,1,John D.,2\n,,Jane,3\nBob,4,Bob,\n")

    assert batch.columns["full_name"] == ["John", "Jane", "Bob"]
    assert batch.columns["phone"] == ["1", "3", "4"]
    assert batch.columns["extra"] == [{"Name (2)": "John D.", "Phone (2)": "2"}, {}, {}]


def test_further_addresses_are_gathered() -> None:
    batch = only_batch("Email,E-mail 2,Secondary Email\na@x.fr,b@x.fr,c@x.fr; d@x.fr\n")

    assert batch.columns["email"] == ["a@x.fr"]
    assert batch.columns["other_emails"] == [("b@x.fr", "c@x.fr", "d@x.fr")]


@pytest.mark.parametrize(
    ("header", "cells", "field", "said"),
    [
        ("Email Opt Out", ["1", "", "0", "Yes"], "opt_out", [True, None, False, True]),
        ("EMAIL_BLACKLISTED", ["Yes", "No"], "opt_out", [True, False]),
        ("UNSUB_TIME", ["2024-01-02 03:04:05", ""], "opt_out", [True, None]),
        ("Désinscrit", ["oui", "non"], "opt_out", [True, False]),
        ("Do not allow Emails", ["Do Not Allow", "Allow"], "opt_out", [True, False]),
        ("Newsletter", ["Oui", "Non", ""], "consent", [True, False, None]),
        ("Accepts Email Marketing", ["yes", "no"], "consent", [True, False]),
        ("Einwilligung", ["Ja", "Nein"], "consent", [True, False]),
        ("GDPR consent", ["2024-01-02", "Unsubscribed"], "consent", [True, False]),
        ("Consenso", ["Sì", "no"], "consent", [True, False]),
    ],
)
def test_consent_and_objection_have_their_own_field_and_sign(
    header: str, cells: list[str], field: str, said: list[bool | None]
) -> None:
    rows = "".join(f"p{n}@x.fr,{cell}\n" for n, cell in enumerate(cells))

    batch = only_batch(f"Email,{header}\n{rows}")

    assert {name: batch.columns.get(name) for name in ("opt_out", "consent")} == {
        "opt_out": None,
        "consent": None,
        field: said,
    }
    assert batch.problems == ()


def test_a_consent_that_says_neither_yes_nor_no_is_unknown_and_a_warning() -> None:
    batch = only_batch("Email,Newsletter\na@x.fr,maybe\n")

    assert batch.columns["consent"] == [None]
    assert [(problem.line, problem.field, problem.value, problem.fatal) for problem in batch.problems] == [
        (2, "consent", "maybe", False)
    ]


def test_one_refusal_among_several_columns_is_enough() -> None:
    header = "Email,Newsletter,Opt-in,Email Opt Out,Unsubscribed"

    batch = only_batch(f"{header}\na@x.fr,yes,,1,0\nb@x.fr,no,yes,0,1\nc@x.fr,yes,no,0,\nd@x.fr,,,,\n")

    assert batch.columns["opt_out"] == [True, True, False, None]
    assert batch.columns["consent"] == [True, False, False, None]


def test_columns_about_calls_and_texts_say_nothing_about_mail() -> None:
    assert {field_of(name) for name in ("Do Not Call", "SMS_BLACKLISTED")} == {"extra"}


# --------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Prénom;Nom;E-mail;Ville", "first_name last_name email city"),
        ("Nom;Email;Entreprise", "full_name email company"),
        ("Vorname;Nachname;Firma;PLZ;Ort;Straße", "first_name last_name company postal_code city street"),
        ("Nome;Cognome;Azienda;Cellulare", "first_name last_name company mobile"),
        ("Nombre;Apellidos;Correo electrónico;Móvil", "first_name last_name email mobile"),
        ("Nombre;Correo;Teléfono", "full_name email phone"),
        ("fname;lname;email_address;organization;job_title", "first_name last_name email company title"),
        ("firstName;lastName;emailAddressIsOptedOut;addressPostalCode", "first_name last_name opt_out postal_code"),
        ("Title;First Name;Job Title", "salutation first_name title"),
        ("Person - Name;Person - Email[Work];Org - Name", "full_name email company"),
        ("Your full name;Your e-mail (required)*:;WhatsApp number (for your pass)", "full_name email mobile"),
        ("☎ Contact;Parent's phone number;Email payeur", "phone extra extra"),
        ("Nmae;Emial;Phne;Compny;Statu", "full_name email phone company extra"),
    ],
)
def test_headers_of_many_kinds_find_their_fields(header: str, fields: str) -> None:
    names = header.split(";")

    mapped = map_header(names)

    assert [mapped[index] for index in range(len(names))] == fields.split()


def test_every_synonym_belongs_to_one_field_and_is_found_as_written() -> None:
    for field, languages in SYNONYMS.items():
        for words in languages.values():
            assert {word: field_of(word) for word in words} == dict.fromkeys(words, field)
    assert set(SYNONYMS) <= {*DRAFT_FIELDS, REACH}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("Prénom;Nom;Société;Email", "fr"),
        ("Vorname;Nachname;Firma", "de"),
        ("Nome;Cognome;Azienda", "it"),
        ("Apellidos;Empresa;Correo", "es"),
        ("First Name;Last Name;Email", "en"),
        ("Email;Notes;Contact", None),
        ("Prénom;Last Name", None),
    ],
)
def test_the_language_of_a_header_is_told_only_when_it_is_clear(header: str, language: str | None) -> None:
    assert header_language(header.split(";")) == language


def test_a_mapping_goes_before_every_synonym() -> None:
    batch = only_batch(
        "Name,Email,Perso,Souhaite être rappelé\nAnn,a@x.fr,p@x.fr,oui\n",
        {"Perso": "email", "name": "company", "Souhaite être rappelé": "consent"},
    )

    assert list(batch.columns["email"]) == ["p@x.fr"]
    assert list(batch.columns["company"]) == ["Ann"]
    assert batch.columns["consent"] == [True]
    assert batch.columns["extra"] == [{"Email": "a@x.fr"}]


def test_a_mapping_that_cannot_be_is_refused_with_all_reasons() -> None:
    with pytest.raises(RejectedError) as caught:
        read("Name,Email\n", {"Nane": "full_name", "Email": "e_mail", "Name": "owner"})

    assert len(caught.value.reasons) == 3
    assert "'Name'" in caught.value.reasons[0]
    assert "'email'" in caught.value.reasons[1]


# ---------------------------------------------------------------- recognition


@pytest.mark.parametrize(
    ("data", "sure"),
    [
        (FRENCH_EXCEL, 40),
        ("Name\tEmail\n".encode("utf-16"), 40),
        (b"Email\na@x.fr\n", 40),
        (b"Foo,Bar\n1,2\n", 10),
        (b"From city,To city\nLyon,Paris\n", 10),
        (b"From ann@x.fr Mon Jan  1 00:00:00 2024\nSubject: x\n", 0),
        (b"once upon a time\n", 10),
        (b"", 1),
        (b"PK\x03\x04" + bytes(100), 0),
        (b"BEGIN:VCARD\nVERSION:3.0\n", 0),
        (b'[{"email": "a@x.fr"}]', 0),
        (b"<html><table>", 0),
        (b"From: Ann <a@x.fr>\r\nTo: b@x.fr\r\nSubject: Name, Email\r\n\r\nHello", 0),
    ],
)
def test_it_is_modestly_sure_of_tables_and_of_nothing_else(data: bytes, sure: int) -> None:
    importer: Importer = CsvImporter()

    assert importer.identify(BytesSource("x", data)) == sure


def test_a_beginning_that_ends_within_a_character_is_recognised() -> None:
    for codec in ("utf-8", "utf-16-le"):
        for shift in range(4):
            data = ("Name,Email\n" + "x" * shift + ",\n" + "é€𝄞,z@x.fr\n" * 20_000).encode(codec)

            assert CsvImporter().identify(BytesSource("x", data)) == 40


def test_rows_come_in_batches_that_together_are_the_file() -> None:
    text = "Name,Email\n" + "".join(f"Ann{n},a{n}@x.fr\n" for n in range(4500))

    batches = list(read(text).batches)

    assert [len(batch) for batch in batches] == [2000, 2000, 500]
    assert [line for batch in batches for line in batch.lines] == list(range(2, 4502))


def test_a_header_alone_makes_no_batches() -> None:
    assert list(read("Name,Email\n").batches) == []


def test_a_cell_of_address_and_number_is_parted() -> None:
    batch = only_batch("Name,Email / Phone\nAnn,ann@x.fr / 98765 43210\nBob,bob@x.fr\n")

    assert batch.columns["email"] == ["ann@x.fr", "bob@x.fr"]
    assert batch.columns["phone"] == ["98765 43210", ""]


@pytest.mark.parametrize(
    "header", ["Account,Sector,Office location", "Record ID,Deal Name,Deal Stage,Amount", "Id,Name,StageName,CloseDate"]
)
def test_a_table_without_people_is_refused_unless_it_is_mapped(header: str) -> None:
    rows = header + "\n" + ",".join("x" for _ in header.split(",")) + "\n"

    with pytest.raises(UnreadableError, match="lists no people"):
        read(rows)
    assert read(rows, {header.split(",")[1]: "company"}).header == tuple(header.split(","))


def test_companies_with_a_place_are_leads() -> None:
    batch = only_batch("Company,Country,Industry\nLee Inc,Ireland,Health\n")

    assert (batch.columns["company"], batch.columns["country"]) == (["Lee Inc"], ["Ireland"])
