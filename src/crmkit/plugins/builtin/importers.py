"""The importers that crmkit itself contributes.

They are apart because most programs that open a workspace import nothing, and what they
need takes longer to load than all the rest.
"""

from __future__ import annotations

from crmkit.core.ports.sources import Importer
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.plugins.builtin.format_importers import format_importers
from crmkit.plugins.builtin.formats import FORMATS
from crmkit.plugins.builtin.zip_importer import ZipImporter

__all__ = ["builtin_importers"]


def builtin_importers() -> list[Importer]:
    """Return those of text tables, workbooks, cards, mails, JSON, archives, and the exports of other systems."""
    return [CsvImporter(), *format_importers(), ZipImporter(), *FORMATS]
