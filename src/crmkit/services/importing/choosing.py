"""Which importer reads a source: the one that was named, or the surest."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.sources import Importer, ImporterOfParts, Source
from crmkit.core.spelling import close_to
from crmkit.errors import NotFoundError, RejectedError, UnreadableError
from crmkit.services.sources import is_whole_workspace

__all__ = ["choose_importer"]


def choose_importer(
    importers: Mapping[str, Contribution[Importer]], source: Source, wanted: str | None = None
) -> Contribution[Importer]:
    """Return the importer of that name, or the one that is surest that the source is its own.

    Raises:
        NotFoundError: There is no importer of that name.
        RejectedError: Two are equally sure; or it is the export of a whole workspace.
        UnreadableError: None takes the source for its own.
    """
    if wanted is not None:
        if wanted not in importers:
            raise NotFoundError("importer", wanted, suggestions=close_to(wanted, importers))
        return _equipped(importers[wanted], importers)
    if is_whole_workspace(source):
        raise RejectedError(
            f"{source.name} is the export of a whole workspace, no file of leads",
            hint="make a fresh workspace of it with import_all (crmkit import --all)",
        )
    sure: dict[str, int] = {}
    for name, contribution in importers.items():
        with contribution.blamed():
            sure[name] = contribution.item.identify(source)
    best = max(sure.values(), default=0)
    names = sorted(name for name, value in sure.items() if value == best)
    if best <= 0:
        known = ", ".join(sorted(importers)) or "none"
        raise UnreadableError(
            "no importer knows this kind of file", source=source.name, hint=f"name one of the importers: {known}"
        )
    if len(names) > 1:
        raise RejectedError(
            f"the importers {' and '.join(names)} are equally sure that {source.name} is theirs",
            hint=f"name one of them: {' or '.join(names)}",
        )
    return _equipped(importers[names[0]], importers)


def _equipped(
    chosen: Contribution[Importer], importers: Mapping[str, Contribution[Importer]]
) -> Contribution[Importer]:
    """Let an importer of archives choose as is done here."""
    if not isinstance(chosen.item, ImporterOfParts):
        return chosen
    with chosen.blamed():
        return attrs.evolve(chosen, item=chosen.item.among(lambda part: choose_importer(importers, part).item))
