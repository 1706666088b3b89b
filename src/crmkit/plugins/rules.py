"""The short form of rules, guards, reports, notifiers and kinds of lead source: functions.

What stands at the top of a plugin's module is found there, so this is a whole plugin::

    @stage_guard("amount-known")
    def amount_known(move: StageMove, context: Context) -> Iterator[str]:
        if move.to_stage.key == "negotiation" and move.deal.amount is None:
            yield "a negotiation needs an amount"

What a decorator makes can still be called like the function.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, get_args

from crmkit.core.amendments import Amendment
from crmkit.core.conversion import Proposal
from crmkit.core.lead import Lead
from crmkit.core.ports.notifiers import OutgoingMail, Receipt
from crmkit.core.ports.plugins import Context, Match, ReportPage, StageMove
from crmkit.core.ports.pulling import Batch, PassedOver
from crmkit.core.settling import MergeAmendment, MergeProposal
from crmkit.errors import PluginError, RejectedError

__all__ = [
    "FunctionGuard",
    "FunctionLeadSource",
    "FunctionMatcher",
    "FunctionMergeRule",
    "FunctionNotifier",
    "FunctionReport",
    "FunctionRule",
    "conversion_rule",
    "lead_matcher",
    "lead_source",
    "merge_rule",
    "notifier",
    "report",
    "stage_guard",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def conversion_rule(name: str) -> Callable[[Callable[[Proposal, Context], Iterable[Amendment]]], FunctionRule]:
    """Make a conversion rule of a function from a proposal to amendments.

    It returns or yields the amendments; none means "fine with me". See `ConversionRule.amend`.

    Args:
        name: Unique; written beside each value it decides.
    """
    _check_used_with_name(conversion_rule, name)
    return functools.partial(FunctionRule, name)


def merge_rule(
    name: str,
) -> Callable[[Callable[[MergeProposal, Context], Iterable[MergeAmendment]]], FunctionMergeRule]:
    """Make a merge rule of a function from a proposal to amendments.

    It returns or yields the amendments; none means "fine with me". See `MergeRule.amend_merge`.

    Args:
        name: Unique; written beside each value it decides.
    """
    _check_used_with_name(merge_rule, name)
    return functools.partial(FunctionMergeRule, name)


def lead_matcher(name: str) -> Callable[[Callable[[Sequence[Lead], Context], Iterable[Match]]], FunctionMatcher]:
    """Make a matcher of a function from leads to contacts and accounts that they may stand for.

    It returns or yields matches; none means "I know nobody". See `LeadMatcher.match`.

    Args:
        name: Unique; named when it fails.
    """
    _check_used_with_name(lead_matcher, name)
    return functools.partial(FunctionMatcher, name)


def stage_guard(name: str) -> Callable[[Callable[[StageMove, Context], Iterable[str]]], FunctionGuard]:
    """Make a stage guard of a function from a move to the reasons against it.

    It returns or yields the reasons; none lets the move pass. See `StageGuard.check`.

    Args:
        name: Unique; named when it refuses.
    """
    _check_used_with_name(stage_guard, name)
    return functools.partial(FunctionGuard, name)


def report(
    name: str, *, summary: str = "", options: Mapping[str, str] | None = None
) -> Callable[[Callable[[Context, Mapping[str, str]], ReportPage]], FunctionReport]:
    """Make a report of a function from a view and options to a page. See `Report.compute`.

    Args:
        name: Unique; the word after ``crmkit report``.
        summary: One line for a list; the first line of the function's docstring by default.
        options: The names it accepts, each with one line of help.
    """
    _check_used_with_name(report, name)
    return functools.partial(FunctionReport, name, summary=summary, options=options or {})


def notifier(
    name: str, *, summary: str = ""
) -> Callable[[Callable[[Sequence[OutgoingMail], Mapping[str, str]], Iterable[Receipt]]], FunctionNotifier]:
    """Make a notifier of a function from mails and options to receipts. See `Notifier.deliver`.

    Args:
        name: Unique, lower case.
        summary: One line for a list; the first line of the function's docstring by default.
    """
    _check_used_with_name(notifier, name)
    return functools.partial(FunctionNotifier, name, summary=summary)


Pulled = Iterable[Batch | PassedOver]


def lead_source(
    name: str, *, summary: str = "", settings: Mapping[str, str] | None = None
) -> Callable[[Callable[[str | None, Mapping[str, str]], Pulled]], FunctionLeadSource]:
    """Make a kind of lead source of a function from a cursor and settings to batches.

    It yields the batches, one after the other; see `LeadSourceKind.pull`.

    Args:
        name: Unique; the word after ``crmkit sources add NAME``.
        summary: One line for a list; the first line of the function's docstring by default.
        settings: The settings it takes, each with one line of help.
    """
    _check_used_with_name(lead_source, name)
    return functools.partial(FunctionLeadSource, name, summary=summary, settings=settings or {})


class _Named(Generic[P, R]):
    """A function with the name and summary that crmkit knows it by."""

    def __init__(self, name: str, function: Callable[P, R], *, summary: str = "") -> None:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise PluginError(
                f"{function.__name__} is async",
                plugin=name,
                hint="write def; crmkit is synchronous, asyncio.run can be called inside",
            )
        functools.update_wrapper(self, function)
        self.name = name
        self.summary = summary or next(iter((function.__doc__ or "").splitlines()), "")
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return self._function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class FunctionRule(_Named[[Proposal, Context], Iterable[Amendment]]):
    """A conversion rule made of a function."""

    def amend(self, proposal: Proposal, context: Context) -> Iterable[Amendment]:
        """Return what the function returned or yielded."""
        return _all_of(get_args(Amendment), "an amendment", self._function(proposal, context))


class FunctionMergeRule(_Named[[MergeProposal, Context], Iterable[MergeAmendment]]):
    """A merge rule made of a function."""

    def amend_merge(self, proposal: MergeProposal, context: Context) -> Iterable[MergeAmendment]:
        """Return what the function returned or yielded."""
        return _all_of(get_args(MergeAmendment), "an amendment of a merge", self._function(proposal, context))


class FunctionMatcher(_Named[[Sequence[Lead], Context], Iterable[Match]]):
    """A lead matcher made of a function."""

    def match(self, leads: Sequence[Lead], context: Context) -> Iterable[Match]:
        """Return what the function returned or yielded."""
        return _all_of((Match,), "a Match", self._function(leads, context))


class FunctionGuard(_Named[[StageMove, Context], Iterable[str]]):
    """A stage guard made of a function."""

    def check(self, move: StageMove, context: Context) -> Iterable[str]:
        """Return what the function returned or yielded."""
        return _all_of((str,), "a reason as text", self._function(move, context))


class FunctionReport(_Named[[Context, Mapping[str, str]], ReportPage]):
    """A report made of a function."""

    def __init__(
        self,
        name: str,
        function: Callable[[Context, Mapping[str, str]], ReportPage],
        *,
        summary: str = "",
        options: Mapping[str, str],
    ) -> None:
        super().__init__(name, function, summary=summary)
        self.options = options

    def compute(self, context: Context, options: Mapping[str, str]) -> ReportPage:
        """Return the page that the function returned.

        Raises:
            RejectedError: There is an option that the report does not know.
        """
        if unknown := [
            f"the report {self.name} has no option {name!r}" for name in options if name not in self.options
        ]:
            raise RejectedError(unknown, hint=f"it has {', '.join(self.options) or 'no options'}")
        page: object = self._function(context, options)
        if not isinstance(page, ReportPage):
            raise TypeError(f"it returned {type(page).__name__} instead of a ReportPage")
        return page


class FunctionNotifier(_Named[[Sequence[OutgoingMail], Mapping[str, str]], Iterable[Receipt]]):
    """A notifier made of a function."""

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        """Return the receipts that the function returned or yielded."""
        return _all_of((Receipt,), "a Receipt", self._function(mails, options))


class FunctionLeadSource(_Named[[str | None, Mapping[str, str]], Pulled]):
    """A kind of lead source made of a function."""

    def __init__(
        self,
        name: str,
        function: Callable[[str | None, Mapping[str, str]], Pulled],
        *,
        summary: str = "",
        settings: Mapping[str, str],
    ) -> None:
        super().__init__(name, function, summary=summary)
        self.settings = settings

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Pulled:
        """Return what the function returned or yields, not a batch of which is asked for before its turn."""
        return self._function(cursor, settings)


def _check_used_with_name(decorator: Callable[..., object], name: object) -> None:
    if callable(name):
        usage = f'write @{decorator.__name__}("name")'
        raise PluginError(usage, plugin=getattr(name, "__name__", repr(name)), hook=decorator.__name__)


def _all_of(types: tuple[type[Any], ...], what: str, results: Iterable[T]) -> list[T]:
    """Return the results as a list, which runs a generator here, where the plugin takes the blame.

    A function that forgets its ``return`` would let everything pass, and a bare text is an
    iterable of its letters: so both are errors.
    """
    if isinstance(results, str) or not isinstance(results, Iterable):
        raise TypeError(f"it returned {type(results).__name__} instead of a list; return a list, or yield {what}")
    found = list(results)
    for result in found:
        if not isinstance(result, types):
            raise TypeError(f"it returned {type(result).__name__} instead of {what}")
    return found
