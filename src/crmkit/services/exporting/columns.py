"""The columns of a table of records: their names, and how their values are told to a person or a spreadsheet."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from crmkit.core.fields import Attribute, Kind
from crmkit.core.record_type import RecordType
from crmkit.services.exporting.companions import SHOWN_AS, Batch, bound_names

__all__ = ["Column", "Form", "columns_of"]


class Form(enum.Enum):
    """What the values of a column are to a spreadsheet; `Column.values` gives them so."""

    TEXT = str
    NUMBER = Decimal
    TRUTH = bool
    DAY = date
    MOMENT = datetime


@attrs.frozen
class Column:
    """One column of a table.

    Attributes:
        name: What stands in its header.
        form: What its values are to a spreadsheet.
        texts: Its values as people write them, nothing as an empty text.
        values: Its values in that form, or None where there is none.
    """

    name: str
    form: Form
    texts: Callable[[Batch], Sequence[str]]
    values: Callable[[Batch], Sequence[Any]]


def columns_of(kind: RecordType, *, typed: bool = False) -> list[Column]:
    """Return the columns of a table of a record type.

    Args:
        kind: The record type.
        typed: For a spreadsheet, where an amount and its currency are two columns.
    """
    columns: list[Column] = []
    for attribute in kind.attributes:
        if attribute.name in _FOR_CRMKIT:
            continue
        columns += _of_attribute(kind, attribute, typed=typed)
        label = _label_name(kind, attribute.name)
        if label:
            columns.append(_text_column(label, _labelling(attribute.name)))
    for name in bound_names(kind):
        columns.append(_text_column(name, _listing(name)))
        if name in SHOWN_AS:
            columns.append(_text_column(SHOWN_AS[name], _naming(name)))
    return sorted(columns, key=lambda column: _LAST.index(column.name) if column.name in _LAST else -1)


_FOR_CRMKIT: Final = ("version", "deleted_at", "operation_id", "source_row", "import_key")
"""What a person has no use for in a table."""
_LAST: Final = ("owner_id", "owner", "tags", "created_at", "updated_at")
"""What stands at the end of a table, in this order."""


def _label_name(kind: RecordType, attribute: str) -> str | None:
    """Return the column beside a reference that says what a person calls the record, if it can have one."""
    name = attribute.removesuffix("_id")
    return name if attribute in kind.bonds and name not in kind.attribute else None


def _of_attribute(kind: RecordType, attribute: Attribute, *, typed: bool) -> list[Column]:
    name, decode = attribute.name, attribute.codec.decode
    if len(attribute.fields) > 1:  # an amount of money
        number, currency = attribute.fields

        def amounts(batch: Batch) -> list[Any]:
            pairs = zip(batch.columns[number], batch.columns[currency], strict=True)
            return [None if minor is None or decode is None else decode(minor, code) for minor, code in pairs]

        def texts(batch: Batch) -> list[str]:
            return ["" if amount is None else str(amount) for amount in amounts(batch)]

        def numbers(batch: Batch) -> list[Any]:
            return [None if amount is None else amount.amount for amount in amounts(batch)]

        amount = Column(name, Form.NUMBER, texts, numbers)
        return [amount, _text_column(currency, _plain(currency, str))] if typed else [amount]
    field = attribute.fields[0]
    form, told, value = _TOLD[kind.field(field).kind]
    if kind.field(field).kind is Kind.JSON and decode is not None and isinstance(decode(None), tuple):
        told = value = _words
    return [Column(name, form, _plain(field, told), _typed(field, value))]


def _text_column(name: str, texts: Callable[[Batch], Sequence[str]]) -> Column:
    return Column(name, Form.TEXT, texts, texts)


def _plain(field: str, told: Callable[[Any], str]) -> Callable[[Batch], list[str]]:
    return lambda batch: ["" if value is None else told(value) for value in batch.columns[field]]


def _typed(field: str, typed: Callable[[Any], Any]) -> Callable[[Batch], list[Any]]:
    return lambda batch: [None if value is None else typed(value) for value in batch.columns[field]]


def _labelling(field: str) -> Callable[[Batch], list[str]]:
    return lambda batch: [batch.labels.get(value, "") for value in batch.columns[field]]


def _listing(name: str) -> Callable[[Batch], list[str]]:
    return lambda batch: [", ".join(each) for each in batch.bound[name]]


def _naming(name: str) -> Callable[[Batch], list[str]]:
    """Name what is bound to each record, with its role where it has one."""

    def texts(batch: Batch) -> list[str]:
        told = []
        for id_, others in zip(batch.columns["id"], batch.bound[name], strict=True):
            roles = [(other, batch.roles.get((id_, other))) for other in others]
            told.append(", ".join(batch.labels.get(o, o) + (f" ({role})" if role else "") for o, role in roles))
        return told

    return texts


def _words(text: str) -> str:
    return ", ".join(json.loads(text))


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:19]}"  # spreadsheets know no time zones


_TOLD: Final[dict[Kind, tuple[Form, Callable[[Any], str], Callable[[Any], Any]]]] = {
    Kind.TEXT: (Form.TEXT, str, str),
    Kind.INTEGER: (Form.NUMBER, str, int),
    Kind.BOOLEAN: (Form.TRUTH, lambda value: "yes" if value else "no", bool),
    Kind.DECIMAL: (Form.NUMBER, str, Decimal),
    Kind.MOMENT: (Form.MOMENT, _moment, lambda text: datetime.fromisoformat(text[:19])),
    Kind.DAY: (Form.DAY, str, date.fromisoformat),
    Kind.JSON: (Form.TEXT, str, str),
}
