"""LDIF and other blocks of named lines, to records of texts."""

from __future__ import annotations

from io import BytesIO

import pytest

from crmkit.services.reading.entries import read
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.reading.limits import Limits
from crmkit.services.sources import BytesSource

LDIF = """version: 1

# made by hand
dn: cn=Ann Lee,mail=ann@x.example
objectclass: top
objectclass: person
givenName: Ann
sn: Lee
cn:: Wm/DqSBQZXRpdA==
mail: ann@x.example
telephoneNumber: 01 42 68 53 00
telephoneNumber: 06 12 34 56 78
description: a note that goes
  on

dn: cn=Friends
objectclass: groupOfNames
cn: Friends
member: cn=Ann Lee
"""
PAIRS = "Name: Ann Lee\r\nEmail: ann@x.example\r\n\r\nName: Bob\r\nEmail:\r\n"


def records(text: str, limits: Limits | None = None) -> list[tuple[int, dict[str, str], str]]:
    frames = read(BytesIO(text.encode()), limits or Limits())
    return [(line, record, fault) for frame in frames for line, record, fault in frame["records"]]


def test_an_entry_is_a_record_by_the_names_of_its_lines() -> None:
    entry, group = records(LDIF)

    assert entry == (
        4,
        {
            "dn": "cn=Ann Lee,mail=ann@x.example",
            "givenName": "Ann",
            "sn": "Lee",
            "cn": "Zoé Petit",
            "mail": "ann@x.example",
            "telephoneNumber": "01 42 68 53 00; 06 12 34 56 78",
            "description": "a note that goes on",
        },
        "",
    )
    assert (group[0], group[2]) == (16, "ignored: a group, and no person")


def test_blocks_of_pairs_are_records_without_what_is_empty() -> None:
    assert records(PAIRS) == [(1, {"Name": "Ann Lee", "Email": "ann@x.example"}, ""), (4, {"Name": "Bob"}, "")]


def test_a_line_that_is_none_costs_its_entry() -> None:
    (broken, whole) = records("Name: Ann\nwhat\n\nName: Bob\nCity: Lyon\n")

    assert broken == (1, {"Entry": "Name: Ann\nwhat"}, "'what' is no line of an entry")
    assert whole[1] == {"Name": "Bob", "City": "Lyon"}


def test_an_entry_without_end_is_cut_and_costs_only_itself() -> None:
    limits = Limits()._replace(cell_chars=1000)

    endless, after = records("note: x\n" * 5000 + "\nName: Bob\n", limits)

    assert endless[2] == "the entry is too long"
    assert len(endless[1]["Entry"]) <= 2000
    assert after[1] == {"Name": "Bob"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LDIF, Format.ENTRIES),
        ("dn: cn=A\nmail: a@x.example\n", Format.ENTRIES),
        ("dn:: Y249QQ==\nmail: a@x.example\n", Format.ENTRIES),
        (PAIRS, Format.ENTRIES),
        ("Name: Ann\nEmail: a@x.example\n", Format.TEXT),  # one block may be anything
        ("Name: Ann\nEmail: a@x\n\nsome words\n", Format.TEXT),
        ("Name: Ann\nCity: Lyon\n\nCity: Metz\nName: Bob\n", Format.TEXT),
        ("From: a@x.example\nSubject: Hi\n\nFrom: nobody\nTo: all\n", Format.MAIL),
        ("Name,Email\nAnn,a@x.example\n", Format.TEXT),
    ],
)
def test_entries_are_told_from_other_texts(text: str, kind: Format) -> None:
    assert format_of(BytesSource("people", text.encode())) is kind
