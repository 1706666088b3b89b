"""Import records of any type, a row for each, by the names of its fields.

For leads from the wild there is `crmkit.services.importing`; this is for files that were
written for crmkit: an export, a price list, the records of a type of your own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import attrs

from crmkit.core.checks import parse_values
from crmkit.core.drafts import Finding
from crmkit.core.fields import ANY, Kind, Scalar
from crmkit.core.imports import ImportReport, ReportedRow
from crmkit.core.operation import RowOutcome
from crmkit.core.planning import Planning
from crmkit.core.ports.sources import ReadingOptions, Source
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.record_type import RecordType
from crmkit.core.spelling import close_to
from crmkit.core.values.text import fold
from crmkit.errors import CrmkitError, RejectedError
from crmkit.services.edit import plan_add, plan_update
from crmkit.services.exporting.binding import bound_problems, plan_bound, words_in
from crmkit.services.exporting.companions import bound_names, shown_names
from crmkit.services.importing.asked import asked_options
from crmkit.services.importing.report import LISTED, summary_of
from crmkit.services.operations import Outcome, Request, run
from crmkit.services.preparing.custom import plain_value, typed_of
from crmkit.services.preparing.ways import Hints, Way, WrittenColumns
from crmkit.services.resolve import resolve
from crmkit.services.settings import Settings
from crmkit.services.tabular import RowKind, open_table, unprotected
from crmkit.services.workspace import Workspace

__all__ = ["import_records"]


def import_records(
    workspace: Workspace,
    kind: str,
    source: Source,
    *,
    options: ReadingOptions | None = None,
    reason: str | None = None,
    key: str | None = None,
    dry_run: bool = False,
) -> Outcome[ImportReport]:
    """Import a table, or JSON lines, as records of one type: one operation, all its good rows or nothing.

    A column is a field by its name, with or without ``_id`` for a reference, whose record is
    named by id or as people call it. What crmkit keeps for itself (ids, versions, moments) is
    passed over. A row is about a record that is there when they have the same id, or the same
    values in a unique group of the type, or, where it has no such group, in all fields of the
    row; the row's values then replace those of the record. So importing the same file again changes nothing.

    Args:
        workspace: Where.
        kind: The record type, by name or plural.
        source: What to read; a table in a text file, or one JSON object a line.
        options: What is known about the source; the mapping is of columns to fields.
        reason: Why, for the log.
        key: The idempotency key.
        dry_run: Do all of it, and roll it back.

    Raises:
        NotFoundError: There is no such record type.
        RejectedError: It has columns that are no fields, with all of these; or no row is good.
        UnreadableError: It is neither a table nor JSON lines.
    """
    type_ = workspace.schema.named(kind)
    options = asked_options(options, settings=workspace.settings)
    header, found, lines = _read(source, options, type_)
    names = _fields_of(type_, header, options.mapping)
    ways, told = _written(type_, names, lines, options, found)

    def plan(planning: Planning) -> Mapping[str, Any]:
        outcomes, problems = _Import(planning, type_, workspace.settings, ways).plan(names, lines)
        summed_up = ImportReport(
            source=source.name,
            importer=type_.name,
            findings=(*found, *told),
            header=header,
            outcomes=outcomes,
            read=len(lines),
        )
        return {
            **summary_of(summed_up, sha256=source.sha256),
            "problems": problems[:LISTED],
            "unlisted": len(problems[LISTED:]),
        }

    def finish(_view: ReadTransaction, result: Mapping[str, Any]) -> ImportReport:
        return ImportReport(
            source=result["source"],
            importer=result["importer"],
            findings=tuple(Finding(**finding) for finding in result["findings"]),
            header=tuple(result["header"]),
            outcomes={RowOutcome(name): count for name, count in result["outcomes"].items()},
            read=result["read"],
            problems=tuple(
                ReportedRow(**{**row, "outcome": RowOutcome(row["outcome"]), "cells": tuple(row["cells"])})
                for row in result["problems"]
            ),
            unlisted=result["unlisted"],
        )

    arguments = {
        "kind": type_.name,
        "sha256": source.sha256,
        "mapping": dict(options.mapping),
        "date_order": options.date_order,
    }
    request = Request(kind="import", reason=reason, key=key, arguments=arguments, dry_run=dry_run)
    outcome = run(workspace, request, plan, finish)
    report = attrs.evolve(outcome.value, operation_id=None if dry_run else outcome.operation_id)
    return attrs.evolve(outcome, value=report)


@attrs.frozen
class _Line:
    """One row of a source.

    Attributes:
        number: On which line it begins.
        values: Column to what stands there.
        cells: The row verbatim.
        flaw: Why it cannot be read, or empty.
        blank: Why it is no record, or empty.
    """

    number: int
    values: Mapping[str, Any]
    cells: tuple[str, ...]
    flaw: str = ""
    blank: str = ""


class _Import:
    """The rows of a source, decided one after the other, so that a row sees what earlier ones said."""

    def __init__(self, planning: Planning, kind: RecordType, settings: Settings, ways: Mapping[str, Way]) -> None:
        self._planning = planning
        self._kind = kind
        self._settings = settings
        self._ways = ways
        self._columns: dict[str, str] = {}
        self._meant: dict[tuple[str, str], str] = {}
        self._met: dict[str, int] = {}
        self._anchors: tuple[str, ...] = ()
        self._known: dict[tuple[str, Scalar], list[tuple[str, Mapping[str, Scalar]]]] = {}
        self._ids: set[str] = set()

    def plan(
        self, names: Mapping[str, str], lines: Sequence[_Line]
    ) -> tuple[Mapping[RowOutcome, int], list[dict[str, Any]]]:
        """Plan all rows, and return how many became what, and those with a story to tell.

        Raises:
            RejectedError: No row is good.
        """
        outcomes: Counter[RowOutcome] = Counter()
        problems: list[dict[str, Any]] = []
        self._columns = {field: column for column, field in names.items()}
        parsed = [self._parsed(names, line) for line in lines]
        self._look_up([row for row in parsed if row is not None and not row.reasons])
        for line, row in zip(lines, parsed, strict=True):
            outcome, reason, record_id = self._decide(line, row)
            outcomes[outcome] += 1
            if reason:
                told = {"line": line.number, "reason": reason, "record_id": record_id}
                cells = [cell.encode(errors="replace").decode() for cell in line.cells]
                problems.append({**told, "outcome": outcome.value, "cells": cells})
                self._planning.create("import_row", {**told, "outcome": outcome, "cells": {"cells": cells}})
        if not lines or outcomes[RowOutcome.REJECTED] == len(lines):
            reasons = [f"line {row['line']}: {row['reason']}" for row in problems[:_SHOWN]]
            raise RejectedError(reasons or ["it has no rows"], hint="nothing was imported")
        return outcomes, problems

    def _parsed(self, names: Mapping[str, str], line: _Line) -> _Parsed | None:
        if line.blank or line.flaw:
            return None
        given = {names[column]: value for column, value in line.values.items() if column in names}
        given = {name: value for name, value in given.items() if value not in (None, "", [], {})}
        record_id = str(given.pop("id", ""))
        bound = {name: words_in(given.pop(name)) for name in bound_names(self._kind) if name in given}
        for currency, name in _currencies(self._kind).items():
            if code := given.pop(currency, None):
                given[name] = f"{given[name]} {code}" if name in given else code
        reasons: list[str] = []
        for name in given:
            try:
                given[name] = self._understood(name, given[name])
            except CrmkitError as error:
                reasons.append(f"{name}: {error}")
            except ValueError as error:
                reasons.append(f"{name} {error}")
        values, wrong = parse_values(self._kind, given) if not reasons else ({}, [])
        scalars = self._kind.encode(values) if not wrong else {}
        reasons += [*wrong, *bound_problems(self._planning, bound)]
        return _Parsed(record_id, given, scalars, reasons, bound)

    def _understood(self, name: str, value: Any) -> Any:
        """Return a value as an edit takes it: records by what they are called, moments in UTC."""
        field = self._kind.bonds.get(name)
        if field is not None and field.references != ANY:
            target = str(field.references)
            if (target, str(value)) not in self._meant:
                found = resolve(self._planning, self._planning.schema, target, str(value))
                self._meant[target, str(value)] = found
            return self._meant[target, str(value)]
        if isinstance(value, Mapping) and value.keys() == {"amount", "currency"}:
            return f"{value['amount']} {value['currency']}"
        codec, column = self._kind.attribute[name].codec, self._columns[name]
        if isinstance(value, str) and column in self._ways:
            return plain_value(codec, value.strip(), column, self._ways[column])
        kind = self._kind.field(self._kind.attribute[name].fields[0]).kind
        if kind is Kind.MOMENT and isinstance(value, str) and _WITHOUT_ZONE.fullmatch(value):
            return value + "Z"  # as an export writes it for spreadsheets
        if kind is Kind.JSON and isinstance(value, str) and value.startswith("{"):
            with suppress(ValueError):
                return json.loads(value)
        return value

    def _look_up(self, rows: Sequence[_Parsed]) -> None:
        """Load all that is there and may be meant: one question for each field that identifies."""
        planning, kind = self._planning, self._kind
        ids = [row.record_id for row in rows if row.record_id]
        wanted: dict[str, set[Scalar]] = {}
        for row in rows:
            if identity := self._identity(row.scalars):
                wanted.setdefault(identity[0], set()).add(row.scalars[identity[0]])
        self._anchors = tuple(wanted)
        for field, values in wanted.items():
            ids += [id_ for _, id_ in planning.lookup(kind.name, field, list(values))]
        for found in planning.get_many(kind.name, ids):
            scalars = dict(zip(kind.field_names, found, strict=True))
            if scalars["deleted_at"] is None:
                self._remember(str(scalars["id"]), scalars)

    def _identity(self, scalars: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Return the fields by which a row is recognised: a unique group, or where the type has none all of them."""
        given = [field for field, scalar in scalars.items() if scalar is not None]
        if self._kind.unique:
            return next((group for group in self._kind.unique if set(group) <= set(given)), ())
        return tuple(sorted(given, key=lambda field: field not in ("key", "name")))

    def _remember(self, record_id: str, scalars: Mapping[str, Scalar]) -> None:
        self._ids.add(record_id)
        for field in self._anchors:
            self._known.setdefault((field, scalars.get(field)), []).append((record_id, scalars))

    def _same(self, row: _Parsed) -> str | None:
        """Return the record that a row is about, or None for a new one."""
        if row.record_id in self._ids:
            return row.record_id
        identity = self._identity(row.scalars)
        candidates = self._known.get((identity[0], row.scalars[identity[0]]), ()) if identity else ()
        for record_id, there in candidates:
            if all(there.get(field) == row.scalars[field] for field in identity):
                return record_id
        return None

    def _decide(self, line: _Line, row: _Parsed | None) -> tuple[RowOutcome, str, str | None]:
        if row is None:
            return (RowOutcome.IGNORED, line.blank, None) if line.blank else (RowOutcome.REJECTED, line.flaw, None)
        if row.reasons:
            return RowOutcome.REJECTED, "; ".join(row.reasons), None
        planning, kind, found = self._planning, self._kind, self._same(row)
        if found in self._met:
            return RowOutcome.DUPLICATE, f"repeats line {self._met[found]}", found
        try:
            if found is None:
                [new] = plan_add(planning, kind.name, [row.given], self._settings)
                plan_bound(planning, new, row.bound)
                self._met[new] = line.number
                self._remember(new, row.scalars)
                return RowOutcome.CREATED, "", new
            self._met[found] = line.number
            [there] = planning.get_many(kind.name, [found])
            differ = {f for f, scalar in row.scalars.items() if not _is_same(there[kind.position[f]], scalar)}
            given = {name: value for name, value in row.given.items() if differ & {*kind.attribute[name].fields}}
            bound = plan_bound(planning, found, row.bound)
            if not given:
                return RowOutcome.UPDATED if bound else RowOutcome.UNCHANGED, "", found
            plan_update(planning, kind.name, [found], given, reason=None, settings=self._settings)
        except RejectedError as error:
            return RowOutcome.REJECTED, "; ".join(error.reasons), found
        return RowOutcome.UPDATED, "", found


@attrs.frozen
class _Parsed:
    """What a row says.

    Attributes:
        record_id: The id it names, or empty.
        given: Its values as an edit takes them.
        scalars: The same as they are stored.
        reasons: What is wrong.
        bound: What is bound to the record, see `crmkit.services.exporting.companions.bound_names`.
    """

    record_id: str
    given: Mapping[str, Any]
    scalars: Mapping[str, Scalar]
    reasons: Sequence[str]
    bound: Mapping[str, Sequence[str]]


def _is_same(there: Scalar, given: Scalar) -> bool:
    """Whether a file says what is there; a moment as a spreadsheet has it, in whole seconds."""
    if there == given or not (isinstance(there, str) and isinstance(given, str)):
        return there == given
    return bool(_SECOND.fullmatch(given) and _MOMENT.fullmatch(there)) and there[:19] == given[:19]


_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z")
_SHOWN: Final = 5
_WITHOUT_ZONE: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?")
_OWN_COLUMNS: Final = "crmkit_"
"""How the columns begin that a rejects file has more than the source."""


def _fields_of(kind: RecordType, header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return column to attribute; what crmkit keeps for itself is left out.

    Raises:
        RejectedError: Columns that are no fields, or a mapping of columns that are not there; all of them.
    """
    words: dict[str, str] = {}
    for a in kind.attributes:
        words.setdefault(fold(a.name), a.name)
    for name in kind.bonds:
        words.setdefault(fold(name.removesuffix("_id")), name)
    for name in (*bound_names(kind), *_currencies(kind)):
        words.setdefault(fold(name), name)
    told = {fold(column): field for column, field in mapping.items()}
    names: dict[str, str] = {}
    problems = [
        f"there is no column {column!r}" for column in mapping if fold(column) not in {fold(name) for name in header}
    ]
    for column in header:
        asked = told.get(fold(column), column)
        field = words.get(fold(asked))
        if field is None:
            if not column.startswith(_OWN_COLUMNS) and column not in shown_names(kind):
                close = close_to(fold(asked), words)
                hint = f"; did you mean {words[close[0]]}?" if close else ""
                problems.append(f"a {kind.name.replace('_', ' ')} has no field {asked!r}{hint}")
        elif (field == "id" or field not in kind.attribute or kind.attribute[field].editable) and (
            field not in names.values() or fold(column) == fold(field)
        ):
            names = {known: name for known, name in names.items() if name != field}
            names[column] = field
    if problems:
        raise RejectedError(problems, hint=f"fields are {', '.join(kind.editable_names)}; a mapping names others")
    return names


def _currencies(kind: RecordType) -> dict[str, str]:
    """Return currency columns, which workbooks have beside their amounts, to the attributes they are part of."""
    return {a.fields[1]: a.name for a in kind.attributes if len(a.fields) > 1}


def _written(
    kind: RecordType,
    names: Mapping[str, str],
    lines: Sequence[_Line],
    options: ReadingOptions,
    found: Sequence[Finding],
) -> tuple[dict[str, Way], list[Finding]]:
    """Return how days, numbers and amounts are written in the columns of a table; programs write JSON in one way."""
    if not found:
        return {}, []
    typed = {
        column: of
        for column, field in names.items()
        if field in kind.attribute and (of := typed_of(kind.attribute[field].codec)) is not None
    }
    columns = WrittenColumns(typed.get)
    columns.look_at(
        (line.number for line in lines), ({name: line.values.get(name, "") for name in typed} for line in lines)
    )
    delimiter = next((each.value for each in found if each.what == "delimiter"), None)
    ways, usual, told = columns.decided(Hints(order=options.date_order, delimiter=delimiter, region=options.region))
    return {column: ways.get(column, usual) for column in typed}, told


def _read(
    source: Source, options: ReadingOptions, kind: RecordType
) -> tuple[tuple[str, ...], tuple[Finding, ...], list[_Line]]:
    """Return the header, what was found out, and the rows of a source; of JSON nothing is found out."""
    if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _read_json(source)
    named = (*kind.attribute, *(name.removesuffix("_id") for name in kind.bonds), *options.mapping)
    words = set(map(fold, named))
    table = open_table(source, options, known=lambda cell: fold(cell) in words)
    lines = []
    for row in table.rows():
        values = {name: unprotected(cell) for name, cell in zip(table.header, row.cells, strict=False)}
        flaw = "; ".join(problem.reason for problem in row.problems if problem.fatal)
        blank = row.kind.value if row.kind not in (RowKind.DATA, RowKind.BROKEN) else ""
        lines.append(_Line(row.line, values, tuple(row.cells), flaw, blank))
    return table.header, table.findings, lines


def _read_json(source: Source) -> tuple[tuple[str, ...], tuple[Finding, ...], list[_Line]]:
    lines: list[_Line] = []
    header: dict[str, None] = {}
    with source.open() as stream:
        for number, raw in enumerate(stream, 1):
            text = raw.decode("utf-8-sig", errors="replace").strip()
            if not text:
                continue
            try:
                values = json.loads(text, parse_float=str)
            except ValueError as error:
                lines.append(_Line(number, {}, (text,), flaw=f"is no JSON: {error}"))
                continue
            if isinstance(values, dict):
                header.update(dict.fromkeys(values))
                lines.append(_Line(number, values, (text,)))
            else:
                lines.append(_Line(number, {}, (text,), flaw="is no JSON object"))
    return tuple(header), (), lines
