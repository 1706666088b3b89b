"""A trade show from the first badge to the first sale, told with crmkit.

Run it: ``python story.py`` plays in memory, ``python story.py show.db`` leaves a database to look around in.
Change it: take another file, another campaign, another rule. Whatever goes wrong can be undone.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from textwrap import shorten

import crmkit
from crmkit.errors import RejectedError

LEADS = Path(__file__).with_name("leads.csv")  # as French Excel writes it: semicolons, accents, a broken row


def main(url: str = "memory:") -> None:
    folder = Path(tempfile.mkdtemp(prefix="trade-show-"))
    with crmkit.open(url, create=True, actor="Sales") as crm:
        show = crm.campaigns.add(name="Salon des Médias 2026", kind="trade_show")
        gather_leads(crm, show, folder)
        thank_everybody(crm, show, folder)
        follow_up(crm)
        convert(crm)
        sell(crm)
        look_back(crm, show, folder)
    print(f"\nMails, rejects and the funnel as a page are in {folder}")


def gather_leads(crm: crmkit.CRM, show: crmkit.Campaign, folder: Path) -> None:
    chapter("People let us scan their badges")
    report = crm.import_leads(LEADS, campaign=show, rejects=folder / "rejects.csv")
    print(f"{report.read} rows: {report.created} leads, {report.duplicates} duplicate, {report.rejected} rejected")
    for row in report.problems:
        print(f"  line {row.line} is {row.outcome.value}: {row.reason}")


def thank_everybody(crm: crmkit.CRM, show: crmkit.Campaign, folder: Path) -> None:
    chapter("Each gets a thank-you mail, in French or English, and gets it once")
    for attempt in ("first", "second"):
        queued = crm.send("thank_you", campaign=show).queued
        sent = crm.deliver("folder", folder=folder / "mails").sent
        print(f"{attempt} run: {queued} queued, {sent} written as .eml files")


def follow_up(crm: crmkit.CRM) -> None:
    chapter("We follow up on Jules")
    jules = crm.leads.find("Jules Etienne")
    crm.call(jules, "Liked the demo, wants an offer", direction="outbound")
    crm.note(jules, "Decides together with Camille Roy")
    crm.task(jules, "Send the offer", due=crm.workspace.clock.now() + timedelta(days=3))
    crm.leads.update(jules.id, status="qualified", reason="He has a budget and a date")
    for task, about in crm.tasks_due():
        print(f"to do by {task.due_at:%d %B}: {task.subject} ({', '.join(record.label for record in about)})")


def convert(crm: crmkit.CRM) -> None:
    chapter("He is interested: what would a conversion do?")
    plan = crm.plan_conversion("Jules Etienne")
    for step in plan.fields:
        print(f"  {step.action.value} {step.target.value}.{step.field}: {shorten(str(step.new), 40)} ({step.reason})")

    chapter("So we convert him, and his colleague into the same account")
    jules = crm.convert(plan)
    camille = crm.convert("Camille Roy")
    print(f"Contacts of Hospy Médias: {', '.join(person.label for person in crm.contacts)}")
    print(f"Converting Jules again: {crm.convert('Jules Etienne').outcome}")

    chapter("Nothing is final, and nothing breaks")
    try:
        crm.undo(jules)
    except RejectedError as refusal:
        print(f"Undoing Jules is refused: {'; '.join(refusal.reasons)}")
    crm.undo(camille)
    print(f"Undoing Camille is fine: she is {crm.leads.find('Camille Roy').status.value} again")
    crm.redo(camille)
    print(f"And redone: {crm.contacts.count()} contacts")


def sell(crm: crmkit.CRM) -> None:
    chapter("One deal is won, another one lost")
    hospy = crm.accounts.find("Hospy Médias")
    deal = crm.open_deal("Studio equipment", account=hospy, contacts=[crm.contacts.find("Jules Etienne")])
    try:
        crm.move_deal(deal, "negotiation")
    except RejectedError as refusal:
        print(f"Too early: {'; '.join(refusal.reasons)}")
    deal = crm.deals.update(deal, amount="12000 EUR", expected_close_on="2026-12-31")
    for stage in ("needs_analysis", "proposal", "negotiation"):
        deal = crm.move_deal(deal, stage)
    deal = crm.win_deal(deal)
    print(f"Won: {deal.label}, {deal.amount}")
    lost = crm.lose_deal(crm.open_deal("Training", account=hospy), "price")
    print(f"Lost: {lost.label}, because of {lost.lost_reason}")


def look_back(crm: crmkit.CRM, show: crmkit.Campaign, folder: Path) -> None:
    chapter("What happened at Hospy Médias, in one list")
    for entry in crm.timeline(crm.accounts.find("Hospy Médias")):
        if entry.kind not in ("created", "changed"):
            print(f"  {entry.at:%H:%M:%S}  {entry.kind:10} {entry.text}")

    chapter("What was it worth? The funnel adds up")
    page = crm.report("funnel", campaign=show)
    for step, reached, share, _stopped_here in page.rows:
        print(f"  {step:15} {reached:>3}  {share:>5}")
    (folder / "funnel.html").write_text(page.html, encoding="utf-8")


def chapter(title: str) -> None:
    print(f"\n{title}\n{'-' * len(title)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
