"""Records in from files and sources, and out to files."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

from crmkit.facade.base import Face

if TYPE_CHECKING:
    from crmkit.core.campaign import Campaign
    from crmkit.core.lead_source import LeadSource
    from crmkit.core.ports.sources import ReadingOptions, Source
    from crmkit.core.records import Stored
    from crmkit.services.importing import ImportReport
    from crmkit.services.pulling import PullReport

__all__ = ["Gathering"]


class Gathering(Face):
    """Records in from files and sources, and out to files."""

    def import_leads(
        self,
        source: str | PathLike[str] | Source,
        *,
        campaign: str | Campaign | None = None,
        importer: str | None = None,
        options: ReadingOptions | None = None,
        rejects: str | PathLike[str] | None = None,
        **more: Any,
    ) -> ImportReport:
        """Import leads from a file; the same file again changes nothing.

        Args:
            source: A path, or a source.
            campaign: The campaign they come from; a record, id or name.
            importer: The name of the importer; None means: the surest of all.
            options: What is known about the file; None means: find out.
            rejects: Where to write the rows that were rejected, with line and reason;
                None means nowhere. Mended, that file can be imported again.
            more: ``policy``, ``source_label``, ``owner``, ``tags``, ``batch_size``, ``max_errors``,
                ``saved_mapping``, ``save_mapping_as``, ``progress``, ``reason``, ``key`` and ``dry_run``;
                see `crmkit.services.importing`.

        Raises:
            UnreadableError: It is no file that an importer knows.
            RejectedError: Too many rows are wrong; nothing was imported.
        """
        from crmkit.services.importing import import_leads, write_rejects
        from crmkit.services.sources import FileSource

        opened = FileSource(Path(source)) if isinstance(source, (str, PathLike)) else source
        chosen = None if campaign is None else self._id("campaign", campaign)
        outcome = import_leads(self.workspace, opened, campaign=chosen, importer=importer, options=options, **more)
        if rejects is not None:
            write_rejects(self.workspace, outcome.value, Path(rejects))
        return outcome.value

    def import_records(
        self,
        kind: str | type[Stored],
        source: str | PathLike[str] | Source,
        *,
        mapping: Mapping[str, str] | None = None,
        **more: Any,
    ) -> ImportReport:
        """Import records of any type from a table or JSON lines, by the names of its fields.

        Args:
            kind: The record type: its class, name or plural.
            source: A path, or a source.
            mapping: Column to field, where they are called differently.
            more: ``reason``, ``key`` and ``dry_run``.

        Raises:
            RejectedError: It has columns that are no fields, with all of these; or no row is good.
        """
        from crmkit.core.ports.sources import ReadingOptions
        from crmkit.services.import_records import import_records
        from crmkit.services.sources import FileSource

        schema = self.workspace.schema
        name = schema.of(kind).name if isinstance(kind, type) else schema.named(kind).name
        opened = FileSource(Path(source)) if isinstance(source, (str, PathLike)) else source
        options = ReadingOptions(mapping=mapping or {})
        return import_records(self.workspace, name, opened, options=options, **more).value

    # Everything out, and in again

    def export(self, kind: str | type[Stored], destination: str | PathLike[str] | IO[Any], **options: Any) -> int:
        """Write the records of one type to a file, and return how many there are.

        Args:
            kind: The record type: its class, name or plural.
            destination: A path, or an open stream.
            options: ``format`` (``csv``, ``xlsx``, ``jsonl`` or ``vcard``; by default what the file's
                name ends in), ``where``, ``deleted`` and ``delimiter``; see `crmkit.services.export`.

        Raises:
            RejectedError: The file cannot be written, or an option or condition makes no sense.
        """
        from crmkit.services.export import export_records

        schema = self.workspace.schema
        name = schema.of(kind).name if isinstance(kind, type) else kind
        return export_records(self.workspace, name, destination, **options)

    def export_all(self, destination: str | PathLike[str] | TextIO) -> dict[str, int]:
        """Write the whole workspace as JSON lines, for `import_all`: every record, deleted ones too, without the log.

        Returns:
            Record type to the number of its records.

        Raises:
            RejectedError: The file cannot be written.
        """
        from crmkit.services.whole_workspace import export_workspace

        return export_workspace(self.workspace, destination)

    def import_all(self, source: str | PathLike[str] | Source, **more: Any) -> ImportReport:
        """Make a fresh workspace what another one was when `export_all` wrote it; the same file again changes nothing.

        Args:
            source: A path, or a source.
            more: ``reason``, ``key``, ``dry_run`` and ``progress``.

        Raises:
            RejectedError: This workspace holds something already.
            UnreadableError: Something is wrong with the file; with all reasons, and nothing is written.
        """
        from crmkit.services.sources import FileSource
        from crmkit.services.whole_workspace import import_workspace

        opened = FileSource(Path(source)) if isinstance(source, (str, PathLike)) else source
        return import_workspace(self.workspace, opened, **more).value

    def add_source(self, name: str, kind: str, settings: Mapping[str, Any] | None = None, **more: Any) -> LeadSource:
        """Add a lead source, to be pulled again and again; nothing is pulled yet.

        Args:
            name: What to call it; unique.
            kind: ``folder``, ``http``, or what a plugin brings.
            settings: What that kind wants to know: ``{"path": "drop"}``, ``{"url": "https://…"}``.
            more: How what comes is imported: ``campaign``, ``importer``, ``owner``, ``tags``, ``policy``,
                ``source_label``, ``max_errors``, ``saved_mapping``, ``mapping`` and the other reading
                options; and ``reason``, ``key`` and ``dry_run``.

        Raises:
            NotFoundError: There is no such kind, campaign, importer or user.
            RejectedError: With all that is wrong.
        """
        from crmkit.services.pulling import add_source

        return add_source(self.workspace, name, kind, settings, **more).value

    def change_source(
        self, source: str | LeadSource, settings: Mapping[str, Any] | None = None, **more: Any
    ) -> LeadSource:
        """Change a lead source; what is not named stays, and None takes a value away. See `add_source`."""
        from crmkit.services.pulling import change_source

        return change_source(self.workspace, source, settings, **more).value

    def pull_source(self, source: str | LeadSource, **more: Any) -> PullReport:
        """Ask a lead source for new leads, and import each file or page once, however often this is called.

        Args:
            source: The lead source: a record, id or name.
            more: ``dry_run``, ``batch_size``, and ``progress``, which is called after each part of an import.

        Returns:
            What became of each file or page, and why the pull had to stop, if it had to.
        """
        from crmkit.services.pulling import pull_source

        return pull_source(self.workspace, source, **more)

    def pull_sources(self, *sources: str | LeadSource, **more: Any) -> list[PullReport]:
        """Pull some lead sources, or all; one that fails does not stop the others. See `pull_source`."""
        from crmkit.services.pulling import pull_sources

        return pull_sources(self.workspace, sources, **more)
