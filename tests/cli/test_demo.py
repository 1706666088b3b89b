"""The demo: the whole story, for real, and by the commands that it shows."""

from __future__ import annotations

import csv
import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import crmkit
from crmkit.core.conversion import Conversion
from crmkit.core.message import MessageStatus

from .conftest import CommandLine
from .test_mail import Sink, a_free_port
from .test_report import assert_well_formed

REFUSED = ('crmkit deal move "40 seats" negotiation', "crmkit undo JULES")
"""What is refused the first time it is shown."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Play the demo once for the tests that only look; return its folder and what it said."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("demo")
    patch.chdir(folder)
    patch.setenv("COLUMNS", "100")
    said = CommandLine(folder).out("demo")
    patch.undo()
    return folder / "crmkit-demo", said


def test_the_badges_are_a_file_as_french_excel_writes_it() -> None:
    data = files("crmkit.cli.demo").joinpath("leads.csv").read_bytes()

    rows = list(csv.DictReader(data.decode("cp1252").splitlines(), delimiter=";"))
    assert data.count(b"\r\n") == data.count(b"\n") == 109
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert all(
        row["E-mail"].lower().endswith(".example") for row in rows if re.fullmatch(r"[^@ ]+@[^@ ]+", row["E-mail"])
    )
    fictional = re.compile(r"(01 99 00|02 61 91|03 53 01|04 65 71|05 36 49) \d\d \d\d")
    assert all(fictional.fullmatch(row["Téléphone"]) for row in rows if row["Pays"] == "France" and row["Téléphone"])


def test_it_leaves_a_workspace_that_one_can_go_on_using(played: tuple[Path, str]) -> None:
    folder, _ = played

    with crmkit.open(folder / "crm.db", discover=False) as crm:
        assert crm.leads.where().including_unlisted().count() == 100
        assert crm.leads.count(status="converted") == 5
        assert crm.contacts.count() == 5
        assert {deal.name for deal in crm.deals} == {"40 seats", "Pilot ward", "Framework agreement"}
        assert crm.contacts.count(account_id=crm.accounts.find("Hospy Médias").id) == 2


def test_it_keeps_the_broken_rows_with_line_and_reason(played: tuple[Path, str]) -> None:
    folder, said = played

    with (folder / "leads.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["crmkit_line"] for row in rows] == ["25", "49", "70", "96"]
    assert all(row["crmkit_reason"] for row in rows)
    assert "108 rows read = 100 created + 4 duplicates + 4 rejected" in said


def test_each_lead_is_thanked_once_in_its_language(played: tuple[Path, str]) -> None:
    folder, said = played

    mails = list((folder / "outbox").glob("*.eml"))
    with crmkit.open(folder / "crm.db", discover=False) as crm:
        sent = crm.collection("message").count(status=MessageStatus.SENT)
        assert crm.collection("message").count() == sent == len(mails) == 100
    assert "Queued 100 mails: 75 in French, 25 in English." in said
    assert "100 skipped: it is queued or sent already" in said


def test_the_undo_of_jules_is_refused_and_names_his_colleague(played: tuple[Path, str]) -> None:
    assert "the contact Claire Moreau belongs to Hospy Médias" in played[1]


def test_the_colleague_is_undone_without_a_trace_and_redone(played: tuple[Path, str]) -> None:
    folder, said = played

    assert re.search(r"\d{3} records were compared .* all of them are equal", said.replace("\n", " "))
    with crmkit.open(folder / "crm.db", discover=False) as crm:
        kinds = [logged.operation.kind for logged in crm.log(limit=100)]
        assert (kinds.count("undo"), kinds.count("redo")) == (1, 1)
        claire = crm.leads.find("claire.moreau@hospy-medias.example")
        conversion: Conversion = crm.collection("conversion").one(lead_id=claire.id)
        assert crm.contacts.get(conversion.contact_id).deleted_at is None


def test_a_move_is_refused_with_all_that_the_stage_demands(played: tuple[Path, str]) -> None:
    assert "• Negotiation needs an amount" in played[1]
    assert "• Negotiation needs an expected close date" in played[1]


def test_the_funnel_adds_up_and_is_a_page(played: tuple[Path, str]) -> None:
    folder, said = played

    assert "= 100 leads. Each lead counts once" in said
    page = (folder / "funnel.html").read_text("utf-8")
    assert_well_formed(page)
    assert "<svg" in page


def test_no_line_is_wider_than_the_terminal(played: tuple[Path, str]) -> None:
    tables = [line for line in played[1].splitlines() if not line.lstrip().startswith("$")]

    assert max(map(len, tables)) <= 100


def test_the_commands_it_shows_do_the_same(
    played: tuple[Path, str], cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types what the demo shows gets what the demo has."""
    _, said = played
    shown = re.findall(r"^ +\$ (crmkit .*)$", said.split("Go on with:")[0], re.MULTILINE)
    names = dict(zip(dict.fromkeys(re.findall(r"op_\w+", "\n".join(shown))), ("JULES", "CLAIRE"), strict=True))
    (cli.folder / "leads.csv").write_bytes((played[0] / "leads.csv").read_bytes())
    refused = list(REFUSED)
    operations: dict[str, str] = {}
    for line in shown:
        named = re.sub(r"op_\w+", lambda found: names[found[0]], line)
        code = 3 if named in refused else 0
        if code:
            refused.remove(named)
        arguments = [operations.get(word, word) for word in shlex.split(named)[1:]]
        result = cli.run(*arguments, code=code)
        for who in ("Jules", "Claire"):
            if named.startswith(f'crmkit convert "{who}') and (found := re.search(r"op_\w+", result.stdout)):
                operations.setdefault(who.upper(), found[0])
        if named.startswith("crmkit lead set"):  # the demo does in Python what follows here
            with crmkit.open("crm.db", discover=False) as crm:
                wishes = [lead for lead in crm.leads.where(status="new") if lead.notes]
                crm.leads.update_many(wishes, status="contacted")

    assert refused == []
    assert without_moments(cli.json("report", "funnel")["facts"]) == without_moments(funnel_of(played[0], monkeypatch))
    assert len(list(cli.folder.glob("outbox/*.eml"))) == 100


def test_what_it_says_to_go_on_with_works(played: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = played
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CRMKIT_URL", raising=False)
    commands = re.findall(r"^ +\$ (crmkit .*)$", said.split("Go on with:")[1], re.MULTILINE)

    for line in commands:
        assert CommandLine(folder).out(*shlex.split(line)[1:]) != ""

    assert len(commands) > 5


def test_a_second_time_in_the_same_folder_is_refused_politely(cli: CommandLine) -> None:
    (cli.folder / "crmkit-demo").mkdir()
    (cli.folder / "crmkit-demo" / "mine.txt").write_text("precious", "utf-8")

    error = cli.run("demo", code=3).stderr

    assert "the folder crmkit-demo is not empty" in error
    assert "crmkit demo crmkit-demo-2" in error
    assert [each.name for each in (cli.folder / "crmkit-demo").iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do_and_programs_get_the_figures(cli: CommandLine) -> None:
    (cli.folder / "show").mkdir()

    figures = cli.json("demo", "show")

    assert (figures["read"], figures["leads"], figures["duplicates"], figures["rejected"]) == (108, 100, 4, 4)
    assert (figures["thanked"], figures["thanked_again"]) == (100, 0)
    assert figures["undone_without_trace"] is True
    assert figures["won"] == {"amount": "24000.00", "currency": "EUR"}
    assert [step["reached"] for step in figures["funnel"]["steps"]] == [100, 100, 22, 5, 5, 3, 1]


def test_a_folder_that_cannot_be_made_is_refused(cli: CommandLine) -> None:
    (cli.folder / "file").write_text("", "utf-8")

    assert "cannot be made" in cli.run("demo", "file/demo", code=3).stderr


def test_mails_go_by_smtp_when_asked(cli: CommandLine) -> None:
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=a_free_port())
    controller.start()
    try:
        said = cli.out("demo", "--smtp", f"127.0.0.1:{controller.port}")
    finally:
        controller.stop()

    assert len(sink.received) == len(set(sink.received)) == 100
    assert not (cli.folder / "crmkit-demo" / "outbox").exists()
    assert f"crmkit deliver --smtp 127.0.0.1:{controller.port}" in said


def test_a_mail_server_that_is_down_ends_the_story_with_its_error(cli: CommandLine) -> None:
    error = cli.run("demo", "--smtp", f"127.0.0.1:{a_free_port()}", code=9).stderr

    assert "cannot be reached" in error


def funnel_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    facts: dict[str, Any] = CommandLine(folder).json("report", "funnel")["facts"]
    return facts


def without_moments(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on when it was played, and in which workspace."""
    return {name: value for name, value in facts.items() if name not in ("campaign", "at", "median_days")}
