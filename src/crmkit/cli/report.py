"""``crmkit report``: answers about the whole workspace, as a table and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from crmkit.cli.output import Column, Part, Table, printable
from crmkit.cli.state import Session, command, looking_back
from crmkit.core.ports.plugins import ReportPage

__all__ = ["page_parts", "report"]


def _pairs(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE, as in language=fr")
    return {name: value for name, _, value in pairs}


@command("report")
@click.argument("name", required=False)
@click.option("--campaign", metavar="NAME", help="Short for --option campaign=NAME.")
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, callback=_pairs, help="May be repeated.")
@click.option("--html", type=click.Path(dir_okay=False), metavar="FILE", help="Write it as a page with pictures too.")
@looking_back
def report(
    session: Session, name: str | None, *, campaign: str | None, options: dict[str, str], html: str | None
) -> None:
    """Compute the report NAME, such as: crmkit report funnel --campaign "Salon 2026" --html funnel.html

    Without a NAME the reports that there are are listed, with their options.
    """
    from crmkit.services.files import replacing

    if name is None:
        _list(session)
        return
    if campaign is not None:
        options = {**options, "campaign": campaign}
    page = session.crm.report(name, **options)
    if html is not None and not page.html:
        raise click.UsageError(f"the report {name} has no page; leave --html out")
    if html is not None:
        with replacing(html) as file:
            file.write(page.html)
    written = f"Written as a page to {html}." if html else None
    value = {"title": page.title, "facts": page.facts, "notes": page.notes, "html_file": html}
    session.show(value, *page_parts(page), written)


def page_parts(page: ReportPage) -> Iterator[Part]:
    """Return a report as it is printed."""
    rows = page.rows
    numeric = [
        bool(rows) and all(isinstance(row[i], int) or str(row[i]).endswith("%") for row in rows)
        for i in range(len(page.columns))
    ]
    columns = [Column(title, "right" if right else "left") for title, right in zip(page.columns, numeric, strict=True)]
    yield Table(columns, rows, title=page.title)
    if page.notes:
        yield ""
    yield from map(printable, page.notes)


def _list(session: Session) -> None:
    reports = [each.item for each in session.plugins.collect().reports.values()]
    rows = [(each.name, each.summary, [f"{k}: {text}" for k, text in each.options.items()]) for each in reports]
    value = [{"name": each.name, "summary": each.summary, "options": dict(each.options)} for each in reports]
    session.show(value, Table(["Report", Column("What", wrap=True), Column("Options", wrap=True)], rows))
