"""Messages by SMTP, one connection for a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Self

import attrs

from crmkit.core.ports.ambient import Clock, SystemClock
from crmkit.core.ports.notifiers import OutgoingMail, Receipt
from crmkit.errors import ConfigError, DeliveryError, RejectedError

if TYPE_CHECKING:
    from smtplib import SMTP

__all__ = ["SmtpNotifier"]

_TIMEOUT_S: Final = 30
_TLS_PORT: Final = 465
_PERMANENT: Final = 500
_AUTHENTICATION: Final = frozenset((530, 534, 535, 538))  # about our account, not about the message


@attrs.frozen
class SmtpNotifier:
    """Hands messages to a mail server.

    Options: ``host``, ``port``, ``tls`` (``starttls``, ``tls`` or ``none``),
    ``username`` and ``password``. Without ``tls``, port 465 means ``tls``, this
    machine means ``none``, and anything else ``starttls``.
    """

    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    name: str = attrs.field(default="smtp", init=False)
    summary: str = attrs.field(default="sends by a mail server (host=, port=, tls=, username=, password=)", init=False)

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        server = _Server.of(options)
        if not mails:
            return ()
        connection = self._connected(server)
        try:
            return list(self._send(mails, connection, server))
        finally:
            _quit(connection)

    def _connected(self, server: _Server) -> SMTP:
        from smtplib import SMTPAuthenticationError, SMTPException

        try:
            return server.connect()
        except SMTPAuthenticationError as error:
            raise DeliveryError(
                f"the mail server {server} refused the user {server.username!r}",
                notifier=self.name,
                hint="check username and password",
            ) from error
        except (OSError, SMTPException) as error:
            raise DeliveryError(
                f"the mail server {server} cannot be reached: {_reason(error)}",
                notifier=self.name,
                hint="check host, port and tls, or try again later; nothing was sent",
            ) from error

    def _send(self, mails: Sequence[OutgoingMail], connection: SMTP, server: _Server) -> Iterator[Receipt]:
        lost = ""
        for mail in mails:
            if lost:
                yield Receipt(record_id=mail.record_id, sent=False, detail=lost)
                continue
            try:
                self._send_one(mail, connection)
            except RejectedError as error:
                yield Receipt(record_id=mail.record_id, sent=False, detail=str(error), permanent=True)
            except OSError as error:  # as every SMTPException is; an answer has a code, a loss has none
                code = _code(error)
                if not code:
                    lost = f"the connection to {server} was lost: {_reason(error)}"
                detail = lost or f"{server} answered {_reason(error)}"
                permanent = code >= _PERMANENT and code not in _AUTHENTICATION
                yield Receipt(record_id=mail.record_id, sent=False, detail=detail, permanent=permanent)
            else:
                yield Receipt(record_id=mail.record_id, sent=True, detail=f"accepted by {server}")

    def _send_one(self, mail: OutgoingMail, connection: SMTP) -> None:
        from crmkit.services.mime import ascii_address, build_mime, split_sender

        content = build_mime(mail, self.clock.now())
        connection.sendmail(split_sender(mail.sender)[1], [ascii_address(mail.to)], content)


@attrs.frozen(kw_only=True)
class _Server:
    host: str
    port: int
    tls: str
    username: str
    password: str = attrs.field(repr=False)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Self:
        """Read the options.

        Raises:
            ConfigError: One is missing or wrong, or the password would travel in the clear.
        """
        host = options.get("host", "").strip()
        if not host:
            raise ConfigError("no mail server is given", setting="host", hint="say host=… and port=…")
        port_text = options.get("port") or "25"
        if not port_text.isdecimal() or not 0 < int(port_text) < 2**16:
            raise ConfigError(f"{port_text!r} is not a port", setting="port", hint="give a number from 1 to 65535")
        port = int(port_text)
        is_here = _is_this_machine(host)
        tls = options.get("tls") or ("tls" if port == _TLS_PORT else "none" if is_here else "starttls")
        if tls not in ("starttls", "tls", "none"):
            raise ConfigError(f"tls cannot be {tls!r}", setting="tls", hint="choose starttls, tls or none")
        username = options.get("username", "")
        if username and tls == "none" and not is_here:
            raise ConfigError(
                f"the password would travel to {host} unencrypted", setting="tls", hint="choose tls=starttls or tls=tls"
            )
        return cls(host=host, port=port, tls=tls, username=username, password=options.get("password", ""))

    def connect(self) -> SMTP:
        import smtplib
        import ssl

        context = ssl.create_default_context() if self.tls != "none" else None
        if self.tls == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_S, context=context)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            if self.tls == "starttls":
                connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
            if self.username:
                connection.login(self.username, self.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _code(error: Exception) -> int:
    """Return the code that the server answered with, or 0 when it did not answer."""
    from smtplib import SMTPRecipientsRefused, SMTPResponseException

    if isinstance(error, SMTPResponseException):
        return error.smtp_code
    if isinstance(error, SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return 0


def _reason(error: Exception) -> str:
    from smtplib import SMTPRecipientsRefused, SMTPResponseException

    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(_answer(code, text) for code, text in error.recipients.values())
    if isinstance(error, SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _answer(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(shown.split())}"


def _quit(connection: SMTP) -> None:
    with contextlib.suppress(OSError):  # what was accepted is accepted, even if the farewell fails
        connection.quit()
    connection.close()
