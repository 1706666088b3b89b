"""Delivery: at least once, recorded once, by many workers, and never to who must not be written to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from crmkit.core.message import MessageStatus
from crmkit.core.ports.notifiers import OutgoingMail, Receipt
from crmkit.errors import ConfigError, DeliveryError, NotFoundError, PluginError, RejectedError
from crmkit.plugins.builtin.notifiers import FolderNotifier
from crmkit.services.consents import record_consent, suppress, unsuppress
from crmkit.services.deliver import DeliveryReport, deliver
from crmkit.services.edit import delete_records
from crmkit.services.mail_templates import save_template
from crmkit.services.outbox import cancel, outbox, retry_dead
from crmkit.services.queue_mail import queue_mail
from crmkit.services.settings import MailSettings, Settings
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from crmkit.storage.sqlite import SqliteStorage
from tests.mailing import (
    Answer,
    HandClock,
    Postman,
    accepted,
    count_operations,
    deliveries,
    equipped,
    make_leads,
    make_show,
    messages,
    refused,
    traced,
)
from tests.services.conftest import open_workspace

ADDRESSES = ("a@example.com", "b@example.com", "c@example.com")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def office(workspace: Workspace, postman: Postman, clock: HandClock) -> Workspace:
    """A workspace with the postman, three mails in the outbox, and a clock that stands still."""
    office = equipped(workspace, postman, clock=clock)
    queue(office, *ADDRESSES)
    clock.pass_(seconds=1)
    return office


def queue(workspace: Workspace, *addresses: str) -> None:
    queue_mail(workspace, "thank_you", campaign=make_show(workspace, *addresses))


def statuses(workspace: Workspace) -> list[MessageStatus]:
    return [message.status for message in messages(workspace)]


def only(*addresses: str, otherwise: Answer = refused) -> Answer:
    return lambda mail: accepted(mail) if mail.to in addresses else otherwise(mail)


def for_good(mail: OutgoingMail) -> Receipt:
    return Receipt(record_id=mail.record_id, sent=False, detail="no such mailbox", permanent=True)


class Down:
    """A notifier whose server does not answer."""

    name = "down"
    summary = "never works"

    def __init__(self) -> None:
        self.calls = 0

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        self.calls += 1
        raise DeliveryError("the server is down", notifier=self.name)


class Meanwhile(Postman):
    """A postman during whose round something happens."""

    def __init__(self, happens: Callable[[], object], answer: Answer = accepted) -> None:
        super().__init__(answer=answer)
        self._happens = happens

    def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
        self._happens()
        return super().deliver(mails, options)


class TestSending:
    def test_what_is_due_leaves_in_the_order_of_queueing(self, office: Workspace, postman: Postman) -> None:
        report = deliver(office, "postman", batch=2)

        assert report == DeliveryReport(sent=3)
        assert [[mail.to for mail in batch] for batch in postman.batches] == [list(ADDRESSES[:2]), list(ADDRESSES[2:])]
        assert statuses(office) == [MessageStatus.SENT] * 3

    def test_what_was_sent_is_on_record(self, office: Workspace, clock: HandClock) -> None:
        clock.pass_(minutes=1)

        deliver(office, "postman", limit=1)

        message = messages(office)[0]
        assert (message.attempts, message.sent_at, message.last_error) == (1, clock.now(), None)
        assert (message.lease_until, message.next_attempt_at) == (None, None)
        (delivery,) = deliveries(office)
        assert (delivery.mail_id, delivery.attempt, delivery.sent) == (message.id, 1, True)
        assert (delivery.notifier, delivery.detail) == ("postman", "to a@example.com")
        assert delivery.attempted_at == clock.now()

    def test_delivery_is_bookkeeping_and_no_operation(self, office: Workspace) -> None:
        before = count_operations(office)

        deliver(office, "postman")

        assert count_operations(office) == before

    def test_nothing_is_sent_twice(self, office: Workspace, postman: Postman) -> None:
        deliver(office, "postman")

        assert deliver(office, "postman") == DeliveryReport()
        assert len(postman.mails) == 3

    def test_a_clock_that_was_set_back_keeps_no_mail_waiting(self, office: Workspace, clock: HandClock) -> None:
        clock.pass_(hours=-2)

        assert deliver(office, "postman").sent == 3

    def test_a_limit_leaves_the_rest_in_the_queue(self, office: Workspace, postman: Postman) -> None:
        assert deliver(office, "postman", limit=2, batch=50).sent == 2
        assert [mail.to for mail in postman.mails] == list(ADDRESSES[:2])

    def test_the_mail_carries_what_was_queued(self, office: Workspace, postman: Postman) -> None:
        office = attrs.evolve(office, settings=Settings(mail=MailSettings(sender="Hospy <hello@hospy.example>")))

        deliver(office, "postman", limit=1)

        (mail,) = postman.mails
        message = messages(office)[0]
        assert (mail.record_id, mail.message_id) == (message.id, message.message_id)
        assert (mail.subject, mail.text, mail.html) == (message.subject, message.text, message.html)
        assert (mail.sender, mail.headers) == ("Hospy <hello@hospy.example>", {})

    def test_the_way_out_is_in_the_headers_once_it_is_configured(self, office: Workspace, postman: Postman) -> None:
        mail = MailSettings(unsubscribe_url="https://example.com/leave?t={token}", secret="s" * 16)
        office = attrs.evolve(office, settings=Settings(mail=mail))

        deliver(office, "postman")

        assert {tuple(mail.headers) for mail in postman.mails} == {("List-Unsubscribe", "List-Unsubscribe-Post")}
        assert len({mail.headers["List-Unsubscribe"] for mail in postman.mails}) == 3

    def test_the_rate_is_kept(self, office: Workspace, postman: Postman) -> None:
        pauses: list[float] = []

        deliver(office, "postman", rate_per_second=2, sleep=pauses.append)

        assert [len(batch) for batch in postman.batches] == [2, 1]
        assert pauses == [1.0]

    def test_a_slow_rate_goes_one_by_one(self, office: Workspace, postman: Postman) -> None:
        pauses: list[float] = []

        deliver(office, "postman", rate_per_second=0.5, sleep=pauses.append)

        assert pauses == [2.0, 2.0]

    def test_a_rate_without_an_end_is_no_rate(self, office: Workspace, postman: Postman) -> None:
        deliver(office, "postman", rate_per_second=float("inf"), sleep=lambda _seconds: None)

        assert [len(batch) for batch in postman.batches] == [3]


class TestOrder:
    @pytest.fixture
    def twice(self, office: Workspace) -> Workspace:
        """A second mail for the first of the three."""
        save_template(office, "hello", "en", "Hello", "Hello")
        queue_mail(office, "hello", people=make_leads(office, "A@example.com"))
        return office

    def test_mails_to_one_address_leave_one_after_another(self, twice: Workspace, postman: Postman) -> None:
        assert deliver(twice, "postman").sent == 4
        assert [[mail.to for mail in batch] for batch in postman.batches] == [list(ADDRESSES), ["A@example.com"]]

    def test_operations_of_one_millisecond_keep_their_order(self, office: Workspace, postman: Postman) -> None:
        deliver(office, "postman")
        save_template(office, "hello", "en", "Hello", "Hello")
        wanted = [f"p{i}@example.com" for i in range(8)]
        for lead in make_leads(office, *wanted):
            queue_mail(office, "hello", people=[lead])

        deliver(office, "postman")

        assert [mail.to for mail in postman.mails[3:]] == wanted

    def test_the_second_waits_while_the_first_is_tried_again(
        self, twice: Workspace, postman: Postman, clock: HandClock
    ) -> None:
        postman.answer = only("b@example.com", "c@example.com", "A@example.com")
        assert deliver(twice, "postman").sent == 2

        postman.answer = accepted
        clock.pass_(seconds=1)
        assert deliver(twice, "postman").sent == 0  # its own time has come, but that of the first has not
        clock.pass_(minutes=1)
        assert deliver(twice, "postman").sent == 2
        assert [mail.to for mail in postman.mails[-2:]] == ["a@example.com", "A@example.com"]

    def test_the_second_goes_once_the_first_is_dead(self, twice: Workspace, postman: Postman) -> None:
        postman.answer = only("A@example.com", otherwise=for_good)

        report = deliver(twice, "postman")

        assert (report.sent, report.dead) == (1, 3)


class TestHoldingBack:
    def test_who_is_suppressed_after_queueing_is_not_written_to(self, office: Workspace, postman: Postman) -> None:
        suppress(office, "b@example.com", "unsubscribed")

        report = deliver(office, "postman")

        assert (report.sent, report.suppressed) == (2, 1)
        assert [mail.to for mail in postman.mails] == ["a@example.com", "c@example.com"]
        held = messages(office)[1]
        assert (held.status, held.last_error) == (
            MessageStatus.SUPPRESSED,
            "the address is suppressed (unsubscribed)",
        )

    def test_what_is_deleted_while_the_queue_is_worked_off_stays(self, office: Workspace) -> None:
        last = [messages(office)[2].id]
        postman = Meanwhile(lambda: last and delete_records(office, "message", [last.pop()]))

        deliver(equipped(office, postman), "postman", batch=1)

        assert [mail.to for mail in postman.mails] == ["a@example.com", "b@example.com"]

    def test_who_withdraws_the_consent_after_queueing_is_not_written_to(
        self, office: Workspace, postman: Postman
    ) -> None:
        record_consent(office, "a@example.com", "invitation", granted=False)
        record_consent(office, "b@example.com", "marketing", granted=False)

        assert deliver(office, "postman").suppressed == 1
        assert [mail.to for mail in postman.mails] == ["a@example.com", "c@example.com"]

    def test_what_was_held_back_can_be_queued_again_when_the_address_is_free(self, office: Workspace) -> None:
        suppress(office, "b@example.com")
        deliver(office, "postman")
        unsuppress(office, "b@example.com")
        campaign = messages(office)[0].campaign_id

        assert queue_mail(office, "thank_you", campaign=campaign).value.queued == 1
        assert deliver(office, "postman").sent == 1


class TestFailing:
    def test_a_refused_mail_is_tried_again_later_and_later(
        self, office: Workspace, postman: Postman, clock: HandClock
    ) -> None:
        postman.answer = refused

        waits = []
        for _ in range(3):
            report = deliver(office, "postman", limit=1)
            assert (report.failed, report.failures[0].detail, report.failures[0].dead) == (1, "mailbox full", False)
            message = messages(office)[0]
            assert message.next_attempt_at is not None
            waits.append((message.next_attempt_at - clock.now()).total_seconds())
            clock.moment = message.next_attempt_at

        for wait, whole in zip(waits, (60, 120, 240), strict=True):
            assert whole * 0.75 <= wait <= whole
        assert message.last_error == "mailbox full"

    def test_what_failed_together_does_not_come_back_together(self, office: Workspace, postman: Postman) -> None:
        postman.answer = refused

        deliver(office, "postman")

        assert len({message.next_attempt_at for message in messages(office)}) == 3

    def test_no_wait_is_longer_than_six_hours(self, office: Workspace, postman: Postman, clock: HandClock) -> None:
        office = attrs.evolve(office, settings=Settings(mail=MailSettings(max_attempts=50)))
        postman.answer = refused

        for _ in range(40):
            deliver(office, "postman", limit=1)
            clock.pass_(hours=6)

        assert messages(office)[0].attempts == 40

    def test_after_too_many_tries_it_is_a_dead_letter(
        self, office: Workspace, postman: Postman, clock: HandClock
    ) -> None:
        postman.answer = only("a@example.com", "b@example.com")

        reports = []
        for _ in range(6):
            reports.append(deliver(office, "postman"))
            clock.pass_(hours=6)

        assert [report.dead for report in reports] == [0, 0, 0, 0, 1, 0]
        assert statuses(office) == [MessageStatus.SENT, MessageStatus.SENT, MessageStatus.DEAD]
        assert [d.attempt for d in deliveries(office) if not d.sent] == [1, 2, 3, 4, 5]

    def test_a_failure_for_good_is_a_dead_letter_at_once(self, office: Workspace, postman: Postman) -> None:
        postman.answer = for_good

        report = deliver(office, "postman")

        assert report.dead == 3
        assert {failure.dead for failure in report.failures} == {True}

    def test_a_mail_without_a_receipt_is_tried_again(self, office: Workspace) -> None:
        class Forgetful(Postman):
            def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
                return super().deliver(mails, options)[:1]

        report = deliver(equipped(office, Forgetful()), "postman")

        assert (report.sent, report.failed) == (1, 2)
        assert messages(office)[1].last_error == "the notifier said nothing about it"

    @pytest.mark.parametrize("detail", ["caf\udce9 accepted", None])
    def test_what_was_sent_is_recorded_whatever_the_server_said(self, office: Workspace, detail: Any) -> None:
        postman = Postman(answer=lambda mail: Receipt(record_id=mail.record_id, sent=True, detail=detail))

        report = deliver(equipped(office, postman), "postman")

        assert report.sent == 3
        assert statuses(office) == [MessageStatus.SENT] * 3

    def test_what_stopped_a_notifier_is_recorded_whatever_it_said(self, office: Workspace) -> None:
        class Garbled(Down):
            def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
                raise DeliveryError("caf\udce9 closed", notifier=self.name)

        report = deliver(equipped(office, Garbled()), "down")

        assert report.failed == 3
        assert messages(office)[0].last_error == "caf? closed"

    def test_headers_that_do_not_survive_make_a_dead_letter(self, office: Workspace, tmp_path: Path) -> None:
        save_template(office, "hello", "en", "Hello {{ lead.first_name }}", "Hello")
        queue_mail(office, "hello", people=make_leads(office, "d@example.com", first_name="Ring \x07 ring"))

        report = deliver(equipped(office, FolderNotifier()), options={"folder": str(tmp_path)})

        assert (report.sent, report.dead) == (3, 1)
        assert "U+0007" in report.failures[0].detail
        assert len(list(tmp_path.glob("*.eml"))) == 3


class TestBreaking:
    def test_a_server_that_is_down_stops_the_run_and_kills_nothing(
        self, office: Workspace, postman: Postman, clock: HandClock
    ) -> None:
        down = Down()
        office = equipped(office, down)

        for _ in range(6):
            report = deliver(office, "down", batch=2)
            clock.pass_(hours=6)

        assert isinstance(report.error, DeliveryError)
        assert (report.sent, report.failed, report.dead) == (0, 2, 0)
        assert statuses(office) == [MessageStatus.QUEUED] * 3
        assert down.calls == 6
        assert {m.last_error for m in messages(office) if m.attempts} == {"the server is down"}

    def test_when_the_server_is_back_everything_leaves(self, office: Workspace, clock: HandClock) -> None:
        deliver(equipped(office, Down()), "down")
        clock.pass_(minutes=1)

        assert deliver(office, "postman").sent == 3

    @pytest.mark.parametrize("wrong", [None, 7, ["sent"]])
    def test_a_notifier_with_a_bug_is_named_and_the_mail_stays(self, office: Workspace, wrong: object) -> None:
        class Broken(Postman):
            def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
                return wrong  # type: ignore[return-value]  # that is the bug

        report = deliver(equipped(office, Broken()), "postman")

        assert isinstance(report.error, PluginError)
        assert (report.error.plugin, report.error.version) == ("post-office", "1.0")
        assert statuses(office) == [MessageStatus.QUEUED] * 3

    def test_wrong_options_cost_no_try(self, office: Workspace) -> None:
        class Unconfigured(Postman):
            def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
                raise ConfigError("no mail server is given", setting="host")

        with pytest.raises(ConfigError):
            deliver(equipped(office, Unconfigured()), "postman")

        assert {message.attempts for message in messages(office)} == {0}
        assert deliver(office, "postman").sent == 3

    @pytest.mark.parametrize(
        "mail",
        [
            MailSettings(sender="nobody"),
            MailSettings(unsubscribe_url="http://example.com/{token}", secret="s" * 16),
            MailSettings(unsubscribe_url="https://example.com/{token}", secret="short"),
        ],
    )
    def test_wrong_settings_are_found_before_anything_is_tried(
        self, office: Workspace, postman: Postman, mail: MailSettings
    ) -> None:
        with pytest.raises(ConfigError):
            deliver(attrs.evolve(office, settings=Settings(mail=mail)), "postman")

        assert postman.mails == []
        assert deliver(office, "postman").sent == 3

    def test_an_unknown_notifier_is_not_found(self, office: Workspace) -> None:
        with pytest.raises(NotFoundError) as caught:
            deliver(office, "postmann")

        assert caught.value.suggestions == ("postman",)

    def test_numbers_that_make_no_sense_are_refused_together(self, office: Workspace) -> None:
        with pytest.raises(RejectedError) as caught:
            deliver(office, "postman", limit=0, batch=-1, rate_per_second=0)

        assert len(caught.value.reasons) == 3

    @pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit])
    def test_what_was_sent_and_not_recorded_is_sent_again_as_the_same_mail(
        self, office: Workspace, postman: Postman, clock: HandClock, death: type[BaseException]
    ) -> None:
        class Dying(Postman):
            def deliver(self, mails: Sequence[OutgoingMail], options: Mapping[str, str]) -> Sequence[Receipt]:
                super().deliver(mails, options)
                raise death

        dying = Dying()
        with pytest.raises(death):
            deliver(equipped(office, dying), "postman")

        assert deliver(office, "postman").sent == 0  # the lease is not over
        clock.pass_(minutes=5)
        assert deliver(office, "postman").sent == 3
        assert [mail.message_id for mail in postman.mails] == [mail.message_id for mail in dying.mails]
        assert len(deliveries(office)) == 3


class TestManyWorkers:
    def test_a_leased_message_is_left_alone(self, office: Workspace) -> None:
        seen: list[DeliveryReport] = []
        meanwhile = Meanwhile(lambda: seen.append(deliver(office, "postman")))

        deliver(equipped(office, meanwhile), "postman", limit=2)

        assert seen == [DeliveryReport(sent=1)]
        assert len(meanwhile.mails) == 2

    def test_of_two_who_sent_the_same_mail_one_is_recorded(
        self, office: Workspace, postman: Postman, clock: HandClock
    ) -> None:
        def overtake() -> None:
            clock.pass_(minutes=6)
            deliver(office, "postman")

        report = deliver(equipped(office, Meanwhile(overtake)), "postman")

        assert (report.sent, report.lost) == (0, 3)
        assert len(deliveries(office)) == 3
        assert {message.attempts for message in messages(office)} == {1}

    def test_what_is_undone_on_its_way_has_left_all_the_same(self, office: Workspace) -> None:
        operation = str(messages(office)[0].operation_id)
        meanwhile = Meanwhile(lambda: undo(office, operation), answer=only("a@example.com"))

        report = deliver(equipped(office, meanwhile), "postman")

        assert (report.sent, report.lost) == (1, 2)
        assert statuses(office) == [MessageStatus.SENT, MessageStatus.CANCELLED, MessageStatus.CANCELLED]

    def test_many_threads_share_the_queue_and_hold_no_message_together(self, on_each: Workspace) -> None:
        count, threads = 120, 4
        postman = Postman()
        office = equipped(on_each, postman)
        queue(office, *(f"p{i}@example.com" for i in range(count)))
        start = threading.Barrier(threads)
        reports: list[DeliveryReport] = []

        def work() -> None:
            start.wait()
            reports.append(deliver(office, "postman", batch=7))

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert sum(report.sent for report in reports) == count
        assert set(Counter(mail.record_id for mail in postman.mails).values()) == {1}
        assert len(postman.mails) == len(deliveries(office)) == count
        assert set(statuses(office)) == {MessageStatus.SENT}

    @pytest.fixture(params=["memory", "sqlite"])
    def on_each(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
        storage = MemoryStorage() if request.param == "memory" else SqliteStorage(tmp_path / "crm.db")
        yield open_workspace(storage)
        storage.close()


class TestCost:
    @pytest.fixture
    def statements(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        return traced(monkeypatch)

    def test_reads_grow_by_batch_and_not_by_message(self, tmp_path: Path, statements: list[str]) -> None:
        storage = SqliteStorage(tmp_path / "crm.db")
        office = equipped(open_workspace(storage), Postman())
        queue(office, *(f"p{i}@example.com" for i in range(300)))
        reads = []

        for limit, batch in ((100, 50), (200, 50)):
            statements.clear()
            assert deliver(office, "postman", limit=limit, batch=batch).sent == limit
            reads.append(sum(statement.startswith("SELECT") for statement in statements))

        storage.close()
        assert reads[0] < 25
        assert reads[1] - reads[0] <= 2 * 10


class TestOutbox:
    def test_it_counts_all_and_shows_the_newest_first(self, office: Workspace, postman: Postman) -> None:
        postman.answer = only("a@example.com", otherwise=for_good)
        deliver(office, "postman", limit=2)

        seen = outbox(office, limit=2)

        assert [seen.counts[status] for status in MessageStatus] == [1, 1, 1, 0, 0]
        assert [message.address for message in seen.messages] == ["c@example.com", "b@example.com"]
        assert [message.address for message in outbox(office, MessageStatus.DEAD).messages] == ["b@example.com"]

    def test_dead_letters_are_queued_again_by_an_operation(self, office: Workspace, postman: Postman) -> None:
        postman.answer = for_good
        deliver(office, "postman")
        postman.answer = accepted

        outcome = retry_dead(office, reason="the server was set up wrongly")

        assert outcome.value == 3
        assert {(message.attempts, message.last_error) for message in messages(office)} == {(0, None)}
        undo(office, str(outcome.operation_id))
        assert statuses(office) == [MessageStatus.DEAD] * 3
        retry_dead(office, [messages(office)[0]])
        assert deliver(office, "postman").sent == 1

    def test_only_dead_letters_can_be_tried_again(self, office: Workspace) -> None:
        with pytest.raises(RejectedError) as caught:
            retry_dead(office, messages(office))

        assert len(caught.value.reasons) == 3

    def test_what_is_cancelled_does_not_leave_and_may_be_queued_again(self, office: Workspace) -> None:
        first = messages(office)[0]

        assert cancel(office, [first]).value == 1

        assert deliver(office, "postman").sent == 2
        assert queue_mail(office, "thank_you", campaign=first.campaign_id).value.queued == 1

    def test_what_left_or_is_on_its_way_cannot_be_cancelled(self, office: Workspace) -> None:
        deliver(office, "postman", limit=1)
        refusals: list[str] = []

        def try_to_cancel() -> None:
            with pytest.raises(RejectedError) as caught:
                cancel(office, messages(office))
            refusals.extend(caught.value.reasons)

        deliver(equipped(office, Meanwhile(try_to_cancel)), "postman")

        assert [reason.rpartition(" is ")[2] for reason in refusals] == ["sent", *["on its way right now"] * 2]

    def test_an_unknown_message_is_named(self, office: Workspace) -> None:
        with pytest.raises(RejectedError, match="there is no message 'mail_x'"):
            cancel(office, ["mail_x"])
