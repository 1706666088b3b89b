"""``crmkit send``, ``deliver``, ``outbox``, ``template``, ``suppress``: everything about mail."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import click

from crmkit.cli.asking import where_option
from crmkit.cli.output import Card, Column, Part, Table, printable
from crmkit.cli.state import Session, Writing, command, group, writing
from crmkit.core.message import MessageStatus
from crmkit.errors import NotFoundError

if TYPE_CHECKING:
    from crmkit.services.collections import Collection
    from crmkit.services.deliver import DeliveryReport
    from crmkit.services.queue_mail import QueueReport

__all__ = ["deliver", "delivery_parts", "outbox", "queue_parts", "send", "suppress", "template", "unsuppress"]


# ------------------------------------------------------------------- queueing


@command("send")
@click.argument("template_key", metavar="TEMPLATE")
@click.option("--campaign", metavar="NAME", help="Its members are written to, each once.")
@click.option(
    "--to", "people", metavar="NAME", multiple=True, help="These leads and contacts instead; may be repeated."
)
@where_option("All leads that fulfil this instead; may be repeated.")
@click.option("--contacts", is_flag=True, help="--where is about contacts, not leads.")
@click.option(
    "--purpose", default="marketing", show_default=True, help="Whoever withdrew the consent for it is skipped."
)
@click.option("--again", is_flag=True, help="Also to those who had this template in this campaign already.")
@writing
def send(
    session: Session,
    template_key: str,
    *,
    campaign: str | None,
    people: tuple[str, ...],
    where: tuple[str, ...],
    contacts: bool,
    again: bool,
    **how: Any,
) -> None:
    """Queue the mail TEMPLATE to the members of a campaign, or to some people.

    Each gets it in their language, and once per campaign however often this runs. Nothing leaves
    yet: that is for crmkit deliver.
    """
    from crmkit.services.queue_mail import queue_mail

    if campaign is None and not people and not where:
        raise click.UsageError("say to whom: --campaign NAME, --to NAME, or --where TEXT")
    collection: Collection[Any] = session.crm.contacts if contacts else session.crm.leads
    chosen = [_person(session, name) for name in people]
    chosen += [each.id for each in collection.where(*where)] if where else []
    outcome = queue_mail(
        session.workspace,
        template_key,
        campaign=campaign and session.resolve("campaign", campaign),
        people=chosen if people or where else None,
        once=not again,
        **how,
    )
    report = outcome.value
    session.done(outcome, *queue_parts(report), "Hand them over with: crmkit deliver" if report.queued else None)


def queue_parts(report: QueueReport) -> Iterator[Part]:
    """Return what was queued as it is printed."""
    ordered = sorted(report.languages.items(), key=lambda each: -each[1])
    languages = ", ".join(f"{count} in {_language(code)}" for code, count in ordered)
    yield f"Queued {_mails(report.queued)}" + (f": {languages}." if languages else ".")
    for skipped in report.skipped:
        yield f"  {skipped.count} skipped: {printable(skipped.reason)}"


@command("suppress")
@click.argument("address")
@writing
def suppress(session: Session, address: str, **how: Unpack[Writing]) -> None:
    """Write to ADDRESS no more, whatever it agreed to; mail that is queued is held back too."""
    from crmkit.services.consents import suppress as suppress_address

    why = how["reason"] or "manual"
    outcome = suppress_address(session.workspace, address, why, key=how["key"], dry_run=how["dry_run"])
    session.done(outcome, f"{outcome.value.address_key} will not be written to again.")


@command("unsuppress")
@click.argument("address")
@writing
def unsuppress(session: Session, address: str, **how: Unpack[Writing]) -> None:
    """Let ADDRESS be written to again; what it was suppressed for stays on record."""
    from crmkit.services.consents import unsuppress as unsuppress_address

    why = how["reason"] or "manual"
    outcome = unsuppress_address(session.workspace, address, why, key=how["key"], dry_run=how["dry_run"])
    session.done(outcome, f"{outcome.value.address_key} may be written to again.")


# ----------------------------------------------------------------- delivering


def _pairs(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not name or not equals for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE, as in tls=none")
    return {name: value for name, _, value in pairs}


@command("deliver")
@click.option("--folder", metavar="FOLDER", help="As .eml files into a folder; ./outbox when nothing else is said.")
@click.option("--smtp", metavar="HOST[:PORT]", help="To a mail server; its password may be CRMKIT_SMTP_PASSWORD.")
@click.option("--console", is_flag=True, help="Onto the screen, in short; that counts as sent.")
@click.option("--webhook", metavar="URL", help="As JSON to an address on the web.")
@click.option("--notifier", metavar="NAME", help="To a notifier of a plugin.")
@click.option(
    "--option", "options", metavar="NAME=VALUE", multiple=True, callback=_pairs, help="What it wants to know."
)
@click.option("--limit", type=click.IntRange(1), metavar="COUNT", help="At most so many.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="NUMBER", help="At most so many in a second.")
@click.option("--dry-run", is_flag=True, help="Say what is waiting, and hand over nothing.")
def deliver(
    session: Session,
    *,
    options: dict[str, str],
    limit: int | None,
    rate: float | None,
    dry_run: bool,
    **ways: Any,
) -> None:
    """Hand the queued mails that are due to a notifier: .eml files, SMTP, the screen, a webhook, a plugin's.

    What cannot be delivered now is tried again later, and becomes a dead letter in the end; see
    crmkit outbox. Safe to run from several places at once.
    """
    from crmkit.services.deliver import deliver as hand_over
    from crmkit.services.outbox import outbox as look_into

    notifier, found = _way(**ways)
    if dry_run:
        waiting = look_into(session.workspace, limit=1).counts[MessageStatus.QUEUED]
        told = f"{_mails(waiting)} would go to {notifier}. This was a dry run: nothing was handed over."
        session.show({"dry_run": True, "notifier": notifier, "queued": waiting}, told)
        return
    report = hand_over(session.workspace, notifier, options={**found, **options}, limit=limit, rate_per_second=rate)
    session.show(report, *delivery_parts(report, _where(notifier, {**found, **options})))
    if report.error is not None:
        raise report.error


def delivery_parts(report: DeliveryReport, where: str) -> Iterator[Part]:
    """Return what became of the mails that were due, as it is printed."""
    yield f"Delivered {_mails(report.sent)} {where}."
    told = {
        "will be tried again": report.failed,
        "became dead letters; see crmkit outbox --status dead": report.dead,
        "held back, since the address may not be written to": report.suppressed,
        "were claimed by another worker meanwhile": report.lost,
    }
    yield from (f"  {count} {what}" for what, count in told.items() if count)
    # A notifier that had to stop says why itself, once for all.
    for failure in () if report.error else report.failures[:_LISTED]:
        yield f"  {failure.address}: {printable(failure.detail)}"


_LISTED = 10


def _way(
    *, folder: str | None, smtp: str | None, console: bool, webhook: str | None, notifier: str | None
) -> tuple[str, dict[str, str]]:
    """Return the notifier that was chosen, and what it is told."""
    chosen: list[tuple[str, dict[str, str]]] = []
    if folder is not None:
        chosen.append(("folder", {"folder": folder}))
    if smtp is not None:
        chosen.append(("smtp", smtp_options(smtp)))
    if console:
        chosen.append(("console", {}))
    if webhook is not None:
        chosen.append(("webhook", {"url": webhook}))
    if notifier is not None:
        chosen.append((notifier, {}))
    if len(chosen) > 1:
        raise click.UsageError(f"choose one way, not {' and '.join(name for name, _ in chosen)}")
    return chosen[0] if chosen else ("folder", {"folder": "outbox"})


def smtp_options(address: str) -> dict[str, str]:
    """Return what the notifier ``smtp`` wants to know, from ``HOST:PORT`` and the environment."""
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, ""
    password = os.environ.get("CRMKIT_SMTP_PASSWORD")
    return {
        "host": host.strip("[]"),
        **({"port": port} if port else {}),
        **({"password": password} if password else {}),
    }


def _where(notifier: str, options: Mapping[str, str]) -> str:
    if notifier == "folder":
        return f"into the folder {options['folder']}"
    if notifier == "smtp":
        return f"to the mail server {options['host']}"
    return f"by {notifier}"


# --------------------------------------------------------------------- outbox


def _outbox(context: click.Context, status: str | None, limit: int) -> None:
    from crmkit.services.outbox import outbox as look_into

    if context.invoked_subcommand is not None:
        return
    session = context.ensure_object(Session)
    found = look_into(session.workspace, MessageStatus(status) if status else None, limit=limit)
    counts = ", ".join(f"{count} {each.value}" for each, count in found.counts.items() if count) or "empty"
    columns = (Column("Id", whole=True), Column("Status", whole=True), Column("When", whole=True), "To", "Subject")
    rows = [(m.id, m.status, m.sent_at or m.next_attempt_at, m.address, m.subject) for m in found.messages]
    errors = [f"  {m.address}: {printable(m.last_error)}" for m in found.messages if m.last_error]
    problems = ["", "What went wrong last:", *errors] if errors else []
    session.show(found, f"Outbox: {counts}", Table(columns, rows) if rows else None, *problems)


outbox = group(
    "outbox",
    help="List the mails that are queued, sent or failed, the newest first; try them again, or take them back.",
    invoke_without_command=True,
    callback=click.pass_context(_outbox),
)
outbox.params += [
    click.Option(["--status"], type=click.Choice([each.value for each in MessageStatus]), help="Only these."),
    click.Option(["--limit"], type=click.IntRange(1), default=20, show_default=True, help="At most so many."),
]


@command("retry", parent=outbox)
@click.argument("mails", nargs=-1, metavar="[MAIL…]")
@writing
def retry(session: Session, mails: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Queue dead letters again: these, or all."""
    from crmkit.services.outbox import retry_dead

    outcome = retry_dead(session.workspace, mails or None, **how)
    session.done(outcome, f"Queued {_mails(outcome.value)} again.", value={"mails": outcome.value})


@command("cancel", parent=outbox)
@click.argument("mails", nargs=-1, required=True, metavar="MAIL…")
@writing
def cancel(session: Session, mails: tuple[str, ...], **how: Unpack[Writing]) -> None:
    """Take mails back that have not left, by their ids."""
    from crmkit.services.outbox import cancel as take_back

    outcome = take_back(session.workspace, mails, **how)
    session.done(outcome, f"Cancelled {_mails(outcome.value)}.", value={"mails": outcome.value})


# ------------------------------------------------------------------ templates

template = group("template", help="List, show, preview or change mail templates.")


@command("list", parent=template)
def list_(session: Session) -> None:
    """List the templates with their languages."""
    found = sorted(session.crm.templates, key=lambda each: (each.key, each.language))
    rows = [(each.key, each.language, "text, HTML" if each.html else "text", each.subject) for each in found]
    session.show(
        found, Table([*(Column(title, whole=True) for title in ("Template", "Language", "Parts")), "Subject"], rows)
    )


@command("show", parent=template)
@click.argument("template_key", metavar="TEMPLATE")
@click.option("--language", metavar="XX", help="Only this one.")
@click.option("--html", is_flag=True, help="Show the HTML part too.")
def show(session: Session, template_key: str, *, language: str | None, html: bool) -> None:
    """Show a template as it was written, in each language."""
    wanted = {"key": template_key} if language is None else {"key": template_key, "language": language}
    found = session.crm.templates.where(**wanted).order_by("language").all()
    if not found:
        raise NotFoundError("template", template_key, hint="see crmkit template list")
    parts: list[Part] = []
    for each in found:
        parts += _mail(each.label, each.subject, each.text, each.html if html else None)
    session.show(found, *parts)


@command("save", parent=template)
@click.argument("template_key", metavar="TEMPLATE")
@click.argument("language")
@click.option("--subject", required=True, metavar="LIQUID", help="One line.")
@click.option("--text", required=True, type=click.File(encoding="utf-8"), metavar="FILE", help="The plain text.")
@click.option("--html", type=click.File(encoding="utf-8"), metavar="FILE", help="The HTML part, if there is one.")
@writing
def save(session: Session, template_key: str, language: str, *, subject: str, text: Any, html: Any, **how: Any) -> None:
    """Make the template TEMPLATE in LANGUAGE (fr, en …), or change it; mistakes are found before it is saved.

    It is written in Liquid: Hello {{ lead.first_name }}. FILE may be - for standard input.
    """
    from crmkit.services.mail_templates import save_template

    body = html.read() if html else None
    outcome = save_template(session.workspace, template_key, language, subject, text.read(), html=body, **how)
    session.done(outcome, f"Saved the template {outcome.value.label}.")


@command("preview", parent=template)
@click.argument("template_key", metavar="TEMPLATE")
@click.argument("person")
@click.option("--language", metavar="XX", help="Otherwise the one the person would be written to in.")
@click.option("--campaign", metavar="NAME", help="What it would be sent for.")
@click.option("--html", is_flag=True, help="Show the HTML part too.")
def preview(
    session: Session, template_key: str, person: str, *, language: str | None, campaign: str | None, html: bool
) -> None:
    """Show what the lead or contact PERSON would read; nothing is sent."""
    from crmkit.services.mail_templates import preview as fill_in

    shown = fill_in(
        session.workspace,
        template_key,
        _person(session, person),
        language=language,
        campaign=campaign and session.resolve("campaign", campaign),
    )
    mail = shown.rendered
    why = click.style(f"In {shown.language}: {shown.why}.", dim=True)
    session.show(shown, why, *_mail(f"Subject: {mail.subject}", "", mail.text, mail.html if html else None))


def _mail(title: str, subject: str, text: str, html: str | None) -> Iterator[Part]:
    yield Card(title, [("subject", subject)])
    yield ""
    yield printable(text).strip("\n")
    yield ""
    if html:
        yield printable(html).strip("\n")
        yield ""


def _language(code: str) -> str:
    from babel import Locale

    return str(Locale("en").languages.get(code, code))


def _person(session: Session, name: str) -> str:
    from crmkit.services.search import find_record

    return str(find_record(session.workspace, name, kinds=("lead", "contact")).id)


def _mails(count: int) -> str:
    return f"{count} {'mail' if count == 1 else 'mails'}"
