"""How a story is told in a terminal: headings, sentences, commands, tables."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterable

import click

from crmkit.cli.output import Part, console, print_parts, printable
from crmkit.errors import RejectedError

__all__ = ["Teller"]


class Teller:
    """Tells a story, step by step.

    Args:
        silent: Say nothing at all.
        fast: Go on at once; otherwise there is a pause between steps, on a terminal only.
    """

    def __init__(self, *, silent: bool, fast: bool) -> None:
        self._silent = silent
        self._pause_s = _PAUSE_S if sys.stdout.isatty() and not fast else 0.0
        # Long lines are hard to read, however wide the terminal is.
        self._width = min(console().width, _WIDEST)

    def title(self, text: str, *sentences: str) -> None:
        """Begin the story."""
        self._echo("\n" + click.style(text, bold=True))
        for sentence in sentences:
            self.say(sentence)

    def step(self, letter: str, heading: str) -> None:
        """Begin a step."""
        self._rest()
        badge = click.style(f" {letter} ", bold=True, fg="black", bg="cyan")
        line = click.style(" " + "─" * max(0, self._width - len(heading) - 6), fg="cyan", dim=True)
        self._echo(f"\n{badge} {click.style(heading, bold=True, fg='cyan')}{line}\n")

    def say(self, text: str) -> None:
        """Say a sentence or two."""
        self._echo(textwrap.indent(textwrap.fill(printable(text), self._width - len(_MARGIN)), _MARGIN))

    def do(self, *commands: str) -> None:
        """Show the commands that do what comes next."""
        for each in commands:
            prompt = click.style("$ ", fg="cyan", dim=True)
            self._echo(f"{_MARGIN}{prompt}{click.style(each, dim=True)}")

    def show(self, *parts: Part, title: str = "") -> None:
        """Show lines and tables, set off by an empty line."""
        self._echo("")
        if title:
            self._echo(_MARGIN + click.style(printable(title), bold=True))
        if not self._silent:
            print_parts(parts, indent=len(_MARGIN))
        self._echo("")

    def refused(self, error: RejectedError) -> None:
        """Show a refusal as the command line does."""
        lines = [click.style("Refused:", fg="red", bold=True), *(f"  • {reason}" for reason in error.reasons)]
        if error.hint:
            lines.append(f"  Hint: {error.hint}")
        self.show(*lines)

    def list(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show what there is beside what it is for."""
        known = list(rows)
        widest = max(len(left) for left, _ in known)
        for left, right in known:
            self._echo(f"{_MARGIN}{left:<{widest}}   {click.style(right, dim=True)}")

    def _echo(self, text: str) -> None:
        if not self._silent:
            click.echo(text)

    def _rest(self) -> None:
        if self._pause_s and not self._silent:
            time.sleep(self._pause_s)


_PAUSE_S = 0.9
_WIDEST = 100
_MARGIN = "   "
