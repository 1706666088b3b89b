"""The story of a trade show, from a hundred badges to a deal won; every step is real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click

from crmkit.app import CRM
from crmkit.cli.convert import conversion_plan_parts
from crmkit.cli.deals import board_part
from crmkit.cli.demo.teller import Teller
from crmkit.cli.import_ import summary
from crmkit.cli.mail import delivery_parts, queue_parts
from crmkit.cli.report import page_parts
from crmkit.cli.timeline import timeline_table
from crmkit.core.account import Account
from crmkit.core.campaign import Campaign
from crmkit.core.contact import Contact
from crmkit.core.conversion import Conversion, ConversionResult
from crmkit.core.fields import Scalar
from crmkit.core.lead import Lead, LeadStatus
from crmkit.core.query import Query
from crmkit.errors import NotReversibleError, RejectedError
from crmkit.services.deliver import DeliveryReport
from crmkit.services.files import replacing
from crmkit.services.mail_templates import preview

__all__ = ["SETTINGS", "Story"]

_QUOTED: Final = 3  # lines of a mail
_LATELY: Final = 7  # entries of a timeline
SHOW: Final = "Forum Santé Lyon"
SETTINGS: Final = """\
# What crmkit reads when it is called in this folder.
url = "crm.db"

[mail]
sender = "Camille of the crmkit demo <camille@crmkit.example>"
"""


class Story:
    """Plays the story in a new workspace.

    Args:
        crm: The workspace.
        folder: Where its files go.
        tell: Who tells it.
        smtp: What the notifier ``smtp`` wants to know; None writes .eml files.
    """

    def __init__(self, crm: CRM, folder: Path, tell: Teller, *, smtp: Mapping[str, str] | None) -> None:
        self._crm = crm
        self._folder = folder
        self._tell = tell
        self._smtp = smtp
        self._figures: dict[str, Any] = {"folder": str(folder)}

    def play(self) -> dict[str, Any]:
        """Play all of it, and return the figures that matter."""
        self._tell.title(
            "crmkit: from a hundred badges to a deal won",
            f"Everything happens for real, in the folder {self._folder}. "
            "Beside each step stands the command that does the same there.",
        )
        show = self._import_badges()
        self._thank(show)
        jules = self._follow_up()
        conversion, colleague = self._convert(jules)
        self._undo_and_redo(jules, conversion, colleague)
        self._sell(conversion)
        self._sum_up(show)
        self._say_goodbye()
        return self._figures

    # ------------------------------------------------------------ a: the leads

    def _import_badges(self) -> Campaign:
        tell, crm = self._tell, self._crm
        tell.step("a", "The badges of a trade show become leads")
        tell.say(
            "The scanner hands over a table as French Excel writes it: semicolons, cp1252, accents, some rows "
            "broken, some there twice. Nobody has to say so."
        )
        tell.do("crmkit init", f'crmkit import leads.csv --campaign "{SHOW}" --new-campaign --source trade_show')
        source = self._folder / "leads.csv"
        source.write_bytes(files("crmkit.cli.demo").joinpath("leads.csv").read_bytes())
        rejects = self._folder / "leads.rejects.csv"
        show = crm.campaigns.add(name=SHOW, kind="trade_show")
        report = crm.import_leads(source, campaign=show, source_label="trade_show", rejects=rejects)
        found = " · ".join(f"{each.what} {each.value}" for each in report.findings)
        tell.show(click.style(f"found out: {found}", dim=True), *summary(report))
        tell.say(f"The {report.rejected} broken rows wait in {rejects.name}, to be mended and imported again.")
        again = crm.import_leads(source, campaign=show, source_label="trade_show")
        tell.say(
            f"The same file once more changes nothing: {again.created} created, {again.unchanged} unchanged, "
            f"{again.duplicates} duplicates, {again.rejected} rejected."
        )
        self._figures |= {
            "read": report.read,
            "leads": report.created,
            "duplicates": report.duplicates,
            "rejected": report.rejected,
        }
        return show

    # ------------------------------------------------------------- b: the mail

    def _thank(self, show: Campaign) -> None:
        tell, crm = self._tell, self._crm
        tell.step("b", "Each of them is thanked, in French or English")
        tell.say("One template in two languages; the mails go through the outbox. This is what Jules will read:")
        jules = crm.leads.find("Jules Etienne")
        mail = preview(crm.workspace, "thank_you", jules, campaign=show).rendered
        tell.quote([mail.subject, "", *mail.text.splitlines()[:_QUOTED], "…"])
        tell.say("So let us send it:")
        tell.do(f'crmkit send thank_you --campaign "{SHOW}"', self._deliver_command())
        queued = crm.send("thank_you", campaign=show, reason="thank everybody we met")
        delivered = self._deliver()
        tell.show(*queue_parts(queued), *delivery_parts(delivered, self._where()))
        tell.say("Somebody runs both commands again. Nobody is written to twice:")
        again = crm.send("thank_you", campaign=show)
        tell.show(*queue_parts(again), *delivery_parts(self._deliver(), self._where()))
        self._figures |= {"thanked": delivered.sent, "thanked_again": again.queued, "languages": dict(queued.languages)}

    def _deliver(self) -> DeliveryReport:
        if self._smtp is None:
            report = self._crm.deliver("folder", folder=self._folder / "outbox")
        else:
            report = self._crm.deliver("smtp", **self._smtp)
        if report.error is not None:
            raise report.error
        return report

    def _deliver_command(self) -> str:
        if self._smtp is None:
            return "crmkit deliver --folder outbox"
        return f"crmkit deliver --smtp {':'.join(filter(None, (self._smtp['host'], self._smtp.get('port'))))}"

    def _where(self) -> str:
        return "into the folder outbox, as .eml files" if self._smtp is None else "to the mail server"

    # -------------------------------------------------------- c: following up

    def _follow_up(self) -> Lead:
        tell, crm = self._tell, self._crm
        tell.step("c", "Jules ETIENNE of Hospy Médias is followed up")
        jules = crm.leads.find("Jules Etienne")
        tell.say("A call, a note, a task with a day, and his status moves on:")
        tell.do(
            'crmkit call "Jules Etienne" "Has 40 people on the wards, wants a demo in June"',
            'crmkit note "Jules Etienne" "Decides together with Claire Moreau"',
            'crmkit task "Jules Etienne" "Send the offer" --due +3d',
            'crmkit lead set "Jules Etienne" status=qualified',
        )
        crm.call(jules, "Has 40 people on the wards, wants a demo in June", direction="outbound")
        crm.note(jules, "Decides together with Claire Moreau")
        crm.task(jules, "Send the offer", due=crm.workspace.clock.now() + timedelta(days=3))
        jules = crm.leads.update(jules.id, status=LeadStatus.QUALIFIED, reason="asked for an offer")
        tell.show(timeline_table(crm.timeline(jules)))
        wishes = crm.leads.where("notes is not empty", status="new").all()
        tell.say(
            f"The {len(wishes)} others of whom something was noted at the stand are called too. In Python that is "
            "one operation:"
        )
        tell.do(
            'wishes = crm.leads.where("notes is not empty", status="new")',
            'crm.leads.update_many(wishes, status="contacted", reason="called after the show")',
            prompt=">>>",
        )
        crm.leads.update_many(wishes, status=LeadStatus.CONTACTED, reason="called after the show")
        return jules

    # ---------------------------------------------------------- d: conversion

    def _convert(self, jules: Lead) -> tuple[Conversion, ConversionResult]:
        tell, crm = self._tell, self._crm
        tell.step("d", "The lead becomes a contact and an account")
        tell.say("First as a plan, field by field. Nothing is written yet:")
        tell.do('crmkit convert "Jules Etienne" --plan')
        plan = crm.plan_conversion(jules)
        tell.show(*conversion_plan_parts(crm.workspace, plan))
        tell.say("That is fine, so exactly this is done:")
        tell.do('crmkit convert "Jules Etienne"')
        done = _conversion(crm.convert(plan))
        contact, account = self._contact(done), self._account(done)
        left = crm.leads.where(status=[each for each in LeadStatus if each is not LeadStatus.CONVERTED])
        tell.show(
            f"{contact.label} is a contact now, and {account.label} an account.",
            f"Among the leads he is no longer: {left.count()} are left.",
        )
        tell.say("Nothing of his story is lost. It can be read from the account, too:")
        tell.do('crmkit timeline "Hospy Médias"')
        story = crm.timeline(account)
        tell.show(timeline_table(story[-_LATELY:], title=f"The last {_LATELY} of {len(story)} things that happened"))
        self._before = _everything(crm)
        colleague = crm.convert("Claire Moreau")
        tell.say("His colleague Claire MOREAU is converted, and finds the account by the domain of her address:")
        tell.do('crmkit convert "Claire Moreau"')
        people = crm.contacts.where(account_id=account.id).order_by("last_name")
        tell.show(f"Contacts of {account.label}: {', '.join(each.label for each in people)}.")
        return done, colleague

    # ------------------------------------------------------- e: undo and redo

    def _undo_and_redo(self, jules: Lead, conversion: Conversion, colleague: ConversionResult) -> None:
        tell, crm = self._tell, self._crm
        tell.step("e", "Twice changes nothing, and everything can be undone")
        tell.do('crmkit convert "Jules Etienne"')
        again = crm.convert(jules.id)
        tell.show(
            f"{jules.label} is converted {again.outcome}; there are still {crm.contacts.count()} contacts "
            f"and {crm.accounts.count()} account."
        )
        tell.say("Can Jules be undone? Somebody shares his account by now, so crmkit refuses and says who:")
        tell.do(f"crmkit undo {conversion.operation_id}")
        try:
            crm.undo(conversion.operation_id)
        except NotReversibleError as error:
            tell.refused(error)
        tell.say("Claire's conversion can be undone:")
        tell.do(f"crmkit undo {colleague.operation_id}")
        crm.undo(str(colleague.operation_id), reason="too early")
        now = _everything(crm)
        self._figures |= {"compared": len(now), "undone_without_trace": now == self._before}
        tell.show(
            f"{len(now)} records were compared with what they were before: "
            + ("all of them are equal, field by field." if now == self._before else "they differ!")
        )
        tell.say("And it can be done again, with the same ids:")
        tell.do(f"crmkit redo {colleague.operation_id}")
        crm.redo(str(colleague.operation_id))
        tell.show(f"{crm.contacts.get(_conversion(colleague).contact_id).label} is a contact again.")

    # --------------------------------------------------------------- f: deals

    def _sell(self, conversion: Conversion) -> None:
        tell, crm = self._tell, self._crm
        tell.step("f", "Deals are opened, won and lost")
        contact, account = self._contact(conversion), self._account(conversion)
        tell.say("A deal is opened with Jules who decides, and somebody would like to negotiate at once:")
        tell.do(
            'crmkit deal open "40 seats" --account "Hospy Médias" --contact "Jules Etienne=decision_maker"',
            'crmkit deal move "40 seats" negotiation',
        )
        deal = crm.open_deal("40 seats", account=account, contacts=[contact], roles={contact.id: "decision_maker"})
        try:
            crm.move_deal(deal, "negotiation")
        except RejectedError as error:
            tell.refused(error)
        close = (crm.workspace.clock.now() + timedelta(days=30)).date()
        tell.say("The stage demands more than there is, and says all of it at once. Filled in, the deal goes its way:")
        tell.do(
            f'crmkit deal set "40 seats" amount="24000 EUR" expected_close_on={close}',
            'crmkit deal move "40 seats" proposal',
            'crmkit deal move "40 seats" negotiation',
            'crmkit deal win "40 seats"',
        )
        crm.deals.update(deal, amount="24000 EUR", expected_close_on=close)
        crm.move_deal(deal.id, "proposal", reason="they want it in writing")
        crm.move_deal(deal.id, "negotiation")
        won = crm.win_deal(deal.id, reason="signed")
        moves = [each.text for each in crm.timeline(won) if each.kind == "stage"]
        tell.show(*moves)
        self._lose_one()
        self._keep_some_open()
        tell.say("The pipeline after that day:")
        tell.do("crmkit board")
        tell.show(board_part(crm.board()))
        self._figures["won"] = won.amount

    def _lose_one(self) -> None:
        tell, crm = self._tell, self._crm
        tell.say("Nadia BENALI of Cardialis is converted with a deal at once. Alas, others were faster:")
        tell.do(
            'crmkit convert "Nadia Benali" --deal "Pilot ward" --amount "9500 EUR"',
            'crmkit deal lose "Pilot ward" competitor "They had signed a week before"',
        )
        lost = _conversion(crm.convert("Nadia Benali", deal="Pilot ward", deal_values={"amount": "9500 EUR"}))
        crm.lose_deal(str(lost.deal_id), "competitor", "They had signed a week before")

    def _keep_some_open(self) -> None:
        tell, crm = self._tell, self._crm
        tell.say("Two more become contacts, one of them with a deal that is still open:")
        tell.do(
            'crmkit convert "Cédric Lemaître" --deal "Framework agreement" --amount "60000 EUR" --stage proposal',
            'crmkit convert "Siân Hughes"',
        )
        values = {"amount": "60000 EUR", "stage": "proposal"}
        crm.convert("Cédric Lemaître", deal="Framework agreement", deal_values=values)
        crm.convert("Siân Hughes")

    # -------------------------------------------------------------- g: funnel

    def _sum_up(self, show: Campaign) -> None:
        tell, crm = self._tell, self._crm
        tell.step("g", "What did the trade show bring?")
        tell.do(f'crmkit report funnel --campaign "{SHOW}" --html funnel.html')
        page = crm.report("funnel", campaign=show)
        tell.show(*page_parts(page))
        with replacing(self._folder / "funnel.html") as file:
            file.write(page.html)
        tell.say("The same with pictures is in funnel.html.")
        self._figures["funnel"] = page.facts

    def _say_goodbye(self) -> None:
        tell = self._tell
        tell.step("✓", "That was it, and it is all still there")
        left = {
            "crm.db": "the workspace, one SQLite file",
            "leads.rejects.csv": "the broken rows, with line and reason",
            "outbox": "the mails, which any mail program opens",
            "funnel.html": "the funnel, to be opened in a browser",
        }
        tell.list((str(path), use) for name, use in left.items() if (path := self._folder / name).exists())
        tell.say("Go on with:")
        tell.do(
            f"cd {self._folder}",
            "crmkit leads --limit 10",
            'crmkit show "Hospy Médias"',
            "crmkit tasks",
            "crmkit board",
            'crmkit export leads leads-today.csv --delimiter ";"',
            "crmkit log",
            "crmkit --help",
        )

    def _contact(self, conversion: Conversion) -> Contact:
        return self._crm.contacts.get(conversion.contact_id)

    def _account(self, conversion: Conversion) -> Account:
        return self._crm.accounts.get(str(conversion.account_id))


def _conversion(result: ConversionResult) -> Conversion:
    if result.conversion is None:
        raise RejectedError(result.reasons)
    return result.conversion


def _everything(crm: CRM) -> dict[str, tuple[Scalar, ...]]:
    """Return all living records but the log, without what every change moves on."""
    found: dict[str, tuple[Scalar, ...]] = {}
    with crm.workspace.reading() as view:
        for kind in crm.workspace.schema:
            if kind.name in ("operation", "change"):
                continue
            kept = [place for name, place in kind.position.items() if name not in ("version", "updated_at")]
            for row in view.find(Query(type=kind.name)):
                found[str(row[kind.position["id"]])] = tuple(row[place] for place in kept)
    return found
