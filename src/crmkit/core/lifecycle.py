"""A life as a table: from each state to those that may follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["Lifecycle"]


class Lifecycle:
    """Which state may follow which.

    Args:
        following: State to the states an edit may lead to.

    Raises:
        ValueError: A state is named as a follower but has no entry of its own.
    """

    def __init__(self, following: Mapping[str, Sequence[str]]) -> None:
        unknown = {state for states in following.values() for state in states} - set(following)
        if unknown:
            msg = f"these states have no entry of their own: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        self.following = {state: tuple(states) for state, states in following.items()}

    def allows(self, before: str, after: str) -> bool:
        """Whether that step may be taken; staying is always allowed."""
        return before == after or after in self.following.get(before, ())

    def problems(self, before: str, after: str, *, noun: str) -> list[str]:
        """Return why the step may not be taken, as one clause, or nothing."""
        if self.allows(before, after):
            return []
        known = ", ".join(self.following.get(before, ())) or "nothing"
        return [f"a {before} {noun} cannot become {after} (possible: {known})"]
