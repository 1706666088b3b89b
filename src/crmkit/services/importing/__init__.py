"""Import leads from any source: read, clean, match, write in parts, report.

One part after the other is prepared (`crmkit.services.preparing`) and goes through three more
steps, each a module: `match` finds out who is known already, `plan` decides what becomes of
each row, and `engine` writes it together with a checkpoint.
"""

from __future__ import annotations

from crmkit.core.imports import ImportReport, ReportedRow
from crmkit.services.importing.asked import asked_options, check_mapping, save_mapping, saved_columns
from crmkit.services.importing.choosing import choose_importer
from crmkit.services.importing.engine import import_leads
from crmkit.services.importing.progress import ImportProgress
from crmkit.services.importing.rejects import write_rejects
from crmkit.services.importing.report import read_report
from crmkit.services.preparing.job import Policy
from crmkit.services.preparing.survey import begin_reading

__all__ = [
    "ImportProgress",
    "ImportReport",
    "Policy",
    "ReportedRow",
    "asked_options",
    "begin_reading",
    "check_mapping",
    "choose_importer",
    "import_leads",
    "read_report",
    "save_mapping",
    "saved_columns",
    "write_rejects",
]
