"""``crmkit leads``, ``crmkit contacts`` …: the records of one type as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import click

from crmkit.cli.asking import split_names, where_option
from crmkit.cli.output import Column, Table, words
from crmkit.cli.state import Session, command, looking_back
from crmkit.core.declarations import value_of
from crmkit.core.expression_text import parse_expression
from crmkit.core.expressions import paths_in
from crmkit.core.fields import ANY
from crmkit.core.query import Compare, Condition, Op
from crmkit.core.record_type import RecordType

__all__ = ["accounts", "activities", "campaigns", "contacts", "deals", "leads", "list_", "pipelines", "users"]

_USUAL_LIMIT = 50

Cell = str | Callable[[Any], Any]
"""What a column shows: a field, ``account_id`` as the label of the account, or what a function says."""

_COLUMNS: Final[dict[str, tuple[Mapping[str | Column, Cell], tuple[Condition, ...]]]] = {}
"""Record type to the columns of its list, and the conditions that hold unless ``--all`` is given."""

_CLOSED = tuple(Compare("status", Op.NE, status) for status in ("converted", "disqualified"))


def _list_command(
    name: str,
    kind: str,
    columns: Mapping[str | Column, Cell],
    *,
    filters: Sequence[str] = (),
    hidden: tuple[Condition, ...] = (),
) -> click.Command:
    """Make the command that lists the records of one type; their custom fields stand behind the columns.

    Args:
        name: What people type.
        kind: The record type.
        columns: Heading to what stands below it.
        filters: The fields that can be filtered by.
        hidden: Conditions that hold unless ``--all`` or ``--status`` is given.
    """

    def show(session: Session, **asked: Any) -> None:
        _show(session, name, kind, columns, hidden, **asked)

    show.__doc__ = f"List the {name}, the newest first." + (
        "\n\nConverted and disqualified ones are left out, unless --all, --status or --where asks for them."
        if hidden
        else ""
    )
    _COLUMNS[kind] = (columns, hidden)
    return command(name)(_with_filters(show, filters))


def _show(
    session: Session,
    name: str,
    kind: str,
    columns: Mapping[str | Column, Cell],
    hidden: tuple[Condition, ...],
    /,
    *,
    where: Sequence[str],
    everything: bool,
    limit: int | None,
    order: Sequence[str],
    after: str | None,
    **wanted: Any,
) -> None:
    collection = session.crm.collection(kind)
    equals = {f: _value(session, kind, f, value) for f, value in wanted.items() if value not in (None, ())}
    asked = [parse_expression(text) for text in where]
    about_status = "status" in equals or any("status" in paths_in(each) for each in asked)
    conditions = () if everything or about_status else hidden
    selection = collection.where(*conditions, *asked, **equals)
    if everything:
        selection = selection.including_deleted().including_unlisted()
    if order:
        selection = selection.order_by(*order)
    if after:
        selection = selection.after(after)
    if limit is None and not session.as_json:
        limit = _USUAL_LIMIT
    records = (selection.limit(limit) if limit else selection).all()
    total = selection.count() if limit and len(records) == limit else len(records)
    columns = dict(columns)
    for group in session.workspace.schema[kind].custom:
        for field in (a.name for a in group.attributes):
            short = _heading(field.partition(".")[2])
            columns[field if short in columns else short] = field
    cells = list(columns.values())
    labels = _labels(session, kind, records, cells)
    rows = [[_cell(record, cell, labels) for cell in cells] for record in records]
    noun = (name if total != 1 else kind).replace("_", " ")
    counted = f"{total} {noun}"
    if total != len(records):
        counted = f"{len(records)} of {counted}; --limit 0 shows all"
        if len(records) == limit:
            counted += f"\nthe next ones: --after {records[-1].id}"
    session.show(
        records, _without_empty_columns(list(columns), rows) if rows else None, ("\n" if rows else "") + counted
    )


def _with_filters(function: Callable[..., None], filters: Sequence[str]) -> Callable[..., None]:
    options = [
        where_option("Only those that fulfil this; may be repeated."),
        click.option("--all", "everything", is_flag=True, help="Show the deleted ones, and all others, too."),
        click.option(
            "--limit", type=click.IntRange(min=0), help=f"At most so many, 0 for all; usually {_USUAL_LIMIT}."
        ),
        click.option(
            "--order",
            metavar="FIELD",
            callback=split_names,
            help="By what to order; -FIELD for the other direction, commas between several.",
        ),
        click.option("--after", metavar="ID", help="Only what comes behind this record: the next page."),
    ]
    for field in reversed(filters):
        name, help_ = _FILTERS[field]
        options.insert(0, click.option(name, field, multiple=field == "tags", metavar="TEXT", help=help_))
    for option in reversed([*options, looking_back]):
        function = option(function)
    return function


_FILTERS = {
    "account_id": ("--account", "Only those of this account."),
    "campaign_id": ("--campaign", "Only those of this campaign."),
    "kind": ("--kind", "Only those of this kind."),
    "owner_id": ("--owner", "Only those that belong to this user."),
    "status": ("--status", "Only those with this status."),
    "tags": ("--tag", "Only those with this tag; may be repeated."),
    "team": ("--team", "Only those of this team."),
}
"""Field to the option that filters by it, and its help."""


def _value(session: Session, kind: str, field: str, value: Any) -> Any:
    target = next((f.references for f in session.workspace.schema[kind].references if f.name == field), None)
    return session.resolve(target, value) if target and target != ANY else value


def _labels(session: Session, kind: str, records: Iterable[Any], cells: Iterable[Cell]) -> dict[str, str]:
    """Return the labels of the records that cells refer to, read in one go for each type."""
    schema = session.workspace.schema
    labels: dict[str, str] = {}
    for name, field in schema[kind].bonds.items():
        if name in cells and field.references != ANY:
            ids = sorted({id_ for record in records if (id_ := value_of(record, name))})
            labels.update((each.id, each.label) for each in session.workspace.load_many(str(field.references), ids))
    return labels


def _cell(record: Any, cell: Cell, labels: Mapping[str, str]) -> Any:
    if callable(cell):
        return cell(record)
    value = value_of(record, cell)
    return labels.get(value, value) if cell.endswith("_id") else value


def _without_empty_columns(columns: Sequence[str | Column], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table that leaves its width to the columns that say something."""
    telling = [place for place in range(len(columns)) if any(words(row[place]) for row in rows)]
    return Table([columns[place] for place in telling], [[row[place] for place in telling] for row in rows])


def _label(record: Any) -> str:
    return f"{record.label} (deleted)" if record.deleted_at else str(record.label)


def _percent(deal: Any) -> str:
    return f"{deal.probability_percent} %"


leads = _list_command(
    "leads",
    "lead",
    {"Name": _label, "Company": "company", "E-mail": "email", "Status": "status", "Campaign": "campaign_id"},
    filters=("status", "campaign_id", "owner_id", "tags"),
    hidden=_CLOSED,
)
contacts = _list_command(
    "contacts",
    "contact",
    {"Name": _label, "Title": "title", "Account": "account_id", "E-mail": "email", "Phone": "phone"},
    filters=("account_id", "owner_id", "tags"),
)
accounts = _list_command(
    "accounts",
    "account",
    {"Name": _label, "Domain": "domain", "City": "city", "Country": "country", "Owner": "owner_id"},
    filters=("owner_id", "tags"),
)
deals = _list_command(
    "deals",
    "deal",
    {
        "Name": _label,
        "Account": "account_id",
        "Stage": "stage_id",
        Column("Amount", align="right"): "amount",
        Column("Chance", align="right"): _percent,
        "Close": "expected_close_on",
    },
    filters=("account_id", "owner_id", "tags"),
)
campaigns = _list_command(
    "campaigns",
    "campaign",
    {
        "Name": _label,
        "Kind": lambda campaign: campaign.kind.replace("_", " "),
        "Begins": "starts_on",
        "Ends": "ends_on",
        Column("Budget", align="right"): "budget",
    },
    filters=("kind", "owner_id", "tags"),
)
activities = _list_command(
    "activities",
    "activity",
    {
        "When": lambda activity: activity.happened_at or activity.done_at or activity.due_at or activity.created_at,
        "Kind": "kind",
        "Subject": lambda activity: f"{activity.subject} (deleted)" if activity.deleted_at else activity.subject,
        "Owner": "owner_id",
    },
    filters=("kind", "owner_id", "tags"),
)
users = _list_command(
    "users",
    "user",
    {"Name": _label, "E-mail": "email", "Team": "team", "Active": "active"},
    filters=("team",),
)


@command("pipelines")
@looking_back
def pipelines(session: Session) -> None:
    """List the pipelines with their stages in order."""
    from crmkit.services.stages import stages_by_pipeline

    found = session.crm.pipelines.where().order_by("key").all()
    with session.workspace.reading() as view:
        stages = stages_by_pipeline(view, session.workspace.schema, [pipeline.id for pipeline in found])
    columns: list[str | Column] = [
        "Pipeline",
        "Stage",
        "Key",
        Column("Chance", align="right"),
        "Ends as",
        Column("Needs", wrap=True),
    ]
    rows = [
        [
            pipeline.label if number == 0 else "",
            stage.title,
            stage.key,
            f"{stage.default_probability} %",
            "" if stage.kind.value == "open" else stage.kind,
            [name.removesuffix("_id").replace("_", " ") for name in stage.required_fields],
        ]
        for pipeline in found
        for number, stage in enumerate(stages[pipeline.id])
    ]
    session.show([{"pipeline": pipeline, "stages": stages[pipeline.id]} for pipeline in found], Table(columns, rows))


@command("list")
@click.argument("kind")
@partial(_with_filters, filters=("owner_id", "tags"))
def list_(session: Session, kind: str, **asked: Any) -> None:
    """List the records of any KIND, also one of your own, the newest first."""
    type_ = session.workspace.schema.named(kind)
    usual: dict[str | Column, Cell] = {"Id": "id"} if type_.is_absent else {"Name": _label}
    usual.update((_heading(name), name) for name in _telling(type_))
    columns, hidden = _COLUMNS.get(type_.name, (usual, ()))
    _show(session, type_.plural, type_.name, columns, hidden, **asked)


def _telling(kind: RecordType) -> list[str]:
    """Return the attributes that a list of a type shows by itself."""
    last = [name for name in ("owner_id", "tags") if name in kind.attribute]
    return [*(name for name in kind.editable_names if "." not in name and name not in ("name", "extra", *last)), *last]


def _heading(attribute: str) -> str:
    return attribute.removesuffix("_id").replace("_", " ").capitalize()
