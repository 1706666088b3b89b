"""``crmkit import``: leads from a file, with a report of every row that is not simply imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from crmkit.cli.output import Card, Column, Part, Table, printable
from crmkit.cli.state import Session, command, writing
from crmkit.core.imports import ImportReport
from crmkit.core.operation import RowOutcome
from crmkit.core.ports.sources import Reading, ReadingOptions, Source
from crmkit.errors import CrmkitError, NotFoundError

if TYPE_CHECKING:
    from crmkit.services.importing import ImportProgress
    from crmkit.services.workspace import Workspace

__all__ = ["folder_of", "import_", "keep_rejects", "summary"]


def _pairs(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.rpartition("=") for value in values]
    for column, equals, field in pairs:
        if not (column.strip() and equals and field.strip()):
            raise click.BadParameter("write COLUMN=field, as in 'Raison sociale=company'")
    return {column.strip(): field.strip() for column, _, field in pairs}


@command("import")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--all", "whole", is_flag=True, help="A whole workspace, as export --all wrote it, into a fresh one.")
@click.option("--kind", metavar="KIND", help="Records of this kind instead of leads, by the names of their fields.")
@click.option("--campaign", metavar="NAME", help="The campaign that everybody joins; it must be there.")
@click.option("--new-campaign", is_flag=True, help="Make that campaign when it is not there yet.")
@click.option("--importer", metavar="NAME", help="Who reads the file; otherwise the surest does.")
@click.option("--map", "mapping", metavar="COLUMN=FIELD", multiple=True, callback=_pairs, help="What a column holds.")
@click.option("--mapping", "saved_mapping", metavar="NAME", help="A mapping that was saved; --map goes before it.")
@click.option("--save-mapping", "save_mapping_as", metavar="NAME", help="Keep the mapping under this name.")
@click.option("--encoding", metavar="NAME", help="Such as utf-8 or cp1252; otherwise it is found out.")
@click.option("--delimiter", metavar="CHARACTER", help="What parts the cells; otherwise it is found out.")
@click.option("--header-line", type=click.IntRange(0), metavar="LINE", help="Where the header is; 0: nowhere.")
@click.option("--sheet", metavar="NAME", help="Which sheet of a workbook, by name or number; otherwise the best.")
@click.option(
    "--date-order", type=click.Choice(["dmy", "mdy", "ymd"]), help="How dates are written; otherwise found out."
)
@click.option("--region", metavar="CC", help="In whose form phone numbers are, such as FR.")
@click.option("--source", "source_label", metavar="WORD", help="Where the leads come from, such as trade_show.")
@click.option("--owner", metavar="USER", help="Who is responsible for the new leads.")
@click.option("--tag", "tags", metavar="WORD", multiple=True, help="A tag for every lead; may be repeated.")
@click.option(
    "--policy",
    type=click.Choice(["fill", "skip", "update"]),
    default="fill",
    show_default=True,
    help="What a row does to a lead that is known: fill what is empty, nothing, or overwrite.",
)
@click.option("--rejects", type=click.Path(dir_okay=False), help="Where to write the rejected rows.")
@click.option("--max-errors", type=click.IntRange(0), metavar="COUNT", help="Stop when more rows are rejected.")
@click.option("--explain", is_flag=True, help="Show how the file would be read, and import nothing.")
@writing
def import_(
    session: Session,
    file: str,
    *,
    whole: bool,
    kind: str | None,
    explain: bool,
    **asked: Any,
) -> None:
    """Import leads from FILE, or from standard input with "-".

    Encoding, delimiter, header and columns are found out; --explain shows what was found, and
    why. Rows that are no leads are kept, with line and reason, in a file that can be mended and
    imported again: FILE.rejects.csv beside the workspace, unless --rejects names another.
    Importing the same file again changes nothing.

    With --kind each row is a record of that kind, also one of your own: a table, or JSON lines,
    whose columns are called like the fields.

    A file that crmkit export --all wrote is known as such, and makes a fresh workspace what the
    other one was.
    """
    from crmkit.services.sources import FileSource, is_whole_workspace, stdin_source

    source: Source = stdin_source() if file == "-" else FileSource(Path(file))
    if whole or (kind is None and is_whole_workspace(source)):
        _import_all(session, source, {"kind": kind, "explain": explain, **asked})
        return
    names = [a.name for a in attrs.fields(ReadingOptions) if a.name != "synonyms"]
    options = ReadingOptions(**{name: asked.pop(name) for name in names})
    if kind is not None:
        _import_kind(session, kind, source, options, asked)
        return
    if explain:
        _explain(session, source, asked["importer"], options, asked["saved_mapping"])
        return
    if asked["new_campaign"] and asked["campaign"] is None:
        raise click.UsageError("--new-campaign makes the campaign that --campaign names")
    _import(session, source, options, **asked)


def summary(report: ImportReport, *, limit: int = 20) -> Iterator[Part]:
    """Return what became of the rows of a source, and the first that have a problem."""
    counted = [(report.outcomes.get(outcome, 0), outcome.value) for outcome in RowOutcome]
    sums = " + ".join(f"{number} {_plural(number, name)}" for number, name in counted if number)
    yield click.style(f"{report.read} {_plural(report.read, 'row')} read = {sums or 'nothing'}", bold=True)
    shown = report.problems[:limit]
    if shown:
        yield ""
        yield Table(
            [Column("Line", "right"), "Outcome", Column("Reason", wrap=True)],
            [(row.line, row.outcome, row.reason) for row in shown],
        )
    more = len(report.problems) - len(shown) + report.unlisted
    if more:
        yield f"… and {more} more"


def _import_all(session: Session, source: Source, asked: Mapping[str, Any]) -> None:
    from crmkit.services.whole_workspace import import_workspace

    how = {name: asked[name] for name in ("reason", "key", "dry_run")}
    given = sorted(name for name, value in asked.items() if value and name not in (*how, "policy"))
    if given:
        raise click.UsageError(f"a whole workspace is imported as it is, without {', '.join(given)}")
    with _progress(source) as progress:
        outcome = import_workspace(session.workspace, source, progress=progress, **how)
    session.done(outcome, *summary(outcome.value), value=outcome.value)


def _import_kind(
    session: Session, kind: str, source: Source, options: ReadingOptions, asked: Mapping[str, Any]
) -> None:
    from crmkit.services.import_records import import_records
    from crmkit.services.importing import check_mapping, save_mapping, saved_columns

    if asked["saved_mapping"] is not None:
        saved = saved_columns(session.workspace, asked["saved_mapping"])
        options = attrs.evolve(options, mapping={**saved, **options.mapping})
    check_mapping(options.mapping, asked["save_mapping_as"])
    how = {name: asked[name] for name in ("reason", "key", "dry_run")}
    outcome = import_records(session.workspace, kind, source, options=options, **how)
    save_mapping(session.workspace, asked["save_mapping_as"], options.mapping, dry_run=session.dry_run)
    session.done(outcome, *summary(outcome.value), value=outcome.value)


def _plural(number: int, word: str) -> str:
    return f"{word}s" if word in ("row", "duplicate") and number != 1 else word


def _import(
    session: Session,
    source: Source,
    options: ReadingOptions,
    *,
    campaign: str | None,
    new_campaign: bool,
    rejects: str | None,
    importer: str | None,
    owner: str | None,
    **asked: Any,
) -> None:
    from crmkit.services.importing import choose_importer, import_leads, write_rejects

    workspace = session.workspace
    importer = choose_importer(workspace.extensions.importers, source, importer).item.name
    owner_id = None if owner is None else session.resolve("user", owner)
    with _campaign(session, campaign, new=new_campaign) as campaign_id, _progress(source) as progress:
        outcome = import_leads(
            workspace,
            source,
            importer=importer,
            options=options,
            campaign=campaign_id,
            owner=owner_id,
            progress=progress,
            **asked,
        )
    report = outcome.value
    written: Path | None = None
    if rejects is not None:
        written = Path(rejects)
        write_rejects(workspace, report, written)
    elif report.rejected and not session.dry_run:
        written = keep_rejects(workspace, report, folder_of(workspace), Path(source.name).stem)
    kept = f"{_rows(report.rejected)} kept in {written}: mend and import that file." if written else None
    value = {**report.as_json(), "rejects_file": None if written is None else str(written)}
    findings = " · ".join(f"{each.what} {each.value}" for each in report.findings)
    session.done(
        attrs.evolve(outcome, operation_id=outcome.operation_id or None),
        click.style(f"{printable(source.name)}, read by {report.importer}: {printable(findings)}", dim=True),
        *summary(report),
        kept,
        value=value,
    )


def _rows(number: int) -> str:
    return "1 rejected row is" if number == 1 else f"{number} rejected rows are"


@contextmanager
def _campaign(session: Session, name: str | None, *, new: bool) -> Iterator[str | None]:
    """Find or make the campaign; one that was made for an import that is refused goes again."""
    from crmkit.services.edit import add_records
    from crmkit.services.undo import undo

    if name is None:
        yield None
        return
    try:
        found: str | None = session.resolve("campaign", name)
    except NotFoundError as error:
        if not new:
            hint = f"{error.hint or 'see crmkit campaigns'}; or make it with --new-campaign"
            raise NotFoundError("campaign", name, suggestions=error.suggestions, hint=hint) from error
        found = None
    if found is not None:
        yield found
        return
    if session.dry_run:
        session.say(f"The campaign {name} would be made first.")
        yield None
        return
    made = add_records(session.workspace, "campaign", [{"name": name}], reason="for an import")
    try:
        yield made.value[0].id
    except CrmkitError:
        with suppress(CrmkitError):  # an import that got half-way needs it, and can go on
            undo(session.workspace, str(made.operation_id), reason="the import was refused")
        raise
    session.say(f"Made the campaign {name}.")


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[ImportProgress], None] | None]:
    """Show on a terminal how far it is; elsewhere say nothing."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(source.name), total=source.size_bytes, rows=0)

        def show(progress: ImportProgress) -> None:
            bar.update(task, completed=progress.bytes_read, total=progress.size_bytes, rows=progress.rows)

        yield show


def folder_of(workspace: Workspace) -> Path:
    """Return the folder that a workspace lies in; of one that is no file, the current one."""
    scheme, _, place = workspace.storage.url.partition(":")
    return Path(place).parent if scheme == "sqlite" else Path()


def keep_rejects(workspace: Workspace, report: ImportReport, folder: Path, stem: str) -> Path:
    """Write the rejected rows beside what is there: a file somebody is mending stays as it is."""
    from crmkit.services.importing import write_rejects

    fresh = folder / f".{stem}.rejects.new"
    write_rejects(workspace, report, fresh)
    for number in count(1):
        path = folder / (f"{stem}.rejects.csv" if number == 1 else f"{stem}.rejects-{number}.csv")
        if not path.exists():
            fresh.replace(path)
            return path
        if path.read_bytes() == fresh.read_bytes():
            fresh.unlink()
            return path
    raise AssertionError  # there is always a next number


def _explain(
    session: Session, source: Source, wanted: str | None, options: ReadingOptions, saved_mapping: str | None
) -> None:
    """Show what is found out about a source, and the drafts of its first rows."""
    from crmkit.core.builtin import builtin_schema
    from crmkit.services.importing import asked_options, begin_reading, choose_importer, saved_columns

    extensions = session.plugins.collect()
    importers = extensions.importers
    chosen = choose_importer(importers, source, wanted)
    lead = builtin_schema().extended([each.item for each in extensions.fields.values()])["lead"]
    saved = None if saved_mapping is None else saved_columns(session.workspace, saved_mapping)
    options = asked_options(options, settings=session.settings, lead=lead, saved=saved)
    with chosen.blamed():
        reading, _, _ = begin_reading(chosen.item, source, options, lead)
        rows = list(islice(_drafts(reading), _EXPLAINED))
    value = {
        "source": source.name,
        "importer": chosen.item.name,
        "findings": reading.findings,
        "header": reading.header,
        "drafts": [{"line": line, **draft} for line, draft, _ in rows],
    }
    sure: dict[str, int] = {}
    for name, contribution in importers.items():
        with contribution.blamed():
            sure[name] = contribution.item.identify(source)
    ranked = sorted(sure.items(), key=lambda each: -each[1])
    others = ", ".join(f"{name} {percent}" for name, percent in ranked if percent)
    session.show(
        value,
        Card(
            f"{source.name} is read by {chosen.item.name}",
            [
                ("how sure", f"{others} (of 100)"),
                *((each.what, f"{each.value}   ({each.evidence})") for each in reading.findings),
            ],
        ),
        "",
        _first_drafts(reading, rows) if rows else "It has no rows.",
        click.style("Nothing was imported. Import it by leaving out --explain.", dim=True),
    )


_EXPLAINED: Final = 3


def _drafts(reading: Reading) -> Iterator[tuple[int, dict[str, Any], Sequence[str]]]:
    for batch in reading.batches:
        for i, line in enumerate(batch.lines):
            if line not in batch.ignored:
                draft = {name: values[i] for name, values in batch.columns.items() if values[i]}
                yield line, draft, batch.cells[i]


def _first_drafts(reading: Reading, rows: Sequence[tuple[int, dict[str, Any], Sequence[str]]]) -> Table:
    fields = dict.fromkeys(name for _, draft, _ in rows for name in draft)
    return Table(
        [Column("Field", whole=True), Column("From column", whole=True), *(f"Line {line}" for line, _, _ in rows)],
        [(name, _origin(name, reading.header, rows), *(draft.get(name) for _, draft, _ in rows)) for name in fields],
    )


def _origin(field: str, header: Sequence[str], rows: Sequence[tuple[int, dict[str, Any], Sequence[str]]]) -> str:
    """Return the columns that have the values of a field; looked up, since an importer need not say."""
    if field == "extra":
        return ", ".join(dict.fromkeys(name for _, draft, _ in rows for name in draft.get("extra", ())))
    same = [
        name
        for i, name in enumerate(header)
        if all(i >= len(cells) or not draft.get(field) or draft[field] == cells[i] for _, draft, cells in rows)
    ]
    return same[0] if same else ""
