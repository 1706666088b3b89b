"""Answers of forms, whose questions are the headers: Google Forms, Typeform, Tally, Calendly.

Which question asks for what is told by its words; one about somebody else (a parent, a
child, whom to call in an emergency) is an answer like any other, and kept as it is.
"""

from __future__ import annotations

from crmkit.plugins.importer import importer

__all__ = ["CALENDLY", "GOOGLE_FORMS", "TALLY", "TYPEFORM"]

_OTHERS = ["parent", "emergency", "urgence", "child", "enfant", "referrer", "guardian", "eltern", "kind", "genitore"]
_ANSWERS = {
    **{f"*{word}*": "extra" for word in _OTHERS},
    **dict.fromkeys(["Comment*", "Remarque*", "Any other *", "Anything else*", "Autre*"], "extra"),
}

GOOGLE_FORMS = importer(
    "google-forms",
    columns=[
        ("Timestamp", "Horodateur", "Zeitstempel", "Marca temporal", "Informazioni cronologiche"),
        *[("*mail*", "*name*", "*nom*", "*correo*", "*phone*", "Username", "Nom d'utilisateur")],
    ],
    summary="answers of a Google Form",
    source="Google Forms",
    map={
        **dict.fromkeys(["Timestamp", "Horodateur", "Zeitstempel", "Marca temporal"], "extra"),
        "Username": "email",
        "Nom d'utilisateur": "email",
        **_ANSWERS,
    },
)

TYPEFORM = importer(
    "typeform",
    columns=["#", "Submit Date (UTC)", ("Start Date (UTC)", "Network ID")],
    summary="answers of a Typeform",
    source="Typeform",
    map={"#": "source_id", "Start Date (UTC)": "extra", "Submit Date (UTC)": "extra", **_ANSWERS},
    ignore=["Network ID"],
)

TALLY = importer(
    "tally",
    columns=["Submission ID", "Respondent ID", "Submitted at"],
    summary="answers of a Tally form",
    source="Tally",
    map={"Submission ID": "source_id", "Respondent ID": "extra", "Submitted at": "extra", **_ANSWERS},
)

CALENDLY = importer(
    "calendly",
    columns=["Invitee Email", ("Invitee Name", "Invitee First Name"), ("Event Type Name", "User Email")],
    summary="who booked a meeting with Calendly; the user is one of ours",
    source="Calendly",
    map={
        "Invitee Name": "full_name",
        "Invitee First Name": "first_name",
        "Invitee Last Name": "last_name",
        "Invitee Email": "email",
        **dict.fromkeys(["Invitee Phone", "Text Reminder Number"], "phone"),
        **dict.fromkeys(["User Name", "User Email", "Location"], "extra"),
    },
    tags={"Canceled": {"true": "cancelled", "yes": "cancelled"}, "Marked as No-Show": {"yes": "no show"}},
)
