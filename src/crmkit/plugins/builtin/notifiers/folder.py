"""Messages as ``.eml`` files, which any mail program opens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from unicodedata import normalize

import attrs

from crmkit.core.ports.ambient import Clock, SystemClock
from crmkit.core.ports.notifiers import OutgoingMail, Receipt
from crmkit.errors import DeliveryError, RejectedError

__all__ = ["FolderNotifier"]


@attrs.frozen
class FolderNotifier:
    """Writes each message into the folder ``options["folder"]``, made where it is missing.

    The name of a file follows from the message, so a message that is delivered
    twice still leaves one file.
    """

    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    name: str = attrs.field(default="folder", init=False)
    summary: str = attrs.field(default="writes .eml files into a folder (folder=outbox)", init=False)

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        folder = Path(options.get("folder") or "outbox")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DeliveryError(
                f"the folder {folder} cannot be made: {error.strerror or error}",
                notifier=self.name,
                hint="choose another one with folder=PATH",
            ) from error
        return [self._write(mail, folder) for mail in mails]

    def _write(self, mail: OutgoingMail, folder: Path) -> Receipt:
        from crmkit.services.mime import build_mime

        path = folder / _file_name(mail)
        try:
            _write_whole(path, build_mime(mail, self.clock.now()))
        except RejectedError as error:
            return Receipt(record_id=mail.record_id, sent=False, detail=str(error), permanent=True)
        except OSError as error:
            detail = f"{path} cannot be written: {error.strerror or error}"
            return Receipt(record_id=mail.record_id, sent=False, detail=detail)
        return Receipt(record_id=mail.record_id, sent=True, detail=str(path))


def _file_name(mail: OutgoingMail) -> str:
    record = _slug(mail.record_id, 60)
    if record != mail.record_id:  # two ids must never share a file
        from hashlib import sha256

        record += "-" + sha256(mail.record_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{record}-{_slug(mail.subject, 40) or 'message'}.eml"


def _slug(text: str, longest: int) -> str:
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain)[:longest].strip("-")


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    import os
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
