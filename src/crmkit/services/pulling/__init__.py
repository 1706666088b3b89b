"""Pull leads: ask configured places for new ones again and again, and import each file or page once.

`configure` adds and changes lead sources, `recipe` says how what comes is imported, `pull` goes
through what a kind of lead source hands over, `ledger` keeps what was taken and how far it came,
`report` is what a pull tells, and `overview` what was taken so far.
"""

from __future__ import annotations

from crmkit.services.pulling.configure import add_source, change_source
from crmkit.services.pulling.overview import SourceState, source_state, source_states, taken_from
from crmkit.services.pulling.pull import pull_source, pull_sources
from crmkit.services.pulling.report import PulledBatch, PullOutcome, PullReport

__all__ = [
    "PullOutcome",
    "PullReport",
    "PulledBatch",
    "SourceState",
    "add_source",
    "change_source",
    "pull_source",
    "pull_sources",
    "source_state",
    "source_states",
    "taken_from",
]
