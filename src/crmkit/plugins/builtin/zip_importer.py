"""The importer for archives: each file in one is read by the importer that is surest of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Self

import attrs

from crmkit.core.drafts import Finding
from crmkit.core.ports.sources import Importer, Reading, ReadingOptions, Source
from crmkit.errors import UnreadableError
from crmkit.plugins.builtin.joined import Piece, joined
from crmkit.services.reading.formats import Format, format_of
from crmkit.services.reading.members import unpacked

__all__ = ["ZipImporter"]


@attrs.frozen
class ZipImporter:
    """Reads the files of a zip archive one after another, as one source.

    Lines count on from file to file; a report says in which file, and on which line of it.
    """

    _choose: Callable[[Source], Importer] | None = None

    name = "zip"
    summary = "every file in a zip archive, each by the importer that is surest of it"

    def among(self, choose: Callable[[Source], Importer]) -> Self:
        """Return this importer, knowing how to find one for a file."""
        return attrs.evolve(self, choose=choose)

    def identify(self, source: Source) -> int:
        """Say 100 for an archive that is no workbook."""
        return _CERTAIN if format_of(source) is Format.ZIP else 0

    def read(self, source: Source, options: ReadingOptions) -> Reading:
        """Unpack it, and begin to read each file."""
        members, left_out = unpacked(source)
        files: list[Piece] = []
        for member in members:
            if format_of(member) is Format.ZIP:
                left_out[member.name] = "it is an archive itself"
                continue
            try:
                importer = self._chosen(member)
            except UnreadableError:
                left_out[member.name] = "no importer knows it"
                continue
            piece = Piece.opened(member.name, importer.name, partial(importer.read, member), options)
            if piece.reading is None and format_of(member) is Format.TEXT:  # a picture, a program, a blank page
                left_out[member.name] = piece.flaw
            else:
                files.append(piece)
        if not files:
            passed_over = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:_LISTED])
            raise UnreadableError(
                f"holds no file that can be imported ({passed_over or 'it is empty'})",
                source=source.name,
                hint="unpack it, and import each file",
            )
        return joined(files, _findings(files, left_out), options.mapping)

    def _chosen(self, member: Source) -> Importer:
        if self._choose is None:
            raise UnreadableError("no importer was given", source=member.name)
        return self._choose(member)


_CERTAIN: Final = 100
_LISTED: Final = 5


def _findings(files: Sequence[Piece], left_out: Mapping[str, str]) -> Iterator[Finding]:
    yield Finding(what="format", value=Format.ZIP.value, evidence="its first bytes say so")
    for file in files:
        yield Finding(what="file", value=file.name, evidence=f"read by {file.importer}: {file.found}")
    for name, reason in left_out.items():
        yield Finding(what="left out", value=name, evidence=reason)
