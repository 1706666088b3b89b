"""Mail from the command line: queued, delivered, looked at, taken back; and its templates."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from crmkit.cli.mail import smtp_options

from .conftest import CommandLine


class Sink:
    """A mail server that takes everything but what goes to unknown."""

    def __init__(self) -> None:
        self.received: list[str] = []

    async def handle_RCPT(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("marie@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        self.received += envelope.rcpt_tos
        return "250 OK"


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def server(sink: Sink) -> Iterator[str]:
    controller = Controller(sink, hostname="127.0.0.1", port=a_free_port())
    controller.start()
    yield f"{controller.hostname}:{controller.port}"
    controller.stop()


@pytest.fixture
def queued(shop: CommandLine) -> CommandLine:
    """The shop with a mail to each of its three leads waiting."""
    shop.run("send", "thank_you", "--to", "Jules", "--to", "Marie", "--to", "Zoé")
    return shop


def mails(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.eml"))


def test_a_mail_to_a_campaign_is_queued_once_however_often(shop: CommandLine) -> None:
    first = shop.out("send", "thank_you", "--campaign", "Salon 2026")
    again = shop.out("send", "thank_you", "--campaign", "Salon 2026")

    assert "Queued 1 mail: 1 in English." in first
    assert "Undo with: crmkit undo op_" in first
    assert "Queued 0 mails." in again
    assert "1 skipped: it is queued or sent already" in again


def test_a_mail_may_go_out_again_when_that_is_asked_for(queued: CommandLine) -> None:
    assert "Queued 1 mail" in queued.out("send", "thank_you", "--to", "Jules", "--again")


def test_it_must_be_said_to_whom(shop: CommandLine) -> None:
    assert "--campaign NAME, --to NAME, or --where TEXT" in shop.run("send", "thank_you", code=2).stderr


def test_an_unknown_template_is_named_with_what_comes_close(shop: CommandLine) -> None:
    error = shop.run("send", "thankyou", "--campaign", "Salon 2026", code=4).stderr

    assert "did you mean thank_you" in error


def test_a_dry_run_queues_nothing(shop: CommandLine) -> None:
    text = shop.out("send", "thank_you", "--to", "Jules", "--dry-run")

    assert "Queued 1 mail" in text
    assert shop.json("outbox")["messages"] == []


def test_mails_are_delivered_into_a_folder_and_only_once(queued: CommandLine) -> None:
    first = queued.out("deliver")
    again = queued.out("deliver", "--folder", "second")

    assert first == "Delivered 3 mails into the folder outbox.\n"
    assert again == "Delivered 0 mails into the folder second.\n"
    message = email.message_from_bytes(mails(queued.folder / "outbox")[0].read_bytes(), policy=email.policy.default)
    assert message["Subject"] == "Thank you for your visit"
    assert mails(queued.folder / "second") == []


def test_a_limit_leaves_the_rest_in_the_outbox(queued: CommandLine) -> None:
    queued.run("deliver", "--limit", "2")

    assert queued.json("outbox")["counts"] == {"queued": 1, "sent": 2, "dead": 0, "cancelled": 0, "suppressed": 0}


def test_a_dry_run_says_what_waits_and_hands_over_nothing(queued: CommandLine) -> None:
    text = queued.out("deliver", "--dry-run")

    assert text.startswith("3 mails would go to folder.")
    assert not (queued.folder / "outbox").exists()


def test_mails_are_delivered_by_smtp(queued: CommandLine, server: str, sink: Sink) -> None:
    text = queued.out("deliver", "--smtp", server)

    assert sink.received == ["jules@hospy.fr", "zoe@petit.example"]
    assert "Delivered 2 mails to the mail server 127.0.0.1." in text
    assert "1 became dead letters" in text
    assert "550 no such user" in text


def test_dead_letters_are_listed_with_the_reason_and_tried_again(queued: CommandLine, server: str) -> None:
    queued.run("deliver", "--smtp", server)

    dead = queued.out("outbox", "--status", "dead")
    retried = queued.out("outbox", "retry")

    assert "Outbox: 2 sent, 1 dead" in dead
    assert "marie@hospy.fr: 127.0.0.1" in dead
    assert "Queued 1 mail again." in retried
    assert "Delivered 1 mail " in queued.out("deliver")


def test_only_dead_letters_are_tried_again(queued: CommandLine) -> None:
    (first, *_) = queued.json("outbox")["messages"]

    assert "only dead letters" in queued.run("outbox", "retry", first["id"], code=3).stderr


def test_a_server_that_is_down_is_told_once_and_the_mails_wait(queued: CommandLine) -> None:
    result = queued.run("deliver", "--smtp", f"127.0.0.1:{a_free_port()}", code=9)

    assert "3 will be tried again" in result.stdout
    assert result.stderr.count("cannot be reached") == 1
    assert result.stdout.count("cannot be reached") == 0
    assert queued.json("outbox")["counts"]["queued"] == 3


def test_mails_that_wait_are_taken_back(queued: CommandLine) -> None:
    (first, *_) = queued.json("outbox")["messages"]

    text = queued.out("outbox", "cancel", first["id"])

    assert "Cancelled 1 mail." in text
    assert "Delivered 2 mails" in queued.out("deliver")


def test_the_outbox_shows_the_newest_mails(queued: CommandLine) -> None:
    queued.run("deliver", "--limit", "1")

    text = queued.out("outbox")

    assert text.startswith("Outbox: 2 queued, 1 sent\n")
    assert text.count("mail_") == 3


def test_an_empty_outbox_says_so(shop: CommandLine) -> None:
    assert shop.out("outbox") == "Outbox: empty\n"


def test_a_suppressed_address_is_not_written_to_until_it_may_be_again(shop: CommandLine) -> None:
    shop.run("suppress", "jules@hospy.fr", "--reason", "asked us to stop")
    refused = shop.out("send", "thank_you", "--to", "Jules")
    shop.run("unsuppress", "jules@hospy.fr")

    assert "1 skipped: the address is suppressed (asked us to stop)" in refused
    assert "Queued 1 mail" in shop.out("send", "thank_you", "--to", "Jules")


def test_only_one_way_is_taken(queued: CommandLine) -> None:
    error = queued.run("deliver", "--console", "--folder", "x", code=2).stderr

    assert "choose one way, not folder and console" in error


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--notifier", "pigeon"), 4),
        (("--webhook", "ftp://x"), 8),
        (("--option", "tls"), 2),
        (("--limit", "0"), 2),
        (("--rate", "0"), 2),
    ],
)
def test_what_cannot_be_done_is_refused_and_counts_no_try(
    queued: CommandLine, arguments: tuple[str, ...], code: int
) -> None:
    queued.run("deliver", *arguments, code=code)

    assert {each["attempts"] for each in queued.json("outbox")["messages"]} == {0}


def test_mails_are_shown_on_the_screen(queued: CommandLine) -> None:
    text = queued.out("deliver", "--console")

    assert text.count("Subject: Thank you for your visit") == 3
    assert "Delivered 3 mails by console." in text


def test_templates_are_listed_and_shown(shop: CommandLine) -> None:
    listed = shop.out("template", "list")
    shown = shop.out("template", "show", "thank_you", "--language", "fr")

    assert listed.count("thank_you") == 2
    assert "Bonjour" in shown
    assert "<html" not in shown
    assert "<html" in shop.out("template", "show", "thank_you", "--html")
    assert "crmkit template list" in shop.run("template", "show", "nothing", code=4).stderr


def test_a_template_is_saved_and_previewed(shop: CommandLine) -> None:
    (shop.folder / "hello.txt").write_text("Dear {{ lead.first_name }}, how is {{ lead.company }}?\n", "utf-8")

    saved = shop.out(
        "template", "save", "hello", "en", "--subject", "Hello {{ lead.first_name }}", "--text", "hello.txt"
    )
    preview = shop.out("template", "preview", "hello", "Jules")

    assert "Saved the template hello (en)." in saved
    assert "Subject: Hello Jules" in preview
    assert "Dear Jules, how is Hospy Médias?" in preview


def test_a_template_with_mistakes_is_refused_with_all_of_them(shop: CommandLine) -> None:
    (shop.folder / "hello.txt").write_text("{{ lead.frist_name }} {% if %}", "utf-8")

    error = shop.run("template", "save", "Hello", "english", "--subject", "x", "--text", "hello.txt", code=3).stderr

    assert "the name 'Hello'" in error
    assert "the language 'english'" in error
    assert "text, line 1: missing expression" in error


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("mail.example.com", {"host": "mail.example.com"}),
        ("mail.example.com:587", {"host": "mail.example.com", "port": "587"}),
        ("[::1]", {"host": "::1"}),
        ("[::1]:587", {"host": "::1", "port": "587"}),
    ],
)
def test_a_mail_server_is_a_host_with_or_without_a_port(address: str, options: dict[str, str]) -> None:
    assert smtp_options(address) == options
