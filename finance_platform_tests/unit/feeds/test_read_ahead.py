"""The iterator that is one item ahead: order, exceptions, and no more work than that."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.read_ahead import read_ahead


@given(st.integers(0, 20))
def test_items_come_in_their_order_and_the_source_is_closed(count: int) -> None:
    made, closed = [], []

    def numbers() -> Generator[int, None, None]:
        try:
            for number in range(count):
                made.append(number)
                yield number
        finally:
            closed.append(len(made))

    assert list(read_ahead(numbers())) == list(range(count))
    assert closed == [count]


@given(st.integers(0, 6))
def test_an_exception_is_raised_after_the_items_before_it(before: int) -> None:
    def numbers() -> Generator[int, None, None]:
        yield from range(before)
        raise ValueError("the file breaks off")

    seen: list[int] = []
    with pytest.raises(ValueError, match="the file breaks off"):
        seen.extend(read_ahead(numbers()))
    assert seen == list(range(before))


def test_at_most_one_item_is_made_ahead_and_none_once_the_caller_stops() -> None:
    made: list[int] = []

    def numbers() -> Generator[int, None, None]:
        for number in range(100):
            made.append(number)
            yield number

    items = read_ahead(numbers())
    for number in items:
        assert len(made) <= number + 2
        if number == 5:
            break
    items.close()  # type: ignore[attr-defined]  # a generator
    assert len(made) <= 7
    assert not _threads()


def test_a_file_of_one_batch_starts_no_thread() -> None:
    in_threads = set()

    def one() -> Generator[int, None, None]:
        in_threads.add(threading.current_thread())
        yield 1
        in_threads.add(threading.current_thread())

    assert list(read_ahead(one())) == [1]
    assert in_threads == {threading.current_thread()}


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
