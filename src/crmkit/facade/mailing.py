"""Mails to people: queued, and delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmkit.facade.base import Face

if TYPE_CHECKING:
    from crmkit.core.campaign import Campaign
    from crmkit.services.deliver import DeliveryReport
    from crmkit.services.queue_mail import QueueReport

__all__ = ["Mailing"]


class Mailing(Face):
    """Mails to people: queued, and delivered."""

    def send(self, template: str, *, campaign: str | Campaign | None = None, **more: Any) -> QueueReport:
        """Queue a mail to each member of a campaign, once however often this is called.

        Args:
            template: The key of the template; each person gets it in their language.
            campaign: The campaign; a record, id or name.
            more: ``people`` (instead of all members), ``purpose``, ``once``, ``reason``, ``key`` and ``dry_run``.
        """
        from crmkit.services.queue_mail import queue_mail

        chosen = None if campaign is None else self._id("campaign", campaign)
        return queue_mail(self.workspace, template, campaign=chosen, **more).value

    def deliver(self, notifier: str = "folder", **options: Any) -> DeliveryReport:
        """Hand the queued mails to a notifier: ``folder``, ``smtp``, ``console``, ``webhook`` or a plugin's.

        Args:
            notifier: Its name.
            options: What it needs: ``folder``, ``host``, ``port``, ``url`` …; and ``limit``.
        """
        from crmkit.services.deliver import deliver

        limit = options.pop("limit", None)
        texts = {name: str(value) for name, value in options.items()}
        return deliver(self.workspace, notifier, options=texts, limit=limit)
