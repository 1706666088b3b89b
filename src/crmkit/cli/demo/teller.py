"""How a story is told in a terminal: headings, sentences, commands, tables."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterable, Iterator

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
        self._width = min(console().width, _WIDEST) - len(_MARGIN)
        self._last = "nothing"

    def title(self, text: str, *sentences: str) -> None:
        """Begin the story."""
        self._begin("title")
        self._print(click.style(text, bold=True))
        for sentence in sentences:
            self.say(sentence)

    def step(self, letter: str, heading: str) -> None:
        """Begin a step."""
        if self._pause_s and not self._silent:
            time.sleep(self._pause_s)
        self._begin("step")
        badge = click.style(f" {letter} ", bold=True, fg="black", bg="cyan")
        line = click.style("─" * max(0, self._width - len(heading) - 2), fg="cyan", dim=True)
        self._print(f"{badge} {click.style(heading, bold=True, fg='cyan')} {line}")

    def say(self, text: str) -> None:
        """Say a sentence or two."""
        self._begin("sentence")
        self._print(*(_MARGIN + line for line in textwrap.wrap(printable(text), self._width)))

    def do(self, *commands: str, prompt: str = "$") -> None:
        """Show the commands that do what comes next."""
        self._begin("commands")
        mark = click.style(f"{prompt} ", fg="cyan", dim=True)
        self._print(*(_MARGIN + mark + click.style(each, dim=True) for each in commands))

    def show(self, *parts: Part) -> None:
        """Show lines and tables."""
        self._begin("result")
        if not self._silent:
            print_parts(self._wrapped(parts), indent=len(_MARGIN))

    def quote(self, lines: Iterable[str]) -> None:
        """Show the beginning of a longer text."""
        self._begin("result")
        bar = _MARGIN + click.style("│ ", fg="cyan", dim=True)
        wrapped = (part for line in lines for part in textwrap.wrap(printable(line), self._width - 2) or [""])
        self._print(*(bar + part for part in wrapped))

    def refused(self, error: RejectedError) -> None:
        """Show a refusal as the command line does."""
        lines = [click.style("Refused:", fg="red", bold=True), *(f"  • {reason}" for reason in error.reasons)]
        self.show(*lines, *([click.style(f"  Hint: {error.hint}", dim=True)] if error.hint else []))

    def list(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show what there is beside what it is for."""
        self._begin("result")
        known = list(rows)
        widest = max(len(left) for left, _ in known)
        self._print(*(f"{_MARGIN}{left:<{widest}}   {click.style(right, dim=True)}" for left, right in known))

    def _begin(self, what: str) -> None:
        """Set what comes off from what was, unless they belong together."""
        if (self._last, what) not in _TOGETHER:
            self._print("")
        self._last = what

    def _print(self, *lines: str) -> None:
        if not self._silent:
            for line in lines:
                click.echo(line)

    def _wrapped(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            if isinstance(part, str) and len(click.unstyle(part)) > self._width:
                yield textwrap.fill(part, self._width, subsequent_indent="  ")
            else:
                yield part


_TOGETHER = {("title", "sentence"), ("sentence", "commands"), ("commands", "commands"), ("sentence", "sentence")}
_PAUSE_S = 0.9
_WIDEST = 100
_MARGIN = "   "
