"""How a source was read, carried along with its rejected rows.

A few rows alone may not tell what the whole source told: which of two numbers is the day, say.
So a file of rejected rows says it itself, and is read as the source was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.values.dates import DATE_ORDERS, DateOrder, order_name
from crmkit.core.values.numbers import DecimalSign

__all__ = ["CARRIED_COLUMN", "Carried"]

CARRIED_COLUMN: Final = "crmkit_read_as"
"""The column of a file of rejected rows."""


@attrs.frozen(kw_only=True)
class Carried:
    """What was decided about a source; None where nothing was."""

    region: str | None = None
    order: DateOrder | None = None
    sign: DecimalSign | None = None

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Carried:
        """Take what was decided out of the findings; of several columns what most say."""
        found: dict[str, Counter[str]] = {}
        for each in findings:
            found.setdefault(each.what.partition(" in ")[0], Counter()).update([each.value])
        usual = {kind: counted.most_common(1)[0][0] for kind, counted in found.items()}
        region = usual.get("phone region", "")  # of several languages none is that of all
        return cls(
            region=region if _COUNTRY.fullmatch(region) else None,
            order=next((order for order in DATE_ORDERS if order_name(order) == usual.get("dates")), None),
            sign=next((sign for sign, name in _SIGNS.items() if f"decimal {name}" == usual.get("numbers")), None),
        )

    @classmethod
    def read(cls, text: str) -> Carried:
        """Understand what `str` wrote; what is not understood says nothing."""
        said = dict(_SAID.findall(text))
        region = said.get("phones", "")
        return cls(
            region=region if _COUNTRY.fullmatch(region) else None,
            order=next((order for order in DATE_ORDERS if order == said.get("dates")), None),
            sign=next((sign for sign, name in _SIGNS.items() if name == said.get("numbers")), None),
        )

    def __str__(self) -> str:
        said = {"phones": self.region, "dates": self.order, "numbers": _SIGNS[self.sign] if self.sign else None}
        return " ".join(f"{name}={value}" for name, value in said.items() if value)


_SIGNS: Final[Mapping[DecimalSign, str]] = {",": "comma", ".": "point"}
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_SAID: Final = re.compile(r"(\w+)=(\w+)")
