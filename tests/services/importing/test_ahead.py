"""Making the next item in another thread changes nothing but the time it takes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from crmkit.services.importing.ahead import Ahead


def numbers(count: int, threads: list[threading.Thread]) -> Iterator[int]:
    for number in range(1, count + 1):
        threads.append(threading.current_thread())
        yield number


@pytest.mark.parametrize("alone", [True, False])
def test_items_come_in_order_and_then_none(alone: bool) -> None:  # noqa: FBT001  # a case of the test
    found = []
    with Ahead(numbers(3, []), alone=alone) as items:
        while item := items.take():
            found.append(item)
            items.begin()
            items.begin()

    assert found == [1, 2, 3]


def test_all_items_are_made_in_one_other_thread() -> None:
    threads: list[threading.Thread] = []

    with Ahead(numbers(3, threads), alone=False) as items:
        while items.take():
            items.begin()

    assert len(set(threads)) == 1
    assert threading.current_thread() not in threads


def test_alone_they_are_made_by_whoever_asks_and_not_before() -> None:
    threads: list[threading.Thread] = []

    with Ahead(numbers(3, threads), alone=True) as items:
        items.begin()
        before = len(threads)
        items.take()

    assert (before, threads) == (0, [threading.current_thread()])


@pytest.mark.parametrize("alone", [True, False])
def test_what_went_wrong_is_raised_where_the_item_is_taken(alone: bool) -> None:  # noqa: FBT001  # a case of the test
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broke")

    with Ahead(broken(), alone=alone) as items:
        first = items.take()
        items.begin()
        with pytest.raises(ValueError, match="broke"):
            items.take()

    assert first == 1


def test_leaving_waits_for_what_is_being_made() -> None:
    made: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        begun.set()
        go_on.wait()
        made.append(1)
        yield 1

    with Ahead(slow(), alone=False) as items:
        items.begin()
        begun.wait()
        go_on.set()

    assert made == [1]


def test_threads_take_short_turns_until_the_last_reader_is_done() -> None:
    usual = sys.getswitchinterval()

    with Ahead(numbers(1, []), alone=False):
        with Ahead(numbers(1, []), alone=False):
            both = sys.getswitchinterval()
        one = sys.getswitchinterval()
    with Ahead(numbers(1, []), alone=True):
        alone = sys.getswitchinterval()

    assert both == one < usual
    assert (alone, sys.getswitchinterval()) == (usual, usual)
