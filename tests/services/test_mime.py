"""The bytes of a mail: readable by any mail program, and never with a header too many."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.ports.notifiers import OutgoingMail
from crmkit.errors import ConfigError, RejectedError
from crmkit.services.mime import (
    ascii_address,
    build_mime,
    message_id,
    split_sender,
    unsubscribe_headers,
    verify_unsubscribe,
)

AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
SECRET = b"sixteen bytes or"
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"]
PLAIN = [*HEADERS, "Content-Type", "Content-Transfer-Encoding"]


def a_mail(**changes: Any) -> OutgoingMail:
    given = {
        "record_id": "msg_1",
        "message_id": "msg_1@example.com",
        "sender": "Anne <anne@example.com>",
        "to": "jules@example.org",
        "to_name": "Jules ETIENNE",
        "subject": "Merci",
        "text": "Bonjour",
    }
    return OutgoingMail(**given | changes)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


class TestBuilding:
    def test_a_plain_mail_reads_as_one_would_write_it(self) -> None:
        content = build_mime(a_mail(), AT)

        assert content.decode().split("\r\n") == [
            'From: "Anne" <anne@example.com>',
            'To: "Jules ETIENNE" <jules@example.org>',
            "Subject: Merci",
            "Date: Wed, 04 Mar 2026 09:30:00 +0000",
            "Message-ID: <msg_1@example.com>",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "Bonjour",
            "",
        ]

    def test_html_goes_beside_the_text(self) -> None:
        message = read(build_mime(a_mail(text="Été = été\n.\n", html="<p>Été</p>\n"), AT))

        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert (text_of(message, "plain"), text_of(message, "html")) == ("Été = été\n.\n", "<p>Été</p>\n")

    def test_accents_and_long_subjects_survive_in_short_lines(self) -> None:
        subject = "Merci de votre visite – SantExpo " * 40

        content = build_mime(a_mail(subject=subject, to_name="Jérôme, dit « J. »", sender="Équipe <a@x.fr>"), AT)

        message = read(content)
        assert message["Subject"] == subject
        assert message["To"].addresses[0].display_name == "Jérôme, dit « J. »"
        assert message["From"].addresses[0].display_name == "Équipe"
        assert max(map(len, content.split(b"\r\n"))) <= 78

    def test_an_encoded_word_in_a_value_is_text_like_any_other(self) -> None:
        trick = "=?utf-8?q?x=0D=0ABcc=3A_e?="

        message = read(build_mime(a_mail(subject=trick, to_name=trick), AT))

        assert message["Subject"] == trick
        assert message["To"].addresses[0].display_name == trick
        assert message.keys() == PLAIN

    def test_further_headers_are_kept_as_they_are(self) -> None:
        headers = unsubscribe_headers("https://example.com/leave?t={token}", "a@x.fr", SECRET) | {"X-Salon": "Été"}

        message = read(build_mime(a_mail(headers=headers), AT))

        assert message.keys() == [*HEADERS[:5], *headers, *PLAIN[5:]]
        assert {name: message[name] for name in headers} == headers

    def test_an_international_domain_travels_in_ascii(self) -> None:
        message = read(build_mime(a_mail(to="jules@exämple.com"), AT))

        assert message["To"].addresses[0].addr_spec == "jules@xn--exmple-cua.com"

    def test_the_same_message_gives_the_same_bytes(self) -> None:
        assert build_mime(a_mail(html="<p>"), AT) == build_mime(a_mail(html="<p>"), AT)


class TestRefusing:
    @pytest.mark.parametrize("field", ["subject", "to_name", "sender"])
    @pytest.mark.parametrize(
        "hostile",
        ["x\r\nBcc: e@x", "x\nBcc: e@x", "x\rBcc: e@x", "x\u2028y", "x\u2029y", "x\x85y", "x\0y", "x\x0by", "x\ud800y"],
    )
    def test_a_line_break_or_control_character_never_gets_into_a_header(self, field: str, hostile: str) -> None:
        value = f"{hostile} <a@example.com>" if field == "sender" else hostile

        with pytest.raises(RejectedError):
            build_mime(a_mail(**{field: value}), AT)

    @pytest.mark.parametrize(
        "address",
        ["", "jules", "a@b, c@d", "a@b>\r\nBcc: <e@x", "<a@b>", "a b@x.fr", "jérôme@x.fr", "a@x..fr", "a@" + "x" * 300],
    )
    def test_an_address_that_mail_cannot_carry_is_refused(self, address: str) -> None:
        with pytest.raises(RejectedError):
            build_mime(a_mail(to=address), AT)
        with pytest.raises(RejectedError):
            build_mime(a_mail(sender=f"Anne <{address}>"), AT)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Bcc": "e@x"},
            {"subject": "twice"},
            {"Content-Type": "text/html"},
            {"X-A": "1", "x-a": "2"},
            {"X A": "1"},
            {"X-A:b\r\nBcc": "1"},
            {"X-A": "1\r\nBcc: e@x"},
            {"": "1"},
        ],
    )
    def test_a_further_header_can_neither_repeat_nor_break_others(self, headers: dict[str, str]) -> None:
        with pytest.raises(RejectedError):
            build_mime(a_mail(headers=headers), AT)

    @pytest.mark.parametrize("bad", ["", "a", "a@b>\r\nBcc: e@x", "a b@c", "é@c"])
    def test_a_message_id_that_is_none_is_refused(self, bad: str) -> None:
        with pytest.raises(RejectedError):
            build_mime(a_mail(message_id=bad), AT)

    @pytest.mark.parametrize("field", ["text", "html"])
    def test_a_lone_surrogate_in_a_body_is_refused(self, field: str) -> None:
        with pytest.raises(RejectedError, match="body"):
            build_mime(a_mail(**{field: "x\ud800"}), AT)

    def test_what_reads_back_otherwise_never_leaves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Even if the encoder had a hole, the parser would see the header that came through it."""
        monkeypatch.setattr("crmkit.services.mime._unstructured", lambda value, **_: value)

        with pytest.raises(RejectedError, match="read back"):
            build_mime(a_mail(subject="x\r\nBcc: e@x"), AT)
        with pytest.raises(RejectedError, match="read back"):
            build_mime(a_mail(subject="=?utf-8?q?x?="), AT)


class TestAnyText:
    @given(subject=st.text(), name=st.text(), sender=st.text(), text=st.text(), html=st.text())
    def test_any_text_survives_or_is_refused_and_never_adds_a_header(
        self, subject: str, name: str, sender: str, text: str, html: str
    ) -> None:
        mail = a_mail(subject=subject, to_name=name, sender=f"{sender} <a@x.fr>", text=text, html=html)
        try:
            content = build_mime(mail, AT)
        except RejectedError:
            return

        message = read(content)
        assert message.keys() == ([*HEADERS, "Content-Type"] if html else PLAIN)
        assert message["Subject"] == subject
        assert [one.addr_spec for one in message["To"].addresses] == ["jules@example.org"]
        assert [one.addr_spec for one in message["From"].addresses] == ["a@x.fr"]
        for kind, body in {"plain": text, **({"html": html} if html else {})}.items():
            lines = body.replace("\r\n", "\n").replace("\r", "\n")
            assert text_of(message, kind).removesuffix("\n") == lines.removesuffix("\n")
        assert b"\n" not in content.replace(b"\r\n", b"")

    @given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
    def test_printable_text_is_never_refused(self, text: str) -> None:
        message = email.message_from_bytes(build_mime(a_mail(subject=text, to_name=text), AT))

        decoded = str(email.header.make_header(email.header.decode_header(message["Subject"]))) if text else ""
        assert decoded == text


class TestAddresses:
    @pytest.mark.parametrize(
        ("sender", "expected"),
        [
            ("a@x.fr", ("", "a@x.fr")),
            ("<a@x.fr>", ("", "a@x.fr")),
            ("Anne Roy <a@x.fr>", ("Anne Roy", "a@x.fr")),
            ('"Roy, Anne" <a@x.fr>', ("Roy, Anne", "a@x.fr")),
            ("Équipe <a@exämple.com>", ("Équipe", "a@xn--exmple-cua.com")),
        ],
    )
    def test_a_sender_is_a_name_and_an_address(self, sender: str, expected: tuple[str, str]) -> None:
        assert split_sender(sender) == expected

    def test_an_address_keeps_its_case(self) -> None:
        assert ascii_address(" Jules.E+salon@Example.COM ") == "Jules.E+salon@Example.COM"

    def test_a_message_id_is_stable(self) -> None:
        assert message_id("msg_1", "exämple.com") == "msg_1@xn--exmple-cua.com" == message_id("msg_1", "exämple.com")

    @pytest.mark.parametrize("domain", ["", "a b", "x>\r\nBcc: e", "\u2028"])
    def test_a_message_id_needs_a_domain(self, domain: str) -> None:
        with pytest.raises(ConfigError):
            message_id("msg_1", domain)


class TestUnsubscribing:
    def test_the_headers_are_those_of_one_click(self) -> None:
        headers = unsubscribe_headers("https://example.com/leave/{token}?a={address}", "jules+a@x.fr", SECRET)

        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        url = headers["List-Unsubscribe"]
        assert url.startswith("<https://example.com/leave/")
        assert url.endswith("?a=jules%2Ba%40x.fr>")

    def test_only_the_token_made_for_an_address_is_accepted(self) -> None:
        url = unsubscribe_headers("https://example.com/{token}", "jules@x.fr", SECRET)["List-Unsubscribe"]
        token = url.removeprefix("<https://example.com/").removesuffix(">")

        assert verify_unsubscribe(token, "jules@x.fr", SECRET)
        assert not verify_unsubscribe(token, "jules2@x.fr", SECRET)
        assert not verify_unsubscribe(token, "jules@x.fr", SECRET[::-1])
        assert not verify_unsubscribe(token[:-1], "jules@x.fr", SECRET)
        assert not verify_unsubscribe("é\ud800", "jules@x.fr", SECRET)

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/{token}",
            "https://example.com/",
            "https:///{token}",
            "https://user@example.com/{token}",
            "https://example.com/{token}>,<mailto:e@x",
            "https://example.com/{token}\r\nBcc: e@x",
            "https://example.com/{token}/{token.__class__}",
            "https://[/{token}",
            "javascript:{token}",
            "{token}",
        ],
    )
    def test_an_address_that_is_no_plain_https_is_a_wrong_setting(self, url: str) -> None:
        with pytest.raises(ConfigError):
            unsubscribe_headers(url, "a@x.fr", SECRET)

    def test_a_short_secret_is_a_wrong_setting(self) -> None:
        with pytest.raises(ConfigError, match="secret"):
            unsubscribe_headers("https://example.com/{token}", "a@x.fr", b"short")
