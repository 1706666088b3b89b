"""vCard 2.1, 3.0 and 4.0, and what lies between them, to records of named texts; a card at a time.

Written here rather than taken from a library: those at hand are recursive, hold the file as a
whole, or follow one version to the letter, while every address book bends all three. A
property is never refused for its form; only a card is that does not end, or nests too deeply.

Frames are ``{"records": [[line, {name: text}, fault], …]}``; a line is that of ``BEGIN:VCARD``.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from crmkit.services.reading.limits import Limits
from crmkit.services.reading.lines import ByteLines, decoded

__all__ = ["read"]


def read(stream: BinaryIO, limits: Limits, *, encoding: str | None = None) -> Iterator[dict[str, Any]]:
    """Read cards; whatever stands between them is passed over."""
    batch: list[list[Any]] = []
    for card in _cards(stream, limits):
        properties = [found for raw in card.lines if (found := _property(raw, encoding)) is not None]
        record = _Record(properties).fields()
        if card.fault:
            record = {**record, "vCard": b"\n".join(card.lines)[:_SHOWN].decode("utf-8", "replace")}
        batch.append([card.line, record, card.fault])
        if len(batch) == _BATCH:
            yield {"records": batch}
            batch = []
    yield {"records": batch}


_BATCH: Final = 100
_SHOWN: Final = 2000
_NESTED: Final = 16
_MAX_PROPERTIES: Final = 2000
_UNENDED: Final = "the card does not end: END:VCARD is missing"
_BEGIN: Final = re.compile(rb"(?:[\w-]+\.)?BEGIN[ \t]*:[ \t]*VCARD[ \t]*$", re.IGNORECASE)
_END: Final = re.compile(rb"(?:[\w-]+\.)?END[ \t]*:[ \t]*VCARD[ \t]*$", re.IGNORECASE)
_BINARY: Final = re.compile(rb"BASE64|ENCODING=B\b")
_PICTURE: Final = re.compile(rb"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY|X-[\w-]*(?:PHOTO|IMAGE))[;:]", re.IGNORECASE)
_NAME: Final = re.compile(rb"(?:[\w-]+\.)?[A-Za-z][\w-]*[ \t]*[:;]")
_KEPT_OF_PICTURES: Final = 200
_LONGEST_START: Final = 1000


class _Card(NamedTuple):
    line: int
    lines: Sequence[bytes]
    fault: str


def _cards(stream: BinaryIO, limits: Limits) -> Iterator[_Card]:
    """Part a stream into cards, of logical lines."""
    card: _Gathering | None = None
    for number, raw, is_cut in _logical(stream, limits.cell_chars):
        if _BEGIN.match(raw):
            if card is not None and not card.takes_card:
                yield card.ended(_UNENDED)
                card = None
            if card is None:
                card = _Gathering(number, 4 * limits.cell_chars)
            else:
                card.deeper()
        elif card is not None and _END.match(raw):
            if card.depth == 1:
                yield card.ended()
                card = None
            else:
                card.depth -= 1
        elif card is not None and raw.strip():
            card.take(raw, is_cut=is_cut)
    if card is not None:
        yield card.ended(_UNENDED)


class _Gathering:
    """One card being read; of those within it only how deep they lie is known."""

    def __init__(self, line: int, longest: int) -> None:
        self.depth = 1
        self.takes_card = False
        self._line = line
        self._longest = longest
        self._lines: list[bytes] = []
        self._size = 0
        self._fault = ""

    def ended(self, fault: str = "") -> _Card:
        return _Card(self._line, self._lines, self._fault or fault)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _NESTED:
            self._fault = f"cards are nested more than {_NESTED} deep"

    def take(self, raw: bytes, *, is_cut: bool) -> None:
        self.takes_card = raw[:5].upper() == b"AGENT" or (self.takes_card and self.depth > 1)
        if self.depth > 1:
            return
        self._size += len(raw)
        if is_cut and not _PICTURE.match(raw):
            self._fault = self._fault or "a line is too long"
        if len(self._lines) >= _MAX_PROPERTIES or self._size > self._longest:
            self._fault = self._fault or "the card is too long"
        else:
            self._lines.append(raw)


def _logical(stream: BinaryIO, longest: int) -> Iterator[tuple[int, bytes, bool]]:
    """Join what was folded: on blanks, on soft breaks, in pictures."""
    start, held, is_cut = 0, b"", False
    is_quoted = is_picture = False
    for number, raw, cut in ByteLines(stream, longest):
        if is_quoted and held.endswith(b"=") and not _END.match(raw):
            held = held[:-1] + (raw.lstrip(b" \t") if raw[:1] in (b" ", b"\t") else raw)
        elif raw[:1] in (b" ", b"\t") and held:
            # Pictures are dropped anyway, so only their beginning is kept.
            held = held if is_picture and len(held) > _KEPT_OF_PICTURES else held + raw[1:]
        elif is_picture and raw and not _NAME.match(raw):
            continue
        else:
            if held:
                yield start, held, is_cut
            start, held, is_cut = number, raw, False
            parameters = raw[: min(raw.find(b":") + 1, _LONGEST_START)].upper()
            is_quoted = b"QUOTED-PRINTABLE" in parameters
            is_picture = bool(_PICTURE.match(parameters) or (b";" in parameters and _BINARY.search(parameters)))
        is_cut = is_cut or cut
        if len(held) > longest:
            held, is_cut = held[:longest], True
    if held:
        yield start, held, is_cut


class _Property(NamedTuple):
    """One line of a card."""

    group: str
    name: str
    types: frozenset[str]
    is_binary: bool
    value: str


_LINE: Final = re.compile(rb'(?:([\w-]+)\.)?([\w-]+)[ \t]*((?:;(?:[^":;]|"[^"]*")*)*):(.*)', re.DOTALL)
_PARAMETER: Final = re.compile(rb';((?:[^":;]|"[^"]*")*)')


def _property(raw: bytes, encoding: str | None) -> _Property | None:
    found = _LINE.match(raw)
    if found is None:
        return None
    group, name, parameters, value = found.groups()
    types: set[str] = set()
    charset, quoted, binary = encoding, False, False
    for text in _PARAMETER.findall(parameters):
        key, equals, told = text.decode("ascii", "replace").rpartition("=")
        told = told.strip('" ').upper()
        key = key.strip().upper()
        if key == "CHARSET":
            charset = told
        elif told == "QUOTED-PRINTABLE":
            quoted = True
        elif told in ("BASE64", "B"):
            binary = True
        elif key == "PREF":
            types.add("PREF")
        elif not equals or key == "TYPE":
            types.update(each.strip(' "') for each in told.split(","))
    if quoted:
        value = binascii.a2b_qp(value)
    is_binary = binary or value[:5].lower() == b"data:"
    return _Property(
        (group or b"").decode().lower(), name.decode().upper(), frozenset(types), is_binary, decoded(value, charset)
    )


_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def _plain(text: str) -> str:
    if "\\" not in text:
        return text.strip()
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()


def _parts(text: str, at: str = ";") -> list[str]:
    """Split at a character that no backslash guards."""
    if "\\" not in text:
        return [part.strip() for part in text.split(at)]
    parts, start, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == at:
            parts.append(text[start:place])
            start = place + 1
        place += 1
    return [_plain(part) for part in (*parts, text[start:])]


_TECHNICAL: Final = frozenset(
    "VERSION PRODID LABEL SORT-STRING CLASS MAILER X-ABADR X-ABLABEL X-ABSHOWAS X-ABUID KIND X-ADDRESSBOOKSERVER-KIND"
    " X-MS-CARDPICTURE CLIENTPIDMAP AGENT".split()
)
_BINARY_NAMES: Final = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_LABEL: Final = re.compile(r"_\$!<(.*)>!\$_")
_WORDS: Final = {
    "BDAY": "Birthday", "NICKNAME": "Nickname", "ROLE": "Role", "REV": "Updated", "LANG": "Language",
    "ANNIVERSARY": "Anniversary", "GENDER": "Gender", "TZ": "Time zone", "GEO": "Position on the map",
}  # fmt: skip


class _Record:
    """What a card says, under the names that columns have."""

    def __init__(self, properties: Sequence[_Property]) -> None:
        self._all = properties
        self._by_name: dict[str, list[_Property]] = {}
        for each in properties:
            if each.value.strip():
                self._by_name.setdefault(each.name, []).append(each)
        self._fields: dict[str, str] = {}
        self._labels = {
            each.group: _LABEL.sub(r"\1", _plain(each.value))
            for each in properties
            if each.name == "X-ABLABEL" and each.group
        }

    def fields(self) -> dict[str, str]:
        """Return them, the usual ones first."""
        self._name()
        self._organisation()
        self._reach()
        self._address()
        self._rest()
        return {name: text for name, text in self._fields.items() if text}

    def _of(self, *names: str) -> list[_Property]:
        """Return properties, the preferred first, then those of the workplace."""
        found = [each for name in names for each in self._by_name.get(name, ())]
        if len(found) > 1:
            found.sort(key=lambda each: ("PREF" not in each.types, "HOME" in each.types))
        return found

    def _put(self, name: str, text: str) -> None:
        """Set a value, or add one that differs."""
        had = self._fields.get(name)
        if text and had != text:
            self._fields[name] = f"{had}; {text}" if had else text

    def _name(self) -> None:
        for each in self._of("UID")[:1]:
            self._fields["UID"] = _plain(each.value).removeprefix("urn:uuid:")
        parts = next((_parts(each.value) for each in self._of("N")), [])
        last, first, middle, prefix, suffix = [*parts, "", "", "", "", ""][:5]
        self._fields |= {"Name prefix": prefix, "First name": first, "Last name": last, "Middle name": middle}
        self._fields["Name suffix"] = suffix
        if not (first or last):
            self._fields["Full name"] = next((_plain(each.value) for each in self._of("FN")), "")

    def _organisation(self) -> None:
        first, *others = [_parts(each.value) for each in self._of("ORG")] or [[""]]
        self._fields |= {"Company": first[0], "Department": ", ".join(filter(None, first[1:]))}
        for other in others:
            self._put("Other company", ", ".join(filter(None, other)))
        shown = {_plain(each.value).upper() for each in self._all if each.name in ("KIND", "X-ABSHOWAS")}
        full = self._fields.get("Full name", "")
        if full and (full == first[0] or shown & {"ORG", "COMPANY"}):
            self._fields["Company"] = first[0] or full
            self._fields["Full name"] = ""
        titles = [_plain(each.value) for each in self._of("TITLE")]
        self._fields["Job title"] = next(iter(titles), "")
        for title in titles[1:]:
            self._put("Other job title", title)

    def _reach(self) -> None:
        emails = list(dict.fromkeys(_plain(each.value).removeprefix("mailto:") for each in self._of("EMAIL")))
        self._fields |= {"Email": next(iter(emails), ""), "Other email": ", ".join(emails[1:])}
        self._fields |= {"Phone": "", "Mobile": ""}
        for each in self._of("TEL"):
            number = _telephone(each.value)
            if each.types & {"FAX", "PAGER"}:
                self._put("Fax" if "FAX" in each.types else "Pager", number)
            elif each.types & {"CELL", "IPHONE"} and not self._fields["Mobile"]:
                self._fields["Mobile"] = number
            elif not each.types & {"CELL", "IPHONE"} and not self._fields["Phone"]:
                self._fields["Phone"] = number
            elif number not in (self._fields["Phone"], self._fields["Mobile"]):
                self._put("Other phone", number)
        for each in self._of("URL", "X-SOCIALPROFILE"):
            url = _plain(each.value)
            if "linkedin.com" in url.lower():
                self._put("LinkedIn", url)
            elif each.name == "URL" and not self._fields.get("Website"):
                self._fields["Website"] = url
            else:
                self._put("Other website" if each.name == "URL" else "Social profile", url)

    def _address(self) -> None:
        for place, each in enumerate(self._of("ADR")):
            box, extended, street, city, region, code, country = [*_parts(each.value), *[""] * 7][:7]
            street = ", ".join(filter(None, (street, extended, box)))
            if place == 0:
                self._fields |= {"Street": street, "Postal code": code, "City": city, "Region": region}
                self._fields["Country"] = country
            else:
                self._put("Other address", ", ".join(filter(None, (street, f"{code} {city}".strip(), region, country))))

    def _rest(self) -> None:
        self._fields["Notes"] = "\n".join(_plain(each.value) for each in self._of("NOTE"))
        categories = [part for each in self._of("CATEGORIES") for part in _parts(each.value, ",")]
        self._fields["Categories"] = ", ".join(dict.fromkeys(filter(None, categories)))
        done = {"UID", "N", "FN", "ORG", "TITLE", "EMAIL", "TEL", "URL", "X-SOCIALPROFILE", "ADR", "NOTE", "CATEGORIES"}
        for each in self._all:
            if each.name in done or each.name in _TECHNICAL:
                continue
            if each.is_binary or each.name in _BINARY_NAMES:
                if each.value.strip():
                    self._put("Left out", each.name.capitalize())
                continue
            name = self._labels.get(each.group) or _WORDS.get(each.name, each.name)
            text = ", ".join(filter(None, _parts(each.value)))[:_SHOWN]
            self._put(name, _COMPACT.sub(_iso, text) if each.name in _DAYS else text)


_DAYS: Final = frozenset({"BDAY", "ANNIVERSARY", "X-ANNIVERSARY", "X-MS-ANNIVERSARY", "REV", "DEATHDATE"})
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(.*))?$")


def _iso(found: re.Match[str]) -> str:
    year, month, day, hour, minute, second, zone = found.groups()
    return f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second}{zone}" if hour else "")


def _telephone(value: str) -> str:
    number, _, parameters = _plain(value).removeprefix("tel:").partition(";")
    extension = re.search(r"ext=(\d+)", parameters)
    return f"{number} x{extension[1]}" if extension else number
