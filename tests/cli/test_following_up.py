"""Activities, conversion, and looking back from the command line."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from .conftest import CommandLine


@pytest.mark.parametrize("kind", ["note", "call", "meeting", "email"])
def test_an_activity_is_noted_about_a_record(shop: CommandLine, kind: str) -> None:
    result = shop.json(kind, "Jules", "wants a demo", "--body", "of everything", "--owner", "Ada")["result"]

    assert (result["kind"], result["subject"], result["body"]) == (kind, "wants a demo", "of everything")
    assert result["owner_id"].startswith("user_")
    assert "wants a demo" in shop.out("timeline", "Jules")


def test_a_call_may_say_when_it_was_and_who_began(shop: CommandLine) -> None:
    call = shop.json("call", "Jules", "asked back", "--at", "2026-01-31T14:30:00+01:00", "--direction", "inbound")[
        "result"
    ]

    assert (call["happened_at"], call["direction"]) == ("2026-01-31T13:30:00.000000Z", "inbound")


@pytest.mark.parametrize(("due", "days"), [("today", 0), ("tomorrow", 1), ("+3d", 3), ("+2w", 14)])
def test_a_task_is_due_when_people_say_so(shop: CommandLine, due: str, days: int) -> None:
    task = shop.json("task", "Jules", "send the offer", "--due", due)["result"]

    local = datetime.fromisoformat(task["due_at"]).astimezone()
    assert local.date() - datetime.now().astimezone().date() in (timedelta(days), timedelta(days - 1))  # midnight
    assert local.hour == 12


@pytest.mark.parametrize("due", ["someday", "31/01/2026", "2026-13-01", "+3", "25:00", "0001-01-01"])
def test_a_date_that_is_none_is_wrong_usage(shop: CommandLine, due: str) -> None:
    assert "is no date: write 2026-01-31" in shop.run("task", "Jules", "x", "--due", due, code=2).stderr


def test_a_task_of_today_is_due_until_the_day_is_over(shop: CommandLine) -> None:
    shop.run("task", "Jules", "today", "--due", f"{datetime.now().astimezone():%Y-%m-%d} 23:59")
    shop.run("task", "Jules", "not yet", "--due", "+2d")

    assert [entry["task"]["subject"] for entry in shop.json("tasks", "due")] == ["today"]


def test_tasks_are_listed_until_they_are_ticked_off(shop: CommandLine) -> None:
    shop.run("task", "Jules", "send the offer", "--due", "2026-01-31", "--owner", "Ada")
    shop.run("task", "Marie", "ring her", "--due", "+30d")

    everything, due, hers = shop.json("tasks"), shop.json("tasks", "due"), shop.json("tasks", "--owner", "Ada")
    text = shop.out("tasks", "due")
    shop.run("tasks", "--done", "offer")

    assert [entry["task"]["subject"] for entry in everything] == ["send the offer", "ring her"]
    assert [entry["about"][0]["first_name"] for entry in everything] == ["Jules", "Marie"]
    assert [entry["task"]["subject"] for entry in due] == ["send the offer"]
    assert due == hers
    assert "31 Jan 2026" in text
    assert text.splitlines()[-1] == "1 task"
    assert shop.out("tasks", "due") == "0 tasks\n"
    assert len(shop.json("tasks", "--all")) == 2


# --------------------------------------------------------------- conversion


def test_a_plan_is_shown_field_by_field_and_does_nothing(shop: CommandLine) -> None:
    text = shop.out("convert", "Jules", "--plan", "--deal", "Terminals")
    plan = shop.json("convert", "Jules", "--plan")

    lines = text.splitlines()
    assert lines[0] == "Conversion of Jules ETIENNE"
    assert all(heading in lines[1] for heading in ("Target", "Field", "From", "Value", "Action", "Why"))
    assert any(line.startswith("new contact") and "Ada" in line and "create" in line for line in lines)
    assert any(line.startswith("new account") for line in lines)
    assert any(line.startswith("new deal") and "Terminals" in line for line in lines)
    assert "1 campaign" in text
    assert lines[-1] == "Nothing was done yet."
    assert max(map(len, lines)) <= 80
    assert {field["target"] for field in plan["fields"]} == {"contact", "account"}
    assert plan["changes"]["kind"] == "convert"
    assert len(shop.json("leads")) == 3


def test_what_a_target_keeps_is_in_the_plan_too(shop: CommandLine) -> None:
    shop.run("contact", "add", "first_name=Julius", "email=jules@hospy.fr")

    text = " ".join(shop.out("convert", "Jules", "--plan").split())

    assert "contact Julius" in text
    assert "(Julius) keep" in text
    assert "first name: Jules" in text
    assert "e-mail" in text


def test_a_conversion_says_what_became_of_the_lead(shop: CommandLine) -> None:
    text = shop.out("convert", "Jules", "--deal", "Terminals", "--amount", "12 000 €", "--close", "2026-12-31")

    assert text.splitlines()[0] == (
        "Jules ETIENNE converted: new contact Jules ETIENNE, new account Hospy Médias, new deal Terminals"
    )
    deal = shop.json("deals")[0]
    assert deal["amount"] == {"amount": "12000.00", "currency": "EUR"}
    assert deal["expected_close_on"] == "2026-12-31"


def test_converting_again_changes_nothing_and_says_so(shop: CommandLine) -> None:
    shop.run("convert", "Jules")

    lines = shop.out("convert", "Jules").splitlines()

    assert lines[0] == "Jules ETIENNE is converted already: contact Jules ETIENNE, account Hospy Médias"
    assert lines[1] == "There was nothing to change."


def test_of_many_each_gets_its_result_and_a_refusal_exits_with_3(shop: CommandLine) -> None:
    shop.run("lead", "set", "Marie", "status=disqualified", "disqualified_reason=no budget")

    result = shop.run("convert", "Jules", "Marie", "Zoé", code=3)

    lines = result.stdout.splitlines()
    assert lines[0].startswith("Jules ETIENNE converted: new contact")
    assert lines[1:3] == ["Marie DURAND: refused", "  • Marie DURAND is disqualified (no budget); reopen it first"]
    assert lines[3].startswith("Zoé PETIT converted: ")
    assert len(shop.json("contacts")) == 2


def test_all_or_nothing_converts_none_when_one_is_refused(shop: CommandLine) -> None:
    shop.run("lead", "set", "Marie", "status=disqualified", "disqualified_reason=no budget")

    error = shop.run("convert", "Jules", "Marie", "--all-or-nothing", code=3).stderr

    assert "Marie DURAND is disqualified" in error
    assert shop.json("contacts") == []


def test_a_conversion_may_be_told_who_to_join(shop: CommandLine) -> None:
    shop.run("account", "add", "name=Holding")

    joined = shop.json("convert", "Jules", "--account", "Holding", "--owner", "Ada")["result"]
    alone = shop.json("convert", "Zoé", "--no-account")["result"]

    assert joined["conversion"]["account_id"] == shop.json("account", "show", "Holding")["record"]["id"]
    assert alone["conversion"]["account_id"] is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--amount", "5 EUR"], 2),
        (["--account", "Holding", "--no-account"], 2),
        (["--account", "Nowhere"], 4),
        (["--deal", "D", "--stage", "Nowhere"], 4),
        (["--deal", "D", "--amount", "much"], 3),
    ],
)
def test_a_conversion_that_is_asked_for_wrongly_does_nothing(shop: CommandLine, options: list[str], code: int) -> None:
    shop.run("convert", "Jules", *options, code=code)

    assert shop.json("contacts") == []


# ------------------------------------------------------------- looking back


def test_undo_takes_the_last_operation_back_and_redo_does_it_again(shop: CommandLine) -> None:
    done = shop.json("convert", "Jules")["operation_id"]

    undone = shop.run("undo")
    between = len(shop.json("leads"))
    redone = shop.run("redo")

    assert undone.stderr.startswith("Undoing the conversion of ")
    assert done in undone.stderr
    assert undone.stdout.startswith("Done: ")
    assert done in redone.stderr
    assert between == 3
    assert len(shop.json("leads")) == 2


def test_undo_and_redo_go_back_step_by_step(shop: CommandLine) -> None:
    shop.run("lead", "set", "Jules", "city=Paris")
    shop.run("lead", "set", "Jules", "city=Nice")

    cities = [_city(shop, "undo"), _city(shop, "undo"), _city(shop, "redo"), _city(shop, "undo"), _city(shop, "redo")]

    assert cities == ["Paris", "Lyon", "Paris", "Lyon", "Paris"]


def _city(shop: CommandLine, *step: str) -> str:
    shop.run(*step)
    return str(shop.json("lead", "show", "Jules")["record"]["city"])


def test_the_log_counts_in_words(shop: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")  # so that no line is wrapped, whatever the date
    shop.run("convert", "Jules")

    told = " ".join(shop.out("log").split())

    assert "(3 leads created)" in told
    assert "(1 lead updated, 1 contact created" in told


def test_an_undo_is_refused_when_something_stands_in_the_way(shop: CommandLine) -> None:
    first = shop.json("convert", "Jules")["operation_id"]
    shop.run("convert", "Marie")

    refused = shop.run("undo", first, code=3).stderr
    shop.run("undo", first, "--keep-changed")

    assert "Marie DURAND" in refused
    assert "--keep-changed" in refused
    assert [lead["first_name"] for lead in shop.json("leads")] == ["Zoé", "Jules"]


def test_of_a_bulk_one_record_can_be_taken_back(shop: CommandLine) -> None:
    done = shop.json("convert", "Jules", "Zoé")["operation_id"]

    lead = shop.json("lead", "show", "zoe@petit.example")["record"]["id"]
    shop.run("undo", done, "--only", lead)

    assert [lead["first_name"] for lead in shop.json("leads")] == ["Zoé", "Marie"]


def test_nothing_to_undo_or_redo_is_said(cli: CommandLine) -> None:
    cli.run("init")

    assert cli.run("undo", code=3).stderr.startswith("Error: there is nothing left to undo\nHint: crmkit log ")
    assert cli.run("redo", code=3).stderr.startswith("Error: there is nothing left to do again\nHint: crmkit log ")
    assert "there is no operation 'op_1'" in cli.run("undo", "op_1", code=4).stderr


def test_the_log_lists_operations_and_shows_one_with_its_changes(shop: CommandLine) -> None:
    done = shop.json("lead", "set", "Jules", "city=Paris", "--reason", "he moved", "--as", "Ada")["operation_id"]

    listed = shop.out("log")
    about_him = shop.json("log", "Jules")
    shown = shop.out("log", done)
    told = shop.json("log", done)

    assert done in listed
    assert "edit: he moved" in listed
    assert about_him[0]["operation"]["id"] == done
    assert len(about_him) == 2
    for text in ("Ada", "he moved", "lead Jules ETIENNE", "city", "Lyon", "Paris"):
        assert text in shown
    assert told["changes"][0]["fields"]["city"] == ["Lyon", "Paris"]
    assert len(shop.json("log", "--limit", "1")) == 1
    assert {each["operation"]["kind"] for each in shop.json("log", "--operation-kind", "edit")} == {"edit"}


def test_the_timeline_of_an_account_tells_the_story_of_its_leads(shop: CommandLine) -> None:
    shop.run("note", "Jules", "wants a demo", "--as", "Ada")
    shop.run("convert", "Jules")

    told = shop.json("timeline", "Hospy Médias")
    text = shop.out("timeline", "Hospy Médias")

    assert [entry for entry in told if entry["text"] == "wants a demo" and entry["actor"] == "Ada"]
    assert "wants a demo" in text
    assert len(shop.json("timeline", "Hospy Médias", "--limit", "1")) == 1
    assert told[-1] == shop.json("timeline", "Hospy Médias", "--limit", "1")[0]
