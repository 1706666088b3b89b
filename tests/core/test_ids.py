"""Ids: in order, all different, and the same for the same inputs."""

from __future__ import annotations

from datetime import UTC, datetime

from crmkit.core.ids import IdSequence

AT = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


def test_ids_are_in_the_order_in_which_they_were_made() -> None:
    sequence = IdSequence("op_1", AT)

    ids = [sequence.next("lead"), *sequence.take("lead", 300), sequence.next("lead")]

    assert ids == sorted(set(ids))
    assert {len(id_) for id_ in ids} == {len("lead_") + 32}


def test_a_sequence_that_goes_on_makes_what_an_uninterrupted_one_makes() -> None:
    whole = IdSequence("op_1", AT).take("lead", 5)

    resumed = IdSequence("op_1", AT, used=3)

    assert [resumed.next("lead"), resumed.next("lead")] == whole[3:]
    assert resumed.used == 5
