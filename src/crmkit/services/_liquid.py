"""Liquid as crmkit allows it: bounded, without files, without a clock.

Importing this module imports Liquid and Babel; `crmkit.services.templates` does
so when the first template is compiled. Beyond Liquid's own limits, one budget
pays for everything that a render does, because Liquid bounds what is *written*
but not what a filter makes on the way: three chained ``replace`` can ask for
more memory than any machine has.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from babel import UnknownLocaleError, numbers
from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, Empty, Nil, StringLiteral
from liquid.exceptions import FilterArgumentError, FilterError, LiquidError, ResourceLimitError
from liquid.extra import Currency, DateTime, Number
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.token import Token
from liquid.undefined import UNDEFINED, is_undefined

__all__ = ["environment"]

LOOP_LIMIT: Final = 2_000
"""How many iterations one render may do, all loops together."""

WORK_LIMIT: Final = 2_000_000
"""How many characters and list items filters and assignments may handle in one render."""

OUTPUT_LIMIT: Final = 500_000
"""How many bytes one part of a message may have."""

_DIGITS_LIMIT: Final = 30
_BITS_LIMIT: Final = 10_000  # Python refuses to print more than 4,300 digits


@cache
def environment(*, autoescape: bool) -> Environment:
    """Return the environment for HTML (*autoescape*) or for plain text."""
    env = _Environment(autoescape=autoescape)
    for tag in ("include", "render"):  # templates come from the workspace, never from files
        del env.tags[tag]
    del env.filters["safe"]  # a value must never reach HTML as it is
    env.filters |= {
        "money": _Money(Currency()),
        "datetime": _blank_stays_blank(DateTime()),
        "decimal": _blank_stays_blank(Number()),
    }
    env.filters = {name: _paid(name, function) for name, function in env.filters.items()}
    return env


class _Context(RenderContext):
    """A render that pays for what it does."""

    __slots__ = ("iterations", "work")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.iterations = 0
        self.work = 0

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        # What is blank counts as missing, else {% if lead.company %} would be true for an empty text.
        value = super().get(path, token=token, default=default)
        if value in (None, [], (), {}) or (isinstance(value, str) and not value.strip()):
            return self.env.undefined(str(path[0]), token=token)
        return value

    def spend(self, amount: int) -> None:
        self.work += amount
        if self.work > WORK_LIMIT:
            raise ResourceLimitError("the template handles too much text", token=None)

    def assign(self, key: str, val: Any) -> None:
        self.spend(_weight(val))
        self.locals[key] = val

    def raise_for_loop_limit(self, length: int = 1) -> None:
        # Liquid multiplies the loops it is in; this also adds up those that are over.
        self.iterations += length
        if self.iterations > LOOP_LIMIT:
            raise ResourceLimitError(f"the template loops more than {LOOP_LIMIT} times", token=None)


class _Template(BoundTemplate):
    context_class = _Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        static = _Context(self)
        for node in self.nodes:
            _ask_for_nil(node, static)


def _ask_for_nil(node: Node, static: RenderContext) -> None:
    """Turn ``== blank``, ``== empty`` and ``== ""`` into ``== nil``, which all blank values are here."""
    expressions = list(node.expressions())
    for expression in expressions:  # grows while it is walked
        if isinstance(expression, EqExpression | NeExpression):
            for side in ("left", "right"):
                operand = getattr(expression, side)
                if isinstance(operand, Blank | Empty) or (isinstance(operand, StringLiteral) and not operand.value):
                    setattr(expression, side, Nil(expression.token))
        expressions += expression.children()
    for child in node.children(static, include_partials=False):
        _ask_for_nil(child, static)


class _Environment(Environment):
    template_class = _Template
    block_nesting_limit = 20
    context_depth_limit = 20
    output_stream_limit = OUTPUT_LIMIT

    def _parse(self, source: str) -> list[Node]:
        stream = TokenStream(self.tokenizer()(source))
        try:
            return get_parser(self).parse(stream)
        except LiquidError as error:
            if error.token is None or error.token.start_index < 0:  # the end of a tag or of the template
                at = stream.current
                index = at.start_index if at.start_index >= 0 else max(len(source) - 1, 0)
                error.token = Token(at.kind, at.value, index, source)
            raise


class _Money:
    """``{{ campaign.budget | money: "EUR" }}``: never a currency by guess."""

    def __init__(self, currency: Currency) -> None:
        self.format = _blank_stays_blank(currency)

    with_context = True

    def __call__(self, left: object, code: object = None, *, context: RenderContext) -> object:
        code = code or context.resolve("currency_code", default=None)
        if not isinstance(code, str) or code not in _currencies():
            raise FilterArgumentError('say the currency, as in: money: "EUR"', token=None)
        with context.extend({"currency_code": code}):
            return self.format(left, context=context)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(numbers.list_currencies())


def _blank_stays_blank(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a missing value back as nothing, where Babel would say 0 or refuse."""

    def format_unless_blank(left: object, *args: object, **kwargs: object) -> object:
        if left is None or is_undefined(left) or (isinstance(left, str) and not left.strip()):
            return ""
        if not isinstance(function, DateTime):
            left = _number(left)
        return function(left, *args, **kwargs)

    format_unless_blank.with_context = True  # type: ignore[attr-defined]  # how Liquid marks its filters
    return format_unless_blank


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise FilterArgumentError(f"{str(value)[:40]!r} is not a number", token=None) from None
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS_LIMIT:  # 1e999999999 would be written out
        raise FilterArgumentError(f"{str(value)[:40]!r} is not a number of a sensible size", token=None)
    return number


def _paid(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter pay from the budget for what it takes in and gives out."""
    needs_context = getattr(function, "with_context", False)
    needs_environment = getattr(function, "with_environment", False)

    def paid(left: object, *args: object, context: _Context, **kwargs: object) -> object:
        if name in ("date", "datetime") and left in ("now", "today"):
            raise FilterArgumentError("a template has no clock: hand the moment in as a value", token=None)
        context.spend(1 + _weight(left) + sum(map(_weight, args)) + _growth(name, left, args))
        if needs_context:
            kwargs["context"] = context
        if needs_environment:
            kwargs["environment"] = context.env
        try:
            result = function(left, *args, **kwargs)
        except LiquidError:
            raise
        except (ArithmeticError, LookupError, ValueError, AttributeError, UnknownLocaleError) as error:
            raise FilterError(f"{name}: {error}", token=None) from error
        context.spend(_weight(result))
        return result

    paid.with_context = True  # type: ignore[attr-defined]  # how Liquid marks its filters
    return paid


def _weight(value: object) -> int:
    match value:
        case str():
            return len(value)
        case list() | tuple():
            return len(value) + sum(map(_weight, value))
        case range():
            return max(value.stop - value.start, 0)  # len() fails beyond 2**63
        case bool():
            return 1
        case int():
            return value.bit_length() if value.bit_length() < _BITS_LIMIT else WORK_LIMIT + 1
        case _:
            return 1


def _growth(name: str, left: object, args: tuple[object, ...]) -> int:
    """Say how much the filters that multiply are about to make."""
    if name == "replace" and len(args) > 1:
        return str(left).count(str(args[0])) * len(str(args[1]))
    if name == "join" and isinstance(left, list | tuple | range):
        return (_weight(left) + 1) * len(str(args[0] if args else " "))
    return 0
