"""The contract of kinds of lead source as tests.

A kind keeps the contract if this passes, with a place that has at least two things to hand over::

    class TestGuestBook(LeadSourceContract):
        @pytest.fixture
        def kind(self) -> LeadSourceKind:
            return guest_book

        @pytest.fixture
        def settings(self, tmp_path: Path) -> Mapping[str, str]:
            return {"path": str(a_hotel(tmp_path, guests=250))}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import pytest

import crmkit
from crmkit.core.ports.pulling import Batch, CheckedLeadSourceKind, LeadSourceKind, PassedOver
from crmkit.plugins.builtin.lead_sources import builtin_lead_sources
from crmkit.plugins.checking import KINDS, flaws_of
from crmkit.services.pulling import PullReport

__all__ = ["LeadSourceContract"]


class LeadSourceContract:
    """Subclass this, and provide the fixtures ``kind`` and ``settings``."""

    @pytest.fixture
    def kind(self) -> LeadSourceKind:
        """The kind of lead source."""
        raise NotImplementedError("provide a fixture kind")

    @pytest.fixture
    def settings(self) -> Mapping[str, str]:
        """Settings of a place with at least two things to hand over; the same for each test."""
        raise NotImplementedError("provide a fixture settings")

    # What it says of itself.

    def test_it_is_a_kind_of_lead_source(self, kind: LeadSourceKind) -> None:
        """It has a name, a summary, settings with help, and a way to pull."""
        [shape] = [each for each in KINDS if each.shape is LeadSourceKind]

        assert flaws_of(shape, kind) == []
        assert all(isinstance(text, str) and text for text in kind.settings.values())

    def test_it_declares_the_settings_it_takes(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """Others are refused before it is asked."""
        assert set(settings) <= set(kind.settings)

    def test_it_agrees_with_settings_it_has_looked_at(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """What `checked` returns is kept, and looked at again when something is changed."""
        if not isinstance(kind, CheckedLeadSourceKind):
            return
        checked = kind.checked(settings)

        assert all(isinstance(value, str) for value in checked.values())
        assert set(checked) <= set(kind.settings)
        assert kind.checked(checked) == checked

    # What it hands over.

    def test_it_hands_over_batches(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """At least two, so that the other tests say something."""
        assert all(isinstance(each, (Batch, PassedOver)) for each in kind.pull(None, settings))
        assert len(_handed_over(kind, settings)) > 1, "give it a place with at least two things to hand over"

    def test_asking_takes_nothing_away(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """The same place gives the same names, contents and cursors, however often it is asked."""
        first = _handed_over(kind, settings)

        assert _handed_over(kind, settings) == first

    def test_names_tell_its_batches_apart(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """Of two with one name, one would be taken for a newer content of the other."""
        names = [each.name for each in _handed_over(kind, settings)]

        assert len(set(names)) == len(names)

    def test_from_each_cursor_it_goes_on(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """It leaves out nothing that comes after, and begins with nothing that came before."""
        everything = _handed_over(kind, settings)
        for place, batch in enumerate(everything):
            if batch.cursor is None:
                continue
            rest = [(each.name, each.sha256) for each in _handed_over(kind, settings, batch.cursor)]
            expected = [(each.name, each.sha256) for each in everything[place:]]

            # The batch itself may come again, for it may have grown.
            assert rest in (expected, expected[1:]), f"from the cursor {batch.cursor!r} on"

    # What becomes of it.

    def test_each_batch_is_imported_once(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """The second pull finds nothing new."""
        with crmkit.open("memory:", plugins=_plugins(kind), discover=False) as crm:
            crm.add_source("Contract", kind.name, settings)
            first, second = _pulled(crm), _pulled(crm)

            assert first.imported == len({each.sha256 for each in _handed_over(kind, settings)})
            assert second.imported == 0

    def test_killed_at_any_batch_the_next_pull_goes_on(self, kind: LeadSourceKind, settings: Mapping[str, str]) -> None:
        """In the end all is imported, as if nothing had happened."""
        leads = []
        for killed_at in range(len(_handed_over(kind, settings)) + 1):
            with crmkit.open("memory:", plugins=_plugins(kind), discover=False) as crm:
                crm.add_source("Contract", kind.name, settings)
                _killed(crm, killed_at)
                _pulled(crm)
                leads.append(sorted(lead.label for lead in crm.leads))

        assert all(some == leads[-1] for some in leads)


class _HandedOver(NamedTuple):
    name: str
    sha256: str
    cursor: str | None


def _handed_over(kind: LeadSourceKind, settings: Mapping[str, str], cursor: str | None = None) -> list[_HandedOver]:
    """Return what there is to import; what is passed over may depend on the time of the day."""
    return [
        _HandedOver(batch.source.name, batch.source.sha256, batch.cursor)
        for batch in kind.pull(cursor, settings)
        if isinstance(batch, Batch) and batch.source is not None
    ]


def _plugins(kind: LeadSourceKind) -> Sequence[object]:
    """Return what a workspace must be given to know the kind; crmkit's own are there anyway."""
    return [] if kind.name in {each.name for each in builtin_lead_sources()} else [kind]


def _pulled(crm: crmkit.CRM) -> PullReport:
    report = crm.pull_source("Contract")
    assert report.error is None, report.error
    failed = [f"{batch.name}: {batch.detail}" for batch in report.batches if batch.outcome.value == "failed"]
    assert not failed, failed
    return report


class _Killed(BaseException):
    """Not an error that anybody handles."""


def _killed(crm: crmkit.CRM, at: int) -> None:
    """Pull, and pull the plug when the batch of that number is imported but not yet noted; 0 lets it be."""
    imported: set[str] = set()

    def watch(name: str, _progress: object) -> None:
        imported.add(name)
        if len(imported) == at:
            raise _Killed

    with suppress(_Killed):
        crm.pull_source("Contract", progress=watch)
