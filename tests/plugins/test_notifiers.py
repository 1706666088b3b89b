"""The built-in notifiers, against a folder, a mail server and a web server of this machine."""

from __future__ import annotations

import asyncio
import email
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from crmkit.core.ports.notifiers import Notifier, OutgoingMail, Receipt
from crmkit.errors import ConfigError, DeliveryError
from crmkit.plugins.builtin.notifiers import (
    ConsoleNotifier,
    FolderNotifier,
    SmtpNotifier,
    WebhookNotifier,
    builtin_notifiers,
)


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


CLOCK = StoppedClock()


def a_mail(number: int = 1, **changes: Any) -> OutgoingMail:
    given = {
        "record_id": f"msg_{number}",
        "message_id": f"msg_{number}@example.com",
        "sender": "Anne <anne@example.com>",
        "to": f"lead{number}@example.org",
        "to_name": "Jules ETIENNE",
        "subject": "Merci de votre visite",
        "text": "Bonjour Jules,\n.\nà bientôt\n",
    }
    return OutgoingMail(**given | changes)


def outcomes(receipts: Sequence[Receipt]) -> list[tuple[str, str]]:
    """Return (id, what is to be done) of each receipt."""
    return [
        (one.record_id, "sent" if one.sent else "dead" if one.permanent else "again")
        for one in receipts
        if not (one.sent and one.permanent)
    ]


def test_every_notifier_has_a_name_and_a_summary() -> None:
    notifiers: Sequence[Notifier] = builtin_notifiers(CLOCK)

    assert [one.name for one in notifiers] == ["folder", "smtp", "console", "webhook"]
    assert all(one.summary for one in notifiers)


class TestFolder:
    def test_each_message_becomes_a_file_that_a_mail_program_opens(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "outbox"

        receipts = FolderNotifier(clock=CLOCK).deliver([a_mail(1), a_mail(2)], {"folder": str(folder)})

        assert outcomes(receipts) == [("msg_1", "sent"), ("msg_2", "sent")]
        assert sorted(one.name for one in folder.iterdir()) == [
            "msg_1-Merci-de-votre-visite.eml",
            "msg_2-Merci-de-votre-visite.eml",
        ]
        message = email.message_from_bytes(Path(receipts[0].detail).read_bytes())
        assert (message["Subject"], message["Date"]) == ("Merci de votre visite", "Wed, 04 Mar 2026 09:30:00 +0000")

    def test_a_message_delivered_twice_leaves_one_file(self, tmp_path: Path) -> None:
        notifier = FolderNotifier(clock=CLOCK)

        for text in ("first", "second"):
            notifier.deliver([a_mail(text=text)], {"folder": str(tmp_path)})

        (file,) = tmp_path.iterdir()
        assert b"second" in file.read_bytes()

    @pytest.mark.parametrize("hostile", ["../../x", "/etc/x", "a\0b", "..", "", "C:\\x", "é" * 400, "x\ud800"])
    def test_no_name_leads_out_of_the_folder(self, tmp_path: Path, hostile: str) -> None:
        folder = tmp_path / "outbox"

        receipts = FolderNotifier(clock=CLOCK).deliver(
            [a_mail(record_id=hostile), a_mail(subject=hostile)], {"folder": str(folder)}
        )

        assert len(receipts) == 2
        assert [one.name for one in tmp_path.iterdir()] == ["outbox"]
        assert all(one.suffix == ".eml" for one in folder.iterdir())
        assert not any(one.is_dir() for one in folder.iterdir())

    def test_two_ids_that_look_alike_keep_two_files(self, tmp_path: Path) -> None:
        mails = [a_mail(record_id="a/b"), a_mail(record_id="a?b"), a_mail(record_id="a-b")]

        FolderNotifier(clock=CLOCK).deliver(mails, {"folder": str(tmp_path)})

        assert len(list(tmp_path.iterdir())) == 3

    def test_a_message_that_cannot_be_built_is_dead_and_the_others_go(self, tmp_path: Path) -> None:
        mails = [a_mail(1, subject="x\r\nBcc: e@x"), a_mail(2)]

        receipts = FolderNotifier(clock=CLOCK).deliver(mails, {"folder": str(tmp_path)})

        assert outcomes(receipts) == [("msg_1", "dead"), ("msg_2", "sent")]

    def test_a_file_that_cannot_be_written_is_tried_again_and_leaves_no_rest(self, tmp_path: Path) -> None:
        (tmp_path / "msg_1-Merci-de-votre-visite.eml").mkdir()

        receipts = FolderNotifier(clock=CLOCK).deliver([a_mail(1), a_mail(2)], {"folder": str(tmp_path)})

        assert outcomes(receipts) == [("msg_1", "again"), ("msg_2", "sent")]
        assert not list(tmp_path.glob(".*"))

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(DeliveryError, match="file") as caught:
            FolderNotifier(clock=CLOCK).deliver([a_mail()], {"folder": str(tmp_path / "file")})

        assert (caught.value.notifier, bool(caught.value.hint)) == ("folder", True)


class TestConsole:
    def test_a_short_preview_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        receipts = ConsoleNotifier().deliver([a_mail(text="1\n\n2\n3\n4\n5\n")], {})

        assert outcomes(receipts) == [("msg_1", "sent")]
        assert capsys.readouterr().out == (
            "To: Jules ETIENNE <lead1@example.org>\nSubject: Merci de votre visite\n  1\n  2\n  3\n  4\n  …\n\n"
        )

    def test_a_name_cannot_steer_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        ConsoleNotifier().deliver([a_mail(to_name="\x1b[2J\ud800\n", subject="Merci\u00a0!")], {})

        assert "To: \N{REPLACEMENT CHARACTER}[2J" in (printed := capsys.readouterr().out)
        assert "Subject: Merci !" in printed


class Sink:
    """A mail server that answers by the recipient's name."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.connections = 0

    async def handle_EHLO(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("drop"):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        answers = {"busy": "451 try later", "unknown": "550 no such user", "closing": "421 shutting down"}
        answer = answers.get(address.partition("@")[0], "250 OK")
        if answer == "250 OK":
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        assert isinstance(envelope.content, bytes)
        if b"Subject: spam" in envelope.content:
            return "554 we do not want this"
        self.received.append((envelope.rcpt_tos[0], envelope.content))
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
def server(sink: Sink) -> Iterator[dict[str, str]]:
    """Run a mail server, and give the options that lead to it."""
    controller = Controller(sink, hostname="127.0.0.1", port=a_free_port())
    controller.start()
    yield {"host": controller.hostname, "port": str(controller.port)}
    controller.stop()


class TestSmtp:
    def test_a_batch_goes_out_over_one_connection(self, server: dict[str, str], sink: Sink) -> None:
        receipts = SmtpNotifier(clock=CLOCK).deliver([a_mail(1), a_mail(2), a_mail(3)], server)

        assert outcomes(receipts) == [("msg_1", "sent"), ("msg_2", "sent"), ("msg_3", "sent")]
        assert [to for to, _ in sink.received] == ["lead1@example.org", "lead2@example.org", "lead3@example.org"]
        assert sink.connections == 1
        message = email.message_from_bytes(sink.received[0][1])
        body = message.get_payload(decode=True)
        assert message["Message-ID"] == "<msg_1@example.com>"
        assert isinstance(body, bytes)
        assert body.decode() == "Bonjour Jules,\r\n.\r\nà bientôt\r\n"

    def test_the_server_decides_over_each_message(self, server: dict[str, str], sink: Sink) -> None:
        mails = [
            a_mail(1, to="busy@example.org"),
            a_mail(2, to="unknown@example.org"),
            a_mail(3, subject="spam"),
            a_mail(4, subject="x\r\nBcc: e@x"),
            a_mail(5),
        ]

        receipts = SmtpNotifier(clock=CLOCK).deliver(mails, server)

        assert outcomes(receipts) == [
            ("msg_1", "again"),
            ("msg_2", "dead"),
            ("msg_3", "dead"),
            ("msg_4", "dead"),
            ("msg_5", "sent"),
        ]
        assert "550 no such user" in receipts[1].detail
        assert len(sink.received) == 1

    @pytest.mark.parametrize("how", ["drop", "closing"])
    def test_a_connection_lost_midway_leaves_the_rest_for_later(
        self, server: dict[str, str], sink: Sink, how: str
    ) -> None:
        mails = [a_mail(1), a_mail(2, to=f"{how}@example.org"), a_mail(3), a_mail(4)]

        receipts = SmtpNotifier(clock=CLOCK).deliver(mails, server)

        assert outcomes(receipts) == [("msg_1", "sent"), ("msg_2", "again"), ("msg_3", "again"), ("msg_4", "again")]
        assert f"127.0.0.1:{server['port']} was lost" in receipts[3].detail
        assert len(sink.received) == 1

    def test_a_server_that_is_down_is_named(self) -> None:
        port = a_free_port()

        with pytest.raises(DeliveryError, match=f"127.0.0.1:{port}") as caught:
            SmtpNotifier(clock=CLOCK).deliver([a_mail()], {"host": "127.0.0.1", "port": str(port)})

        assert (caught.value.notifier, bool(caught.value.hint)) == ("smtp", True)

    def test_a_server_without_the_encryption_that_was_asked_for_gets_nothing(
        self, server: dict[str, str], sink: Sink
    ) -> None:
        with pytest.raises(DeliveryError, match="STARTTLS"):
            SmtpNotifier(clock=CLOCK).deliver([a_mail()], server | {"tls": "starttls"})

        assert not sink.received

    def test_an_international_domain_is_asked_for_in_ascii(self, server: dict[str, str], sink: Sink) -> None:
        SmtpNotifier(clock=CLOCK).deliver([a_mail(to="a@exämple.com")], server)

        assert sink.received[0][0] == "a@xn--exmple-cua.com"

    @pytest.mark.parametrize(
        ("options", "setting"),
        [
            ({}, "host"),
            ({"host": "x", "port": "zero"}, "port"),
            ({"host": "x", "port": "70000"}, "port"),
            ({"host": "x", "tls": "perhaps"}, "tls"),
            ({"host": "mail.example.com", "tls": "none", "username": "anne", "password": "secret"}, "tls"),
        ],
    )
    def test_a_wrong_option_is_named(self, options: dict[str, str], setting: str) -> None:
        with pytest.raises(ConfigError) as caught:
            SmtpNotifier(clock=CLOCK).deliver([a_mail()], options)

        assert caught.value.setting == setting
        assert "secret" not in str(caught.value)


class Web:
    """A web server that answers with the statuses it was told, in turn, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []


@pytest.fixture
def web() -> Web:
    return Web()


@contextmanager
def serving(web: Web) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # as http.server calls it
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            web.requests.append((self.path, self.headers["Idempotency-Key"], body))
            status = web.statuses.pop(0) if web.statuses else 200
            if not status:  # hang up without an answer
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # likewise

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/secret"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestWebhook:
    @pytest.fixture(autouse=True)
    def _no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("no_proxy", "*")

    def test_a_message_is_posted_as_json_with_its_key(self, web: Web) -> None:
        with serving(web) as url:
            receipts = WebhookNotifier().deliver([a_mail(headers={"X-A": "1"})], {"url": url})

        assert outcomes(receipts) == [("msg_1", "sent")]
        ((path, key, body),) = web.requests
        assert (path, key) == ("/hook/secret", "msg_1")
        assert body == {
            "id": "msg_1",
            "message_id": "msg_1@example.com",
            "from": "Anne <anne@example.com>",
            "to": "lead1@example.org",
            "to_name": "Jules ETIENNE",
            "subject": "Merci de votre visite",
            "text": "Bonjour Jules,\n.\nà bientôt\n",
            "html": "",
            "headers": {"X-A": "1"},
        }

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            (200, "sent"),
            (202, "sent"),
            (204, "sent"),
            (302, "again"),
            (308, "again"),
            (400, "dead"),
            (404, "dead"),
            (408, "again"),
            (425, "again"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
        ],
    )
    def test_the_status_decides(self, web: Web, status: int, outcome: str) -> None:
        web.statuses = [status]

        with serving(web) as url:
            receipts = WebhookNotifier().deliver([a_mail(1), a_mail(2)], {"url": url})

        assert outcomes(receipts) == [("msg_1", outcome), ("msg_2", "sent")]
        assert [path for path, _, _ in web.requests] == ["/hook/secret"] * 2
        assert str(status) in receipts[0].detail

    def test_a_connection_lost_midway_leaves_the_rest_for_later(self, web: Web) -> None:
        web.statuses = [200, 0]

        with serving(web) as url:
            receipts = WebhookNotifier().deliver([a_mail(1), a_mail(2), a_mail(3)], {"url": url})

        assert outcomes(receipts) == [("msg_1", "sent"), ("msg_2", "again"), ("msg_3", "again")]
        assert len(web.requests) == 2

    def test_an_address_where_nobody_answers_is_named_without_its_path(self) -> None:
        url = f"http://127.0.0.1:{a_free_port()}/hook/secret"

        with pytest.raises(DeliveryError, match=r"127\.0\.0\.1") as caught:
            WebhookNotifier().deliver([a_mail()], {"url": url})

        assert "secret" not in str(caught.value)

    def test_an_id_that_is_no_header_is_refused(self, web: Web) -> None:
        with serving(web) as url:
            receipts = WebhookNotifier().deliver([a_mail(record_id="a\r\nX: b")], {"url": url})

        assert [one.permanent for one in receipts] == [True]
        assert not web.requests

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "file:///etc/passwd",
            "ftp://x/",
            "http://",
            "http://u:secret@x/",
            "http://x\r\n/",
            "http://x:99999/",
            "x",
        ],
    )
    def test_only_a_plain_web_address_will_do(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            WebhookNotifier().deliver([a_mail()], {"url": url})

        assert caught.value.setting == "url"
        assert "secret" not in str(caught.value)
