"""Zip archives to the files in them.

Frames are ``{"member": name}``, then ``{"data": base64}`` as often as it takes; what is passed
over comes as ``{"left_out": name, "reason": …}``. Nothing is written anywhere, so a name is
only ever text.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, Final

from crmkit.services.reading.limits import Limits, Refusal, held, too_much

__all__ = ["read"]


def read(stream: BinaryIO, limits: Limits) -> Iterator[dict[str, Any]]:
    """Unpack an archive.

    Raises:
        Refusal: It is broken, protected, a bomb, or holds too much.
    """
    data = held(stream, limits)
    try:
        _check_directory(data, limits)
        with zipfile.ZipFile(BytesIO(data)) as archive:
            yield from _members(archive, len(data), limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError) as error:
        raise Refusal(f"is a broken zip archive ({str(error)[:200]})", "copy or download it again") from None
    except (NotImplementedError, RuntimeError) as error:  # a password, an unusual way to pack
        raise Refusal(f"cannot be unpacked ({str(error)[:200]})", "unpack it, and import each file") from None


_CHUNK: Final = 1 << 18
_LARGE: Final = 50 << 20
_UNPACK: Final = "unpack it, and import each file"
_LONGEST_NAME: Final = 120
_SYMLINK: Final = 0o120000
_FURNITURE: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")


def _check_directory(data: bytes, limits: Limits) -> None:
    """Refuse a directory with more entries than files are allowed, before it is read."""
    at = data.rfind(b"PK\x05\x06", max(len(data) - (1 << 16) - 22, 0))
    if at < 0:
        raise zipfile.BadZipFile("it has no directory")
    count = max(int.from_bytes(data[at + 10 : at + 12], "little"), data.count(b"PK\x01\x02", 0, at))
    if count > 4 * limits.members:
        raise too_much(f"holds {count:,} files", "members", limits.members, _UNPACK)


def _members(archive: zipfile.ZipFile, packed: int, limits: Limits) -> Iterator[dict[str, Any]]:
    total, number = 0, 0
    for info in archive.infolist():
        name = _shown(info.filename)
        if info.is_dir() or _FURNITURE.search(info.filename):
            continue
        if info.external_attr >> 16 & 0o170000 == _SYMLINK:
            yield {"left_out": name, "reason": "it is a link, not a file"}
            continue
        if not info.file_size:
            yield {"left_out": name, "reason": "it is empty"}
            continue
        number += 1
        if number > limits.members:
            raise too_much(f"holds more than {limits.members:,} files", "members", limits.members, _UNPACK)
        yield {"member": name}
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                if total > limits.inflated_mb << 20:
                    what = f"unpacks to more than {limits.inflated_mb:,} MB"
                    raise too_much(what, "inflated_mb", limits.inflated_mb, _UNPACK)
                if total > max(_LARGE, limits.ratio * packed):
                    what = f"unpacks to more than {limits.ratio:,} times its length, as bombs do ({name})"
                    raise too_much(what, "ratio", limits.ratio, _UNPACK)
                yield {"data": b64encode(chunk).decode()}


def _shown(name: str) -> str:
    """Make a name fit to be shown; it is never opened."""
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name.replace("\\", "/"))
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME // 2]}…{text[-_LONGEST_NAME // 2 :]}"
