"""The keys of many people are those of each."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from crmkit.core.contact import CONTACT
from crmkit.core.fields import Derived, Scalar
from crmkit.core.lead import LEAD
from crmkit.core.values.email import Email

texts = (
    st.none() | st.sampled_from(["", "Jules", "O’Brien", "société", "Straße 7", "a b@x.example"]) | st.text(max_size=5)
)


@given(st.lists(st.tuples(*[texts] * 6)))
def test_derived_columns_are_what_is_derived_of_each_record(rows: list[tuple[str | None, ...]]) -> None:
    for derived in (*LEAD.derived, *CONTACT.derived):
        if derived.compute_columns is not None:
            some = [row[: len(derived.sources)] for row in rows]

            assert in_columns(derived, some) == [derived.compute(*row) for row in some]


def in_columns(derived: Derived, rows: Sequence[tuple[Scalar, ...]]) -> list[Scalar]:
    assert derived.compute_columns is not None
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in derived.sources]
    return derived.compute_columns(*columns)


def test_the_key_of_an_address_is_that_of_the_value() -> None:
    (derived,) = (each for each in LEAD.derived if each.name == "email_key")

    assert derived.compute("Jules@X.example") == Email.trusted("Jules@X.example").key
