"""Consent and suppression: the last word counts, and none is lost."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.consent import ConsentStatus
from crmkit.errors import RejectedError
from crmkit.services.consents import may_write, record_consent, suppress, unsuppress
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.mailing import HandClock, stored
from tests.services.conftest import open_workspace


def refusal(workspace: Workspace, address: str, purpose: str = "marketing") -> str | None:
    with workspace.storage.read() as view:
        return may_write(view, workspace.schema, [address], purpose)[address]


def test_who_never_said_anything_may_be_written_to(workspace: Workspace) -> None:
    assert refusal(workspace, "jules@example.com") is None


def test_a_consent_keeps_its_basis_and_origin(workspace: Workspace) -> None:
    consent = record_consent(
        workspace, "Jules@Example.com", granted=True, basis="consent", origin="badge scan of stand 12"
    ).value

    assert (consent.address_key, consent.purpose, consent.status) == (
        "jules@example.com",
        "marketing",
        ConsentStatus.GRANTED,
    )
    assert (consent.basis, consent.origin) == ("consent", "badge scan of stand 12")


def test_a_withdrawn_consent_holds_for_its_purpose_only(workspace: Workspace) -> None:
    record_consent(workspace, "jules@example.com", "marketing", granted=False)

    assert refusal(workspace, "jules@example.com", "marketing") == "the consent for marketing is withdrawn"
    assert refusal(workspace, "jules@example.com", "invitation") is None


def test_a_suppressed_address_is_written_to_for_no_purpose(workspace: Workspace) -> None:
    record_consent(workspace, "jules@example.com", "invitation", granted=True)
    suppress(workspace, "JULES@example.com", "bounced")

    assert refusal(workspace, "jules@example.com", "invitation") == "the address is suppressed (bounced)"
    assert refusal(workspace, "lea@example.com", "invitation") is None


def test_nothing_is_overwritten(workspace: Workspace) -> None:
    suppress(workspace, "jules@example.com", "unsubscribed")
    unsuppress(workspace, "jules@example.com", "asked for it by phone")

    assert refusal(workspace, "jules@example.com") is None
    assert [(word.active, word.reason) for word in stored(workspace, "suppression")] == [
        (True, "unsubscribed"),
        (False, "asked for it by phone"),
    ]


def test_the_reason_of_a_suppression_is_in_the_log_too(workspace: Workspace) -> None:
    suppress(workspace, "jules@example.com", "complained")

    operation = stored(workspace, "operation")[-1]
    assert (operation.kind, operation.reason) == ("suppress", "complained")


@pytest.mark.parametrize("address", ["", "jules", "jules@", "jules@localhost"])
def test_what_is_no_address_is_refused(workspace: Workspace, address: str) -> None:
    with pytest.raises(RejectedError, match="is not an e-mail address"):
        suppress(workspace, address)
    with pytest.raises(RejectedError, match="is not an e-mail address"):
        record_consent(workspace, address, granted=True)

    assert stored(workspace, "operation") == []


def test_a_dry_run_records_nothing(workspace: Workspace) -> None:
    record_consent(workspace, "jules@example.com", granted=False, dry_run=True)
    suppress(workspace, "jules@example.com", dry_run=True)

    assert refusal(workspace, "jules@example.com") is None


@given(words=st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_last_word_counts_also_within_one_millisecond(words: list[bool]) -> None:
    workspace = attrs.evolve(open_workspace(MemoryStorage()), clock=HandClock())

    for granted in words:
        record_consent(workspace, "jules@example.com", granted=granted)

    assert (refusal(workspace, "jules@example.com") is None) == words[-1]
