"""Reading the file of a whole workspace: line by line into columns, and all that is wrong with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO, Final

import attrs

from crmkit.core.codecs import to_json
from crmkit.core.fields import Field, Kind, Scalar
from crmkit.core.ports.sources import Source
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import UnreadableError
from crmkit.services.whole_workspace.outline import Outline, is_own, parse_header, travelling

__all__ = ["Batch", "Problems", "read_batches", "read_outline"]


@attrs.frozen
class Batch:
    """Records of one type that stand one after the other.

    Attributes:
        kind: Their type.
        lines: The line of each.
        columns: Field to values; a field that none of them has is left out.
    """

    kind: RecordType
    lines: Sequence[int]
    columns: Mapping[str, Sequence[Scalar]]


class Problems:
    """What is wrong with a file: the first ones in words, the others counted."""

    def __init__(self, source_name: str) -> None:
        self._source_name = source_name
        self.reasons: list[str] = []
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether what is wrong from now on is only counted."""
        return self.count >= _SHOWN

    def add(self, reason: str) -> None:
        """Note that something is wrong."""
        self.count += 1
        if self.count <= _SHOWN:
            self.reasons.append(reason)

    def refuse_if_any(self) -> None:
        """Refuse the whole file if anything is wrong with it.

        Raises:
            UnreadableError: With all reasons, or the first ones of very many.
        """
        more = [f"and {self.count - _SHOWN} more"] if self.count > _SHOWN else []
        if self.reasons:
            reason = "; ".join([*self.reasons, *more])
            raise UnreadableError(reason, source=self._source_name, hint="nothing was imported; export it again")


def read_outline(source: Source, schema: Schema) -> Outline:
    """Read the first line.

    Raises:
        UnreadableError: It is not the first line of such a file, or does not fit the schema.
        NewerWorkspaceError: A newer crmkit wrote it.
    """
    with source.open() as stream:
        return parse_header(stream.readline(_LONGEST), schema, name=source.name)


def read_batches(source: Source, outline: Outline, schema: Schema, problems: Problems) -> Iterator[Batch]:
    """Read all records but those that are broken, which become problems like everything else that is wrong.

    Args:
        source: The file.
        outline: Its first line.
        schema: A schema with everything that the outline names.
        problems: Takes what is wrong.
    """
    counted: Counter[str] = Counter()
    forms = {name: _Form(schema[name], outline) for name in outline.catalogue}
    with source.open() as stream:
        stream.readline(_LONGEST)
        for name, lines, rows in _grouped(stream, forms, problems):
            counted[name] += len(lines)
            columns = forms[name].columns(lines, rows, problems)
            if columns is not None:
                yield Batch(schema[name], lines, columns)
    for name, count in outline.counts.items():
        if counted[name] != count:
            problems.add(f"it should hold {count} records of the type {name}, but holds {counted[name]}")


_LONGEST: Final = 1 << 26
_SIZE: Final = 1000
_SHOWN: Final = 20
_Rows = list[dict[str, Any]]


def _grouped(
    stream: BinaryIO, forms: Mapping[str, _Form], problems: Problems
) -> Iterator[tuple[str, list[int], _Rows]]:
    """Return the records in groups of one type, with their lines."""
    present = ""
    lines: list[int] = []
    rows: _Rows = []
    number = 1
    while raw := stream.readline(_LONGEST):
        number += 1
        if raw.isspace():
            continue
        try:
            [(name, row)] = json.loads(raw).items()
            form = forms[name]
            if not row.keys() <= form.names:
                unknown = ", ".join(sorted(row.keys() - form.names))
                problems.add(f"line {number}: {name} has no field {unknown}")
                row = {field: value for field, value in row.items() if field in form.names}
        except KeyError as error:
            problems.add(f"line {number}: there is no record type {error}")
            continue
        except (ValueError, AttributeError, TypeError, RecursionError):
            problems.add(f"line {number} is broken")
            continue
        if (name != present or len(lines) == _SIZE) and lines:
            yield present, lines, rows
            lines, rows = [], []
        present = name
        lines.append(number)
        rows.append(row)
    if lines:
        yield present, lines, rows


class _Form:
    """What records of one type look like in a file."""

    def __init__(self, kind: RecordType, outline: Outline) -> None:
        told = outline.catalogue[kind.name]["fields"]
        self._kind = kind
        self._fields = [field for field in travelling(kind)[0] if field.name in told]
        self._required = {f.name for f in self._fields if f.required or f.name in _ALWAYS}
        # What a plugin offers may have changed since its values were stored; crmkit's own choices stay.
        self._choices = {
            a.name: frozenset(a.codec.choices) for a in kind.attributes if a.codec.choices and is_own(kind, a.name)
        }
        self._empty = {
            a.name: type(a.codec.decode(None))
            for a in kind.attributes
            if a.codec.decode is not None and kind.field(a.fields[0]).kind is Kind.JSON
        }
        self.names = frozenset(field.name for field in self._fields)

    def columns(self, lines: Sequence[int], rows: _Rows, problems: Problems) -> dict[str, list[Scalar]] | None:
        """Turn the values of some records into columns of scalars; None when some are not what they should be."""
        before = problems.count
        columns: dict[str, list[Scalar]] = {}
        for field in self._fields:
            values = [row.get(field.name) for row in rows]
            if any(value is not None for value in values) or field.name in self._required:
                columns[field.name] = self._column(field, values, lines, problems)
        return columns if problems.count == before else None

    def _column(self, field: Field, values: list[Any], lines: Sequence[int], problems: Problems) -> list[Scalar]:
        understand = self._understanding(field)
        try:
            return [None if value is None else understand(value) for value in values]
        except ValueError:
            column: list[Scalar] = []
            for line, value in zip(lines, values, strict=True):
                try:
                    column.append(None if value is None else understand(value))
                except ValueError as error:
                    problems.add(f"line {line}: {self._kind.name}.{field.name} {error}")
            return column
        finally:
            if field.name in self._required:
                for line, value in zip(lines, values, strict=True):
                    if value is None:
                        problems.add(f"line {line}: {self._kind.name}.{field.name} is missing")

    def _understanding(self, field: Field) -> Callable[[Any], Scalar]:
        if field.name == "id":
            return self._id
        choices = self._choices.get(field.name)
        if choices is not None:
            return lambda value: _one_of(choices, value)
        empty = self._empty.get(field.name)
        if field.kind is Kind.JSON:
            return lambda value: _json(value, empty)
        return _UNDERSTANDING[field.kind]

    def _id(self, value: Any) -> Scalar:
        prefix, _, rest = _text(value).rpartition("_")
        if prefix != self._kind.prefix or not rest:
            msg = f"is {value!r}, not an id that begins with {self._kind.prefix}_"
            raise ValueError(msg)
        return str(value)


_ALWAYS: Final = frozenset({"id", "version", "created_at", "updated_at"})


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        msg = "is no text"
        raise ValueError(msg)
    _check_characters(value)
    return value


def _check_characters(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            msg = "holds a broken character (a lone surrogate)"
            raise ValueError(msg) from None


def _one_of(choices: frozenset[str], value: Any) -> str:
    if value not in choices:
        msg = f"is {value!r}, not one of {', '.join(sorted(choices))}"
        raise ValueError(msg)
    return str(value)


def _whole(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        msg = "is no whole number"
        raise ValueError(msg)
    return value


def _truth(value: Any) -> int:
    if not isinstance(value, bool):
        msg = "is neither true nor false"
        raise ValueError(msg)
    return int(value)


def _decimal(value: Any) -> str:
    if not _NUMBER.fullmatch(_text(value)):
        msg = "is no exact number in a text"
        raise ValueError(msg)
    return str(value)


def _moment(value: Any) -> str:
    if len(_text(value)) != _MOMENT_LENGTH or value[-1] != "Z" or value[10] != "T":
        msg = "is no moment such as 2026-01-31T09:30:00.000000Z"
        raise ValueError(msg)
    datetime.fromisoformat(value)
    return str(value)


def _day(value: Any) -> str:
    if len(_text(value)) != _DAY_LENGTH or value[4] != "-":
        msg = "is no day such as 2026-01-31"
        raise ValueError(msg)
    date.fromisoformat(value)
    return str(value)


def _json(value: Any, like: type | None) -> str | None:
    wanted = (list, dict) if like is None else (list if like is tuple else dict)
    if not isinstance(value, wanted):
        msg = "is no list" if like is tuple else "is no object"
        raise ValueError(msg)
    try:
        text = to_json(value)
    except ValueError:
        msg = "holds a number that JSON cannot"
        raise ValueError(msg) from None
    _check_characters(text)
    return text if value else None


_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
_MOMENT_LENGTH: Final = len("2026-01-31T09:30:00.000000Z")
_DAY_LENGTH: Final = len("2026-01-31")
_UNDERSTANDING: Final[dict[Kind, Callable[[Any], Scalar]]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _whole,
    Kind.BOOLEAN: _truth,
    Kind.DECIMAL: _decimal,
    Kind.MOMENT: _moment,
    Kind.DAY: _day,
}
