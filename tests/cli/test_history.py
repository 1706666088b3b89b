"""Looking back from the command line: the history of values, and the state as of a moment."""

from __future__ import annotations

import pytest

from .conftest import CommandLine


@pytest.fixture
def moved(shop: CommandLine) -> CommandLine:
    """The shop after Jules has moved from Lyon to Paris, and has been converted."""
    shop.run("lead", "set", "Jules", "city=Paris", "--as", "Bob", "--reason", "he moved")
    shop.run("convert", "Jules")
    return shop


def operation(shop: CommandLine, kind: str) -> str:
    """Return the id of the last operation of that kind."""
    return str(shop.json("log", "--operation-kind", kind)[0]["operation"]["id"])


def test_a_history_tells_old_and_new_values_and_why(moved: CommandLine) -> None:
    entries = moved.json("history", "Jules", "--kind", "lead", "--field", "city")
    text = moved.out("history", "Jules", "--kind", "lead", "--field", "city")

    assert [(e["actor"], e["reason"], c["old"], c["new"]) for e in entries for c in e["changes"]] == [
        (None, None, None, "Lyon"),
        ("Bob", "he moved", "Lyon", "Paris"),
    ]
    assert [word for word in ("Lyon", "Paris", "he moved", "Bob") if word not in text] == []


def test_references_are_told_by_what_people_call_them(moved: CommandLine) -> None:
    text = moved.out("history", "Jules", "--kind", "contact", "--field", "account_id")

    assert "Hospy Médias" in text
    assert "account_0" not in text


def test_each_value_tells_where_it_comes_from(moved: CommandLine) -> None:
    origins = moved.json("history", "Jules", "--kind", "contact", "--values")
    text = moved.out("history", "Jules", "--kind", "contact", "--values")

    assert origins["city"]["from_field"] == "city"
    assert origins["city"]["earlier"]["actor"] == "Bob"
    assert "edit (he moved)" in " ".join(text.split())


def test_a_value_that_is_empty_comes_from_nowhere(moved: CommandLine) -> None:
    error = moved.run("history", "Marie", "--values", "--field", "city", code=4)

    assert "there is no value 'city'" in error.stderr


def test_a_history_of_an_unknown_field_is_refused_with_a_suggestion(moved: CommandLine) -> None:
    error = moved.run("history", "Jules", "--field", "citi", code=4)

    assert "did you mean city?" in error.stderr


def test_lists_and_cards_show_the_state_of_then(moved: CommandLine) -> None:
    before = operation(moved, "edit")
    first = moved.json("log", "--operation-kind", "edit")[1]["operation"]

    then, now = moved.json("leads", "--at", before), moved.json("leads")
    card = moved.json("lead", "show", "Jules", "--at", first["at"])

    assert (len(then), len(now)) == (3, 2)
    assert {lead["first_name"]: lead["city"] for lead in then}["Jules"] == "Paris"
    assert card["record"]["city"] == "Lyon"
    assert moved.json("contacts", "--at", before) == []
    assert moved.run("leads", "--at", before).stderr.startswith("As of 20")
    assert moved.json("leads", "--at", "yesterday") == []


def test_a_board_and_a_report_show_the_state_of_then(moved: CommandLine) -> None:
    moved.run("deal", "open", "Studio", "--account", "Hospy", "--amount", "100 EUR")
    opened = operation(moved, "open_deal")
    moved.run("deal", "move", "Studio", "needs_analysis")

    then, now = moved.json("board", "--at", opened), moved.json("board")
    funnel = moved.json("report", "funnel", "--campaign", "Salon 2026", "--at", operation(moved, "edit"))

    assert [column["count"] for column in then["columns"]][:2] == [1, 0]
    assert [column["count"] for column in now["columns"]][:2] == [0, 1]
    reached = {step["step"]: step["reached"] for step in funnel["facts"]["steps"]}
    assert (reached["captured"], reached["converted"]) == (1, 0)


@pytest.mark.parametrize("words", [("show", "Jules"), ("search", "jules"), ("timeline", "Jules"), ("history", "Jules")])
def test_every_command_that_shows_records_can_look_back(moved: CommandLine, words: tuple[str, str]) -> None:
    before = operation(moved, "convert")

    assert "contact" in moved.out(*words, "--at", before).lower() or words[0] == "history"
    assert "contact" not in moved.out(*words, "--at", operation(moved, "edit")).lower()


@pytest.mark.parametrize(("moment", "code"), [("some day", 3), ("2026-01-31T09:30", 3), ("op_7", 4)])
def test_what_is_no_moment_is_refused(shop: CommandLine, moment: str, code: int) -> None:
    assert "Error: " in shop.run("leads", "--at", moment, code=code).stderr
