"""What can be wrong with a conversion or merge: one class each, raised in its case, with its facts; it pickles."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import crmkit
from crmkit import CRM, Context, Demand, Lead, Proposal, Target, Veto, conversion_rule
from crmkit.cli import main
from crmkit.errors import (
    AlreadyConvertedError,
    AmbiguousMatchError,
    ContactNotInAccountError,
    CrmkitError,
    DisqualifiedError,
    MissingFieldsError,
    NotFoundError,
    NotReversibleError,
    OwnerRequiredError,
    RejectedError,
    StageNotInPipelineError,
    StalePlanError,
    VetoedError,
)


@conversion_rule("strict")
def strict(proposal: Proposal, _context: Context) -> Iterator[Demand | Veto]:
    """Say no where a tag asks for it."""
    if "rival" in proposal.lead.tags:
        yield Veto(reason="it is a rival")
    if "owned" in proposal.lead.tags:
        yield Demand(target=Target.CONTACT, field="owner_id", reason="no orphans")
    if "called" in proposal.lead.tags:
        yield Demand(target=Target.CONTACT, field="phone", reason="we call")
        yield Demand(target=Target.ACCOUNT, field="industry", reason="we sort by it")


def jules(crm: CRM, **more: Any) -> Lead:
    return crm.leads.add(**{"first_name": "Jules", "email": "jules@hospy.example", "company": "Hospy", **more})


def not_found(crm: CRM) -> None:
    crm.convert("lead_0")


def already_converted(crm: CRM) -> None:
    lead = jules(crm)
    crm.convert(lead)
    crm.plan_conversion(lead.id)


def disqualified(crm: CRM) -> None:
    crm.convert(jules(crm, status="disqualified", disqualified_reason="spam"))


def stale(crm: CRM) -> None:
    lead = jules(crm)
    plan = crm.plan_conversion(lead)
    crm.leads.update(lead, title="PDG")
    crm.contacts.add(email="jules@hospy.example")
    crm.convert(plan)


def missing(crm: CRM) -> None:
    crm.convert(jules(crm, tags=["called"]))


def not_in_pipeline(crm: CRM) -> None:
    stages: list[dict[str, Any]] = [
        {"key": "a", "title": "A", "default_probability": 10},
        {"key": "won", "title": "Won", "kind": "won"},
    ]
    crm.add_pipeline("other", "Other", [*stages, {"key": "lost", "title": "Lost", "kind": "lost"}])
    stage = crm.stages.one(key="a")
    crm.convert(jules(crm), deal="Screens", deal_values={"stage": stage.id})


def ambiguous(crm: CRM) -> None:
    for name in "AB":
        crm.contacts.add(first_name=name, email="jules@hospy.example")
    crm.convert(jules(crm))


def not_in_account(crm: CRM) -> None:
    one, other = (crm.accounts.add(name=name) for name in ("One", "Other"))
    crm.convert(jules(crm), contact=crm.contacts.add(first_name="Jules", account_id=one), account=other)


def owner_required(crm: CRM) -> None:
    crm.convert(jules(crm, tags=["owned"]))


def not_reversible(crm: CRM) -> None:
    result = crm.convert(jules(crm))
    assert result.conversion is not None
    crm.contacts.update(result.conversion.contact_id, title="PDG")
    crm.undo(result)


def vetoed(crm: CRM) -> None:
    crm.convert(jules(crm, tags=["rival"]))


CASES: list[tuple[Callable[[CRM], None], type[CrmkitError], Callable[[Any], bool]]] = [
    (not_found, NotFoundError, lambda e: (e.kind, e.name) == ("lead", "lead_0")),
    (
        already_converted,
        AlreadyConvertedError,
        lambda e: e.result.outcome == "already" and e.result.conversion.contact_id,
    ),
    (disqualified, DisqualifiedError, lambda e: "spam" in e.reasons[0]),
    (stale, StalePlanError, lambda e: len(e.moved) > 1 and e.moved[0].startswith("lead_")),
    (missing, MissingFieldsError, lambda e: e.fields == ("contact.phone", "account.industry")),
    (not_in_pipeline, StageNotInPipelineError, lambda e: e.reasons == ("A is a stage of another pipeline",)),
    (ambiguous, AmbiguousMatchError, lambda e: [label for _, label, _ in e.candidates] == ["A", "B"]),
    (not_in_account, ContactNotInAccountError, lambda e: "another account than Other" in e.reasons[0]),
    (owner_required, OwnerRequiredError, lambda e: e.fields == ("contact.owner_id",)),
    (not_reversible, NotReversibleError, lambda e: any("title" in each or "Jules" in each for each in e.obstacles)),
    (vetoed, VetoedError, lambda e: (e.plugin, e.rule, e.reasons) == ("strict", "strict", ("it is a rival",))),
]


@pytest.mark.parametrize(("case", "kind", "carries_its_facts"), CASES)
def test_each_case_has_a_class_of_its_own_that_carries_its_facts_and_pickles(
    case: Callable[[CRM], None], kind: type[CrmkitError], carries_its_facts: Callable[[Any], bool]
) -> None:
    crm = crmkit.open("memory:", plugins=[strict], discover=False)

    with pytest.raises(kind) as caught:
        case(crm)

    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own bytes
    assert type(caught.value) is kind
    assert carries_its_facts(caught.value)
    assert carries_its_facts(again)
    assert (str(again), again.hint) == (str(caught.value), caught.value.hint)


def test_all_that_is_wrong_is_said_at_once_whatever_the_classes() -> None:
    crm = crmkit.open("memory:", plugins=[strict], discover=False)
    one, other = (crm.accounts.add(name=name) for name in ("One", "Other"))
    contact = crm.contacts.add(first_name="Jules", account_id=one)
    deal = crm.open_deal("Screens", account=other)
    crm.lose_deal(deal, "price")

    with pytest.raises(RejectedError) as caught:
        crm.convert(jules(crm, tags=["rival", "owned", "called"]), contact=contact, account=other, into_deal=deal.id)

    told = " / ".join(caught.value.reasons)
    for part in ("is closed", "another account than Other", "no owner", "no phone", "no industry", "it is a rival"):
        assert part in told


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("convert", "Nobody"), 4, "there is no lead 'Nobody'"),
        (("convert", "Gone"), 3, "Gone is disqualified (spam); reopen it first"),
        (("convert", "Twin"), 3, "Twin matches several contacts:"),
        (("convert", "Jules", "--plan"), 3, "Jules is converted already"),
        (("convert", "Paul", "--field", "contact.titel=take"), 3, "a contact has no field titel; did you mean title?"),
        (("convert", "Paul", "--field", "title=take"), 3, "'title' is no field of a target; write it as contact.title"),
        (("convert", "Paul", "--into-deal", "Lost"), 3, "the deal Lost is closed; reopen it first"),
        (("merge", "A", "B", "--field", "titel=B"), 3, "a contact has no field 'titel'; did you mean title?"),
    ],
)
def test_the_command_line_says_it_without_a_traceback(
    arguments: tuple[str, ...], code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with crmkit.open("crm.db", create=True, discover=False) as crm:
        crm.convert(jules(crm))
        crm.leads.add(first_name="Gone", status="disqualified", disqualified_reason="spam")
        crm.leads.add(first_name="Paul")
        for name in "AB":
            crm.contacts.add(first_name=name, email="info@hospy.example")
        crm.leads.add(first_name="Twin", email="info@hospy.example")
        crm.lose_deal(crm.open_deal("Lost"), "price")

    result = CliRunner().invoke(main, arguments)

    assert (result.exit_code, result.stderr.splitlines()[0]) == (code, f"Error: {line}")
    assert "Traceback" not in result.output
