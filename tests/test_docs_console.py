from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import pytest
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser

from tests.docs_console import ConsoleBlockError, check_console_block, run_console_block

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("words", nargs=-1)
@click.option("--code", default=0)
def echo(words: tuple[str, ...], code: int) -> None:
    """Print the words, one a line, and exit."""
    for word in words:
        click.echo(word)
    sys.exit(code)


def test_commands_run_in_order_with_their_arguments_unquoted() -> None:
    seen: list[list[str]] = []

    check_console_block("$ crmkit init\n$ crmkit note 'two words' # why\n", main=lambda: seen.append(sys.argv))

    assert seen == [["crmkit", "init"], ["crmkit", "note", "two words"]]


@pytest.mark.parametrize("shown", ["one\ntwo", "one\n...", "...", "o...o", "one   \ntwo\n\n"])
def test_output_may_be_shown_in_part(shown: str) -> None:
    check_console_block(f"$ crmkit one two\n{shown}\n", main=echo)


def test_output_that_is_not_shown_does_not_matter() -> None:
    check_console_block("$ crmkit one\n\n$ crmkit two\ntwo\n", main=echo)


def test_output_that_differs_is_an_error_that_shows_both() -> None:
    with pytest.raises(ConsoleBlockError, match=r"(?s)should print:\nthree.*but prints:\none\ntwo"):
        check_console_block("$ crmkit one two\nthree\n", main=echo)


def test_output_includes_the_error_stream() -> None:
    check_console_block("$ crmkit\noops\n", main=lambda: click.echo("oops", err=True))


def test_a_failing_command_is_an_error() -> None:
    with pytest.raises(ConsoleBlockError, match="exits with 3, not 0"):
        check_console_block("$ crmkit --code 3\n", main=echo)


def test_a_command_that_should_fail_and_does_not_is_an_error() -> None:
    with pytest.raises(ConsoleBlockError, match="exits with 0, not 3"):
        check_console_block("$ crmkit\n", main=echo, exit_code=3)


def test_an_exit_code_is_that_of_the_last_command() -> None:
    check_console_block("$ crmkit one\n$ crmkit --code 3\n", main=echo, exit_code=3)

    with pytest.raises(ConsoleBlockError, match="exits with 3, not 0"):
        check_console_block("$ crmkit --code 3\n$ crmkit --code 3\n", main=echo, exit_code=3)


def test_an_exit_with_a_message_counts_as_1() -> None:
    check_console_block("$ crmkit\n", main=lambda: sys.exit("no"), exit_code=1)


@pytest.mark.parametrize(
    "block",
    ["", "crmkit leads\n", "$ rm -r .\n", "$ crmkit leads | head\n", "$ crmkit export > leads.csv\n"],
    ids=["empty", "no prompt", "another program", "pipe", "redirection"],
)
def test_what_cannot_be_run_is_an_error(block: str) -> None:
    with pytest.raises(ConsoleBlockError):
        check_console_block(block, main=lambda: None)


def test_blocks_are_found_in_markdown_with_their_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crmkit.cli", sys.modules[__name__])
    monkeypatch.setattr(sys.modules[__name__], "main", echo, raising=False)
    document = tmp_path / "guide.md"
    document.write_text(
        "```console\n$ crmkit one\none\n```\n"
        "\n<!-- exit: 4 -->\n```console\n$ crmkit --code 4\n```\n"
        "\n```console\n$ crmkit --code 4\n```\n",
        encoding="utf-8",
    )

    right, failing, forgotten = Document.parse(str(document), CodeBlockParser("console", run_console_block)).examples()

    right.evaluate()
    failing.evaluate()
    with pytest.raises(ConsoleBlockError):
        forgotten.evaluate()
