"""Killed at any point: what was begun is done as a whole, or not at all, and can be done then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MANY = 15  # deaths, at the least: fewer would say that nothing was tried


def deaths(what: str, folder: Path) -> list[dict[str, Any]]:
    """Return what each process that was killed left behind; the first line tells what there was before."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.app.killed", what, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("what", ["convert", "merge", "undo"])
def test_killed_at_any_statement_it_is_done_as_a_whole_or_not_at_all(what: str, tmp_path: Path) -> None:
    before, *killed, finished = deaths(what, tmp_path)

    states = [each["state"] for each in killed]
    assert len(killed) > MANY
    assert [state for state in states if state not in (before["state"], finished["state"])] == []
    assert before["state"] in states
    assert [each["after"] for each in killed if each["after"] != finished["state"]] == []
