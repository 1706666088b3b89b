"""What the person who converts decides: each option by itself, and what it does not go with."""

from __future__ import annotations

from typing import Any

import pytest

import crmkit
from crmkit import CRM, Conversion, Lead, LeadStatus
from crmkit.errors import NotReversibleError, RejectedError


@crmkit.custom_fields("lead", "deal")
class Need:
    screens: int | None = None


@pytest.fixture
def crm() -> CRM:
    return crmkit.open("memory:", discover=False, fields=[Need])


def jules(crm: CRM, **more: Any) -> Lead:
    return crm.leads.add(**{"first_name": "Jules", "email": "jules@hospy.example", "company": "Hospy", **more})


def converted(crm: CRM, lead: Lead | str, **options: Any) -> Conversion:
    conversion = crm.convert(lead, **options).conversion
    assert conversion is not None
    return conversion


def test_a_lead_joins_an_open_deal_and_fills_what_that_lacks(crm: CRM) -> None:
    hospy, ada = crm.accounts.add(name="Hospy"), crm.users.add(name="Ada")
    deal = crm.open_deal("Screens", account=hospy, amount="9000 EUR")

    conversion = converted(crm, jules(crm, **{"need.screens": 4}), into_deal="Screens", owner=ada)

    joined = crm.deals.get(deal.id)
    assert (conversion.deal_id, conversion.created) == (deal.id, ("contact",))
    assert (joined[Need].screens, joined.owner_id, str(joined.amount)) == (4, ada.id, "9000.00 EUR")
    assert [link.to_id for link in crm.collection("link") if link.kind == "contact"] == [conversion.contact_id]


def test_a_deal_knows_whose_it_is_so_the_company_of_the_lead_need_not_match(crm: CRM) -> None:
    group = crm.accounts.add(name="Groupe Hospy")
    crm.open_deal("Screens", account=group)

    conversion = converted(crm, jules(crm), into_deal="Screens")

    assert conversion.account_id == group.id
    assert conversion.unmapped["company"] == "Hospy"


def test_a_deal_without_account_gets_that_of_the_lead(crm: CRM) -> None:
    deal = crm.open_deal("Screens")

    conversion = converted(crm, jules(crm), into_deal=deal)

    assert crm.deals.get(deal.id).account_id == conversion.account_id is not None


def test_many_leads_join_one_deal_each_once(crm: CRM) -> None:
    deal = crm.open_deal("Screens", account=crm.accounts.add(name="Hospy"))
    leads = [jules(crm, first_name=name, email=f"{name}@hospy.example") for name in "abc"]

    results = crm.convert_many([*leads, *leads], into_deal=deal)

    assert [result.outcome for result in results] == ["converted"] * 3
    assert sum(link.kind == "contact" for link in crm.collection("link")) == 3


def test_undoing_it_parts_the_contact_from_the_deal_and_leaves_the_deal(crm: CRM) -> None:
    deal = crm.open_deal("Screens", account=crm.accounts.add(name="Hospy"))
    result = crm.convert(jules(crm, **{"need.screens": 4}), into_deal=deal)

    crm.undo(result)

    assert crm.deals.get(deal.id)[Need].screens is None
    assert [link for link in crm.collection("link") if link.kind == "contact"] == []
    assert crm.deals.count() == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"into_deal": "Lost"}, "the deal Lost is closed; reopen it first"),
        ({"into_deal": "Screens", "deal": "Another"}, "either a new deal or one that is there, not both"),
        ({"into_deal": "Screens", "account": "Other"}, "the deal Screens is with another account than Other"),
        ({"with_account": True, "lead": {"company": None}}, "the lead has no company to make an account of"),
        ({"fields": {"title": "take"}}, "'title' is no field of a target; write it as contact.title"),
        ({"fields": {"contact.title": "eat"}}, "contact.title cannot be 'eat'; say keep, take, append"),
        ({"status": "disqualified"}, "a conversion cannot leave a lead as disqualified"),
        ({"status": "new", "lead": {"status": "qualified"}}, "a qualified lead cannot become new"),
    ],
)
def test_what_does_not_go_together_is_refused(crm: CRM, options: dict[str, Any], reason: str) -> None:
    for name in ("Hospy", "Other"):
        crm.accounts.add(name=name)
    crm.open_deal("Screens", account=crm.accounts.find("Hospy"))
    crm.lose_deal(crm.open_deal("Lost"), "price")
    lead = jules(crm, **options.pop("lead", {}))

    with pytest.raises(RejectedError) as caught:
        crm.convert(lead, **options)

    assert any(each.startswith(reason) for each in caught.value.reasons)


def test_a_choice_goes_before_the_default_for_account_and_deal_too(crm: CRM) -> None:
    account = crm.accounts.add(name="HOSPY SARL", city="Paris")

    converted(crm, jules(crm, city="Lyon"), fields={"account.name": "take", "contact.city": "keep"})

    assert crm.accounts.get(account.id).name == "Hospy"
    assert crm.contacts.one().city is None


def test_a_part_of_an_address_that_is_taken_whole_can_be_chosen_all_the_same(crm: CRM) -> None:
    account = crm.accounts.add(name="Hospy", street="1 rue A", city="Paris")
    lead = jules(crm, street="2 rue B", city="Lyon")

    plan = crm.plan_conversion(lead, fields={"account.city": "take"})
    crm.convert(plan)

    after = crm.accounts.get(account.id)
    assert (after.street, after.city) == ("1 rue A", "Lyon")
    assert [(each.old, each.new) for each in plan.fields if (each.target.value, each.field) == ("account", "city")] == [
        ("Paris", "Lyon")
    ]


def test_a_new_owner_takes_over_where_nobody_is_responsible_yet(crm: CRM) -> None:
    ada, bob = crm.users.add(name="Ada"), crm.users.add(name="Bob")
    account = crm.accounts.add(name="Hospy", owner_id=bob)

    conversion = converted(crm, jules(crm), owner="Ada", deal="Screens")

    owners = [crm.get(id_).owner_id for id_ in (conversion.contact_id, account.id, conversion.deal_id) if id_]
    assert owners == [ada.id, bob.id, ada.id]


@pytest.mark.parametrize("named", ["id", "object"])
def test_the_id_of_a_merged_record_is_that_of_the_one_it_is_part_of(crm: CRM, named: str) -> None:
    winner, loser = (crm.contacts.add(first_name="Jules", email=f"{name}@hospy.example") for name in "ab")
    crm.merge(winner, loser)

    conversion = converted(crm, jules(crm), contact=loser.id if named == "id" else loser)
    deal = crm.open_deal("Screens", contacts=[loser.id if named == "id" else loser])
    crm.note(loser.id, "Likes tea")

    assert conversion.contact_id == winner.id
    assert [link.to_id for link in crm.collection("link") if link.from_id == deal.id] == [winner.id]
    assert "Likes tea" in [entry.text for entry in crm.timeline(winner)]
    with pytest.raises(RejectedError, match=rf"Jules is merged into Jules \({winner.id}\); change that"):
        crm.contacts.update(loser.id, title="PDG")


def test_a_lead_may_be_left_open_and_is_still_converted_once(crm: CRM) -> None:
    lead = jules(crm)

    result = crm.convert(lead, status="qualified")
    again = crm.convert(lead.id)
    many = crm.convert_many([lead.id])

    left = crm.leads.get(lead.id)
    assert (left.status, result.outcome, again.outcome, many[0].outcome) == (
        LeadStatus.QUALIFIED,
        "converted",
        "already",
        "already",
    )
    assert [each.id for each in crm.leads] == [lead.id]
    assert crm.leads.update(lead.id, score=80).score == 80


def test_a_lead_that_was_left_open_is_no_duplicate_of_its_contact_and_gets_no_second_mail(crm: CRM) -> None:
    salon = crm.campaigns.add(name="Salon")
    lead = jules(crm, campaign_id=salon)
    result = crm.convert(lead, status="contacted")

    queued = crm.send("thank_you", campaign=salon)

    assert crm.duplicates("leads") == []
    assert queued.queued == 1
    with pytest.raises(RejectedError, match="stays for the reports"):
        crm.leads.delete(lead.id)
    crm.undo(result, keep_changed=True)
    assert (crm.leads.get(lead.id).status, crm.leads.get(lead.id).conversion_id) == (LeadStatus.NEW, None)


def test_an_edit_of_a_lead_that_was_left_open_stands_in_the_way_of_an_undo(crm: CRM) -> None:
    lead = jules(crm)
    result = crm.convert(lead, status="qualified")
    crm.leads.update(lead.id, score=80)

    with pytest.raises(NotReversibleError, match="Jules"):
        crm.undo(result)


def test_a_plan_minds_other_leads_with_the_same_address(crm: CRM) -> None:
    lead, other = jules(crm), jules(crm, first_name="J.", email="JULES@hospy.example")

    plan = crm.plan_conversion(lead)
    crm.convert(other)

    assert plan.warnings == (f"J. ({other.id}) is another lead with the address jules@hospy.example",)


def test_a_contact_gets_no_address_or_number_twice(crm: CRM) -> None:
    contact = crm.contacts.add(first_name="Jules", email="jules@hospy.example", phone="+33142685300")
    points = crm.collection("contact_point")
    points.add(person_id=contact, kind="phone", value="+33612345678")
    lead = jules(crm, email="JULES@hospy.example", phone="+33612345678", mobile="+33142685300")
    for kind, value in (("email", "Jules@hospy.example"), ("phone", "+33612345678"), ("phone", "+33698765432")):
        points.add(person_id=lead, kind=kind, value=value)

    converted(crm, lead)
    converted(crm, jules(crm, phone="+33698765432"))

    assert sorted(point.value for point in points if point.person_id == contact.id) == ["+33612345678", "+33698765432"]
    assert crm.contacts.get(contact.id).mobile == "+33142685300"
