"""Leads become contacts and accounts; duplicates become one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmkit.facade.base import Face

if TYPE_CHECKING:
    from crmkit.core.conversion import ConversionResult
    from crmkit.core.lead import Lead
    from crmkit.core.merging import MergeResult
    from crmkit.core.query import Condition
    from crmkit.core.records import Stored
    from crmkit.services.convert import ConversionPlan
    from crmkit.services.duplicates import DuplicateGroup
    from crmkit.services.merge import MergePlan
    from crmkit.services.try_rule import RuleTrial

__all__ = ["Converting"]


class Converting(Face):
    """Leads become contacts and accounts; duplicates become one record."""

    def plan_conversion(self, lead: str | Lead, **options: Any) -> ConversionPlan:
        """Plan a conversion without doing anything: field by field what goes where, and why.

        Args:
            lead: The lead, its id, e-mail address or name.
            options: ``contact`` and ``account`` to join; ``with_account=False`` for none; ``deal``, the name of
                one to open (True: a rule names it, or it is called after the company), with ``deal_values``
                such as ``amount``; ``into_deal``, an open one to join; ``owner``; ``status``, which the lead
                is left with instead of ``converted``; and ``fields``, which says for a field such as
                ``contact.title`` to ``keep`` it, ``take`` that of the lead, or ``append``.

        Raises:
            AlreadyConvertedError: It is converted; with the first result.
            RejectedError: It cannot be converted; with all reasons.
            AmbiguousMatchError: Several contacts or accounts match equally well.
        """
        from crmkit.services.convert import ConversionOptions, plan_conversion

        return plan_conversion(self.workspace, self._id("lead", lead), options=ConversionOptions(**self._ids(options)))

    def convert(
        self,
        lead: str | Lead | ConversionPlan,
        *,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **options: Any,
    ) -> ConversionResult:
        """Convert a lead into a contact and an account; a second time gives the first result back.

        Args:
            lead: The lead, its id, e-mail address or name; or a plan, to do just that.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            options: As in `plan_conversion`.

        Raises:
            RejectedError: It cannot be converted; with all reasons.
            AmbiguousMatchError: Several contacts or accounts match equally well.
            StalePlanError: What the plan relied on has moved; make it anew.
        """
        from crmkit.services.convert import (
            ConversionOptions,
            ConversionPlan,
            convert_lead,
            convert_planned,
        )

        if isinstance(lead, ConversionPlan):
            return convert_planned(self.workspace, lead, reason=reason, key=key, dry_run=dry_run).value
        return convert_lead(
            self.workspace,
            self._id("lead", lead),
            options=ConversionOptions(**self._ids(options)),
            reason=reason,
            key=key,
            dry_run=dry_run,
        ).value

    def convert_many(
        self,
        leads: Iterable[str | Lead],
        *,
        all_or_nothing: bool = False,
        progress: Callable[[int, int], None] | None = None,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **options: Any,
    ) -> Sequence[ConversionResult]:
        """Convert many leads in one operation, with one result for each, in the same order.

        Leads of one company share its account, also one that is made on the way.

        Args:
            leads: Leads or their ids; a question such as ``crm.leads.where("score >= 50")`` will do.
            all_or_nothing: Refuse all when one of them cannot be converted.
            progress: Called now and then with how many leads are decided, and of how many.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.
            options: As in `plan_conversion`, the same for all.

        Raises:
            RejectedError: With ``all_or_nothing``: what is wrong with the leads.
        """
        from crmkit.services.convert import ConversionOptions, convert_leads

        return convert_leads(
            self.workspace,
            leads,
            options=ConversionOptions(**self._ids(options)),
            all_or_nothing=all_or_nothing,
            progress=progress,
            reason=reason,
            key=key,
            dry_run=dry_run,
        ).value

    def try_rule(self, name: str, *, limit: int = 100) -> RuleTrial:
        """Try a conversion rule on the leads that were converted last: what would have been otherwise.

        Raises:
            NotFoundError: There is no such rule.
        """
        from crmkit.services.try_rule import try_rule

        return try_rule(self.workspace, name, limit=limit)

    def duplicates(
        self, kind: str = "contact", *, where: Condition | str | None = None, limit: int | None = None
    ) -> list[DuplicateGroup]:
        """Return groups of records that seem to be one, the surest first, with what speaks for it.

        Args:
            kind: ``lead``, ``contact``, ``account`` or ``deal``, or its plural.
            where: Only groups with a record that fulfils this, given as for a collection.
            limit: At most so many.
        """
        from crmkit.services.duplicates import find_duplicates

        return find_duplicates(self.workspace, kind, where=where, limit=limit)

    def plan_merge(
        self, winner: str | Stored, *losers: str | Stored, choose: Mapping[str, str | Stored] | None = None
    ) -> MergePlan:
        """Plan a merge without doing anything: field by field what the winner will hold, and why.

        Args:
            winner: The record that stays, or its id.
            losers: Those that become part of it.
            choose: Field to the record whose value is wanted.

        Raises:
            RejectedError: They cannot be merged, or are merged already; with all reasons.
        """
        from crmkit.services.merge import plan_merge

        return plan_merge(self.workspace, winner, losers, choose=choose)

    def merge(
        self,
        winner: str | Stored | MergePlan,
        *losers: str | Stored,
        choose: Mapping[str, str | Stored] | None = None,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
    ) -> MergeResult:
        """Merge records of one type into the first; a second time gives the first result back.

        What is empty is filled, nothing is overwritten, and all that belongs to the others
        belongs to the winner then. Their ids still open it. Leads are merged into a contact by
        converting them into it.

        Args:
            winner: The record that stays, or its id; or a plan, to do just that.
            losers: Those that become part of it.
            choose: Field to the record whose value is wanted, instead of what the rules give.
            reason: Why, for the log.
            key: The idempotency key.
            dry_run: Do all of it, and roll it back.

        Raises:
            RejectedError: They cannot be merged; with all reasons.
            StalePlanError: What the plan relied on has moved; make it anew.
        """
        from crmkit.services.merge import MergePlan, merge, merge_planned

        if isinstance(winner, MergePlan):
            return merge_planned(self.workspace, winner, reason=reason, key=key, dry_run=dry_run).value
        return merge(self.workspace, winner, losers, choose=choose, reason=reason, key=key, dry_run=dry_run).value
