"""The kind of lead source ``http``, against a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crmkit.core.ports.pulling import Batch, LeadSourceKind
from crmkit.errors import ConfigError, RejectedError, UnreadableError
from crmkit.plugins.builtin.lead_sources import HttpSource
from crmkit.testing import LeadSourceContract

Answer = tuple[int, Mapping[str, str], bytes]
ADA, BOB, CY = ({"id": number, "email": f"{name}@example.com"} for number, name in enumerate(("ada", "bob", "cy"), 1))


class Server:
    """Answers as `answer` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Mapping[str, str]], Any] = lambda _path, _query: []
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.headers.append(dict(self.headers))
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                told = server.answer(parts.path, query)
                status, headers, body = told if isinstance(told, tuple) else (200, {}, json.dumps(told).encode())
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/leads"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def pulled(settings: Mapping[str, str], cursor: str | None = None) -> list[tuple[Any, str | None]]:
    """Return the ids of the items of each batch, with its cursor."""
    told: list[tuple[Any, str | None]] = []
    for batch in HttpSource().pull(cursor, settings):
        assert isinstance(batch, Batch)
        items = None if batch.source is None else json.loads(batch.source.head())
        told.append((items and [item["id"] for item in items], batch.cursor))
    return told


class TestContract(LeadSourceContract):
    @pytest.fixture
    def kind(self) -> LeadSourceKind:
        return HttpSource()

    @pytest.fixture(params=["next", "cursor", "page"])
    def settings(self, server: Server, request: pytest.FixtureRequest) -> Mapping[str, str]:
        def answer(_path: str, query: Mapping[str, str]) -> Any:
            number = int(query.get("page", "1"))
            following = f"?page={number + 1}" if request.param == "next" else number + 1
            return {"leads": [[ADA], [BOB], [CY], []][number - 1], "next": following if number < 4 else None}

        server.answer = answer
        paging = {
            "next": {"next": "next"},
            "cursor": {"cursor": "next", "cursor_param": "page"},
            "page": {"page": "page"},
        }
        return {"url": server.url, "items": "leads", **paging[request.param]}


# ----------------------------------------------------------------------- pages


def test_one_page_is_read_again_by_each_pull(server: Server) -> None:
    server.answer = lambda _path, _query: [ADA, BOB]

    assert pulled({"url": server.url}) == [(["1", "2"], None)]


def test_a_page_has_the_same_content_whatever_stands_around_the_items(server: Server) -> None:
    digests = set()
    for _ in range(2):
        server.answer = lambda _path, _query: {"asked": len(server.asked), "leads": [ADA]}
        (batch,) = HttpSource().pull(None, {"url": server.url})
        assert batch.source is not None
        digests.add((batch.source.name, batch.source.sha256))

    assert len(digests) == 1
    assert digests.pop()[0] == server.url.removeprefix("http://")


def test_numbers_stay_as_they_are_written(server: Server) -> None:
    server.answer = lambda _path, _query: (200, {}, b'[{"id": 12345678901234567890, "score": 1.10}]')

    (batch,) = HttpSource().pull(None, {"url": server.url})

    assert batch.source is not None
    assert json.loads(batch.source.head()) == [{"id": "12345678901234567890", "score": "1.10"}]


def test_links_to_the_next_page_are_followed(server: Server) -> None:
    answers = {
        "": {"data": {"leads": [ADA]}, "paging": {"next": "/leads?after=1"}},
        "1": {"data": {"leads": [BOB]}, "paging": {"next": f"{server.url}?after=2"}},
        "2": {"data": {"leads": [CY]}, "paging": {"next": None}},
    }
    server.answer = lambda _path, query: answers[query.get("after", "")]
    settings = {"url": server.url, "items": "data.leads", "next": "paging.next"}

    assert pulled(settings) == [
        (["1"], f"{server.url}?after=1"),
        (["2"], f"{server.url}?after=2"),
        (["3"], f"{server.url}?after=2"),  # the last page may grow, so the next pull begins with it
    ]
    assert pulled(settings, f"{server.url}?after=2") == [(["3"], f"{server.url}?after=2")]


def test_a_cursor_is_sent_along(server: Server) -> None:
    answers: dict[str, Any] = {
        "": {"leads": [ADA], "meta": {"cursor": 10}},
        "10": {"leads": [BOB], "meta": {"cursor": 20}},
        "20": {"leads": [], "meta": {"cursor": 20}},
    }
    server.answer = lambda _path, query: answers[query.get("since", "")]
    settings = {
        "url": f"{server.url}?kind=lead",
        "items": "leads",
        "cursor": "meta.cursor",
        "cursor_param": "since",
    }

    assert pulled(settings) == [(["1"], "10"), (["2"], "20")]
    assert server.asked == ["/leads?kind=lead", "/leads?kind=lead&since=10", "/leads?kind=lead&since=20"]
    assert pulled(settings, "20") == []


def test_pages_are_counted(server: Server) -> None:
    answers: dict[str, Any] = {"1": [ADA], "2": [BOB], "3": []}
    server.answer = lambda _path, query: answers[query["page"]]
    settings = {"url": server.url, "page": "page"}

    assert pulled(settings) == [(["1"], "1"), (["2"], "2")]
    answers |= {"2": [BOB, CY]}
    assert pulled(settings, "2") == [(["2", "3"], "2")]
    assert server.asked[-2:] == ["/leads?page=2", "/leads?page=3"]


def test_the_first_page_may_have_another_number(server: Server) -> None:
    server.answer = lambda _path, query: {"0": [ADA]}.get(query["p"], [])

    assert pulled({"url": server.url, "page": "p", "first_page": "0"}) == [(["1"], "0")]


def test_a_page_in_between_may_be_empty(server: Server) -> None:
    answers: dict[str, Any] = {"": {"leads": [], "next": "?n=2"}, "2": {"leads": [BOB]}}
    server.answer = lambda _path, query: answers[query.get("n", "")]

    assert pulled({"url": server.url, "items": "leads", "next": "next"}) == [
        (None, f"{server.url}?n=2"),
        (["2"], f"{server.url}?n=2"),
    ]


def test_where_the_newest_come_first_each_pull_begins_at_the_start(server: Server) -> None:
    server.answer = lambda _path, query: {"1": [ADA], "2": [BOB]}.get(query["page"], [])
    settings = {"url": server.url, "page": "page", "from_start": "yes"}

    assert pulled(settings, "2") == [(["1"], None), (["2"], None)]


def test_pages_that_lead_round_in_a_circle_come_to_an_end(server: Server) -> None:
    server.answer = lambda _path, query: {"leads": [ADA], "next": "?n=2" if query.get("n") != "2" else "/leads"}

    with pytest.raises(UnreadableError, match="round in a circle"):
        pulled({"url": server.url, "next": "next"})


def test_another_host_does_not_get_the_headers(server: Server) -> None:
    server.answer = lambda _path, _query: {"leads": [ADA], "next": "http://127.0.0.2/leads"}
    batches = HttpSource().pull(None, {"url": server.url, "next": "next"})

    with pytest.raises(UnreadableError, match=r"next page is somewhere else \(127.0.0.2/leads\)"):
        list(batches)


@pytest.mark.parametrize("link", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/"])
def test_only_the_web_is_followed(server: Server, link: str) -> None:
    server.answer = lambda _path, _query: {"leads": [ADA], "next": link}

    with pytest.raises(UnreadableError, match="somewhere else"):
        pulled({"url": server.url, "next": "next"})


# ------------------------------------------------------------------------ items


def test_the_list_is_found_when_there_is_only_one(server: Server) -> None:
    server.answer = lambda _path, _query: {"ok": True, "result": {"leads": [ADA], "tags": ["a", "b"]}}

    assert pulled({"url": server.url}) == [(["1"], None)]


def test_which_list_is_meant_must_be_said_when_there_are_several(server: Server) -> None:
    server.answer = lambda _path, _query: {"leads": [ADA], "result": {"errors": []}}

    with pytest.raises(UnreadableError) as caught:
        pulled({"url": server.url})

    assert caught.value.hint == "say which with items=leads or items=result.errors"


def test_a_list_that_is_not_there_is_told_with_those_that_are(server: Server) -> None:
    server.answer = lambda _path, _query: {"data": [{"leads": [ADA]}], "leads": [ADA]}

    with pytest.raises(UnreadableError, match="has no list at items") as caught:
        pulled({"url": server.url, "items": "items"})

    assert caught.value.hint == "say which with items=data or items=leads"
    assert pulled({"url": server.url, "items": "data.0.leads"}) == [(["1"], None)]


# ---------------------------------------------------------------------- headers


def test_a_token_is_taken_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_TOKEN", "s3cret")

    pulled({"url": server.url, "headers": "Authorization: Bearer ${LEADS_TOKEN}\nX-Team: sales"})

    assert (server.headers[0]["Authorization"], server.headers[0]["X-Team"]) == ("Bearer s3cret", "sales")
    assert server.headers[0]["Accept"] == "application/json"


def test_a_token_that_is_not_there_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADS_TOKEN", raising=False)

    with pytest.raises(ConfigError, match="environment variable LEADS_TOKEN is not set"):
        pulled({"url": server.url, "headers": "Authorization: Bearer ${LEADS_TOKEN}"})
    assert server.asked == []


def test_a_token_that_cannot_be_sent_is_not_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADS_TOKEN", "s3cret\r\nX-Evil: yes")

    with pytest.raises(ConfigError) as caught:
        pulled({"url": server.url, "headers": "Authorization: Bearer ${LEADS_TOKEN}"})

    assert "s3cret" not in str(caught.value)
    assert server.asked == []


@pytest.mark.parametrize("header", ["Authorization: Bearer abc", "X-API-Key: abc", "cookie: session=abc"])
def test_a_secret_is_not_kept(header: str) -> None:
    with pytest.raises(RejectedError, match="looks like a secret"):
        HttpSource().checked({"url": "https://example.com", "headers": header})


# ----------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        ((503, {}, b""), "answers 503 Service Unavailable", "tries again"),
        ((401, {}, b""), "answers 401", "token"),
        ((404, {}, b""), "answers 404", "check the url"),
        ((302, {"Location": "http://127.0.0.1:1/x?k=1"}, b""), "answers 302", "moved to http://127.0.0.1:1/x: set"),
        ((200, {"Content-Type": "text/html"}, b"<html>"), "does not answer with JSON", "web page"),
        ((200, {}, b"\xff\xfe\xfa"), "does not answer with JSON", "url of the API"),
        ((200, {}, b"[" * 100_000), "nested too deeply", ""),
        ((200, {}, b'["' + b"x" * 3_000_000 + b'"]'), "answers with more than 1 MB", "max_mb"),
        ((200, {"Content-Length": "1000"}, b'[{"id": 1'), "does not answer with JSON", ""),
    ],
)
def test_what_is_no_good_answer_is_told_with_what_to_do(server: Server, answer: Answer, reason: str, hint: str) -> None:
    server.answer = lambda _path, _query: answer

    with pytest.raises(UnreadableError, match=reason) as caught:
        pulled({"url": server.url, "max_mb": "1", "timeout_s": "5"})

    assert hint in caught.value.hint
    assert str(caught.value).startswith(server.url.removeprefix("http://").partition("/")[0])


def test_a_server_that_keeps_silent_is_not_waited_for(server: Server) -> None:
    done = threading.Event()
    server.answer = lambda _path, _query: done.wait(30) and []

    with pytest.raises(UnreadableError, match=r"cannot be reached \(.*timed out"):
        pulled({"url": server.url, "timeout_s": "0.1"})
    done.set()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(UnreadableError, match="cannot be reached") as caught:
        pulled({"url": "http://127.0.0.1:1/leads"})

    assert "the next pull tries again" in caught.value.hint


def test_what_goes_wrong_after_a_page_comes_after_it(server: Server) -> None:
    server.answer = lambda _path, query: (500, {}, b"") if query else {"leads": [ADA], "next": "?page=2"}
    batches = iter(HttpSource().pull(None, {"url": server.url, "next": "next"}))

    first = next(batches)

    assert first.source is not None
    with pytest.raises(UnreadableError, match="answers 500"):
        next(batches)


# --------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "needs its url"),
        ({"url": "file:///etc/passwd"}, "must be an http:// or https:// address"),
        ({"url": "ftp://example.com/x"}, "must be an http:// or https:// address"),
        ({"url": "http:///nowhere"}, "must be an http:// or https:// address"),
        ({"url": "http://example.com/a b"}, "must be an http:// or https:// address"),
        ({"url": "https://ada:pw@example.com"}, "may not hold a user or password"),
        ({"url": "https://example.com", "next": "n", "page": "p"}, "one way to the next page: next or page"),
        ({"url": "https://example.com", "timeout_s": "soon"}, "timeout_s must be a number, not 'soon'"),
        ({"url": "https://example.com", "max_mb": "-1"}, "max_mb must be a number, not '-1'"),
        ({"url": "https://example.com", "from_start": "maybe"}, "from_start must be yes or no"),
        ({"url": "https://example.com", "headers": "X-Team"}, "'X-Team' is no header"),
    ],
)
def test_settings_that_are_wrong_are_told_before_the_first_pull(settings: Mapping[str, str], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        HttpSource().checked(settings)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(RejectedError) as caught:
        HttpSource().checked({"url": "nowhere", "max_mb": "many", "headers": "Cookie: x"})

    assert len(caught.value.reasons) == 3
