"""How what a lead source brings is imported: the arguments of an import, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import attrs

from crmkit.core.changes import digest_of
from crmkit.core.lead_source import LeadSource
from crmkit.core.ports.sources import ReadingOptions
from crmkit.core.spelling import close_to
from crmkit.errors import RejectedError
from crmkit.services.importing import Policy, asked_options, saved_columns
from crmkit.services.workspace import Workspace

__all__ = ["Recipe", "checked_options"]

_READING: Final = tuple(a.name for a in attrs.fields(ReadingOptions))
_IMPORTING: Final = ("policy", "source_label", "max_errors")
_SAVED: Final = "saved_mapping"
_NUMBERS: Final = ("header_line", "max_errors")
_MAPPINGS: Final = ("mapping", "synonyms")


def checked_options(workspace: Workspace, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an import as a lead source keeps them: without those that say nothing.

    Raises:
        RejectedError: With all that is wrong.
        NotFoundError: There is no such saved mapping.
    """
    known = (*_IMPORTING, _SAVED, *_READING)
    problems: list[str] = []
    kept = {name: value for name, value in given.items() if name not in known or value not in (None, "", {})}
    for name, value in kept.items():
        if name not in known:
            close = close_to(name, known)
            hint = f"; did you mean {close[0]}?" if close else f" (there are {', '.join(known)})"
            problems.append(f"an import has no option {name!r}{hint}")
        elif name == "policy" and value not in get_args(Policy):
            problems.append(f"policy must be fill, skip or update, not {value!r}")
        elif name in _MAPPINGS and not isinstance(value, Mapping):
            problems.append(f"{name} must say for each word what it means")
        elif name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            problems.append(f"{name} must be a whole number, 0 or more")
        elif name not in (*_NUMBERS, *_MAPPINGS) and not isinstance(value, str):
            problems.append(f"{name} must be text")
    if problems:
        raise RejectedError(problems)
    _reading(workspace, kept)
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in kept.items()}


@attrs.frozen(kw_only=True)
class Recipe:
    """How what a lead source brings is imported.

    Attributes:
        importer: The importer, or None: the surest.
        campaign: The campaign that everybody joins, or None.
        owner: Who is responsible for new leads, or None.
        tags: What is put on every lead.
        reading: What is said about the files, with what a saved mapping and the settings add.
        importing: The other options.
    """

    importer: str | None
    campaign: str | None
    owner: str | None
    tags: Sequence[str]
    reading: ReadingOptions
    importing: Mapping[str, Any]

    @classmethod
    def of(cls, workspace: Workspace, source: LeadSource) -> Recipe:
        """Return the recipe of a lead source.

        Raises:
            RejectedError: Its options do not fit the workspace as it is now.
            NotFoundError: There is no such saved mapping any more.
        """
        options = checked_options(workspace, source.options)
        return cls(
            importer=source.importer,
            campaign=source.campaign_id,
            owner=source.owner_id,
            tags=list(source.tags),
            reading=_reading(workspace, options),
            importing={name: options[name] for name in _IMPORTING if name in options},
        )

    def digest(self, *more: Any) -> str:
        """Return the same for recipes that say the same, together with *more* JSON values."""
        return digest_of([attrs.asdict(self), *more])

    def import_digest(self, *more: Any) -> str:
        """Return the same for recipes that ask for the same import; how many errors it may have is no part of that."""
        importing = {name: value for name, value in self.importing.items() if name != "max_errors"}
        return attrs.evolve(self, importing=importing).digest(*more)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `import_leads`, but for the importer."""
        asked = {"campaign": self.campaign, "owner": self.owner, "tags": self.tags, "options": self.reading}
        return {**asked, **self.importing}


def _reading(workspace: Workspace, options: Mapping[str, Any]) -> ReadingOptions:
    saved = saved_columns(workspace, options[_SAVED]) if _SAVED in options else None
    said = ReadingOptions(**{name: options[name] for name in _READING if name in options})
    return asked_options(said, settings=workspace.settings, lead=workspace.schema["lead"], saved=saved)
