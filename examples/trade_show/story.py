"""A trade show from the first badge to the first sale, told with crmkit.

Run it: ``python story.py`` plays in memory, ``python story.py show.db`` leaves a database to look around in.
Change it: another file, another campaign, another template. Every line that changes data can be undone.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import crmkit
from crmkit.errors import RejectedError

LEADS = Path(__file__).with_name("leads.csv")  # as French Excel writes it: semicolons, accents, a broken row


def main(url: str = "memory:") -> None:
    folder = Path(tempfile.mkdtemp(prefix="trade-show-"))
    with crmkit.open(url, create=True, actor="Sales") as crm:
        now = crm.workspace.clock.now()

        chapter("Ten people let us scan their badges")
        show = crm.campaigns.add(name="Salon des Médias 2026", kind="trade_show")
        report = crm.import_leads(LEADS, campaign=show, rejects=folder / "rejects.csv")
        print(f"{report.read} rows: {report.created} new, {report.duplicates} duplicates, {report.rejected} rejected")
        for row in report.problems:
            print(f"  line {row.line} is {row.outcome.value}: {row.reason}")

        chapter("Each gets a thank-you mail, in French or English, and gets it once")
        for attempt in ("first", "second"):
            queued = crm.send("thank_you", campaign=show).queued
            sent = crm.deliver("folder", folder=folder / "mails").sent
            print(f"{attempt} run: {queued} queued, {sent} written as .eml files")

        chapter("We follow up on Jules")
        jules = crm.leads.find("Jules Etienne")
        crm.call(jules, "Liked the demo, wants an offer", direction="outbound")
        crm.note(jules, "Decides together with Camille Roy")
        crm.task(jules, "Send the offer", due=now + timedelta(days=3))
        crm.leads.update(jules.id, status="qualified", reason="He has a budget and a date")
        for task, about in crm.tasks_due():
            print(f"to do by {task.due_at:%d %B}: {task.subject} ({', '.join(record.label for record in about)})")

        chapter("He is interested: what would a conversion do?")
        plan = crm.plan_conversion(jules.id)
        for step in plan.fields:
            print(f"  {step.action.value:9} {step.target.value}.{step.field} = {step.new} ({step.reason})")

        chapter("So we convert him, and his colleague into the same account")
        first = crm.convert(plan)
        second = crm.convert("Camille Roy")
        jules, camille = crm.contacts.find("Jules Etienne"), crm.contacts.find("Camille Roy")
        hospy = crm.accounts.find("Hospy Médias")
        print(f"{jules.label} and {camille.label} work for {hospy.label}; {crm.contacts.count()} contacts now")
        print(f"converting Jules again: {crm.convert("Jules Etienne").outcome}")

        chapter("Nothing is final, and nothing breaks")
        try:
            crm.undo(first)
        except RejectedError as refusal:
            print(f"undo of Jules is refused: {refusal}")
        crm.undo(second)
        print(f"undo of Camille is fine: she is {crm.leads.find('Camille Roy').status.value} again")
        crm.redo(second)
        print(f"and redone: {crm.contacts.get(camille.id).label} is back")

        chapter("One deal is won, another one lost")
        deal = crm.open_deal("Studio equipment", account=hospy, contacts=[jules])
        try:
            crm.move_deal(deal, "negotiation")
        except RejectedError as refusal:
            print("too early: " + "; ".join(refusal.reasons))
        deal = crm.deals.update(deal, amount="12000 EUR", expected_close_on=now.date() + timedelta(days=30))
        for stage in ("needs_analysis", "proposal", "negotiation"):
            deal = crm.move_deal(deal, stage)
        print(f"{crm.win_deal(deal).label}: won, {deal.amount}")
        crm.lose_deal(crm.open_deal("Training", account=hospy), "price")

        chapter("What happened at Hospy Médias, in one list")
        for entry in crm.timeline(hospy)[-6:]:
            print(f"  {entry.at:%H:%M:%S}  {entry.kind:8} {entry.text}")

        chapter("What was it worth? The funnel adds up")
        page = crm.report("funnel", campaign=show)
        for name, reached, share, _stopped in page.rows:
            print(f"  {name:15} {reached:>3}  {share:>5}")
        (folder / "funnel.html").write_text(page.html, encoding="utf-8")
        print(f"\nMails, rejects and the funnel as a page are in {folder}")


def chapter(title: str) -> None:
    print(f"\n{title}\n{'-' * len(title)}")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # names have accents, whatever the terminal says
    main(*sys.argv[1:])
