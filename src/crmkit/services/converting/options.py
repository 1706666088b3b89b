"""What the person who converts decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.core.amendments import Amendment, Append, Keep, Take
from crmkit.core.conversion import Target
from crmkit.core.lead import LeadStatus
from crmkit.errors import RejectedError

__all__ = ["ConversionOptions"]


def _status(value: LeadStatus | str) -> LeadStatus:
    known = [status.value for status in LeadStatus if status is not LeadStatus.DISQUALIFIED]
    text = value.value if isinstance(value, LeadStatus) else value
    if text not in known:
        raise RejectedError(f"a conversion cannot leave a lead as {text}; it can be {', '.join(known)}")
    return LeadStatus(text)


@attrs.frozen(kw_only=True)
class ConversionOptions:
    """What the person who converts decides.

    Attributes:
        contact: The contact to join the lead to, or None: find or make one.
        account: The account to join it to, or None: find or make one.
        with_account: Whether there is an account at all; None means: if the lead has a company.
        deal: The name of a deal to open; True leaves the name to a rule, else it is that of
            the company or person; None opens none.
        deal_values: Further values of that deal: ``amount``, ``pipeline``, ``stage`` …
        into_deal: An open deal of the account to join the contact to, instead of opening one, or None.
        owner: The user who takes over contact, account and deal, or None: as the lead had.
        status: What the lead is left as: ``converted``, out of the usual lists; or a status that may
            follow its own, such as ``qualified``, when somebody shall go on working with it.
        fields: Field of a target, such as ``contact.title``, to what is done with it:
            ``keep``, ``take`` (overwrite it) or ``append``; this goes before all rules.
    """

    contact: str | None = None
    account: str | None = None
    with_account: bool | None = None
    deal: str | bool | None = None
    deal_values: Mapping[str, Any] = attrs.field(factory=dict)
    into_deal: str | None = None
    owner: str | None = None
    status: LeadStatus = attrs.field(default=LeadStatus.CONVERTED, converter=_status)
    fields: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def opens_deal(self) -> bool:
        """Whether a deal is opened."""
        return bool(self.deal)

    def choices(self) -> list[Amendment]:
        """Return what is chosen field by field, as amendments.

        Raises:
            RejectedError: A field or what is to be done with it is misspelt; with all of these.
        """
        chosen: list[Amendment] = []
        problems: list[str] = []
        targets = {target.value: target for target in Target}
        for place, word in self.fields.items():
            name, _, field = place.partition(".")
            if name not in targets or not field:
                problems.append(f"{place!r} is no field of a target; write it as contact.title")
            elif word not in _CHOICES:
                problems.append(f"{place} cannot be {word!r}; say {', '.join(_CHOICES)}")
            else:
                chosen.append(_CHOICES[word](field=field, target=targets[name], reason="it was chosen"))
        if problems:
            raise RejectedError(problems)
        return chosen

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        values = attrs.asdict(self) | {"status": self.status.value}
        values["deal_values"] = {name: str(value) for name, value in self.deal_values.items()}
        return values


_CHOICES: Mapping[str, Any] = {"keep": Keep, "take": Take, "append": Append}
