"""What rules of plugins may say to a conversion or merge, each kind once, and who wins when they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

import crmkit
from crmkit import (
    CRM,
    Append,
    Choose,
    Context,
    Demand,
    Drop,
    Keep,
    Lead,
    MapField,
    Match,
    MergeProposal,
    NameDeal,
    Proposal,
    SetDefault,
    SetField,
    Strength,
    Take,
    Target,
    Veto,
    conversion_rule,
    lead_matcher,
    merge_rule,
)
from crmkit.core.query import Compare, Op, Query
from crmkit.errors import AmbiguousMatchError, MissingFieldsError, PluginError, RejectedError, VetoedError
from crmkit.services.settings import PluginSettings, Settings

CONTACT, ACCOUNT, DEAL = Target.CONTACT, Target.ACCOUNT, Target.DEAL


def rule(name: str, *amendments: Any) -> Any:
    """Return a conversion rule that always says the same."""

    @conversion_rule(name)
    def said(_proposal: Proposal, _context: Context) -> Iterable[Any]:
        return amendments

    return said


def merging(name: str, *amendments: Any) -> Any:
    @merge_rule(name)
    def said(proposal: MergeProposal, _context: Context) -> Iterable[Any]:
        return [each(proposal) if callable(each) else each for each in amendments]

    return said


def opened(*plugins: Any, order: tuple[str, ...] = ()) -> CRM:
    settings = Settings(plugins=PluginSettings(order=order))
    return crmkit.open("memory:", plugins=plugins, discover=False, settings=settings)


def zoe(crm: CRM, **more: Any) -> Lead:
    values = {"first_name": "Zoé", "email": "zoe@phare.example", "company": "Phare", "title": "Directrice"}
    return crm.leads.add(**{**values, **more})


def told(plan: Any, target: Target, field: str) -> tuple[Any, str, str]:
    """Return what a plan says about a field: the new value, the action and the rule."""
    each = next(plan for plan in plan.fields if (plan.target, plan.field) == (target, field))
    return each.new, each.action.value, each.rule


# ------------------------------------------------------------------ conversion


def test_a_rule_sets_a_field_whatever_it_holds() -> None:
    crm = opened(rule("chief", SetField(target=CONTACT, field="title", value="CEO", reason="all of them are")))
    crm.contacts.add(email="zoe@phare.example", title="Intern")

    plan = crm.plan_conversion(zoe(crm))

    assert told(plan, CONTACT, "title") == ("CEO", "overwrite", "chief")
    assert plan.unmapped["title"] == "Directrice"


def test_a_rule_sets_a_default_where_nothing_is_and_nowhere_else() -> None:
    crm = opened(
        rule(
            "usual",
            SetDefault(target=ACCOUNT, field="industry", value="media", reason="most are"),
            SetDefault(target=CONTACT, field="title", value="Sales", reason="most are"),
        )
    )

    plan = crm.plan_conversion(zoe(crm))

    assert told(plan, ACCOUNT, "industry") == ("media", "create", "usual")
    assert told(plan, CONTACT, "title") == ("Directrice", "create", "default")


def test_a_rule_maps_a_field_of_the_lead_that_has_no_place_of_its_own() -> None:
    crm = opened(rule("where-from", MapField(field="source", target=CONTACT, to="notes", reason="we read the notes")))
    lead = zoe(crm, source="badge")

    plan = crm.plan_conversion(lead)

    assert told(plan, CONTACT, "notes") == ("badge", "create", "where-from")
    assert "source" not in plan.unmapped
    conversion = crm.convert(plan).conversion
    assert conversion is not None
    assert conversion.decided["contact.notes"] == ["create", "where-from", "source"]


def test_a_mapped_field_overwrites_nothing_and_is_kept_as_unmapped_then() -> None:
    crm = opened(rule("where-from", MapField(field="source", target=CONTACT, to="notes", reason="we read the notes")))
    crm.contacts.add(email="zoe@phare.example", notes="Likes tea")

    plan = crm.plan_conversion(zoe(crm, source="badge"))

    assert told(plan, CONTACT, "notes") == ("Likes tea", "keep", "where-from")
    assert plan.unmapped["source"] == "badge"


@pytest.mark.parametrize(
    ("amendment", "after", "action", "unmapped"),
    [
        (Keep, "PDG", "keep", {"title": "Directrice"}),
        (Take, "Directrice", "overwrite", {}),
        (Append, "PDG\n\nDirectrice", "append", {}),
    ],
)
def test_a_rule_changes_the_action(amendment: Any, after: str, action: str, unmapped: dict[str, str]) -> None:
    crm = opened(rule("mine", amendment(target=CONTACT, field="title", reason="so it is here")))
    contact = crm.contacts.add(email="zoe@phare.example", title="PDG")

    plan = crm.plan_conversion(zoe(crm))
    crm.convert(plan)

    assert told(plan, CONTACT, "title") == (after, action, "mine")
    assert plan.unmapped == unmapped
    assert crm.contacts.get(contact.id).title == after


def test_an_address_that_a_rule_replaces_stays_as_a_further_one() -> None:
    crm = opened(rule("mine", Take(target=CONTACT, field="mobile", reason="the badge is newer")))
    contact = crm.contacts.add(email="zoe@phare.example", mobile="+33612345678")
    crm.convert(zoe(crm, mobile="+33698765432"))

    found = crm.plan_conversion(crm.leads.add(first_name="Zoé", mobile="+33612345678"))

    assert crm.contacts.get(contact.id).mobile == "+33698765432"
    assert found.contact.id == contact.id


def test_nothing_is_appended_to_a_field_that_holds_one_value() -> None:
    crm = opened(rule("mine", Append(target=CONTACT, field="email", reason="both")))
    crm.contacts.add(email="zoe@phare.example", phone="+33142685300", first_name="Zoé")

    with pytest.raises(RejectedError, match="rule mine: email of a contact holds one value"):
        crm.plan_conversion(zoe(crm, email="z@phare.example", phone="+33142685300"))


def test_a_rule_vetoes_with_a_reason() -> None:
    crm = opened(rule("no-rivals", Veto(reason="it is a rival")))

    with pytest.raises(VetoedError, match="it is a rival") as caught:
        crm.convert(zoe(crm))

    assert (caught.value.plugin, caught.value.rule) == ("no-rivals", "no-rivals")


def test_a_rule_demands_fields_and_all_that_are_missing_are_named() -> None:
    crm = opened(rule("calls", *(Demand(target=CONTACT, field=name, reason="we call") for name in ("phone", "title"))))

    with pytest.raises(MissingFieldsError) as caught:
        crm.convert(zoe(crm, title=None))

    assert caught.value.fields == ("contact.phone", "contact.title")


def test_what_is_demanded_of_a_deal_is_so_only_where_there_is_one() -> None:
    crm = opened(rule("worth", Demand(target=DEAL, field="amount", reason="we plan by it")))

    without = crm.convert(zoe(crm))
    with pytest.raises(MissingFieldsError, match="the deal has no amount: we plan by it"):
        crm.convert(zoe(crm, email="a@phare.example"), deal="Screens")
    given = crm.convert(zoe(crm, email="b@phare.example"), deal="Screens", deal_values={"amount": "900 EUR"})

    assert (without.outcome, given.outcome) == ("converted", "converted")


def test_a_rule_drops_a_field_on_purpose() -> None:
    crm = opened(rule("forget", Drop(field="score", reason="it says nothing later")))

    conversion = crm.convert(zoe(crm, score=70)).conversion

    assert conversion is not None
    assert (conversion.unmapped, conversion.dropped) == ({}, {"score": "forget"})


def test_a_rule_chooses_among_candidates_and_of_two_rules_the_later_one() -> None:
    def choosing(name: str, place: int) -> Any:
        @conversion_rule(name)
        def choose(proposal: Proposal, _context: Context) -> Iterator[Choose]:
            if len(proposal.candidates) > 1:
                wanted = proposal.candidates[place].record_id
                yield Choose(target=CONTACT, record_id=wanted, reason="it is that one")

        return choose

    crm = opened(choosing("first", 0), choosing("second", 1))
    twins = [crm.contacts.add(first_name=name, email="zoe@phare.example") for name in "AB"]

    plan = crm.plan_conversion(zoe(crm))

    assert plan.contact.id == twins[1].id
    assert [(each.what, each.won, each.lost) for each in plan.conflicts] == [("contact", "second", "first")]


def test_a_rule_names_the_deal_unless_whoever_converts_does() -> None:
    crm = opened(rule("offers", NameDeal(name="Offer for Phare", reason="that is how we call them")))

    by_rule = crm.convert(zoe(crm), deal=True).conversion
    by_hand = crm.plan_conversion(zoe(crm, email="z@phare.example"), deal="Screens")

    assert by_rule is not None
    assert crm.get(by_rule.deal_id or "").name == "Offer for Phare"
    assert told(by_hand, DEAL, "name") == ("Screens", "create", "chosen")
    assert [(each.what, each.won, each.lost) for each in by_hand.conflicts] == [("deal.name", "chosen", "offers")]


def test_a_deal_that_nobody_names_is_called_after_the_company() -> None:
    crm = opened()

    conversion = crm.convert(zoe(crm), deal=True).conversion

    assert conversion is not None
    assert crm.get(conversion.deal_id or "").name == "Phare"


def test_a_rule_sets_a_field_of_the_deal_that_is_opened() -> None:
    crm = opened(rule("worth", SetField(target=DEAL, field="amount", value="900 EUR", reason="our smallest")))

    conversion = crm.convert(zoe(crm), deal="Screens").conversion

    assert conversion is not None
    assert str(crm.get(conversion.deal_id or "").amount) == "900.00 EUR"


@pytest.mark.parametrize(
    ("amendment", "complaint"),
    [
        (
            SetField(target=CONTACT, field="titel", value="x", reason="x"),
            "a contact has no field titel; did you mean title",
        ),
        (
            SetField(target=CONTACT, field="email", value="nobody", reason="x"),
            "contact: email .*nobody",
        ),
        (
            MapField(field="sauce", target=CONTACT, to="notes", reason="x"),
            "a lead has no field sauce; did you mean source",
        ),
        (Keep(field="title", reason="x"), "say whose title is meant"),
        (Demand(field="title", reason="x"), "say whose title is demanded"),
    ],
)
def test_what_a_rule_asks_for_in_vain_is_refused_and_named(amendment: Any, complaint: str) -> None:
    crm = opened(rule("wrong", amendment))

    with pytest.raises(RejectedError, match=complaint) as caught:
        crm.convert(zoe(crm))

    assert caught.value.reasons[0].startswith("rule wrong: ")


def disagreeing(*titles: str) -> list[Any]:
    return [
        rule(title.lower(), SetField(target=CONTACT, field="title", value=title, reason="so be it")) for title in titles
    ]


def test_of_two_rules_for_one_field_the_later_wins_and_the_plan_says_who_and_why() -> None:
    crm = opened(*disagreeing("Aa", "Bb"))

    plan = crm.plan_conversion(zoe(crm))

    [conflict] = plan.conflicts
    assert told(plan, CONTACT, "title") == ("Bb", "create", "bb")
    assert (conflict.what, conflict.won, conflict.lost) == ("contact.title", "bb", "aa")
    assert str(conflict) == (
        "contact.title: rule bb wins over rule aa, because it is asked after aa; "
        "the setting plugins.order says in what order"
    )


def test_the_configuration_turns_the_order_round() -> None:
    crm = opened(*disagreeing("Aa", "Bb"), order=("bb", "aa"))

    plan = crm.plan_conversion(zoe(crm))

    assert told(plan, CONTACT, "title") == ("Aa", "create", "aa")
    assert plan.conflicts[0].won == "aa"


def test_rules_that_agree_are_no_conflict() -> None:
    crm = opened(
        *(rule(name, SetField(target=CONTACT, field="title", value="CEO", reason="all are")) for name in ("one", "two"))
    )

    assert crm.plan_conversion(zoe(crm)).conflicts == ()


def test_whoever_converts_has_the_last_word() -> None:
    crm = opened(rule("mine", Take(target=CONTACT, field="title", reason="the badge is newer")))
    crm.contacts.add(email="zoe@phare.example", title="PDG")

    plan = crm.plan_conversion(zoe(crm), fields={"contact.title": "keep"})

    assert told(plan, CONTACT, "title") == ("PDG", "keep", "chosen")
    assert [(each.won, each.lost) for each in plan.conflicts] == [("chosen", "mine")]


# -------------------------------------------------------------------- matchers


def by_city(strength: Strength = Strength.LIKELY) -> Any:
    @lead_matcher("by-city")
    def matcher(leads: Sequence[Lead], context: Context) -> Iterator[Match]:
        cities = {lead.city for lead in leads if lead.city}
        found = [c for city in cities for c in context.find(Query(type="contact", where=Compare("city", Op.EQ, city)))]
        for lead in leads:
            for contact in found:
                if contact.city == lead.city:
                    yield Match(lead_id=lead.id, record_id=contact.id, evidence=f"city {lead.city}", strength=strength)

    return matcher


def test_a_matcher_adds_a_candidate_with_its_evidence() -> None:
    crm = opened(by_city())
    contact = crm.contacts.add(first_name="Zoé", city="Nice")

    plan = crm.plan_conversion(zoe(crm, city="Nice"))

    assert plan.contact.id == contact.id
    assert [(c.evidence, c.strength) for c in plan.candidates] == [(("city Nice",), Strength.LIKELY)]


def test_what_a_matcher_finds_too_is_one_candidate_with_all_the_evidence() -> None:
    crm = opened(by_city())
    crm.contacts.add(first_name="Zoé", email="zoe@phare.example", city="Nice")

    [candidate] = crm.plan_conversion(zoe(crm, city="Nice")).candidates

    assert (candidate.evidence, candidate.strength) == (("e-mail zoe@phare.example", "city Nice"), Strength.STRONG)


def test_whom_a_matcher_finds_besides_makes_it_ambiguous_unless_a_rule_chooses() -> None:
    crm = opened(by_city())
    crm.contacts.add(first_name="Zoé", email="zoe@phare.example")
    other = crm.contacts.add(first_name="Léa", city="Nice")

    with pytest.raises(AmbiguousMatchError) as caught:
        crm.convert(zoe(crm, city="Nice"))

    assert {(id_, evidence) for id_, _label, evidence in caught.value.candidates} >= {(other.id, "city Nice")}


def test_what_a_matcher_looked_at_is_looked_at_again_when_its_plan_is_applied() -> None:
    crm = opened(by_city())
    plan = crm.plan_conversion(zoe(crm, city="Nice"))
    crm.contacts.add(first_name="Zoé", city="Nice")

    with pytest.raises(crmkit.errors.StalePlanError):
        crm.convert(plan)


def test_a_matcher_is_asked_once_for_all_leads_of_a_batch() -> None:
    asked: list[int] = []

    @lead_matcher("counting")
    def counting(leads: Sequence[Lead], _context: Context) -> list[Match]:
        asked.append(len(leads))
        return []

    crm = opened(counting)

    crm.convert_many(crm.leads.add_many({"first_name": name} for name in "ABC"))

    assert asked == [3]


def test_leads_of_one_batch_may_be_matched_with_each_other() -> None:
    @lead_matcher("same-site")
    def same_site(leads: Sequence[Lead], _context: Context) -> Iterator[Match]:
        first: dict[str | None, str] = {}
        for lead in leads:
            known = first.setdefault(lead.website, lead.id)
            if known != lead.id:
                yield Match(lead_id=lead.id, record_id=known, target=ACCOUNT, evidence=f"website {lead.website}")

    crm = opened(same_site)
    leads = crm.leads.add_many(
        {"first_name": name, "company": f"Phare {name}", "website": "https://gmail.com/phare"} for name in "ABC"
    )

    results = crm.convert_many(leads)

    assert len({result.conversion.account_id for result in results if result.conversion}) == 1
    assert crm.accounts.count() == 1


def test_a_match_with_a_lead_says_what_of_it_is_meant() -> None:
    @lead_matcher("vague")
    def vague(leads: Sequence[Lead], _context: Context) -> Iterator[Match]:
        yield Match(lead_id=leads[0].id, record_id=leads[0].id, evidence="itself")

    crm = opened(vague)

    with pytest.raises(PluginError, match="say what of the lead"):
        crm.convert(zoe(crm))


@pytest.mark.parametrize("wrong", ["lead_id", "record_id"])
def test_a_matcher_that_names_what_is_not_there_is_blamed(wrong: str) -> None:
    @lead_matcher("confused")
    def confused(leads: Sequence[Lead], context: Context) -> Iterator[Match]:
        ids = {"lead_id": leads[0].id, "record_id": context.find(Query(type="contact"))[0].id}
        yield Match(evidence="a guess", **{**ids, wrong: "lead_0"})

    crm = opened(confused)
    crm.contacts.add(first_name="Léa")

    with pytest.raises(PluginError, match="confused"):
        crm.convert(zoe(crm))


# ----------------------------------------------------------------------- merge


def twins(crm: CRM) -> tuple[Any, Any]:
    return crm.contacts.add(first_name="Zoé", title="PDG"), crm.contacts.add(first_name="Zoé", title="Directrice")


@pytest.mark.parametrize(
    ("amendment", "after", "action"),
    [
        (Keep(field="title", reason="so it is here"), "PDG", "keep"),
        (lambda p: Take(field="title", record_id=p.losers[0].id, reason="so it is here"), "Directrice", "overwrite"),
        (Append(field="title", reason="so it is here"), "PDG\n\nDirectrice", "append"),
    ],
)
def test_a_merge_rule_keeps_takes_or_appends(amendment: Any, after: str, action: str) -> None:
    crm = opened(merging("mine", amendment))
    winner, loser = twins(crm)

    plan = crm.plan_merge(winner, loser)
    merged = crm.merge(plan)

    said = [(each.action.value, each.reason, each.rule) for each in plan.fields if each.field == "title"]
    assert said == [(action, "so it is here", "mine")]
    assert merged.winner.title == after


def test_the_history_names_the_merge_rule_that_decided() -> None:
    crm = opened(merging("mine", lambda p: Take(field="title", record_id=p.losers[0].id, reason="it is newer")))
    winner, loser = twins(crm)
    crm.merge(winner, loser)

    assert crm.provenance(winner)["title"].rule == "mine"


def test_a_merge_rule_vetoes_with_a_reason() -> None:
    crm = opened(merging("no-merge", Veto(reason="they are sisters")))
    winner, loser = twins(crm)

    with pytest.raises(VetoedError, match="they are sisters") as caught:
        crm.merge(winner, loser)

    assert (caught.value.plugin, caught.value.rule) == ("no-merge", "no-merge")
    assert crm.contacts.count() == 2


def test_a_merge_rule_demands_a_field() -> None:
    crm = opened(merging("calls", Demand(field="phone", reason="we call")))

    with pytest.raises(MissingFieldsError, match=r"the contact has no phone: we call \(rule calls\)") as caught:
        crm.merge(*twins(crm))

    assert caught.value.fields == ("contact.phone",)


def test_of_two_merge_rules_the_later_wins_and_who_merges_has_the_last_word() -> None:
    keep = merging("keeps", Keep(field="title", reason="we know better"))
    take = merging("takes", lambda p: Take(field="title", record_id=p.losers[0].id, reason="it is newer"))
    crm = opened(keep, take)
    winner, loser = twins(crm)

    by_rules = crm.plan_merge(winner, loser)
    by_hand = crm.plan_merge(winner, loser, choose={"title": winner})

    assert [each.new for each in by_rules.fields if each.field == "title"] == ["Directrice"]
    assert [(each.won, each.lost) for each in by_rules.conflicts] == [("takes", "keeps")]
    assert [each.new for each in by_hand.fields if each.field == "title"] == ["PDG"]
    assert [(each.won, each.lost) for each in by_hand.conflicts] == [("takes", "keeps"), ("chosen", "takes")]


@pytest.mark.parametrize(
    ("amendment", "complaint"),
    [
        (Keep(field="titel", reason="x"), "a contact has no field titel; did you mean title"),
        (Take(field="title", record_id="contact_0", reason="x"), "cannot be taken from contact_0"),
        (Append(field="email", reason="x"), "email of a contact holds one value"),
        (Keep(field="created_at", reason="x"), "created_at of a contact cannot be chosen"),
    ],
)
def test_what_a_merge_rule_asks_for_in_vain_is_refused_and_named(amendment: Any, complaint: str) -> None:
    crm = opened(merging("wrong", amendment))

    with pytest.raises(RejectedError, match=f"rule wrong: .*{complaint}"):
        crm.merge(*twins(crm))


def test_a_merge_rule_that_breaks_is_blamed_and_nothing_is_merged() -> None:
    @merge_rule("broken")
    def broken(_proposal: MergeProposal, _context: Context) -> Iterable[Any]:
        message = "oh no"
        raise KeyError(message)

    crm = opened(broken)
    winner, loser = twins(crm)

    with pytest.raises(PluginError, match="oh no") as caught:
        crm.merge(winner, loser)

    assert (caught.value.plugin, caught.value.hook, caught.value.record) == ("broken", "crmkit_merge_rules", winner.id)
    assert crm.contacts.count() == 2


SHORT_FORMS: list[Callable[[Any], Any]] = [merge_rule("none"), lead_matcher("none")]


@pytest.mark.parametrize("decorate", SHORT_FORMS)
def test_a_rule_or_matcher_that_forgets_its_return_is_told_so(decorate: Callable[[Any], Any]) -> None:
    @decorate
    def forgetful(*_arguments: Any) -> None:
        """Return nothing, by mistake."""

    crm = opened(forgetful)

    with pytest.raises(PluginError, match="it returned NoneType instead of a list"):
        crm.merge(*twins(crm)) if hasattr(forgetful, "amend_merge") else crm.convert(zoe(crm))
