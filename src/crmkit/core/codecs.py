"""From attribute values to scalars and back, by the type an attribute is annotated with."""

from __future__ import annotations

import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from crmkit.core.values.email import Email
from crmkit.core.values.money import Money
from crmkit.core.values.phone import Phone

__all__ = ["Codec", "as_json", "codec_for", "moment_text", "parse_moment", "scalar_json", "to_json"]


@attrs.frozen(kw_only=True)
class Codec:
    """How values of one Python type are checked and stored.

    Attributes:
        parts: The scalars it is stored as: a suffix for the field's name, and the kind.
        parse: From what a person or a file gives to the value; raises ValueError
            with a clause such as "is not a date".
        encode: From the value (or None) to its scalars.
        decode: From the scalars to the value; None when a scalar is the value.
        optional: Whether None is a value.
        choices: The only texts it is stored as; empty when there are others.
        parse_in: Like `parse`, for values that are written differently from country to
            country: takes the ISO 3166 alpha-2 code too. None for all others.
    """

    parts: tuple[tuple[str, str], ...]
    parse: Callable[[Any], Any]
    encode: Callable[[Any], tuple[Any, ...]]
    decode: Callable[..., Any] | None
    optional: bool = False
    choices: tuple[str, ...] = ()
    parse_in: Callable[[Any, str | None], Any] | None = None


def codec_for(annotation: Any, *, owner: str) -> Codec:
    """Return the codec for an annotation such as ``str | None``.

    Raises:
        TypeError: crmkit cannot store that type; names the *owner*.
    """
    codec = _codec_for(annotation)
    if codec is None:
        msg = (
            f"{owner}: crmkit cannot store {annotation!r}; use text, numbers, dates, Money, an Enum, a tuple or a dict"
        )
        raise TypeError(msg)
    return codec


@functools.cache
def _codec_for(annotation: Any) -> Codec | None:
    kind, optional = _without_none(annotation)
    for predicate, build in _CODECS:
        if predicate(kind):
            return attrs.evolve(build(kind), optional=optional)
    return None


def moment_text(moment: datetime) -> str:
    """Return a moment as text whose order is that of time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_moment(value: Any) -> datetime:
    """Return an aware moment in UTC from a datetime or an ISO 8601 text.

    Raises:
        ValueError: It is neither, or says no time zone.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        msg = "is not a moment such as 2026-01-31T09:30:00Z"
        raise ValueError(msg) from None
    if moment.tzinfo is None:
        msg = "has no time zone; write 2026-01-31T09:30:00Z"
        raise ValueError(msg)
    return moment.astimezone(UTC)


def as_json(value: Any) -> Any:
    """Return an attribute value as JSON has it: moments as ISO 8601, money as amount and currency."""
    if isinstance(value, Money):
        return {"amount": f"{value.amount:f}", "currency": value.currency}
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(each) for each in value]
    return value


def to_json(value: Any) -> str:
    """Return canonical JSON: the same value always gives the same text."""
    return _CANONICAL.encode(value)


def scalar_json(value: str | int | None) -> str:
    """Return canonical JSON of one scalar; a quick `to_json`."""
    return "null" if value is None else _quoted(value) if isinstance(value, str) else str(value)


_quoted = json.encoder.encode_basestring
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        if len(members) == 1:
            return members[0], True
    return annotation, False


def _same(value: Any) -> tuple[Any, ...]:
    return (value,)


def _parse_text(value: Any) -> str | None:
    if not isinstance(value, str):
        msg = f"must be text, not {type(value).__name__}"
        raise ValueError(msg)  # one kind of error for the caller to collect
    text = value.strip()
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = "holds a broken character (a lone surrogate)"
        raise ValueError(msg) from None
    if "\0" in text:
        msg = "holds a NUL character"
        raise ValueError(msg)
    return text or None


def _parse_whole(value: Any) -> int:
    if isinstance(value, bool) or (not isinstance(value, (int, str))):
        msg = "must be a whole number"
        raise ValueError(msg)
    try:
        number = int(value)
    except ValueError:
        msg = "is not a whole number"
        raise ValueError(msg) from None
    if not -(2**63) <= number < 2**63:
        msg = "is too large for a whole number"
        raise ValueError(msg)
    return number


_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _parse_truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return _TRUTH[str(value).strip().casefold()]
    except KeyError:
        msg = "is neither yes nor no"
        raise ValueError(msg) from None


def _parse_decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        msg = "must not be a float; write it as text or Decimal"
        raise ValueError(msg)
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        msg = "is not a number"
        raise ValueError(msg) from None
    if not number.is_finite():
        msg = "is not a finite number"
        raise ValueError(msg)
    if abs(number.adjusted()) > _MOST_DIGITS or len(number.as_tuple().digits) > _MOST_DIGITS:
        msg = f"has more than {_MOST_DIGITS} digits"  # 1e999999999 would fill the memory when it is written out
        raise ValueError(msg)
    return number


_MOST_DIGITS = 100


def _decimal_text(value: Decimal | None) -> tuple[str | None]:
    if value is None:
        return (None,)
    # One text per number, so that equality of text is equality of numbers.
    # Not by `normalize`, which rounds to the digits of the ambient context.
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return (text if value else "0",)


def _parse_day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        msg = "is not a day such as 2026-01-31"
        raise ValueError(msg) from None


def _parse_email(value: Any) -> Email:
    try:
        return Email(value)
    except ValueError as error:
        msg = f"{value!r} is no e-mail address: {error}"
        raise ValueError(msg) from None


def _parse_phone(value: Any, region: str | None = None) -> Phone:
    return value if isinstance(value, Phone) else Phone.parse(str(value), region)


def _parse_money(value: Any) -> Money:
    return value if isinstance(value, Money) else Money.parse(str(value))


def _money_scalars(value: Money | None) -> tuple[int | None, str | None]:
    return (None, None) if value is None else (value.minor, value.currency)


def _parse_words(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    return tuple(sorted({text for word in words if (text := _parse_text(word))}))


def _parse_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        msg = "must be a mapping"
        raise ValueError(msg)
    try:
        return typing.cast("dict[str, Any]", json.loads(to_json(dict(value))))
    except (TypeError, ValueError, RecursionError):
        msg = "holds a value that JSON cannot"
        raise ValueError(msg) from None


def _optional(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decode(scalar: Any) -> Any:
        return None if scalar is None else function(scalar)

    return decode


def _simple(
    kind: str,
    parse: Callable[[Any], Any],
    encode: Callable[[Any], tuple[Any, ...]] = _same,
    decode: Callable[[Any], Any] | None = None,
) -> Callable[[Any], Codec]:
    codec = Codec(parts=(("", kind),), parse=parse, encode=encode, decode=decode and _optional(decode))
    return lambda _annotation: codec


def _enum_codec(kind: Any) -> Codec:
    def parse(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            msg = f"must be one of {', '.join(str(member.value) for member in kind)}"
            raise ValueError(msg) from None

    members = {member.value: member for member in kind}
    return Codec(
        parts=(("", "text"),),
        parse=parse,
        encode=lambda value: (None if value is None else value.value,),
        decode=members.get,
        choices=tuple(members) if all(isinstance(value, str) for value in members) else (),
    )


def _is(*wanted: Any) -> Callable[[Any], bool]:
    return lambda kind: kind in wanted


def _origin_is(*wanted: Any) -> Callable[[Any], bool]:
    return lambda kind: typing.get_origin(kind) in wanted


_CODECS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Codec]], ...] = (
    (_is(Email), _simple("text", _parse_email, decode=Email.trusted)),
    (
        _is(Phone),
        lambda _kind: Codec(
            parts=(("", "text"),),
            parse=_parse_phone,
            encode=_same,
            decode=_optional(Phone.trusted),
            parse_in=_parse_phone,
        ),
    ),
    (
        _is(Money),
        lambda _kind: Codec(
            parts=(("_minor", "integer"), ("_currency", "text")),
            parse=_parse_money,
            encode=_money_scalars,
            decode=lambda minor, currency: None if minor is None else Money.from_minor(minor, currency),
        ),
    ),
    (
        lambda kind: isinstance(kind, type) and issubclass(kind, enum.Enum),
        _enum_codec,
    ),
    (_is(str), _simple("text", _parse_text)),
    (_is(bool), _simple("boolean", _parse_truth, lambda v: (None if v is None else int(v),), bool)),
    (_is(int), _simple("integer", _parse_whole)),
    (_is(Decimal), _simple("decimal", _parse_decimal, _decimal_text, Decimal)),
    (
        _is(datetime),
        _simple("moment", parse_moment, lambda v: (None if v is None else moment_text(v),), datetime.fromisoformat),
    ),
    (_is(date), _simple("day", _parse_day, lambda v: (None if v is None else v.isoformat(),), date.fromisoformat)),
    # Empty collections are stored as None, and come back empty rather than None.
    (
        _origin_is(tuple),
        lambda _kind: Codec(
            parts=(("", "json"),),
            parse=_parse_words,
            encode=lambda value: (to_json(list(value)) if value else None,),
            decode=lambda text: tuple(json.loads(text)) if text else (),
        ),
    ),
    (
        _origin_is(dict, Mapping),
        lambda _kind: Codec(
            parts=(("", "json"),),
            parse=_parse_mapping,
            encode=lambda value: (to_json(value) if value else None,),
            decode=lambda text: json.loads(text) if text else {},
        ),
    ),
)
