"""The law of the whole workspace: what is exported and imported is what it was, on every back end and across them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit import CRM, Money
from crmkit.errors import CrmkitError, NotFoundError
from crmkit.services.consents import record_consent
from crmkit.services.consents import suppress as suppress_address
from crmkit.services.sources import BytesSource

from .world import BACK_ENDS, FIELDS, TYPES, BadgeScan, Booth, Visit, content, opened, stored

Pick = Callable[[st.SearchStrategy[Any]], Any]

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
names = texts | st.sampled_from(["Zoé", "=1+1", '{"a": 1}', "ligne\nligne", "a\u2028b", " ", "'quoted'", "null", "Ω"])
numbers = st.integers(-(2**63), 2**63 - 1)


def one_of(pick: Pick, records: Iterable[Any]) -> Any:
    """Pick one of the records; without any the step makes no sense."""
    listed = list(records)
    if not listed:
        raise NotFoundError("record", "to go on with")
    return pick(st.sampled_from(listed))


def add_leads(crm: CRM, pick: Pick) -> None:
    campaign = pick(st.sampled_from([None, *crm.campaigns]))
    scan = BadgeScan(
        booth=pick(names),
        minutes=pick(numbers),
        hot=pick(st.booleans()),
        topics=tuple(sorted(pick(st.sets(st.sampled_from(["a", "é", "b c"]))))),
        budget=pick(st.none() | st.integers(0, 10**9).map(lambda minor: Money.from_minor(minor, "EUR"))),
    )
    email = f"{pick(st.sampled_from('abcdef'))}@{pick(st.sampled_from(['hospy.fr', 'petit.example.com']))}"
    crm.leads.add(
        scan,
        first_name=pick(names),
        last_name=pick(names),
        company=pick(st.none() | names),
        email=email,
        campaign_id=campaign,
        tags=["vip", "salon"][: pick(st.integers(0, 2))],
        extra={"seen": pick(names), "count": 3, "part": [None, 1.5, True]},
    )


def import_file(crm: CRM, pick: Pick) -> None:
    rows = "".join(f"{name},{name}@salon.example.com,+3319900411{n}\n" for n, name in enumerate(("ada", "bob", "ada")))
    crm.import_leads(BytesSource("badges.csv", f"name,email,phone\n{rows}x{pick(st.integers(0, 3))},,\n".encode()))


def add_booth(crm: CRM, pick: Pick) -> None:
    campaign = crm.campaigns.add(name=pick(names), budget=Money("12.50", "EUR"), starts_on="2026-03-01")
    booth = crm[Booth].add(name=pick(names), size=pick(st.decimals(1, 1000, places=3)), campaign_id=campaign)
    lead = pick(st.sampled_from([None, *crm.leads]))
    crm[Visit].add(booth_id=booth, lead_id=lead, answers={"why": pick(names)})


def convert(crm: CRM, pick: Pick) -> None:
    lead = one_of(pick, crm.leads)
    crm.convert(lead, deal=pick(st.none() | names), owner=crm.users.add(name=pick(names)))


def move_deal(crm: CRM, pick: Pick) -> None:
    account = crm.accounts.add(name=pick(names))
    crm.accounts.add(name=pick(names), parent_id=account)
    deal = crm.open_deal(
        pick(names), BadgeScan(booth="D"), account=account, amount=Money(pick(st.integers(1, 999)), "EUR")
    )
    crm.move_deal(deal, "proposal")
    crm.lose_deal(deal, "other", pick(names))


def merge(crm: CRM, pick: Pick) -> None:
    first, *others = [*crm.leads, crm.leads.add(first_name=pick(names))]
    crm.merge(first, one_of(pick, others))


def delete(crm: CRM, pick: Pick) -> None:
    for collection in (crm[Visit], crm[Booth], crm.leads, crm.campaigns):
        with suppress(CrmkitError):
            collection.delete(one_of(pick, collection))


def talk(crm: CRM, pick: Pick) -> None:
    lead = one_of(pick, crm.leads)
    crm.note(lead, pick(names), body=pick(names))
    crm.complete(crm.task(lead, pick(names)))


def consent(crm: CRM, pick: Pick) -> None:
    record_consent(crm.workspace, "a@hospy.fr", granted=pick(st.booleans()), origin=pick(names))
    suppress_address(crm.workspace, "b@hospy.fr", "bounced")


def send(crm: CRM, pick: Pick) -> None:
    crm.send("thank_you", campaign=one_of(pick, crm.campaigns))
    if pick(st.booleans()):
        crm.deliver("folder", folder=tempfile.gettempdir() + "/x")


def undo(crm: CRM, pick: Pick) -> None:
    crm.undo(one_of(pick, crm.log(limit=4)).operation)


STEPS: Final = (
    *(add_booth, add_leads, add_leads, import_file, convert, move_deal, merge),
    *(delete, talk, consent, send, undo),
)


def live(crm: CRM, data: st.DataObject) -> None:
    """Do something with a workspace; what makes no sense is refused, and that is that."""
    for step in (add_booth, add_leads, *data.draw(st.lists(st.sampled_from(STEPS), min_size=4, max_size=12))):
        with suppress(CrmkitError):
            step(crm, data.draw)


@pytest.mark.parametrize("target", BACK_ENDS)
@pytest.mark.parametrize("source", BACK_ENDS)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_exported_and_imported_is_what_it_was(source: str, target: str, data: st.DataObject) -> None:
    known_there = data.draw(st.booleans(), label="the classes are known there")
    absent_here = data.draw(st.booleans(), label="the classes are absent when it is exported")
    with (
        tempfile.TemporaryDirectory() as name,
        stored(source, Path(name), "source") as here,
        stored(target, Path(name), "target") as there,
    ):
        first, again = Path(name) / "first.jsonl", Path(name) / "again.jsonl"
        crm = opened(here)
        live(crm, data)
        expected = content(crm)
        exporting = opened(here, fields=(), types=()) if absent_here else crm
        copy = opened(there) if known_there else opened(there, fields=(), types=())

        counts = exporting.export_all(first)
        report = copy.import_all(first)
        copy.export_all(again)

        assert content(copy) == expected
        assert report.created == sum(counts.values()) == sum(map(len, expected.values()))
        assert again.read_bytes() == first.read_bytes()
        assert content(opened(there, fields=FIELDS, types=TYPES)) == expected
