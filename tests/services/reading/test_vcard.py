"""Cards of every version and habit, to named texts."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.services.reading.limits import Limits
from crmkit.services.reading.vcard import read

Records = list[tuple[int, dict[str, str], str]]


def cards(data: bytes | str) -> Records:
    raw = data.encode() if isinstance(data, str) else data
    return [tuple(record) for frame in read(BytesIO(raw), Limits()) for record in frame["records"]]


def card(*lines: str | bytes) -> dict[str, str]:
    raw = b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    ((_, record, fault),) = cards(b"BEGIN:VCARD\r\n" + raw + b"\r\nEND:VCARD\r\n")
    assert fault == ""
    return record


def test_a_card_of_an_address_book_becomes_what_columns_are_called() -> None:
    record = card(
        "VERSION:3.0",
        "N:Etienne;Jules;Marie;M.;Jr.",
        "FN:M. Jules Etienne",
        "ORG:Hospy Médias;Ventes",
        "TITLE:Gérant",
        "TEL;TYPE=HOME:01 11 11 11 11",
        "TEL;TYPE=WORK,VOICE:01 23 45 67 89",
        "TEL;TYPE=CELL:06 12 34 56 78",
        "TEL;TYPE=WORK,FAX:01 99",
        "EMAIL;TYPE=HOME:jules@home.example",
        "EMAIL;TYPE=PREF:jules@hospy.example",
        "ADR;TYPE=WORK:;;12 rue de la Paix;Paris;IdF;75002;France",
        "URL:https://hospy.example",
        "URL:https://www.linkedin.com/in/jules",
        "NOTE:Met at booth\\, twice\\nCall back",
        "CATEGORIES:salon,vip",
        "BDAY:19800322",
        "UID:urn:uuid:1-2",
        "item1.X-FAVOURITE:tea",
        "item1.X-ABLabel:_$!<Drink>!$_",
    )

    assert record == {
        "UID": "1-2",
        "Name prefix": "M.",
        "First name": "Jules",
        "Last name": "Etienne",
        "Middle name": "Marie",
        "Name suffix": "Jr.",
        "Company": "Hospy Médias",
        "Department": "Ventes",
        "Job title": "Gérant",
        "Email": "jules@hospy.example",
        "Other email": "jules@home.example",
        "Phone": "01 23 45 67 89",
        "Mobile": "06 12 34 56 78",
        "Fax": "01 99",
        "Other phone": "01 11 11 11 11",
        "Website": "https://hospy.example",
        "LinkedIn": "https://www.linkedin.com/in/jules",
        "Street": "12 rue de la Paix",
        "Postal code": "75002",
        "City": "Paris",
        "Region": "IdF",
        "Country": "France",
        "Notes": "Met at booth, twice\nCall back",
        "Categories": "salon, vip",
        "Birthday": "1980-03-22",
        "Drink": "tea",
    }


@pytest.mark.parametrize(
    ("lines", "name", "text"),
    [
        (["NOTE:one", "  two"], "Notes", "one two"),
        (["NOTE;ENCODING=QUOTED-PRINTABLE:one=", "two=0D=0Athree"], "Notes", "onetwo\r\nthree"),
        (["NOTE;QUOTED-PRINTABLE;CHARSET=UTF-8:caf=C3=", "=A9"], "Notes", "café"),
        (["NOTE;ENCODING=QUOTED-PRINTABLE:ends=", "", "TITLE:Boss"], "Notes", "ends"),
        (["NOTE;ENCODING=QUOTED-PRINTABLE:ends=", "", "TITLE:Boss"], "Job title", "Boss"),
        ([b"N;CHARSET=ISO-8859-2:Nov\xe1k;Ji\xf8\xed"], "First name", "Jiří"),
        ([b"N:M\xfcller;Zo\xe9"], "Last name", "Müller"),
        (["N:M\u00fcller;Zo\u00e9"], "Last name", "Müller"),
        (["TEL;VALUE=uri:tel:+1-555-0100;ext=102"], "Phone", "+1-555-0100 x102"),
        (["TEL;PREF=1;TYPE=home:2", "TEL;TYPE=work:1"], "Phone", "2"),
        (["tel;work;voice:1"], "Phone", "1"),
        (["N:;;;;", "FN:Ada Lovelace"], "Full name", "Ada Lovelace"),
        (["FN:Hospy", "ORG:Hospy"], "Company", "Hospy"),
        (["FN:Hospy", "KIND:org"], "Company", "Hospy"),
        (["ORG:Company\\, The\\; Inc"], "Company", "Company, The; Inc"),
        (["PHOTO;ENCODING=b:AAAA", " BBBB", "TITLE:Boss"], "Job title", "Boss"),
        (["PHOTO;ENCODING=BASE64:AAAA", "BBBB", "", "TITLE:Boss"], "Left out", "Photo"),
        (["AGENT:", "BEGIN:VCARD", "TITLE:Inner", "END:VCARD", "TITLE:Outer"], "Job title", "Outer"),
    ],
)
def test_every_habit_of_address_books_is_understood(lines: list[str | bytes], name: str, text: str) -> None:
    assert card(*lines).get(name) == text


def test_several_cards_are_numbered_by_the_line_on_which_they_begin() -> None:
    data = "BEGIN:VCARD\nN:A\nEND:VCARD\n\nbegin:vcard\rN:B\rend:vcard\r"

    assert [(line, record["Last name"]) for line, record, _ in cards(data)] == [(1, "A"), (5, "B")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_any_unicode_encoding_is_understood(codec: str) -> None:
    ((_, record, _),) = cards("BEGIN:VCARD\r\nN:Müller;Zoé\r\nEND:VCARD\r\n".encode(codec))

    assert record == {"First name": "Zoé", "Last name": "Müller"}


def test_a_card_that_does_not_end_is_kept_with_its_text_and_costs_no_other() -> None:
    first, second, third = cards("BEGIN:VCARD\nN:A\nBEGIN:VCARD\nN:B\nEND:VCARD\nBEGIN:VCARD\nN:C")

    assert (second[1], second[2]) == ({"Last name": "B"}, "")
    assert [(each[0], each[2]) for each in (first, third)] == [
        (1, "the card does not end: END:VCARD is missing"),
        (6, "the card does not end: END:VCARD is missing"),
    ]
    assert first[1]["vCard"] == "N:A"


@given(
    st.lists(
        st.sampled_from(
            [b"BEGIN:VCARD", b"END:VCARD", b"AGENT:", b"N:A;B", b" x", b"=", b"NOTE;QUOTED-PRINTABLE:a=", b""]
        )
    )
)
def test_there_are_never_more_cards_than_begin(lines: list[bytes]) -> None:
    found = cards(b"\n".join(lines))

    assert len(found) <= lines.count(b"BEGIN:VCARD")


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    cards(b"BEGIN:VCARD\n" + data + b"\nEND:VCARD")
