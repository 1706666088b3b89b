"""The collections of crmkit's own records, with the names and types of what may be given.

They do nothing that `Collection` does not do. An editor completes the names of fields, and a
type checker finds a misspelt one before the program runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Unpack

from crmkit.core.account import Account
from crmkit.core.activity import Activity
from crmkit.core.campaign import Campaign
from crmkit.core.contact import Contact
from crmkit.core.deal import Deal
from crmkit.core.inputs import (
    AccountValues,
    ActivityValues,
    CampaignValues,
    ContactValues,
    DealValues,
    LeadValues,
    UserValues,
)
from crmkit.core.lead import Lead
from crmkit.core.user import User
from crmkit.services.collections import Collection
from crmkit.services.workspace import Workspace

__all__ = [
    "AccountCollection",
    "ActivityCollection",
    "CampaignCollection",
    "ContactCollection",
    "DealCollection",
    "LeadCollection",
    "UserCollection",
    "collection_of",
]


def collection_of(workspace: Workspace, kind: str) -> Collection[Any]:
    """Return the collection of a record type, the typed one where there is one."""
    return _TYPED.get(kind, Collection)(workspace, kind)


class LeadCollection(Collection[Lead]):
    """The leads."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[LeadValues],
    ) -> Lead:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Lead,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[LeadValues],
    ) -> Lead:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Lead],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[LeadValues],
    ) -> list[Lead]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class ContactCollection(Collection[Contact]):
    """The contacts."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[ContactValues],
    ) -> Contact:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Contact,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[ContactValues],
    ) -> Contact:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Contact],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[ContactValues],
    ) -> list[Contact]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class AccountCollection(Collection[Account]):
    """The accounts."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[AccountValues],
    ) -> Account:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Account,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[AccountValues],
    ) -> Account:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Account],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[AccountValues],
    ) -> list[Account]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class DealCollection(Collection[Deal]):
    """The deals."""

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Deal,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[DealValues],
    ) -> Deal:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Deal],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[DealValues],
    ) -> list[Deal]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class CampaignCollection(Collection[Campaign]):
    """The campaigns."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[CampaignValues],
    ) -> Campaign:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Campaign,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[CampaignValues],
    ) -> Campaign:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Campaign],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[CampaignValues],
    ) -> list[Campaign]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class ActivityCollection(Collection[Activity]):
    """The activities."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[ActivityValues],
    ) -> Activity:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | Activity,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[ActivityValues],
    ) -> Activity:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | Activity],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[ActivityValues],
    ) -> list[Activity]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


class UserCollection(Collection[User]):
    """The users."""

    def add(  # type: ignore[override]  # it takes less than any value, which is the point
        self,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **values: Unpack[UserValues],
    ) -> User:
        return super().add(*given, reason=reason, key=key, dry_run=dry_run, **values)

    def update(  # type: ignore[override]  # likewise
        self,
        record: str | User,
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[UserValues],
    ) -> User:
        return super().update(record, *given, reason=reason, key=key, dry_run=dry_run, **changes)

    def update_many(  # type: ignore[override]  # likewise
        self,
        records: Iterable[str | User],
        *given: object,
        reason: str | None = None,
        key: str | None = None,
        dry_run: bool = False,
        **changes: Unpack[UserValues],
    ) -> list[User]:
        return super().update_many(records, *given, reason=reason, key=key, dry_run=dry_run, **changes)


_TYPED: Final[dict[str, type[Collection[Any]]]] = {
    "lead": LeadCollection,
    "contact": ContactCollection,
    "account": AccountCollection,
    "deal": DealCollection,
    "campaign": CampaignCollection,
    "activity": ActivityCollection,
    "user": UserCollection,
}
