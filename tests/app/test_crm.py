"""The facade: collections and everyday methods, as a script uses them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest

import crmkit
from crmkit import CRM
from crmkit.core.activity import Direction
from crmkit.errors import AmbiguousMatchError, ConflictError, NotFoundError, RejectedError
from crmkit.services.sources import BytesSource


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", discover=False, actor="Ada") as opened:
        yield opened


def test_a_record_is_found_by_what_people_call_it(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules", last_name="ETIENNE", email="Jules@Hospy.example")
    account = crm.accounts.add(name="Hospy Médias")

    for name in (lead.id, "jules@hospy.example", "jules etienne", "Étienne Jules", "etie"):
        assert crm.leads.find(name) == lead, name
    for name in ("Hospy Médias", "hospy medias", "hosp"):
        assert crm.accounts.find(name) == account, name


def test_a_whole_name_comes_before_many_that_begin_so(crm: CRM) -> None:
    crm.accounts.add_many([{"name": f"Acme {town}"} for town in range(25)])
    acme = crm.accounts.add(name="ACME")

    assert crm.accounts.find("acme") == acme


def test_a_name_that_nobody_has_is_not_found_with_what_comes_close(crm: CRM) -> None:
    crm.leads.add(first_name="Jules", last_name="ETIENNE")

    with pytest.raises(NotFoundError) as caught:
        crm.leads.find("Jules Etiene-")

    assert caught.value.suggestions == ("Jules ETIENNE",)


def test_a_name_that_several_have_is_ambiguous(crm: CRM) -> None:
    leads = crm.leads.add_many([{"first_name": "Jules", "email": f"{n}@hospy.example"} for n in "ab"])

    with pytest.raises(AmbiguousMatchError) as caught:
        crm.leads.find("jules")

    assert [(id_, evidence) for id_, _, evidence in caught.value.candidates] == [
        (leads[0].id, "a@hospy.example"),
        (leads[1].id, "b@hospy.example"),
    ]


def test_records_are_selected_by_values(crm: CRM) -> None:
    salon = crm.campaigns.add(name="Salon")
    crm.leads.add_many(
        [
            {"first_name": "A", "status": "new", "campaign_id": salon, "tags": ["vip", "fr"]},
            {"first_name": "B", "status": "contacted", "score": 10},
            {"first_name": "C", "status": "qualified", "tags": ["vip"]},
        ]
    )

    def names(**equals: object) -> list[str | None]:
        return [lead.first_name for lead in crm.leads.where(**equals).order_by("first_name")]

    assert names() == ["A", "B", "C"]
    assert names(status="new") == ["A"]
    assert names(status=["new", "qualified"]) == ["A", "C"]
    assert names(campaign_id=salon) == ["A"]
    assert names(campaign_id=None) == ["B", "C"]
    assert names(tags="vip") == ["A", "C"]
    assert names(tags=["vip", "fr"]) == ["A"]
    assert crm.leads.count(status="contacted") == 1
    assert crm.leads.where().order_by("-first_name").limit(1).all()[0].first_name == "C"


def test_a_selection_by_an_unknown_field_or_value_says_all_that_is_wrong(crm: CRM) -> None:
    with pytest.raises(RejectedError) as caught:
        crm.leads.where(stauts="new", score="many")

    assert "did you mean status" in caught.value.reasons[0]
    assert caught.value.reasons[1] == "score is not a whole number"


def test_a_loop_may_change_what_it_goes_through(crm: CRM) -> None:
    crm.leads.add_many([{"first_name": f"Lead {i}"} for i in range(1203)])

    for lead in crm.leads.where(title=None):
        if lead.first_name and lead.first_name.endswith("7"):
            crm.leads.update(lead, title="CEO")

    assert crm.leads.count() == 1203
    assert crm.leads.count(title="CEO") == 120


def test_the_newest_come_first(crm: CRM) -> None:
    for name in "abc":
        crm.leads.add(first_name=name)

    assert [lead.first_name for lead in crm.leads] == ["c", "b", "a"]
    newest = crm.leads.where().first()
    assert newest is not None
    assert newest.first_name == "c"


def test_a_deleted_record_leaves_the_lists_and_can_come_back(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")

    (deleted,) = crm.leads.delete(lead)
    assert crm.leads.count() == 0
    assert [found.id for found in crm.leads.where().including_deleted()] == [lead.id]
    crm.leads.restore(deleted)

    assert crm.leads.count() == 1


def test_a_stale_record_is_a_conflict(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")
    crm.leads.update(lead, title="CEO")

    with pytest.raises(ConflictError):
        crm.leads.delete(lead)


def test_one_expects_exactly_one(crm: CRM) -> None:
    with pytest.raises(NotFoundError):
        crm.leads.one(first_name="Jules")
    lead = crm.leads.add(first_name="Jules")
    assert crm.leads.one(first_name="Jules") == lead
    crm.leads.add(first_name="Jules")
    with pytest.raises(NotFoundError, match="single lead"):
        crm.leads.one(first_name="Jules")


def test_many_changes_can_be_one_operation(crm: CRM) -> None:
    with crm.operation("after the fair"):
        lead = crm.leads.add(first_name="Jules")
        crm.note(lead, "Likes tea")
        crm.leads.update(lead, status="contacted")

    newest = crm.log(limit=1)[0].operation
    assert (newest.reason, newest.counts["lead"]) == ("after the fair", {"created": 1})
    crm.undo(newest)
    assert (crm.leads.count(), crm.activities.count()) == (0, 0)


def test_within_an_operation_everything_that_reads_sees_what_is_pending(crm: CRM) -> None:
    hospy = crm.accounts.add(name="Hospy Médias")
    deal = crm.open_deal("40 seats", account=hospy, amount="1000 EUR")

    with crm.operation("after the call"):
        crm.open_deal("60 seats", account=hospy, amount="500 EUR")
        crm.set_probability(deal, 100)
        crm.accounts.update(hospy, name="Hospy Santé")
        stage = crm.board().columns[0]
        named = [crm.search(words) for words in ("medias", "sante", "60 seats")]

    assert (stage.count, str(stage.total["EUR"]), str(stage.weighted["EUR"])) == (2, "1500.00 EUR", "1050.00 EUR")
    assert [[hit.record.label for hit in hits][:1] for hits in named] == [[], ["Hospy Santé"], ["60 seats"]]


def test_a_pipeline_of_ones_own_is_added_changed_and_removed(crm: CRM) -> None:
    stages: list[dict[str, object]] = [
        {"key": "brought_in", "default_probability": 60},
        {"key": "repaired", "kind": "won"},
        {"key": "taken_away", "kind": "lost"},
    ]

    pipeline = crm.add_pipeline("workshop", "Workshop", stages, currency="EUR")
    quoted = crm.add_stage("workshop", {"key": "quoted", "default_probability": 70}, after="brought_in")
    changed = crm.update_stage("workshop", "quoted", default_probability=80)
    deal = crm.open_deal("Bike", pipeline="workshop", stage="quoted")
    crm.remove_stage("workshop", quoted, move_to="brought_in")

    assert (quoted.position, changed.default_probability) == (2, 80)
    assert crm.stages.get(crm.deals.get(deal.id).stage_id).key == "brought_in"
    crm.deals.delete(deal.id)
    crm.remove_pipeline(pipeline)
    assert [each.key for each in crm.pipelines.where()] == ["sales"]


def test_an_operation_can_be_named_by_what_it_gave(crm: CRM) -> None:
    converted = crm.convert(crm.leads.add(first_name="Jules", email="jules@hospy.example"))

    crm.undo(converted)
    assert crm.contacts.count() == 0
    crm.redo(converted)
    assert crm.contacts.count() == 1
    with pytest.raises(NotFoundError) as caught:
        crm.undo(attrs.evolve(converted, operation_id=None))
    assert caught.value.hint == "nothing was changed, so nothing can be undone"


def test_what_an_import_changed_in_two_parts_is_undone_to_what_was_before(crm: CRM) -> None:
    lead = crm.leads.add(email="jules@hospy.example", title="Buyer", notes="first")
    table = b"Email,Title,Notes\njules@hospy.example,CEO,second\njules@hospy.example,CEO,third\n"
    report = crm.import_leads(BytesSource("scans.csv", table), policy="update", batch_size=1)
    between = crm.leads.get(lead.id)

    crm.undo(report)

    undone = crm.leads.get(lead.id)
    assert (between.title, between.notes, between.version) == ("CEO", "first\nsecond\nthird", 3)
    assert (undone.title, undone.notes) == ("Buyer", "first")
    # Of the lines that told something, the one that made the change stands for it.
    assert [entry.row for entry in crm.history(lead)] == [None, 2, 2, None]


def test_of_leads_converted_into_one_deal_one_can_be_taken_back(crm: CRM) -> None:
    leads = crm.leads.add_many([{"first_name": name, "company": "Hospy"} for name in ("Jules", "Ada")])
    deal = crm.open_deal("Ovens", account=crm.accounts.add(name="Hospy"))
    results = crm.convert_many(leads, into_deal=deal)

    crm.undo(results[0], only=[leads[1]])

    (left,) = crm.contacts
    assert left.first_name == "Jules"
    assert [link.to_id for link in crm.collection("link").where(kind="contact")] == [left.id]


def test_who_acts_stands_in_the_log(crm: CRM) -> None:
    crm.acting_as("Bob").leads.add(first_name="Jules")

    assert [entry.operation.actor for entry in crm.log(limit=1)] == ["Bob"]


def test_tasks_come_the_most_urgent_first_until_they_are_done(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")
    now = crm.workspace.clock.now()
    later = crm.task(lead, "Send the brochure", due=now + timedelta(days=3))
    soon = crm.task(lead, "Call back", due=now + timedelta(days=1))

    assert [(task.subject, about) for task, about in crm.tasks_due()] == [
        ("Call back", [lead]),
        ("Send the brochure", [lead]),
    ]
    assert [task.id for task, _ in crm.tasks_due(until=now + timedelta(days=2))] == [soon.id]
    crm.complete(soon)
    assert [task.id for task, _ in crm.tasks_due()] == [later.id]


def test_what_happens_to_a_record_is_said_and_asked_by_its_name(crm: CRM) -> None:
    crm.users.add(name="Ada")
    lead = crm.leads.add(first_name="Jules", last_name="Etienne", email="jules@hospy.example")

    task = crm.task("Jules Etienne", "Send the offer", owner="Ada")
    crm.note("jules@hospy.example", "Likes tea")

    assert task.owner_id == crm.users.find("Ada").id
    assert [entry.text for entry in crm.timeline("Jules Etienne")][1:] == ["Send the offer (open)", "Likes tea"]
    assert crm.history("Jules Etienne") == crm.history(lead)
    assert crm.provenance("Jules Etienne") == crm.provenance(lead)
    with pytest.raises(NotFoundError, match="no record 'Nobody'"):
        crm.note("Nobody", "who?")


def test_only_a_task_can_be_done(crm: CRM) -> None:
    note = crm.note(crm.leads.add(first_name="Jules"), "Likes tea")

    with pytest.raises(RejectedError, match="the note “Likes tea” is not a task"):
        crm.complete(note)


def test_an_activity_is_about_records_that_live(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")
    crm.leads.delete(lead)

    with pytest.raises(NotFoundError, match="there is no living lead 'Jules'"):
        crm.call(lead, "Nobody there")


def test_the_timeline_tells_what_happened_in_order(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules", company="Hospy")
    crm.call(lead, "He is interested", body="wants a quote")
    lead = crm.leads.update(lead, status="qualified", reason="a good call")
    result = crm.convert(lead)
    assert result.conversion is not None

    told = [(entry.kind, entry.text, entry.actor) for entry in crm.timeline(str(result.conversion.contact_id))]

    assert told == [
        ("created", "lead Jules", "Ada"),
        ("call", "He is interested: wants a quote", "Ada"),
        ("changed", "lead Jules, status: new → qualified (a good call)", "Ada"),
        ("created", "contact Jules", "Ada"),
        ("changed", "lead Jules, status: qualified → converted (converted)", "Ada"),
    ]


def test_a_timeline_leaves_out_notes_that_are_deleted(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")
    crm.activities.delete(crm.note(lead, "wrong person"))

    assert [entry.kind for entry in crm.timeline(lead)] == ["created"]


def test_what_is_not_there_has_no_timeline(crm: CRM) -> None:
    with pytest.raises(NotFoundError, match="there is no lead 'lead_1'"):
        crm.timeline("lead_1")


def test_a_direction_that_is_none_is_refused(crm: CRM) -> None:
    lead = crm.leads.add(first_name="Jules")

    with pytest.raises(RejectedError, match="direction must be one of inbound, outbound"):
        crm.email(lead, "An offer", direction="sideways")

    assert crm.email(lead, "An offer", direction="outbound").direction is Direction.OUTBOUND


def test_the_log_of_a_record_has_only_what_touched_it(crm: CRM) -> None:
    lead, other = crm.leads.add(first_name="Jules"), crm.leads.add(first_name="Ada")
    crm.leads.update(other, title="CEO")
    crm.leads.update(lead, title="CTO")

    entries = crm.log(record=lead)

    assert [entry.operation.counts for entry in entries] == [
        {"lead": {"updated": 1}},
        {"lead": {"created": 1}},
    ]


def test_the_log_says_what_is_undone_at_present(crm: CRM) -> None:
    crm.leads.add(first_name="Jules")
    operation = crm.log(limit=1)[0].operation

    crm.undo(operation)
    assert {entry.operation.id: entry.undone for entry in crm.log()}[operation.id]
    crm.redo(operation)

    assert not {entry.operation.id: entry.undone for entry in crm.log()}[operation.id]


def test_a_report_that_is_not_there_is_not_found(crm: CRM) -> None:
    with pytest.raises(NotFoundError, match="there is no report 'funel'") as caught:
        crm.report("funel")

    assert caught.value.suggestions == ("funnel",)
