"""Asking for records: what people want, understood, and its links to other records followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crmkit.core.expression_text import parse_expression
from crmkit.core.expressions import Expression, all_of, field
from crmkit.core.fields import Kind
from crmkit.core.ports.storage import ReadTransaction
from crmkit.core.query import Compare, Condition, Not, Op, Query, both
from crmkit.core.questions import Asked, Called, Question, check_question
from crmkit.core.record_type import RecordType
from crmkit.core.schema import Schema
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.resolve import called
from crmkit.services.workspace import Workspace

__all__ = ["Wanted", "condition_of", "equal_to", "understood"]

Wanted = str | Expression | Condition
"""What people want: a text such as ``status = new``, an expression, or a condition on stored fields."""


def understood(workspace: Workspace, kind: str, wanted: Iterable[Wanted]) -> tuple[Question | Condition, ...]:
    """Check what is wanted of the records of a type, all of it together.

    Raises:
        RejectedError: With all that is wrong.
    """
    expressions: list[Expression] = []
    checked: list[Question | Condition] = []
    problems: list[str] = []
    hint = ""
    for each in wanted:
        try:
            if isinstance(each, str):
                expressions.append(parse_expression(each))
            elif isinstance(each, Expression):
                expressions.append(each)
            else:
                checked.append(each)
        except RejectedError as error:
            problems += error.reasons
            hint = error.hint
    if expressions:
        try:
            whole = all_of(expressions)
            checked.append(check_question(workspace.schema, kind, whole, now=workspace.clock.now()))
        except RejectedError as error:
            problems += error.reasons
    if problems:
        raise RejectedError(problems, hint=hint)
    return tuple(checked)


def equal_to(kind: RecordType, equals: Mapping[str, Any]) -> list[Expression]:
    """Return the expressions that fields have these values.

    A list means "one of", None means "is empty", and a record stands for its id. Of a field that
    holds a list, such as ``tags``, all these words are wanted.
    """
    wanted: list[Expression] = []
    for name, value in equals.items():
        several = isinstance(value, (list, tuple, set, frozenset))
        if name in kind.attribute and kind.field(kind.attribute[name].fields[0]).kind is Kind.JSON and value:
            words = list(value) if several else [value]
            wanted += [field(name) == word if isinstance(word, Mapping) else field(name).has(word) for word in words]
        else:
            wanted.append(field(name).in_(value) if several else field(name) == value)
    return wanted


def condition_of(view: ReadTransaction, schema: Schema, understood: Iterable[Question | Condition]) -> Condition | None:
    """Return what was understood as one condition; references are followed as they are now.

    Raises:
        RejectedError: Names that nobody has, with what comes close.
    """
    return both(*(_followed(view, schema, each) if isinstance(each, Question) else each for each in understood))


def _followed(view: ReadTransaction, schema: Schema, question: Question) -> Condition:
    problems: list[str] = []

    def follow(asked: Asked) -> Condition:
        try:
            return _follow(view, schema, asked)
        except NotFoundError as error:
            problems.append(f"{error}; {error.hint}" if error.hint else str(error))
            return Compare("id", Op.EQ, None)

    condition = question.condition(follow)
    if problems:
        raise RejectedError(dict.fromkeys(problems))
    return condition


def _follow(view: ReadTransaction, schema: Schema, asked: Asked) -> Condition:
    """Turn a test of a linked record into one of the reference to it, from the last link to the first."""
    links, where = list(asked.links), asked.where
    if isinstance(where, Called):
        link = links.pop()
        meant = [id_ for name in where.names for id_ in called(view, schema, link.type, name)]
        where = Compare(link.field, Op.IN, tuple(meant))
    for link in reversed(links):
        place = schema[link.type].position["id"]
        # The deleted count too: what a reference leads to is there, whether or not it is listed.
        batches = view.iterate(Query(type=link.type, where=where, deleted=True))
        where = Compare(link.field, Op.IN, tuple(row[place] for batch in batches for row in batch))
    return Not(where) if asked.negated else where
