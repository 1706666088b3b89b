"""Lists and cards of records, and the commands that change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crmkit

from .conftest import CommandLine

LISTS = ("leads", "contacts", "accounts", "deals", "campaigns", "activities", "users", "pipelines")


def test_leads_are_listed_with_a_total(shop: CommandLine) -> None:
    lines = shop.out("leads").splitlines()

    assert [line.split()[0] for line in lines[2:5]] == ["Zoé", "Marie", "Jules"]
    assert lines[-1] == "3 leads"


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_a_table_of_80_columns_and_a_json_array_that_stays_the_same(shop: CommandLine, name: str) -> None:
    shop.run("convert", "Jules", "--deal", "D" * 70, "--amount", "12000 EUR")
    shop.run("note", "Marie", "x" * 200)

    table = shop.out(name)
    first, second = shop.out(name, "--json"), shop.out(name, "--json")
    records = shop.json(name)

    assert max(map(len, table.splitlines())) <= 80
    assert isinstance(records, list)
    assert records
    assert first == second


def test_an_empty_list_says_so(cli: CommandLine) -> None:
    cli.run("init")

    assert cli.out("deals") == "0 deals\n"
    assert cli.json("deals") == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["--campaign", "Salon 2026"], ["Jules"]),
        (["--owner", "Ada"], ["Jules"]),
        (["--tag", "vip"], ["Jules"]),
        (["--tag", "vip", "--tag", "other"], []),
        (["--status", "disqualified"], ["Marie"]),
        (["--order", "first_name"], ["Jules", "Zoé"]),
        (["--order", "-first_name", "--limit", "1"], ["Zoé"]),
        ([], ["Zoé", "Jules"]),
        (["--all"], ["Zoé", "Marie", "Jules"]),
    ],
)
def test_a_list_can_be_filtered_and_ordered(shop: CommandLine, filters: list[str], names: list[str]) -> None:
    shop.run("lead", "set", "Marie", "status=disqualified", "disqualified_reason=left the company")

    assert [lead["first_name"] for lead in shop.json("leads", *filters)] == names


def test_columns_that_say_nothing_leave_their_room_to_the_others(shop: CommandLine) -> None:
    assert "Campaign" in shop.out("leads")
    assert "Campaign" not in shop.out("leads", "--limit", "2")


def test_a_list_that_is_cut_says_how_many_there_are(shop: CommandLine) -> None:
    last = shop.json("leads", "--limit", "2")[-1]["id"]

    assert shop.out("leads", "--limit", "2").splitlines()[-2:] == [
        "2 of 3 leads; --limit 0 shows all",
        f"the next ones: --after {last}",
    ]
    assert shop.out("leads", "--limit", "0").splitlines()[-1] == "3 leads"


def test_a_filter_that_is_wrong_is_an_error(shop: CommandLine) -> None:
    assert "there is no campaign 'Salon 1999'" in shop.run("leads", "--campaign", "Salon 1999", code=4).stderr
    assert "status must be one of new" in shop.run("leads", "--status", "sleepy", code=3).stderr
    assert "there is no field" in shop.run("leads", "--order", "shoe_size", code=3).stderr


def test_what_strangers_wrote_cannot_command_the_terminal(shop: CommandLine) -> None:
    shop.run("lead", "add", "last_name=\x1b]0;gotcha\x07\x1b[2Jred", "email=evil@example.com", "notes=a\x1b[1Ab")

    for arguments in (["leads"], ["lead", "show", "evil@example.com"], ["note", "evil@example.com", "\x1b[2Jhi"]):
        assert not {"\x1b", "\x07"} & set(shop.run(*arguments).output)


# -------------------------------------------------------------------- cards


def test_a_card_shows_every_field_that_is_not_empty_with_names_instead_of_ids(shop: CommandLine) -> None:
    shop.run("note", "Jules", "wants a demo")

    card = shop.out("lead", "show", "Jules")

    for text in ("Lead: Jules ETIENNE", "Ada", "vip", "jules@hospy.fr", "Lyon", "Salon 2026", "wants a demo"):
        assert text in card
    assert "user_" not in card
    assert "salutation" not in card
    assert max(map(len, card.splitlines())) <= 80


@pytest.mark.parametrize("kind", ["lead", "contact", "account", "campaign", "user"])
def test_every_card_parses_as_json_and_stays_the_same(shop: CommandLine, kind: str) -> None:
    shop.run("convert", "Jules")
    names = {"lead": "jules@hospy.fr", "contact": "Jules", "account": "Hospy Médias", "campaign": "Salon 2026"}
    arguments = (kind, "show", names.get(kind, "Ada"), "--json")

    card = shop.json(*arguments)

    assert card["record"]["id"].startswith(kind + "_")
    assert shop.out(*arguments) == shop.out(*arguments)


def test_a_conversion_can_be_followed_both_ways(shop: CommandLine) -> None:
    shop.run("convert", "Jules", "--deal", "Terminals", "--amount", "12000 EUR")

    lead = shop.json("lead", "show", "Jules")["related"]
    contact = shop.json("contact", "show", "Jules")["related"]
    account = shop.json("account", "show", "Hospy Médias")["related"]

    assert [record["id"].partition("_")[0] for record in lead["converted into"]] == ["contact", "account", "deal"]
    assert [record["first_name"] for record in contact["origin"]] == ["Jules"]
    assert [record["name"] for record in contact["deals"]] == ["Terminals"]
    assert [record["first_name"] for record in account["contacts"]] == ["Jules"]
    assert "contact Jules ETIENNE, account Hospy Médias, deal Terminals" in " ".join(
        shop.out("lead", "show", "Jules").split()
    )


def test_a_campaign_counts_its_members(shop: CommandLine) -> None:
    assert shop.json("campaign", "show", "Salon 2026")["members"] == {"met": 1}


def test_show_takes_any_id_and_any_name(shop: CommandLine) -> None:
    note = shop.json("note", "Jules", "wants a demo")["result"]["id"]

    assert "about lead Jules ETIENNE" in " ".join(shop.out("show", note).split())
    assert "Campaign: Salon 2026" in shop.out("show", "salon 2026")
    assert "created  1 activity, 1 link" in shop.out("show", shop.json("log", note)[0]["operation"]["id"])
    assert "there is no record 'user_1'" in shop.run("show", "user_1", code=4).stderr


def test_what_a_lead_became_is_meant_by_its_name(shop: CommandLine) -> None:
    shop.run("convert", "Jules")

    assert shop.json("show", "Jules ETIENNE")["kind"] == "contact"
    assert shop.json("show", "Jules ETIENNE", "--kind", "lead")["kind"] == "lead"
    assert shop.json("show", "Hospy")["kind"] == "account"


# ------------------------------------------------------------------ changing


def test_adding_takes_records_by_name_and_says_how_to_undo(shop: CommandLine) -> None:
    result = shop.run("lead", "add", "last_name=NOUVEAU", "campaign=Salon 2026", "owner=Ada", "--as", "Ada")

    lead = shop.json("leads", "--limit", "1")[0]
    lines = result.stdout.splitlines()
    assert lines[0] == f"Added the lead NOUVEAU ({lead['id']})."
    assert lines[1] == f"Undo with: crmkit undo {lead['operation_id']}"
    assert lead["campaign_id"].startswith("campaign_")
    assert lead["owner_id"].startswith("user_")
    assert shop.json("log", lead["id"])[0]["operation"]["actor"] == "Ada"


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (["Zorro"], 2, "'Zorro' is no FIELD=VALUE"),
        (["owner=Ada", "owner_id=Ada"], 2, "owner_id is there twice"),
        (["last_name=X", "owner=Nobody"], 4, "there is no user 'Nobody'"),
        (["last_name=X", "shoe_size=44"], 3, "a lead has no field 'shoe_size'"),
        (["city=Lyon"], 3, "a lead needs at least a name"),
        (["last_name=X", "status=converted"], 3, "only by a conversion"),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_is_added(
    shop: CommandLine, fields: list[str], code: int, message: str
) -> None:
    assert message in shop.run("lead", "add", *fields, code=code).stderr
    assert len(shop.json("leads")) == 3


def test_setting_shows_old_and_new_and_an_empty_value_empties(shop: CommandLine) -> None:
    text = shop.out("lead", "set", "Jules", "status=contacted", "city=", "owner=")

    lead = shop.json("lead", "show", "Jules")["record"]
    assert text.splitlines()[:4] == [
        "Changed the lead Jules ETIENNE.",
        "  status: new → contacted",
        "  city: Lyon → –",
        "  owner: Ada → –",
    ]
    assert (lead["status"], lead["city"], lead["owner_id"]) == ("contacted", None, None)


def test_setting_what_is_so_already_changes_nothing(shop: CommandLine) -> None:
    assert shop.out("lead", "set", "Jules", "city=Lyon") == "There was nothing to change.\n"
    assert shop.json("lead", "set", "Jules", "city=Lyon")["operation_id"] is None


def test_a_key_does_it_once(shop: CommandLine) -> None:
    first = shop.json("lead", "add", "last_name=ONCE", "--key", "k1")
    again = shop.run("lead", "add", "last_name=ONCE", "--key", "k1")
    other = shop.run("lead", "add", "last_name=OTHER", "--key", "k1", code=3)

    assert not first["replayed"]
    assert "done before with the same key" in again.stdout
    assert "the key 'k1' was already used" in other.stderr
    assert len(shop.json("leads")) == 4


def test_deleted_records_leave_the_lists_and_can_be_restored_by_name(shop: CommandLine) -> None:
    shop.run("delete", "Zoé")
    without = shop.json("leads")
    marked = shop.out("leads", "--all")
    card = shop.out("show", without[0]["id"])
    shop.run("restore", "Zoé PETIT")

    assert [lead["first_name"] for lead in without] == ["Marie", "Jules"]
    assert "Zoé PETIT (deleted)" in marked
    assert "Lead: Marie DURAND" in card
    assert len(shop.json("leads")) == 3
    assert "there is no deleted record" in shop.run("restore", "Zoé PETIT", code=4).stderr


def test_restoring_what_lives_changes_nothing(shop: CommandLine) -> None:
    lead = shop.json("lead", "show", "Zoé")["record"]["id"]

    assert shop.out("restore", lead).splitlines() == ["Zoé PETIT is not deleted.", "There was nothing to change."]


def test_what_records_belong_to_is_not_deleted(shop: CommandLine) -> None:
    shop.run("convert", "Jules")

    assert "contact Jules ETIENNE belongs to it" in shop.run("delete", "Hospy Médias", code=3).stderr


WRITES: list[tuple[str, ...]] = [
    ("lead", "add", "last_name=X"),
    ("lead", "set", "Jules", "city=Paris"),
    ("user", "add", "name=Bob"),
    ("campaign", "add", "name=Other"),
    ("note", "Jules", "x"),
    ("call", "Jules", "x"),
    ("meeting", "Jules", "x"),
    ("email", "Jules", "x"),
    ("task", "Jules", "x", "--due", "tomorrow"),
    ("tasks", "--done", "ring"),
    ("delete", "Zoé"),
    ("restore", "GONE"),
    ("convert", "Jules", "--deal", "D"),
    ("convert", "Jules", "Marie"),
    ("undo",),
    ("redo",),
]


@pytest.mark.parametrize("arguments", WRITES, ids=" ".join)
def test_a_dry_run_does_all_of_it_and_writes_nothing(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    shop.run("task", "Marie", "ring her")
    shop.run("lead", "add", "last_name=GONE")
    shop.run("delete", "GONE")
    shop.run("note", "Marie", "undone")
    shop.run("undo")
    before = _everything(shop)

    said = shop.out(*arguments, "--dry-run")
    told = shop.json(*arguments, "--dry-run")
    after = _everything(shop)
    shop.run(*arguments)

    assert said.splitlines()[-1] == "This was a dry run: nothing was written."
    assert (told["dry_run"], told["operation_id"]) == (True, None)
    assert after == before
    assert _everything(shop) != before


def _everything(shop: CommandLine) -> Any:
    return [shop.json(name, "--all") for name in LISTS if name != "pipelines"], shop.json("log", "--limit", "1000")


def test_search_finds_records_of_every_type(shop: CommandLine) -> None:
    shop.run("convert", "Jules")
    shop.run("note", "Zoé", "knows people at Hospy")

    found = shop.json("search", "HOSPY")

    assert {hit["kind"] for hit in found} == {"lead", "contact", "account", "activity"}
    assert "Hospy Médias" in shop.out("search", "hospy", "medias")
    assert shop.out("search", "zzz") == "Nothing was found.\n"


def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_works(shop: CommandLine) -> None:
    folder = Path("plugins")
    folder.mkdir()
    (folder / "badges.py").write_text("raise ValueError('half written')\n", encoding="utf-8")
    Path("mine.toml").write_text('[plugins]\nfolder = "plugins"\n', encoding="utf-8")

    listed = shop.json("plugins", "--config", "mine.toml")["plugins"]
    text = shop.out("plugins", "--config", "mine.toml")

    assert {plugin["name"]: plugin["status"] for plugin in listed} == {"crmkit": "active", "badges": "broken"}
    assert "half written" in text
    assert "Jules" in shop.out("leads", "--config", "mine.toml", "--db", "crm.db")


def test_a_broken_plugin_that_was_asked_for_is_an_error(shop: CommandLine) -> None:
    Path("badges.py").write_text("raise ValueError('half written')\n", encoding="utf-8")

    assert "plugin badges failed" in shop.run("leads", "--plugin", "badges.py", code=7).stderr


def test_plugins_need_no_workspace(cli: CommandLine) -> None:
    assert "importer csv" in cli.out("plugins")
    assert "crmkit_importers" in cli.out("plugins", "hooks")
    assert cli.json("plugins", "hooks")["crmkit_reports"][0]["plugin"] == "crmkit"


def test_only_people_are_shown_a_part_of_a_long_list(cli: CommandLine) -> None:
    with crmkit.open("crm.db", create=True, discover=False) as crm:
        crm.leads.add_many({"first_name": f"Lead {i}"} for i in range(51))

    assert len(cli.json("leads")) == 51
    assert "50 of 51 leads" in cli.out("leads")
