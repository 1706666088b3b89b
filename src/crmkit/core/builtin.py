"""Every record type that crmkit itself declares."""

from __future__ import annotations

from crmkit.core.account import ACCOUNT
from crmkit.core.activity import ACTIVITY, LINK
from crmkit.core.campaign import CAMPAIGN, CAMPAIGN_MEMBER
from crmkit.core.consent import CONSENT, SUPPRESSION
from crmkit.core.contact import CONTACT, CONTACT_POINT
from crmkit.core.conversion import CONVERSION
from crmkit.core.deal import DEAL, STAGE_CHANGE
from crmkit.core.lead import LEAD
from crmkit.core.lead_source import LEAD_SOURCE, PULL_STATE, PULLED_ITEM
from crmkit.core.merging import MERGE
from crmkit.core.message import DELIVERY, MESSAGE, TEMPLATE
from crmkit.core.operation import CHANGE, IMPORT_ROW, OPERATION
from crmkit.core.pipeline import PIPELINE, STAGE
from crmkit.core.saved_mapping import MAPPING
from crmkit.core.schema import RecordType, Schema
from crmkit.core.user import USER

__all__ = ["builtin_schema", "custom_types"]


def builtin_schema() -> Schema:
    """Return the schema of a workspace without plugins: a type stands after those it refers to."""
    return Schema(
        (
            OPERATION,
            CHANGE,
            IMPORT_ROW,
            USER,
            CAMPAIGN,
            ACCOUNT,
            CONTACT,
            LEAD,
            CONTACT_POINT,
            PIPELINE,
            STAGE,
            DEAL,
            STAGE_CHANGE,
            CONVERSION,
            MERGE,
            ACTIVITY,
            LINK,
            CAMPAIGN_MEMBER,
            CONSENT,
            SUPPRESSION,
            TEMPLATE,
            MESSAGE,
            DELIVERY,
            LEAD_SOURCE,
            PULL_STATE,
            PULLED_ITEM,
            MAPPING,
        )
    )


def custom_types(schema: Schema) -> list[RecordType]:
    """Return the record types that plugins and the application declare, without those that are absent now."""
    return [kind for kind in schema if kind.name not in _OWN and not kind.is_absent]


_OWN = frozenset(builtin_schema().types)
