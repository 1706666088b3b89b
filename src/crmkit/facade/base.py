"""What every part of the face of a workspace stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import attrs

from crmkit.errors import NotFoundError
from crmkit.plugins.manager import PluginManager
from crmkit.services.workspace import Workspace

if TYPE_CHECKING:
    from crmkit.core.lead_source import LeadSource
    from crmkit.core.message import Template
    from crmkit.core.pipeline import Pipeline, Stage
    from crmkit.core.records import Stored
    from crmkit.core.saved_mapping import SavedMapping
    from crmkit.core.user import User
    from crmkit.services.collections import Collection
    from crmkit.services.search import Hit
    from crmkit.services.typed_collections import (
        AccountCollection,
        ActivityCollection,
        CampaignCollection,
        ContactCollection,
        DealCollection,
        LeadCollection,
        UserCollection,
    )

__all__ = ["Done", "Face", "operation_id_of"]

R = TypeVar("R", bound="Stored")


class Done(Protocol):
    """What an operation gave."""

    @property
    def operation_id(self) -> str | None: ...


def operation_id_of(operation: str | Done) -> str:
    """Return the id of an operation, or of the one that gave this.

    Raises:
        NotFoundError: It changed nothing, so that there is none.
    """
    named = operation if isinstance(operation, str) else operation.operation_id
    if named is None:
        raise NotFoundError("operation", type(operation).__name__, hint="nothing was changed, so nothing can be undone")
    return named


class Face:
    """An open workspace, its collections, and what all parts of the face need."""

    def __init__(self, workspace: Workspace, plugins: PluginManager) -> None:
        self.workspace = workspace
        self.plugins = plugins

    leads: LeadCollection
    contacts: ContactCollection
    accounts: AccountCollection
    deals: DealCollection
    campaigns: CampaignCollection
    activities: ActivityCollection
    pipelines: Collection[Pipeline]
    stages: Collection[Stage]
    users: UserCollection
    templates: Collection[Template]
    lead_sources: Collection[LeadSource]
    mappings: Collection[SavedMapping]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Collection[Any]:
            """Make the collection of that name when it is used first."""
            if name not in Face.__annotations__:
                message = f"a CRM has no attribute {name!r}"
                raise AttributeError(message)
            made = self.__dict__[name] = self.collection(name)
            return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the workspace; closing twice is no error."""
        self.workspace.storage.close()

    @property
    def url(self) -> str:
        """Where the workspace lives, without password."""
        return self.workspace.storage.url

    def __getitem__(self, cls: type[R]) -> Collection[R]:
        """Return the collection of the records of a class: ``crm[Booth]``, ``crm[Lead]``.

        Raises:
            NotFoundError: The workspace was opened without that class.
        """
        from crmkit.services.typed_collections import collection_of

        return collection_of(self.workspace, self.workspace.schema.of(cls).name)

    def collection(self, kind: str) -> Collection[Any]:
        """Return the collection of any record type, by its name (``lead``) or plural (``leads``).

        Raises:
            NotFoundError: There is no such record type.
        """
        from crmkit.services.typed_collections import collection_of

        return collection_of(self.workspace, self.workspace.schema.named(kind).name)

    def get(self, record_id: str) -> Any:
        """Return the record with that id, whatever its type.

        Raises:
            NotFoundError: There is none.
        """
        return self.collection(self.workspace.schema.type_of(record_id).name).get(record_id)

    def search(self, text: str, *, kinds: Sequence[str] | None = None, limit: int = 20) -> list[Hit]:
        """Find living records by words or their beginnings, whatever accents and case, the best fit first.

        Args:
            text: Any text; deals are found by the words of their account too.
            kinds: Names or plurals of record types; None means all that can be searched.
            limit: At most so many.

        Raises:
            NotFoundError: There is no such record type.
            RejectedError: One of them cannot be searched.
        """
        from crmkit.services.search import search

        return search(self.workspace, text, kinds=kinds, limit=limit)

    def acting_as(self, user: str | User) -> Self:
        """Return the same workspace with somebody else acting in it."""
        name = user if isinstance(user, str) else user.name
        return type(self)(attrs.evolve(self.workspace, actor=name), self.plugins)

    @contextmanager
    def operation(self, reason: str, *, key: str | None = None, dry_run: bool = False) -> Iterator[None]:
        """Make everything that this thread does in the block one operation, all or nothing.

        The block sees its own changes, and others see nothing until it ends. No lock is held
        meanwhile: when others have changed what the block relied on, it is refused.

        Raises:
            StalePlanError: Others changed what the block relied on; nothing was written.
        """
        from crmkit.services.operations import Request, open_operation

        with open_operation(self.workspace, Request(kind="edit", reason=reason, key=key, dry_run=dry_run)):
            yield

    def _id(self, kind: str, named: str | Stored) -> str:
        """Return the id of a record that may be named as a person would."""
        if not isinstance(named, str):
            return named.id
        from crmkit.services.resolve import resolve

        with self.workspace.reading() as view:
            return resolve(view, self.workspace.schema, kind, named)

    def _id_of_any(self, named: str | Stored) -> str:
        """Return the id of a record of whatever type that may be named as a person would."""
        if not isinstance(named, str):
            return named.id
        try:
            self.workspace.schema.type_of(named)
        except NotFoundError:
            from crmkit.services.search import find_record

            return str(find_record(self.workspace, named).id)
        return named

    def _ids(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with names of records resolved."""
        kinds = {"contact": "contact", "account": "account", "owner": "user", "into_deal": "deal"}
        return {
            name: self._id(kinds[name], value) if name in kinds and value is not None else value
            for name, value in options.items()
        }
