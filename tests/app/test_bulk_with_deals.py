"""Many leads with a deal each: what speaks against one deal costs that lead alone, and leaves nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import crmkit
from crmkit import CRM, Context, StageMove, stage_guard
from crmkit.errors import RejectedError


@stage_guard("picky")
def picky(move: StageMove, _context: Context) -> Iterator[str]:
    """Refuse deals with Rival, and break at those with Odd."""
    if move.deal.name == "Odd":
        message = "oh no"
        raise KeyError(message)
    if move.deal.name == "Rival":
        yield "we sell nothing to rivals"


@pytest.fixture
def crm() -> CRM:
    return crmkit.open("memory:", plugins=[picky], discover=False)


STAGE = {"stage": "needs_analysis"}


def test_each_lead_has_its_own_result_and_nothing_is_left_of_those_refused(crm: CRM) -> None:
    leads = crm.leads.add_many(
        {"first_name": name, "company": company}
        for name, company in (("A", "Phare"), ("B", "Rival"), ("C", "Rival"), ("D", "Odd"), ("E", "Phare"))
    )

    results = crm.convert_many(leads, deal=True, deal_values=STAGE)

    assert [each.outcome for each in results] == ["converted", "refused", "refused", "failed", "converted"]
    assert results[1].reasons == ("picky: we sell nothing to rivals",)
    assert "oh no" in results[3].reasons[0]
    assert sorted(account.name for account in crm.accounts) == ["Phare"]
    assert (crm.contacts.count(), crm.deals.count()) == (2, 2)
    assert [crm.leads.get(lead.id).status.value for lead in leads] == ["converted", "new", "new", "new", "converted"]


def test_all_or_nothing_names_each_of_them(crm: CRM) -> None:
    leads = crm.leads.add_many({"first_name": name, "company": "Rival"} for name in "AB")

    with pytest.raises(RejectedError) as caught:
        crm.convert_many(leads, deal=True, deal_values=STAGE, all_or_nothing=True)

    assert len(caught.value.reasons) == 2
    assert crm.contacts.count() == 0


def test_inside_an_operation_the_whole_is_refused(crm: CRM) -> None:
    leads = crm.leads.add_many({"first_name": "A", "company": company} for company in ("Phare", "Rival"))

    with pytest.raises(RejectedError, match="rivals"), crm.operation("All of them"):
        crm.convert_many(leads, deal=True, deal_values=STAGE)

    assert crm.contacts.count() == 0
