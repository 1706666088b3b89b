"""What a plugin contributed, and who is to be named when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import attrs

from crmkit.errors import CrmkitError, PluginError

__all__ = ["Contribution"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Contribution(Generic[T]):
    """One thing that a plugin contributed.

    Attributes:
        plugin: The plugin.
        version: Its version, or empty.
        hook: The hook it came by.
        item: The thing itself.
    """

    plugin: str
    version: str
    hook: str
    item: T

    @property
    def is_own(self) -> bool:
        """Whether it is crmkit's own, and so may run in whatever thread."""
        return self.plugin == "crmkit"

    @contextmanager
    def blamed(self, record: str = "") -> Iterator[None]:
        """Turn what its code raises in the block into a `PluginError` that names it.

        Errors of crmkit itself, such as a refusal, pass unchanged.
        """
        try:
            yield
        except CrmkitError:
            raise
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            raise PluginError(
                message, plugin=self.plugin, version=self.version, hook=self.hook, record=record
            ) from error
