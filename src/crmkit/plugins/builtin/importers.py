"""The importers that crmkit itself contributes, on the hook that everybody has.

They are a part of their own because most programs that open a workspace import nothing,
and what they need takes longer to load than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from crmkit.core.ports.sources import Importer
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.plugins.builtin.format_importers import format_importers
from crmkit.plugins.builtin.formats import FORMATS
from crmkit.plugins.builtin.zip_importer import ZipImporter
from crmkit.plugins.hookspecs import HookSpecs, hookimpl

__all__ = ["BuiltinImporters"]


class BuiltinImporters(HookSpecs):
    """crmkit's own importers."""

    @hookimpl
    def crmkit_importers(self) -> Iterable[Importer]:
        """Text tables, workbooks, cards, mails, JSON, archives, and the exports of other systems."""
        return [CsvImporter(), *format_importers(), ZipImporter(), *FORMATS]
