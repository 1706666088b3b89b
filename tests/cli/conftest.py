"""A command line to try: the real one, in a folder of its own, as a pipe of 80 columns sees it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import crmkit
from crmkit.cli import main


class CommandLine:
    """Runs ``crmkit`` in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runner = CliRunner()

    def run(self, *arguments: str, code: int = 0, input: bytes | str | None = None) -> Result:  # noqa: A002  # click's
        """Run a command that exits with *code*, and never with a traceback."""
        result = self._runner.invoke(main, arguments, input=input)
        assert result.exit_code == code, f"{arguments} exits with {result.exit_code}:\n{result.output}"
        assert isinstance(result.exception, (SystemExit, type(None))), result.exception
        assert "Traceback" not in result.output
        return result

    def out(self, *arguments: str) -> str:
        """Return what a command prints as its result."""
        return self.run(*arguments).stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Return the result of a command as a program reads it."""
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CRMKIT_URL", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def shop(cli: CommandLine) -> CommandLine:
    """The command line beside a workspace: Ada, a trade show, two leads of Hospy Médias and one of another."""
    with crmkit.open(cli.folder / "crm.db", create=True, discover=False) as crm:
        ada = crm.users.add(name="Ada", email="ada@example.com")
        salon = crm.campaigns.add(name="Salon 2026", budget="8000 EUR")
        jules = {"first_name": "Jules", "last_name": "ETIENNE", "email": "jules@hospy.fr", "phone": "+33 6 12 34 56 78"}
        crm.leads.add_many(
            [
                {
                    **jules,
                    "company": "Hospy Médias",
                    "campaign_id": salon,
                    "owner_id": ada,
                    "tags": "vip",
                    "city": "Lyon",
                },
                {"first_name": "Marie", "last_name": "DURAND", "email": "marie@hospy.fr", "company": "Hospy Médias"},
                {"first_name": "Zoé", "last_name": "PETIT", "email": "zoe@petit.example", "company": "Petit & Fils"},
            ]
        )
    return cli


def stderr_of(folder: Path, *arguments: str, terminal: bool) -> str:
    """Return what a command in a process of its own writes to standard error, when that is a terminal and when not."""
    command = [sys.executable, "-m", "crmkit", *arguments]
    if not terminal:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=slave, env=environment, check=True)
    os.close(slave)
    return os.read(master, 100_000).decode()
