"""Messages as JSON to an address on the web, for whoever sends them from there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from crmkit.core.ports.notifiers import OutgoingMail, Receipt
from crmkit.errors import ConfigError, DeliveryError

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

__all__ = ["WebhookNotifier"]

_TIMEOUT_S: Final = 30
_LATER: Final = frozenset((408, 425, 429))
_HEADER_VALUE: Final = re.compile(r"[!-~]{1,200}")


@attrs.frozen
class WebhookNotifier:
    """Posts each message as JSON to ``options["url"]``.

    The header Idempotency-Key holds the id of the message, so that the other
    side can tell a second try from a second message. An answer 2xx means sent;
    4xx means never, except 408, 425 and 429; anything else means try again.
    Redirects are not followed.
    """

    name: str = attrs.field(default="webhook", init=False)
    summary: str = attrs.field(default="posts JSON to an address (url=https://…)", init=False)

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        url, host = _checked(options.get("url", ""))
        opener = _opener()
        receipts: list[Receipt] = []
        for position, mail in enumerate(mails):
            try:
                receipts.append(_post(mail, url, host, opener))
            except OSError as error:
                lost = f"{host} cannot be reached: {getattr(error, 'reason', None) or error or type(error).__name__}"
                if not receipts:
                    raise DeliveryError(
                        lost, notifier=self.name, hint="check the address, or try again later"
                    ) from error
                # Each further try would wait for the timeout again.
                receipts += [Receipt(record_id=one.record_id, sent=False, detail=lost) for one in mails[position:]]
                break
        return receipts


def _checked(url: str) -> tuple[str, str]:
    """Return the address and its host; the path may hold a secret and is never shown."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or not re.fullmatch(r"[!-~]+", url):
        raise ConfigError(
            "the webhook needs an http:// or https:// address without user and password",
            setting="url",
            hint="say url=https://…",
        )
    return url, parts.netloc


def _post(mail: OutgoingMail, url: str, host: str, opener: OpenerDirector) -> Receipt:
    """Post one message.

    Raises:
        OSError: The other side was not reached or did not answer.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request

    if not _HEADER_VALUE.fullmatch(mail.record_id):
        return Receipt(record_id=mail.record_id, sent=False, detail="its id cannot be a header", permanent=True)
    headers = {"Content-Type": "application/json", "Idempotency-Key": mail.record_id, "User-Agent": "crmkit"}
    request = Request(url, data=_body(mail), headers=headers, method="POST")  # noqa: S310  # the scheme was checked
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            status = answer.status
    except HTTPError as error:
        with error:
            status = error.code
    except HTTPException as error:
        raise OSError(f"its answer is not HTTP ({type(error).__name__})") from error
    sent = 200 <= status < 300  # noqa: PLR2004  # as RFC 9110 numbers them
    permanent = 400 <= status < 500 and status not in _LATER  # noqa: PLR2004  # likewise
    return Receipt(record_id=mail.record_id, sent=sent, detail=f"{host} answered {status}", permanent=permanent)


def _body(mail: OutgoingMail) -> bytes:
    return json.dumps(
        {
            "id": mail.record_id,
            "message_id": mail.message_id,
            "from": mail.sender,
            "to": mail.to,
            "to_name": mail.to_name,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "headers": dict(mail.headers),
        }
    ).encode()


def _opener() -> OpenerDirector:
    """Return an opener that takes a redirect as the answer it is."""
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    return build_opener(NoRedirect)
