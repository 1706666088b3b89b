"""``--where`` and its relatives: lists, pages, counts, exports, conversions and mails about some records."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .conftest import CommandLine


def _names(shop: CommandLine, *arguments: str) -> list[str]:
    return [record["first_name"] for record in shop.json("leads", *arguments)]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (["status = new and created_at > -30d"], ["Zoé", "Marie", "Jules"]),
        (["campaign = 'salon 2026'"], ["Jules"]),
        (["company ~ medias", "not tags has vip"], ["Marie"]),
        (["owner.email is empty"], ["Zoé", "Marie"]),
        (["email = MARIE@hospy.fr or name = 'zoe petit'"], ["Zoé", "Marie"]),
    ],
)
def test_leads_are_listed_by_a_condition(shop: CommandLine, where: list[str], names: list[str]) -> None:
    assert _names(shop, *(part for text in where for part in ("--where", text))) == names


def test_a_condition_about_the_status_finds_closed_leads_too(shop: CommandLine) -> None:
    shop.run("convert", "Marie")

    assert _names(shop, "--where", "status = converted") == ["Marie"]
    assert _names(shop, "--where", "name ~ marie") == []


def test_a_condition_that_is_wrong_says_so_in_two_lines(shop: CommandLine) -> None:
    error = shop.run("leads", "--where", "stauts = new", code=3).stderr
    unread = shop.run("leads", "--where", "company = Hospy Médias", code=3).stderr

    assert error.startswith("Error: there is no field of lead 'stauts'; did you mean status")
    assert "at character 17" in unread
    assert "goes in quotes" in unread.splitlines()[1]


def test_lists_go_on_behind_a_record(shop: CommandLine) -> None:
    found = []
    after: list[str] = []
    for _ in range(3):
        (lead,) = shop.json("leads", "--order", "company,-first_name", "--limit", "1", *after)
        found.append(lead["first_name"])
        after = ["--after", lead["id"]]

    assert found == ["Marie", "Jules", "Zoé"]
    assert shop.json("leads", "--order", "company,-first_name", *after) == []
    assert shop.run("leads", "--after", "lead_0", code=4).stderr.startswith("Error: there is no lead 'lead_0'")


def test_records_are_counted_in_groups_and_added_up(shop: CommandLine) -> None:
    shop.run("convert", "Jules", "--deal", "A", "--amount", "1000 EUR")
    shop.run("convert", "Marie", "--deal", "B", "--amount", "250.50 EUR")
    shop.run("convert", "Zoé", "--deal", "C", "--amount", "900 USD")

    total = shop.out("count", "deals", "--where", "amount > 900")
    table = shop.out("count", "deals", "--group-by", "account", "--sum", "amount")
    groups = shop.json("count", "deal", "--group-by", "stage", "--sum", "amount")

    assert total == "1 deal\n"
    assert [line.split() for line in table.splitlines()[2:]] == [
        ["Hospy", "Médias", "EUR", "2", "€1,250.50"],
        ["Petit", "&", "Fils", "USD", "1", "$900.00"],
    ]
    assert [(group["labels"]["stage"], group["sum"]["amount"]["currency"]) for group in groups] == [
        ("Qualification", "EUR"),
        ("Qualification", "USD"),
    ]
    assert shop.json("count", "leads") == {"kind": "lead", "count": 3}
    assert "did you mean amount" in shop.run("count", "deals", "--sum", "amuont", code=3).stderr
    assert "did you mean deal or deals" in shop.run("count", "dael", code=4).stderr


def test_an_export_takes_a_condition(shop: CommandLine) -> None:
    shop.run("export", "leads", "some.csv", "--where", "company ~ hospy", "--where", "tags is empty")

    with Path("some.csv").open(encoding="utf-8-sig") as file:
        assert [row["first_name"] for row in csv.DictReader(file)] == ["Marie"]
    shop.run("export", "leads", "none.csv", "--where", "nonsense = 1", code=3)
    assert not Path("none.csv").exists()


def test_leads_are_converted_by_a_condition(shop: CommandLine) -> None:
    shop.run("convert", "Jules")

    shop.run("convert", "--where", "company ~ hospy")
    again = shop.out("convert", "--where", "company ~ hospy")

    assert shop.json("count", "contacts")["count"] == 2
    assert again == "There is no such lead that could be converted.\n"
    assert "name the leads, or say which" in shop.run("convert", code=2).stderr


def test_mail_is_queued_by_a_condition(shop: CommandLine) -> None:
    shop.run("convert", "Zoé")

    leads = shop.json("send", "thank_you", "--where", "company ~ hospy")["result"]
    contacts = shop.json("send", "thank_you", "--contacts", "--where", "name ~ petit")["result"]
    nobody = shop.json("send", "thank_you", "--campaign", "Salon 2026", "--where", "name ~ nobody")["result"]

    assert (leads["queued"], contacts["queued"], nobody["queued"]) == (2, 1, 0)
    assert "--where TEXT" in shop.run("send", "thank_you", code=2).stderr
