"""Sending, second half: what is queued is handed to a notifier, at least once and recorded once.

Bookkeeping, not an operation. A worker *claims* a batch in one short transaction, hands
it over outside any, and *records* what became of it in a second one. What it claims is
leased: no other worker takes it before the lease is over. A worker that dies in between
leaves its messages to the next one, under the same Message-ID. The version of a message
says whether the lease is still one's own, for each claim raises it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from crmkit.core.codecs import moment_text
from crmkit.core.fields import Scalar
from crmkit.core.ids import IdSequence, new_operation_id
from crmkit.core.message import Message, MessageStatus
from crmkit.core.operation import Operation
from crmkit.core.ports.ambient import Chance
from crmkit.core.ports.contribution import Contribution
from crmkit.core.ports.notifiers import Notifier, OutgoingMail, Receipt
from crmkit.core.ports.storage import ReadTransaction, WriteTransaction
from crmkit.core.query import Aggregate, All, Any, Compare, Condition, Op, Order, Query
from crmkit.core.spelling import close_to
from crmkit.errors import CrmkitError, DeliveryError, NotFoundError, PluginError, RejectedError
from crmkit.services.consents import may_write
from crmkit.services.mail_values import sender_values, way_out
from crmkit.services.workspace import Workspace

__all__ = ["DeliveryReport", "Failure", "deliver"]


@attrs.frozen(kw_only=True)
class Failure:
    """A message that was not accepted.

    Attributes:
        mail_id: The message.
        address: To whom.
        detail: Why.
        dead: It became a dead letter; otherwise it is tried again.
    """

    mail_id: str
    address: str
    detail: str
    dead: bool


@attrs.frozen(kw_only=True)
class DeliveryReport:
    """What became of the messages that were due.

    Attributes:
        sent: How many were accepted.
        failed: How many will be tried again.
        dead: How many became dead letters.
        suppressed: How many are held back for good, since their address may no longer be written to.
        lost: How many took so long that another worker had claimed them meanwhile; its word counts.
        failures: The first hundred that failed or died.
        error: Why the notifier had to stop, or None when it did not; the rest stays queued.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    suppressed: int = 0
    lost: int = 0
    failures: tuple[Failure, ...] = ()
    error: DeliveryError | PluginError | None = None


def deliver(
    workspace: Workspace,
    notifier: str = "folder",
    *,
    options: Mapping[str, str] | None = None,
    limit: int | None = None,
    batch: int = 50,
    rate_per_second: float | None = None,
    lease: timedelta = timedelta(minutes=5),
    sleep: Callable[[float], None] = time.sleep,
) -> DeliveryReport:
    """Deliver the messages that are due now, in the order in which they were queued.

    Safe to run in several threads and processes at once. A second message to an address
    waits until the one before it is settled: sent, dead, cancelled or suppressed. When the
    notifier itself cannot work (the server is down), the tries of one batch are counted,
    no message dies of that, and the report says why it stopped.

    Args:
        workspace: Where.
        notifier: The name of the notifier.
        options: What the notifier wants to know: ``folder``, ``host``, ``port`` …
        limit: Hand over at most so many; None means all that are due.
        batch: How many are handed over at once.
        rate_per_second: At most so many in a second, on average; None means no limit.
        lease: How long the messages of a batch are this worker's own.
        sleep: How to wait for the rate, in seconds.

    Raises:
        NotFoundError: There is no such notifier.
        RejectedError: A number makes no sense.
        ConfigError: The sender, the unsubscribe address or an option of the notifier is
            wrong; no try was counted.
    """
    _check_numbers(limit=limit, batch=batch, rate_per_second=rate_per_second)
    if rate_per_second is not None:
        batch = max(1, int(min(batch, rate_per_second)))  # an even stream rather than bursts
    worker = _Worker(workspace, _notifier(workspace, notifier), options or {}, lease)
    agenda = worker.agenda()
    while agenda:
        waiting: list[str] = []
        settled = worker.settled
        while agenda and not worker.stopped and (limit is None or worker.tried < limit):
            size = batch if limit is None else min(batch, limit - worker.tried)
            chunk, agenda = agenda[:size], agenda[size:]
            tried = worker.tried
            waiting += worker.take_on(chunk)
            if rate_per_second is not None and (agenda or waiting) and worker.tried > tried:
                sleep((worker.tried - tried) / rate_per_second)
        # Those behind a message that is settled now have their turn.
        agenda = waiting if not agenda and worker.settled > settled else []
    return worker.report()


_FIRST_DELAY_S: Final = 60
_LONGEST_DELAY_S: Final = 6 * 3600
_NAMED: Final = 100


def _check_numbers(*, limit: int | None, batch: int, rate_per_second: float | None) -> None:
    problems = [
        f"{name} must be more than 0, not {number}"
        for name, number in (("limit", limit), ("batch", batch), ("rate_per_second", rate_per_second))
        if number is not None and not number > 0
    ]
    if problems:
        raise RejectedError(problems)


def _notifier(workspace: Workspace, name: str) -> Contribution[Notifier]:
    known = workspace.extensions.notifiers
    if name not in known:
        raise NotFoundError("notifier", name, suggestions=close_to(name, known))
    return known[name]


class _Worker:
    """One run of `deliver`."""

    def __init__(
        self, workspace: Workspace, notifier: Contribution[Notifier], options: Mapping[str, str], lease: timedelta
    ) -> None:
        self._workspace = workspace
        self._message = workspace.schema["message"]
        self._notifier = notifier
        self._options = options
        self._lease = lease
        # Wrong settings are found before anything is claimed, or each message would die of them.
        sender_values(workspace.settings.mail)
        way_out(workspace.settings.mail, "somebody@example.com")
        self._counts: Counter[str] = Counter()
        self._failures: list[Failure] = []
        self._error: DeliveryError | PluginError | None = None
        self._ahead = self._clock_is_behind()
        self.tried = 0

    @property
    def stopped(self) -> bool:
        return self._error is not None

    @property
    def settled(self) -> int:
        """How many messages no longer stand before others."""
        return sum(self._counts[name] for name in ("sent", "dead", "suppressed"))

    def report(self) -> DeliveryReport:
        return DeliveryReport(**self._counts, failures=tuple(self._failures), error=self._error)

    def agenda(self) -> list[str]:
        """Return the ids of all that is due, in the order of queueing; only the ids, for there may be many."""
        question = Aggregate(type="message", where=_due(self._now()), group_by=("created_at", "id"), measures=())
        with self._workspace.storage.read() as view:
            return [str(id_) for _, id_ in view.aggregate(question)]

    def take_on(self, ids: Sequence[str]) -> list[str]:
        """Claim, hand over and record one batch; return those that wait behind another message."""
        claimed, waiting = self._claim(ids)
        if claimed:
            self.tried += len(claimed)
            receipts = self._hand_over(claimed)
            self._record(claimed, receipts)
        return waiting

    def _claim(self, ids: Sequence[str]) -> tuple[list[Message], list[str]]:
        """Lease those of the messages that may leave now; the versions returned are those of the lease."""
        with self._workspace.storage.write() as transaction:
            now = self._now()
            due = [message for message in self._load(transaction, ids) if _is_due(message, now)]
            refusals = self._refusals(transaction, due)
            self._hold_back([message for message in due if message.id in refusals], refusals, now, transaction)
            open_ = [message for message in due if message.id not in refusals]
            firsts = _firsts(transaction, {message.address_key for message in open_})
            claimed = [message for message in open_ if message.id in firsts]
            self._update(transaction, claimed, {"lease_until": [moment_text(now + self._lease)] * len(claimed)}, now)
        self._counts["suppressed"] += len(refusals)
        waiting = [message.id for message in open_ if message.id not in firsts]
        return [attrs.evolve(message, version=message.version + 1) for message in claimed], waiting

    def _refusals(self, view: ReadTransaction, messages: Sequence[Message]) -> dict[str, str]:
        """Return for each message whose address may not be written to (any more) the reason."""
        refusals: dict[str, str] = {}
        for purpose in sorted({message.purpose for message in messages}):
            mine = [message for message in messages if message.purpose == purpose]
            reasons = may_write(view, self._workspace.schema, {m.address_key for m in mine}, purpose)
            refusals |= {m.id: reason for m in mine if (reason := reasons[m.address_key])}
        return refusals

    def _hold_back(
        self, messages: Sequence[Message], reasons: Mapping[str, str], now: datetime, transaction: WriteTransaction
    ) -> None:
        count = len(messages)
        columns: dict[str, Sequence[Scalar]] = {
            "status": [MessageStatus.SUPPRESSED.value] * count,
            "dedupe_key": [None] * count,  # it never left, so it may be queued again once the address may be written to
            "next_attempt_at": [None] * count,
            "lease_until": [None] * count,
            "last_error": [reasons[message.id] for message in messages],
        }
        self._update(transaction, messages, columns, now)

    def _hand_over(self, messages: Sequence[Message]) -> dict[str, Receipt]:
        """Call the notifier; what stops it becomes the error of the report and a receipt of every message."""
        mail = self._workspace.settings.mail
        outgoing = [
            OutgoingMail(
                record_id=message.id,
                message_id=message.message_id,
                sender=mail.sender,
                to=message.address,
                to_name=message.to_name or "",
                subject=message.subject,
                text=message.text,
                html=message.html or "",
                headers=way_out(mail, message.address_key),
            )
            for message in messages
        ]
        try:
            with self._notifier.blamed():
                return _by_message(self._notifier.item.deliver(outgoing, self._options))
        except (DeliveryError, PluginError) as error:
            self._error = error
            detail = _storable(str(error))
            return {message.id: Receipt(record_id=message.id, sent=False, detail=detail) for message in messages}
        except CrmkitError:
            self._give_back(messages)
            raise

    def _give_back(self, messages: Sequence[Message]) -> None:
        """End the leases without counting a try: the fault is in the settings."""
        with self._workspace.storage.write() as transaction:
            mine, _ = self._still_mine(transaction, messages)
            self._update(transaction, mine, {"lease_until": [None] * len(mine)}, self._now())

    def _record(self, messages: Sequence[Message], receipts: Mapping[str, Receipt]) -> None:
        nothing = "the notifier said nothing about it"
        with self._workspace.storage.write() as transaction:
            now = self._now()
            mine, cancelled = self._still_mine(transaction, messages)
            # Cancelled while it was on its way: if it left, that is what happened.
            mine += [message for message in cancelled if message.id in receipts and receipts[message.id].sent]
            answers = [(m, receipts.get(m.id) or Receipt(record_id=m.id, sent=False, detail=nothing)) for m in mine]
            fates = [self._fate(message, receipt) for message, receipt in answers]
            self._write_fates(transaction, answers, fates, now)
            self._write_deliveries(transaction, answers, now)
        self._counts["lost"] += len(messages) - len(mine)
        for (message, receipt), status in zip(answers, fates, strict=True):
            self._counts["failed" if status is MessageStatus.QUEUED else status.value] += 1
            if not receipt.sent and len(self._failures) < _NAMED:
                dead = status is MessageStatus.DEAD
                self._failures.append(
                    Failure(mail_id=message.id, address=message.address, detail=receipt.detail, dead=dead)
                )

    def _fate(self, message: Message, receipt: Receipt) -> MessageStatus:
        if receipt.sent:
            return MessageStatus.SENT
        exhausted = message.attempts + 1 >= self._workspace.settings.mail.max_attempts
        if receipt.permanent or (exhausted and not self.stopped):
            return MessageStatus.DEAD
        return MessageStatus.QUEUED

    def _write_fates(
        self,
        transaction: WriteTransaction,
        answers: Sequence[tuple[Message, Receipt]],
        fates: Sequence[MessageStatus],
        now: datetime,
    ) -> None:
        columns: dict[str, Sequence[Scalar]] = {
            "status": [status.value for status in fates],
            "attempts": [message.attempts + 1 for message, _ in answers],
            "next_attempt_at": [
                moment_text(now + _delay(message.attempts, self._workspace.chance))
                if status is MessageStatus.QUEUED
                else None
                for (message, _), status in zip(answers, fates, strict=True)
            ],
            "lease_until": [None] * len(answers),
            "sent_at": [moment_text(now) if receipt.sent else None for _, receipt in answers],
            "last_error": [None if receipt.sent else receipt.detail for _, receipt in answers],
        }
        self._update(transaction, [message for message, _ in answers], columns, now)

    def _write_deliveries(
        self, transaction: WriteTransaction, answers: Sequence[tuple[Message, Receipt]], now: datetime
    ) -> None:
        if not answers:
            return
        count, moment = len(answers), moment_text(now)
        delivery = self._workspace.schema["delivery"]
        ids = IdSequence(new_operation_id(now, self._workspace.chance), now)
        transaction.insert(
            "delivery",
            {
                "id": list(ids.take(delivery.prefix, count)),
                "version": [1] * count,
                "created_at": [moment] * count,
                "updated_at": [moment] * count,
                "operation_id": [""] * count,
                "mail_id": [message.id for message, _ in answers],
                "attempt": [message.attempts + 1 for message, _ in answers],
                "attempted_at": [moment] * count,
                "notifier": [self._notifier.item.name] * count,
                "sent": [int(receipt.sent) for _, receipt in answers],
                "detail": [receipt.detail or None for _, receipt in answers],
            },
        )

    def _still_mine(self, view: ReadTransaction, messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """Return those that nobody touched since they were claimed, and those that were cancelled."""
        now = self._load(view, [message.id for message in messages])
        claimed = {message.id: message.version for message in messages}
        mine = [message for message in now if message.version == claimed[message.id]]
        return mine, [message for message in now if message.status is MessageStatus.CANCELLED]

    def _now(self) -> datetime:
        return self._workspace.clock.now() + self._ahead

    def _clock_is_behind(self) -> timedelta:
        """Return by how much the clock is behind the last operation: mail must not wait because it was set back."""
        newest = Query(type="operation", order=(Order("at", descending=True),), limit=1)
        with self._workspace.storage.read() as view:
            last: list[Operation] = self._workspace.schema["operation"].load_many(view.find(newest))
        now = self._workspace.clock.now()
        return max(timedelta(), *(operation.at - now for operation in last))

    def _load(self, view: ReadTransaction, ids: Sequence[str]) -> list[Message]:
        """Return messages in the order of queueing."""
        found: list[Message] = self._message.load_many(view.get_many("message", ids))
        return sorted(found, key=lambda message: (message.created_at, message.id))

    def _update(
        self,
        transaction: WriteTransaction,
        messages: Sequence[Message],
        columns: Mapping[str, Sequence[Scalar]],
        now: datetime,
    ) -> None:
        if messages:
            transaction.update(
                "message",
                [message.id for message in messages],
                [message.version for message in messages],
                {**columns, "updated_at": [moment_text(now)] * len(messages)},
            )


def _due(now: datetime) -> Condition:
    moment = moment_text(now)
    return All(
        (
            Compare("status", Op.EQ, MessageStatus.QUEUED.value),
            Compare("next_attempt_at", Op.LE, moment),
            Any((Compare("lease_until", Op.EQ, None), Compare("lease_until", Op.LE, moment))),
        )
    )


def _is_due(message: Message, now: datetime) -> bool:
    return (
        message.status is MessageStatus.QUEUED
        and message.deleted_at is None
        and message.next_attempt_at is not None
        and message.next_attempt_at <= now
        and (message.lease_until is None or message.lease_until <= now)
    )


def _firsts(view: ReadTransaction, address_keys: set[str]) -> set[str]:
    """Return for each address the queued message that goes first, whoever holds it."""
    if not address_keys:
        return set()
    queued = Compare("status", Op.EQ, MessageStatus.QUEUED.value)
    question = Aggregate(
        type="message",
        where=All((queued, Compare("address_key", Op.IN, tuple(sorted(address_keys))))),
        group_by=("address_key", "created_at", "id"),
        measures=(),
    )
    firsts: dict[Scalar, str] = {}
    for address_key, _, id_ in view.aggregate(question):
        firsts.setdefault(address_key, str(id_))
    return set(firsts.values())


def _by_message(receipts: Iterable[Receipt]) -> dict[str, Receipt]:
    found: dict[str, Receipt] = {}
    for receipt in receipts:
        if not isinstance(receipt, Receipt):
            raise TypeError(f"deliver() must return receipts, not {type(receipt).__name__}")
        found[receipt.record_id] = attrs.evolve(receipt, detail=_storable(receipt.detail))
    return found


def _storable(detail: str) -> str:
    """Return what a server said without what no text may hold: what was sent must be recorded, or it is sent again."""
    return str(detail or "").encode(errors="replace").decode()


def _delay(attempts: int, chance: Chance) -> timedelta:
    """Return how long to wait after so many tries before: 1 min, 2, 4 … at most 6 h, up to a quarter less by chance.

    The chance spreads what failed together, so that it does not come back together.
    """
    whole = min(_FIRST_DELAY_S * 2 ** min(attempts, 16), _LONGEST_DELAY_S)
    return timedelta(seconds=whole * (1 - chance.bits(16) / 2**18))
