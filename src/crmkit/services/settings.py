"""What a user configures, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["MailSettings", "PluginSettings", "Settings"]


@attrs.frozen(kw_only=True)
class MailSettings:
    """How mail leaves.

    Attributes:
        sender: ``Name <address>`` that mails come from.
        domain: The right side of Message-IDs.
        unsubscribe_url: An https address with ``{token}`` in it, or None: then mails
            carry no one-click unsubscribe headers.
        secret: What unsubscribe tokens are signed with.
        max_attempts: After how many failed tries a message becomes a dead letter.
    """

    sender: str = "crmkit <crm@example.com>"
    domain: str = "crmkit.example"
    unsubscribe_url: str | None = None
    secret: str = attrs.field(default="", repr=False)
    max_attempts: int = 5


@attrs.frozen(kw_only=True)
class PluginSettings:
    """Which plugins are used, and in what order.

    Attributes:
        folder: A folder of single-file plugins, or None.
        disabled: Names of plugins that are left out.
        order: Names of plugins whose rules and guards go first, in this order.
    """

    folder: str | None = None
    disabled: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of one workspace.

    Attributes:
        url: Where the workspace is, or None when it was not configured.
        language: The language that is assumed when nothing says another, ISO 639-1.
        region: The country whose form phone numbers are read in, ISO 3166 alpha-2, or
            None: then the country or language of the record decides.
        mail: How mail leaves.
        plugins: Which plugins are used.
        plugin: What each plugin is configured with, by its name.
        synonyms: Words of your own for the columns of files: field of a draft, or custom field
            by its dotted name, to the headers that mean it. They go before crmkit's words.
    """

    url: str | None = None
    language: str = "en"
    region: str | None = None
    mail: MailSettings = attrs.field(factory=MailSettings)
    plugins: PluginSettings = attrs.field(factory=PluginSettings)
    plugin: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
