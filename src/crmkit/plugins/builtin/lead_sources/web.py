"""Asking an address on the web for JSON, with the caution that a stranger's answer calls for."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from crmkit.errors import ConfigError, UnreadableError

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector

__all__ = ["check_headers", "check_url", "fetch_json", "headers_of", "origin_of"]


def check_url(url: str) -> list[str]:
    """Return what is wrong with an address."""
    if not url:
        return ["an HTTP source needs its url"]
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", url):
        return [f"url must be an http:// or https:// address, not {url!r}"]
    if "@" in parts.netloc:
        return ["the url may not hold a user or password; write headers=Authorization: Basic ${NAME}"]
    return []


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address; what goes to one origin may not go to another."""
    parts = urlsplit(url)
    return parts.scheme, str(parts.hostname), parts.port or {"http": 80, "https": 443}[parts.scheme]


def check_headers(text: str) -> list[str]:
    """Return what is wrong with headers as they are kept; a secret may not be among them."""
    problems: list[str] = []
    for line in filter(str.strip, text.split("\n")):
        name, colon, value = line.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not _HEADER_VALUE.fullmatch(value.strip()):
            problems.append(f"{name.strip()!r} is no header: write Name: value")
        elif _SECRET.search(name) and not _VARIABLE.search(value):
            problems.append(
                f"the header {name.strip()} looks like a secret, which is not kept in the workspace:"
                f" put it into an environment variable and write {name.strip()}: ${{NAME}}"
            )
    return problems


def headers_of(text: str) -> dict[str, str]:
    """Return headers as they are sent, environment variables filled in.

    Raises:
        ConfigError: An environment variable is not set.
    """
    headers: dict[str, str] = {}
    for name, value in _lines(text):
        filled = _VARIABLE.sub(_from_environment, value)
        if not _HEADER_VALUE.fullmatch(filled):
            # The value is a secret: it is not shown.
            message = f"the header {name} would hold characters that no header can"
            raise ConfigError(message, setting="headers", hint="look at the environment variable in it")
        headers[name] = filled
    return headers


def fetch_json(url: str, headers: Mapping[str, str], *, timeout_s: float, max_bytes: int) -> Any:
    """Ask an address, and return its answer; numbers come as they are written, as text.

    Raises:
        UnreadableError: It cannot be reached, refuses, or answers with something else than JSON.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request

    name = urlsplit(url).netloc
    sent = {"Accept": "application/json", "User-Agent": "crmkit", **headers}
    request = Request(url, headers=sent)  # noqa: S310  # the scheme was checked
    try:
        with _opener().open(request, timeout=timeout_s) as answer:
            data = _read(answer, name, timeout_s=timeout_s, max_bytes=max_bytes)
            is_page = "html" in answer.headers.get("Content-Type", "")
    except HTTPError as error:
        with error:
            raise _refused(error, name) from None  # its address may hold a secret
    except (OSError, HTTPException, ValueError) as error:
        raise UnreadableError(
            f"cannot be reached ({_why(error)})", source=name, hint="check the url; the next pull tries again"
        ) from error
    try:
        return json.loads(data, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise UnreadableError("answers with JSON that is nested too deeply", source=name) from None
    except ValueError as error:
        hint = "it answers with a web page; is this the url of the API?" if is_page else "is this the url of the API?"
        raise UnreadableError(f"does not answer with JSON ({error})", source=name, hint=hint) from None


_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[ -~]{1,8000}")
_SECRET: Final = re.compile(r"auth|cookie|key|password|secret|session|token", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in filter(str.strip, text.split("\n")):
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()


def _from_environment(found: re.Match[str]) -> str:
    value = os.environ.get(found[1])
    if not value:
        message = f"the environment variable {found[1]} is not set"
        raise ConfigError(message, setting="headers", hint=f"set it before pulling: export {found[1]}=…")
    return value.strip()


_CHUNK: Final = 1 << 16


def _read(answer: HTTPResponse, name: str, *, timeout_s: float, max_bytes: int) -> bytes:
    """Read an answer, however slowly it drips, within the time and size that it may take."""
    until = time.monotonic() + timeout_s
    chunks: list[bytes] = []
    size = 0
    while chunk := answer.read1(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise UnreadableError(
                f"answers with more than {max_bytes / 1_000_000:g} MB", source=name, hint="ask for fewer, or set max_mb"
            )
        if time.monotonic() > until:
            raise TimeoutError("its answer takes too long")
    return b"".join(chunks)


def _refused(error: HTTPError, name: str) -> UnreadableError:
    code = error.code
    hint = "the next pull tries again"
    if code in _MOVED:
        where = urlsplit(error.headers.get("Location", ""))._replace(query="", fragment="").geturl()
        hint = f"it has moved to {where}: set that url" if where else "set the url that it has moved to"
    elif code in (401, 403):
        hint = "check the headers, and the environment variable of the token"
    elif code in (404, 410):
        hint = "check the url"
    return UnreadableError(f"answers {code} {error.reason}".rstrip(), source=name, hint=hint)


_MOVED: Final = (301, 302, 303, 307, 308)


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__).lower()


def _opener() -> OpenerDirector:
    """Return an opener that takes a redirect as the answer it is: headers stay with the host they are for."""
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    return build_opener(NoRedirect)
