"""JSON and JSON lines to records of named texts.

Objects in each other are flattened, ``{"address": {"city": …}}`` to ``address.city``, and so
are the lists of answers that form services send. Frames are ``{"records": [[line, {name:
text}, fault], …]}``; lines are those of the text for JSON lines, and the number of the record
in a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, BinaryIO, Final

from crmkit.services.reading.limits import Limits, Refusal, held
from crmkit.services.reading.lines import Lines
from crmkit.services.reading.markup import text_of

__all__ = ["read"]


def read(
    stream: BinaryIO, limits: Limits, *, lines: bool = False, encoding: str | None = None
) -> Iterator[dict[str, Any]]:
    """Read records.

    Raises:
        Refusal: It is no JSON, or nothing in it is a list of objects.
    """
    found = _lines(stream, limits, encoding) if lines else _document(held(stream, limits), encoding)
    batch: list[list[Any]] = []
    for line, value, fault in found:
        if fault:
            batch.append([line, {"JSON": str(value)[:_SHOWN]}, fault])
        elif not isinstance(value, dict):
            batch.append([line, {"JSON": _plain(value)[:_SHOWN]}, "is no JSON object"])
        else:
            record, flaw = _flattened(value, limits)
            batch.append([line, record, flaw])
        if len(batch) == _BATCH:
            yield {"records": batch}
            batch = []
    yield {"records": batch}


_BATCH: Final = 200
_SHOWN: Final = 2000
_WRAPPERS: Final = ("data", "leads", "contacts", "records", "results", "items", "rows", "responses", "entries", "value")
_HINT: Final = "export it again, or save it as CSV"


def _document(data: bytes, encoding: str | None) -> Iterator[tuple[int, Any, str]]:
    try:
        value = json.loads(text_of(data, encoding), parse_int=str, parse_float=str, parse_constant=str)
    except ValueError as error:
        raise Refusal(f"is no JSON ({error})", _HINT) from None
    yield from ((number, each, "") for number, each in zip(count(1), _listed(value), strict=False))


def _listed(value: Any) -> Sequence[Any]:
    """Find the records: the list itself, or the one in a wrapper."""
    for _ in range(3):
        value = _as_objects(value)
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            break
        lists = [name for name in _WRAPPERS if _is_objects(value.get(name))]
        lists = lists or [name for name, each in value.items() if _is_objects(each) and not _pairs(each)]
        plain = [name for name, each in value.items() if not isinstance(each, (list, dict))]
        inner = [name for name in ("data", "form_response", "result", "response") if isinstance(value.get(name), dict)]
        if lists and len(lists) <= len(_WRAPPERS) and not _pairs(value[lists[0]]):
            return list(value[lists[0]])
        if inner and len(plain) + len(inner) == len(value) and not _looks_like_a_person(value):
            value = value[inner[0]]
            continue
        return [value]
    raise Refusal("holds no records", "give a list of objects, one for each person")


def _as_objects(value: Any) -> Any:
    """Make objects of a table that is written as rows below a header, or as columns; all else stays."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(row, list) for row in value):
        header, *rows = value
        if header and all(isinstance(name, str) for name in header):
            return [dict(zip(header, row, strict=False)) for row in rows]
    if isinstance(value, dict) and len(value) > 1:
        columns = list(value.values())
        are_plain = all(isinstance(column, list) and not any(map(_is_nested, column)) for column in columns)
        if are_plain and len({len(column) for column in columns}) == 1 and len(columns[0]) > 1:
            return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    return value


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _looks_like_a_person(value: Mapping[str, Any]) -> bool:
    return any("mail" in name.lower() or "name" in name.lower() for name in value)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _lines(stream: BinaryIO, limits: Limits, encoding: str | None) -> Iterator[tuple[int, Any, str]]:
    for line, raw, is_cut in Lines(stream, 4 * limits.cell_chars, encoding):
        text = raw.strip().rstrip(",")
        if not text or text in ("[", "]"):
            continue
        if is_cut:
            yield line, text, "the line is too long"
            continue
        try:
            yield line, json.loads(text, parse_int=str, parse_float=str, parse_constant=str), ""
        except ValueError as error:
            yield line, text, f"is no JSON ({error})"
        except RecursionError:
            yield line, text, "is nested too deeply"


def _flattened(value: Mapping[str, Any], limits: Limits) -> tuple[dict[str, str], str]:
    record: dict[str, str] = {}
    # No recursion: what is nested on purpose must not decide how deep this goes.
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        path, each, depth = waiting.pop()
        if depth > limits.depth:
            return _beginning(record), f"is nested more than {limits.depth} levels deep"
        if isinstance(each, dict) and not each.keys() - {"_type"}:
            continue
        if isinstance(each, dict):
            below = [(f"{path}.{name}" if path else str(name), inner, depth + 1) for name, inner in each.items()]
            waiting.extend(reversed(below))
        elif _is_objects(each) and (pairs := _pairs(each, value)):
            waiting.extend((name, inner, depth + 1) for name, inner in reversed(pairs))
        elif isinstance(each, list) and any(isinstance(inner, (dict, list)) for inner in each):
            below = [(f"{path}.{place}", inner, depth + 1) for place, inner in enumerate(each, 1)]
            waiting.extend(reversed(below))
        else:
            text = ", ".join(map(_plain, each)) if isinstance(each, list) else _plain(each)
            if len(text) > limits.cell_chars:
                return _beginning(record), f"a value has more than {limits.cell_chars:,} characters"
            name, number = path, 1
            while record.get(name):
                number += 1
                name = f"{path} ({number})"
            record[name] = text
        if len(record) + len(waiting) > min(limits.columns, _MAX_VALUES):
            return _beginning(record), f"has more than {_MAX_VALUES:,} values"
    return record, ""


_MAX_VALUES: Final = 2000


def _beginning(record: Mapping[str, str]) -> dict[str, str]:
    """What is shown of a record that is no good."""
    return {name: text[:_SHOWN] for name, text in list(record.items())[:20]}


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_LABELS: Final = ("column_name", "label", "question", "title", "name", "key", "column_id", "field_name", "ref", "id")
_VALUES: Final = (
    *("value", "values", "string_value", "answer", "answers", "response", "email", "phone_number", "text", "boolean"),
    *("number", "url", "date", "choice", "choices", "file_url"),
)


def _pairs(answers: Sequence[Mapping[str, Any]], whole: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
    """Read a list of questions with answers as what it means; empty when it is none."""
    titles = _titles(whole or {})
    pairs = []
    for answer in answers:
        field = answer.get("field")
        about = {**answer, **field} if isinstance(field, dict) else answer
        name = titles.get(str(about.get("id"))) or next(
            (about[key] for key in _LABELS if isinstance(about.get(key), str) and about[key]), None
        )
        value = next((answer[key] for key in _VALUES if key in answer), _NOTHING)
        if name is None or value is _NOTHING or ("email" in answer and "name" in answer):
            return []
        if isinstance(value, dict):
            value = value.get("label", value.get("labels", value.get("other", "")))
        pairs.append((str(name), value))
    return pairs


_NOTHING: Final = object()


def _titles(whole: Mapping[str, Any]) -> dict[str, str]:
    """Return the questions of a form by their id, as Typeform sends them along."""
    for place in (whole, whole.get("form_response")):
        definition = place.get("definition") if isinstance(place, dict) else None
        fields = definition.get("fields") if isinstance(definition, dict) else None
        if isinstance(fields, list):
            known = [each for each in fields if isinstance(each, dict)]
            return {str(each.get("id")): str(each["title"]) for each in known if each.get("title")}
    return {}
