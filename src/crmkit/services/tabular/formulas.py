"""Cells that a spreadsheet would take for a formula, kept as text."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["protected", "unprotected"]


def protected(text: str) -> str:
    """Return a cell that any spreadsheet shows as this text and never calculates.

    An apostrophe goes before whatever begins like a formula, blanks and control characters
    left aside. Phone numbers do, with their plus sign; `unprotected` gives them back.
    """
    return f"'{text}" if _RISKY.match(text) else text


def unprotected(cell: str) -> str:
    """Undo what was done so that a cell stays text: ``'+33…`` and ``="00123"``."""
    if cell.startswith("'") and _GUARDED.match(cell):
        return cell[1:]
    if cell.startswith('="') and (text := _AS_TEXT.fullmatch(cell)):
        return text[1].replace('""', '"')
    return cell


# Full-width signs are formulas too where Chinese or Japanese is written.
_FORMULA: Final = r"(?:[\s\x00-\x20\x7f\ufeff]*[=+\-@＝＋－＠]|[\t\r])"
# Text that looks protected already is protected once more, so that one step back gives it again.
_RISKY: Final = re.compile(rf"'*{_FORMULA}|'+\d")
_GUARDED: Final = re.compile(rf"''*(?:{_FORMULA}|\d)")
_AS_TEXT: Final = re.compile(r'="(.*)"', re.DOTALL)
