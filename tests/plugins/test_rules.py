"""Functions as rules, guards, reports and notifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from crmkit.core.amendments import Amendment, Veto
from crmkit.core.conversion import Proposal
from crmkit.core.ports.notifiers import Notifier, OutgoingMail, Receipt
from crmkit.core.ports.plugins import Context, ConversionRule, Report, ReportPage, StageGuard, StageMove
from crmkit.errors import PluginError, RejectedError
from crmkit.plugins.rules import conversion_rule, notifier, report, stage_guard

NOTHING: Any = None  # stands for a proposal, move or context that the function does not look at
PAGE = ReportPage(title="Leads", columns=("leads",), rows=((100,),))
MAIL = OutgoingMail(record_id="message_1", message_id="m@x", sender="a@x.fr", to="b@x.fr", subject="Merci", text="…")


@conversion_rule("no-students")
def no_students(_proposal: Proposal, _context: Context) -> Iterator[Amendment]:
    """Students are not converted."""
    yield Veto(reason="a student")


@stage_guard("amount-known")
def amount_known(_move: StageMove, _context: Context) -> Iterable[str]:
    return ["the amount is missing"]


@report("leads", options={"since": "the first day"})
def leads(_context: Context, _options: Mapping[str, str]) -> ReportPage:
    """How many leads there are.

    And more about it.
    """
    return PAGE


@notifier("pigeon", summary="by pigeon")
def pigeon(mails: Sequence[OutgoingMail], _options: Mapping[str, str]) -> Sequence[Receipt]:
    return [Receipt(record_id=mail.record_id, sent=True) for mail in mails]


def test_functions_become_what_crmkit_asks_for() -> None:
    rule: ConversionRule = no_students
    guard: StageGuard = amount_known
    leads_report: Report = leads
    pigeons: Notifier = pigeon

    assert (rule.name, list(rule.amend(NOTHING, NOTHING))) == ("no-students", [Veto(reason="a student")])
    assert (guard.name, list(guard.check(NOTHING, NOTHING))) == ("amount-known", ["the amount is missing"])
    assert (leads_report.name, leads_report.compute(NOTHING, {})) == ("leads", PAGE)
    assert leads_report.options == {"since": "the first day"}
    assert (pigeons.name, pigeons.summary) == ("pigeon", "by pigeon")
    assert [receipt.record_id for receipt in pigeons.deliver([MAIL], {})] == ["message_1"]


def test_functions_can_still_be_called() -> None:
    assert list(no_students(NOTHING, NOTHING)) == [Veto(reason="a student")]
    assert amount_known(NOTHING, NOTHING) == ["the amount is missing"]
    assert leads(NOTHING, {}) is PAGE
    assert no_students.__doc__ == "Students are not converted."


def test_summary_is_the_first_line_of_the_docstring_unless_another_is_given() -> None:
    assert leads.summary == "How many leads there are."


def test_report_refuses_all_options_that_it_does_not_know() -> None:
    with pytest.raises(RejectedError) as caught:
        leads.compute(NOTHING, {"since": "2026-01-01", "until": "2026-02-01", "by": "day"})

    assert caught.value.reasons == (
        "the report leads has no option 'until'",
        "the report leads has no option 'by'",
    )
    assert caught.value.hint == "it has since"


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (None, "returned NoneType instead of a list"),
        ("the amount is missing", "returned str instead of a list"),
        ([7], "returned int instead of a reason as text"),
    ],
)
def test_guard_that_returns_something_else_does_not_let_everything_pass(result: Any, complaint: str) -> None:
    guard = stage_guard("strange")(lambda _move, _context: result)

    with pytest.raises(TypeError, match=complaint):
        guard.check(NOTHING, NOTHING)


def test_rule_report_and_notifier_that_return_something_else_are_told_so() -> None:
    any_result: Any = lambda *_: ["text"]  # noqa: E731  # wrong for all three

    with pytest.raises(TypeError, match="str instead of an amendment"):
        conversion_rule("strange")(any_result).amend(NOTHING, NOTHING)
    with pytest.raises(TypeError, match="list instead of a ReportPage"):
        report("strange")(any_result).compute(NOTHING, {})
    with pytest.raises(TypeError, match="str instead of a Receipt"):
        notifier("strange")(any_result).deliver([], {})


@pytest.mark.parametrize("decorator", [conversion_rule, stage_guard, report, notifier])
def test_decorator_without_a_name_says_how_it_is_written(decorator: Callable[[Any], object]) -> None:
    with pytest.raises(PluginError, match=f'write @{decorator.__name__}\\("name"\\)'):
        decorator(lambda *_: [])


@pytest.mark.parametrize("decorator", [conversion_rule, stage_guard, report, notifier])
def test_async_function_is_refused_at_once(decorator: Callable[[str], Callable[[Any], object]]) -> None:
    async def later(*_: object) -> list[str]:
        return []

    with pytest.raises(PluginError, match="later is async"):
        decorator("later")(later)
