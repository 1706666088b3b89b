"""How a text is parted into cells: by which character, quoted how."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence

import attrs

from crmkit.core.drafts import Finding
from crmkit.errors import RejectedError

__all__ = ["Dialect", "find_dialect"]


@attrs.frozen(kw_only=True)
class Dialect:
    """How lines are parted into cells.

    Attributes:
        delimiter: The character between two cells, or one that occurs nowhere
            when each line is one cell.
        blank_before_quote: Whether a quoted cell may have blanks before it.
        evidence: Why this one, in words for a person.
    """

    delimiter: str
    blank_before_quote: bool = False
    evidence: str

    @property
    def finding(self) -> Finding:
        """What to report about it."""
        return Finding(what="delimiter", value=_NAMES.get(self.delimiter, self.delimiter), evidence=self.evidence)


def find_dialect(sample: Sequence[str], known: Callable[[str], bool], wanted: str | None = None) -> Dialect:
    """Find out how the lines of *sample* are parted into cells.

    The delimiter is the one that gives most rows the same number of cells, the
    more the better; but one that brings out known header words goes first.

    Args:
        sample: The first lines of a text.
        known: Whether a cell is a word that headers are made of.
        wanted: The delimiter to use instead, whatever the lines say.

    Raises:
        RejectedError: The *wanted* delimiter is not one character.
    """
    if wanted is not None:
        if len(wanted) != 1 or wanted in '"\r\n\0':
            raise RejectedError(f"{wanted!r} is not a delimiter", hint="give one character, such as ; or a tab")
        return Dialect(delimiter=wanted, evidence="as asked for")
    if told := _TOLD.match(sample[0] if sample else ""):
        return Dialect(delimiter=told[1], evidence=f"the first line says {told[0].strip()}")
    tries = [_Try.of(sample, delimiter, blank, known) for delimiter in _USUAL for blank in (False, True)]
    # What rarely parts cells often stands within them, so only a header speaks for it.
    tries += [found for mark in _RARE if (found := _Try.of(sample, mark, blank=False, known=known)).known > 1]
    best = max(tries, key=lambda found: found.score)  # of equals the first
    if not best.parts:
        return Dialect(delimiter=_NOWHERE, evidence="no usual delimiter parts the lines alike")
    return Dialect(
        delimiter=best.delimiter,
        blank_before_quote=best.blank_before_quote,
        evidence=f"{best.alike} of the first {best.rows} rows have {best.width} cells",
    )


_USUAL = (",", ";", "\t", "|")
_RARE = ("^", "~", "¦", "§", ":")
_NOWHERE = "\x1f"
_NAMES = {"\t": "tab", _NOWHERE: "none"}
_ROWS = 20
_LOOKED_AT = 200  # cells of a row: what is wider is no better known by more of them
_TOLD = re.compile(r"sep=(.)\s*$", re.IGNORECASE)  # what Excel writes and heeds
_FEW = 0.25  # fewer rows with several cells than this are prose with commas in it


@attrs.frozen(kw_only=True)
class _Try:
    """What one delimiter makes of the sample."""

    delimiter: str
    blank_before_quote: bool
    rows: int
    parted: int
    width: int
    alike: int
    known: int

    @classmethod
    def of(cls, sample: Sequence[str], delimiter: str, blank: bool, known: Callable[[str], bool]) -> _Try:  # noqa: FBT001 - it is data here
        rows = []
        try:
            for cells in csv.reader(sample, delimiter=delimiter, skipinitialspace=blank):
                if any(cell.strip() for cell in cells):
                    rows.append(cells)
                if len(rows) == _ROWS:
                    break
        except csv.Error:  # a huge cell or an open quote; what came before it counts
            pass
        widths = Counter(len(cells) for cells in rows if len(cells) > 1)
        width, alike = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return cls(
            delimiter=delimiter,
            blank_before_quote=blank,
            rows=len(rows),
            parted=widths.total(),
            width=width,
            alike=alike,
            known=max((sum(map(known, cells[:_LOOKED_AT])) for cells in rows), default=0),
        )

    @property
    def parts(self) -> bool:
        return self.parted > self.rows * _FEW

    @property
    def score(self) -> tuple[bool, bool, float]:
        if not self.parts:
            return (False, False, 0)
        return (True, self.known > 1, self.alike / self.rows * (1 - 1 / self.width))
