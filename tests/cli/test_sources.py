"""``crmkit sources``: lead sources are added, pulled, listed, changed and removed."""

from __future__ import annotations

import os
import time

import pytest

import crmkit

from .conftest import CommandLine

HEADER = "First name;Last name;Email;Company\n"
ADA = "Ada;King;ada@analytical.example;Analytical\n"
BOB = "Bob;Stone;bob@stone.example;Stone\n"
BROKEN = ";;not an address;\n"
LEADS = ("--campaign", "Salon 2026", "--tag", "badge")
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\0"


def drop(cli: CommandLine, name: str, *rows: str, content: bytes | None = None, age_s: float = 3600) -> None:
    folder = cli.folder / "drop"
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes((HEADER + "".join(rows)).encode() if content is None else content)
    when = time.time() - age_s
    os.utime(file, (when, when))


@pytest.fixture
def badges(shop: CommandLine) -> CommandLine:
    """The shop with a folder as a lead source."""
    drop(shop, "monday.csv", ADA, BROKEN)
    shop.run("sources", "add", "Badge scans", "folder", "path=drop", "settle_s=30", *LEADS)
    return shop


def test_a_lead_source_is_added_and_told_what_to_do_next(shop: CommandLine) -> None:
    (shop.folder / "drop").mkdir()

    told = shop.out("sources", "add", "Badge scans", "folder", "path=drop")

    assert "Added the lead source Badge scans (source_" in told
    assert "crmkit sources pull 'Badge scans' --dry-run" in told
    assert "Undo with: crmkit undo op_" in told


def test_a_pull_tells_what_became_of_each_file(badges: CommandLine) -> None:
    drop(badges, "photo.csv", content=PICTURE)
    drop(badges, "tuesday.csv", BOB, age_s=0)

    told = badges.run("sources", "pull", code=3).stdout

    words = [line.split() for line in told.splitlines()]
    assert ["monday.csv", "2", "1", "0", "1", "imported"] in [line[-6:] for line in words]
    assert "is not text but a picture" in " ".join(told.split())
    assert "tuesday.csv" in told
    assert "passed over: was changed a moment ago" in " ".join(told.split())
    assert "The rejected rows of monday.csv are kept in rejects/monday.rejects.csv" in told
    assert "Undo with: crmkit undo op_" in told
    assert "not an address" in (badges.folder / "rejects/monday.rejects.csv").read_text(encoding="utf-8-sig")


def test_the_leads_join_the_campaign_with_their_tags(badges: CommandLine) -> None:
    badges.run("sources", "pull", "Badge scans")

    with crmkit.open(badges.folder / "crm.db", discover=False) as crm:
        lead = crm.leads.find("ada@analytical.example")
        assert lead.tags == ("badge",)
        assert crm.campaigns.get(str(lead.campaign_id)).name == "Salon 2026"


def test_the_second_pull_finds_nothing_new(badges: CommandLine) -> None:
    badges.run("sources", "pull")

    assert badges.out("sources", "pull") == "There is nothing new. Known already: 1.\n"


def test_a_dry_run_tells_the_same_and_writes_nothing(badges: CommandLine) -> None:
    told = badges.out("sources", "pull", "--dry-run")

    assert "Imported 1 file or page: 1 new, 0 changed." in told
    assert "This was a dry run: nothing was written." in told
    assert not (badges.folder / "rejects").exists()
    assert "There is nothing new" not in badges.out("sources", "pull")


def test_rejects_go_where_one_says(badges: CommandLine) -> None:
    badges.run("sources", "pull", "--rejects", "to mend")

    assert (badges.folder / "to mend/monday.rejects.csv").exists()


def test_a_mended_rejects_file_may_be_dropped_in(badges: CommandLine) -> None:
    badges.run("sources", "pull")
    text = (badges.folder / "rejects/monday.rejects.csv").read_text(encoding="utf-8-sig")
    drop(badges, "mended.csv", content=text.replace("not an address", "cy@example.com").encode())

    assert "1 new" in badges.out("sources", "pull")


def test_only_those_that_are_named_are_pulled(badges: CommandLine) -> None:
    (badges.folder / "other").mkdir()
    badges.run("sources", "add", "Other", "folder", "path=other")

    pulled = badges.json("sources", "pull", "Other")

    assert [source["source"] for source in pulled["sources"]] == ["Other"]


def test_a_program_reads_all_of_it(badges: CommandLine) -> None:
    drop(badges, "bad.csv", content=PICTURE, age_s=60)

    pulled = badges.json("sources", "pull", code=3)

    (source,) = pulled["sources"]
    assert (source["imported"], source["rows"]["created"], source["error"]) == (1, 1, None)
    assert [(batch["name"], batch["outcome"]) for batch in source["batches"]] == [
        ("monday.csv", "imported"),
        ("bad.csv", "failed"),
    ]
    assert source["batches"][0]["report"]["operation"].startswith("op_")
    assert source["batches"][1]["detail"] == "is not text but a picture"
    assert pulled["rejects_files"] == {"monday.csv": "rejects/monday.rejects.csv"}


def test_what_stops_a_pull_is_told_with_what_to_do(shop: CommandLine) -> None:
    shop.run("sources", "add", "Website", "http", "url=http://127.0.0.1:1/leads")

    told = shop.run("sources", "pull", code=3).stdout

    assert "Website had to stop: 127.0.0.1:1: cannot be reached" in told
    assert "the next pull tries again" in told
    assert "127.0.0.1:1: cannot be reached" in shop.out("sources", "list")


def test_lead_sources_are_listed_with_what_was_taken(badges: CommandLine) -> None:
    before = badges.out("sources", "list")
    badges.run("sources", "pull")
    (state,) = badges.json("sources", "list")

    assert "Badge scans" in before
    assert "never" in before
    assert (state["source"]["name"], state["imported"], state["failed"]) == ("Badge scans", 1, 0)
    assert state["state"]["pulled_at"]


def test_without_a_lead_source_it_is_told_how_to_add_one(shop: CommandLine) -> None:
    for what in ("list", "pull"):
        assert "add one with: crmkit sources add" in shop.out("sources", what)


def test_one_is_shown_with_its_files(badges: CommandLine) -> None:
    badges.run("sources", "pull")

    told = badges.out("sources", "show", "Badge scans")

    assert "Lead source: Badge scans, of the kind folder" in told
    assert "Salon 2026" in told
    assert "monday.csv" in told
    assert badges.json("sources", "show", "Badge scans")["taken"][0]["outcomes"] == {"created": 1, "rejected": 1}


def test_settings_and_options_are_changed(badges: CommandLine) -> None:
    badges.run("sources", "set", "Badge scans", "pattern=*.txt", "--policy", "update", "--map", "Email=email")

    source = badges.json("sources", "show", "Badge scans")["source"]

    assert source["settings"] == {"path": str(badges.folder / "drop"), "pattern": "*.txt", "settle_s": "30"}
    assert source["options"] == {"policy": "update", "mapping": {"Email": "email"}}
    assert "There is nothing new." in badges.out("sources", "pull")
    badges.run("sources", "set", "Badge scans", "pattern=")
    assert "monday.csv" in badges.out("sources", "pull")


def test_a_setting_given_twice_has_several_lines(shop: CommandLine) -> None:
    headers = ("headers=X-Team: sales", "headers=Authorization: Bearer ${LEADS_TOKEN}")
    shop.run("sources", "add", "Website", "http", "url=https://example.com", *headers)

    settings = shop.json("sources", "show", "Website")["source"]["settings"]

    assert settings["headers"] == "X-Team: sales\nAuthorization: Bearer ${LEADS_TOKEN}"


def test_one_is_removed_and_its_leads_stay(badges: CommandLine) -> None:
    badges.run("sources", "pull")

    assert "Removed the lead source Badge scans." in badges.out("sources", "remove", "Badge scans")
    assert badges.json("sources", "list") == []
    assert "Ada" in badges.out("leads")


def test_the_kinds_are_listed_with_their_settings_without_a_workspace(cli: CommandLine) -> None:
    told = cli.out("sources", "kinds")

    assert "folder: the files that are dropped into a folder" in told
    assert "settle_s" in told
    assert [kind["kind"] for kind in cli.json("sources", "kinds")] == ["folder", "http"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["add", "X", "floder", "path=drop"], 4, "did you mean folder?"),
        (["add", "X", "folder", "path=nowhere"], 3, "there is no folder"),
        (["add", "X", "folder", "pth=drop"], 3, "did you mean path?"),
        (["add", "X", "folder", "drop"], 2, "is no SETTING=VALUE"),
        (["add", "X", "http", "url=https://x.example", "headers=Cookie: a"], 3, "looks like a secret"),
        (["pull", "nobody"], 4, "there is no lead source 'nobody'"),
        (["set", "nobody", "path=drop"], 4, "there is no lead source 'nobody'"),
        (["remove", "nobody"], 4, "there is no lead source 'nobody'"),
    ],
)
def test_what_is_wrong_is_told_with_a_way_out(shop: CommandLine, arguments: list[str], code: int, reason: str) -> None:
    assert reason in shop.run("sources", *arguments, code=code).stderr
