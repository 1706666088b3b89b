"""Where it is written down what became of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["log"]


def log() -> Logger:
    """Return the logger; loaded when there is something to say, for most programs start without."""
    from logging import getLogger

    return getLogger("crmkit.plugins")
