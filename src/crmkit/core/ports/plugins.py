"""What plugins contribute, as the services see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from crmkit.core.strength import Strength

if TYPE_CHECKING:
    from crmkit.core.amendments import Amendment
    from crmkit.core.changes import ChangeSet
    from crmkit.core.conversion import Proposal, Target
    from crmkit.core.deal import Deal
    from crmkit.core.lead import Lead
    from crmkit.core.pipeline import Stage
    from crmkit.core.ports.contribution import Contribution
    from crmkit.core.ports.notifiers import Notifier
    from crmkit.core.ports.pulling import LeadSourceKind
    from crmkit.core.ports.sources import Importer
    from crmkit.core.ports.storage import ReadTransaction
    from crmkit.core.query import Query
    from crmkit.core.schema import Schema
    from crmkit.core.settling import MergeAmendment, MergeProposal

__all__ = [
    "Committed",
    "Context",
    "ConversionRule",
    "Extensions",
    "LeadMatcher",
    "Match",
    "MergeRule",
    "NoExtensions",
    "Report",
    "ReportPage",
    "StageGuard",
    "StageMove",
]


class Context:
    """What plugin code may look at: one consistent view, and the moment of the operation.

    Attributes:
        at: The moment of the operation, in UTC.
        actor: Who acts, or None.
        schema: The record types.
        view: The view, for look-ups of many values at once.
    """

    def __init__(self, view: ReadTransaction, schema: Schema, *, at: datetime, actor: str | None) -> None:
        self.view = view
        self.schema = schema
        self.at = at
        self.actor = actor

    def get(self, record_id: str) -> Any:
        """Return a record, also a deleted one, or None when there is none."""
        kind = self.schema.type_of(record_id)
        rows = self.view.get_many(kind.name, [record_id])
        return kind.load(rows[0]) if rows else None

    def find(self, query: Query) -> list[Any]:
        """Return the records a query asks for."""
        return self.schema[query.type].load_many(self.view.find(query))


class ConversionRule(Protocol):
    """Amends or vetoes the conversion of a lead.

    Attributes:
        name: Unique; written beside each value it decides.
    """

    @property
    def name(self) -> str: ...

    def amend(self, proposal: Proposal, context: Context) -> Iterable[Amendment]:
        """Return amendments; none means "fine with me".

        Called once per lead while the conversion is planned, on a snapshot, in the order
        of the rules; twice when several candidates wait for a `Choose`. Pure: the same
        proposal gives the same amendments, and nothing is written.
        """
        ...


@attrs.frozen(kw_only=True)
class Match:
    """A contact or account that a lead may stand for.

    Attributes:
        lead_id: The lead.
        record_id: The contact, or the account of its company; or another lead, which may stand
            before this one in the batch: then that is meant which it has become by then.
        evidence: What they have in common, such as ``VAT number FR40303265045``.
        strength: How surely it is the one.
        target: Of another lead: whether its contact or its account is meant.
    """

    lead_id: str
    record_id: str
    evidence: str
    strength: Strength = Strength.LIKELY
    target: Target | None = None


class LeadMatcher(Protocol):
    """Finds contacts and accounts that leads may stand for, besides those that crmkit finds.

    Attributes:
        name: Unique; named when it fails.
    """

    @property
    def name(self) -> str: ...

    def match(self, leads: Sequence[Lead], context: Context) -> Iterable[Match]:
        """Return who is here already; none means "I know nobody".

        Called once per batch of leads while their conversion is planned, on a snapshot. What
        it reads through the context is looked at again before anything is written.
        """
        ...


class MergeRule(Protocol):
    """Amends or vetoes a merge.

    Attributes:
        name: Unique; written beside each value it decides.
    """

    @property
    def name(self) -> str: ...

    def amend_merge(self, proposal: MergeProposal, context: Context) -> Iterable[MergeAmendment]:
        """Return amendments; none means "fine with me".

        Called once per merge while it is planned, on a snapshot, in the order of the rules.
        Pure: the same proposal gives the same amendments, and nothing is written.
        """
        ...


@attrs.frozen(kw_only=True)
class StageMove:
    """A move of a deal that is asked for.

    Attributes:
        deal: The deal as it is.
        from_stage: Where it is.
        to_stage: Where it shall go.
        reason: Why, or None.
    """

    deal: Deal
    from_stage: Stage
    to_stage: Stage
    reason: str | None = None


class StageGuard(Protocol):
    """Refuses moves of deals.

    Attributes:
        name: Unique; named when it refuses.
    """

    @property
    def name(self) -> str: ...

    def check(self, move: StageMove, context: Context) -> Iterable[str]:
        """Return the reasons against the move, each as one clause; none lets it pass.

        Called while every move is planned, on a snapshot; all guards are asked, and all
        reasons are reported together.
        """
        ...


@attrs.frozen(kw_only=True)
class ReportPage:
    """What a report says.

    Attributes:
        title: One line.
        columns: The names of the columns.
        rows: The lines, a text or number for each column.
        notes: Sentences below the table.
        facts: The same as JSON values, for machines.
        html: The report as a page of its own, or empty when there is none.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    html: str = ""


class Report(Protocol):
    """Answers a question about the whole workspace.

    Attributes:
        name: Unique; the word after ``crmkit report``.
        summary: One line for a list.
        options: The names it accepts as ``--option name=value``, each with one line of help.
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def options(self) -> Mapping[str, str]: ...

    def compute(self, context: Context, options: Mapping[str, str]) -> ReportPage:
        """Compute it on one consistent view.

        Raises:
            RejectedError: An option is wrong.
        """
        ...


class Committed(Protocol):
    """Called after a commit."""

    def __call__(self, changes: ChangeSet) -> None:
        """Take note of what was committed; an exception is recorded and changes nothing."""
        ...


class Extensions(Protocol):
    """Everything that plugins contribute, collected once when the workspace is opened."""

    @property
    def importers(self) -> Mapping[str, Contribution[Importer]]: ...
    @property
    def lead_sources(self) -> Mapping[str, Contribution[LeadSourceKind]]: ...
    @property
    def notifiers(self) -> Mapping[str, Contribution[Notifier]]: ...
    @property
    def reports(self) -> Mapping[str, Contribution[Report]]: ...
    @property
    def conversion_rules(self) -> Sequence[Contribution[ConversionRule]]: ...
    @property
    def merge_rules(self) -> Sequence[Contribution[MergeRule]]: ...
    @property
    def lead_matchers(self) -> Sequence[Contribution[LeadMatcher]]: ...
    @property
    def stage_guards(self) -> Sequence[Contribution[StageGuard]]: ...

    def committed(self, changes: ChangeSet) -> None:
        """Tell the plugins that an operation was committed; never raises."""
        ...


class NoExtensions:
    """A workspace without plugins."""

    importers: Mapping[str, Contribution[Importer]] = {}  # never changed
    lead_sources: Mapping[str, Contribution[LeadSourceKind]] = {}
    notifiers: Mapping[str, Contribution[Notifier]] = {}
    reports: Mapping[str, Contribution[Report]] = {}
    conversion_rules: Sequence[Contribution[ConversionRule]] = ()
    merge_rules: Sequence[Contribution[MergeRule]] = ()
    lead_matchers: Sequence[Contribution[LeadMatcher]] = ()
    stage_guards: Sequence[Contribution[StageGuard]] = ()

    def committed(self, changes: ChangeSet) -> None:
        """Tell nobody."""
