"""The funnel as a report: a table, notes, facts, and a page to show around."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

import crmkit
from crmkit import CRM
from crmkit.errors import NotFoundError, RejectedError


@pytest.fixture
def crm() -> Iterator[CRM]:
    with crmkit.open("memory:", discover=False) as opened:
        show = opened.campaigns.add(name="Salon <b>2026</b> & more")
        leads = opened.leads.add_many({"first_name": f"Lead {i}", "campaign_id": show} for i in range(10))
        result = opened.convert(leads[0])
        assert result.conversion is not None
        account = opened.accounts.add(name="Hospy Médias")
        opened.contacts.update(result.conversion.contact_id, account_id=account)
        opened.win_deal(opened.open_deal("40 seats", contacts=[result.conversion.contact_id], amount="12000 EUR"))
        yield opened


def test_the_table_adds_up(crm: CRM) -> None:
    page = crm.report("funnel")

    assert [row[1] for row in page.rows] == [10, 1, 1, 1, 1, 1, 1]
    assert sum(int(row[3]) for row in page.rows) == 10
    assert page.facts["cohort"] == 10
    assert page.facts["deals"]["won"] == {"count": 1, "amounts": {"EUR": "12000.00"}}


def test_it_speaks_french_too(crm: CRM) -> None:
    english, french = crm.report("funnel"), crm.report("funnel", language="fr")

    assert english.columns != french.columns
    assert [row[1] for row in english.rows] == [row[1] for row in french.rows]


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_with_a_picture_and_without_a_script(crm: CRM) -> None:
    page = Page(crm.report("funnel").html)

    assert page.open == []
    assert "svg" in page.tags
    assert "script" not in page.tags
    assert "Salon <b>2026</b> & more" in page.text


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"language": "xx"}, "language must be one of"), ({"campagne": "x"}, "the funnel has no option 'campagne'")],
)
def test_a_wrong_option_is_refused(crm: CRM, options: dict[str, str], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        crm.report("funnel", **options)


def test_a_campaign_must_be_named_when_there_are_several(crm: CRM) -> None:
    crm.campaigns.add(name="Another")

    with pytest.raises(RejectedError, match="none was named: "):
        crm.report("funnel")
    with pytest.raises(NotFoundError):
        crm.report("funnel", campaign="Nowhere")
    assert crm.report("funnel", campaign="Another").facts["cohort"] == 0
