"""Mails to their senders."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.services.reading.limits import Limits
from crmkit.services.reading.mail import read


def messages(data: bytes | str, *, several: bool = True) -> list[tuple[int, dict[str, str], str]]:
    raw = data.encode() if isinstance(data, str) else data
    frames = list(read(BytesIO(raw), Limits(), several=several))
    return [tuple(record) for frame in frames for record in frame["records"]]


def message(data: bytes | str, **more: Any) -> dict[str, str]:
    ((_, record, fault),) = messages(data, **more)
    assert fault == ""
    return record


def test_the_sender_is_the_record_and_the_message_its_notes() -> None:
    record = message(
        "From: =?utf-8?q?Zo=C3=A9_M=C3=BCller?= <zoe@x.example>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n"
        "Subject: A demo\r\nMessage-ID: <1@x.example>\r\n\r\nPlease call me.\r\n\r\n\r\n\r\nZoé\r\n",
        several=False,
    )

    assert record == {
        "Message-ID": "1@x.example",
        "Full name": "Zoé Müller",
        "Email": "zoe@x.example",
        "Notes": "2024-01-01 10:00+01:00 A demo\nPlease call me.\n\nZoé",
    }


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("ann@x.fr", None, "ann@x.fr"),
        ('"Lee, Ann" <ann@x.fr>', "Lee, Ann", "ann@x.fr"),
        ("Big Bug bb@bug.example", "Big Bug", "bb@bug.example"),
        ("ann@x.fr (Ann Lee)", "Ann Lee", "ann@x.fr"),
        ("Pete(A wonderful \\) chap) <pete(his account)@silly.test(his host)>", "Pete", "pete@silly.test"),
        ("=?ks_c_5601-1987?B?vbrGvMfY?= <a@x.fr>", "스티해", "a@x.fr"),
        ("=?no-such-charset?q?Ann?= <a@x.fr>", "Ann", "a@x.fr"),
        ("Jöhn Döe <john@x.fr>", "Jöhn Döe", "john@x.fr"),
        ("<ann@x.fr>, <bob@x.fr>", None, "ann@x.fr"),
    ],
)
def test_senders_are_understood_as_people_write_them(sender: str, name: str | None, address: str) -> None:
    record = message(f"From: {sender}\nSubject: x\n\nHi\n", several=False)

    assert (record.get("Full name"), record["Email"]) == (name, address)


def test_of_a_mail_by_a_form_the_person_who_filled_it_in_is_taken() -> None:
    answered = message("From: Site <noreply@x.example>\nReply-To: Ann Lee <ann@x.fr>\n\nHi\n", several=False)
    told = message("From: www-data@x.example\n\nName: Bob Roe\nE-mail: bob@x.fr\nCompany: Roe AG\n", several=False)

    assert (answered["Full name"], answered["Email"], answered["Sent by"]) == (
        "Ann Lee",
        "ann@x.fr",
        "noreply@x.example",
    )
    assert (told["Full name"], told["Email"], told["Company"]) == ("Bob Roe", "bob@x.fr", "Roe AG")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("From: MAILER-DAEMON@x.fr", "a bounce"),
        ("From: a@x.fr\nContent-Type: multipart/report; boundary=b", "a bounce"),
        ("From: a@x.fr\nReturn-Path: <>", "a message of a mail server"),
        ("From: a@x.fr\nAuto-Submitted: auto-replied", "an automatic reply"),
        ("From: a@x.fr\nList-Id: <news.x.fr>", "a message to a list"),
    ],
)
def test_what_no_person_sent_is_passed_over(header: str, reason: str) -> None:
    ((_, _, fault),) = messages(f"{header}\nSubject: x\n\nHi\n")

    assert fault == f"ignored: {reason}"


def test_a_mailbox_is_parted_at_its_separators_only() -> None:
    data = (
        "From ann@x.fr Mon Jan  1 10:00:00 2024\nFrom: ann@x.fr\n\nFrom here on it gets better.\n>From me\n"
        "From bob@x.fr Tue Feb  1 10:00:00 2024\nFrom: bob@x.fr\n\nHi\n"
    )

    first, second = messages(data)

    assert (first[0], first[1]["Notes"]) == (1, "From here on it gets better.\nFrom me")
    assert (second[0], second[1]["Email"]) == (6, "bob@x.fr")


def test_of_html_only_the_text_is_kept() -> None:
    record = message(
        "From: a@x.fr\nContent-Type: text/html\n\n<style>p{}</style><p>Caf&eacute;</p><script>x()</script><p>Tea</p>",
        several=False,
    )

    assert record["Notes"].split() == ["Café", "Tea"]


@pytest.mark.parametrize("date", ["yesterday", "Thu, 99 Oct 2010 25:00:00 H0500"])
def test_a_date_that_is_none_stays_as_it_is_written(date: str) -> None:
    assert message(f"From: a@x.fr\nDate: {date}\n\nHi\n", several=False)["Notes"] == f"{date}\nHi"


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    messages(b"From: a@x.fr\n" + data)
    messages(b"From: " + data + b"\n\nHi")
