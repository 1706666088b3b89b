"""What a user configures, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from crmkit.errors import ConfigError

__all__ = ["MailSettings", "PluginSettings", "Settings"]


def _language(text: str) -> str:
    """Return the code of a language; the usual one costs no look at all languages there are."""
    if text == "en":
        return text
    from crmkit.core.values.places import language_code

    return _known(language_code(text), text, "language", "write two letters of ISO 639-1, such as fr")


def _region(text: str | None) -> str | None:
    """Return the code of a country."""
    if text is None:
        return None
    from crmkit.core.values.places import country_code

    return _known(country_code(text), text, "region", "write two letters of ISO 3166, such as FR")


def _known(code: str | None, text: str, setting: str, hint: str) -> str:
    if code is None:
        raise ConfigError(f"the {setting} {text!r} is not known", setting=setting, hint=hint)
    return code


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
    max_attempts: int = attrs.field(default=5, validator=validators.ge(1))


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
    """The settings of one workspace; a country or language is understood however it is named.

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
    language: str = attrs.field(default="en", converter=_language)
    region: str | None = attrs.field(default=None, converter=_region)
    mail: MailSettings = attrs.field(factory=MailSettings)
    plugins: PluginSettings = attrs.field(factory=PluginSettings)
    plugin: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
