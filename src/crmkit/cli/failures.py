"""How errors look: two lines for people, one JSON object for programs."""

from __future__ import annotations

import json
from typing import Any

import click

from crmkit.errors import AmbiguousMatchError, CrmkitError, RejectedError

__all__ = ["report"]


def report(error: Exception, *, as_json: bool) -> int:
    """Print an error to standard error, and return what to exit with."""
    if as_json:
        from crmkit.cli.output import plain

        click.echo(json.dumps({"error": plain(_facts(error))}, ensure_ascii=False), err=True)
    else:
        click.echo(click.style("Error: ", fg="red", bold=True) + _what(error), err=True)
        if hint := _hint(error):
            click.echo(click.style("Hint: ", bold=True) + hint, err=True)
    return error.exit_code if isinstance(error, (CrmkitError, click.ClickException)) else 1


def _what(error: Exception) -> str:
    from crmkit.cli.output import printable

    if isinstance(error, AmbiguousMatchError) and error.candidates:
        reason = str(error).partition(f": {error.candidates[0][1]} (")[0]
        listed = (f"  • {label} ({evidence}): {id_}" for id_, label, evidence in error.candidates)
        return printable("\n".join([f"{reason}:", *listed]))
    if isinstance(error, RejectedError) and len(error.reasons) > 1:
        return "\n".join(["it is refused:", *(f"  • {printable(reason)}" for reason in error.reasons)])
    return printable(_message(error))


def _message(error: Exception) -> str:
    if isinstance(error, CrmkitError):
        return str(error)
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"something unexpected happened, {type(error).__name__}: {error}"


def _hint(error: Exception) -> str:
    if isinstance(error, CrmkitError):
        return error.hint
    return (
        ""
        if isinstance(error, (OSError, click.ClickException))
        else "see where it comes from with --debug, and report it"
    )


def _facts(error: Exception) -> dict[str, Any]:
    """Return the kind of an error, what it says, and the facts it carries as attributes."""
    known = vars(error) if isinstance(error, CrmkitError) else {}
    facts = {name: value for name, value in known.items() if name not in ("hint", "reasons")}
    described: dict[str, Any] = {"kind": type(error).__name__, "message": _message(error), "hint": _hint(error)}
    if isinstance(error, RejectedError):
        described["reasons"] = error.reasons
    return {**described, "facts": facts}
