"""A lead whose e-mail address is none: kept, reported, and left in peace by whatever goes by addresses."""

from __future__ import annotations

import pytest

import crmkit
from crmkit import CRM
from crmkit.errors import RejectedError
from crmkit.services.sources import BytesSource

TABLE = """Name;Company;E-mail;City
Jules Etienne;Hospy;jules(at)hospy.example;Lyon
Léa Roth;Hospy;jules(at)hospy.example;Nice
;;nobody@;Brest
Zoé Petit;Phare;zoe@phare.example;Brest
"""


@pytest.fixture
def crm() -> CRM:
    return crmkit.open("memory:", create=True, discover=False)


def take(crm: CRM, text: str = TABLE) -> crmkit.ImportReport:
    return crm.import_leads(BytesSource("leads.csv", text.encode()))


def test_the_lead_is_kept_with_the_address_as_written_and_the_report_names_line_and_value(crm: CRM) -> None:
    report = take(crm)

    assert (report.created, report.rejected, report.warnings) == (3, 1, 2)
    said = {row.line: row.reason for row in report.problems}
    assert said[2] == "'jules(at)hospy.example' is no e-mail address: an email address must have an @-sign"
    assert said[4].startswith("'nobody@' is no e-mail address")
    jules = crm.leads.find("Jules Etienne")
    assert (jules.email, jules.extra) == (None, {"email": "jules(at)hospy.example"})


def test_the_same_rows_again_are_unchanged(crm: CRM) -> None:
    take(crm)

    again = take(crm, TABLE + "Bob Stone;;;\n")

    assert (again.created, again.updated, again.unchanged, again.rejected) == (1, 0, 3, 1)


def test_no_mail_is_queued_for_it(crm: CRM) -> None:
    show = crm.campaigns.add(name="Salon")
    crm.import_leads(BytesSource("leads.csv", TABLE.encode()), campaign=show)

    report = crm.send("thank_you", campaign=show)

    assert report.queued == 1
    assert [(each.reason, each.count) for each in report.skipped] == [("there is no e-mail address", 2)]


def test_a_conversion_carries_what_was_written(crm: CRM) -> None:
    take(crm)

    conversion = crm.convert("Jules Etienne").conversion

    assert conversion is not None
    assert crm.contacts.get(conversion.contact_id).extra == {"email": "jules(at)hospy.example"}


def test_a_broken_address_alone_makes_no_lead_by_hand_either(crm: CRM) -> None:
    with pytest.raises(RejectedError, match="a lead needs at least a name"):
        crm.leads.add(extra={"email": "jules@"})
