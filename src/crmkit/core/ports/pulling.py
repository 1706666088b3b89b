"""What a kind of lead source must be able to do, and what it hands over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

import attrs

from crmkit.core.ports.sources import Source

__all__ = ["Batch", "CheckedLeadSourceKind", "LeadSourceKind", "PassedOver"]


@attrs.frozen(kw_only=True)
class Batch:
    """Something to import: a file, a page.

    Attributes:
        source: The bytes, under a name that is the same each time this file or page is handed
            over; None when there is nothing to import and only the cursor moves on.
        cursor: Where the next pull begins once this batch is imported. A batch with a cursor
            that cannot be imported ends the pull, so that nothing is skipped. None leaves the
            cursor where it is: for batches that do not depend on each other, such as files.
        stamp: A text that changes whenever the content does and is cheap to have: size and
            time of a file, an ETag. With the same stamp as last time the content is not even
            read; empty means: look at the content.
    """

    source: Source | None = None
    cursor: str | None = None
    stamp: str = ""


@attrs.frozen(kw_only=True)
class PassedOver:
    """Something that is not taken this time, and that a person should hear of.

    Attributes:
        name: What it is called.
        reason: Why, as a clause: ``changed a moment ago``.
    """

    name: str
    reason: str


class LeadSourceKind(Protocol):
    """Knows how to ask one kind of place for new leads: a folder, an HTTP endpoint, a mailbox …

    Attributes:
        name: Unique, lower case.
        summary: One line for a list.
        settings: The settings it takes, each with one line of help.
    """

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, str]: ...

    def pull(self, cursor: str | None, settings: Mapping[str, str]) -> Iterable[Batch | PassedOver]:
        """Hand over what is there, beginning at the cursor, a batch at a time.

        Called outside any transaction. Make it a generator: each batch is imported, and its
        cursor kept, before the next one is asked for. What was imported before may be handed
        over again; it is recognised by its name and content.

        Args:
            cursor: That of the last batch that was imported; None at first, and again when the
                settings have changed.
            settings: What the user gave, by name.

        Raises:
            UnreadableError: It cannot be pulled now. What was imported stays, and the next
                pull goes on from there.
            RejectedError: A setting is wrong or missing.
        """
        ...


@runtime_checkable
class CheckedLeadSourceKind(LeadSourceKind, Protocol):
    """A kind that looks at the settings when somebody gives them, before the first pull."""

    def checked(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return the settings as they are to be kept: a path made absolute, a default filled in.

        Raises:
            RejectedError: With all that is wrong.
        """
        ...
