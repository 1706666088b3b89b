"""People and companies as cards for address books (vCard 3.0, which all of them read)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Final

from crmkit.core.people import person_name
from crmkit.core.record_type import RecordType
from crmkit.errors import RejectedError
from crmkit.services.exporting.columns import columns_of
from crmkit.services.exporting.companions import Batch

__all__ = ["check_cards", "write_cards"]


def check_cards(kind: RecordType) -> None:
    """Check that records of a type can be cards.

    Raises:
        RejectedError: They are neither people nor companies.
    """
    if kind.name not in _CARDS:
        message = f"{kind.plural.replace('_', ' ')} cannot be cards: only leads, contacts and accounts can"
        raise RejectedError(message, hint="export as CSV, a workbook or JSON lines")


def write_cards(file: IO[str], kind: RecordType, batches: Iterable[Batch]) -> int:
    """Write a card for each record.

    What a card has no property for (custom fields, what a source knew besides) goes with its name as a label,
    as address books do it; crmkit's importer reads it so.
    """
    custom = [column for column in columns_of(kind) if "." in column.name]
    count = 0
    for batch in batches:
        further = {column.name: column.texts(batch) for column in custom}
        names = [name for name in _USED if name in batch.columns]
        for i, values in enumerate(zip(*(batch.columns[name] for name in names), strict=True)):
            record = dict(zip(names, values, strict=True))
            labelled = _extra(record.get("extra")) | {name: texts[i] for name, texts in further.items()}
            card = _company(record) if kind.name == "account" else _person(record, batch, i)
            lines = ("BEGIN:VCARD", "VERSION:3.0", *card, *_further(record), *_labelled(labelled), "END:VCARD")
            file.writelines(map(_folded, lines))
        count += len(batch.rows)
    return count


_CARDS: Final = ("lead", "contact", "account")
_USED: Final = (
    *("id", "source_id", "name", "salutation", "first_name", "last_name", "title", "company", "account_id"),
    *("email", "phone", "mobile", "website", "street", "postal_code", "city", "region", "country"),
    *("language", "notes", "tags", "extra"),
)
_ADDRESS: Final = ("street", "city", "region", "postal_code", "country")
_Record = Mapping[str, Any]


def _person(record: _Record, batch: Batch, i: int) -> Iterator[str]:
    company = record.get("company") or batch.labels.get(record.get("account_id") or "")
    name = person_name(record["first_name"], record["last_name"])
    called = name or company or record["email"] or record["phone"] or record["mobile"] or record["id"]
    parts = [record["last_name"], record["first_name"], None, record["salutation"], None]
    yield f"FN:{_escaped(called)}"
    yield f"N:{';'.join(map(_escaped, parts))}"
    yield from _if(company, "ORG:")
    yield from _if(record["title"], "TITLE:")
    yield from _if(record["email"], "EMAIL;TYPE=INTERNET,PREF:")
    for address in batch.bound["other_emails"][i]:
        yield f"EMAIL;TYPE=INTERNET:{_escaped(address)}"
    yield from _if(record["phone"], "TEL;TYPE=WORK,VOICE,PREF:")
    yield from _if(record["mobile"], "TEL;TYPE=CELL:")
    for number in batch.bound["other_phones"][i]:
        yield f"TEL;TYPE=VOICE:{_escaped(number)}"


def _company(record: _Record) -> Iterator[str]:
    yield f"FN:{_escaped(record['name'])}"
    yield "N:;;;;"
    yield f"ORG:{_escaped(record['name'])}"
    yield "KIND:org"
    yield "X-ABSHOWAS:COMPANY"  # the same for the address books of Apple
    yield from _if(record["phone"], "TEL;TYPE=WORK,VOICE:")


def _further(record: _Record) -> Iterator[str]:
    yield from _if(record["website"], "URL:")
    street, *rest = (_escaped(record[name]) for name in _ADDRESS)
    if street or any(rest):
        yield f"ADR;TYPE=WORK:;;{';'.join([street, *rest])}"
    yield from _if(record.get("language"), "LANG:")
    yield from _if(record.get("notes"), "NOTE:")
    if record["tags"]:
        yield f"CATEGORIES:{','.join(map(_escaped, json.loads(record['tags'])))}"
    yield f"UID:{_escaped(record.get('source_id') or record['id'])}"


def _extra(text: str | None) -> dict[str, str]:
    known: dict[str, Any] = json.loads(text) if text else {}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in known.items()
    }


def _labelled(values: Mapping[str, str]) -> Iterator[str]:
    number = 0
    for name, text in values.items():
        if text:
            number += 1
            yield f"item{number}.X-CRMKIT:{_escaped(text)}"
            yield f"item{number}.X-ABLABEL:{_escaped(name)}"


def _if(value: str | None, head: str) -> Iterator[str]:
    if value:
        yield head + _escaped(value)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": "\\n"})
_LONGEST: Final = 75


def _escaped(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return (text.replace("\r\n", "\n") if "\r" in text else text).translate(_ESCAPES)


def _folded(line: str) -> str:
    """Return a line in pieces of at most 75 bytes, none of which ends within a character."""
    if len(line) <= _LONGEST and line.isascii():
        return line + "\r\n"
    data = line.encode()
    pieces, start, room = [], 0, _LONGEST
    while start < len(data):
        stop = min(start + room, len(data))
        while stop < len(data) and data[stop] & 0xC0 == 0x80:  # noqa: PLR2004  # in the middle of a character
            stop -= 1
        pieces.append(data[start:stop].decode())
        start, room = stop, _LONGEST - 1  # the blank before it counts
    return "\r\n ".join(pieces) + "\r\n"
