"""crmkit new: a package whose tests pass at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine


def test_the_tests_of_a_new_importer_pass(cli: CommandLine) -> None:
    said = cli.out("new", "importer", "fair-visitors")

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=cli.folder / "fair-visitors",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "cd fair-visitors" in said


def test_a_new_importer_reads_its_sample(cli: CommandLine) -> None:
    cli.run("new", "importer", "fair-visitors", "--into", "there")
    plugin = ("--plugin", "there/src/fair_visitors.py")
    cli.run("init")

    said = cli.out(*plugin, "import", "there/tests/samples/sample.csv")

    assert "read by fair-visitors" in said
    assert "3 rows read = 2 created + 1 ignored" in said


def test_nothing_that_is_there_is_overwritten(cli: CommandLine) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work", encoding="utf-8")

    result = cli.run("new", "importer", "mine", code=3)

    assert "--into" in result.output
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["Fair", "1st", "../up", "class", "a_b", "json", "attrs", "tests"])
def test_a_name_that_will_not_do_is_refused(cli: CommandLine, name: str) -> None:
    cli.run("new", "importer", name, code=3)

    assert not list(cli.folder.iterdir())
