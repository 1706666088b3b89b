"""The thirteen points of the contract of a conversion, each through the public API; its number is in the name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crmkit
from crmkit import (
    CRM,
    ChangeSet,
    Context,
    Conversion,
    Demand,
    Drop,
    HookSpecs,
    Lead,
    LeadStatus,
    Proposal,
    SetField,
    Target,
    conversion_rule,
    hookimpl,
)
from crmkit.core.conversion import MAPPING
from crmkit.errors import (
    AmbiguousMatchError,
    MissingFieldsError,
    NotReversibleError,
    RejectedError,
    StalePlanError,
)
from crmkit.services.consents import record_consent, suppress
from tests.services.deal_world import add as planned


def opened(*plugins: Any, **more: Any) -> CRM:
    return crmkit.open("memory:", plugins=plugins, discover=False, **more)


def jules(crm: CRM, **more: Any) -> Lead:
    values = {"first_name": "Jules", "email": "jules@hospy.example", "company": "Hospy", "title": "Directeur"}
    return crm.leads.add(**{**values, **more})


def converted(crm: CRM, lead: Lead | str, **options: Any) -> Conversion:
    conversion = crm.convert(lead, **options).conversion
    assert conversion is not None
    return conversion


def operations(crm: CRM) -> int:
    return len(crm.log(limit=10_000))


def test_point_01_a_plan_only_reads_says_everything_and_has_a_digest_over_what_it_rests_on() -> None:
    crm = opened()
    crm.accounts.add(name="HOSPY SARL", city="Lyon")
    lead = jules(crm, score=70)
    crm.call(lead, "He is interested")
    before = operations(crm)

    plan = crm.plan_conversion(lead)
    told = json.loads(json.dumps(plan.as_json()))

    assert operations(crm) == before
    assert {"old", "new", "action", "reason", "rule", "target", "field"} <= told["fields"][0].keys()
    assert {each["target"]: each["action"] for each in told["fields"]} == {"contact": "create", "account": "fill"}
    assert (told["unmapped"], told["linked"]["activities"]) == ({"company": "Hospy", "score": 70}, 1)
    assert told["candidates"][0]["evidence"] == ["name Hospy"]
    assert plan.digest == told["digest"] == crm.plan_conversion(lead).digest
    crm.leads.update(lead, language="fr")
    assert plan.digest != crm.plan_conversion(lead.id).digest


def test_point_02_applying_is_once_and_refused_when_something_moved() -> None:
    crm = opened()
    lead = jules(crm)
    plan = crm.plan_conversion(lead)
    crm.leads.update(lead, title="PDG")

    with pytest.raises(StalePlanError, match=lead.id):
        crm.convert(plan)
    first = crm.convert(lead.id, key="monday")
    with_key, without = crm.convert(lead.id, key="monday"), crm.convert(lead.id)

    assert (first.outcome, with_key.outcome, without.outcome) == ("converted", "converted", "already")
    assert first.conversion == with_key.conversion == without.conversion
    assert (crm.contacts.count(), crm.accounts.count()) == (1, 1)


def test_point_02_a_lookup_that_found_nobody_is_made_again_when_the_plan_is_applied() -> None:
    crm = opened()
    plan = crm.plan_conversion(jules(crm))
    crm.contacts.add(email="jules@hospy.example")

    with pytest.raises(StalePlanError):
        crm.convert(plan)

    assert crm.contacts.count() == 1


def test_point_03_what_is_empty_is_filled_nothing_is_overwritten_and_each_field_can_be_decided() -> None:
    crm = opened()
    contact = crm.contacts.add(email="jules@hospy.example", title="PDG", notes="Likes tea")
    lead = jules(crm, city="Lyon", notes="Likes coffee")

    default = {each.field: each.action.value for each in crm.plan_conversion(lead).fields if each.old or each.new}
    converted(crm, lead, fields={"contact.title": "take", "contact.notes": "append"})

    assert (default["title"], default["city"]) == ("keep", "create")
    after = crm.contacts.get(contact.id)
    assert (after.title, after.notes, after.city) == ("Directeur", "Likes tea\n\nLikes coffee", "Lyon")


def test_point_03_a_field_that_cannot_be_written_is_an_error_never_silence() -> None:
    @conversion_rule("eager")
    def eager(_proposal: Proposal, _context: Context) -> Iterator[SetField]:
        yield SetField(target=Target.CONTACT, field="created_at", value="2026-01-01", reason="older is better")

    crm = opened(eager)

    with pytest.raises(RejectedError, match=r"rule eager: .*created_at"):
        crm.convert(jules(crm))


@pytest.mark.parametrize(
    ("contact", "lead"),
    [
        ({"email": "jules@hospy.example", "first_name": "J."}, {}),
        ({"import_key": "scanner:B7", "first_name": "J."}, {"import_key": "scanner:B7", "email": None}),
        ({"phone": "+33142685300", "first_name": "Jules"}, {"mobile": "+33142685300", "email": None}),
    ],
)
def test_point_04_people_are_matched_by_address_then_source_id_then_phone_and_name(
    contact: dict[str, Any], lead: dict[str, Any]
) -> None:
    crm = opened()
    made = planned(crm.workspace, "contact", **contact)  # an edit cannot set the key that an import gives
    lead_id = planned(crm.workspace, "lead", **{"first_name": "Jules", "email": "jules@hospy.example", **lead})

    assert crm.plan_conversion(crm.leads.get(lead_id)).contact.id == made


def test_point_04_nobody_is_matched_by_the_name_alone_and_several_candidates_are_listed() -> None:
    crm = opened()
    crm.contacts.add(first_name="Jules", phone="+33142685301")
    by_name = crm.plan_conversion(jules(crm, phone="+33142685300"))
    twins = [crm.contacts.add(first_name=name, email="info@hospy.example") for name in "AB"]

    with pytest.raises(AmbiguousMatchError) as caught:
        crm.convert(jules(crm, email="info@hospy.example"))

    assert by_name.contact is None
    assert [(id_, evidence) for id_, _label, evidence in caught.value.candidates] == [
        (twin.id, "e-mail info@hospy.example") for twin in twins
    ]


@pytest.mark.parametrize(
    ("account", "lead"),
    [
        ({"name": "Other", "domain": "hospy.example"}, {}),
        ({"name": "Médias Hospy, S.A.R.L."}, {"company": "SARL MEDIAS HOSPY", "email": None}),
    ],
)
def test_point_04_companies_are_matched_by_domain_or_legal_name(account: dict[str, Any], lead: dict[str, Any]) -> None:
    crm = opened()
    made = crm.accounts.add(**account)

    assert crm.plan_conversion(jules(crm, **lead)).account.id == made.id


@pytest.mark.parametrize("domain", ["gmail.com", "wanadoo.fr", "yopmail.com", "0-mail.com"])
def test_point_04_free_and_disposable_mail_names_no_company(domain: str) -> None:
    crm = opened()
    crm.accounts.add(name="Somebody", domain=domain)

    plan = crm.plan_conversion(jules(crm, email=f"jules@{domain}"))

    assert plan.account is None


@crmkit.custom_fields("lead", "contact", "account")
class Scan:
    booth: str | None = None


@crmkit.custom_fields("lead")
class Survey:
    budget: crmkit.Money | None = None
    topics: tuple[str, ...] = ()


TEXTS = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)
LEADS = st.fixed_dictionaries(
    {"first_name": TEXTS},
    optional={
        "last_name": TEXTS,
        "company": TEXTS,
        "title": TEXTS,
        "email": st.sampled_from(["a@acme.example", "b@acme.example", "c@gmail.com"]),
        "phone": st.sampled_from(["+33142685300", "+33142685301"]),
        "city": TEXTS,
        "notes": TEXTS,
        "source": TEXTS,
        "score": st.integers(0, 100),
        "tags": st.lists(TEXTS, max_size=3),
        "extra": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "scan.booth": st.sampled_from(["A1", "B2"]),
        "survey.budget": st.sampled_from(["1 EUR", "2.50 USD"]),
        "survey.topics": st.lists(st.sampled_from("ab"), min_size=1),
    },
)
HANGING = st.lists(st.sampled_from(["note", "call", "member", "mail", "consent", "point"]), max_size=4)


@conversion_rule("forget-notes")
def forget_notes(proposal: Proposal, _context: Context) -> Iterator[Drop | SetField]:
    """Drop something and decide something, where the length of a name says so."""
    if len(proposal.lead.first_name or "") % 3 == 0:
        yield Drop(field="notes", reason="only a test")
        yield SetField(target=Target.CONTACT, field="title", value="CEO", reason="only a test")


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(people=st.lists(st.tuples(LEADS, HANGING), min_size=1, max_size=4), with_deal=st.booleans())
def test_points_05_to_07_nothing_is_lost(people: list[tuple[dict[str, Any], list[str]]], with_deal: bool) -> None:  # noqa: FBT001  # drawn by hypothesis
    """Every value is in a target, unmapped, or dropped by a named rule; no timeline gets shorter; consents hold."""
    crm = opened(forget_notes, fields=[Scan, Survey])
    campaign = crm.campaigns.add(name="Salon")
    for values, hanging in people:
        lead = crm.leads.add(**values)
        for what in hanging:
            hang(crm, lead, campaign, what)
        told = len(crm.timeline(lead))
        try:
            conversion = converted(crm, lead.id, deal=True if with_deal else None)
        except AmbiguousMatchError:
            continue
        targets = [crm.get(id_) for id_ in (conversion.contact_id, conversion.account_id, conversion.deal_id) if id_]
        assert_kept(crm, crm.leads.get(lead.id), targets, conversion)
        seen = {(e.kind, e.text, e.at) for record in targets for e in crm.timeline(record)}
        assert len(seen) >= told
        assert len(crm.timeline(lead.id)) > told
        if "consent" in hanging and lead.email:
            skipped = crm.send("thank_you", people=[targets[0]], once=False)
            assert skipped.queued == 0


def hang(crm: CRM, lead: Lead, campaign: Any, what: str) -> None:
    """Let something hang on a lead."""
    if what in ("note", "call"):
        getattr(crm, what)(lead, f"A {what}")
    elif what == "member":
        crm.leads.update(lead.id, campaign_id=campaign)
    elif what == "mail":
        crm.send("thank_you", people=[lead], once=False)
    elif what == "point":
        crm.collection("contact_point").add(person_id=lead, kind="phone", value="+33142685309")
    elif lead.email:
        record_consent(crm.workspace, lead.email, granted=False)
        suppress(crm.workspace, lead.email)


def assert_kept(crm: CRM, lead: Lead, targets: list[Any], conversion: Conversion) -> None:
    """Assert that each value of a lead is in a target, unmapped or dropped."""
    points = {point.value for point in crm.collection("contact_point") if point.person_id == conversion.contact_id}
    members = {m.campaign_id for m in crm.collection("campaign_member") if m.person_id == conversion.contact_id}
    for field, value in crm.workspace.schema["lead"].values_of(lead).items():
        own_life = field in ("status", "conversion_id", "disqualified_reason")
        if own_life or field in crmkit.core.conversion._KEPT_BY_ITSELF or value in (None, "", (), {}):  # noqa: SLF001  # what describes the lead itself
            continue
        if field in conversion.unmapped or field in conversion.dropped or str(value) in points or str(value) in members:
            continue
        names = [name for _target, name in MAPPING.get(field, ())] if "." not in field else [field]
        assert any(holds(crm, target, name, value) for target in targets for name in names), (field, value)


def holds(crm: CRM, record: Any, name: str, value: Any) -> bool:
    held = crm.workspace.schema.of(type(record)).values_of(record).get(name)
    if isinstance(value, tuple):
        return set(value) <= set(held or ())
    if hasattr(value, "items"):
        return bool(value.items() <= (held or {}).items())
    return bool(held == value)


def test_point_05_what_has_no_place_is_kept_on_the_conversion_and_what_is_dropped_names_its_rule() -> None:
    @conversion_rule("no-notes")
    def no_notes(_proposal: Proposal, _context: Context) -> Iterator[Drop]:
        yield Drop(field="notes", reason="they are about the lead")

    crm = opened(no_notes, fields=[Survey])
    lead = jules(crm, score=70, notes="Likes tea", **{"survey.topics": ["a"]})

    conversion = converted(crm, lead)

    assert conversion.unmapped == {"score": 70, "survey.topics": ["a"]}
    assert conversion.dropped == {"notes": "no-notes"}


def test_point_06_children_are_linked_to_the_new_records_too_and_stay_with_the_lead() -> None:
    crm = opened()
    salon = crm.campaigns.add(name="Salon")
    lead = jules(crm, campaign_id=salon, tags=["vip"])
    crm.note(lead, "Wants screens")
    crm.task(lead, "Call again")
    crm.send("thank_you", people=[lead])
    before = Counter(entry.kind for entry in crm.timeline(lead))

    conversion = converted(crm, lead, deal="Screens")

    for record_id in (lead.id, conversion.contact_id, conversion.account_id, conversion.deal_id):
        assert record_id is not None
        kinds = Counter(entry.kind for entry in crm.timeline(record_id))
        assert (kinds["note"], kinds["task"], kinds["mail"]) == (before["note"], before["task"], before["mail"])
    members = {member.person_id for member in crm.collection("campaign_member")}
    assert members == {lead.id, conversion.contact_id}
    assert crm.contacts.get(conversion.contact_id).tags == ("vip",)


@pytest.mark.parametrize("objects", [suppress, partial(record_consent, granted=False)])
def test_point_07_an_objection_belongs_to_the_address_so_it_holds_for_the_contact(objects: Any) -> None:
    crm = opened()
    lead = jules(crm)
    objects(crm.workspace, "JULES@hospy.example")

    contact = crm.contacts.get(converted(crm, lead).contact_id)

    assert crm.send("thank_you", people=[contact]).queued == 0


def test_point_08_the_lead_stays_read_only_out_of_lists_in_reports_and_linked_both_ways() -> None:
    crm = opened()
    lead = jules(crm, campaign_id=crm.campaigns.add(name="Salon"))

    conversion = converted(crm, lead)

    stays = crm.leads.get(lead.id)
    assert (stays.status, stays.conversion_id, stays.title) == (LeadStatus.CONVERTED, conversion.id, "Directeur")
    assert list(crm.leads) == []
    steps = {step["step"]: step["reached"] for step in crm.report("funnel").facts["steps"]}
    assert steps["converted"] == 1
    origins = [(link.from_id, link.to_id) for link in crm.collection("link") if link.kind == "origin"]
    assert (conversion.contact_id, lead.id) in origins
    with pytest.raises(RejectedError, match="can no longer be changed"):
        crm.leads.update(lead.id, title="PDG")


def test_point_09_undo_takes_back_what_is_untouched_and_names_what_is_not() -> None:
    crm = opened()
    lead = jules(crm)
    result = crm.convert(lead)
    assert result.conversion is not None
    crm.open_deal("Screens", contacts=[result.conversion.contact_id])

    with pytest.raises(NotReversibleError) as caught:
        crm.undo(result)
    in_the_way = " ".join(caught.value.obstacles)
    crm.deals.delete(crm.deals.find("Screens"))
    crm.undo(result, keep_changed=True)

    assert "deal" in in_the_way
    assert crm.leads.get(lead.id).status is LeadStatus.NEW


def test_point_10_a_bulk_gives_each_lead_its_result_without_a_ceiling_or_is_all_or_nothing() -> None:
    @conversion_rule("fragile")
    def fragile(proposal: Proposal, _context: Context) -> list[SetField]:
        if proposal.lead.first_name == "Broken":
            message = "oh no"
            raise KeyError(message)
        return []

    crm = opened(fragile)
    for name in "AB":
        crm.contacts.add(first_name=name, email="info@acme.example")
    done = jules(crm)
    crm.convert(done)
    lost = crm.leads.add(first_name="Gone", status="disqualified", disqualified_reason="spam")
    many = crm.leads.add_many({"first_name": f"Lead {i}", "company": f"Acme {i // 50}"} for i in range(1200))
    broken, double = crm.leads.add(first_name="Broken"), crm.leads.add(first_name="I", email="info@acme.example")
    heard: list[tuple[int, int]] = []

    results = crm.convert_many([*many, done, double, lost, broken], progress=lambda *said: heard.append(said))
    more = crm.leads.add(first_name="More")
    with pytest.raises(RejectedError, match="Gone is disqualified"):
        crm.convert_many([more, lost], all_or_nothing=True)

    outcomes = [result.outcome for result in results]
    assert Counter(outcomes) == {"converted": 1200, "already": 1, "ambiguous": 1, "refused": 1, "failed": 1}
    assert outcomes[-4:] == ["already", "ambiguous", "refused", "failed"]
    assert "oh no" in results[-1].reasons[0]
    assert crm.accounts.count() == 1 + 1200 // 50
    assert heard == [(1000, 1204), (1204, 1204)]
    assert crm.leads.get(more.id).status is LeadStatus.NEW


def test_point_11_a_deal_is_optional_new_or_an_open_one_of_the_account() -> None:
    crm = opened()
    without = converted(crm, jules(crm))
    assert without.account_id is not None
    new = converted(crm, jules(crm, email="a@hospy.example"), deal="Screens", deal_values={"amount": "900 EUR"})
    joined = converted(crm, jules(crm, email="b@hospy.example"), into_deal="Screens")

    assert without.deal_id is None
    assert (new.deal_id, "deal" in new.created) == (joined.deal_id, True)
    assert "deal" not in joined.created
    contacts = {link.to_id for link in crm.collection("link") if link.kind == "contact"}
    assert contacts == {new.contact_id, joined.contact_id}


def test_point_12_all_that_is_missing_is_listed_before_anything_is_written() -> None:
    @conversion_rule("strict")
    def strict(_proposal: Proposal, _context: Context) -> Iterator[Demand]:
        for field in ("phone", "language"):
            yield Demand(target=Target.CONTACT, field=field, reason="we need it")
        yield Demand(target=Target.ACCOUNT, field="industry", reason="we sort by it")

    crm = opened(strict)
    lead = jules(crm)
    before = operations(crm)

    with pytest.raises(MissingFieldsError) as caught:
        crm.convert(lead)

    assert caught.value.fields == ("contact.phone", "contact.language", "account.industry")
    assert (operations(crm), crm.contacts.count(), crm.accounts.count()) == (before, 0, 0)


def test_point_13_rules_see_the_plan_before_the_write_and_listeners_only_what_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    heard: list[str] = []

    @conversion_rule("witness")
    def witness(proposal: Proposal, context: Context) -> list[Any]:
        found = context.view.lookup("contact", "email_key", [proposal.lead.email])
        heard.append(f"rule sees {len(proposal.fields)} fields and {found}")
        return []

    class Bell(HookSpecs):
        @hookimpl
        def crmkit_committed(self, changes: ChangeSet) -> None:
            if changes.kind == "convert":
                with crmkit.open(path, discover=False) as other:
                    heard.append(f"listener sees {other.contacts.count()}")
                message = "nothing breaks any more"
                raise OSError(message)

    with crmkit.open(path, create=True, plugins=[witness, Bell()], discover=False) as crm:
        lead = jules(crm)
        crm.convert(lead, dry_run=True)
        crm.convert(lead)

        assert heard == ["rule sees 5 fields and []"] * 2 + ["listener sees 1"]
        assert crm.contacts.count() == 1
