"""Runs the ``console`` blocks of the documentation.

Each line ``$ crmkit ARGUMENTS`` is run in this process and must succeed. Lines
below it are what it prints, ``...`` standing for anything; without such lines
the output does not matter. A comment ``<!-- exit: N -->`` right before the
block says that its last command exits with N.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from doctest import ELLIPSIS, OutputChecker
from importlib import import_module
from unittest.mock import patch

import attrs
from click.testing import CliRunner
from sybil import Example

__all__ = ["ConsoleBlockError", "check_console_block", "run_console_block"]

_EXIT = re.compile(r"<!--\s*exit:\s*(\d+)\s*-->\s*\Z")
_SHELL_ONLY = {"|", "||", "&", "&&", ";", "<", ">", ">>"}
_PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "CRMKIT_URL": None}


class ConsoleBlockError(AssertionError):
    """A console block shows what does not happen, or what cannot be run."""


def run_console_block(example: Example) -> None:
    """Evaluate a console block; an evaluator for Sybil."""
    exit_code = _EXIT.search(example.document.text[: example.start])
    check_console_block(
        example.parsed,
        main=import_module("crmkit.cli").main,
        exit_code=int(exit_code[1]) if exit_code else 0,
    )


def check_console_block(block: str, *, main: Callable[[], object], exit_code: int = 0) -> None:
    """Run the commands of *block* one after another and compare what they print.

    Args:
        block: The text between the fences.
        main: What the console script calls; it reads ``sys.argv``.
        exit_code: What the last command exits with; all before it succeed.

    Raises:
        ConsoleBlockError: Something differs from what the block shows.
    """
    steps = list(_steps(block))
    for step in steps:
        found_code, found = _run(step.arguments, main)
        expected_code = exit_code if step is steps[-1] else 0
        if found_code != expected_code:
            raise ConsoleBlockError(f"{step.line}\nexits with {found_code}, not {expected_code}, and prints:\n{found}")
        if step.output and not OutputChecker().check_output(step.output, found, ELLIPSIS):
            raise ConsoleBlockError(f"{step.line}\nshould print:\n{step.output}\nbut prints:\n{found}")


@attrs.frozen
class _Step:
    line: str
    arguments: list[str]
    output: str


def _steps(block: str) -> Iterator[_Step]:
    before, *commands = re.split(r"^\$ ", block, flags=re.MULTILINE)
    if before.strip() or not commands:
        raise ConsoleBlockError(f"a console block begins with '$ crmkit …', not with:\n{before or block}")
    for command in commands:
        line, _, output = command.partition("\n")
        program, *arguments = shlex.split(line, comments=True) or [""]
        if program != "crmkit" or _SHELL_ONLY.intersection(arguments):
            raise ConsoleBlockError(f"only plain crmkit commands are run, show others in a block of sh: {line}")
        yield _Step(line, arguments, _tidy(output))


def _run(arguments: list[str], main: Callable[[], object]) -> tuple[int, str]:
    code = 0
    with CliRunner().isolation(env=_PLAIN) as (_, _, printed), patch.object(sys, "argv", ["crmkit", *arguments]):
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, _tidy(printed.getvalue().decode())


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return f"{lines}\n" if lines else ""
