"""Conversion: planned, lossless, once, into what is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.activity import ActivityKind
from crmkit.core.amendments import Choose, Demand, Drop, SetField, Veto
from crmkit.core.conversion import MAPPING, Action, Proposal, Target, business_values
from crmkit.core.declarations import fields_of, value_of
from crmkit.core.declare import custom_fields
from crmkit.core.lead import LeadStatus
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.plugins import Context, NoExtensions
from crmkit.core.values import Money
from crmkit.errors import (
    AlreadyConvertedError,
    AmbiguousMatchError,
    ContactNotInAccountError,
    DisqualifiedError,
    MissingFieldsError,
    NotFoundError,
    OwnerRequiredError,
    PluginError,
    RejectedError,
    StalePlanError,
    VetoedError,
)
from crmkit.services.activities import log_activity
from crmkit.services.convert import (
    ConversionOptions,
    convert_lead,
    convert_leads,
    convert_planned,
    plan_conversion,
)
from crmkit.services.edit import update_records
from crmkit.services.operations import Request, run
from crmkit.services.pipelines import plan_default_pipeline
from crmkit.services.timeline import timeline
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.test_edit import add, dump


def jules(workspace: Workspace, **more: Any) -> Any:
    values = {
        "first_name": "Jules",
        "last_name": "ETIENNE",
        "company": "Hospy Médias",
        "email": "jules.etienne@hospy-medias.example",
        "title": "Directeur",
        **more,
    }
    return add(workspace, "lead", **values)


def load(workspace: Workspace, record_id: str | None) -> Any:
    assert record_id is not None
    return workspace.load_many(workspace.schema.type_of(record_id).name, [record_id])[0]


class Rule:
    """A conversion rule from a function."""

    def __init__(self, name: str, function: Callable[[Proposal], Iterable[Any]]) -> None:
        self.name = name
        self._function = function

    def amend(self, proposal: Proposal, context: Context) -> Iterable[Any]:  # part of the protocol
        return self._function(proposal)


def with_rules(workspace: Workspace, *functions: Callable[[Proposal], Iterable[Any]]) -> Workspace:
    extensions = NoExtensions()
    extensions.conversion_rules = tuple(
        Contribution(plugin="acme", version="1.2", hook="crmkit_conversion_rules", item=Rule(f"rule-{i}", function))
        for i, function in enumerate(functions, 1)
    )
    return attrs.evolve(workspace, extensions=extensions)


def test_a_lead_becomes_a_contact_and_its_company_an_account(workspace: Workspace) -> None:
    lead = jules(workspace)

    result = convert_lead(workspace, lead).value

    assert result.outcome == "converted"
    assert result.conversion is not None
    contact, account = load(workspace, result.conversion.contact_id), load(workspace, result.conversion.account_id)
    assert (contact.name, contact.email, contact.title) == ("Jules ETIENNE", lead.email, "Directeur")
    assert (account.name, account.domain) == ("Hospy Médias", "hospy-medias.example")
    assert contact.account_id == account.id
    converted = load(workspace, lead.id)
    assert (converted.status, converted.conversion_id) == (LeadStatus.CONVERTED, result.conversion.id)


def test_the_plan_tells_each_field_with_old_new_action_reason_and_rule(workspace: Workspace) -> None:
    add(workspace, "account", name="HOSPY MEDIAS SARL", city="Lyon")
    lead = jules(workspace, website="https://hospy.example", score=70)

    plan = plan_conversion(workspace, lead)

    told = {(f.target.value, f.field): (f.old, f.new, f.action, f.rule) for f in plan.fields}
    assert told[("contact", "title")] == (None, "Directeur", Action.CREATE, "default")
    assert told[("account", "name")] == ("HOSPY MEDIAS SARL", "HOSPY MEDIAS SARL", Action.KEEP, "default")
    assert told[("account", "website")] == (None, "https://hospy.example", Action.FILL, "default")
    assert plan.unmapped["score"] == 70
    assert [(c.target, c.evidence) for c in plan.candidates] == [(Target.ACCOUNT, ("name Hospy Médias",))]
    assert all(f.reason for f in plan.fields)


def test_planning_writes_nothing(workspace: Workspace) -> None:
    lead = jules(workspace)
    before = dump(workspace)

    plan_conversion(workspace, lead)

    assert dump(workspace) == before


def test_a_plan_is_applied_just_as_it_is(workspace: Workspace) -> None:
    lead = jules(workspace)
    plan = plan_conversion(workspace, lead)

    result = convert_planned(workspace, plan).value

    assert result.operation_id == plan.changes.operation_id
    created = {created.type: created.ids for created in plan.changes.creates}
    assert result.conversion is not None
    assert (result.conversion.contact_id,) == tuple(created["contact"])


def test_a_plan_whose_lead_has_changed_is_refused_and_names_it(workspace: Workspace) -> None:
    lead = jules(workspace)
    plan = plan_conversion(workspace, lead)
    update_records(workspace, "lead", [lead], {"title": "PDG"})
    before = dump(workspace)

    with pytest.raises(StalePlanError, match=lead.id):
        convert_planned(workspace, plan)

    assert dump(workspace) == before


def test_a_plan_that_found_nobody_is_refused_when_somebody_has_appeared(workspace: Workspace) -> None:
    lead = jules(workspace)
    plan = plan_conversion(workspace, lead)
    add(workspace, "contact", email=lead.email)

    with pytest.raises(StalePlanError):
        convert_planned(workspace, plan)


def test_converting_twice_gives_the_first_result_and_changes_nothing(workspace: Workspace) -> None:
    lead = jules(workspace)
    first = convert_lead(workspace, lead).value
    before = dump(workspace)

    again = convert_lead(workspace, lead.id).value

    assert again.outcome == "already"
    assert again.conversion == first.conversion
    assert dump(workspace) == before


def test_a_colleague_joins_the_same_account(workspace: Workspace) -> None:
    first = convert_lead(workspace, jules(workspace)).value
    colleague = add(
        workspace, "lead", first_name="Marie", company="hospy medias SARL", email="marie@hospy-medias.example"
    )

    second = convert_lead(workspace, colleague).value

    assert first.conversion is not None
    assert second.conversion is not None
    assert second.conversion.account_id == first.conversion.account_id
    assert second.conversion.created == ("contact",)


def test_two_leads_of_one_company_in_one_batch_make_one_account(workspace: Workspace) -> None:
    leads = [jules(workspace), add(workspace, "lead", first_name="Marie", company="Hospy Medias")]

    results = convert_leads(workspace, leads).value

    assert [r.outcome for r in results] == ["converted", "converted"]
    assert len({r.conversion.account_id for r in results if r.conversion}) == 1
    assert len(dump(workspace)["account"]) == 1


def test_an_existing_contact_is_filled_where_it_is_empty_and_never_overwritten(workspace: Workspace) -> None:
    contact = add(workspace, "contact", first_name="Jules", email="jules.etienne@hospy-medias.example", title="PDG")
    lead = jules(workspace, city="Lyon", tags=["vip"])

    result = convert_lead(workspace, lead).value

    joined = load(workspace, contact.id)
    assert result.conversion is not None
    assert result.conversion.contact_id == contact.id
    assert (joined.title, joined.last_name, joined.city, joined.tags) == ("PDG", "ETIENNE", "Lyon", ("vip",))
    assert result.conversion.unmapped["title"] == "Directeur"


def test_a_person_is_never_matched_by_name_alone(workspace: Workspace) -> None:
    add(workspace, "contact", first_name="Jules", last_name="Etienne", phone="+33142685300")

    result = convert_lead(workspace, jules(workspace, phone="+33142685301")).value

    assert result.conversion is not None
    assert result.conversion.created == ("account", "contact")


def test_a_person_is_matched_by_phone_and_name(workspace: Workspace) -> None:
    contact = add(workspace, "contact", first_name="Jules", last_name="Etienne", phone="+33142685300")

    result = convert_lead(workspace, jules(workspace, email=None, mobile="+33142685300")).value

    assert result.conversion is not None
    assert result.conversion.contact_id == contact.id


def test_a_further_address_of_a_contact_matches_too(workspace: Workspace) -> None:
    contact = add(workspace, "contact", first_name="Jules")
    add(workspace, "contact_point", person_id=contact, kind="email", value="jules.etienne@hospy-medias.example")

    result = convert_lead(workspace, jules(workspace)).value

    assert result.conversion is not None
    assert result.conversion.contact_id == contact.id


def test_a_free_mail_domain_is_no_company(workspace: Workspace) -> None:
    add(workspace, "account", name="Somebody", domain="gmail.com")
    lead = add(workspace, "lead", first_name="Ada", company="Lovelace", email="ada@gmail.com")

    result = convert_lead(workspace, lead).value

    assert result.conversion is not None
    account = load(workspace, result.conversion.account_id)
    assert (account.name, account.domain) == ("Lovelace", None)


def test_several_candidates_are_an_error_that_lists_them(workspace: Workspace) -> None:
    twins = [add(workspace, "contact", first_name=name, email="info@hospy-medias.example") for name in ("A", "B")]
    lead = jules(workspace, email="info@hospy-medias.example")
    before = dump(workspace)

    with pytest.raises(AmbiguousMatchError) as caught:
        convert_lead(workspace, lead)

    assert [candidate[0] for candidate in caught.value.candidates] == [twin.id for twin in twins]
    assert dump(workspace) == before


def test_the_person_who_converts_can_choose(workspace: Workspace) -> None:
    for name in ("A", "B"):
        twin = add(workspace, "contact", first_name=name, email="info@hospy-medias.example")

    result = convert_lead(
        workspace,
        jules(workspace, email="info@hospy-medias.example"),
        options=ConversionOptions(contact=twin.id, with_account=False),
    ).value

    assert result.conversion is not None
    assert (result.conversion.contact_id, result.conversion.account_id) == (twin.id, None)


def test_a_contact_of_another_account_is_refused(workspace: Workspace) -> None:
    one, other = (add(workspace, "account", name=name) for name in ("One", "Other"))
    contact = add(workspace, "contact", first_name="Jules", account_id=one)

    with pytest.raises(RejectedError, match="belongs to another account than Other"):
        convert_lead(workspace, jules(workspace), options=ConversionOptions(contact=contact.id, account=other.id))


def test_a_lead_without_company_becomes_a_contact_alone(workspace: Workspace) -> None:
    result = convert_lead(workspace, add(workspace, "lead", first_name="Ada", email="ada@gmail.com")).value

    assert result.conversion is not None
    assert (result.conversion.account_id, result.conversion.created) == (None, ("contact",))


def test_all_that_is_wrong_is_said_before_anything_is_written(workspace: Workspace) -> None:
    lead = add(workspace, "lead", company="Hospy Médias", status="disqualified", disqualified_reason="spam")

    with pytest.raises(RejectedError) as caught:
        convert_lead(workspace, lead)

    assert caught.value.reasons == (
        f"{lead.id} is disqualified (spam); reopen it first",
        "the lead has no name, e-mail address or phone number to make a contact of",
    )


def test_a_lead_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        convert_lead(workspace, "lead_0")


def test_what_hung_on_the_lead_is_linked_to_the_new_records_too(workspace: Workspace) -> None:
    campaign = add(workspace, "campaign", name="Salon")
    lead = jules(workspace, campaign_id=campaign)
    log_activity(workspace, ActivityKind.CALL, "He is interested", about=[lead])
    add(workspace, "contact_point", person_id=lead, kind="phone", value="+33142685300")

    result = convert_lead(workspace, lead).value

    assert result.conversion is not None
    for record_id in (lead.id, result.conversion.contact_id, result.conversion.account_id):
        assert record_id is not None
        assert any(entry.text == "He is interested" for entry in timeline(workspace, record_id))
    with workspace.storage.read() as view:
        members = view.lookup("campaign_member", "person_id", [lead.id, result.conversion.contact_id])
        points = view.lookup("contact_point", "person_id", [lead.id, result.conversion.contact_id])
    assert len(members) == len(points) == 2
    assert "campaign_id" not in result.conversion.unmapped


def test_a_deal_is_opened_with_the_conversion_when_asked(workspace: Workspace) -> None:
    run(workspace, Request(kind="begin"), lambda p: {"id": str(plan_default_pipeline(p))}, lambda _v, _r: None)

    result = convert_lead(
        workspace, jules(workspace), options=ConversionOptions(deal="Screens", deal_values={"amount": "12000 EUR"})
    ).value

    assert result.conversion is not None
    deal = load(workspace, result.conversion.deal_id)
    assert (deal.name, str(deal.amount), deal.account_id) == ("Screens", "12000.00 EUR", result.conversion.account_id)
    assert result.conversion.created == ("account", "contact", "deal")


def test_a_bulk_gives_one_result_for_each_lead(workspace: Workspace) -> None:
    for name in ("A", "B"):
        add(workspace, "contact", first_name=name, email="info@acme.example")
    done = jules(workspace)
    convert_lead(workspace, done)
    leads = [
        add(workspace, "lead", first_name="New"),
        done,
        add(workspace, "lead", first_name="Info", email="info@acme.example"),
        add(workspace, "lead", first_name="Gone", status="disqualified", disqualified_reason="spam"),
    ]

    results = convert_leads(workspace, [lead.id for lead in leads]).value

    assert [r.outcome for r in results] == ["converted", "already", "ambiguous", "refused"]
    assert [r.lead_id for r in results] == [lead.id for lead in leads]
    assert results[3].reasons == ("Gone is disqualified (spam); reopen it first",)


def test_all_or_nothing_refuses_all_and_names_each(workspace: Workspace) -> None:
    good = jules(workspace)
    bad = [add(workspace, "lead", first_name=name, status="disqualified", disqualified_reason="spam") for name in "AB"]
    before = dump(workspace)

    with pytest.raises(RejectedError) as caught:
        convert_leads(workspace, [good, *bad], all_or_nothing=True)

    assert len(caught.value.reasons) == 2
    assert dump(workspace) == before


def test_a_rule_sets_a_value_and_is_named_beside_it(workspace: Workspace) -> None:
    ruled = with_rules(
        workspace,
        lambda _p: [SetField(target=Target.ACCOUNT, field="industry", value="health", reason="a hospital show")],
    )

    result = convert_lead(ruled, jules(ruled)).value

    assert result.conversion is not None
    assert load(workspace, result.conversion.account_id).industry == "health"
    assert result.conversion.decided["account.industry"] == ["create", "rule-1", None]


def test_of_two_rules_for_one_field_the_later_wins_and_says_so(workspace: Workspace) -> None:
    ruled = with_rules(
        workspace,
        lambda _p: [SetField(target=Target.CONTACT, field="title", value="CEO", reason="one")],
        lambda _p: [SetField(target=Target.CONTACT, field="title", value="CTO", reason="two")],
    )

    plan = plan_conversion(ruled, jules(ruled))

    title = next(f for f in plan.fields if f.field == "title")
    assert (title.new, title.rule, title.reason) == ("CTO", "rule-2", "two, instead of rule rule-1")
    assert plan.unmapped["title"] == "Directeur"


def test_a_rule_vetoes_with_its_reason(workspace: Workspace) -> None:
    ruled = with_rules(workspace, lambda _p: [Veto(reason="nobody converts on Sundays")])
    lead = jules(ruled)

    with pytest.raises(VetoedError, match="nobody converts on Sundays") as caught:
        convert_lead(ruled, lead)

    assert (caught.value.plugin, caught.value.rule) == ("acme", "rule-1")


def test_a_rule_demands_a_field(workspace: Workspace) -> None:
    ruled = with_rules(workspace, lambda _p: [Demand(target=Target.CONTACT, field="phone", reason="we call first")])

    with pytest.raises(RejectedError, match="the contact has no phone: we call first"):
        convert_lead(ruled, jules(ruled))


def test_a_demand_is_met_by_what_the_contact_has_already(workspace: Workspace) -> None:
    add(workspace, "contact", email="jules.etienne@hospy-medias.example", phone="+33142685300")
    ruled = with_rules(workspace, lambda _p: [Demand(target=Target.CONTACT, field="phone", reason="we call first")])

    assert convert_lead(ruled, jules(ruled)).value.outcome == "converted"


def test_a_rule_drops_a_field_by_name(workspace: Workspace) -> None:
    ruled = with_rules(workspace, lambda _p: [Drop(field="score", reason="it says nothing later")])

    result = convert_lead(ruled, jules(ruled, score=70)).value

    assert result.conversion is not None
    assert (result.conversion.unmapped, result.conversion.dropped) == ({}, {"score": "rule-1"})


def test_a_rule_chooses_among_candidates(workspace: Workspace) -> None:
    for name in ("A", "B"):
        chosen = add(workspace, "contact", first_name=name, email="info@hospy-medias.example")

    def last(proposal: Proposal) -> Iterable[Choose]:
        if len(proposal.candidates) > 1:
            yield Choose(target=Target.CONTACT, record_id=proposal.candidates[-1].record_id, reason="the newest")

    ruled = with_rules(workspace, last)

    result = convert_lead(ruled, jules(ruled, email="info@hospy-medias.example")).value

    assert result.conversion is not None
    assert result.conversion.contact_id == chosen.id


def test_a_rule_that_raises_is_named_with_its_hook_and_record(workspace: Workspace) -> None:
    def broken(_proposal: Proposal) -> Iterable[Any]:
        message = "oh no"
        raise KeyError(message)

    ruled = with_rules(workspace, broken)
    lead = jules(ruled)
    before = dump(workspace)

    with pytest.raises(PluginError, match="oh no") as caught:
        convert_lead(ruled, lead)

    error = caught.value
    assert (error.plugin, error.version, error.hook) == ("acme", "1.2", "crmkit_conversion_rules")
    assert error.record == lead.id
    assert dump(workspace) == before


def test_a_rule_for_a_field_that_does_not_exist_is_refused(workspace: Workspace) -> None:
    ruled = with_rules(workspace, lambda _p: [SetField(target=Target.CONTACT, field="shoe", value="42", reason="x")])

    with pytest.raises(RejectedError, match="rule rule-1: a contact has no field shoe"):
        convert_lead(ruled, jules(ruled))


TEXTS = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)
LEADS = st.fixed_dictionaries(
    {"first_name": TEXTS},
    optional={
        "last_name": TEXTS,
        "company": TEXTS,
        "title": TEXTS,
        "email": st.sampled_from(["a@acme.example", "b@acme.example", "c@gmail.com"]),
        "phone": st.sampled_from(["+33142685300", "+33142685301"]),
        "website": st.sampled_from(["https://acme.example", "https://other.example"]),
        "city": TEXTS,
        "country": st.sampled_from(["FR", "DE"]),
        "language": st.sampled_from(["fr", "en"]),
        "notes": TEXTS,
        "source": TEXTS,
        "score": st.integers(0, 100),
        "tags": st.lists(TEXTS, max_size=3),
        "extra": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)


@custom_fields("lead", "contact", "account")
class Scan:
    booth: str | None = None
    minutes: int | None = None
    hot: bool = False


@custom_fields("lead")
class Survey:
    budget: Money | None = None
    topics: tuple[str, ...] = ()


CUSTOM = st.fixed_dictionaries(
    {},
    optional={
        "scan.booth": st.sampled_from(["A1", "B2"]),
        "scan.minutes": st.integers(0, 2),
        "scan.hot": st.booleans(),
        "survey.budget": st.sampled_from(["1 EUR", "2.50 USD"]),
        "survey.topics": st.lists(st.sampled_from("ab"), min_size=1),
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(leads=st.lists(st.tuples(LEADS, CUSTOM), min_size=1, max_size=5))
def test_nothing_is_lost(leads: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Every value of a lead, custom ones too, is in a target, or kept as unmapped on the conversion."""
    workspace = open_workspace(MemoryStorage())
    extended = workspace.schema.extended([fields_of(Scan), fields_of(Survey)])
    workspace = attrs.evolve(workspace, schema=workspace.storage.prepare(extended, create=True))
    for values, custom in leads:
        lead = add(workspace, "lead", **values, **custom)
        try:
            result = convert_lead(workspace, lead).value
        except AmbiguousMatchError:
            continue
        conversion = result.conversion
        assert conversion is not None
        contact = load(workspace, conversion.contact_id)
        account = load(workspace, conversion.account_id) if conversion.account_id else None
        points = points_of(workspace, contact.id)
        for field, value in business_values(workspace.schema, lead).items():
            if value in (None, "", (), {}) or field in conversion.unmapped:
                continue
            places = MAPPING.get(field, ()) if "." not in field else [(Target.CONTACT, field), (Target.ACCOUNT, field)]
            held = [value_of(contact if target is Target.CONTACT else account, name) for target, name in places]
            assert any(holds(there, value) for there in held) or str(value) in points, (field, value, held)


def points_of(workspace: Workspace, person_id: str) -> set[str]:
    with workspace.storage.read() as view:
        ids = [id_ for _, id_ in view.lookup("contact_point", "person_id", [person_id])]
        return {p.value for p in workspace.schema["contact_point"].load_many(view.get_many("contact_point", ids))}


def holds(there: Any, value: Any) -> bool:
    if isinstance(value, tuple):
        return set(value) <= set(there or ())
    if isinstance(value, Mapping):
        return value.items() <= (there or {}).items()
    return bool(there == value)


def test_each_reason_has_an_error_of_its_own(workspace: Workspace) -> None:
    one, other = (add(workspace, "account", name=name) for name in ("One", "Other"))
    contact = add(workspace, "contact", first_name="Jules", account_id=one)
    lost = add(workspace, "lead", first_name="Gone", status="disqualified", disqualified_reason="spam")

    with pytest.raises(DisqualifiedError):
        convert_lead(workspace, lost)
    with pytest.raises(ContactNotInAccountError):
        convert_lead(workspace, jules(workspace), options=ConversionOptions(contact=contact.id, account=other.id))
    with pytest.raises(MissingFieldsError) as nobody:
        convert_lead(workspace, add(workspace, "lead", company="Hospy"))

    assert "lead.email" in nobody.value.fields


def test_planning_a_converted_lead_is_an_error_that_carries_the_result(workspace: Workspace) -> None:
    lead = jules(workspace)
    first = convert_lead(workspace, lead).value

    with pytest.raises(AlreadyConvertedError) as caught:
        plan_conversion(workspace, lead.id)

    assert (caught.value.result.outcome, caught.value.result.conversion) == ("already", first.conversion)


def test_an_owner_that_a_rule_demands_may_be_named_at_the_conversion(workspace: Workspace) -> None:
    ada = add(workspace, "user", name="Ada")
    ruled = with_rules(workspace, lambda _p: [Demand(target=Target.CONTACT, field="owner_id", reason="no orphans")])
    lead = jules(ruled)

    with pytest.raises(OwnerRequiredError, match="the contact has no owner: no orphans") as caught:
        convert_lead(ruled, lead)
    result = convert_lead(ruled, lead, options=ConversionOptions(owner=ada.id)).value

    assert caught.value.fields == ("contact.owner_id",)
    assert result.conversion is not None
    assert load(ruled, result.conversion.contact_id).owner_id == ada.id


def test_all_fields_that_rules_demand_are_listed(workspace: Workspace) -> None:
    ruled = with_rules(
        workspace,
        lambda _p: [Demand(target=Target.CONTACT, field=name, reason="we call") for name in ("phone", "mobile")],
    )

    with pytest.raises(MissingFieldsError) as caught:
        convert_lead(ruled, jules(ruled))

    assert caught.value.fields == ("contact.phone", "contact.mobile")
