"""crmkit: build your own CRM.

``crmkit.open`` opens a workspace; everything else follows from what it returns. The
names below are loaded when they are first used, so importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmkit.app import CRM, open  # noqa: A004  # crmkit.open reads well, and is meant to
    from crmkit.core.account import Account
    from crmkit.core.activity import Activity
    from crmkit.core.amendments import (
        Amendment,
        Append,
        Choose,
        Demand,
        Drop,
        Keep,
        MapField,
        NameDeal,
        SetDefault,
        SetField,
        Take,
        Veto,
    )
    from crmkit.core.campaign import Campaign
    from crmkit.core.changes import ChangeSet
    from crmkit.core.contact import Contact
    from crmkit.core.conversion import Conversion, ConversionResult, Proposal, Target
    from crmkit.core.deal import Deal
    from crmkit.core.declare import custom_fields, custom_record
    from crmkit.core.drafts import LeadDraft
    from crmkit.core.expressions import Expression, field
    from crmkit.core.fields import stored
    from crmkit.core.lead import Lead, LeadStatus
    from crmkit.core.lead_source import LeadSource
    from crmkit.core.pipeline import Pipeline, Stage
    from crmkit.core.ports.notifiers import OutgoingMail, Receipt
    from crmkit.core.ports.plugins import Context, Match, ReportPage, StageMove
    from crmkit.core.ports.pulling import Batch, PassedOver
    from crmkit.core.records import Record
    from crmkit.core.settling import MergeProposal
    from crmkit.core.strength import Strength
    from crmkit.core.user import User
    from crmkit.core.values import Email, Money, Phone
    from crmkit.errors import CrmkitError
    from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl
    from crmkit.plugins.importer import Row, importer
    from crmkit.plugins.rules import (
        conversion_rule,
        lead_matcher,
        lead_source,
        merge_rule,
        notifier,
        report,
        stage_guard,
    )
    from crmkit.services.groups import Group
    from crmkit.services.search import Hit
    from crmkit.services.selection import Page, Selection
    from crmkit.services.sources import BytesSource, FileSource

__version__ = "0.1.0"

_HOMES = {
    "CRM": "crmkit.app",
    "open": "crmkit.app",
    "Account": "crmkit.core.account",
    "Activity": "crmkit.core.activity",
    "Amendment": "crmkit.core.amendments",
    "Append": "crmkit.core.amendments",
    "Choose": "crmkit.core.amendments",
    "Demand": "crmkit.core.amendments",
    "Drop": "crmkit.core.amendments",
    "Keep": "crmkit.core.amendments",
    "MapField": "crmkit.core.amendments",
    "NameDeal": "crmkit.core.amendments",
    "SetDefault": "crmkit.core.amendments",
    "SetField": "crmkit.core.amendments",
    "Take": "crmkit.core.amendments",
    "Veto": "crmkit.core.amendments",
    "Campaign": "crmkit.core.campaign",
    "ChangeSet": "crmkit.core.changes",
    "Contact": "crmkit.core.contact",
    "Conversion": "crmkit.core.conversion",
    "ConversionResult": "crmkit.core.conversion",
    "Proposal": "crmkit.core.conversion",
    "Target": "crmkit.core.conversion",
    "Deal": "crmkit.core.deal",
    "custom_fields": "crmkit.core.declare",
    "custom_record": "crmkit.core.declare",
    "LeadDraft": "crmkit.core.drafts",
    "stored": "crmkit.core.fields",
    "Lead": "crmkit.core.lead",
    "LeadStatus": "crmkit.core.lead",
    "LeadSource": "crmkit.core.lead_source",
    "Pipeline": "crmkit.core.pipeline",
    "Stage": "crmkit.core.pipeline",
    "OutgoingMail": "crmkit.core.ports.notifiers",
    "Receipt": "crmkit.core.ports.notifiers",
    "MergeProposal": "crmkit.core.settling",
    "Context": "crmkit.core.ports.plugins",
    "Match": "crmkit.core.ports.plugins",
    "ReportPage": "crmkit.core.ports.plugins",
    "StageMove": "crmkit.core.ports.plugins",
    "Batch": "crmkit.core.ports.pulling",
    "PassedOver": "crmkit.core.ports.pulling",
    "Record": "crmkit.core.records",
    "Strength": "crmkit.core.strength",
    "User": "crmkit.core.user",
    "Email": "crmkit.core.values",
    "Money": "crmkit.core.values",
    "Phone": "crmkit.core.values",
    "CrmkitError": "crmkit.errors",
    "Expression": "crmkit.core.expressions",
    "field": "crmkit.core.expressions",
    "Group": "crmkit.services.groups",
    "Hit": "crmkit.services.search",
    "Page": "crmkit.services.selection",
    "Selection": "crmkit.services.selection",
    "BytesSource": "crmkit.services.sources",
    "FileSource": "crmkit.services.sources",
    "HookSpecs": "crmkit.plugins.hookspecs",
    "StorageScheme": "crmkit.plugins.hookspecs",
    "hookimpl": "crmkit.plugins.hookspecs",
    "Row": "crmkit.plugins.importer",
    "importer": "crmkit.plugins.importer",
    "conversion_rule": "crmkit.plugins.rules",
    "lead_matcher": "crmkit.plugins.rules",
    "merge_rule": "crmkit.plugins.rules",
    "lead_source": "crmkit.plugins.rules",
    "notifier": "crmkit.plugins.rules",
    "report": "crmkit.plugins.rules",
    "stage_guard": "crmkit.plugins.rules",
}

__all__ = [  # kept beside _HOMES, which says where each one lives
    "CRM",
    "Account",
    "Activity",
    "Amendment",
    "Append",
    "Batch",
    "BytesSource",
    "Campaign",
    "ChangeSet",
    "Choose",
    "Contact",
    "Context",
    "Conversion",
    "ConversionResult",
    "CrmkitError",
    "Deal",
    "Demand",
    "Drop",
    "Email",
    "Expression",
    "FileSource",
    "Group",
    "Hit",
    "HookSpecs",
    "Keep",
    "Lead",
    "LeadDraft",
    "LeadSource",
    "LeadStatus",
    "MapField",
    "Match",
    "MergeProposal",
    "Money",
    "NameDeal",
    "OutgoingMail",
    "Page",
    "PassedOver",
    "Phone",
    "Pipeline",
    "Proposal",
    "Receipt",
    "Record",
    "ReportPage",
    "Row",
    "Selection",
    "SetDefault",
    "SetField",
    "Stage",
    "StageMove",
    "StorageScheme",
    "Strength",
    "Take",
    "Target",
    "User",
    "Veto",
    "conversion_rule",
    "custom_fields",
    "custom_record",
    "field",
    "hookimpl",
    "importer",
    "lead_matcher",
    "lead_source",
    "merge_rule",
    "notifier",
    "open",
    "report",
    "stage_guard",
    "stored",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'crmkit' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
