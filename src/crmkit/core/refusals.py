"""Refusals: many reasons, one error of the class that says most."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit.errors import MissingFieldsError, RejectedError, VetoedError

__all__ = ["combined"]


def combined(errors: Sequence[RejectedError]) -> RejectedError | None:
    """Return one error that names everything, or None when there is nothing.

    Of errors of one class it is of that class; of several it is a plain `RejectedError`.
    """
    if len(errors) <= 1:
        return next(iter(errors), None)
    reasons = [reason for error in errors for reason in error.reasons]
    hint = next((error.hint for error in errors if error.hint), "")
    vetoes = [error for error in errors if isinstance(error, VetoedError)]
    missing = [error for error in errors if isinstance(error, MissingFieldsError)]
    kinds = {type(error) for error in errors}
    if len(vetoes) == len(errors):
        plugins = ", ".join(dict.fromkeys(veto.plugin for veto in vetoes))
        rules = ", ".join(dict.fromkeys(veto.rule for veto in vetoes))
        return VetoedError(reasons, plugin=plugins, rule=rules, hint=hint)
    if len(missing) == len(errors):
        kind = type(missing[0]) if len(kinds) == 1 else MissingFieldsError
        return kind(reasons, fields=dict.fromkeys(field for error in missing for field in error.fields), hint=hint)
    if len(kinds) == 1:
        return kinds.pop()(reasons, hint=hint)
    told = [
        f"{reason} (rule {error.rule})" if isinstance(error, VetoedError) else reason
        for error in errors
        for reason in error.reasons
    ]
    return RejectedError(told, hint=hint)
