"""Queueing mail: to whom, in which language, once; and nobody is lost on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.campaign import MemberStatus
from crmkit.core.lead import LeadStatus
from crmkit.core.message import MessageStatus
from crmkit.core.planning import Planning
from crmkit.core.values.email import Email
from crmkit.errors import NotFoundError, RejectedError
from crmkit.services.consents import record_consent, suppress
from crmkit.services.edit import delete_records
from crmkit.services.mail_templates import save_template
from crmkit.services.operations import Request, open_operation, run
from crmkit.services.queue_mail import QueueReport, queue_mail
from crmkit.services.undo import redo, undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.mailing import (
    count_operations,
    join,
    make,
    make_leads,
    make_show,
    make_templates,
    messages,
    stored,
    traced,
)
from tests.services.conftest import open_workspace


def skips(report: QueueReport) -> dict[str, int]:
    return {each.reason: each.count for each in report.skipped}


class TestMessages:
    def test_everybody_is_written_to_in_their_language(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com", first_name="Jules", last_name="ETIENNE", language="fr")
        join(workspace, show, make_leads(workspace, "ann@example.com", first_name="Ann", language="en"))

        report = queue_mail(workspace, "thank_you", campaign=show).value

        assert (report.queued, report.skipped, report.languages) == (2, (), {"en": 1, "fr": 1})
        jules, ann = messages(workspace)
        assert jules.subject == "Merci de votre visite – Salon des vins"
        assert ann.subject == "Thank you for your visit – Salon des vins"
        assert (jules.to_name, jules.address) == ("Jules ETIENNE", "jules@example.com")

    def test_a_message_is_ready_to_leave(self, workspace: Workspace) -> None:
        show = make_show(workspace, "Jules@Example.com")

        outcome = queue_mail(workspace, "thank_you", campaign=show, purpose="thanks")

        (message,) = messages(workspace)
        assert (message.status, message.attempts, message.lease_until) == (MessageStatus.QUEUED, 0, None)
        assert message.next_attempt_at == message.created_at
        assert message.message_id == f"{message.id}@crmkit.example"
        assert (message.address, message.address_key) == ("Jules@example.com", "jules@example.com")
        assert (message.campaign_id, message.template_key, message.purpose) == (show, "thank_you", "thanks")
        assert message.operation_id == outcome.operation_id

    def test_another_language_than_the_persons_is_a_warning(self, workspace: Workspace) -> None:
        show = make_show(workspace, "hans@example.com", language="de")

        outcome = queue_mail(workspace, "thank_you", campaign=show)

        assert outcome.changes is not None
        assert outcome.changes.warnings == (
            "1 of 1 are written to in en: there is none in de, and it is the language of the workspace",
        )

    def test_a_hostile_name_is_a_name(self, workspace: Workspace) -> None:
        save_template(workspace, "hello", "en", "Hello {{ lead.first_name }}", "Hello {{ lead.last_name }}")
        lead = make_leads(workspace, "j@example.com", first_name="{{7*7}}", last_name="x\r\nBcc: all@example.com")

        queue_mail(workspace, "hello", people=lead)

        (message,) = messages(workspace)
        assert message.subject == "Hello {{7*7}}"
        assert message.to_name == "{{7*7}} x Bcc: all@example.com"

    def test_contacts_are_written_to_as_well(self, workspace: Workspace) -> None:
        save_template(workspace, "hello", "en", "Hello", "{{ lead.first_name }} of {{ lead.company }}")
        account = make(workspace, "account", [{"name": "Hospy Médias"}])[0]
        contact = make(
            workspace,
            "contact",
            [{"first_name": "Jules", "email": Email("jules@example.com"), "account_id": account}],
        )

        queue_mail(workspace, "hello", people=contact)

        assert [message.text for message in messages(workspace)] == ["Jules of Hospy Médias"]


class TestOnce:
    def test_running_it_twice_sends_nothing_twice_and_is_no_operation(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com", "ann@example.com")
        queue_mail(workspace, "thank_you", campaign=show)
        before = count_operations(workspace)

        outcome = queue_mail(workspace, "thank_you", campaign=show)

        assert (outcome.value.queued, skips(outcome.value)) == (0, {"it is queued or sent already": 2})
        assert outcome.operation_id is None
        assert (len(messages(workspace)), count_operations(workspace)) == (2, before)

    def test_who_joins_later_is_written_to_by_the_second_run(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")
        queue_mail(workspace, "thank_you", campaign=show)
        join(workspace, show, make_leads(workspace, "ann@example.com"))

        report = queue_mail(workspace, "thank_you", campaign=show).value

        assert (report.queued, report.people) == (1, 2)

    def test_another_campaign_or_template_is_another_mail(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")
        save_template(workspace, "hello", "en", "Hello", "Hello")
        other = make(workspace, "campaign", [{"name": "Another"}])[0]
        people = [lead.id for lead in stored(workspace, "lead")]

        for template, campaign in (("thank_you", show), ("thank_you", other), ("hello", show), ("hello", None)):
            assert queue_mail(workspace, template, campaign=campaign, people=people).value.queued == 1

    def test_it_can_be_sent_again_on_purpose(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")

        for _ in range(2):
            assert queue_mail(workspace, "thank_you", campaign=show, once=False).value.queued == 1

    def test_two_people_with_one_address_get_one_mail(self, workspace: Workspace) -> None:
        show = make_show(workspace, "office@example.com", "OFFICE@example.com")

        for once in (False, True):
            report = queue_mail(workspace, "thank_you", campaign=show, once=once).value
            assert skips(report) == {"somebody else here has the same address": 1}

    def test_the_same_key_gives_the_first_report_again(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")

        first = queue_mail(workspace, "thank_you", campaign=show, key="thanks")
        second = queue_mail(workspace, "thank_you", campaign=show, key="thanks")

        assert second.replayed
        assert second.value == first.value
        assert len(messages(workspace)) == 1

    def test_a_dry_run_queues_nothing(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")

        report = queue_mail(workspace, "thank_you", campaign=show, dry_run=True).value

        assert report.queued == 1
        assert messages(workspace) == []

    def test_two_sends_in_one_operation_write_once(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")

        with open_operation(workspace, Request(kind="send")):
            reports = [queue_mail(workspace, "thank_you", campaign=show).value for _ in range(2)]

        assert [report.queued for report in reports] == [1, 0]
        assert len(messages(workspace)) == 1


class TestSkipping:
    def test_each_reason_is_counted_and_names_people(self, workspace: Workspace) -> None:
        show = make_show(workspace, "ok@example.com", "no@example.com", "bounced@example.com")
        silent = make(workspace, "lead", [{"last_name": "Silent"}, {"last_name": "Mute"}])
        join(workspace, show, silent)
        record_consent(workspace, "no@example.com", granted=False)
        suppress(workspace, "bounced@example.com", "bounced")

        report = queue_mail(workspace, "thank_you", campaign=show).value

        assert [(each.reason, each.count) for each in report.skipped] == [
            ("there is no e-mail address", 2),
            ("the address is suppressed (bounced)", 1),
            ("the consent for marketing is withdrawn", 1),
        ]
        assert report.skipped[0].people == tuple(silent)
        assert (report.queued, report.people) == (1, 5)

    def test_a_deleted_lead_is_not_written_to(self, workspace: Workspace) -> None:
        make_templates(workspace)
        lead = make_leads(workspace, "jules@example.com")
        delete_records(workspace, "lead", lead)

        report = queue_mail(workspace, "thank_you", people=lead).value

        assert skips(report) == {"the record is deleted": 1}

    @pytest.mark.parametrize("both", [True, False])
    def test_a_converted_lead_is_reached_through_its_contact(self, workspace: Workspace, *, both: bool) -> None:
        make_templates(workspace)
        lead, contact = self._converted(workspace)
        people = [lead, contact] if both else [lead]

        report = queue_mail(workspace, "thank_you", people=people).value

        assert [message.person_id for message in messages(workspace)] == [contact if both else lead]
        expected = {"the lead is converted, and its contact is written to": 1} if both else {}
        assert skips(report) == expected

    def test_who_cannot_be_rendered_is_skipped_and_the_others_are_not(self, workspace: Workspace) -> None:
        save_template(workspace, "hello", "en", "Hello", '{{ lead.notes | money: "EUR" }}')
        people = make_leads(workspace, "a@example.com", notes="12") + make_leads(workspace, "b@example.com", notes="x")

        report = queue_mail(workspace, "hello", people=people).value

        assert report.queued == 1
        (skipped,) = report.skipped
        assert skipped.people == (people[1],)
        assert skipped.reason.startswith("the template in en cannot be filled in: text, line 1: 'x' is not a number")

    @staticmethod
    def _converted(workspace: Workspace) -> tuple[str, str]:
        address = Email("jules@example.com")
        contact = make(workspace, "contact", [{"first_name": "Jules", "email": address}])[0]
        lead = make_leads(workspace, address)[0]
        conversion = make(workspace, "conversion", [{"lead_id": lead, "contact_id": contact}])[0]

        def plan(planning: Planning) -> dict[str, str]:
            planning.update("lead", lead, {"status": LeadStatus.CONVERTED, "conversion_id": conversion})
            return {}

        run(workspace, Request(kind="make"), plan, lambda _view, _result: None)
        return lead, contact


def test_who_is_named_twice_is_one_person(workspace: Workspace) -> None:
    make_templates(workspace)
    [lead] = make_leads(workspace, "a@example.com")

    assert queue_mail(workspace, "thank_you", people=[lead, lead]).value == QueueReport(queued=1, languages={"en": 1})


class TestRefusing:
    def test_somebody_must_be_named(self, workspace: Workspace) -> None:
        make_templates(workspace)

        with pytest.raises(RejectedError, match="not said to whom"):
            queue_mail(workspace, "thank_you")

    def test_blanks_are_no_purpose_nor_part_of_one(self, workspace: Workspace) -> None:
        show = make_show(workspace, "a@example.com")
        make_templates(workspace)
        record_consent(workspace, "a@example.com", granted=False)

        with pytest.raises(RejectedError, match="the purpose is empty"):
            queue_mail(workspace, "thank_you", campaign=show, purpose=" ")
        report = queue_mail(workspace, "thank_you", campaign=show, purpose=" marketing ").value
        assert [each.reason for each in report.skipped] == ["the consent for marketing is withdrawn"]

    def test_an_empty_list_is_nobody(self, workspace: Workspace) -> None:
        assert queue_mail(workspace, "thank_you", campaign=make_show(workspace, "a@example.com"), people=[]).value == (
            QueueReport(queued=0)
        )

    def test_all_who_are_no_people_are_named(self, workspace: Workspace) -> None:
        make_templates(workspace)
        people = [*make_leads(workspace, "jules@example.com"), "lead_unknown", "deal_1", "Jules"]

        with pytest.raises(RejectedError) as caught:
            queue_mail(workspace, "thank_you", people=people)

        assert len(caught.value.reasons) == 3
        assert messages(workspace) == []

    def test_an_unknown_template_or_campaign_is_not_found(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")

        with pytest.raises(NotFoundError, match="there is no template 'thanks'"):
            queue_mail(workspace, "thanks", campaign=show)
        with pytest.raises(NotFoundError, match="there is no campaign 'campaign_x'"):
            queue_mail(workspace, "thank_you", campaign="campaign_x")


class TestMembers:
    def statuses(self, workspace: Workspace) -> list[MemberStatus]:
        return [member.status for member in stored(workspace, "campaign_member")]

    @pytest.mark.parametrize("named", [True, False])
    def test_who_was_met_is_marked_as_sent(self, workspace: Workspace, *, named: bool) -> None:
        show = make_show(workspace, "jules@example.com")
        join(workspace, show, make(workspace, "lead", [{"last_name": "Silent"}]))
        people = [lead.id for lead in stored(workspace, "lead")] if named else None

        queue_mail(workspace, "thank_you", campaign=show, people=people)

        assert self.statuses(workspace) == [MemberStatus.SENT, MemberStatus.MET]

    def test_who_has_responded_stays_so(self, workspace: Workspace) -> None:
        show = make_show(workspace)
        lead = make_leads(workspace, "jules@example.com")[0]
        make(
            workspace,
            "campaign_member",
            [{"campaign_id": show, "person_id": lead, "status": MemberStatus.RESPONDED}],
        )

        assert queue_mail(workspace, "thank_you", campaign=show).value.queued == 1
        assert self.statuses(workspace) == [MemberStatus.RESPONDED]

    def test_an_undo_takes_mail_and_mark_back_and_a_second_run_queues_again(self, workspace: Workspace) -> None:
        show = make_show(workspace, "jules@example.com")
        operation = queue_mail(workspace, "thank_you", campaign=show).operation_id
        assert operation

        undo(workspace, operation)

        assert self.statuses(workspace) == [MemberStatus.MET]
        assert [message.status for message in messages(workspace)] == [MessageStatus.CANCELLED]
        redo(workspace, operation)
        assert self.statuses(workspace) == [MemberStatus.SENT]
        assert queue_mail(workspace, "thank_you", campaign=show).value.queued == 0


PEOPLE = st.lists(
    st.sampled_from(["", "a@example.com", "b@example.com", "B@example.com", "bounced@example.com", "c@example.com"]),
    max_size=12,
)


@given(addresses=PEOPLE, repeat=st.booleans())
def test_people_are_always_queued_or_skipped(addresses: list[str], repeat: bool) -> None:  # noqa: FBT001  # drawn
    workspace = open_workspace(MemoryStorage())
    make_templates(workspace)
    suppress(workspace, "bounced@example.com")
    rows = [{"last_name": "X", "email": Email(a) if a else None} for a in addresses]
    people = make(workspace, "lead", rows)

    reports = [queue_mail(workspace, "thank_you", people=people).value for _ in range(1 + repeat)]

    assert all(report.people == len(people) for report in reports)
    wanted = {a.casefold() for a in addresses} - {"", "bounced@example.com"}
    assert sorted(message.address_key for message in messages(workspace)) == sorted(wanted)


class TestCost:
    @pytest.fixture
    def statements(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        return traced(monkeypatch)

    @pytest.fixture
    def on_disk(self, statements: list[str], tmp_path: Path) -> Iterator[Workspace]:
        storage = SqliteStorage(tmp_path / "crm.db")
        yield open_workspace(storage)
        storage.close()

    def test_reads_grow_by_batch_and_not_by_person(self, on_disk: Workspace, statements: list[str]) -> None:
        show = make_show(on_disk)
        numbers = itertools.count()
        reads = []
        for size in (999, 3000):
            people = make_leads(on_disk, *(f"p{next(numbers)}@example.com" for _ in range(size)))
            join(on_disk, show, people)
            statements.clear()

            assert queue_mail(on_disk, "thank_you", campaign=show, people=people).value.queued == size

            reads.append(sum(1 for statement in statements if statement.startswith("SELECT")))
        # Per thousand people: leads, members, suppressions, consents, messages; the look-ups twice.
        assert reads[0] < 40
        assert reads[1] - reads[0] <= 2 * 10

    def test_nothing_is_written_when_everybody_is_done(self, on_disk: Workspace, statements: list[str]) -> None:
        show = make_show(on_disk, "jules@example.com")
        queue_mail(on_disk, "thank_you", campaign=show)
        statements.clear()

        queue_mail(on_disk, "thank_you", campaign=show)

        assert not [statement for statement in statements if not statement.startswith(("SELECT", "BEGIN", "ROLLBACK"))]
