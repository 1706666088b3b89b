"""The smallest useful plugin of each kind, in one file.

Run it: ``python smallest.py``. Or use it as it is: ``crmkit --plugin smallest.py plugins``.
What stands at the top of a plugin's file is found there; nothing needs to be registered.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import crmkit
from crmkit import (
    Append,
    Batch,
    BytesSource,
    ChangeSet,
    Context,
    Lead,
    LeadDraft,
    Match,
    MergeProposal,
    OutgoingMail,
    Proposal,
    Receipt,
    ReportPage,
    Row,
    SetField,
    StageMove,
    StorageScheme,
    Target,
    Veto,
)
from crmkit.core.query import Aggregate, Query
from crmkit.errors import RejectedError
from crmkit.storage.sqlite import SqliteStorage


@crmkit.importer("visitor-badges", columns=["Badge", "Visitor", "Firm", "Mail"])
def visitor_badges(row: Row) -> LeadDraft | None:
    """Importer: one row of a file becomes one draft; None says that the row is no lead."""
    if row["Visitor"] == "STAFF":
        return None
    return LeadDraft(source_id=row["Badge"], full_name=row["Visitor"], company=row["Firm"], email=row["Mail"])


@crmkit.lead_source("door-bell", settings={"path": "the file with a line for each visitor"})
def door_bell(cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch]:
    """Lead source: asked again and again; each batch is imported once, and the cursor says where to go on."""
    lines = Path(settings["path"]).read_text().splitlines()
    for number, line in enumerate(lines[int(cursor or 0) :], int(cursor or 0) + 1):
        yield Batch(source=BytesSource(f"ring {number}", f"Email\n{line}\n".encode()), cursor=str(number))


@crmkit.conversion_rule("say-where-from")
def say_where_from(proposal: Proposal, context: Context) -> Iterator[SetField | Veto]:
    """Conversion rule: amends what a conversion will do, or refuses it. It returns data, crmkit writes."""
    if not proposal.lead.email:
        yield Veto(reason="we want an e-mail address first")
    tags = (*proposal.lead.tags, f"met-{context.at:%Y}")
    yield SetField(target=Target.CONTACT, field="tags", value=tags, reason="when we met")


@crmkit.merge_rule("both-titles")
def both_titles(proposal: MergeProposal, _context: Context) -> Iterator[Append]:
    """Merge rule: decides per field what becomes of the record that stays, or refuses the merge."""
    if proposal.kind == "contact":
        yield Append(field="title", reason="both are true")


@crmkit.lead_matcher("same-badge")
def same_badge(leads: Sequence[Lead], context: Context) -> Iterator[Match]:
    """Lead matcher: finds who is here already, besides those that crmkit finds; asked once for many leads."""
    known = {contact.source_id: contact.id for contact in context.find(Query(type="contact")) if contact.source_id}
    for lead in leads:
        if lead.source_id in known:
            yield Match(lead_id=lead.id, record_id=known[lead.source_id], evidence=f"badge {lead.source_id}")


@crmkit.stage_guard("big-deals-need-a-date")
def big_deals_need_a_date(move: StageMove, _context: Context) -> Iterator[str]:
    """Stage guard: each text is a reason against the move; none lets it pass."""
    if move.deal.amount and move.deal.amount.amount >= 50_000 and not move.deal.expected_close_on:
        yield "a deal of this size needs an expected close date"


@crmkit.notifier("shout")
def shout(mails: Sequence[OutgoingMail], _options: Mapping[str, str]) -> Iterable[Receipt]:
    """Notifier: carries mails out of the house, here to the terminal, and says what became of each."""
    for mail in mails:
        print(f"TO {mail.to.upper()}: {mail.subject.upper()}!")
        yield Receipt(record_id=mail.record_id, sent=True, detail="shouted")


@crmkit.report("headcount")
def headcount(context: Context, _options: Mapping[str, str]) -> ReportPage:
    """Report: answers a question on one consistent view."""
    counts = {kind: context.view.aggregate(Aggregate(type=kind))[0][0] for kind in ("lead", "contact", "account")}
    return ReportPage(
        title="How many we have",
        columns=("What", "Number"),
        rows=tuple((kind, int(count or 0)) for kind, count in counts.items()),
    )


@crmkit.hookimpl
def crmkit_committed(changes: ChangeSet) -> None:
    """Listener: called after each commit, when nothing can go wrong any more."""
    print(f"    ({changes.kind}: {', '.join(f'{kind} {count}' for kind, count in changes.counts.items())})")


@crmkit.hookimpl
def crmkit_storages() -> Iterable[StorageScheme]:
    """Storage: what stands before the colon of a URL, and the name of what opens it; here a new file each time."""
    return [StorageScheme(scheme="scratch", target=f"{__name__}:open_scratch", summary="a new file each time")]


def open_scratch() -> SqliteStorage:
    return SqliteStorage(Path(tempfile.mkdtemp(prefix="scratch-")) / "crm.db")


def main(url: str = "memory:") -> None:
    badges = Path(tempfile.mkdtemp()) / "badges.csv"
    badges.write_text("Badge,Visitor,Firm,Mail\n1,Ada King,Analytical,ada@analytical.example\n2,STAFF,,\n")
    with crmkit.open(url, create=True, plugins=[sys.modules[__name__]]) as crm:
        report = crm.import_leads(badges)
        print(f"The importer {report.importer} made {report.created} lead and ignored {report.ignored} row")
        rings = badges.with_name("rings.txt")
        rings.write_text("bell@ring.example\n")
        crm.add_source("Front door", "door-bell", {"path": rings})
        print(f"The lead source brought {crm.pull_source('Front door').created} lead")
        crm.send("thank_you", people=[crm.leads.find("Ada King")])
        crm.deliver("shout")
        crm.convert("Ada King")
        ada = crm.contacts.update(crm.contacts.find("Ada King"), title="Programmer")
        merged = crm.merge(ada, crm.contacts.add(first_name="Ada", title="Countess")).winner
        print("After the merge she is", " and ".join((merged.title or "").split()))
        print(f"The rule gave {crm.contacts.find('Ada King').label} the tags {crm.contacts.find('Ada King').tags}")
        deal = crm.open_deal("Engine", account=crm.accounts.find("Analytical"), amount="50000 EUR")
        try:
            crm.move_deal(deal, "proposal")
        except RejectedError as refusal:
            print(f"The guard says: {refusal}")
        for kind, count in crm.report("headcount").rows:
            print(f"The report says: {count} {kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
