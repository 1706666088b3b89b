"""Every command of crmkit's own, by name: where it is, and one line about it.

A table, so that ``crmkit --help`` and completion need not import a single command.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "Entry"]


class Entry(NamedTuple):
    """One command.

    Attributes:
        target: ``module:attribute`` of the click command.
        section: The heading it stands under.
        help: One line.
    """

    target: str
    section: str
    help: str


_WORKSPACE = "Begin"
_RECORDS = "Records"
_CARDS = "One record"
_FOLLOWING_UP = "Following up"
_SELLING = "Selling"
_MAIL = "Mail"
_LOOKING_BACK = "Looking back"

COMMANDS: Final = {
    "demo": Entry("crmkit.cli.demo:demo", _WORKSPACE, "Play a whole sales cycle in a new folder, and tell the story."),
    "init": Entry("crmkit.cli.init:init", _WORKSPACE, "Make a workspace."),
    "import": Entry("crmkit.cli.import_:import_", _WORKSPACE, "Import leads from a file."),
    "sources": Entry(
        "crmkit.cli.sources:sources", _WORKSPACE, "Pull leads from folders and addresses, each thing once."
    ),
    "export": Entry("crmkit.cli.export:export", _WORKSPACE, "Write the records of a type, or all there is, to a file."),
    "plugins": Entry("crmkit.cli.plugins:plugins", _WORKSPACE, "List the plugins, also the broken ones."),
    "new": Entry("crmkit.cli.new:new", _WORKSPACE, "Begin a plugin of your own."),
    "leads": Entry("crmkit.cli.lists:leads", _RECORDS, "List the open leads."),
    "contacts": Entry("crmkit.cli.lists:contacts", _RECORDS, "List the contacts."),
    "accounts": Entry("crmkit.cli.lists:accounts", _RECORDS, "List the accounts."),
    "deals": Entry("crmkit.cli.lists:deals", _RECORDS, "List the deals."),
    "campaigns": Entry("crmkit.cli.lists:campaigns", _RECORDS, "List the campaigns."),
    "activities": Entry("crmkit.cli.lists:activities", _RECORDS, "List notes, calls, meetings, mails and tasks."),
    "users": Entry("crmkit.cli.lists:users", _RECORDS, "List the users."),
    "pipelines": Entry("crmkit.cli.lists:pipelines", _RECORDS, "List the pipelines with their stages."),
    "list": Entry("crmkit.cli.lists:list_", _RECORDS, "List the records of any kind, also one of your own."),
    "count": Entry("crmkit.cli.count:count", _RECORDS, "Count records, in groups, and add them up."),
    "search": Entry("crmkit.cli.search:search", _RECORDS, "Find records of every type by words."),
    "duplicates": Entry("crmkit.cli.merge:duplicates", _RECORDS, "List records that seem to be there twice."),
    "merge": Entry("crmkit.cli.merge:merge", _RECORDS, "Make one record of several, and lose nothing."),
    "lead": Entry("crmkit.cli.cards:lead", _CARDS, "Show, add or change a lead."),
    "contact": Entry("crmkit.cli.cards:contact", _CARDS, "Show, add or change a contact."),
    "account": Entry("crmkit.cli.cards:account", _CARDS, "Show, add or change an account."),
    "campaign": Entry("crmkit.cli.cards:campaign", _CARDS, "Show, add or change a campaign."),
    "user": Entry("crmkit.cli.cards:user", _CARDS, "Show, add or change a user."),
    "show": Entry("crmkit.cli.cards:show", _CARDS, "Show any record by its id or name."),
    "add": Entry("crmkit.cli.cards:add", _CARDS, "Add a record of any kind, also one of your own."),
    "set": Entry("crmkit.cli.cards:set_", _CARDS, "Change fields of a record of any kind."),
    "delete": Entry("crmkit.cli.removal:delete", _CARDS, "Delete a record, so that it can be restored."),
    "restore": Entry("crmkit.cli.removal:restore", _CARDS, "Bring a deleted record back."),
    "note": Entry("crmkit.cli.activities:note", _FOLLOWING_UP, "Write a note about a record."),
    "call": Entry("crmkit.cli.activities:call", _FOLLOWING_UP, "Note a telephone call."),
    "meeting": Entry("crmkit.cli.activities:meeting", _FOLLOWING_UP, "Note a meeting."),
    "email": Entry("crmkit.cli.activities:email", _FOLLOWING_UP, "Note a mail written or received elsewhere."),
    "task": Entry("crmkit.cli.activities:task", _FOLLOWING_UP, "Plan a task about a record."),
    "tasks": Entry("crmkit.cli.tasks:tasks", _FOLLOWING_UP, "List open tasks, and tick them off."),
    "convert": Entry("crmkit.cli.convert:convert", _SELLING, "Turn leads into contacts, accounts and deals."),
    "rules": Entry("crmkit.cli.rules:rules", _SELLING, "List the conversion rules, or try one on past leads."),
    "deal": Entry("crmkit.cli.deals:deal", _SELLING, "Open, move, win, lose or reopen a deal."),
    "board": Entry("crmkit.cli.deals:board", _SELLING, "Show a pipeline as a board."),
    "report": Entry("crmkit.cli.report:report", _SELLING, "Compute a report, such as the funnel of a campaign."),
    "template": Entry("crmkit.cli.mail:template", _MAIL, "List, show, preview or change mail templates."),
    "send": Entry("crmkit.cli.mail:send", _MAIL, "Queue a mail to the members of a campaign, once."),
    "deliver": Entry("crmkit.cli.mail:deliver", _MAIL, "Hand the queued mails to a notifier."),
    "outbox": Entry("crmkit.cli.mail:outbox", _MAIL, "List the mails that are queued, sent or failed."),
    "suppress": Entry("crmkit.cli.mail:suppress", _MAIL, "Never write to an address again."),
    "unsuppress": Entry("crmkit.cli.mail:unsuppress", _MAIL, "Let an address be written to again."),
    "timeline": Entry("crmkit.cli.timeline:timeline", _LOOKING_BACK, "Tell what happened to a record."),
    "history": Entry("crmkit.cli.history:history", _LOOKING_BACK, "Tell who changed which value, when and why."),
    "log": Entry("crmkit.cli.log:log", _LOOKING_BACK, "List the operations, or show one with its changes."),
    "undo": Entry("crmkit.cli.undo:undo", _LOOKING_BACK, "Take an operation back."),
    "redo": Entry("crmkit.cli.undo:redo", _LOOKING_BACK, "Do an undone operation again."),
}
"""Name to command, in the order of the help."""
