"""``crmkit sources``: places that are asked for new leads again and again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import attrs
import click

from crmkit.cli.output import Card, Column, Part, Table, printable
from crmkit.cli.state import Session, Writing, command, group, writing
from crmkit.core.operation import RowOutcome
from crmkit.errors import RejectedError

if TYPE_CHECKING:
    from crmkit.core.lead_source import LeadSource, PulledItem
    from crmkit.services.importing import ImportProgress
    from crmkit.services.pulling import PulledBatch, PullReport
    from crmkit.services.workspace import Workspace

__all__ = ["sources"]

F = TypeVar("F", bound=Callable[..., Any])

sources = group("sources", "Pull leads from folders and addresses on the web, again and again; each file or page once.")


# ---------------------------------------------------------------- configuring


def _settings(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{value!r} is no SETTING=VALUE, such as path=drop")
        # Given twice it is several lines, such as those of headers.
        settings[name] = f"{settings[name]}\n{text}" if name in settings else text
    return settings


def _pairs(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str] | None:
    pairs = [value.rpartition("=") for value in values]
    if not all(column.strip() and field.strip() for column, _, field in pairs):
        raise click.BadParameter("write COLUMN=field, as in 'Raison sociale=company'")
    return {column.strip(): field.strip() for column, _, field in pairs} or None


def _importing(function: F) -> F:
    """Add the options that say how what comes is imported; those that are not given are None or empty."""
    for option in reversed(
        [
            click.option("--campaign", metavar="NAME", help="The campaign that everybody joins; it must be there."),
            click.option("--importer", metavar="NAME", help="Who reads what comes; otherwise the surest does."),
            click.option(
                "--map", "mapping", metavar="COLUMN=FIELD", multiple=True, callback=_pairs, help="What a column holds."
            ),
            click.option("--mapping", "saved_mapping", metavar="NAME", help="A mapping that was saved."),
            click.option("--policy", type=click.Choice(["fill", "skip", "update"]), help="As for crmkit import."),
            click.option("--source", "source_label", metavar="WORD", help="Where the leads come from: website …"),
            click.option("--owner", metavar="USER", help="Who is responsible for the new leads."),
            click.option("--tag", "tags", metavar="WORD", multiple=True, help="A tag for every lead; may be repeated."),
            click.option("--max-errors", type=click.IntRange(0), metavar="COUNT", help="As for crmkit import."),
            click.option("--date-order", type=click.Choice(["dmy", "mdy", "ymd"]), help="How dates are written."),
            click.option("--region", metavar="CC", help="In whose form phone numbers are, such as FR."),
            click.option("--encoding", metavar="NAME", help="Such as cp1252; otherwise it is found out."),
            click.option("--delimiter", metavar="CHARACTER", help="What parts the cells; otherwise it is found out."),
            click.option("--header-line", type=click.IntRange(0), metavar="LINE", help="Where the header is."),
            click.option("--sheet", metavar="NAME", help="Which sheet of a workbook, by name or number."),
        ]
    ):
        function = option(function)
    return function


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value not in (None, ())}


_ADD_HELP = """
Add a lead source of some KIND under a NAME; nothing is pulled yet.

\b
crmkit sources add Badges folder path=/srv/badges pattern='*.csv'
crmkit sources add Website http url=https://example.com/leads next=paging.next

The kinds and their settings are listed by crmkit sources kinds. A secret is not kept: write
'headers=Authorization: Bearer ${NAME}', and it is taken from the environment variable NAME.
"""


@command("add", parent=sources, short_help="Add a lead source.", help=_ADD_HELP)
@click.argument("name")
@click.argument("kind")
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE…]", callback=_settings)
@_importing
@writing
def add(session: Session, name: str, kind: str, *, settings: dict[str, str], **asked: Any) -> None:
    from crmkit.services.pulling import add_source

    outcome = add_source(session.workspace, name, kind, settings, **_given(asked))
    made = outcome.value
    session.done(
        outcome,
        f"Added the lead source {made.name} ({made.id}).",
        f"Look at what would come with: crmkit sources pull {shlex.quote(made.name)} --dry-run",
        value=made,
    )


@command("set", parent=sources, short_help="Change a lead source.")
@click.argument("name")
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE…]", callback=_settings)
@_importing
@writing
def set_(session: Session, name: str, *, settings: dict[str, str], **asked: Any) -> None:
    """Change the settings of a lead source, or how what comes is imported; an empty value takes a setting away.

    With other settings the next pull begins anew, and takes only what it has not seen.
    """
    from crmkit.services.pulling import change_source

    source_id = session.resolve("lead_source", name)
    outcome = change_source(session.workspace, source_id, settings, **_given(asked))
    text = f"Changed the lead source {outcome.value.name}." if outcome.operation_id else None
    session.done(outcome, text, value=outcome.value)


@command("remove", parent=sources, short_help="Remove a lead source.")
@click.argument("name")
@writing
def remove(session: Session, name: str, **how: Unpack[Writing]) -> None:
    """Remove a lead source; the leads that came from it stay."""
    from crmkit.services.edit import delete_records

    source_id = session.resolve("lead_source", name)
    outcome = delete_records(session.workspace, "lead_source", [source_id], **how)
    session.done(outcome, f"Removed the lead source {outcome.value[0].name}.", value=outcome.value[0])


# -------------------------------------------------------------------- looking


@command("list", parent=sources, short_help="List the lead sources.")
def list_(session: Session) -> None:
    """List the lead sources, with what was taken from each and when."""
    from crmkit.services.pulling import source_states

    states = source_states(session.workspace)
    rows = [
        (
            state.source.name,
            state.source.kind,
            _place(state.source),
            state.imported,
            state.failed or "",
            (state.state and state.state.pulled_at) or "never",
        )
        for state in states
    ]
    columns = ["Name", "Kind", Column("Where", wrap=True), *_numbers("Taken", "Failed"), "Pulled"]
    errors = [f"{each.source.name}: {each.state.last_error}" for each in states if each.state and each.state.last_error]
    nothing = "There is no lead source yet; add one with: crmkit sources add --help"
    session.show(states, Table(columns, rows) if rows else nothing, *(["", *errors] if errors else []))


def _numbers(*titles: str) -> list[str | Column]:
    return [Column(title, "right") for title in titles]


@command("show", parent=sources, short_help="Show one with what was taken.")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many files or pages.")
def show(session: Session, name: str, limit: int) -> None:
    """Show a lead source with its settings, and what was taken from it last."""
    from crmkit.cli.naming import in_words
    from crmkit.services.pulling import source_state, taken_from

    found = source_state(session.workspace, name)
    source, state = found.source, found.state
    taken = taken_from(session.workspace, source, limit=limit)
    fields = [
        *source.settings.items(),
        ("campaign", source.campaign_id and in_words(session.workspace, source.campaign_id)),
        ("importer", source.importer),
        ("owner", source.owner_id and in_words(session.workspace, source.owner_id)),
        ("tags", source.tags),
        *source.options.items(),
        ("goes on at", state and state.cursor),
        ("pulled", (state and state.pulled_at) or "never"),
        ("last error", state and state.last_error),
        ("id", source.id),
    ]
    table = Table(
        ("File or page", "Taken", *_numbers("Rows", "New"), Column("State", wrap=True)),
        [_row(item) for item in taken],
    )
    session.show(
        {**attrs.asdict(found, recurse=False), "taken": taken},
        Card(f"Lead source: {source.name}, of the kind {source.kind}", fields),
        "" if taken else None,
        table if taken else None,
    )


def _row(item: PulledItem) -> tuple[Any, ...]:
    state = item.detail or "imported"
    return item.name, item.updated_at, sum(item.outcomes.values()) or "", item.outcomes.get("created") or "", state


@command("kinds", parent=sources, short_help="List the kinds with their settings.")
def kinds(session: Session) -> None:
    """List the kinds of lead source, also those of plugins, with their settings. No workspace is needed."""
    known = session.plugins.collect().lead_sources
    value = [
        {"kind": name, "plugin": each.plugin, "summary": each.item.summary, "settings": each.item.settings}
        for name, each in known.items()
    ]
    parts: list[Part] = []
    for name, each in known.items():
        rows = list(each.item.settings.items()) or [("", "it has none")]
        parts += [Table(("Setting", Column("What it says", wrap=True)), rows, f"{name}: {each.item.summary}"), ""]
    session.show(value, *parts)


def _place(source: LeadSource) -> str:
    return str(source.settings.get("path") or source.settings.get("url") or next(iter(source.settings.values()), ""))


# -------------------------------------------------------------------- pulling


@command("pull", parent=sources, short_help="Import what is new.")
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--rejects", metavar="FOLDER", help="Where to keep rejected rows; otherwise in rejects.")
@click.option("--dry-run", is_flag=True, help="Import each file or page by itself, and roll it back.")
def pull(session: Session, names: tuple[str, ...], *, rejects: str | None, dry_run: bool) -> None:
    """Ask some lead sources for new leads, or all of them, and import each file or page once.

    Safe to run as often as one likes, from several places at once, and to be killed: the next
    pull goes on where this one stopped. A file that is broken is told, and tried again when it
    changes. Rejected rows are kept in the folder rejects beside the workspace, to be mended and
    imported. Exits with 3 when something could not be imported.
    """
    from crmkit.services.pulling import pull_sources

    workspace = session.workspace
    chosen = [session.resolve("lead_source", name) for name in names]
    with _watching() as progress:
        reports = pull_sources(workspace, chosen, dry_run=dry_run, progress=progress)
    kept = {} if dry_run else _keep_rejects(workspace, reports, rejects)
    value = {"dry_run": dry_run, "sources": reports, "rejects_files": {name: str(file) for name, file in kept.items()}}
    session.show(value, *_told(reports, kept, dry_run=dry_run))
    if any(not report.is_fine for report in reports):
        click.get_current_context().exit(RejectedError.exit_code)


@contextmanager
def _watching() -> Iterator[Callable[[str, ImportProgress], None] | None]:
    """Show on a terminal what is being imported; elsewhere say nothing."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("Pulling …") as status:
        yield lambda name, progress: status.update(f"{printable(name)}: {progress.rows} rows", spinner="dots")


def _keep_rejects(workspace: Workspace, reports: Sequence[PullReport], wanted: str | None) -> dict[str, Path]:
    """Write the rejected rows of each file or page, where no lead source looks for files by itself."""
    from crmkit.cli.import_ import folder_of, keep_rejects

    folder = folder_of(workspace) / "rejects" if wanted is None else Path(wanted)
    kept: dict[str, Path] = {}
    for batch in (batch for report in reports for batch in report.batches):
        if batch.report is not None and batch.report.rejected:
            folder.mkdir(parents=True, exist_ok=True)
            stem = re.sub(r"[^\w.-]+", "-", Path(batch.name).stem).strip(".-") or "rows"
            kept[batch.name] = keep_rejects(workspace, batch.report, folder, stem)
    return kept


_COLUMNS = [
    "Source",
    Column("File or page", wrap=True),
    *_numbers("Rows", "New", "Changed", "Rejected"),
    Column("State", wrap=True),
]


def _told(reports: Sequence[PullReport], kept: Mapping[str, Path], *, dry_run: bool) -> Iterator[Part]:
    """Return what became of each file or page, as it is printed."""
    if not reports:
        yield "There is no lead source yet; add one with: crmkit sources add --help"
        return
    rows = [row for report in reports for row in _rows(report)]
    if rows:
        yield Table(_COLUMNS, rows) if any(report.imported for report in reports) else _without_counts(rows)
        yield ""
    for report in reports:
        if report.error is not None:
            yield click.style(f"{report.source} had to stop: ", fg="red") + printable(str(report.error))
            if report.error.hint:
                yield f"  {printable(report.error.hint)}"
    for name, file in kept.items():
        yield f"The rejected rows of {printable(name)} are kept in {file}: mend and import that file."
    yield from _summary(reports, dry_run=dry_run)


def _without_counts(rows: Sequence[tuple[Any, ...]]) -> Table:
    return Table([*_COLUMNS[:2], _COLUMNS[-1]], [(*row[:2], row[-1]) for row in rows])


def _rows(report: PullReport) -> Iterator[tuple[Any, ...]]:
    source = report.source
    for batch in report.batches:
        yield source, batch.name, *_counts(batch), batch.outcome.value + (f": {batch.detail}" if batch.detail else "")
        source = ""


def _counts(batch: PulledBatch) -> tuple[Any, ...]:
    report = batch.report
    return ("",) * 4 if report is None else (report.read, report.created, report.updated, report.rejected)


def _summary(reports: Sequence[PullReport], *, dry_run: bool) -> Iterator[Part]:
    imported, known = sum(report.imported for report in reports), sum(report.known for report in reports)
    created = sum(report.created for report in reports)
    updated = sum(report.outcomes.get(RowOutcome.UPDATED, 0) for report in reports)
    what = "file or page" if imported == 1 else "files or pages"
    text = f"Imported {imported} {what}: {created} new, {updated} changed." if imported else "There is nothing new."
    yield click.style(text, bold=True) + (f" Known already: {known}." if known else "")
    done = [batch.operation_id for report in reports for batch in report.batches if batch.operation_id]
    if dry_run:
        yield click.style("This was a dry run: nothing was written.", dim=True)
    elif len(done) == 1:
        yield click.style(f"Undo with: crmkit undo {done[0]}", dim=True)
    elif done:
        yield click.style(
            "Each is an operation of its own; see crmkit log, and undo one with: crmkit undo ID", dim=True
        )
