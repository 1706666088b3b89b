"""Cards: what address books read, and what crmkit reads back without losing a field."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit import CRM
from crmkit.errors import RejectedError
from crmkit.services.exporting.cards import _folded
from crmkit.services.reading.limits import Limits
from crmkit.services.reading.vcard import read

from .conftest import BadgeScan, Records, opened


def cards(crm: CRM, kind: str) -> str:
    stream = io.StringIO(newline="")
    crm.export(kind, stream, format="vcard")
    return stream.getvalue()


@pytest.mark.usefixtures("shop")
def test_a_card_of_a_company_says_that_it_is_one(crm: CRM) -> None:
    lines = cards(crm, "accounts").split("\r\n")

    assert lines[:3] == ["BEGIN:VCARD", "VERSION:3.0", "FN:Hospy\\; Médias\\, SA"]
    assert "KIND:org" in lines
    assert "ORG:Hospy\\; Médias\\, SA" in lines
    assert "ADR;TYPE=WORK:;;;Lyon;;;FR" in lines
    assert lines[-2:] == ["END:VCARD", ""]


@pytest.mark.usefixtures("shop")
def test_a_contact_has_the_name_of_its_account(crm: CRM) -> None:
    lines = cards(crm, "contacts").split("\r\n")

    assert "N:Etienne;Jules;;;" in lines
    assert "ORG:Hospy\\; Médias\\, SA" in lines


@pytest.mark.usefixtures("shop")
def test_no_line_is_longer_than_75_bytes(crm: CRM) -> None:
    text = cards(crm, "leads")

    assert max(len(line.encode()) for line in text.split("\r\n")) == 75
    assert "é" * 200 in text.replace("\r\n ", "")


def test_a_line_break_is_one_however_it_was_written(crm: CRM) -> None:
    crm.leads.add(first_name="Zoé", notes="a\r\nb\rc\nd")

    assert "NOTE:a\\nb\\nc\\nd" in cards(crm, "leads").split("\r\n")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=60))
def test_a_folded_line_is_the_same_when_it_is_unfolded(line: str) -> None:
    folded = _folded(line)

    assert folded.replace("\r\n ", "") == line + "\r\n"
    assert all(len(piece.encode()) <= 75 for piece in folded.split("\r\n"))


def test_no_field_is_lost_when_cards_are_read_back(crm: CRM, shop: Records, tmp_path: Path) -> None:
    before = crm.leads.get(shop.lead)
    crm.export("leads", tmp_path / "leads.vcf")

    with opened() as other:
        report = other.import_leads(tmp_path / "leads.vcf")
        [lead] = other.leads
        points = sorted((point.kind.value, point.value) for point in other.collection("contact_point"))

    assert (report.created, report.warnings) == (1, 0)
    for name in ("salutation", "first_name", "last_name", "company", "title", "email", "phone", "mobile", "website"):
        assert (name, getattr(lead, name)) == (name, getattr(before, name))
    for name in ("street", "postal_code", "city", "region", "country", "language", "tags", "notes"):
        assert (name, getattr(lead, name)) == (name, getattr(before, name))
    assert lead[BadgeScan] == before[BadgeScan]
    assert lead.source_id == before.id
    assert ("email", "zoe@home.example.com") in points
    assert "+33199004121" in str(points) + str(lead.extra)
    assert lead.extra["Badge colour"] == "red"


@pytest.mark.usefixtures("shop")
def test_the_same_cards_again_change_nothing(crm: CRM, tmp_path: Path) -> None:
    crm.export("leads", tmp_path / "leads.vcf")

    with opened() as other:
        other.import_leads(tmp_path / "leads.vcf")
        report = other.import_leads(tmp_path / "leads.vcf")

    assert (report.read, report.unchanged) == (1, 1)


@pytest.mark.usefixtures("shop")
def test_a_company_comes_back_as_a_company(crm: CRM, tmp_path: Path) -> None:
    crm.export("accounts", tmp_path / "accounts.vcf")

    with opened() as other:
        other.import_leads(tmp_path / "accounts.vcf")
        [lead] = other.leads

    assert (lead.company, lead.name, lead.city, lead.phone) == ("Hospy; Médias, SA", "", "Lyon", "+33199004119")


@pytest.mark.parametrize("kind", ["deals", "activities", "campaigns"])
def test_what_is_neither_person_nor_company_is_no_card(crm: CRM, kind: str) -> None:
    with pytest.raises(RejectedError, match=f"{kind} cannot be cards"):
        cards(crm, kind)


names = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), min_size=1, max_size=40)
readable = names.map(str.strip).filter(lambda text: text and "\u2028" not in text)


FIELDS = ("first_name", "last_name", "company", "title", "city", "notes")


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, readable)))
def test_what_a_card_says_is_read_as_it_was(values: dict[str, str]) -> None:
    with opened() as crm:
        crm.leads.add_many([values])
        [frame] = read(io.BytesIO(cards(crm, "leads").encode()), Limits())

    [[_, record, fault]] = frame["records"]
    names = ("First name", "Last name", "Company", "Job title", "City", "Notes")
    assert ([record[name] for name in names], fault) == ([values[field] for field in FIELDS], "")
