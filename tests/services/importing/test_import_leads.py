"""Importing leads: what becomes of each row, and what is never lost."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.consent import ConsentStatus
from crmkit.core.imports import ImportReport
from crmkit.core.operation import RowOutcome
from crmkit.core.planning import Planning
from crmkit.errors import NotFoundError, PluginError, RejectedError, UnreadableError
from crmkit.plugins.builtin.csv_importer import CsvImporter
from crmkit.services.importing import ImportProgress, import_leads, read_report
from crmkit.services.merge import merge
from crmkit.services.operations import Request, open_operation, run
from crmkit.services.sources import BytesSource
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.import_samples import JsonImporter, a_person, dump, people, records, with_importers
from tests.services.conftest import open_workspace


def change(crm: Workspace, plan: Any) -> Any:
    """Run a plan that returns an id or nothing."""
    return run(
        crm, Request(kind="edit"), lambda planning: {"id": plan(planning)}, lambda _view, result: result["id"]
    ).value


def a_campaign(crm: Workspace, name: str = "Salon") -> str:
    return str(change(crm, lambda planning: planning.create("campaign", {"name": name})))


def outcomes(report: ImportReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.outcomes.items()}


# Rows and what becomes of them


def test_each_row_is_accounted_for(crm: Workspace) -> None:
    source = people(a_person(1), "", "{broken", a_person(2), a_person(1), {"city": "Lyon"}, a_person(3, phone="12"))

    report = import_leads(crm, source).value

    assert report.read == 7
    assert outcomes(report) == {"created": 3, "ignored": 1, "rejected": 2, "duplicate": 1}
    assert report.warnings == 1
    told = [(row.line, row.outcome.value, row.reason) for row in report.problems]
    assert told == [
        (2, "ignored", "blank row"),
        (3, "rejected", "is no JSON"),
        (5, "duplicate", "repeats line 1"),
        (6, "rejected", "the row has no name, company, e-mail address or phone number"),
        (7, "created", "the country of the phone number '12' is not known"),
    ]


def test_a_report_that_does_not_add_up_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="3 rows were read, but 2 are accounted for"):
        ImportReport(source="x", importer="csv", read=3, outcomes={RowOutcome.CREATED: 2})


def test_a_lead_holds_what_the_row_says_and_what_the_import_was_asked_for(crm: Workspace) -> None:
    campaign = a_campaign(crm)
    user = str(change(crm, lambda planning: planning.create("user", {"name": "Ada"})))
    draft = {
        "full_name": "Mme Anne LE GOFF",
        "email": "Anne@Hospy.example",
        "phone": "01 42 68 53 00",
        "country": "France",
        "language": "Français",
        "source_id": "B-7",
        "tags": ["vip"],
        "extra": {"Stand": "B12"},
        "other_emails": ["anne@home.example"],
    }

    import_leads(crm, people(draft), campaign=campaign, owner=user, tags=["salon"], source_label="trade_show")

    (lead,) = records(crm, "lead")
    assert (lead.salutation, lead.name, lead.email) == ("Mme", "Anne Le Goff", "Anne@hospy.example")
    assert (lead.phone, lead.country, lead.language) == ("+33142685300", "FR", "fr")
    assert (lead.source_id, lead.import_key, lead.source_row) == ("B-7", "json:B-7", 1)
    assert (lead.tags, lead.extra) == (("salon", "vip"), {"Stand": "B12"})
    assert (lead.campaign_id, lead.owner_id, lead.source) == (campaign, user, "trade_show")
    (member,) = records(crm, "campaign_member")
    assert (member.campaign_id, member.person_id) == (campaign, lead.id)
    (point,) = records(crm, "contact_point")
    assert (point.person_id, point.value) == (lead.id, "anne@home.example")


def test_the_csv_importer_reads_what_a_french_spreadsheet_writes(workspace: Workspace) -> None:
    crm = with_importers(workspace, CsvImporter())
    text = "Prénom;Nom;Société;E-mail;Téléphone\r\nJules;ETIENNE;Hospy Médias;jules@hospy.example;01 42 68 53 00\r\n"

    report = import_leads(crm, BytesSource("leads.csv", text.encode("cp1252"))).value

    assert (report.importer, outcomes(report)) == ("csv", {"created": 1})
    (lead,) = records(crm, "lead")
    assert (lead.name, lead.company, lead.phone) == ("Jules Etienne", "Hospy Médias", "+33142685300")
    assert lead.language is None


# Duplicates, in the file and in the store


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"source_id": "7", "last_name": "Berg"}, {"source_id": "7", "last_name": "Bergmann"}),
        ({"email": "Anna@x.example"}, {"email": "anna@X.example", "city": "Lyon"}),
        ({"email": "a@x.example", "other_emails": ["b@x.example"]}, {"email": "b@x.example"}),
        (
            {"full_name": "Anna Berg", "phone": "+33142685300"},
            {"full_name": "BERG Anna", "mobile": "01 42 68 53 00", "country": "FR"},
        ),
    ],
)
def test_one_person_in_two_rows_is_one_lead(
    crm: Workspace, first: dict[str, Any], second: dict[str, Any], batch_size: int
) -> None:
    report = import_leads(crm, people(first, second), batch_size=batch_size).value

    assert outcomes(report) == {"created": 1, "duplicate": 1}
    assert len(records(crm, "lead")) == 1


def test_a_name_alone_or_a_number_alone_makes_nobody_the_same(crm: Workspace) -> None:
    rows = [
        {"full_name": "Anna Berg", "phone": "+33142685300"},
        {"full_name": "Anna Berg", "phone": "+33142685301"},
        {"full_name": "Anna Berg"},
        {"full_name": "Paul Roth", "phone": "+33142685300"},
    ]

    report = import_leads(crm, people(*rows)).value

    assert outcomes(report) == {"created": 4}


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_several_scans_of_a_person_become_one_lead_that_knows_all(crm: Workspace, batch_size: int) -> None:
    rows = [
        a_person(1, notes="wants a demo", tags=["vip"], extra={"Scan": "9:00"}),
        a_person(1, notes="asks for prices", tags=["press"], city="Lyon", company="Hospy Médias", extra={"Hall": "4"}),
    ]

    report = import_leads(crm, people(*rows), batch_size=batch_size).value

    (lead,) = records(crm, "lead")
    assert (lead.city, lead.company, lead.tags) == ("Lyon", "Hospy", ("press", "vip"))
    assert lead.notes == "wants a demo\nasks for prices"
    assert lead.extra == {"Scan": "9:00", "Hall": "4"}
    assert "company 'Hospy Médias' was not taken over, since it is 'Hospy'" in report.problems[0].reason


def test_fill_fills_what_is_empty_and_overwrites_nothing(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, title="CTO")))

    report = import_leads(crm, people(a_person(1, title="CEO", city="Lyon"))).value

    (lead,) = records(crm, "lead")
    assert (lead.title, lead.city, lead.version) == ("CTO", "Lyon", 2)
    assert outcomes(report) == {"updated": 1}
    assert report.problems[0].reason == "title 'CEO' was not taken over, since it is 'CTO'; changes city"


def test_skip_leaves_known_leads_as_they_are(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1)))
    before = dump(crm)

    report = import_leads(crm, people(a_person(1, city="Lyon")), policy="skip", campaign=None).value

    assert outcomes(report) == {"unchanged": 1}
    assert dump(crm) == before


def test_update_overwrites_but_a_second_row_of_the_same_file_does_not(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, title="CTO")))
    source = people(a_person(1, title="CEO"), a_person(1, title="CFO"))

    for batch_size in (1, 1000):
        import_leads(crm, source, policy="update", batch_size=batch_size)
        (lead,) = records(crm, "lead")
        assert lead.title == "CEO"


def test_an_update_that_is_imported_again_leaves_alone_what_people_changed_since(crm: Workspace) -> None:
    source = people(a_person(1, title="CEO"))
    import_leads(crm, source, policy="update")
    (lead,) = records(crm, "lead")
    change(crm, lambda planning: planning.update("lead", lead.id, {"title": "Chair"}) and None)

    again = import_leads(crm, source, policy="update")

    assert (again.operation_id, records(crm, "lead")[0].title) == (None, "Chair")


def test_another_address_of_a_known_person_is_a_further_one(crm: Workspace) -> None:
    import_leads(crm, people({"full_name": "Anna Berg", "phone": "+33142685300", "email": "anna@x.example"}))
    again = people({"full_name": "Anna Berg", "phone": "+33142685300", "email": "anna@y.example"})

    first, second = import_leads(crm, again).value, import_leads(crm, again).value

    (lead,) = records(crm, "lead")
    assert lead.email == "anna@x.example"
    assert [point.value for point in records(crm, "contact_point")] == ["anna@y.example"]
    assert (outcomes(first), outcomes(second)) == ({"updated": 1}, {"unchanged": 1})


def test_a_known_contact_joins_the_campaign_and_gets_a_note_but_no_lead(crm: Workspace) -> None:
    campaign = a_campaign(crm)
    contact = change(
        crm, lambda planning: planning.create("contact", {"last_name": "Berg", "email": "anna1@example.com"})
    )
    source = people(a_person(1, notes="wants a demo"))

    report = import_leads(crm, source, campaign=campaign).value
    before = dump(crm)
    again = import_leads(crm, source, campaign=campaign)

    assert records(crm, "lead") == []
    assert outcomes(report) == {"duplicate": 1}
    assert report.problems[0].reason == "is already the contact Berg; changes campaign"
    assert report.problems[0].record_id == contact
    assert [member.person_id for member in records(crm, "campaign_member")] == [contact]
    (note,) = records(crm, "activity")
    assert "notes: wants a demo" in note.body
    assert [(link.from_id, link.to_id) for link in records(crm, "link")] == [(note.id, contact)]
    assert (again.operation_id, dump(crm)) == (None, before)


def test_a_row_of_a_lead_that_was_converted_is_about_the_contact(crm: Workspace) -> None:
    source = people(a_person(1))
    import_leads(crm, source)
    (lead,) = records(crm, "lead")

    def convert(planning: Planning) -> None:
        contact = planning.create("contact", {"last_name": "Berg"})
        conversion = planning.create("conversion", {"lead_id": lead.id, "contact_id": contact})
        planning.update_scalars("lead", lead.id, {"status": "converted", "conversion_id": conversion})

    change(crm, convert)
    before = dump(crm)

    again = import_leads(crm, source)

    assert again.value.problems[0].reason == "is already the contact Berg"
    assert (again.operation_id, dump(crm)) == (None, before)


def test_a_lead_that_was_deleted_does_not_come_back(crm: Workspace) -> None:
    source = people(a_person(1), a_person(2))
    import_leads(crm, source)
    lead = records(crm, "lead")[0]
    change(crm, lambda planning: planning.delete("lead", lead.id) and None)

    report = import_leads(crm, source).value

    assert outcomes(report) == {"ignored": 1, "unchanged": 1}
    assert report.problems[0].reason == "Anna1 Berg was deleted"
    assert len(records(crm, "lead")) == 1


def test_a_row_of_a_lead_that_was_merged_is_about_the_one_it_was_merged_into(crm: Workspace) -> None:
    source = people(a_person(1), a_person(2))
    import_leads(crm, source)
    winner, loser = records(crm, "lead")
    merge(crm, winner, [loser])
    before = dump(crm)

    again = import_leads(crm, source)

    assert "was deleted" not in str(again.value.problems)
    assert [lead.id for lead in records(crm, "lead")] == [winner.id]
    assert (again.operation_id, dump(crm)) == (None, before)


# Consent


def test_an_opt_out_stops_the_address_and_an_agreement_is_recorded(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, opt_out=True), a_person(2, consent=True), a_person(3)))

    said = {consent.address_key: (consent.status, consent.origin) for consent in records(crm, "consent")}
    assert said == {
        "anna1@example.com": (ConsentStatus.WITHDRAWN, "people.jsonl"),
        "anna2@example.com": (ConsentStatus.GRANTED, "people.jsonl"),
    }
    (suppression,) = records(crm, "suppression")
    assert (suppression.address_key, suppression.reason) == ("anna1@example.com", "opt_out in people.jsonl")


def test_a_file_takes_nothing_back_that_was_said_since(crm: Workspace) -> None:
    source = people(a_person(1, opt_out=True), a_person(2, consent=True), a_person(3, consent=False))
    import_leads(crm, source)

    def change_minds(planning: Planning) -> None:
        one = {"address_key": "anna1@example.com", "purpose": "marketing", "status": ConsentStatus.GRANTED}
        two = {"address_key": "anna2@example.com", "purpose": "marketing", "status": ConsentStatus.WITHDRAWN}
        planning.create("consent", one)
        planning.create("consent", two)
        planning.create("consent", {**one, "address_key": "anna3@example.com"})
        planning.create("suppression", {"address_key": "anna1@example.com", "active": False, "reason": "asked"})

    change(crm, change_minds)
    before = dump(crm)

    again = import_leads(crm, source)

    assert (again.operation_id, dump(crm)) == (None, before)


def test_who_has_not_objected_has_not_agreed(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, opt_out=False), a_person(2, opt_out=None, consent=None), a_person(3)))

    assert len(records(crm, "lead")) == 3
    assert records(crm, "consent") == records(crm, "suppression") == []


def test_a_refusal_withdraws_the_consent_of_every_address_and_suppresses_none(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, consent=False, opt_out=False, other_emails=["anna@home.example"])))

    said = {consent.address_key: (consent.status, consent.basis) for consent in records(crm, "consent")}
    assert said == dict.fromkeys(["anna1@example.com", "anna@home.example"], (ConsentStatus.WITHDRAWN, None))
    assert records(crm, "suppression") == []


@pytest.mark.parametrize("consent", [True, False])
def test_an_opt_out_goes_before_what_a_consent_says(crm: Workspace, *, consent: bool) -> None:
    import_leads(crm, people(a_person(1, opt_out=True, consent=consent)))

    assert [consent.status for consent in records(crm, "consent")] == [ConsentStatus.WITHDRAWN]
    assert [suppression.active for suppression in records(crm, "suppression")] == [True]


def test_an_agreement_beside_no_objection_is_recorded(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1, opt_out=False, consent=True)))

    assert [(consent.status, consent.basis) for consent in records(crm, "consent")] == [
        (ConsentStatus.GRANTED, "consent")
    ]


@pytest.mark.parametrize("refusal", [{"opt_out": True}, {"consent": False}])
@pytest.mark.parametrize("batch_size", [1, 9])
def test_of_two_rows_the_refusal_counts(crm: Workspace, refusal: dict[str, bool], batch_size: int) -> None:
    source = people(a_person(1, consent=True), a_person(1, **refusal), a_person(1, consent=True))

    import_leads(crm, source, batch_size=batch_size)

    assert records(crm, "consent")[-1].status is ConsentStatus.WITHDRAWN
    assert import_leads(crm, source, batch_size=batch_size).operation_id is None


# Again


DRAFTS = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.sampled_from(["Anna", "PAUL", "li"]),
        "last_name": st.sampled_from(["Berg", "ROTH"]),
        "email": st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "broken@", ""]),
        "other_emails": st.lists(st.sampled_from(["a@x.example", "c@x.example", "?"]), max_size=2),
        "phone": st.sampled_from(["+33142685300", "01 42 68 53 00", "12"]),
        "mobile": st.sampled_from(["+33142685300", "+33612345678"]),
        "country": st.sampled_from(["France", "DE", "Atlantis"]),
        "source_id": st.sampled_from(["1", "2"]),
        "title": st.sampled_from(["CEO", "CTO"]),
        "notes": st.sampled_from(["one", "two", "one\ntwo"]),
        "tags": st.lists(st.sampled_from(["vip", "press"]), max_size=2),
        "extra": st.dictionaries(st.sampled_from(["Stand", "Hall"]), st.sampled_from(["1", "2"]), max_size=2),
        "opt_out": st.sampled_from([True, False, None]),
        "consent": st.sampled_from([True, False, None]),
    },
)


@given(
    drafts=st.lists(DRAFTS | st.sampled_from(["", "{broken"]), max_size=9),
    policy=st.sampled_from(["fill", "skip", "update"]),
    batch_size=st.integers(1, 4),
    joins=st.booleans(),
)
def test_importing_again_changes_nothing_whatever_the_file(
    drafts: list[dict[str, Any] | str], policy: Any, batch_size: int, *, joins: bool
) -> None:
    crm = with_importers(open_workspace(MemoryStorage()), JsonImporter())
    asked = {"policy": policy, "campaign": a_campaign(crm) if joins else None, "batch_size": batch_size}
    try:
        first = import_leads(crm, people(*drafts), **asked).value
    except RejectedError as error:
        assert "cannot be imported" in str(error)  # noqa: PT017  # most examples pass
        return
    before = dump(crm)

    again = import_leads(crm, people(*drafts), **asked)

    assert first.read == again.value.read == len(people(*drafts).head().splitlines())
    assert again.operation_id is None
    assert dump(crm) == before
    assert again.value.rejected == first.rejected
    assert again.value.created == 0


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_a_row_means_the_same_person_again_though_the_address_was_mended_since(crm: Workspace, batch_size: int) -> None:
    source = people(a_person(1), a_person(1, source_id="7"), a_person(2))
    import_leads(crm, source, batch_size=batch_size)
    lead = next(lead for lead in records(crm, "lead") if lead.first_name == "Anna1")
    change(crm, lambda planning: planning.update("lead", lead.id, {"email": "anna@hospy.example"}) and None)

    report = import_leads(crm, source, batch_size=batch_size).value

    assert report.created == 0
    assert len(records(crm, "lead")) == 2


def test_an_import_that_changes_nothing_still_tells_of_its_rows(crm: Workspace) -> None:
    source = people(a_person(1), "{broken")
    first = import_leads(crm, source).value

    again = import_leads(crm, source).value

    assert (again.rejected, again.unchanged, again.operation_id) == (1, 1, None)
    assert again.problems == first.problems


def test_rows_from_before_the_first_change_are_kept_however_many_they_are(crm: Workspace) -> None:
    known = [a_person(number) for number in range(1100)]
    broken = ["{broken"] * 1100
    mixed = [row for pair in zip(known, broken, strict=True) for row in pair]
    import_leads(crm, people(*known))

    report = import_leads(crm, people(*mixed[:2], *known, *mixed, a_person(5000)), batch_size=500).value

    assert (report.created, report.rejected, len(report.problems)) == (1, 1101, 1000)
    kept = [row for row in records(crm, "import_row") if row.outcome is RowOutcome.REJECTED]
    assert len(kept) == 1101


def test_the_report_can_be_read_again(crm: Workspace) -> None:
    outcome = import_leads(crm, people(a_person(1), "{broken", a_person(2, phone="12")))

    assert read_report(crm, str(outcome.operation_id)) == outcome.value
    with pytest.raises(NotFoundError, match="there is no import"):
        read_report(crm, "op_1")


def test_where_a_change_comes_from_is_on_record(crm: Workspace) -> None:
    import_leads(crm, people(a_person(1)))

    outcome = import_leads(crm, people("", a_person(1, city="Lyon")))

    (row,) = [row for row in records(crm, "import_row") if row.outcome is RowOutcome.UPDATED]
    (lead,) = records(crm, "lead")
    assert (row.operation_id, row.line, row.record_id, row.reason) == (outcome.operation_id, 2, lead.id, "changes city")
    (logged,) = records(crm, "change")
    assert (logged.record_id, logged.fields, logged.why) == (
        lead.id,
        {"city": [None, "Lyon"]},
        "imported from people.jsonl",
    )


# Asking


def test_a_dry_run_reports_what_the_import_would_and_writes_nothing(crm: Workspace) -> None:
    source = people(a_person(1), "{broken", a_person(2), a_person(1, city="Lyon"))
    before = dump(crm)

    rehearsed = import_leads(crm, source, dry_run=True, batch_size=2).value

    assert dump(crm) == before
    assert rehearsed == attrs.evolve(
        import_leads(crm, source, batch_size=2).value, operation_id=None, problems=rehearsed.problems
    )
    assert [row.line for row in rehearsed.problems] == [2, 4]


def test_the_same_key_gives_the_same_report(crm: Workspace) -> None:
    first = import_leads(crm, people(a_person(1)), key="k")

    again = import_leads(crm, people(a_person(1)), key="k")

    assert again.replayed
    assert (again.value, again.operation_id) == (first.value, first.operation_id)
    in_vain = import_leads(crm, people(a_person(1)), key="other")
    assert (in_vain.value.unchanged, in_vain.operation_id is None) == (1, False)
    with pytest.raises(RejectedError, match="already used for another request"):
        import_leads(crm, people(a_person(2)), key="k")


def test_the_surest_importer_reads(workspace: Workspace) -> None:
    crm = with_importers(workspace, JsonImporter("guess", sure=10), JsonImporter("sure", sure=90))

    assert import_leads(crm, people(a_person(1))).value.importer == "sure"
    assert import_leads(crm, people(a_person(2)), importer="guess").value.importer == "guess"


def test_two_importers_that_are_equally_sure_must_be_told_apart(workspace: Workspace) -> None:
    crm = with_importers(workspace, JsonImporter("one"), JsonImporter("two"), JsonImporter("weak", sure=1))

    with pytest.raises(RejectedError, match="one and two are equally sure"):
        import_leads(crm, people(a_person(1)))


def test_what_no_importer_knows_is_unreadable(crm: Workspace) -> None:
    with pytest.raises(UnreadableError, match=r"photo\.png: no importer"):
        import_leads(crm, BytesSource("photo.png", b"\x89PNG"))
    with pytest.raises(NotFoundError) as caught:
        import_leads(crm, people(a_person(1)), importer="jsonn")
    assert caught.value.suggestions == ("json",)


@pytest.mark.parametrize("asked", [{"campaign": "campaign_1"}, {"owner": "user_1"}])
def test_a_campaign_or_user_that_does_not_exist_is_refused(crm: Workspace, asked: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError):
        import_leads(crm, people(a_person(1)), **asked)


def test_what_is_wrong_with_the_request_is_said_at_once(crm: Workspace) -> None:
    request = Request(kind="edit")
    with pytest.raises(RejectedError) as caught, open_operation(crm, request):
        import_leads(crm, people(a_person(1)), policy="merge", batch_size=0)  # type: ignore[arg-type]  # wrong on purpose

    assert len(caught.value.reasons) == 3


def test_a_wrong_importer_is_noticed_before_anything_is_written(crm: Workspace) -> None:
    half = [a_person(n) if n % 2 else "{broken" for n in range(100)]
    before = dump(crm)

    with pytest.raises(RejectedError, match="51 of the first 100 rows"):
        import_leads(crm, people("{broken", *half, *(a_person(n) for n in range(200, 400))))
    with pytest.raises(RejectedError, match="5 of the first 5 rows"):
        import_leads(crm, people(*["{broken"] * 5))
    assert dump(crm) == before
    assert import_leads(crm, people(*half)).value.rejected == 50
    assert import_leads(crm, people(*["{broken"] * 4)).value.rejected == 4


def test_more_errors_than_allowed_stop_the_import(crm: Workspace) -> None:
    source = people(a_person(1), "{broken", a_person(2), "{broken", a_person(3))
    before = dump(crm)

    with pytest.raises(RejectedError, match="rejected rows: 2, allowed: 1"):
        import_leads(crm, source, max_errors=1)
    assert dump(crm) == before
    with pytest.raises(RejectedError, match="rejected rows: 2"):
        import_leads(crm, source, max_errors=1, batch_size=2)
    report = import_leads(crm, source, max_errors=2, batch_size=2).value

    assert outcomes(report) == {"created": 3, "rejected": 2}


def test_an_importer_that_fails_is_named(workspace: Workspace) -> None:
    crm = with_importers(workspace, JsonImporter(break_at=2))

    with pytest.raises(PluginError, match="plugin json 1 failed in crmkit_importers: RuntimeError: the importer broke"):
        import_leads(crm, people(a_person(1), a_person(2)))
    assert records(crm, "operation") == []


def test_progress_tells_rows_and_bytes(crm: Workspace) -> None:
    seen: list[ImportProgress] = []
    source = people(*map(a_person, range(30)))

    import_leads(crm, source, batch_size=10, progress=seen.append)

    assert [each.rows for each in seen] == [10, 20, 30]
    assert seen[-1].bytes_read == seen[-1].size_bytes == source.size_bytes
    assert seen[-1].outcomes == {RowOutcome.CREATED: 30}


def test_the_report_is_plain_json(crm: Workspace) -> None:
    report = import_leads(crm, people(a_person(1), "{broken")).value

    told = json.loads(json.dumps(report.as_json()))

    assert (told["read"], told["created"], told["rejected"]) == (2, 1, 1)
    assert told["problems"][0]["cells"] == ["{broken"]


def test_an_import_of_nothing_is_a_report_of_nothing(crm: Workspace) -> None:
    outcome = import_leads(crm, people())

    assert (outcome.operation_id, outcome.value.read) == (None, 0)


def test_somebody_known_only_by_a_number_that_is_not_valid_is_imported(workspace: Workspace) -> None:
    importing = with_importers(workspace, JsonImporter())

    outcome = import_leads(importing, people({"phone": "99 00 11"}))

    (lead,) = records(workspace, "lead")
    assert (outcome.value.created, lead.phone, lead.extra) == (1, None, {"phone": "99 00 11"})
