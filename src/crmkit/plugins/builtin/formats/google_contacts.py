"""Google Contacts: the classic export and that of 2024, with numbered columns and several values in a cell."""

from __future__ import annotations

import re

import attrs

from crmkit.plugins.importer import LeadDraft, Row, importer

__all__ = ["google_contacts"]

_BETWEEN = " ::: "
_SYSTEM_GROUPS = frozenset({"mycontacts", "my contacts", "other contacts", "starred"})


def _labels(cell: str) -> str:
    """Leave out the groups that Google itself makes."""
    labels = (label.strip().removeprefix("* ").strip() for label in cell.split(_BETWEEN))
    return _BETWEEN.join(label for label in labels if label.casefold() not in _SYSTEM_GROUPS)


@importer(
    "google-contacts",
    columns=["E-mail 1 - Value"],
    variants=[["Group Membership", "Given Name"], ["Labels", "File As"], ["Phone 1 - Value", "Labels"]],
    summary="contacts exported from Google, in the classic form or that of 2024",
    source="Google Contacts",
    map={
        "Name": "full_name",
        "Given Name": "first_name",
        "Family Name": "last_name",
        "Name Prefix": "salutation",
        "Additional Name": "extra",
        "Middle Name": "extra",
        "E-mail 1 - Value": "email",
        "E-mail * - Value": "other_emails",
        "Phone * - Value": "extra",  # which is which is said in the column before: below
        "Organization 1 - Name": "company",
        "Organization Name": "company",
        "Organization 1 - Title": "title",
        "Organization Title": "title",
        "Address 1 - Street": "street",
        "Address 1 - City": "city",
        "Address 1 - Region": "region",
        "Address 1 - Postal Code": "postal_code",
        "Address 1 - Country": "country",
        "Website 1 - Value": "website",
        "Notes": "notes",
        "Labels": "tags",
        "Group Membership": "tags",
    },
    split=dict.fromkeys(["E-mail * - Value", "Website * - Value", "Labels", "Group Membership"], _BETWEEN),
    values={"Labels": _labels, "Group Membership": _labels},
    ignore=[
        f"{what} * - {kind}"
        for what in ("E-mail", "Phone", "Address", "Organization", "Website")
        for kind in ("Type", "Label", "Formatted")
    ]
    + ["Photo", "File As"],
)
def google_contacts(row: Row, draft: LeadDraft) -> LeadDraft:
    """Part the numbers by their labels; a first name that is an address is none."""
    extra = dict(draft.extra)
    phones: dict[str, str] = {}
    for name in [name for name in extra if _PHONE.fullmatch(name)]:
        stem = name.removesuffix("Value")
        label = row.get(stem + "Label") or row.get(stem + "Type")
        kind = "mobile" if _MOBILE.search(label) else "extra" if _FAX.search(label) else "phone"
        numbers = extra.pop(name).split(_BETWEEN)
        for number, other in ((number, "phone" if kind == "mobile" else "mobile") for number in numbers):
            free = next((field for field in (kind, other) if field not in phones and kind != "extra"), None)
            if free is None:
                extra[name] = f"{extra[name]}; {number}" if name in extra else number
            else:
                phones[free] = number
    first = draft.first_name
    return attrs.evolve(
        draft,
        first_name=None if first and "@" in first else first,
        phone=phones.get("phone"),
        mobile=phones.get("mobile"),
        extra=extra,
    )


_PHONE = re.compile(r"Phone \d+ - Value")
_MOBILE = re.compile(r"mobil|cell|handy|portable|móvil|telemóvel", re.IGNORECASE)
_FAX = re.compile(r"fax|pager", re.IGNORECASE)
