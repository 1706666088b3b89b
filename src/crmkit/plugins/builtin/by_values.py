"""What columns hold, told by their values: where there is no header, or one in words that nobody knows.

Addresses, numbers and links are told wherever no column is known to hold them. Names and
companies are told only where columns have no names at all: under a name that is not known,
a word with a capital letter may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from crmkit.core.drafts import Finding
from crmkit.core.values.company import company_key
from crmkit.core.values.dates import is_written_day
from crmkit.core.values.places import country_code
from crmkit.core.values.text import fold
from crmkit.services.tabular import RowKind, Table

__all__ = ["told_by_values"]


def told_by_values(table: Table, known: Mapping[int, str]) -> tuple[dict[int, str], list[Finding]]:
    """Look at the first rows of a table for what its columns hold.

    Args:
        table: The table.
        known: What is known of columns by their names: place to field; ``extra`` is nothing.

    Returns:
        Place to field, of columns that are not known, and what to report.
    """
    open_places = [place for place in range(len(table.header)) if known.get(place, "extra") == "extra"]
    taken = set(known.values()) - {"extra"}
    is_headed = table.is_headed and not all(map(_NUMBERED.fullmatch, table.header))
    if not open_places or (is_headed and taken >= _SURE):
        return {}, []
    rows = [row.cells for row in islice((row for row in table.rows() if row.kind is RowKind.DATA), _LOOKED_AT)]
    columns = {place: [text for row in rows if (text := row[place].strip())] for place in open_places}
    found = _plain(columns, taken, is_headed=is_headed)
    if not is_headed and found:  # without an address or number these may be words about anything
        left = {place: values for place, values in columns.items() if place not in found}
        found |= _names(left, taken | set(found.values()))
    return found, [
        Finding(
            what=f"column {table.header[place]!r}",
            value=field,
            evidence=f"told by its values, such as {columns[place][0][:_SHOWN]!r}; --map says otherwise",
        )
        for place, field in sorted(found.items())
    ]


_SURE: Final = frozenset({"email", "phone"})
"""With an address and a number nothing is missing under a header."""
_LOOKED_AT: Final = 100
_SHOWN: Final = 40
_NUMBERED: Final = re.compile(r"column_\d+|crmkit_\w+")
"""The names of columns that had none, as a file of rejected rows has them."""
_MOST: Final = 0.8
_SOME: Final = 0.3

_ADDRESS: Final = re.compile(r"(?:.{0,80}<)?[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+>?")
_LINK: Final = re.compile(
    # The profile of a person is no website of hers, still less that of a company.
    r"(?:https?://|www\.)(?!(?:[a-z]+\.)?(?:linkedin|facebook|instagram|twitter|x|xing|tiktok|youtube|github)\.com)\S+",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"(?:\+|00?|\()?[\d\s().+/-]{8,24}")
_WORD: Final = r"[^\W\d_][^\W\d_'’.-]*(?:['’.-]+[^\W\d_]+)*\.?"
_NAME: Final = re.compile(rf"{_WORD}(?: {_WORD}){{1,4}}")
_PART: Final = re.compile(rf"{_WORD}(?: {_WORD}){{0,2}}")


def _plain(columns: Mapping[int, Sequence[str]], taken: set[str], *, is_headed: bool) -> dict[int, str]:
    """Tell what cannot be mistaken; under a name, digits are a phone number only with a plus: it may name an order."""
    kinds: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("email", lambda text: _ADDRESS.fullmatch(text) is not None),
        ("website", lambda text: _LINK.fullmatch(text) is not None),
        ("phone", lambda text: _is_number(text) and (text[0] == "+" or not is_headed)),
    )
    found: dict[int, str] = {}
    for field, fits in kinds:
        if field not in taken and not (field == "phone" and "mobile" in taken):
            places = (
                place for place, values in columns.items() if place not in found and _share(values, fits) >= _MOST
            )
            found |= dict.fromkeys(islice(places, 1), field)
    return found


def _names(columns: Mapping[int, Sequence[str]], taken: set[str]) -> dict[int, str]:
    """Tell names and companies apart, where no column has a name."""
    found: dict[int, str] = {}

    def take(field: str, fits: Callable[[str], bool], share: float) -> None:
        places = (place for place, values in columns.items() if place not in found and _share(values, fits) >= share)
        if field not in taken:
            found.update(dict.fromkeys(islice(places, 1), field))

    take("country", lambda text: len(text) > 1 and country_code(text) is not None, _MOST)
    take("company", _has_legal_form, _SOME)
    take("full_name", lambda text: _is_named(text, _NAME), _MOST)
    if "full_name" in found.values():
        return found
    parts = [place for place in columns if place not in found and _share(columns[place], _is_part) >= _MOST][:2]
    if len(parts) == 1:
        return {**found, parts[0]: "full_name"}
    # Where only one of the two is in capitals, it is the family name.
    loud = [place for place in parts if _share(columns[place], str.isupper) >= _MOST]
    if parts:
        last = loud[0] if len(loud) == 1 else parts[1]
        found |= {place: "last_name" if place == last else "first_name" for place in parts}
    return found


def _share(values: Sequence[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, values)) / len(values) if values else 0


def _is_number(text: str) -> bool:
    if _NUMBER.fullmatch(text) is None or is_written_day(text):
        return False
    return _FEWEST_DIGITS <= sum(map(str.isdigit, text)) <= _MOST_DIGITS


_FEWEST_DIGITS: Final = 8
_MOST_DIGITS: Final = 15


def _has_legal_form(text: str) -> bool:
    return (company_key(text) or "") not in (fold(text), "") and any(map(str.isalpha, text)) and " " in text


def _is_named(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(text) is not None and text[0].isupper()


def _is_part(text: str) -> bool:
    return _is_named(text, _PART)
