"""The notifiers that come with crmkit: a folder, SMTP, the console, a webhook."""

from __future__ import annotations

from crmkit.core.ports.ambient import Clock, SystemClock
from crmkit.core.ports.notifiers import Notifier
from crmkit.plugins.builtin.notifiers.console import ConsoleNotifier
from crmkit.plugins.builtin.notifiers.folder import FolderNotifier
from crmkit.plugins.builtin.notifiers.smtp import SmtpNotifier
from crmkit.plugins.builtin.notifiers.webhook import WebhookNotifier

__all__ = ["ConsoleNotifier", "FolderNotifier", "SmtpNotifier", "WebhookNotifier", "builtin_notifiers"]


def builtin_notifiers(clock: Clock | None = None) -> tuple[Notifier, ...]:
    """Return one of each; *clock* tells the moment for the Date header."""
    clock = clock or SystemClock()
    return (FolderNotifier(clock=clock), SmtpNotifier(clock=clock), ConsoleNotifier(), WebhookNotifier())
