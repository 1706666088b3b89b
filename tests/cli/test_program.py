"""The ``crmkit`` command itself: finding commands, options, errors and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

import crmkit
from crmkit import errors
from crmkit.cli import main
from crmkit.cli.commands import COMMANDS
from crmkit.cli.failures import report
from crmkit.cli.state import Session, command

from .conftest import CommandLine

HEAVY = ("attrs", "attr", "babel", "cattrs", "liquid", "phonenumbers", "pluggy", "rich", "sqlite3", "sqlite_utils")


def test_help_imports_no_storage_no_plugin_and_no_command() -> None:
    script = """
import sys
from crmkit.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
print(*sys.modules, file=sys.stderr)
"""

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    loaded = set(ran.stderr.split())
    own = {name for name in loaded if name.startswith("crmkit.")}
    assert "crmkit.cli.program" in own
    assert not loaded.intersection(HEAVY)
    assert not [name for name in own if name.startswith(("crmkit.core", "crmkit.services", "crmkit.storage"))]
    assert not own.intersection(entry.target.partition(":")[0] for entry in COMMANDS.values())
    assert not [name for name in own if name.startswith("crmkit.plugins.builtin")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_under_its_name(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")

    found = getattr(import_module(module), attribute)

    assert isinstance(found, click.Command)
    assert found.name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_is_listed(cli: CommandLine, name: str) -> None:
    assert cli.run(name, "--help").stdout.startswith(f"Usage: crmkit {name}")
    assert f"  {name} " in cli.out("--help")


def test_help_documents_every_exit_code(cli: CommandLine) -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}

    text = cli.out("--help")

    assert all(f"  {code}  " in text for code in codes | {0, 2})


def test_the_version_is_told(cli: CommandLine) -> None:
    assert cli.out("--version") == f"crmkit {crmkit.__version__}\n"


def test_an_unknown_command_is_wrong_usage(cli: CommandLine) -> None:
    assert "No such command" in cli.run("laeds", code=2).stderr


@pytest.mark.parametrize("arguments", [("--json", "users"), ("users", "--json")])
def test_common_options_may_stand_before_and_after_the_command(shop: CommandLine, arguments: tuple[str, ...]) -> None:
    assert [user["name"] for user in json.loads(shop.out(*arguments))] == ["Ada"]


@pytest.mark.parametrize("arguments", [["--json", "note"], ["lead", "add", "--json", "what"]])
def test_wrong_usage_is_told_to_programs_as_json(shop: CommandLine, arguments: list[str]) -> None:
    error = json.loads(shop.run(*arguments, code=2).stderr)["error"]

    assert error["kind"] in ("MissingParameter", "UsageError")
    assert error["message"]


def test_shells_can_complete_commands(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CRMKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "crmkit lea")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert cli.out().split() == ["plain,leads", "plain,lead"]


# ------------------------------------------------------------- which workspace


def test_without_a_workspace_it_says_how_to_make_one(cli: CommandLine) -> None:
    result = cli.run("leads", code=8)

    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: there is no workspace here",
        "Hint: make one with: crmkit init (or name one with --db)",
    ]


def test_the_workspace_is_the_option_else_the_environment_else_the_configuration_else_crm_db(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("crm", "configured", "environment", "option"):
        cli.run("init", "--db", f"{name}.db")
        cli.run("user", "add", f"name={name}", "--db", f"{name}.db")

    found = [cli.json("users")]
    Path("crmkit.toml").write_text('url = "configured.db"\n', encoding="utf-8")
    found.append(cli.json("users"))
    monkeypatch.setenv("CRMKIT_URL", "environment.db")
    found.append(cli.json("users"))
    found.append(cli.json("users", "--db", "option.db"))
    found.append(cli.json("users", "--config", "crmkit.toml"))

    names = [users[0]["name"] for users in found]
    assert names == ["crm", "configured", "environment", "option", "configured"]


def test_plugins_before_and_after_the_command_are_all_used(cli: CommandLine) -> None:
    for name in ("one", "two"):
        hook = "import crmkit\n@crmkit.hookimpl\ndef crmkit_committed(): pass\n"
        Path(f"{name}.py").write_text(hook, encoding="utf-8")

    listed = cli.json("--plugin", "one.py", "plugins", "--plugin", "two.py")["plugins"]

    assert {"one", "two"} <= {plugin["name"] for plugin in listed}


def test_a_configuration_that_lies_around_may_not_name_code(shop: CommandLine) -> None:
    Path("crmkit.toml").write_text('[plugins]\nfolder = "plugins"\n', encoding="utf-8")

    assert "code is never loaded" in shop.run("leads", code=8).stderr


def test_something_else_is_not_a_workspace_and_is_left_alone(cli: CommandLine) -> None:
    place = Path("notes.db")
    place.write_text("shopping list " * 100, encoding="utf-8")

    assert "Error: " in cli.run("leads", "--db", "notes.db", code=6).stderr
    assert "Error: " in cli.run("init", "--db", "notes.db", code=6).stderr
    assert place.read_text(encoding="utf-8") == "shopping list " * 100


def test_a_workspace_of_a_newer_crmkit_is_refused(shop: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise errors.NewerWorkspaceError(url="crm.db", found=99, supported=1)

    monkeypatch.setattr("crmkit.storage.sqlite.SqliteStorage.prepare", refuse)

    lines = shop.run("leads", code=6).stderr.splitlines()

    assert lines == [
        "Error: crm.db was written by a newer crmkit (schema 99, this one knows 1)",
        "Hint: upgrade crmkit to open it",
    ]


def test_init_makes_a_workspace_once(cli: CommandLine) -> None:
    first = cli.json("init")
    before = Path("crm.db").read_bytes()

    second = cli.json("init")

    assert (first["created"], second["created"]) == (True, False)
    assert Path("crm.db").read_bytes() == before
    assert "there already" in cli.out("init")


# ------------------------------------------------------------------------ errors

ERRORS = [
    (errors.RejectedError(["no", "never"]), 3),
    (errors.AmbiguousMatchError("two", [("a", "A", "x"), ("b", "B", "y")]), 3),
    (errors.AlreadyConvertedError("done", result={"lead_id": "lead_1"}), 3),
    (errors.DisqualifiedError("spam"), 3),
    (errors.MissingFieldsError("no phone", fields=["contact.phone"]), 3),
    (errors.OwnerRequiredError("no owner", fields=["contact.owner_id"]), 3),
    (errors.ContactNotInAccountError("elsewhere"), 3),
    (errors.StageNotInPipelineError("elsewhere"), 3),
    (errors.VetoedError("no", plugin="p", rule="r"), 3),
    (errors.NotReversibleError("no", ["later"]), 3),
    (errors.KeyReusedError("k"), 3),
    (errors.UnreadableError("no table", source="x.csv"), 3),
    (errors.NotFoundError("lead", "Nobody"), 4),
    (errors.ConflictError("lead_1", expected=1, found=2), 5),
    (errors.StalePlanError(["it moved"]), 5),
    (errors.StorageError("broken"), 6),
    (errors.NotAWorkspaceError("else"), 6),
    (errors.NewerWorkspaceError(url="x", found=2, supported=1), 6),
    (errors.ReadOnlyError("no"), 6),
    (errors.LockedError("busy", waited_s=1.0), 6),
    (errors.FullError("full"), 6),
    (errors.PluginError("it raised", plugin="p"), 7),
    (errors.ConfigError("wrong"), 8),
    (errors.DeliveryError("down", notifier="smtp"), 9),
]


def test_these_are_all_errors_there_are() -> None:
    every = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CrmkitError)}

    assert {type(error) for error, _ in ERRORS} == every - {errors.CrmkitError}


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_its_exit_code_in_words_and_in_json(
    error: errors.CrmkitError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, as_json=False) == code
    said = capsys.readouterr()
    assert report(error, as_json=True) == code
    told = json.loads(capsys.readouterr().err)["error"]

    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert ("Hint: " + error.hint in said.err) is bool(error.hint)
    assert told["kind"] == type(error).__name__
    assert (told["message"], told["hint"]) == (str(error), error.hint)
    assert told.get("reasons", []) == list(getattr(error, "reasons", []))


def test_all_reasons_are_listed_one_on_a_line(shop: CommandLine) -> None:
    error = shop.run("lead", "set", "Jules", "stauts=new", "score=much", code=3).stderr

    assert error.splitlines() == [
        "Error: it is refused:",
        "  • a lead has no field 'stauts'; did you mean status?",
        "  • score is not a whole number",
    ]


def test_an_ambiguous_name_lists_who_could_be_meant(shop: CommandLine) -> None:
    shop.run("lead", "add", "first_name=Jules", "last_name=MARTIN")

    for arguments in (["lead", "show", "Jules"], ["note", "Jules", "hello"], ["delete", "Jules"]):
        lines = shop.run(*arguments, code=3).stderr.splitlines()

        assert lines[0].startswith("Error: 'Jules' names several")
        assert {line.split()[2] for line in lines[1:3]} == {"ETIENNE", "MARTIN"}
        assert lines[-1].startswith("Hint: name one of them by its id")


def test_an_unknown_name_is_not_found_and_close_ones_are_named(shop: CommandLine) -> None:
    lines = shop.run("note", "Jules ETIENE", "hello", code=4).stderr.splitlines()

    assert lines == ["Error: there is no record 'Jules ETIENE'", "Hint: did you mean Jules ETIENNE?"]


def test_an_accident_is_one_error_without_traceback_and_with_it_under_debug(
    shop: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "what nobody thought of"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("crmkit.cli.search.search_all", fail)

    error = shop.run("search", "x", code=1).stderr

    assert error.startswith("Error: something unexpected happened, ZeroDivisionError: what nobody thought of\n")
    with pytest.raises(ZeroDivisionError):
        main(["search", "x", "--debug"])


def test_an_interrupt_exits_as_shells_expect(shop: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crmkit.cli.search.search_all", interrupt)

    assert shop.run("search", "x", code=130).stderr == "\nInterrupted.\n"


def test_who_stops_reading_hears_nothing_more(shop: CommandLine) -> None:
    with crmkit.open(shop.folder / "crm.db", discover=False) as crm:
        crm.leads.add_many({"last_name": f"Person {n}", "company": "x" * 60} for n in range(3000))
    program = [sys.executable, "-m", "crmkit", "leads", "--limit", "0"]

    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        errors_ = process.stderr.read()

    assert first.startswith("Name")
    assert errors_ == ""


# ------------------------------------------------------------ commands of plugins


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, EntryPoint]]:
    """Commands that packages add; a test puts its own in."""
    commands: dict[str, tuple[str, EntryPoint]] = {}
    monkeypatch.setattr("crmkit.plugins.commands.command_names", lambda: commands)
    return commands


@command("greet")
@click.argument("name")
def greet(session: Session, name: str) -> None:
    """Greet a lead."""
    if name == "nobody":
        message = "nobody there"
        raise LookupError(message)
    session.show({"greeted": name}, f"Hello {session.find(name).label}!")


def test_a_command_of_a_plugin_is_listed_and_called(
    shop: CommandLine, installed: dict[str, tuple[str, EntryPoint]]
) -> None:
    installed["greet"] = ("kind-words", EntryPoint("greet", f"{__name__}:greet", "crmkit.commands"))

    assert "greet  From kind-words." in shop.out("--help")
    assert shop.out("greet", "Jules") == "Hello Jules ETIENNE!\n"


def test_a_command_of_a_plugin_that_fails_is_blamed_by_name(
    shop: CommandLine, installed: dict[str, tuple[str, EntryPoint]]
) -> None:
    installed["greet"] = ("kind-words", EntryPoint("greet", f"{__name__}:greet", "crmkit.commands"))
    installed["gone"] = ("kind-words", EntryPoint("gone", "no_such_module:gone", "crmkit.commands"))

    raised = shop.run("greet", "nobody", code=7).stderr
    missing = shop.run("gone", code=7).stderr

    assert "plugin kind-words failed in command greet: LookupError: nobody there" in raised
    assert "plugin kind-words failed in command gone: it cannot be loaded" in missing


def test_a_command_of_a_plugin_never_replaces_one_of_crmkit(
    shop: CommandLine, installed: dict[str, tuple[str, EntryPoint]]
) -> None:
    installed["users"] = ("kind-words", EntryPoint("users", f"{__name__}:greet", "crmkit.commands"))

    assert "Ada" in shop.out("users")
    assert "Not available: kind-words" in shop.out("--help")
    assert "Command users, from kind-words, is not available" in shop.out("plugins")
