"""Expressions as text: ``status = new and (score >= 50 or tags has vip)``.

The grammar, in which names and values are words, or any text in single or double quotes
(with a backslash before a quote or backslash that is part of it)::

    expression = conjunction {"or" conjunction}
    conjunction = factor {"and" factor}
    factor = "not" factor | "(" expression ")" | test
    test = name ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" | "has") value
         | name ["not"] "in" ("(" [value {"," value}] ")" | value ".." value)
         | name "is" ["not"] "empty"
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from crmkit.core.expressions import KEYWORDS, WORD, Expression, Negation, Test, Verb, all_of, any_of
from crmkit.errors import RejectedError

__all__ = ["LONGEST_TEXT", "parse_expression"]

LONGEST_TEXT: Final = 10_000
"""What an expression may have at most, in characters."""

_DEEPEST: Final = 30


def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises:
        RejectedError: It is none; says at which character, and what was expected there.
    """
    if len(text) > LONGEST_TEXT:
        raise RejectedError(f"the condition has {len(text)} characters; at most {LONGEST_TEXT} are read")
    return _Parser(text).whole()


class _Token(NamedTuple):
    kind: str  # word, quoted, sign, end
    text: str
    start: int


_TOKEN: Final = re.compile(
    rf"""
    \s*(?:
      (?P<sign>\.\.|[<>!]=|!~|[=<>~(),])
    | (?P<word>{WORD.pattern})
    | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<end>\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"""\\([\\"'])""")

_COMPARISONS: Final = {
    "=": (Verb.EQUALS, False),
    "!=": (Verb.EQUALS, True),
    "<": (Verb.LESS, False),
    "<=": (Verb.AT_MOST, False),
    ">": (Verb.MORE, False),
    ">=": (Verb.AT_LEAST, False),
    "~": (Verb.CONTAINS, False),
    "!~": (Verb.CONTAINS, True),
    "has": (Verb.HAS, False),
}
"""How a comparison is written, to what it asks and whether that is denied."""


class _Parser:
    """A recursive descent that looks one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._next = self._read()

    def whole(self) -> Expression:
        expression = self._any_of()
        if self._next.kind != "end":
            self._expected("“and”, “or” or the end")
        return expression

    def _any_of(self) -> Expression:
        parts = [self._all_of()]
        while self._took("or"):
            parts.append(self._all_of())
        return any_of(parts)

    def _all_of(self) -> Expression:
        parts = [self._factor()]
        while self._took("and"):
            parts.append(self._factor())
        return all_of(parts)

    def _factor(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RejectedError(f"the condition is nested more than {_DEEPEST} deep")
        if self._took("not"):
            expression: Expression = Negation(self._factor())
        elif self._took("("):
            expression = self._any_of()
            self._demand(")", "“)”, “and” or “or”")
        else:
            expression = self._test()
        self._depth -= 1
        return expression

    def _test(self) -> Expression:
        path = self._value("the name of a field")
        for sign, (verb, denied) in _COMPARISONS.items():
            if self._took(sign):
                test = Test(path, verb, (self._value(f"a value for {path}"),))
                return Negation(test) if denied else test
        if self._took("is"):
            denied = self._took("not")
            self._demand("empty", "“empty”" if denied else "“empty” or “not empty”")
            test = Test(path, Verb.EMPTY)
        else:
            denied = self._took("not")
            self._demand("in", "“in”" if denied else "a comparison such as = or ~, “in” or “is empty”")
            test = self._listed(path)
        return Negation(test) if denied else test

    def _listed(self, path: str) -> Test:
        if not self._took("("):
            low = self._value("“(” or the beginning of a range a..b")
            self._demand("..", "“..” and the end of the range; a list of values goes in brackets")
            return Test(path, Verb.BETWEEN, (low, self._value("the end of the range")))
        values: list[str] = []
        if not self._took(")"):
            values.append(self._value("a value"))
            while self._took(","):
                values.append(self._value("a value"))
            self._demand(")", "“,” or “)”")
        return Test(path, Verb.IN, tuple(values))

    def _value(self, expected: str) -> str:
        token = self._next
        if token.kind == "quoted":
            self._next = self._read()
            return _ESCAPED.sub(r"\1", token.text[1:-1])
        if token.kind != "word" or token.text.lower() in KEYWORDS:
            self._expected(expected)
        self._next = self._read()
        return token.text

    def _took(self, wanted: str) -> bool:
        """Take the next token if it is that sign or keyword."""
        if self._next.kind not in ("sign", "word") or self._next.text.lower() != wanted:
            return False
        self._next = self._read()
        return True

    def _demand(self, wanted: str, expected: str) -> None:
        if not self._took(wanted):
            self._expected(expected)

    def _read(self) -> _Token:
        matched = _TOKEN.match(self._text, self._at)
        if matched is None or matched.lastgroup is None:
            rest = self._text[self._at :].lstrip()
            start = len(self._text) - len(rest)
            reason = "this quote is not closed" if rest[0] in "\"'" else f"{rest[0]!r} must be in quotes"
            raise RejectedError(f"at character {start + 1} of the condition: {reason}")
        self._at = matched.end()
        kind = matched.lastgroup
        return _Token(kind, matched[kind], matched.start(kind))

    def _expected(self, expected: str) -> NoReturn:
        token = self._next
        found = "the end" if token.kind == "end" else f"“{token.text[:40]}”"
        message = f"at character {token.start + 1} of the condition: expected {expected}, found {found}"
        hint = "a value of several words, or one that means something here, goes in quotes"
        raise RejectedError(message, hint=hint if token.kind == "word" else "")
