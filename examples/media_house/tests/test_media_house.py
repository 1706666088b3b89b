"""The tests of the plugin: they need neither a file nor an installation."""

import media_house
import pytest

import crmkit
from crmkit.errors import MissingFieldsError, VetoedError


@pytest.fixture
def crm() -> crmkit.CRM:
    """A workspace in memory with this plugin and no other."""
    return crmkit.open("memory:", plugins=[media_house], discover=False)


def test_the_deal_is_called_after_company_and_year_and_the_source_is_in_the_notes(crm: crmkit.CRM) -> None:
    lead = crm.leads.add(first_name="Zoé", email="zoe@phare.example", company="Phare", source="Salon")

    conversion = crm.convert(lead, deal=True).conversion

    assert conversion is not None
    assert crm.contacts.get(conversion.contact_id).notes == "Salon"
    assert crm.accounts.find("Phare").industry == "media"
    assert crm.get(conversion.deal_id or "").name.startswith("Phare 20")


def test_rivals_and_people_without_an_address_are_refused(crm: crmkit.CRM) -> None:
    with pytest.raises(VetoedError, match="it is a rival"):
        crm.convert(crm.leads.add(first_name="Bob", email="bob@rival.example", tags=["rival"]))
    with pytest.raises(MissingFieldsError, match="offers go out by mail"):
        crm.convert(crm.leads.add(first_name="Léa"))
