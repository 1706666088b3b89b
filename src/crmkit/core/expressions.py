"""What people ask for, as a tree: tests of fields, put together with and, or and not.

The tree holds names and values as they were given, all of them as text, so it is the
same whether it was written in Python, on a command line or in a web address::

    field("status") == "new"
    (field("score") >= 50) | field("tags").has("vip")
    ~field("account.name").contains("hospy")

`crmkit.core.questions` checks it against the declared fields, `crmkit.core.expression_text`
reads it from text; ``str`` writes it in the form that is read back as the same tree.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from crmkit.core.codecs import moment_text, to_json
from crmkit.core.records import Stored
from crmkit.core.values.money import Money

__all__ = [
    "KEYWORDS",
    "WORD",
    "AllOf",
    "AnyOf",
    "Expression",
    "FieldPath",
    "Negation",
    "Test",
    "Verb",
    "all_of",
    "any_of",
    "field",
    "paths_in",
    "quoted",
]


class Verb(enum.Enum):
    """What is asked of a field; the value is how it is written.

    Attributes:
        EQUALS: It is that value; for a reference: the record is called so.
        LESS: It comes before; so on for AT_MOST, MORE and AT_LEAST.
        CONTAINS: Its text holds these words, whatever accents and case.
        IN: It is one of the values.
        BETWEEN: It lies between two values, both included.
        HAS: The list holds the value.
        EMPTY: There is nothing in it.
    """

    EQUALS = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    CONTAINS = "~"
    IN = "in"
    BETWEEN = ".."
    HAS = "has"
    EMPTY = "is empty"


class Expression:
    """A question about records: combine with ``&`` (and), ``|`` (or) and ``~`` (not)."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        return all_of([self, other]) if isinstance(other, Expression) else NotImplemented

    def __or__(self, other: Expression) -> Expression:
        return any_of([self, other]) if isinstance(other, Expression) else NotImplemented

    def __invert__(self) -> Expression:
        return Negation(self)

    def __bool__(self) -> bool:
        # Without this ``a and b`` would quietly mean ``b``, and ``1 < field("x") < 5`` only the second half.
        message = (
            "a question is neither true nor false: write & for and, | for or, ~ for not, .between(a, b) for ranges"
        )
        raise TypeError(message)


@attrs.frozen(repr=False)
class Test(Expression):
    """One thing asked of one field.

    Attributes:
        path: The field, or through references that of another record: ``account.name``.
        verb: What is asked.
        values: With what it is compared; two for BETWEEN, any number for IN, none for EMPTY.
    """

    path: str
    verb: Verb
    values: tuple[str, ...] = ()

    __test__ = False  # pytest looks for classes of that name

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self, *, negated: bool = False) -> str:
        """Return the test, or what it denies, as text."""
        path, values = quoted(self.path), [quoted(value) for value in self.values]
        match self.verb:
            case Verb.EMPTY:
                return f"{path} is not empty" if negated else f"{path} is empty"
            case Verb.IN:
                return f"{path} {'not in' if negated else 'in'} ({', '.join(values)})"
            case Verb.EQUALS | Verb.CONTAINS:
                return f"{path} {'!' if negated else ''}{self.verb.value} {values[0]}"
            case Verb.BETWEEN:
                return f"{path} {'not in' if negated else 'in'} {values[0]}..{values[1]}"
            case _:
                return f"{'not ' if negated else ''}{path} {self.verb.value} {values[0]}"


@attrs.frozen(repr=False)
class AllOf(Expression):
    """All parts hold; there are at least two, and none of them is an `AllOf`."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)

    __repr__ = __str__


@attrs.frozen(repr=False)
class AnyOf(Expression):
    """At least one part holds; there are at least two, and none of them is an `AnyOf`."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))

    __repr__ = __str__


@attrs.frozen(repr=False)
class Negation(Expression):
    """The part does not hold."""

    part: Expression

    def __str__(self) -> str:
        if isinstance(self.part, Test):
            return self.part.text(negated=True)
        return f"not {self.part}" if isinstance(self.part, Negation) else f"not ({self.part})"

    __repr__ = __str__


@attrs.frozen(eq=False)
class FieldPath:
    """A field to ask something of; made by `field`."""

    path: str

    __hash__ = None  # type: ignore[assignment]  # == builds a question, so it cannot compare keys

    def __eq__(self, value: object) -> Expression:  # type: ignore[override]  # it reads as people expect
        return self.is_empty() if value is None else self._test(Verb.EQUALS, value)

    def __ne__(self, value: object) -> Expression:  # type: ignore[override]  # likewise
        return ~(self == value)

    def __lt__(self, value: object) -> Expression:
        return self._test(Verb.LESS, value)

    def __le__(self, value: object) -> Expression:
        return self._test(Verb.AT_MOST, value)

    def __gt__(self, value: object) -> Expression:
        return self._test(Verb.MORE, value)

    def __ge__(self, value: object) -> Expression:
        return self._test(Verb.AT_LEAST, value)

    def contains(self, text: object) -> Expression:
        """Its text holds these words, whatever accents and case."""
        return self._test(Verb.CONTAINS, text)

    def has(self, value: object) -> Expression:
        """The list, such as ``tags``, holds the value."""
        return self._test(Verb.HAS, value)

    def in_(self, values: Iterable[object]) -> Expression:
        """It is one of the values; None among them stands for "is empty"."""
        given = list(values)
        listed = self._test(Verb.IN, *(value for value in given if value is not None))
        return listed | self.is_empty() if any(value is None for value in given) else listed

    def between(self, low: object, high: object) -> Expression:
        """It lies between the two, both included."""
        return self._test(Verb.BETWEEN, low, high)

    def is_empty(self) -> Expression:
        """There is nothing in it."""
        return Test(self.path, Verb.EMPTY)

    def _test(self, verb: Verb, *values: object) -> Expression:
        return Test(self.path, verb, tuple(_written(value) for value in values))


def field(path: str) -> FieldPath:
    """Return a field to ask something of, for ``crm.leads.where(field("score") >= 50)``.

    Args:
        path: Its name: one of the record's own (``status``), a custom one (``badge_scan.booth``),
            or one of a record it refers to (``account.name``, ``owner.team``).
    """
    return FieldPath(path)


KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "empty", "has"})
"""Words that mean something in the text form, in any case; as names or values they go in quotes."""

WORD: Final = re.compile(r"""[^\s()"',=<>!~.]+(?:\.[^\s()"',=<>!~.]+)*""")
"""What needs no quotes in the text form."""


def paths_in(expression: Expression) -> frozenset[str]:
    """Return the fields that an expression asks for."""
    if isinstance(expression, Test):
        return frozenset({expression.path})
    parts = (expression.part,) if isinstance(expression, Negation) else getattr(expression, "parts", ())
    return frozenset().union(*map(paths_in, parts))


def quoted(text: str) -> str:
    """Return a name or value as the text form writes it."""
    if WORD.fullmatch(text) and text.lower() not in KEYWORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def all_of(parts: Iterable[Expression]) -> Expression:
    """Return the conjunction of at least one expression, without brackets that mean nothing."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, AllOf) else (part,))]
    return AllOf(tuple(flat)) if len(flat) > 1 else flat[0]


def any_of(parts: Iterable[Expression]) -> Expression:
    """Return the disjunction of at least one expression, without brackets that mean nothing."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, AnyOf) else (part,))]
    return AnyOf(tuple(flat)) if len(flat) > 1 else flat[0]


def _written(value: Any) -> str:
    """Return a value as a person would write it."""
    for kinds, write in _WAYS:
        if isinstance(value, kinds):
            return write(value)
    message = f"a field cannot be compared with a {type(value).__name__}"
    if isinstance(value, (list, tuple, set, frozenset)):
        message += "; ask with .in_([...]) whether it is one of several values"
    raise TypeError(message)


_WAYS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (enum.Enum, lambda value: _written(value.value)),
    (str, str),  # an Email is one
    (bool, lambda value: "yes" if value else "no"),
    ((int, float, Decimal, Money), str),
    (datetime, lambda value: moment_text(value) if value.tzinfo else value.isoformat()),
    (date, date.isoformat),
    (Stored, lambda value: value.id),
    (Mapping, to_json),
)
