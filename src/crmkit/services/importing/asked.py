"""What is said about a source before it is read: by the caller, a saved mapping, the settings of the workspace."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.record_type import RecordType
from crmkit.core.records import Stored as StoredRecord
from crmkit.core.values.dates import DATE_ORDERS
from crmkit.core.values.places import country_code
from crmkit.errors import RejectedError
from crmkit.services.edit import add_records, update_records
from crmkit.services.preparing.custom import CustomColumns
from crmkit.services.resolve import resolve
from crmkit.services.settings import Settings
from crmkit.services.workspace import Workspace

__all__ = ["asked_options", "check_mapping", "save_mapping", "saved_columns"]


def asked_options(
    options: ReadingOptions | None,
    *,
    settings: Settings,
    lead: RecordType | None = None,
    saved: Mapping[str, str] | None = None,
) -> ReadingOptions:
    """Return the options with what a saved mapping and the settings add; what is said in them goes first.

    For leads, whose type is then given, the words of the settings for columns count as well.

    Raises:
        RejectedError: There is no such order of dates, country or custom field; all that is wrong.
    """
    options = options or ReadingOptions()
    problems: list[str] = []
    if options.date_order not in (None, *DATE_ORDERS):
        problems.append(f"date_order must be {' or '.join(DATE_ORDERS)}, not {options.date_order!r}")
    region = country_code(options.region) if options.region else settings.region
    if options.region and region is None:
        problems.append(f"region must be a country such as FR, not {options.region!r}")
    if problems:
        raise RejectedError(problems)
    mapping = {**(saved or {}), **options.mapping}
    if lead is None:
        return attrs.evolve(options, mapping=mapping, region=region)
    words = {word: field for field, words in settings.synonyms.items() for word in words}
    CustomColumns(lead).check({**words, **mapping})
    return attrs.evolve(options, mapping=mapping, region=region, synonyms={**words, **options.synonyms})


def saved_columns(workspace: Workspace, named: str | StoredRecord) -> Mapping[str, str]:
    """Return what a saved mapping says.

    Raises:
        NotFoundError: There is none of that name; with what comes close.
    """
    with workspace.reading() as view:
        kind = workspace.schema["mapping"]
        rows = view.get_many("mapping", [resolve(view, workspace.schema, "mapping", named)])
        columns: Mapping[str, str] = kind.load(rows[0]).columns
        return columns


def check_mapping(columns: Mapping[str, str], name: str | None) -> None:
    """Refuse to save a mapping under a *name* that says nothing.

    Raises:
        RejectedError: It is so.
    """
    if name is not None and not (columns and name.strip()):
        raise RejectedError("there is no mapping to save, or no name for it", hint="say what the columns hold")


def save_mapping(workspace: Workspace, name: str | None, columns: Mapping[str, str], *, dry_run: bool = False) -> None:
    """Keep a mapping under a name, instead of what has that name already; None, or a dry run, keeps nothing."""
    if name is None or dry_run:
        return
    reason = f"the mapping {name} was saved"
    with workspace.reading() as view:
        found = view.lookup("mapping", "name", [name])
    if found:
        update_records(workspace, "mapping", [found[0][1]], {"columns": dict(columns)}, reason=reason)
    else:
        add_records(workspace, "mapping", [{"name": name, "columns": dict(columns)}], reason=reason)
