"""Importing from the command line: what is found out, what is kept, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import crmkit
from tests.workbooks import Value, a_workbook

from .conftest import CommandLine, stderr_of

HEADER = "Prénom;Nom;Société;E-mail;Ville;Stand"
GOOD = (
    "Léa;MEUNIER;Belledonne;lea@belledonne.example;Grenoble;D12",
    "Yann;RIOU;Télésuivi;yann@telesuivi.example;Brest;D14",
)
BROKEN = ";;;paul.renard@;Avignon;D14"


def a_file(folder: Path, *rows: str, name: str = "badges.csv", header: str = HEADER) -> str:
    """Write a table as French Excel does, and return its name."""
    (folder / name).write_bytes("\r\n".join([header, *rows, ""]).encode("cp1252"))
    return name


def test_an_import_says_what_became_of_each_row(shop: CommandLine) -> None:
    text = shop.out("import", a_file(shop.folder, *GOOD, GOOD[0], BROKEN))

    assert "4 rows read = 2 created + 1 duplicate + 1 rejected" in text
    assert "encoding cp1252 · delimiter ;" in text
    assert "'paul.renard@' is no e-mail address" in text
    assert "Undo with: crmkit undo op_" in text


def test_rejected_rows_are_kept_beside_the_workspace_and_it_exits_with_0(shop: CommandLine) -> None:
    away = shop.folder / "away"
    away.mkdir()
    file = a_file(away, GOOD[0], BROKEN)

    result = shop.json("import", f"away/{file}")["result"]

    kept = (shop.folder / "badges.rejects.csv").read_text("utf-8-sig").splitlines()
    assert Path(result["rejects_file"]).name == "badges.rejects.csv"
    assert kept[0] == f"{HEADER};crmkit_line;crmkit_reason"
    assert kept[1].startswith(f"{BROKEN};3;")
    assert list(away.iterdir()) == [away / file]


def test_without_rejected_rows_no_file_is_left(shop: CommandLine) -> None:
    shop.run("import", a_file(shop.folder, *GOOD))

    assert list(shop.folder.glob("*rejects*")) == []


def test_rejects_go_where_one_says(shop: CommandLine) -> None:
    text = shop.out("import", a_file(shop.folder, GOOD[0], BROKEN), "--rejects", "to_mend.csv")

    assert "1 rejected row is kept in to_mend.csv" in text
    assert [each.name for each in shop.folder.glob("*rejects*")] == []
    assert "paul.renard@" in (shop.folder / "to_mend.csv").read_text("utf-8-sig")


def test_a_rejects_file_that_somebody_mends_is_not_overwritten(shop: CommandLine) -> None:
    file = a_file(shop.folder, GOOD[0], BROKEN)
    shop.run("import", file)
    (shop.folder / "badges.rejects.csv").write_text("half mended", encoding="utf-8")

    text = shop.out("import", file)

    assert "badges.rejects-2.csv" in text
    assert (shop.folder / "badges.rejects.csv").read_text(encoding="utf-8") == "half mended"


def test_a_mended_rejects_file_is_imported_in_its_turn(shop: CommandLine) -> None:
    shop.run("import", a_file(shop.folder, GOOD[0], BROKEN))
    rejects = shop.folder / "badges.rejects.csv"
    rejects.write_text(rejects.read_text("utf-8-sig").replace("paul.renard@", "paul.renard@midi.example"), "utf-8-sig")

    result = shop.json("import", "badges.rejects.csv")["result"]

    assert (result["read"], result["created"]) == (1, 1)
    assert "Avignon" in shop.out("lead", "show", "paul.renard@midi.example")


def test_the_same_file_again_changes_nothing_and_leaves_no_second_rejects_file(shop: CommandLine) -> None:
    file = a_file(shop.folder, *GOOD, BROKEN)
    shop.run("import", file)

    text = shop.out("import", file)

    assert "3 rows read = 2 unchanged + 1 rejected" in text
    assert "There was nothing to change." in text
    assert [each.name for each in shop.folder.glob("*rejects*")] == ["badges.rejects.csv"]


def test_a_campaign_must_be_there(shop: CommandLine) -> None:
    result = shop.run("import", a_file(shop.folder, *GOOD), "--campaign", "Salon 2027", code=4)

    assert "there is no campaign 'Salon 2027'" in result.stderr
    assert "--new-campaign" in result.stderr
    assert "Yann" not in shop.out("leads")


def test_a_new_campaign_is_made_when_that_is_asked_for(shop: CommandLine) -> None:
    result = shop.run("import", a_file(shop.folder, *GOOD), "--campaign", "Forum", "--new-campaign")

    assert "Made the campaign Forum." in result.stderr
    assert "2 met" in shop.out("campaign", "show", "Forum")


def test_a_campaign_that_is_there_is_not_made_again(shop: CommandLine) -> None:
    shop.run("import", a_file(shop.folder, *GOOD), "--campaign", "Salon 2026", "--new-campaign")

    assert shop.out("campaigns").count("Salon 2026") == 1


def test_a_refused_import_leaves_no_new_campaign_behind(shop: CommandLine) -> None:
    file = a_file(shop.folder, GOOD[0], BROKEN)

    result = shop.run("import", file, "--campaign", "Forum", "--new-campaign", "--max-errors", "0", code=3)

    assert "rejected rows: 1, allowed: 0" in result.stderr
    assert "Forum" not in shop.out("campaigns")


def test_a_new_campaign_needs_a_name(shop: CommandLine) -> None:
    assert "--campaign" in shop.run("import", a_file(shop.folder, *GOOD), "--new-campaign", code=2).stderr


def test_a_dry_run_leaves_nothing_behind(shop: CommandLine) -> None:
    file = a_file(shop.folder, *GOOD, BROKEN)

    result = shop.run("import", file, "--campaign", "Forum", "--new-campaign", "--dry-run")

    assert "3 rows read = 2 created + 1 rejected" in result.stdout
    assert "nothing was written" in result.stdout
    assert "Yann" not in shop.out("leads")
    assert "Forum" not in shop.out("campaigns")
    assert list(shop.folder.glob("*rejects*")) == []


def test_a_column_can_be_told_what_it_holds(shop: CommandLine) -> None:
    file = a_file(shop.folder, *GOOD)

    shop.run("import", file, "--map", "Stand=title", "--tag", "forum", "--source", "trade_show", "--owner", "Ada")

    with crmkit.open(shop.folder / "crm.db", discover=False) as crm:
        lead = crm.leads.find("yann@telesuivi.example")
        assert (lead.title, lead.tags, lead.source) == ("D14", ("forum",), "trade_show")
        assert lead.owner_id == crm.users.find("Ada").id


@pytest.mark.parametrize("pair", ["Stand", "=title", "Stand="])
def test_a_mapping_without_both_sides_is_wrong_usage(shop: CommandLine, pair: str) -> None:
    assert "COLUMN=field" in shop.run("import", a_file(shop.folder, *GOOD), "--map", pair, code=2).stderr


def test_all_wrong_mappings_are_told_at_once(shop: CommandLine) -> None:
    file = a_file(shop.folder, *GOOD)

    error = shop.run("import", file, "--map", "Stnd=title", "--map", "Ville=town", code=3).stderr

    assert "there is no column 'Stnd'" in error
    assert "no field 'town'" in error


def test_explain_shows_what_is_found_out_and_imports_nothing(cli: CommandLine) -> None:
    file = a_file(cli.folder, *GOOD)

    text = cli.out("import", file, "--explain")

    assert "badges.csv is read by csv" in text
    assert "byte 0xE9 on line 1 is not utf-8" in text
    assert "first_name   Prénom        Léa" in text
    assert "Nothing was imported." in text
    assert not (cli.folder / "crm.db").exists()


def test_explain_tells_programs_the_drafts(cli: CommandLine) -> None:
    told = cli.json("import", a_file(cli.folder, *GOOD), "--explain")

    assert told["importer"] == "csv"
    assert [finding["what"] for finding in told["findings"]][:2] == ["encoding", "delimiter"]
    assert told["drafts"][0]["line"] == 2
    assert told["drafts"][0]["company"] == "Belledonne"


def test_standard_input_is_a_file_too(shop: CommandLine) -> None:
    data = "Email,First name\nlea@belledonne.example,Léa\n".encode()

    result = shop.run("import", "-", input=data)

    assert "1 row read = 1 created" in result.stdout


def test_progress_is_shown_on_a_terminal_and_nowhere_else(shop: CommandLine) -> None:
    shop.run("export", "--all", "all.jsonl")
    shop.run("--db", "new.db", "init")
    file = a_file(shop.folder, *GOOD)

    leads, everything = (
        stderr_of(shop.folder, *command, terminal=True)
        for command in (("import", file), ("--db", "new.db", "import", "all.jsonl"))
    )

    assert "100%" in leads
    assert "100%" in everything
    assert stderr_of(shop.folder, "import", file, terminal=False) == ""


def test_of_many_problems_the_first_twenty_are_listed(shop: CommandLine) -> None:
    rows = [f"Nr{n};LEAD;X;nr{n}@x.example;Lyon;D1" for n in range(40)]
    repeated = rows[:23]

    text = shop.out("import", a_file(shop.folder, *rows, *repeated))

    assert text.count("repeats line") == 20
    assert "… and 3 more" in text


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 4, "there is no file"),
        (b"", 3, "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), 3, "is not text but a picture"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_its_kind(
    shop: CommandLine, content: bytes | None, code: int, said: str
) -> None:
    if content is not None:
        (shop.folder / "odd.bin").write_bytes(content)

    assert said in shop.run("import", "odd.bin", code=code).stderr


def test_a_workbook_is_explained_and_one_sheet_of_it_imported(shop: CommandLine) -> None:
    new: list[list[Value]] = [["Name", "Email"], ["Ann Lee", "ann@x.example"]]
    old: list[list[Value]] = [["Name", "Email"], ["Bob Roe", "bob@x.example"], ["Cid Doe", "cid@x.example"]]
    (shop.folder / "leads.xlsx").write_bytes(a_workbook({"New": new, "Old": old}, hidden=["Old"]))

    explained = shop.out("import", "leads.xlsx", "--explain")
    imported = shop.out("import", "leads.xlsx", "--sheet", "Old")

    assert re.search(r"hidden sheets +Old ", explained)
    assert "Ann" in explained
    assert "2 rows read = 2 created" in imported


def test_explain_says_how_dates_and_numbers_are_written_and_where_phones_are(cli: CommandLine) -> None:
    rows = ("Zoé;03/04/2026;1 234,56;06 12 34 56 78", "Léa;25/04/2026;5;01 42 68 53 00")
    file = a_file(cli.folder, *rows, header="Prénom;Vu le;Montant;Téléphone")

    found = {each["what"]: each["value"] for each in cli.json("import", file, "--explain")["findings"]}

    assert (found["dates in 'Vu le'"], found["numbers in 'Montant'"]) == ("day first", "decimal comma")
    assert found["phone region"] == "FR"
    assert "'25/04/2026' on line 3" in cli.out("import", file, "--explain")


def test_the_order_of_dates_can_be_said(cli: CommandLine) -> None:
    file = a_file(cli.folder, "Zoé;03/04/2026", header="Prénom;Vu le")

    told = cli.json("import", file, "--explain", "--date-order", "mdy")

    [finding] = [each for each in told["findings"] if each["what"] == "dates in 'Vu le'"]
    assert (finding["value"], finding["evidence"]) == ("month first", "as asked for")


def test_a_mapping_is_saved_used_listed_and_removed(shop: CommandLine) -> None:
    file = a_file(shop.folder, "Zoé Petit;Phare", header="Wer;Wo")
    again = a_file(shop.folder, "Léa Roux;Lotus", header="Wer;Wo", name="more.csv")

    shop.out("import", file, "--map", "Wer=full_name", "--map", "Wo=company", "--save-mapping", "stand")
    told = shop.out("import", again, "--mapping", "stand", "--explain")
    shop.out("import", again, "--mapping", "stand")

    assert re.search(r"company +Wo +Lotus", told)
    assert "Léa Roux" in shop.out("leads")
    assert re.search(r"stand +Wer: full_name, Wo: company", shop.out("list", "mappings"))
    assert (
        shop.run("import", again, "--mapping", "stnad", code=4).stderr.splitlines()[0].startswith("Error: there is no")
    )
    shop.out("delete", "stand", "--kind", "mapping")
    assert "stand" not in shop.out("list", "mappings")


def test_a_mapping_is_saved_for_records_of_a_kind_too(shop: CommandLine) -> None:
    (shop.folder / "firms.csv").write_text("Firma\nAcme\n", encoding="utf-8")
    (shop.folder / "more.csv").write_text("Firma\nBeta\n", encoding="utf-8")

    shop.out("import", "firms.csv", "--kind", "account", "--map", "Firma=name", "--save-mapping", "firms")
    shop.out("import", "more.csv", "--kind", "account", "--mapping", "firms")

    assert {"Acme", "Beta"} <= {each["name"] for each in shop.json("accounts")}
