"""The report ``funnel``: how far the leads of a campaign have come, as a table and as a page to show around."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.campaign import Campaign
from crmkit.core.codecs import moment_text
from crmkit.core.ports.plugins import Context, ReportPage
from crmkit.core.query import Query
from crmkit.errors import RejectedError
from crmkit.services.resolve import resolve

if TYPE_CHECKING:
    from crmkit.services.funnel import Funnel

__all__ = ["FunnelReport"]

_OPTIONS = {
    "campaign": "the campaign, by name or id; may be left out while there is only one",
    "language": "en (as a rule) or fr",
}


@attrs.frozen
class FunnelReport:
    """Tells how many leads of a campaign were thanked, contacted, converted and won, and what they are worth."""

    name: str = attrs.field(default="funnel", init=False)
    summary: str = attrs.field(default="how far the leads of a campaign have come (campaign=NAME)", init=False)
    options: Mapping[str, str] = attrs.field(factory=lambda: dict(_OPTIONS), init=False)

    def compute(self, context: Context, options: Mapping[str, str]) -> ReportPage:
        # Loaded when somebody asks, not whenever a workspace is opened.
        from crmkit.plugins.builtin.funnel_page import funnel_page
        from crmkit.plugins.builtin.funnel_words import WORDS
        from crmkit.services.funnel import funnel

        unknown = [name for name in options if name not in self.options]
        language = options.get("language") or "en"
        reasons = [f"the funnel has no option {name!r} (it has {', '.join(self.options)})" for name in unknown]
        if language not in WORDS:
            reasons.append(f"language must be one of {', '.join(WORDS)}, not {language!r}")
        if reasons:
            raise RejectedError(reasons)
        told = funnel(context, _campaign(context, options.get("campaign")))
        words = WORDS[language]
        return ReportPage(
            title=words.say("title", campaign=told.campaign.name),
            columns=words.columns,
            rows=tuple(
                (words.steps[step], reached, words.percent(told.share(step)), told.exclusive[step])
                for step, reached in told.reached.items()
            ),
            notes=tuple(words.notes(told)),
            facts=_facts(told),
            html=funnel_page(told, words),
        )


def _campaign(context: Context, named: str | None) -> str:
    if named:
        return resolve(context.view, context.schema, "campaign", named)
    campaigns: list[Campaign] = context.find(Query(type="campaign", limit=10))
    if len(campaigns) == 1:
        return campaigns[0].id
    if not campaigns:
        raise RejectedError("there is no campaign yet", hint="add one, and import leads into it")
    names = ", ".join(campaign.name for campaign in campaigns)
    reason = f"there are several campaigns, and none was named: {names}"
    raise RejectedError(reason, hint="name one with campaign=NAME")


def _facts(told: Funnel) -> dict[str, Any]:
    return {
        "campaign": {"id": told.campaign.id, "name": told.campaign.name},
        "at": moment_text(told.at),
        "cohort": told.cohort,
        "steps": [
            {
                "step": step.value,
                "reached": reached,
                "share_percent": round(100 * told.share(step), 1),
                "stopped_here": told.exclusive[step],
            }
            for step, reached in told.reached.items()
        ],
        "deals": {
            kind.value: {
                "count": each.count,
                "amounts": {currency: f"{money.amount:f}" for currency, money in each.amounts.items()},
            }
            for kind, each in told.deals.items()
        },
        "median_days": {"to_conversion": _days(told.time_to_conversion), "to_won": _days(told.time_to_won)},
        "mails": {"sent": told.mails_sent, "queued": told.mails_queued},
        "disqualified": told.disqualified,
        "lost": told.lost,
        "contacts_apart": told.contacts_apart,
    }


def _days(time: timedelta | None) -> float | None:
    return None if time is None else round(time / timedelta(days=1), 2)
