"""Cursors: where a page ended, as a text to hand out and to take back from anybody.

A cursor holds the scalars of the last row's order fields, and a digest of what was asked,
so that one is not used for another question by mistake. It grants nothing: whoever makes
one up only chooses where a page begins.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from crmkit.core.codecs import to_json
from crmkit.core.fields import Kind, Row, Scalar
from crmkit.core.query import Query
from crmkit.core.record_type import RecordType
from crmkit.errors import RejectedError

__all__ = ["after_cursor", "cursor_of"]

_LONGEST: Final = 20_000
_HINT: Final = "take the one that came with the page before, for the same question and order; or begin anew"


def cursor_of(row: Row, kind: RecordType, query: Query, asked: str) -> str:
    """Return the cursor of the page that follows a row.

    Args:
        row: The last row of this page.
        kind: Its type.
        query: The query; its order and type count.
        asked: What was asked, as text.
    """
    last = [row[kind.position[order.field]] for order in query.full_order]
    text = to_json([_digest(query, asked), *last])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def after_cursor(cursor: str, kind: RecordType, query: Query, asked: str) -> tuple[Scalar, ...]:
    """Return what `Query.after` is for a cursor.

    Raises:
        RejectedError: It is damaged, or belongs to another question.
    """
    digest, values = _read(cursor[:_LONGEST])
    if digest != _digest(query, asked):
        raise RejectedError("the cursor belongs to another question", hint=_HINT)
    fields = [kind.field(order.field) for order in query.full_order]
    if len(values) != len(fields) or not all(map(_fits, values, [field.kind for field in fields])):
        raise RejectedError("the cursor is damaged", hint=_HINT)
    return tuple(values)


def _read(cursor: str) -> tuple[object, list[Scalar]]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise RejectedError("the cursor is damaged", hint=_HINT) from None
    return digest, values


def _digest(query: Query, asked: str) -> str:
    order = [(each.field, each.descending) for each in query.full_order]
    question = to_json([query.type, order, query.deleted, repr(query.where), asked])
    from hashlib import sha256  # brings in OpenSSL, which opening a workspace can do without

    return sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _fits(value: object, kind: Kind) -> bool:
    if value is None:
        return True
    if kind in (Kind.INTEGER, Kind.BOOLEAN):
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        return False
    return kind is not Kind.DECIMAL or _NUMBER.fullmatch(value) is not None


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_NUMBER: Final = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?")
