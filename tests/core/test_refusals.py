"""Many reasons, one error of the class that says most."""

from __future__ import annotations

import pickle

import pytest

from crmkit.core.refusals import combined
from crmkit.errors import (
    AlreadyConvertedError,
    ContactNotInAccountError,
    DisqualifiedError,
    MissingFieldsError,
    OwnerRequiredError,
    RejectedError,
    VetoedError,
)

PHONE = MissingFieldsError("no phone", fields=["contact.phone"])
TITLE = MissingFieldsError("no title", fields=["contact.title"])
OWNER = OwnerRequiredError("no owner", fields=["contact.owner_id"])
LATE = VetoedError("too late", plugin="acme", rule="hours")
SUNDAY = VetoedError("a Sunday", plugin="other", rule="days")


def test_of_nothing_there_is_no_error_and_of_one_that_one() -> None:
    assert combined([]) is None
    assert combined([LATE]) is LATE


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([PHONE, TITLE], MissingFieldsError),
        ([OWNER, OWNER], OwnerRequiredError),
        ([PHONE, OWNER], MissingFieldsError),
        ([LATE, SUNDAY], VetoedError),
        ([DisqualifiedError("a"), DisqualifiedError("b")], DisqualifiedError),
        ([PHONE, ContactNotInAccountError("elsewhere")], RejectedError),
    ],
)
def test_errors_of_one_class_stay_of_it_and_others_are_a_plain_refusal(
    errors: list[RejectedError], kind: type[RejectedError]
) -> None:
    error = combined(errors)

    assert type(error) is kind
    assert error.reasons == tuple(reason for each in errors for reason in each.reasons)


def test_the_facts_of_all_are_kept() -> None:
    missing, vetoed = combined([PHONE, TITLE]), combined([LATE, SUNDAY])

    assert isinstance(missing, MissingFieldsError)
    assert missing.fields == ("contact.phone", "contact.title")
    assert isinstance(vetoed, VetoedError)
    assert (vetoed.plugin, vetoed.rule) == ("acme, other", "hours, days")


def test_a_veto_among_other_reasons_names_its_rule() -> None:
    error = combined([PHONE, LATE])

    assert error is not None
    assert error.reasons == ("no phone", "too late (rule hours)")


@pytest.mark.parametrize(
    "error",
    [PHONE, OWNER, DisqualifiedError("spam"), AlreadyConvertedError("done", result={"lead": "lead_1"})],
)
def test_they_pickle_with_their_facts(error: RejectedError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own

    assert (type(again), again.reasons, again.__dict__) == (type(error), error.reasons, error.__dict__)
