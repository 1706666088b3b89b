"""Records as JSON lines, for programs: typed values, and all that only crmkit needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final

from crmkit.core.codecs import as_json
from crmkit.core.fields import Attribute, Kind
from crmkit.core.record_type import RecordType
from crmkit.services.exporting.companions import Batch, bound_names

__all__ = ["write_json_lines"]


def write_json_lines(file: IO[str], kind: RecordType, batches: Iterable[Batch]) -> int:
    """Write an object for each record; what an absent plugin declared is in it as it is stored."""
    count = 0
    for batch in batches:
        file.writelines("{" + ", ".join(filter(None, line)) + "}\n" for line in zip(*_pieces(kind, batch), strict=True))
        count += len(batch.rows)
    return count


def _pieces(kind: RecordType, batch: Batch) -> Iterator[list[str]]:
    """Return the members of the objects, attribute by attribute; built in columns, which costs the least."""
    for attribute in kind.attributes:
        head = f"{_quoted(attribute.name)}: "
        yield [head + text for text in _texts(kind, attribute, batch)]
    for name in bound_names(kind):
        head = f"{_quoted(name)}: "
        yield [head + (_quoted(others) if others else "[]") for others in batch.bound[name]]
    for field in kind.fields:
        if field.carried:
            head = f"{_quoted(field.name)}: "
            yield ["" if value is None else head + _quoted(value) for value in batch.columns[field.name]]


def _texts(kind: RecordType, attribute: Attribute, batch: Batch) -> list[str]:
    """Return an attribute of each record as JSON."""
    decode, first = attribute.codec.decode, attribute.fields[0]
    if decode is not None and len(attribute.fields) > 1:
        scalars = zip(*(batch.columns[field] for field in attribute.fields), strict=True)
        return ["null" if each[0] is None else _quoted(as_json(decode(*each))) for each in scalars]
    form = kind.field(first).kind
    empty = _quoted(as_json(decode(None))) if form is Kind.JSON and decode is not None else "null"
    told = _TOLD.get(form, _quoted)
    return [empty if value is None else told(value) for value in batch.columns[first]]


_quoted: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False).encode
_TOLD: Final[dict[Kind, Callable[[Any], str]]] = {
    Kind.INTEGER: str,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
    Kind.JSON: str,
}
